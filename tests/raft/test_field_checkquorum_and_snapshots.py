"""The end states of etcd's scenarios for check quorum, pre-vote and snapshots, without its learners and membership.

Each test names the scenarios of the etcd project whose end states it holds; steps and words are of this project.
etcd's check quorum includes stickiness, so both options are on. Indexes count from 0.
"""

import pytest
from support.paper import ByHand as WithoutReplies
from support.paper import Message, append_call, appends_to, disk, follower, leader, settle

from raftplay import Config, Harness, RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    is_sent,
)

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, _ = CMState
ET = 0.150
LEASES = {"checkquorum": True, "sticky": True}
TRIO = {**LEASES, "prevote": True}


class ByHand(WithoutReplies):
    """Nodes 0, 1 and 2, whose messages wait until the test delivers or loses them."""

    def deliver(self, message: Message) -> None:
        """Deliver a message; a request that is ignored has no reply."""
        super().deliver(message)
        if self.messages and (reply := self.messages[-1].reply) is not None and not is_sent(reply):
            self.messages.pop()

    def campaign_now(self, id: int, *ids: int) -> None:
        """Fire the election timer of `id`, and let the nodes `ids` talk until nothing is left."""
        self.nodes[id].time_out(self.now)
        self.settle(id)
        self.exchange(*ids)

    def heartbeat(self, id: int, *ids: int) -> None:
        """Let the leader `id` send heartbeats, and the nodes `ids` talk until nothing is left."""
        self.time_out(id)
        self.exchange(id, *ids)

    @property
    def states(self) -> list[CMState]:
        return [cm.state for cm in self.nodes]

    @property
    def terms(self) -> list[int]:
        return [cm.current_term for cm in self.nodes]


def led(**options: bool) -> ByHand:
    """Return a cluster that node 0 leads in term 1, as all know."""
    cluster = ByHand([disk(0) for _ in range(3)], options)
    cluster.campaign_now(0, 0, 1, 2)
    assert cluster.states == [LEADER, FOLLOWER, FOLLOWER]
    assert cluster.terms == [1, 1, 1]
    return cluster


# ---- check quorum and stickiness


def test_leader_stepdown_when_quorum_active() -> None:
    """etcd: TestLeaderStepdownWhenQuorumActive."""
    cluster = led(**LEASES)
    while cluster.now < 4 * ET:
        cluster.heartbeat(0, 1)
    assert cluster.states[0] is LEADER


def test_leader_stepdown_when_quorum_lost() -> None:
    """etcd: TestLeaderStepdownWhenQuorumLost."""
    cluster = led(**LEASES)
    since = cluster.now
    while cluster.states[0] is LEADER:
        cluster.heartbeat(0)
        assert cluster.now <= since + 2 * ET
    assert (cluster.states[0], cluster.terms[0]) == (FOLLOWER, 1)


def test_leader_superseding_with_check_quorum() -> None:
    """etcd: TestLeaderSupersedingWithCheckQuorum."""
    cluster = led(**LEASES)
    cluster.campaign_now(2, 0, 1, 2)
    assert cluster.states == [LEADER, FOLLOWER, CANDIDATE]
    cluster.now += ET
    cluster.campaign_now(2, 0, 1, 2)
    assert cluster.states == [FOLLOWER, FOLLOWER, LEADER]
    assert len(set(cluster.terms)) == 1


def test_leader_election_with_check_quorum() -> None:
    """etcd: TestLeaderElectionWithCheckQuorum: votes are cast at once after the start, and after a lease."""
    cluster = led(**LEASES)  # no time has passed
    assert cluster.now == 0
    cluster.now += ET
    cluster.campaign_now(2, 0, 1, 2)
    assert cluster.states == [FOLLOWER, FOLLOWER, LEADER]


def test_free_stuck_candidate_with_check_quorum() -> None:
    """etcd: TestFreeStuckCandidateWithCheckQuorum: the reply to a heartbeat of a lower term frees a candidate."""
    cluster = led(**LEASES)
    for times in (1, 2):  # the second time shows that it stays so
        cluster.campaign_now(2, 1, 2)
        assert cluster.states == [LEADER, FOLLOWER, CANDIDATE]
        assert cluster.terms == [1, 1, 1 + times]
    cluster.heartbeat(0, 2)
    assert cluster.states[0] is FOLLOWER
    assert cluster.terms == [3, 1, 3]
    cluster.now += ET
    cluster.campaign_now(2, 0, 1, 2)
    assert cluster.states == [FOLLOWER, FOLLOWER, LEADER]


def test_disruptive_follower() -> None:
    """etcd: TestDisruptiveFollower: without pre-vote a late heartbeat costs the leader its place."""
    cluster = led(**LEASES)
    cluster.campaign_now(2)  # its requests are still on their way
    assert (cluster.states, cluster.terms) == ([LEADER, FOLLOWER, CANDIDATE], [1, 1, 2])
    cluster.heartbeat(0, 2)
    assert (cluster.states, cluster.terms) == ([FOLLOWER, FOLLOWER, CANDIDATE], [2, 1, 2])


