"""Quorums: which votes win an election, and which index may be committed (§5.2, §5.3).

The rule of this module: it is pure, and the only place that counts nodes; the invariants, which judge it, have a
count of their own. `Joint` is for joint consensus (§6), while a cluster moves from one set of members to another:
both sets must agree.

Match indices count here from 1, so that 0 means "nothing", as in the paper.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

VoteOutcome = Literal["won", "lost", "pending"]


class Majority:
    """The majority of the nodes `ids`; an empty one agrees to everything, so that it never decides a `Joint`."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        self.needed = self.needed_of(len(self.ids)) if self.ids else 0
        """The number of nodes that are enough."""

    def needed_of(self, count: int) -> int:
        """Return the number of nodes that are enough among `count`: more than half."""
        return count // 2 + 1

    def committed(self, match: Mapping[int, int]) -> int:
        """Return the highest index that a quorum has; a node that `match` lacks has 0. `sys.maxsize` if empty."""
        if not self.ids:
            return sys.maxsize
        return sorted([match.get(id, 0) for id in self.ids], reverse=True)[self.needed - 1]

    def heard(self, times: Mapping[int, float]) -> float:
        """Return the latest time since which a quorum was heard from; `times` has when each node last was.

        A node that `times` lacks was never heard from. `math.inf` if there are no nodes.
        """
        if not self.ids:
            return math.inf
        return sorted([times.get(id, -math.inf) for id in self.ids], reverse=True)[self.needed - 1]

    def vote(self, votes: Mapping[int, bool]) -> VoteOutcome:
        """Return the outcome of these votes; "pending" while the nodes that have not voted yet can decide it."""
        cast = [votes[id] for id in self.ids if id in votes]
        granted = sum(cast)
        if granted >= self.needed:
            return "won"
        still_to_vote = len(self.ids) - len(cast)
        return "pending" if granted + still_to_vote >= self.needed else "lost"


class Joint:
    """A quorum of joint consensus: a majority of `old` and one of `new`, each given as such or by its ids (§6)."""

    def __init__(self, old: Majority | Iterable[int], new: Majority | Iterable[int]) -> None:
        self.old = old if isinstance(old, Majority) else Majority(old)
        self.new = new if isinstance(new, Majority) else Majority(new)
        self.ids = tuple(dict.fromkeys((*self.old.ids, *self.new.ids)))
        in_both = len(set(self.old.ids).intersection(self.new.ids))
        counting_twice = min(in_both, self.old.needed, self.new.needed)
        self.needed = self.old.needed + self.new.needed - counting_twice
        """The least number of nodes that can be enough; a node that is in both sets counts in both."""

    def committed(self, match: Mapping[int, int]) -> int:
        """Return the highest index that a quorum of both has; `sys.maxsize` if both are empty."""
        return min(self.old.committed(match), self.new.committed(match))

    def heard(self, times: Mapping[int, float]) -> float:
        """Return the latest time since which a quorum of both was heard from; `math.inf` if both are empty."""
        return min(self.old.heard(times), self.new.heard(times))

    def vote(self, votes: Mapping[int, bool]) -> VoteOutcome:
        """Return "won" if both are won, "lost" if one is lost, else "pending"."""
        outcomes = {self.old.vote(votes), self.new.vote(votes)}
        if "lost" in outcomes:
            return "lost"
        return "won" if outcomes == {"won"} else "pending"


Quorum: TypeAlias = Majority | Joint
"""A quorum as a node asks it: `ids`, `needed`, `committed`, `heard` and `vote`."""
