"""The shell: it runs typed lines in a live session, and prints answers and events above the prompt."""

import asyncio
import gc
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.formatted_text import AnyFormattedText, FormattedText
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.utils import is_dumb_terminal

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.errors import UsageError
from raftplay.language.completion import hint_of
from raftplay.past.view import View
from raftplay.raft.storage import StorageError
from raftplay.run.live import Live
from raftplay.run.report import report
from raftplay.run.script import Comment, Script
from raftplay.run.transcript import about_text, warning_text
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.session.shown import columns, not_kept_text
from raftplay.shell import answers, block
from raftplay.shell.block import Block
from raftplay.shell.feed import ShellFeed
from raftplay.shell.line import PromptLine
from raftplay.shell.look import Text, cut, fault_line, hint_line, node_lines, status_line
from raftplay.shell.own import EXTRA, own_parts
from raftplay.shell.plain import PlainShell
from raftplay.shell.typed import PastLines
from raftplay.signals import TO_END
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.text import count, visible

EVERY = 0.1
"""Seconds between two updates of the screen."""

SWITCH_INTERVAL = 0.0005
"""Seconds that a Python thread may keep others waiting: drawing must not depose leaders."""

IDLE = "Tab completes, help lists the commands, Ctrl-D leaves"


class Shell:
    """A shell over one live session; it plays `script` first. `run` returns the exit status.

    `news` receives violations that occur while no command runs; the shell prints and removes them.
    """

    def __init__(
        self,
        live: Live,
        script: Script,
        *,
        news: list[str],
        history: Path | None = None,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self.live = live
        self.session: Session = live.session
        self._script = script
        self._incoming = news
        self._lines: deque[str] = deque()
        self._came = asyncio.Event()
        self._block = Block()
        self._busy = ""
        self._saved_at = 0
        self._feed = ShellFeed(self.session, time.monotonic)
        self._view: View = live.view()
        self._position: object = None
        self._shown: object = None
        self._status = 0
        self._is_over = False
        self._last_breach = ""
        self.line = PromptLine(
            self.session,
            PastLines(history),
            EXTRA,
            prompt=lambda: FormattedText(self._prompt()),
            nodes=self._nodes,
            below=self._below,
            accept=self._accept,
            interrupt=self._interrupt,
            leave=self._leave,
            input=input,
            output=output,
        )

    # ---- running

    async def run(self) -> int:
        """Run until the user leaves or a signal arrives; return the status."""
        loop = asyncio.get_running_loop()
        for number in TO_END:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._end, 128 + number)
        self._say([("", f"raftplay: {about_text(self._script, self.session.harness)}")])
        if warning := warning_text(self.session.harness):
            self._say([("class:warn", warning)])
        tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._look())]
        for task in tasks:
            task.add_done_callback(lambda _: self._end(1))
        try:
            with suppress(EOFError):  # the terminal is gone
                await self.line.app.run_async()
        finally:
            self._is_over = True
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
        if self._status == 0:
            self._say_farewell()
        return self._status

    def _end(self, status: int) -> None:
        app = self.line.app
        if self._is_over:
            return
        if not app.is_running:  # it has not started yet
            asyncio.get_running_loop().call_later(EVERY, self._end, status)
            return
        self._is_over, self._status = True, status
        app.exit()

    def _leave(self) -> None:
        self._end(0)

    def _say_farewell(self) -> None:
        if branches := self.session.not_kept:
            self._say([("class:dim", not_kept_text(branches, self.session.directory))])
        done = self.session.branch.count
        if done > self._saved_at and not self.session.is_recorded:
            what = count(done, "command")
            self._say([("class:dim", f"{what} done, not saved; save FILE before leaving keeps them as a script")])

    # ---- input

    def _accept(self, text: str) -> None:
        self._lines.extend(text.split("\n"))
        self._came.set()

    def _interrupt(self, text: str) -> None:
        self._block.clear()
        if self._busy:
            self._lines.clear()
            self.live.cancel()
        elif text:
            self._say([*self._prompt(), ("", f"{visible(text)}^C")])
        else:
            self._say([*self._prompt(), ("", "^C"), ("class:dim", "  (Ctrl-D leaves)")])

    async def _work(self) -> None:
        """Run the typed lines one after another."""
        await self._play_script()
        while True:
            while not self._lines:
                self._came.clear()
                await self._came.wait()
            await self._do(self._lines.popleft())

    async def _do(self, text: str) -> None:
        prompt = self._prompt()
        self._tell_events()
        self._say([*prompt, ("", visible(text))])
        whole = self._block.add(text)
        self._show()
        if whole is None:
            return
        if whole != text:
            prompt, text = self._prompt(), whole
            self._say([*prompt, ("", visible(text))])
        indent = sum(columns(piece[1]) for piece in prompt)
        for part in own_parts(text):
            if part in EXTRA:
                self._do_own(part)
            elif not await self._do_part(part, indent):
                return

    async def _do_part(self, text: str, indent: int) -> bool:
        """Run the commands in `text`; return True if all of them held."""
        self.session.width = self.line.width
        outcomes = await self._outcomes(text)
        for outcome in outcomes:
            self._tell(outcome, indent, is_alone=len(outcomes) == 1)
        if outcomes and outcomes[-1].held and outcomes[-1].text.startswith("save "):
            self._saved_at = self.session.branch.count
        return all(outcome.held for outcome in outcomes)

    def _do_own(self, name: str) -> None:
        """Run a command that only the shell has."""
        if name == "clear":
            self.line.app.renderer.clear()
        else:
            self._leave()

    async def _outcomes(self, text: str, *, is_script: bool = False) -> list[Outcome]:
        self._busy = text
        try:
            return await asyncio.shield(asyncio.wrap_future(self.live.run(text, is_script=is_script)))
        finally:
            self._busy = ""
            self._tell_events()
            self._show()

    async def _play_script(self) -> None:
        """Run the script step by step; stop at the first step that does not hold."""
        for item in self._script.items:
            if isinstance(item, Comment):
                if not item.behind:
                    self._say([("class:dim", f"# {visible(item.text)}")])
                continue
            text = item.bound.text
            self._say([*self._prompt(), ("", visible(text))])
            outcomes = await self._outcomes(text, is_script=True)
            for outcome in outcomes:
                self._tell(outcome, 0, is_alone=True)
            if not all(outcome.held for outcome in outcomes):
                self._say([("class:dim", "the script ends here")])
                return

    # ---- output

    def _say(self, text: Text) -> None:
        with suppress(OSError):  # the terminal is gone
            self.line.print(FormattedText([*text, ("", "\n")]))

    def _tell_events(self) -> None:
        for line in self._feed.lines():
            self._say(cut(line, self.line.width))
        while self._incoming:
            self._news(self._incoming.pop(0))

    def _tell(self, outcome: Outcome, indent: int, *, is_alone: bool) -> None:
        for line in answers.outcome_lines(outcome, indent, self.line.width, is_alone=is_alone):
            self._say(line)
        if outcome.breach is not None:
            self._last_breach = outcome.answer
            self._advise()

    def _news(self, text: str) -> None:
        if text != self._last_breach:
            self._last_breach = text
            self._say([("class:bad", text)])
            self._advise()

    def _advise(self) -> None:
        if self.session.harness.breach is not None:
            next_steps = "the cluster is paused: back rewinds, why explains a node, save FILE keeps it"
            self._say([("class:dim", next_steps)])

    # ---- the screen

    async def _look(self) -> None:
        """Print new events and redraw, every `EVERY` seconds."""
        while True:
            self._tell_events()
            self._show()
            await asyncio.sleep(EVERY)

    def _show(self) -> None:
        position = self.session.position
        if position.moment is None or position is not self._position:
            self._view, self._position = self.live.view(), position
        shown = (self._below(), self._nodes(self.line.rows), self._prompt())
        if shown != self._shown:
            self._shown = shown
            self.line.app.invalidate()

    def _prompt(self) -> Text:
        if self._busy:
            return [("class:dim", "   ...... ")]
        if self._block.is_open:
            return [("class:prompt", block.PROMPT)]
        position = self.session.position
        name = "past" if position.moment is not None else "raftplay"
        branch = f" {visible(position.branch.name)}" if len(position.branches) > 1 else ""
        return [("class:prompt", f"{name}{branch}> ")]

    def _nodes(self, rows: int) -> AnyFormattedText:
        return _joined(node_lines(self._view, rows, self.line.width))

    def _below(self) -> AnyFormattedText:
        width, document = self.line.width, self.line.buffer.document
        blueprint = self.session.blueprint
        watched = len((blueprint and blueprint.watched) or INVARIANTS)
        before = document.current_line_before_cursor
        idle = f"{visible(self._busy)}: Ctrl-C ends it" if self._busy else IDLE
        hint = hint_of(before, len(before), self.session, EXTRA) if before.strip() else None
        lines = [hint_line(hint, idle, width), status_line(self._view, watched, width)]
        if faults := fault_line(self._view, width):
            lines.append(faults)
        return _joined(lines)


def _joined(lines: list[Text]) -> AnyFormattedText:
    out: Text = []
    for at, line in enumerate(lines):
        out += [("", "\n")] if at else []
        out += line
    return FormattedText(out)


def run_shell(session: Session, script: Script, *, history: Path | None) -> int:
    """Run a shell on this terminal until the user leaves; return its status. Closes the session.

    Raises `UsageError`, `StorageError` and `OSError`; reports any other error as a bug of raftplay.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.freeze()
    news: list[str] = []
    live = Live(session, news.append)
    failure: Exception | None = None
    try:
        if is_dumb_terminal():
            return PlainShell(live, script, ShellFeed(session, time.monotonic), news).run()
        return asyncio.run(_run(live, script, news, history))
    except (UsageError, StorageError, OSError):
        raise
    except Exception as error:
        failure = error
    finally:
        try:
            live.close()
        except (InvariantBroken, NodeFailed):
            pass  # it was printed when it happened
        except Exception:
            if failure is None:
                raise
    return int(report(failure, session))


async def _run(live: Live, script: Script, news: list[str], history: Path | None) -> int:
    return await Shell(live, script, news=news, history=history).run()