def test_disruptive_follower_pre_vote() -> None:
    """etcd: TestDisruptiveFollowerPreVote."""
    cluster = led(**TRIO)
    for _ in range(3):
        cluster.submit(0, "while it is away")
        cluster.exchange(0, 1)
    cluster.campaign_now(2, 0, 1, 2)
    assert (cluster.states, cluster.terms) == ([LEADER, FOLLOWER, PRE_CANDIDATE], [1, 1, 1])
    cluster.heartbeat(0, 2)
    assert (cluster.states, cluster.terms) == ([LEADER, FOLLOWER, FOLLOWER], [1, 1, 1])


def test_pre_vote_with_check_quorum() -> None:
    """etcd: TestPreVoteWithCheckQuorum: two of three elect a leader although one hears the old leader longer."""
    cluster = led(**TRIO)
    cluster.now += ET / 2
    cluster.nodes[1].append_entries(append_call(1, leader_id=0), cluster.now)
    cluster.now += ET / 2
    cluster.campaign_now(2, 1, 2)  # node 1 still hears the leader
    assert cluster.states == [LEADER, FOLLOWER, PRE_CANDIDATE]
    cluster.now += ET / 2
    cluster.campaign_now(1, 1, 2)
    assert (cluster.states, cluster.terms) == ([LEADER, LEADER, FOLLOWER], [1, 2, 2])


def test_pre_vote_with_split_vote() -> None:
    """etcd: TestPreVoteWithSplitVote."""
    cluster = led(prevote=True)
    cluster.now += ET
    for id in (1, 2):
        cluster.nodes[id].time_out(cluster.now)
        cluster.settle(id)
    cluster.exchange(1, 2)
    assert (cluster.states[1:], cluster.terms[1:]) == ([CANDIDATE, CANDIDATE], [2, 2])
    cluster.now += ET
    cluster.campaign_now(1, 1, 2)
    assert (cluster.states[1:], cluster.terms[1:]) == ([LEADER, FOLLOWER], [3, 3])


# ---- a snapshot on its way


Calls = list[tuple[int, Args]]


def chunks_to(calls: Calls, peer: int) -> list[InstallSnapshotArgs]:
    return [args for to, args in calls if to == peer and isinstance(args, InstallSnapshotArgs)]


def behind() -> tuple[ConsensusModule, AppendEntriesArgs, InstallSnapshotArgs]:
    """Return a leader with a snapshot up to index 11, which peer 2 needs; a request that it has not answered yet,
    whose entry has index 12; and the first chunk, which has left.
    """
    cm = leader(3)
    for number in range(12):
        cm.submit(number, 1.0)
    (entries,) = appends_to(settle(cm), 1)
    cm.reply_received(1, entries, AppendEntriesReply(1, True), 1.0)
    settle(cm)
    assert len(cm.take_commits()) == 12
    assert cm.take_snapshot(b"image", 1.0) == 11
    cm.submit("twelve", 1.0)
    (late,) = appends_to(settle(cm), 2)
    cm.reply_received(2, late, AppendEntriesReply(1, False, 0, NONE), 1.0)
    (chunk,) = chunks_to(settle(cm), 2)
    assert (chunk.last_index, chunk.last_term, chunk.data, chunk.done) == (11, 1, b"image", True)
    return cm, late, chunk


def beat(cm: ConsensusModule) -> Calls:
    cm.wake(cm.deadline)
    return settle(cm)


def test_provide_snap_and_pending_snapshot_pause_replication() -> None:
    """etcd: TestProvideSnap, TestSendingSnapshotSetPendingSnapshot, TestPendingSnapshotPauseReplication,
    TestSendAppendForProgressSnapshot: a rejection below the log brings the snapshot, and no entries meanwhile.
    """
    cm, _, _ = behind()
    for command in "abc":
        cm.submit(command, 1.0)
        calls = settle(cm)
        assert [len(args.entries) for args in appends_to(calls, 1)] == [1]
        assert [to for to, _ in calls] == [1]
    assert (cm.next_index[2], cm.match_index[2]) == (0, NONE)


def test_snapshot_failure() -> None:
    """etcd: TestSnapshotFailure: nothing leaves until the next heartbeat, and the peer still needs the snapshot."""
    cm, _, chunk = behind()
    cm.call_failed(2, chunk, 1.01)
    assert settle(cm) == []
    assert cm.next_index[2] == 0
    (question,) = chunks_to(beat(cm), 2)
    assert (question.offset, question.data, question.done) == (0, b"", False)
    cm.reply_received(2, question, InstallSnapshotReply(1, 0), 1.06)
    assert chunks_to(settle(cm), 2) == [chunk]


def test_ignore_providing_snap() -> None:
    """etcd: TestIgnoreProvidingSnap: a peer that does not answer is not sent the data again and again."""
    cm, _, _ = behind()
    for _ in range(10):
        cm.submit("more", cm.deadline - 0.001)
        assert chunks_to(settle(cm), 2) == []
        assert [question.data for question in chunks_to(beat(cm), 2)] == [b""]


