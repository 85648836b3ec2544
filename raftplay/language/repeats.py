"""Unrolling ``repeat N`` … ``end``, in scripts, in typed lines and in lessons.

The rule of this module: a repeated command becomes as many commands. So a journal, a search that shrinks a script
and the past know of no rounds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from raftplay.language.lexer import Mistake, Statement

T = TypeVar("T")

REPEAT, END = "repeat", "end"

MAX_DEPTH = 4
"""The maximum number of repeats inside one another."""

MAX_UNROLLED = 20_000
"""The maximum number of commands into which all repeats of a script or a line unroll."""


@dataclass(frozen=True, slots=True)
class _OpenRepeat:
    """A repeat without its `end` yet: its statement, its count, and where its body begins."""

    statement: Statement
    count: int
    start: int


@dataclass(slots=True)
class Repeats(Generic[T]):
    """The repeats that are open while `items` are read one after another."""

    items: list[T]
    again: Callable[[list[T], int, int, int], Iterable[T]] | None = None
    """Returns one round of a body, given its number from 1, the count, and the line of `repeat`."""

    is_spoilt: bool = False
    """True if a command was not read, so that an empty body is no mistake."""

    _open: list[_OpenRepeat] = field(default_factory=list)

    def begin(self, statement: Statement, count: int) -> None:
        """Begin a repeat. Raises `Mistake` if too many are open."""
        if len(self._open) >= MAX_DEPTH:
            raise statement.mistake(f"repeats may stand at most {MAX_DEPTH} deep", statement.words[0])
        self._open.append(_OpenRepeat(statement, count, len(self.items)))

    def end(self, statement: Statement) -> None:
        """End the innermost repeat, and unroll it. Raises `Mistake` without one, or for too much."""
        if not self._open:
            raise statement.mistake("end has no repeat before it; write: repeat N … end", statement.words[0])
        opened = self._open.pop()
        body = self.items[opened.start :]
        if not body and not self.is_spoilt:
            raise statement.mistake("nothing stands between repeat and end", statement.words[0])
        if opened.start + len(body) * opened.count > MAX_UNROLLED:
            message = f"with this repeat there are more than {MAX_UNROLLED} commands; repeat fewer times"
            raise opened.statement.mistake(message, opened.statement.words[0])
        del self.items[opened.start :]
        for number in range(1, opened.count + 1):
            line = opened.statement.line
            self.items += body if self.again is None else self.again(body, number, opened.count, line)

    def unclosed(self) -> list[Mistake]:
        """Forget the repeats without an `end`, and return a mistake for each, outermost first."""
        opened = [one.statement for one in self._open]
        self._open.clear()
        message = "this repeat has no end; write `end` after its last command"
        return [statement.mistake(message, statement.words[0]) for statement in opened]
