"""Where a lesson is read, and how its words are laid out there.

The rule of this module: whatever shows a lesson, a terminal, a pipe or the screen, gives a `Console` and shows
what is written to it. Lines go there finished: as wide as the console is, and fit to be shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.errors import Failed
from raftplay.commands.lexer import Mistake
from raftplay.commands.session import Session
from raftplay.commands.shown import columns
from raftplay.commands.table import Bound
from raftplay.errors import UsageError
from raftplay.lessons.page import WIDTH, beside, indented, pointed, wrapped
from raftplay.lessons.stage import Stage
from raftplay.raft import decisions
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

Read = Callable[[str, Session | None], str | None]
"""Asks for a line after a prompt, one of commands where a session is given. EOFError at the end.

None: nothing was typed, and it is time to look whether a goal is reached.
"""


@dataclass(slots=True)
class Console:
    """Where a lesson is read: `write` shows a line, in a style that is one of `STYLES`.

    `plain` leaves out what only looks well: signs, indents, and lines that are there for the eye.
    """

    read: Read
    write: Callable[[str, str], None]
    plain: bool = False
    width: int = WIDTH


TOLD = (
    decisions.PreVoteStarted,
    decisions.ElectionStarted,
    decisions.VoteDecided,
    decisions.BecameLeader,
    decisions.BecameFollower,
    decisions.LogTruncated,
    decisions.CommitHeld,
)
"""The decisions that are told while commands let time pass."""

PLAIN_WIDTH = 100_000

STYLES = ("", "title", "dim", "question", "command", "event", "answer", "right", "wrong", "broken")


class Done(NamedTuple):
    """What became of a command: its answer, whether it `held`, and whether an invariant broke."""

    answer: str
    held: bool = True
    broke: bool = False


class Teller:
    """Writes to a console what a lesson says and a cluster answers."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.before = "" if console.plain else "  "
        self.prompt = ""

    @property
    def width(self) -> int:
        """Columns of a line. Plain lines are as long as they are: whoever reads them out needs no other."""
        return PLAIN_WIDTH if self.console.plain else self.console.width - 1

    def read(self, prompt: str, session: Session | None = None) -> str | None:
        """Ask for a line, as `Read` does."""
        self.prompt = prompt
        return self.console.read(prompt, session)

    def line(self, text: str = "", style: str = "") -> None:
        """One line as it is."""
        self.console.write(text, style)

    def gap(self) -> None:
        """A blank line, for the eye."""
        if not self.console.plain:
            self.line()

    def paragraph(self, text: str, style: str = "", *, sign: str = "") -> None:
        """Words, broken into lines; `sign` stands before the first."""
        self.gap()
        self.words(text, style, sign=sign)

    def words(self, text: str, style: str = "", *, sign: str = "") -> None:
        """Words, broken into lines, right below what was said."""
        first = f"{sign} " if sign else self.before
        for row in wrapped(text, self.width, first, self.before):
            self.line(row, style)

    def command(self, text: str) -> None:
        """A command that is done now."""
        self.gap()
        shown = visible(text)
        self.line(f"Command: {shown}" if self.console.plain else f"  $ {shown}", "command")

    def mistake(self, mistake: Mistake) -> None:
        """What is wrong with the line that was typed last, and where."""
        if self.console.plain:
            self.line(f"{visible(mistake.message)}, at column {mistake.column}", "wrong")
            return
        for row in pointed(mistake, columns(self.prompt), self.width):
            self.line(row, "wrong")

    def sign(self, text: str) -> str:
        """A sign that only looks well."""
        return "" if self.console.plain else text

    def perform(self, stage: Stage, bound: Bound, *, before: str = "") -> Done:
        """Do a command and show what happens. Raises `Interrupted`.

        What it answered `before`, if anything, is shown beside.
        """
        stage.session.width = self.width - 2 * len(self.before)
        try:
            answer = stage.do(bound, self.record)
        except InvariantBroken as broken:
            self.answer(f"BROKEN: {broken.breach}", "broken")
            return Done("", held=False, broke=True)
        except (Failed, NodeFailed, UsageError) as error:
            self.answer(str(error), "wrong")
            return Done("", held=False)
        self.answer(beside(before, answer, stage.session.width) if before else answer)
        return Done(answer)

    def answer(self, text: str, style: str = "answer") -> None:
        """What a command answered."""
        if text:
            for row in indented(text, self.width, self.before * 2):
                self.line(row, style)

    def record(self, record: Record) -> None:
        """What happened, if it is told."""
        event = record.event
        if not isinstance(event, TOLD) or (
            isinstance(event, decisions.BecameFollower) and event.was == "Follower"
        ):
            return
        words = describe(record)
        if isinstance(event, decisions.VoteDecided) and event.granted:
            words = words.split(":")[0]
        time = f"{record.time:.3f} s  "
        first = self.before * 2 + time
        for row in wrapped(f"n{record.node} {words}", self.width, first, " " * len(first)):
            self.line(row, "event")