def test_snapshot_succeed() -> None:
    """etcd: TestSnapshotSucceed: entries follow from the one behind the snapshot on."""
    cm, _, chunk = behind()
    cm.reply_received(2, chunk, InstallSnapshotReply(1, 5, done=True), 1.01)
    assert (cm.next_index[2], cm.match_index[2]) == (12, 11)
    (entries,) = appends_to(settle(cm), 2)
    assert (entries.prev_log_index, entries.prev_log_term) == (11, 1)
    assert [entry.command for entry in entries.entries] == ["twelve"]


def test_snapshot_abort() -> None:
    """etcd: TestSnapshotAbort: the peer turns out to have the entries, so the snapshot is not sent any more."""
    cm, late, _ = behind()
    cm.reply_received(2, late, AppendEntriesReply(1, True), 1.01)
    assert (cm.next_index[2], cm.match_index[2]) == (13, 12)
    for _ in range(3):
        calls = beat(cm)
        assert chunks_to(calls, 2) == []
    cm.submit("thirteen", cm.deadline - 0.001)
    (entries,) = appends_to(settle(cm), 2)
    assert (entries.prev_log_index, [entry.command for entry in entries.entries]) == (12, ["thirteen"])


# ---- a snapshot that arrives


def whole(index: int, term: int, leader_term: int) -> InstallSnapshotArgs:
    return InstallSnapshotArgs(leader_term, 1, index, term, 0, b"image", True)


def test_restore() -> None:
    """etcd: TestRestore, TestRestoreFromSnapMsg: the log ends with the snapshot, whose sender is the leader; a second
    time changes nothing; the node waits a whole election timeout.
    """
    cm = follower(3, term=2)
    assert cm.install_snapshot(whole(11, 11, 11), 1.0).done
    settle(cm)
    assert (cm.log.last_index, cm.log.last_term, len(list(cm.log))) == (11, 11, 0)
    assert (cm.commit_index, cm.last_applied, cm.leader_id, cm.current_term) == (11, 11, 1, 11)
    assert cm.take_image() is not None
    assert cm.deadline >= 1.0 + ET
    assert cm.install_snapshot(whole(11, 11, 11), 1.1).done
    assert cm.take_image() is None
    cm.wake(1.1 + ET - 0.001)
    assert cm.state is FOLLOWER


def test_restore_ignore_snapshot() -> None:
    """etcd: TestRestoreIgnoreSnapshot: below the commit index it is ignored; above, a log that agrees is kept."""
    cm = follower(3, term=1, log=(1, 1, 1))
    cm.append_entries(append_call(1, (1, 1, 1), after=2, commit=0), 0.0)
    settle(cm)
    cm.take_commits()
    assert cm.install_snapshot(whole(0, 1, 1), 0.0).done
    assert (cm.commit_index, cm.log.base_index, cm.take_image()) == (0, NONE, None)
    assert cm.install_snapshot(whole(1, 1, 1), 0.0).done
    assert (cm.commit_index, cm.log.last_index) == (1, 2)


# ---- whole clusters


def harness(**options: bool) -> Harness:
    """Return a cluster that node 0 leads."""
    h = Harness(3, backend="sim", seed=1, config=Config(RaftConfig(**options)))
    h.time_out_peer(0)
    h.check_until(h.cluster[0].is_leader)
    return h


def leave_behind(h: Harness, node: int) -> None:
    """Disconnect `node`, commit 100 commands, and let the leader 0 compact its log."""
    h.disconnect_peer(node)
    h.submit_many(0, list(range(100)))
    h.check_until(lambda: len(h.commits[0]) == 100)
    assert h.compact_peer(0) == 99


@pytest.mark.parametrize("options", [{}, TRIO], ids=["without", "trio"])
def test_slow_node_restore(options: dict[str, bool]) -> None:
    """etcd: TestSlowNodeRestore."""
    with harness(**{"prevote": True} | options) as h:
        leave_behind(h, 2)
        h.reconnect_peer(2)
        h.check_until(lambda: h.cluster[2].cm.commit_index == 99)
        assert h.cluster[2].cm.log.base_index == 99
        h.submit_to_server(0, "after")
        h.check_until(lambda: h.cluster[2].cm.commit_index == h.cluster[0].cm.commit_index == 100)
        assert h.cluster[0].is_leader()


def test_leader_transfer_with_check_quorum() -> None:
    """etcd: TestLeaderTransferWithCheckQuorum: over to another node and back, however well its followers hear it."""
    with harness(**TRIO) as h:
        for source, target in ((0, 1), (1, 0)):
            assert h.transfer_leadership(source, target) == target
            h.check_until(h.cluster[target].is_leader, ET)
            h.check_until(lambda source=source: not h.cluster[source].is_leader(), ET)


def test_leader_transfer_after_snapshot() -> None:
    """etcd: TestLeaderTransferAfterSnapshot: a target that needs the snapshot leads once it has it."""
    with harness(**TRIO) as h:
        leave_behind(h, 2)
        h.reconnect_peer(2)
        assert h.transfer_leadership(0, 2) == 2
        h.check_until(h.cluster[2].is_leader, ET)
        assert h.cluster[2].cm.log.base_index == 99
        assert h.cluster[2].cm.current_term == 2
