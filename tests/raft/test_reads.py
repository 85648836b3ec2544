"""Reads without the log (thesis §6.4): one node between messages that the test writes, and clusters in virtual time."""

import random
from collections.abc import Iterable

import pytest
from support.past import Compared

from raftplay import (
    AppendEntriesReply,
    CMState,
    Config,
    ConsensusModule,
    Harness,
    MapStorage,
    RaftConfig,
    UsageError,
)
from raftplay.cluster.hardware import Hardware
from raftplay.kv.clients import ClientOptions
from raftplay.kv.commands import Get
from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesArgs,
    Args,
    ConfirmArgs,
    ConfirmReply,
    DisruptiveVoteArgs,
    InternalEntry,
    ReadIndexArgs,
    ReadIndexReply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
)
from raftplay.raft.rule_names import Rule

TERM = 1
LEASES = RaftConfig(checkquorum=True, sticky=True, lease=True)
LENGTH = 0.150 / 1.1
"""How long a lease lasts: the shortest election timeout by the slowest clock."""


class Node(ConsensusModule):
    """Node 0 of three, or more, which tells what it decides."""

    def __init__(self, nodes: int = 3, config: RaftConfig | None = None) -> None:
        self.told: list[object] = []
        peers = tuple(range(1, nodes))
        super().__init__(0, peers, MapStorage(), config=config, rng=random.Random(1), observe=self.told.append)
        self.start(0.0)

    def lead(self, now: float = 1.0) -> None:
        """Win term 1."""
        self.time_out(now)
        self.persist(now)
        for peer in self.peer_ids[: (len(self.peer_ids) + 1) // 2]:
            self.reply_received(peer, RequestVoteArgs(TERM, 0, -1, -1), RequestVoteReply(TERM, True), now)
        assert self.state is CMState.LEADER
        self.told.clear()

    def commit(self, now: float = 1.0) -> None:
        """Commit an entry of its own term."""
        self.submit("a", now)
        for peer, args in self.send(now):
            if isinstance(args, AppendEntriesArgs):
                self.reply_received(peer, args, AppendEntriesReply(TERM, True), now)
        self.take_commits()
        self.send(now)

    def send(self, now: float = 1.0) -> list[tuple[int, Args]]:
        """Write, and return the requests that it sends now."""
        self.persist(now)
        return self.take_calls()

    def rounds(self, now: float = 1.0) -> list[ConfirmArgs]:
        """Return the rounds that it sends now, each once."""
        return list(dict.fromkeys(args for _, args in self.send(now) if isinstance(args, ConfirmArgs)))

    def confirmed(self, args: ConfirmArgs, peers: Iterable[int], now: float = 1.0) -> None:
        """Let peers confirm a round."""
        for peer in peers:
            self.reply_received(peer, args, ConfirmReply(TERM, True), now)

    def reasons(self) -> list[str]:
        """Return the rules by which it has answered and refused reads."""
        return [
            each.rule for each in self.told if isinstance(each, decisions.ReadAnswered | decisions.ReadRefused)
        ]


@pytest.fixture
def leader() -> Node:
    node = Node()
    node.lead()
    node.commit()
    return node


def follower(nodes: int = 3) -> Node:
    """Return a node that follows node 1."""
    node = Node(nodes)
    node.append_entries(AppendEntriesArgs(TERM, 1, -1, -1, (), -1), 1.0)
    node.persist(1.0)
    node.told.clear()
    return node


# ---- the leader: rounds


def test_a_read_waits_for_a_majority_of_its_round(leader: Node) -> None:
    number = leader.read(1.0)
    (asked,) = leader.rounds()
    assert leader.take_reads() == []
    leader.confirmed(asked, [1])
    assert leader.take_reads() == [(number, 0)]
    assert not leader.has_reads
    assert leader.reasons() == [Rule.ROUND]


def test_of_five_nodes_two_must_confirm() -> None:
    node = Node(5)
    node.lead()
    node.commit()
    number = node.read(1.0)
    (asked,) = node.rounds()
    node.confirmed(asked, [3])
    assert node.take_reads() == []
    node.confirmed(asked, [3])  # a copy of the same reply
    assert node.take_reads() == []
    node.confirmed(asked, [4])
    assert node.take_reads() == [(number, 0)]


def test_reads_that_begin_before_a_round_leaves_share_it(leader: Node) -> None:
    numbers = [leader.read(1.0) for _ in range(3)]
    (asked,) = leader.rounds()
    later = leader.read(1.001)
    (again,) = leader.rounds()
    assert again.round == asked.round + 1
    leader.confirmed(asked, [2])
    assert leader.take_reads() == [(number, 0) for number in numbers]
    leader.confirmed(again, [2])
    assert leader.take_reads() == [(later, 0)]


def test_a_reply_to_an_older_round_confirms_no_later_read(leader: Node) -> None:
    leader.read(1.0)
    (old,) = leader.rounds()
    leader.read(1.2)
    leader.rounds()
    leader.confirmed(old, [1, 2], 1.2)
    assert leader.take_reads() == [(0, 0)]


def test_a_lost_round_is_asked_again_with_the_next_heartbeat(leader: Node) -> None:
    leader.read(1.0)
    leader.rounds()
    leader.wake(leader.deadline)
    (again,) = leader.rounds()
    leader.confirmed(again, [1])
    assert leader.take_reads() == [(0, 0)]
    leader.wake(leader.deadline)
    assert leader.rounds() == []


def test_a_replaced_leader_refuses_what_waits(leader: Node) -> None:
    number = leader.read(1.0)
    (asked,) = leader.rounds()
    leader.reply_received(1, asked, ConfirmReply(TERM + 1, False), 1.0)
    assert leader.take_reads() == [(number, -1)]
    assert leader.reasons() == [Rule.NO_LEADER]


def test_a_node_alone_needs_no_round() -> None:
    node = Node(1)
    node.time_out(1.0)
    node.persist(1.0)
    number = node.read(1.0)
    node.persist(1.0)
    assert node.take_reads() == []  # the no-op is committed, and not applied
    node.take_commits()
    assert node.take_reads() == [(number, 0)]


def test_a_node_that_knows_no_leader_and_a_dead_one_begin_no_read() -> None:
    node = Node()
    assert node.read(1.0) == -1
    node.stop()
    assert node.read(1.0) == -1
    assert node.confirm(ConfirmArgs(1, 1, 1, 0)).term == node.read_index(ReadIndexArgs(1, 1, 1)).term == 0


# ---- the leader: the no-op


def test_a_new_leader_first_commits_an_entry_of_its_own_term() -> None:
    node = Node()
    node.lead()
    number = node.read(1.0)
    assert node.log[0] == InternalEntry(TERM, "no-op")
    sent = node.send()
    assert not any(isinstance(args, ConfirmArgs) for _, args in sent)
    append = next(
        args for peer, args in sent if peer == 1 and isinstance(args, AppendEntriesArgs) and args.entries
    )
    node.reply_received(1, append, AppendEntriesReply(TERM, True), 1.0)
    node.persist(1.0)
    node.take_commits()
    assert node.take_reads() == []
    (asked,) = node.rounds()
    node.confirmed(asked, [1])
    assert node.take_reads() == [(number, 0)]
    assert len(node.log) == 1


def test_a_leader_with_an_entry_of_its_own_term_appends_none(leader: Node) -> None:
    leader.read(1.0)
    assert len(leader.log) == 1


def test_a_leader_that_hands_over_appends_no_noop_and_does_so_after_the_end() -> None:
    node = Node()
    node.lead()
    node.transfer_leadership(1, 1.0)
    node.read(1.0)
    assert len(node.log) == 0
    while node.transferring_to != -1:
        node.wake(node.deadline)
    node.wake(node.deadline)
    assert len(node.log) == 1


# ---- a follower


def test_a_follower_asks_the_leader_and_waits_for_the_round_and_for_its_log() -> None:
    node = follower()
    number = node.read(1.0)
    ((peer, asked),) = node.send()
    assert (peer, asked) == (1, ReadIndexArgs(TERM, 0, number))
    node.reply_received(1, asked, ReadIndexReply(TERM, True, 0, 7), 1.0)
    assert node.take_reads() == []
    node.confirm(ConfirmArgs(TERM, 1, 7, 6), 1.0)
    assert node.take_reads() == []
    node.confirm(ConfirmArgs(TERM, 1, 8, 7), 1.0)
    assert node.take_reads() == []
    node.append_entries(AppendEntriesArgs(TERM, 1, -1, -1, (InternalEntry(1, "no-op"),), 0), 1.0)
    node.persist(1.0)
    assert node.take_reads() == []
    node.take_commits()
    assert node.take_reads() == [(number, 0)]


def test_a_confirmation_may_arrive_before_the_index() -> None:
    node = follower()
    number = node.read(1.0)
    ((_, asked),) = node.send()
    node.confirm(ConfirmArgs(TERM, 1, 7, 7), 1.0)
    assert node.take_reads() == []
    node.reply_received(1, asked, ReadIndexReply(TERM, True, -1, 7), 1.0)
    assert node.take_reads() == [(number, -1)]


def test_a_confirmed_round_of_an_earlier_term_confirms_nothing() -> None:
    node = follower()
    node.confirm(ConfirmArgs(TERM, 1, 9, 9), 1.0)
    node.append_entries(AppendEntriesArgs(2, 2, -1, -1, (), -1), 1.0)
    number = node.read(1.0)
    (*_, (_, asked)) = node.send()
    node.reply_received(2, asked, ReadIndexReply(2, True, -1, 1), 1.0)
    assert node.take_reads() == []
    node.confirm(ConfirmArgs(2, 2, 1, 1), 1.0)
    assert node.take_reads() == [(number, -1)]


def test_a_follower_gives_up_after_an_election_timeout_and_when_the_leader_refuses() -> None:
    node = follower()
    first = node.read(1.0)
    node.take_calls()
    assert node.take_reads(1.29) == []
    assert node.take_reads(1.31) == [(first, -1)]
    second = node.read(1.31)
    ((_, asked),) = node.take_calls()
    node.reply_received(1, asked, ReadIndexReply(TERM, False), 1.32)
    assert node.take_reads(1.32) == [(second, -1)]
    assert node.reasons() == [Rule.NO_ANSWER, Rule.LEADER_REFUSED]


def test_the_leader_tells_who_asked_that_the_round_is_confirmed_until_it_knows(leader: Node) -> None:
    reply = leader.read_index(ReadIndexArgs(TERM, 2, 0), 1.0)
    assert reply == ReadIndexReply(TERM, True, 0, 1)
    (asked,) = leader.rounds()
    leader.confirmed(asked, [1])
    ((peer, told),) = leader.send()
    assert (peer, told) == (2, ConfirmArgs(TERM, 0, 1, 1))
    leader.wake(leader.deadline)
    (again,) = leader.rounds()
    assert again.confirmed == 1
    leader.confirmed(again, [2])
    leader.wake(leader.deadline)
    assert leader.rounds() == []


def test_a_leader_without_a_committed_entry_of_its_term_and_others_give_no_index() -> None:
    node = Node()
    node.lead()
    assert not node.read_index(ReadIndexArgs(TERM, 2, 0), 1.0).success
    assert not follower().read_index(ReadIndexArgs(TERM, 2, 0), 1.0).success
    reply = node.read_index(ReadIndexArgs(TERM + 4, 2, 0), 1.0)
    assert (reply.term, reply.success, node.state) == (TERM + 4, False, CMState.FOLLOWER)


# ---- leases


@pytest.fixture
def holder() -> Node:
    """A leader whose first round left at 1.0 s, and is confirmed at 1.02 s."""
    node = Node(3, LEASES)
    node.lead()
    (asked,) = node.rounds()
    node.confirmed(asked, [1], 1.02)
    node.commit(1.02)
    return node


def test_a_lease_counts_from_the_sending_and_is_tested_when_a_read_comes(holder: Node) -> None:
    assert holder.lease_until == pytest.approx(1.0 + LENGTH)
    number = holder.read(1.0 + LENGTH - 0.001)
    assert holder.take_reads() == [(number, 0)]
    assert holder.rounds() == []
    assert holder.reasons() == [Rule.LEASE]
    holder.read(1.0 + LENGTH + 0.001)
    assert holder.take_reads() == []
    (asked,) = holder.rounds()
    holder.confirmed(asked, [2], 1.15)
    assert holder.take_reads() == [(number + 1, 0)]
    assert holder.lease_until == pytest.approx(1.0 + LENGTH + 0.001 + LENGTH)


def test_each_heartbeat_renews_it(holder: Node) -> None:
    at = holder.deadline
    holder.wake(at)
    (asked,) = holder.rounds(at)
    holder.confirmed(asked, [2], at + 0.01)
    assert holder.lease_until == pytest.approx(at + LENGTH)


def test_a_greater_drift_makes_it_shorter() -> None:
    node = Node(3, RaftConfig(checkquorum=True, sticky=True, lease=True, drift=200))
    node.lead()
    (asked,) = node.rounds()
    node.confirmed(asked, [1])
    assert node.lease_until == pytest.approx(1.05)


def test_a_transfer_ends_it_for_the_term_once_timeout_now_has_left(holder: Node) -> None:
    holder.transfer_leadership(1, 1.03)
    assert any(isinstance(args, TimeoutNowArgs) for _, args in holder.send(1.03))
    holder.read(1.03)
    assert holder.take_reads() == []
    while holder.transferring_to != -1:
        holder.wake(holder.deadline)
    for args in holder.rounds(holder.deadline):
        holder.confirmed(args, [1, 2], holder.deadline)
    assert holder.lease_until == 0.0


def test_a_transfer_that_never_came_to_timeout_now_ends_it_only_meanwhile(holder: Node) -> None:
    holder.submit("b", 1.03)
    holder.transfer_leadership(2, 1.03)
    assert holder.lease_until == 0.0
    while holder.transferring_to != -1:
        at = holder.deadline
        holder.wake(at)
        for args in holder.rounds(at):
            holder.confirmed(args, [1], at)
    assert holder.lease_until > 1.1


def test_a_leader_with_a_lease_lets_a_follower_read_at_once(holder: Node) -> None:
    assert holder.read_index(ReadIndexArgs(TERM, 2, 0), 1.05) == ReadIndexReply(TERM, True, 0, 0)


def voter(now: float) -> Node:
    """Return a node that has confirmed a round of node 1 at `now`, where leaders have leases."""
    node = Node(3, LEASES)
    assert node.confirm(ConfirmArgs(TERM, 1, 1, 0), now).success
    node.persist(now)
    return node


def test_who_confirmed_a_round_votes_for_nobody_for_an_election_timeout_also_in_a_later_term() -> None:
    node = voter(1.0)
    asks = RequestVoteArgs(TERM + 1, 2, 5, 5)
    assert node.request_vote(asks, 1.149).term == 0
    node.reply_received(2, RequestVoteArgs(TERM, 0, -1, -1), RequestVoteReply(TERM + 1, False), 1.1)
    assert node.current_term == TERM + 1
    assert not node.request_vote(asks, 1.149).vote_granted
    assert node.request_vote(asks, 1.151).vote_granted
    assert voter(1.0).request_vote(DisruptiveVoteArgs(TERM + 1, 2, 5, 5), 1.1).vote_granted


def test_nor_does_it_stand_however_its_timer_is_set() -> None:
    node = voter(1.0)
    node.time_out(1.1)
    assert node.state is CMState.FOLLOWER and node.deadline == pytest.approx(1.15)  # noqa: PT018
    node.set_timer(1.12, 1.1)
    node.wake(1.12)
    assert node.state is CMState.FOLLOWER and node.deadline == pytest.approx(1.15)  # noqa: PT018
    node.wake(node.deadline)
    assert node.state is CMState.CANDIDATE


def test_a_restarted_node_keeps_what_it_may_have_promised() -> None:
    node = Node(3, LEASES)
    node.start(1.0)
    assert node.request_vote(RequestVoteArgs(3, 2, 5, 5), 1.1).term == 0
    assert node.request_vote(RequestVoteArgs(3, 2, 5, 5), 1.16).vote_granted


def test_leases_need_who_keeps_their_leader() -> None:
    with pytest.raises(UsageError, match="set checkquorum on and set sticky on"):
        RaftConfig(lease=True, checkquorum=True)
    with pytest.raises(UsageError, match="set checkquorum on and set sticky on"):
        Config(clients=ClientOptions(reads="lease"))
    with pytest.raises(UsageError, match="drift must be a number of percent"):
        RaftConfig(drift=-1)


# ---- copies of a node


def test_a_copy_of_a_node_goes_on_by_itself(leader: Node) -> None:
    leader.read(1.0)
    (asked,) = leader.rounds()
    copy = leader.clone(MapStorage())
    assert copy.fingerprint() == leader.fingerprint()
    leader.confirmed(asked, [1])
    assert leader.take_reads() == [(0, 0)]
    assert copy.take_reads() == []
    assert copy.fingerprint() != leader.fingerprint()


# ---- clusters in virtual time


def cluster(reads: str, seed: int = 3, nodes: int = 5) -> Harness:
    config = Config(RaftConfig(checkquorum=True, sticky=True), clients=ClientOptions(reads=reads))
    return Harness(nodes, backend="sim", seed=seed, config=config)


MODES = pytest.mark.parametrize("reads", ["index", "lease"])


@MODES
def test_every_node_answers_and_a_leader_that_was_cut_off_does_not(reads: str) -> None:
    with cluster(reads) as h:
        leader, _ = h.check_single_leader()
        client = h.client("a")
        assert client.get("x").found is False
        assert client.put("x", 1).outcome == "ok"
        assert [client.get("x", to=node).value for node in range(h.n)] == [1] * h.n
        h.disconnect_peer(leader)
        assert client.put("x", 2).outcome == "ok"
        told = client.get("x", to=leader)
        assert told.why == f"node {leader} cannot make sure that its store is up to date"
        assert client.get("x").value == 2
        assert h.clients.verdict().outcome == "linearizable"


@MODES
def test_a_read_writes_nothing(reads: str) -> None:
    with cluster(reads) as h:
        client = h.client("a")
        client.put("x", 1)
        last = h.snapshot().nodes[0].last_index
        for _ in range(5):
            assert client.get("x").value == 1
        assert h.snapshot().nodes[0].last_index == last


def test_a_read_by_lease_takes_no_time_and_one_by_index_a_round_trip() -> None:
    took = {}
    for reads in ("log", "index", "lease"):
        with cluster(reads) as h:
            client = h.client("a")
            client.put("x", 1)
            client.get("x")
            began = h.now
            for _ in range(20):
                client.get("x")
            took[reads] = h.now - began
    assert took["lease"] == 0.0 < took["index"] <= took["log"]


def test_a_paused_leader_answers_what_reached_it_meanwhile_only_when_it_is_sure() -> None:
    with cluster("lease") as h:
        leader, _ = h.check_single_leader()
        client = h.client("a")
        client.put("x", 1)
        h.freeze_peer(leader)
        h.disconnect_peer(leader)
        assert client.put("x", 2).outcome == "ok"
        read = h.begin("b", Get("x"), leader)
        h.thaw_peer(leader)
        assert h.wait_until(lambda: read.is_over, 3.0)
        assert read.ending == "refused"


@pytest.mark.parametrize("reads", ["index", "lease"])
def test_the_past_is_folded_from_the_events(reads: str) -> None:
    config = Config(RaftConfig(checkquorum=True, sticky=True), clients=ClientOptions(reads=reads))
    with Compared(3, backend="sim", seed=2, config=config) as h:
        client = h.client("a")
        client.put("x", 1)
        for node in range(h.n):
            assert client.get("x", to=node).value == 1
        h.sleep_ms(300)
        assert h.looks > 20


def test_a_node_with_timings_of_its_own_promises_what_the_others_do_and_relies_on_no_more() -> None:
    slow = Hardware(rate=0.5, election=(0.05, 6.0)).timings(LEASES)
    node = Node(3, slow)
    node.confirm(ConfirmArgs(TERM, 1, 1, 0), 1.0)
    assert node.request_vote(RequestVoteArgs(TERM + 1, 2, 5, 5), 1.29).term == 0
    assert node.request_vote(RequestVoteArgs(TERM + 1, 2, 5, 5), 1.31).vote_granted
    hasty = Node(3, Hardware(election=(0.05, 0.06)).timings(LEASES))
    hasty.confirm(ConfirmArgs(TERM, 1, 1, 0), 1.0)
    hasty.wake(hasty.deadline)
    assert (hasty.state, round(hasty.deadline, 9)) == (CMState.FOLLOWER, 1.15)
    leads = Node(3, Hardware(election=(5.0, 6.0)).timings(LEASES))
    leads.lead()
    (asked,) = leads.rounds()
    leads.confirmed(asked, [1])
    assert leads.lease_until == pytest.approx(1.0 + LENGTH)
