"""The place where a lesson is read, and the layout of its words.

The rule of this module: a terminal, a pipe or the screen shows a lesson by giving a `Console` and showing what is
written to it. Lines are fit to be shown, and as wide as the console is then: a console that can be resized keeps
words unbroken until they are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from raftplay.language.lexer import Mistake
from raftplay.language.table import Bound
from raftplay.lessons.page import WIDTH, beside, indented, pointed, wrapped
from raftplay.lessons.stage import Stage
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.session.shown import columns
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

Read = Callable[[str, Session | None], str | None]
"""A function that asks for a line after a prompt, one of commands with a session. Raises EOFError at the end.

It returns None when nothing was typed, and it is time to check whether a goal is reached.
"""

Fold: TypeAlias = Callable[[int], list[str]]
"""A function that breaks some words into lines of at most so many columns."""


@dataclass(slots=True)
class Console:
    """The place where a lesson is read: `write` shows a line, in a style that is one of `STYLES`.

    `plain` leaves out decoration: signs, indents and blank lines. `keep` takes words before they are broken into
    lines, where their width may change later. `has_stage`: the cluster is shown beside the words.
    """

    read: Read
    write: Callable[[str, str], None]
    plain: bool = False
    width: int = WIDTH
    keep: Callable[[Fold, str], None] | None = None
    has_stage: bool = False


TOLD = (
    decisions.PreVoteStarted,
    decisions.ElectionStarted,
    decisions.VoteDecided,
    decisions.BecameLeader,
    decisions.BecameFollower,
    decisions.LogTruncated,
    decisions.CommitHeld,
)
"""The decisions that are shown while commands let time pass."""

PLAIN_WIDTH = 100_000

STYLES = ("", "title", "dim", "question", "command", "event", "answer", "right", "wrong", "broken")


class Teller:
    """Writes to a console what a lesson says and a cluster answers."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.before = "" if console.plain else "  "
        self.prompt = ""

    @property
    def width(self) -> int:
        """Return the columns of a line. Plain lines are not folded, as a screen reader needs no folds."""
        return PLAIN_WIDTH if self.console.plain else self.console.width - 1

    def read(self, prompt: str, session: Session | None = None) -> str | None:
        """Ask for a line, as `Read` does."""
        self.prompt = prompt
        return self.console.read(prompt, session)

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line as it is."""
        self.console.write(text, style)

    def folded(self, fold: Fold, style: str = "") -> None:
        """Write words that are broken into lines."""
        if self.console.keep is not None:
            self.console.keep(fold, style)
            return
        for row in fold(self.width):
            self.line(row, style)

    def gap(self) -> None:
        """Write a blank line, unless the console is plain."""
        if not self.console.plain:
            self.line()

    def paragraph(self, text: str, style: str = "", *, sign: str = "") -> None:
        """Write words, broken into lines, after a gap; `sign` stands before the first."""
        self.gap()
        self.words(text, style, sign=sign)

    def words(self, text: str, style: str = "", *, sign: str = "") -> None:
        """Write words, broken into lines, without a gap."""
        first = f"{sign} " if sign else self.before
        self.folded(lambda width: wrapped(text, width, first, self.before), style)

    def command(self, text: str) -> None:
        """Show a command that is performed now."""
        self.gap()
        shown = visible(text)
        self.line(f"Command: {shown}" if self.console.plain else f"  $ {shown}", "command")

    def mistake(self, mistake: Mistake) -> None:
        """Show what is wrong with the line that was typed last, and where."""
        if self.console.plain:
            self.line(f"{visible(mistake.message)}, at column {mistake.column}", "wrong")
            return
        indent = columns(self.prompt)
        self.folded(lambda width: pointed(mistake, indent, width), "wrong")

    def sign(self, text: str) -> str:
        """Return a sign for decoration, "" on a plain console."""
        return "" if self.console.plain else text

    def perform(self, stage: Stage, bound: Bound, *, before: str = "", is_seen: bool = False) -> Outcome:
        """Perform a command, show what happens, and return its outcome. Raises `Interrupted`.

        Its earlier answer `before`, if there is one, is shown beside the new one. `is_seen`: the stage shows what
        it answers.
        """
        stage.session.width = self.width - 2 * len(self.before)
        outcome = stage.do(bound, self.record)
        answer = outcome.answer
        if outcome.breach is not None:
            self.answer(f"BROKEN: {answer}", "broken")
        elif not outcome.held:
            self.answer(answer, "wrong")
        elif is_seen:
            self.answer("the stage shows it")
        else:
            self.answer(beside(before, answer, stage.session.width) if before else answer)
        return outcome

    def answer(self, text: str, style: str = "answer") -> None:
        """Show the answer of a command."""
        if text:
            self.folded(lambda width: indented(text, width, self.before * 2), style)

    def record(self, record: Record) -> None:
        """Show an event, if it is one that is told."""
        event = record.event
        if not isinstance(event, TOLD) or (
            isinstance(event, decisions.BecameFollower) and event.was is CMState.FOLLOWER
        ):
            return
        words = describe(record)
        if isinstance(event, decisions.VoteDecided) and event.granted:
            words = words.split(":")[0]
        time = f"{record.time:.3f} s  "
        first = self.before * 2 + time
        self.folded(lambda width: wrapped(f"n{record.node} {words}", width, first, " " * len(first)), "event")
