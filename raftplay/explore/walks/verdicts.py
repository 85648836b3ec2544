"""The checks of all invariants, called with bare decisions: without a stream, records and texts they are fast."""

from typing import NamedTuple

from raftplay.backends.base import NodeFailed
from raftplay.cluster.raised import own_lines
from raftplay.cluster.stuck import DidNotReturn
from raftplay.raft import decisions
from raftplay.watch.facts import Record
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.invariants.model import ClusterModel

NO_RETURN = "no return"
"""The beginning of a failure's name when code does not return."""

NAMES = tuple(invariant.name for invariant in INVARIANTS)


class FailureFound(NamedTuple):
    """The end of a search by code that raises or does not return: its name, and what happened."""

    name: str
    text: str


def failure_of(error: BaseException) -> FailureFound:
    """Return the failure that is an exception: of a node if its code caused it, else with the last calls."""
    if isinstance(error, NodeFailed):
        return FailureFound(error.kind, str(error))
    if isinstance(error, DidNotReturn):
        return FailureFound(NO_RETURN, str(error))
    return FailureFound("failure", "\n".join(own_lines(error)))


class Verdicts(ClusterModel):
    """The watcher's model of a cluster of `n` nodes; it keeps the first violation, in words."""

    time = 0.0
    """The time of the cluster, which whoever drives it sets."""

    def __init__(self, n: int) -> None:
        super().__init__(n, None, NAMES)
        self.seen = Record(0, 0.0, -1, 0, decisions.Stopped())  # of no use here: events have no numbers
        self.broken: tuple[str, str] | None = None
        """The first violation: the name of the invariant, and the two facts that contradict each other."""

    def add(self, broken: tuple[str, str] | None) -> None:
        """Keep what is broken, if anything is, unless something was before."""
        self.broken = self.broken or broken

    def breach(self, invariant: str, fact: str, other: str) -> None:
        """Keep the first violation."""
        if self.broken is None:
            self.broken = invariant, f"{fact}, but {other}"
