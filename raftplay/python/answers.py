"""The answers of the commands of a Harness: texts and events that a prompt and a notebook show as they are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raftplay.html import preformatted, table
from raftplay.session.outcome import Outcome
from raftplay.session.shown import columns, pad, short
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

WIDTH, LONGEST = 45, 160
"""Columns before the answer in a transcript's line, and the longest command there, in characters."""


class Answer(str):
    """An answer in words, which a prompt shows as it is, without quotes. `outcomes` are those of its commands.

    A notebook shows it as `look` makes it, if there is one.
    """

    __slots__ = ("_look", "outcomes")
    outcomes: tuple[Outcome, ...]
    _look: Callable[[], str] | None

    def __new__(
        cls, text: str, outcomes: Iterable[Outcome] = (), look: Callable[[], str] | None = None
    ) -> "Answer":
        """Make an answer of `text`."""
        self = super().__new__(cls, text)
        self.outcomes = tuple(outcomes)
        self._look = look
        return self

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return preformatted(self) if self._look is None else self._look()


class Events(tuple[Record, ...]):
    """Events, oldest first, which a prompt shows in words: one line for each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = (f"{time:>9}  {node:<4}{text}" for time, node, text in map(_row, self))
        return "\n".join(rows) or "no such event"

    def _repr_html_(self) -> str:
        return table(("time", "node", "event"), map(_row, self), numbers=(0,))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a transcript: cluster time in seconds at its end, the command, and its answer."""

    time: float
    command: str
    answer: str = ""

    def __str__(self) -> str:
        head = f"{self.time:9.3f}  {short(self.command, LONGEST)}"
        first, *more = (visible(line) for line in self.answer.split("\n"))
        if more:
            return "\n".join((head, *(f"{'':11}{line}".rstrip() for line in (first, *more))))
        return f"{pad(head, max(columns(head), WIDTH))}  {first}".rstrip()


def _row(record: Record) -> tuple[str, str, str]:
    node = f"n{record.node}" if record.node >= 0 else ""
    return f"{record.time:.3f}", node, describe(record)
