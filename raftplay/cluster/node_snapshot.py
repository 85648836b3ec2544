"""The state of a running or crashed node, as the value that screens show."""

from collections.abc import Sequence

from raftplay.cluster.raised import FAILURES
from raftplay.cluster.server import Kept, Server
from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, CMState, CommitEntry
from raftplay.raft.storage import MapStorage


def node_snapshot(
    server: Server, kept: Kept, *, connected: bool, commits: Sequence[CommitEntry], crash_cause: str, wiped: bool
) -> NodeSnapshot:
    """Return the state of a node: of its disk, `kept`, if it is down; a blank one if its code has damaged it."""

    def state_of(cm: ConsensusModule) -> NodeSnapshot:
        numbers = (cm.current_term, cm.voted_for, cm.commit_index, cm.last_applied, cm.leader_id)
        if not (isinstance(cm.state, CMState) and all(isinstance(number, int) for number in numbers)):
            raise TypeError("a node's state is not what Figure 2 says")
        alive = not server.stopped
        current_term, voted_for, log = (cm.current_term, cm.voted_for, cm.log.view()) if alive else kept
        return NodeSnapshot(
            id=server.id,
            state=cm.state,
            current_term=current_term,
            voted_for=voted_for,
            log=log,
            commit_index=cm.commit_index if alive else NONE,
            last_applied=cm.last_applied if alive else NONE,
            next_index=tuple(cm.next_index.items()) if alive else (),
            match_index=tuple(cm.match_index.items()) if alive else (),
            votes=tuple(cm.votes) if alive else (),
            leader_id=cm.leader_id if alive else NONE,
            deadline=cm.deadline,
            alive=alive,
            connected=connected,
            frozen=server.frozen,
            calls_left=server.proxy.calls_left,
            tearing=alive and server.disk.armed,
            incarnation=server.incarnation,
            listen_addr=server.listen_addr,
            commits=commits,
            crash_cause=crash_cause,
            wiped=wiped,
        )

    try:
        return state_of(server.cm)
    except FAILURES:
        blank = ConsensusModule(server.id, server.peer_ids, MapStorage())
        blank.state = CMState.DEAD
        return state_of(blank)
