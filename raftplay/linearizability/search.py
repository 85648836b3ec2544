"""The search for an order of operations that explains all answers (Wing and Gong; memory of states by Lowe).

Keys are independent of each other, so each is searched alone (P-compositionality). The search takes, one after
another, operations that no other operation ended before: it remembers every set of taken operations with the
value that it led to, and visits none twice, nor one that differs only by more operations of unknown outcome.
Values that nothing looks at any more count as one (observed.py).

An operation of unknown outcome may be left out, so it is taken only where it helps, and as late as possible: in a
chain of such that ends with a known operation that needs the value. An order that takes the fewest can be brought
into this form: what follows such an operation and needs nothing of it can be moved before it, or makes it
needless.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from raftplay.linearizability.observed import Observed, sees_impossible
from raftplay.linearizability.operations import KeyState, Operation

Linearizability: TypeAlias = Literal["linearizable", "violated", "undecided"]

STATES = 1_000_000
"""The default budget: how many states the search of one key may visit."""

FEW = 2_000
"""After how many states it looks whether any answer names a value that no operation can have written."""


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """The verdict on the operations of one key.

    `order` is the longest order that was found, of all that must be in one if `outcome` is linearizable; `states`
    is how many states were visited.
    """

    key: str
    outcome: Linearizability
    operations: tuple[Operation, ...]
    order: tuple[Operation, ...]
    states: int


@dataclass(frozen=True, slots=True)
class HistoryVerdict:
    """The verdict on a whole history: that of its worst key. Undecided never counts as passed."""

    keys: tuple[KeyVerdict, ...]

    @property
    def outcome(self) -> Linearizability:
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


def check(operations: Sequence[Operation], *, states: int = STATES, initial: KeyState = None) -> HistoryVerdict:
    """Decide whether `operations` are linearizable, visiting at most `states` states for each key.

    `initial` is the value of every key before the first operation.
    """
    by_key: dict[str, list[Operation]] = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    return HistoryVerdict(tuple(check_key(key, by_key[key], states, initial) for key in sorted(by_key)))


def check_key(
    key: str, operations: Sequence[Operation], states: int = STATES, initial: KeyState = None
) -> KeyVerdict:
    """Decide for the operations of one key."""
    search = _Search(operations, initial, states)
    outcome = search.run()
    taken = search.order if outcome == "linearizable" else search.longest
    order = tuple(search.operations[index] for index in taken)
    return KeyVerdict(key, outcome, tuple(operations), order, search.visited)


class _Place(NamedTuple):
    """Where the search stands: the value, and the operations that it took.

    Those are the known ones before `low`, those with a bit in `window`, whose lowest bit is that of `low`, and
    those of unknown outcome with a bit in `spent`.
    """

    state: KeyState
    low: int
    window: int
    spent: int


class _Step(NamedTuple):
    """Operations to take next, by their indices; the value after them; what is spent then."""

    taken: tuple[int, ...]
    state: KeyState
    spent: int


class _Search:
    """A depth-first search; indices are those of `operations`, which are sorted: known ones first, by call."""

    def __init__(self, operations: Sequence[Operation], initial: KeyState, budget: int) -> None:
        known = sorted((o for o in operations if o.is_known), key=lambda o: (o.call, o.end))
        # a read of unknown outcome explains nothing and needs no explanation
        unknown = sorted((o for o in operations if not o.is_known and o.kind != "get"), key=lambda o: o.call)
        self.operations = (*known, *unknown)
        self._known = len(known)
        self._idle = [operation.is_idle for operation in known]
        self._depends = [operation.depends for operation in known]
        self._observed = Observed(known, unknown, initial)
        self._deeds = _deeds(unknown)
        self._matter: dict[int, int] = {}
        self._initial, self._budget = initial, budget
        self.order: list[int] = []
        self.longest: list[int] = []
        self.visited = 0

    def run(self) -> Linearizability:
        """Search for an order of all known operations."""
        budget, order, seen = self._budget, self.order, dict[tuple[KeyState, int, int], list[int]]()
        place = self._settled(self._initial, 0, 0, 0)
        steps = self._steps(place)
        stack: list[tuple[_Place, list[_Step], int]] = []
        limit = min(FEW, budget)
        while True:
            if self.visited > limit:
                if limit == FEW and sees_impossible(self.operations, self._initial):
                    return "violated"
                if self.visited > budget:
                    return "undecided"
                limit = budget
            if place.low == self._known:
                return "linearizable"
            if steps:
                step, position = steps.pop(), len(order)
                order.extend(step.taken)
                after = self._settled(step.state, *_with(place.low, place.window, step.taken[-1]), step.spent)
                others = seen.setdefault(after[:3], [])
                if any(other & after.spent == other for other in others):
                    del order[position:]
                    continue
                others.append(after.spent)
                self.visited += 1
                stack.append((place, steps, position))
                place, steps = after, self._steps(after)
                continue
            if len(order) > len(self.longest):
                self.longest = order.copy()
            if not stack:
                return "violated"
            place, steps, position = stack.pop()
            del order[position:]

    def _settled(self, state: KeyState, low: int, window: int, spent: int) -> _Place:
        """Take every known operation that may be next, is right and changes no value: none is better later."""
        idle, again = self._idle, True
        while again:
            again = False
            for index in self._possible(low, window)[0]:
                if idle[index] and self.operations[index].step(state)[0]:
                    low, window = _with(low, window, index)
                    self.order.append(index)
                    again = True
        return _Place(self._observed.same(state, low), low, window, spent & self._mattering(low))

    def _possible(self, low: int, window: int) -> tuple[list[int], float]:
        """Return the known operations that may be next, and the first end of one that is not taken.

        Those are the ones that were called before it.
        """
        limit, found = math.inf, []
        for index in range(low, self._known):
            operation = self.operations[index]
            if operation.call > limit:
                break
            if not window & 1:
                found.append(index)
                limit = min(limit, operation.end)
            window >>= 1
        return [index for index in found if self.operations[index].call <= limit], limit

    def _steps(self, place: _Place) -> list[_Step]:
        """Return what to try next, the most promising last: known operations that end first."""
        possible, limit = self._possible(place.low, place.window)
        operations, steps, plain = self.operations, [], dict[int, KeyState]()
        for index in sorted(possible, key=lambda index: -operations[index].end):
            right, after = operations[index].step(place.state)
            if right:
                plain[index] = after
                steps.append(_Step((index,), after, place.spent))
        needy = [index for index in possible if self._depends[index]]
        if needy and self._mattering(place.low) & ~place.spent:
            return [*self._chains(place, limit, needy, plain), *steps]
        return steps

    def _chains(
        self, place: _Place, limit: float, needy: Sequence[int], plain: dict[int, KeyState]
    ) -> list[_Step]:
        """Return the steps that take operations of unknown outcome and then one of `needy`, the longest first.

        `plain` are the values after those that are right without them.
        """
        low, observed = place.low, self._observed
        steps, ahead = [], [_Step((), place.state, place.spent)]
        reached = {place.state: [place.spent]}
        for chain in ahead:
            if self.visited > self._budget:
                break
            for taken, state, spent in self._longer(chain, limit, low):
                others = reached.setdefault(state, [])
                if any(other & spent == other for other in others):
                    continue
                others.append(spent)
                self.visited += 1
                is_seen = observed.last(state) >= low
                for index in needy:
                    right, after = self.operations[index].step(state)
                    if right and self._helps(index, after, plain, low):
                        steps.append(_Step((*taken, index), after, spent))
                if is_seen:
                    ahead.append(_Step(taken, state, spent))
        return steps[::-1]

    def _helps(self, index: int, after: KeyState, plain: dict[int, KeyState], low: int) -> bool:
        """Return whether the value `after` a known operation is better than the one without a chain before it."""
        if index not in plain:
            return True
        if self._idle[index]:
            return False
        observed = self._observed
        if observed.last(after) < low and observed.last_unlike < low:
            return False  # nothing tells them apart
        return observed.same(after, low) != observed.same(plain[index], low)

    def _longer(self, chain: _Step, limit: float, low: int) -> Iterator[_Step]:
        """Yield `chain` with one more operation of unknown outcome that changes the value.

        Of those that do the same the one that was called first is taken; and where a `cas` does the same as a
        `put`, the `cas`, since the `put` is of use at other values too.
        """
        taken, state, spent = chain
        free, afters = self._mattering(low) & ~spent, set[KeyState]()
        for mask in self._deeds:
            bit = mask & free & -(mask & free)
            index = self._known + bit.bit_length() - 1
            if not bit or (operation := self.operations[index]).call > limit:
                continue
            after = self._observed.same(operation.step(state)[1], low)
            if after == state or (operation.kind == "put" and after in afters):
                continue
            if operation.kind == "cas":
                afters.add(after)
            yield _Step((*taken, index), after, spent | bit)

    def _mattering(self, low: int) -> int:
        """Return bits for the operations of unknown outcome that may matter to those from `low` on."""
        bits = self._matter.get(low)
        if bits is None:
            until = self._observed.until
            bits = self._matter[low] = sum(1 << bit for bit, last in enumerate(until) if last >= low)
        return bits


def _with(low: int, window: int, index: int) -> tuple[int, int]:
    """Return `low` and `window` with the known operation `index` taken, too."""
    window |= 1 << (index - low)
    ones = (~window & (window + 1)).bit_length() - 1
    return low + ones, window >> ones


def _deeds(unknown: Sequence[Operation]) -> list[int]:
    """Return for each thing that operations of unknown outcome do the bits of those that do it; `cas` first."""
    deeds: dict[tuple[bool, str, KeyState, KeyState], int] = {}
    for bit, operation in enumerate(unknown):
        deed = (operation.kind != "cas", operation.kind, operation.argument, operation.expected)
        deeds[deed] = deeds.get(deed, 0) | 1 << bit
    return [deeds[deed] for deed in sorted(deeds, key=lambda deed: deed[:2])]
