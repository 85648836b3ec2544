"""The checks of all invariants, called with bare decisions: without a stream, records and texts they are fast."""

from collections.abc import Callable

from raftplay.raft import decisions
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import Decision
from raftplay.watch.facts import Record
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.invariants.model import ClusterModel, NodeModel
from raftplay.watch.invariants.timers import judge_timer
from raftplay.watch.invariants.watcher import CHECKS, judge_state

NAMES = tuple(invariant.name for invariant in INVARIANTS)


class Verdicts(ClusterModel):
    """The watcher's model of a cluster of `n` nodes; it keeps the first violation, in words."""

    time = 0.0
    """The time of the cluster, which whoever drives it sets."""

    def __init__(self, n: int) -> None:
        super().__init__(n, None, NAMES)
        self.seen = Record(0, 0.0, -1, 0, decisions.Stopped())  # of no use here: events have no numbers
        self.broken: tuple[str, str] | None = None
        """The first violation: the name of the invariant, and the two facts that contradict each other."""

    def breach(self, invariant: str, fact: str, other: str) -> None:
        """Keep the first violation."""
        if self.broken is None:
            self.broken = invariant, f"{fact}, but {other}"


def observer(verdicts: Verdicts, node: NodeModel, cm: ConsensusModule) -> Callable[[Decision], None]:
    """Return the function that checks each decision of `cm`, as `Invariants` does with the events of a cluster."""
    check_of, judge_deadline = CHECKS.get, judge_timer

    def observe(decision: Decision) -> None:
        check = check_of(type(decision))
        if check is not None:
            check(verdicts, node, decision)
        deadline = cm.deadline
        if deadline != node.deadline:
            judge_deadline(verdicts, node, decision, deadline)
        log, mine = cm.log, node.log
        if not (
            cm.current_term == node.term
            and cm.last_applied <= cm.commit_index == node.commit
            and node.commit <= log.last_index == mine.length - 1
            and log.last_term == mine.last_term
        ):
            judge_state(verdicts, node, cm.node_state())

    return observe
