"""The values that operations of one key still look at: two values that none of them tells apart count as one.

A value matters to what comes later only if an operation that is left tells it, or what appends make of it, from
others: it names a value that begins with this one. All others of one type are alike to what is left. An operation
of unknown outcome matters only as long as the value that it may write does.
"""

import bisect
import math
from collections.abc import Sequence

from raftplay.linearizability.operations import KeyState, Operation


class Observed:
    """The values that `known` operations, sorted by call, look at, from each of them on."""

    def __init__(self, known: Sequence[Operation], unknown: Sequence[Operation], initial: KeyState) -> None:
        self._known = len(known)
        self._last: dict[str, int] = {}
        self._values: list[str] = []
        self._lasts: list[int] = []
        self._found: dict[str, int] = {}
        self.last_unlike = -1
        """The last operation that is right with every value but some: a `cas` that met another value."""
        always = _appends_succeed((*known, *unknown), initial)
        for index, operation in enumerate(known):
            for value in (*operation.must_meet, operation.expected):
                self._look(value, index)
            if _is_unlike(operation) or (operation.kind == "append" and not always):
                self.last_unlike = index
        self._sort()
        self.until = self._until(unknown)
        """For each operation of unknown outcome the last known one to which it may matter, or -1."""

    def last(self, state: KeyState) -> int:
        """Return the last known operation that sees `state` or what appends may make of it, or -1."""
        if state is None:  # every value may be an append to nothing
            return self._known
        found = self._found.get(state)
        if found is None:
            start = state[:-1] if state[0] in '"[' else state
            low = bisect.bisect_left(self._values, start)
            high = bisect.bisect_right(self._values, start, lo=low, key=lambda value: value[: len(start)])
            found = self._found[state] = max(self._lasts[low:high], default=-1)
        return found

    def same(self, state: KeyState, low: int) -> KeyState:
        """Return `state`, or one value for all of its type if no operation from `low` on looks at it."""
        if state is None or self.last(state) >= low:
            return state
        return _ALIKE.get(state[0], "\0")

    def _look(self, value: KeyState, index: int) -> bool:
        """Note that operation `index` sees `value`. Return whether that is news."""
        if value is None or self._last.get(value, -1) >= index:
            return False
        self._last[value] = index
        return True

    def _sort(self) -> None:
        self._values = sorted(self._last)
        self._lasts = [self._last[value] for value in self._values]
        self._found.clear()

    def _until(self, unknown: Sequence[Operation]) -> list[int]:
        while True:
            until = [max(self.last_unlike, self._wants(operation)) for operation in unknown]
            news = [
                operation.kind == "cas" and self._look(operation.expected, last)
                for operation, last in zip(unknown, until, strict=True)
            ]
            if not any(news):
                return until
            self._sort()

    def _wants(self, operation: Operation) -> int:
        """Return the last known operation that sees what `operation` may write, or -1."""
        argument = operation.argument
        if operation.kind != "append" or argument is None:
            return self.last(argument)
        part = argument[1:-1] if argument[0] == '"' else argument
        seen = (last for value, last in self._last.items() if part in value)
        return max(self.last(argument), *seen, -1)  # an append to nothing is the start of a value


_ALIKE = {'"': '"\0"', "[": "[\0]"}
"""For each type to which one can append, a text that is no value: it stands for all that are alike."""


def sees_impossible(operations: Sequence[Operation], initial: KeyState) -> bool:
    """Return whether an answer names a value that no operation can have written before it: then no order fits."""
    called = {initial: -math.inf}
    for operation in operations:
        if operation.kind in ("put", "cas"):
            called[operation.argument] = min(operation.call, called.get(operation.argument, math.inf))
    ends = tuple((o.argument or "").removeprefix('"') for o in operations if o.kind == "append")
    ends += tuple(f"{end}]" for end in ends)  # in a list
    return any(
        operation.end < called.get(value, math.inf) and (value is None or not value.endswith(ends))
        for operation in operations
        for value in operation.must_meet
    )


def _is_unlike(operation: Operation) -> bool:
    """Return whether `operation`, whose outcome is known, is right with all values but some."""
    return operation.answer is not None and not operation.answer.done and operation.kind in ("cas", "append")


def _appends_succeed(operations: Sequence[Operation], initial: KeyState) -> bool:
    """Return whether no `append` can fail, whatever the order: all values are texts."""
    appended = {(o.argument or "?")[0] for o in operations if o.kind == "append"}
    written = {(o.argument or "?")[0] for o in operations if o.kind in ("put", "cas")}
    if initial is not None:
        written.add(initial[0])
    return not appended or appended | written == {'"'}
