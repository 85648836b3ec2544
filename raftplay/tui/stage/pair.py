"""Two branches at one moment: every event of either is a step in time, and both are moved together.

The rule of this module: where both have an event at the same time, both take it in one step, so what they share is
walked once.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from raftplay.past.view import View
from raftplay.tui.stage.tape import Tape
from raftplay.watch.facts import Record


@dataclass(frozen=True, slots=True)
class Side:
    """A branch: its name, its events, its present moment in seconds, its tape.

    `look` gives its view after an event, at a time.
    """

    name: str
    records: Sequence[Record]
    end: float
    tape: Tape
    look: Callable[[int, float], View]

    @property
    def earliest(self) -> int:
        """Return the number of the event before the first one that is kept."""
        return self.records[0].seq - 1 if self.records else 0


class PairStep(NamedTuple):
    """A moment in cluster time, and the number of the last event of each side by then."""

    time: float
    seqs: tuple[int, int]


class Pair:
    """Two branches, and `at`, the step that is looked at; `are_related`: they are futures of one past."""

    def __init__(self, one: Side, other: Side, *, are_related: bool = True) -> None:
        self.sides = (one, other)
        self.steps = _steps(one, other)
        self.parting = _parting(one, other, self.steps) if are_related else 0
        """The step at which the two part; None if nothing differs in what happened, 0 if they share no past."""

        self.at = 0
        self.go_to(min(one.end, other.end))
        if self.parting is not None and self.step.time <= self.steps[self.parting].time:
            self.at = len(self.steps) - 1

    @property
    def step(self) -> PairStep:
        """Return the step that is looked at."""
        return self.steps[self.at]

    @property
    def is_common(self) -> bool:
        """Return whether the two have not parted yet."""
        return self.parting is None or self.at < self.parting

    def move(self, by: int) -> None:
        """Go on by some events, or back."""
        self.at = max(0, min(len(self.steps) - 1, self.at + by))

    def go(self, step: int) -> None:
        """Go to a step."""
        self.at = max(0, min(len(self.steps) - 1, step))

    def go_to(self, time: float) -> None:
        """Go to the last event by `time`, in seconds of cluster time."""
        self.go(bisect_right(self.steps, time, key=lambda step: step.time) - 1)

    def part(self) -> None:
        """Go to where the two part."""
        self.go(self.parting or 0)

    def mark(self, by: int) -> None:
        """Go to the next mark on either tape, or to the one before."""
        marked = [{mark.seq for mark in side.tape.marks} for side in self.sides]
        at = self.at + by
        while 0 < at < len(self.steps) - 1 and not any(
            seq in marks and seq != before
            for seq, before, marks in zip(self.steps[at].seqs, self.steps[at - 1].seqs, marked, strict=True)
        ):
            at += by
        self.go(at)

    def views(self) -> tuple[View, View]:
        """Return both branches at the moment."""
        time, seqs = self.step
        one, other = (side.look(seq, min(time, side.end)) for side, seq in zip(self.sides, seqs, strict=True))
        return one, other

    def has_ended(self, side: int) -> bool:
        """Return whether the moment is later than all that a branch has come to."""
        return self.step.time > self.sides[side].end


def _steps(one: Side, other: Side) -> list[PairStep]:
    """Return a step for each event of either side, in order of time, and the moment before all of them."""
    seqs = one.earliest, other.earliest
    begin = min((side.records[0].time for side in (one, other) if side.records), default=0.0)
    steps = [PairStep(begin, seqs)]
    left, right = _keys(one.records), _keys(other.records)
    i = j = 0
    while i < len(left) or j < len(right):
        key = min((*left[i : i + 1], *right[j : j + 1]))
        i += left[i : i + 1] == [key]
        j += right[j : j + 1] == [key]
        steps.append(PairStep(key[0], (seqs[0] + i, seqs[1] + j)))
    return steps


def _keys(records: Sequence[Record]) -> list[tuple[float, int]]:
    """Return for each event its time, and how many of the same time came before it."""
    keys: list[tuple[float, int]] = []
    for record in records:
        time, number = keys[-1] if keys else (-1.0, 0)
        keys.append((record.time, number + 1 if time == record.time else 0))
    return keys


def _parting(one: Side, other: Side, steps: Sequence[PairStep]) -> int | None:
    """Return the first step at which the events differ, None if they never do."""
    first = max(one.earliest, other.earliest)
    for at, (before, step) in enumerate(pairwise(steps), 1):
        if step.seqs[0] != step.seqs[1] or before.seqs[0] != before.seqs[1]:
            if min(step.seqs) >= first:
                return at
            continue
        if step.seqs[0] > first and _record(one, step.seqs[0]) != _record(other, step.seqs[0]):
            return at
    return None


def _record(side: Side, seq: int) -> Record:
    return side.records[seq - side.earliest - 1]
