"""The search for an order of operations that explains all answers (Wing and Gong; memory of states by Lowe).

Keys are independent of each other, so each is searched alone (P-compositionality). The search takes, one after
another, operations that no other operation ended before: it remembers every set of taken operations with the
value that it led to, and visits none twice, nor one that differs only by more operations of unknown outcome.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from raftplay.linearizability.operations import Operation, State

Outcome: TypeAlias = Literal["linearizable", "violated", "undecided"]

STATES = 1_000_000
"""The default budget: how many states the search of one key may visit."""


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """The verdict on the operations of one key.

    `order` is the longest order that was found, of all that must be in one if `outcome` is linearizable; `states`
    is how many states were visited.
    """

    key: str
    outcome: Outcome
    operations: tuple[Operation, ...]
    order: tuple[Operation, ...]
    states: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a whole history: that of its worst key. Undecided never counts as passed."""

    keys: tuple[KeyVerdict, ...]

    @property
    def outcome(self) -> Outcome:
        """Return "violated" if any key is, else "undecided" if any is, else "linearizable"."""
        outcomes = {key.outcome for key in self.keys}
        if "violated" in outcomes:
            return "violated"
        return "undecided" if "undecided" in outcomes else "linearizable"

    @property
    def worst(self) -> KeyVerdict | None:
        """Return the first key whose outcome is that of the history; None without operations."""
        return next((key for key in self.keys if key.outcome == self.outcome), None)

    @property
    def states(self) -> int:
        """Return how many states were visited in all."""
        return sum(key.states for key in self.keys)


def check(operations: Sequence[Operation], *, states: int = STATES, initial: State = None) -> Verdict:
    """Decide whether `operations` are linearizable, visiting at most `states` states for each key.

    `initial` is the value of every key before the first operation.
    """
    by_key: dict[str, list[Operation]] = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    return Verdict(tuple(check_key(key, by_key[key], states, initial) for key in sorted(by_key)))


def check_key(
    key: str, operations: Sequence[Operation], states: int = STATES, initial: State = None
) -> KeyVerdict:
    """Decide for the operations of one key."""
    search = _Search(operations, initial)
    outcome = search.run(states)
    taken = search.order if outcome == "linearizable" else search.longest
    order = tuple(search.operations[index] for index in taken)
    return KeyVerdict(key, outcome, tuple(operations), order, search.visited)


class _Search:
    """A depth-first search; indices are those of `operations`, which are sorted: known ones first, by call."""

    def __init__(self, operations: Sequence[Operation], initial: State) -> None:
        known = sorted((o for o in operations if o.is_known), key=lambda o: (o.call, o.end))
        # a read of unknown outcome explains nothing and needs no explanation
        unknown = sorted((o for o in operations if not o.is_known and o.kind != "get"), key=lambda o: o.call)
        self.operations = (*known, *unknown)
        self._known = len(known)
        self._twins = _twins(self.operations, self._known)
        self._initial = initial
        self.order: list[int] = []
        self.longest: list[int] = []
        self.visited = 0

    def run(self, budget: int) -> Outcome:
        """Search for an order of all known operations."""
        order, seen, known_mask = self.order, dict[tuple[int, int, State], list[int]](), (1 << self._known) - 1
        state, taken = self._with_reads(self._initial, 0)
        stack: list[tuple[State, int, int, list[int]]] = []
        choices = self._choices(state, taken)
        while True:
            if self._low(taken) >= self._known:
                return "linearizable"
            while choices:
                index = choices.pop()
                after = self.operations[index].step(state)[1]
                position = len(order)
                order.append(index)
                next_state, next_taken = self._with_reads(after, taken | 1 << index)
                low = self._low(next_taken)
                spent = next_taken >> self._known
                others = seen.setdefault((low, (next_taken & known_mask) >> low, next_state), [])
                if any(other & spent == other for other in others):
                    del order[position:]
                    continue
                others.append(spent)
                self.visited += 1
                if self.visited > budget:
                    return "undecided"
                stack.append((state, taken, position, choices))
                state, taken = next_state, next_taken
                choices = self._choices(state, taken)
                break
            else:
                if len(order) > len(self.longest):
                    self.longest = order.copy()
                if not stack:
                    return "violated"
                state, taken, position, choices = stack.pop()
                del order[position:]

    def _low(self, taken: int) -> int:
        """Return the lowest index that is not taken."""
        return (~taken & (taken + 1)).bit_length() - 1

    def _with_reads(self, state: State, taken: int) -> tuple[State, int]:
        """Take every operation that may be next, is right and never changes a value: none is better later."""
        while True:
            for index in self._possible(taken, self._known):
                operation = self.operations[index]
                if operation.is_idle and operation.step(state)[0]:
                    taken |= 1 << index
                    self.order.append(index)
                    break
            else:
                return state, taken

    def _possible(self, taken: int, until: int) -> list[int]:
        """Return the indices below `until` that may be next: no operation that is not taken ended before."""
        operations, limit = self.operations, math.inf
        found = []
        for index in range(self._low(taken), self._known):
            operation = operations[index]
            if operation.call > limit:
                break
            if not taken >> index & 1:
                found.append(index)
                limit = min(limit, operation.end)
        found = [index for index in found if operations[index].call <= limit]
        if until > self._known:
            for index in range(self._known, until):
                if operations[index].call > limit:
                    break
                twin = self._twins[index - self._known]
                if not taken >> index & 1 and (twin < 0 or taken >> twin & 1):
                    found.append(index)
        return found

    def _choices(self, state: State, taken: int) -> list[int]:
        """Return the operations to try next, the most promising last: those that end first."""
        operations = self.operations
        possible = self._possible(taken, len(operations))
        choices = []
        for index in reversed(possible):
            right, after = operations[index].step(state)
            if right and (operations[index].is_known or self._is_wanted(index, after, state, taken)):
                choices.append(index)
        known = [index for index in choices if index < self._known]
        known.sort(key=lambda index: -operations[index].end)
        return [index for index in choices if index >= self._known] + known

    def _is_wanted(self, index: int, after: State, before: State, taken: int) -> bool:
        """Return whether an operation of unknown outcome is worth taking: another wants the value that it leaves.

        It may as well be taken later, or never, unless the next operation depends on it.
        """
        if after == before:
            return False
        possible = self._possible(taken | 1 << index, len(self.operations))
        others = (self.operations[other] for other in possible)
        return any(other.depends and other.step(after)[0] for other in others)


def _twins(operations: Sequence[Operation], known: int) -> list[int]:
    """Return for each operation of unknown outcome the one before it that does the same, or -1.

    Of two that do the same, the one that was called first is taken first.
    """
    last: dict[tuple[str, State, State], int] = {}
    twins = []
    for index in range(known, len(operations)):
        operation = operations[index]
        deed = (operation.kind, operation.argument, operation.expected)
        twins.append(last.get(deed, -1))
        last[deed] = index
    return twins
