"""The shell on a terminal that can only print: the same commands and answers, line by line."""

from raftplay.output import Output
from raftplay.run.live import Live
from raftplay.run.script import Script
from raftplay.run.transcript import about_text, warning_text
from raftplay.session.shown import not_kept_text
from raftplay.shell import block
from raftplay.shell.answers import outcome_lines
from raftplay.shell.block import Block
from raftplay.shell.feed import ShellFeed
from raftplay.shell.look import Text
from raftplay.shell.own import EXTRA, LEAVING, own_parts
from raftplay.watch.text import visible

PROMPT = "raftplay> "
WIDTH = 80


class PlainShell:
    """Reads a line, runs it, and prints its results and the events since the last line."""

    def __init__(self, live: Live, script: Script, feed: ShellFeed, news: list[str]) -> None:
        self._live = live
        self._script = script
        self._feed = feed
        self._news = news
        self._output = Output()
        self._block = Block()

    def run(self) -> int:
        """Run until the user leaves; return the exit status."""
        self._live.session.width = WIDTH
        self._output.write(f"raftplay: {about_text(self._script, self._live.session.harness)}")
        if warning := warning_text(self._live.session.harness):
            self._output.write(warning)
        for step in self._script.steps:
            self._output.write(PROMPT + visible(step.bound.text))
            if not self._do(step.bound.text, is_script=True):
                break
        while (text := self._read()) is not None:
            whole = self._block.add(text)
            if whole is not None and not self._do_line(whole):
                break
        if self._block.is_open:
            self._do(self._block.take())  # its mistake is told
        session = self._live.session
        if branches := session.not_kept:
            self._output.write(not_kept_text(branches, session.directory))
        return 0

    def _do_line(self, text: str) -> bool:
        """Run a line's commands up to one that does not hold; return False to leave the shell."""
        for part in own_parts(text):
            if part in LEAVING:
                return False
            if part not in EXTRA and not self._do(part):  # there is no screen to clear
                break
        return True

    def _read(self) -> str | None:
        while True:
            self._say_news()
            try:
                text = input(block.PROMPT if self._block.is_open else PROMPT)
            except EOFError:
                self._output.write("")
                return None
            except KeyboardInterrupt:
                self._block.clear()
                self._output.write("")
                continue
            return text

    def _do(self, text: str, *, is_script: bool = False) -> bool:
        future = self._live.run(text, is_script=is_script)
        while True:
            try:
                outcomes = future.result()
                break
            except KeyboardInterrupt:
                self._live.cancel()
        for outcome in outcomes:
            for line in outcome_lines(outcome, len(PROMPT), WIDTH, is_alone=len(outcomes) == 1):
                self._say(line)
        return all(outcome.held for outcome in outcomes)

    def _say_news(self) -> None:
        for line in self._feed.lines():
            self._say(line)
        while self._news:
            self._output.write("\n".join(map(visible, self._news.pop(0).split("\n"))))

    def _say(self, line: Text) -> None:
        self._output.write("".join(text for _, text in line))
