"""Why a node is in its state."""

from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft.decisions import Stopped
from raftplay.raft.messages import CMState
from raftplay.watch import facts
from raftplay.why.disks import DiskContents, disk_of
from raftplay.why.elections import Candidacy, candidacy, timer_of
from raftplay.why.faults import NodeFaults, plight
from raftplay.why.followers import FollowerFacts, follower_facts
from raftplay.why.index import EventIndex
from raftplay.why.leaders import Ignored, LeaderFacts, last_ignored, leader_facts


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """A candidate. `deadline`: when its timer fires again, in cluster time (inf where that is not known)."""

    node: int
    candidacy: Candidacy
    ignored: Ignored | None
    deadline: float
    plight: NodeFaults


@dataclass(frozen=True, slots=True)
class DownFacts:
    """A node that is down since `since` (None: forgotten), and its disk.

    `was` is its state before, such as leader (None if that is forgotten), in `was_term`. `acts`: when its process
    last acted after it had crashed, which it must not; None where it did not. `cause`: how its disk failed, if it
    crashed because of that.
    """

    node: int
    since: float | None
    was: CMState | None
    was_term: int
    disk: DiskContents
    acts: float | None
    cause: str = ""


NodeFacts = LeaderFacts | CandidateFacts | FollowerFacts | DownFacts


def node_facts(trail: EventIndex, node: NodeSnapshot) -> NodeFacts:
    """Return why `node` is in its state."""
    if not node.alive:
        return _down(trail, node)
    if node.state is CMState.LEADER:
        return leader_facts(trail, node)
    if node.state is CMState.CANDIDATE:
        found = candidacy(trail, node.id)
        assert found is not None
        ignored = last_ignored(trail, node)
        return CandidateFacts(node.id, found, ignored, timer_of(trail, node), plight(trail, node.id))
    return follower_facts(trail, node)


def _down(trail: EventIndex, node: NodeSnapshot) -> DownFacts:
    crashed = trail.last(node.id, facts.Crashed, Stopped)
    role, term, acts = None, 0, None
    for record in reversed(trail.records):
        if record.node != node.id or record.after is None:
            continue
        if isinstance(record.event, Stopped) or record.after.state is CMState.DEAD:
            continue
        if crashed is not None and record.seq > crashed.seq:
            acts = acts or record.time
            continue
        role, term = record.after.state, record.after.current_term
        break
    since = None if crashed is None else crashed.time
    return DownFacts(node.id, since, role, term, disk_of(trail, node), acts, node.crash_cause)
