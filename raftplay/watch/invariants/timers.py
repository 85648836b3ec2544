"""Checks election timers: each restart has one of the causes of Figure 2 (§5.2)."""
# ruff: noqa: ARG001 - every handler takes the cluster, the node and the event

import math

from raftplay.raft import decisions
from raftplay.raft.messages import LEADER, AppendEntriesArgs, ConfirmArgs, InstallSnapshotArgs
from raftplay.watch.facts import Event
from raftplay.watch.invariants.model import ClusterModel, NodeModel
from raftplay.watch.invariants.names import TIMER_RULES

_RESTARTS = (
    decisions.Started,
    decisions.PreVoteStarted,
    decisions.ElectionStarted,
    decisions.TimerSet,
    decisions.Stopped,
    decisions.ChunkReceived,
)
"""The decisions that set the timer in any case."""


def write_delayed(cluster: ClusterModel, node: NodeModel, event: decisions.WriteDelayed) -> None:
    """Record that the node's deadline is no longer that of its timer alone."""
    node.delays_writes = True


def judge_timer(cluster: ClusterModel, node: NodeModel, event: Event, deadline: float) -> None:
    """Check that `event` may have changed the deadline of the node's timer to this one; inf: it has none."""
    if type(event) is decisions.AppendDecided and event.args.term >= node.term:
        node.deadline = deadline  # by far the most frequent cause
        return
    if isinstance(event, decisions.CustomDecision):
        return  # the next decision of Raft shows the cause
    old, node.deadline = node.deadline, deadline
    is_first = old != old  # noqa: PLR0124 - NaN
    if is_first or node.role is LEADER or node.delays_writes or _may_restart(node, event):
        return
    cluster.breach(
        TIMER_RULES,
        f"the election timer of {node} restarts: it fires at {_seconds(deadline)}, not at {_seconds(old)}",
        "this event is no valid leader's request, granted vote, start, election or step-down",
    )


def _may_restart(node: NodeModel, event: Event) -> bool:
    """Return whether a node that does not lead may restart its election timer at `event`."""
    if isinstance(event, _RESTARTS):
        return True
    match event:
        case decisions.BecameFollower():
            return event.was is LEADER
        case decisions.VoteDecided():
            return event.granted and not event.args.pre_vote
        case decisions.AppendDecided() | decisions.ConfirmDecided():
            return event.args.term >= node.term
    request = node.call[1] if node.call is not None else None
    return isinstance(request, AppendEntriesArgs | InstallSnapshotArgs | ConfirmArgs) and request.term >= node.term


def _seconds(deadline: float) -> str:
    return "no time" if deadline == math.inf else f"{deadline:.4f} s"
