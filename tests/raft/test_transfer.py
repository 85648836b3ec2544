"""Leadership transfer (thesis §3.10): one node between messages that the test writes, and clusters in virtual time."""

import pytest
from support.past import Compared

from raftplay import AppendEntriesReply, CMState, Config, ConsensusModule, Harness, MapStorage, RaftConfig
from raftplay.past.history import History
from raftplay.raft import decisions
from raftplay.raft.messages import (
    DisruptiveVoteArgs,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
    TimeoutNowReply,
)
from raftplay.raft.rule_names import Rule

TERM = 1


class Node(ConsensusModule):
    """A node of three that tells what it decides."""

    def __init__(self, peers: tuple[int, ...] = (1, 2), *, prevote: bool = False) -> None:
        self.told: list[object] = []
        super().__init__(0, peers, MapStorage(), config=RaftConfig(prevote=prevote), observe=self.told.append)
        self.start(0.0)

    def lead(self) -> None:
        """Win term 1."""
        self.time_out(1.0)
        self.persist(1.0)
        for peer in self.peer_ids[:1]:
            self.reply_received(peer, RequestVoteArgs(TERM, 0, -1, -1), RequestVoteReply(TERM, True), 1.0)
        assert self.state is CMState.LEADER
        self.told.clear()

    def send(self, now: float = 1.0) -> dict[int, list[object]]:
        """Return the requests that it sends now, by peer."""
        self.persist(now)
        sent: dict[int, list[object]] = {}
        for peer, args in self.take_calls():
            sent.setdefault(peer, []).append(args)
        return sent

    def acknowledge(self, peer: int, sent: dict[int, list[object]]) -> None:
        """Let `peer` accept what was sent to it."""
        for args in sent[peer]:
            if not isinstance(args, TimeoutNowArgs):
                self.reply_received(peer, args, AppendEntriesReply(TERM, True), 1.01)  # type: ignore[arg-type]

    def reasons(self) -> list[str]:
        """Return the reasons of the transfers that it gave up."""
        return [each.rule for each in self.told if isinstance(each, decisions.TransferAborted)]


@pytest.fixture
def leader() -> Node:
    node = Node()
    node.lead()
    return node


def test_timeout_now_leaves_once_and_only_when_the_target_has_the_whole_log(leader: Node) -> None:
    leader.submit("a", 1.0)
    assert leader.transfer_leadership(2, 1.0) == 2
    sent = leader.send()
    assert not any(isinstance(args, TimeoutNowArgs) for args in sent[2])
    leader.acknowledge(1, sent)
    assert 1 not in leader.send() or not any(isinstance(a, TimeoutNowArgs) for a in leader.send().get(1, []))
    leader.acknowledge(2, sent)
    assert TimeoutNowArgs(TERM, 0) in leader.send()[2]
    leader.wake(1.05)
    assert TimeoutNowArgs(TERM, 0) not in leader.send()[2]


def test_a_target_that_has_all_is_told_at_once(leader: Node) -> None:
    leader.transfer_leadership(1, 1.0)
    leader.acknowledge(1, leader.send())
    assert leader._leadership is not None
    leader._leadership.transfer = None
    leader.transfer_leadership(1, 1.0)
    assert TimeoutNowArgs(TERM, 0) in leader.send()[1]


def test_commands_are_refused_until_an_election_timeout_has_passed(leader: Node) -> None:
    leader.transfer_leadership(2, 1.0)
    assert leader.submit("a", 1.1) == -1
    until = 1.0 + leader.config.election_min
    leader.wake(until - 0.001)
    assert leader.submit("a", until - 0.001) == -1
    assert leader.deadline <= until
    leader.wake(until)
    assert leader.reasons() == [Rule.TOO_LATE]
    assert leader.submit("a", until) == 0


def test_the_same_target_again_changes_nothing_and_another_replaces_it(leader: Node) -> None:
    leader.transfer_leadership(2, 1.0)
    assert leader.transfer_leadership(2, 1.1) == 2
    assert leader.reasons() == []
    assert leader.transfer_leadership(1, 1.1) == 1
    assert leader.reasons() == [Rule.REPLACED]
    assert leader.transferring_to == 1


def test_a_higher_term_ends_it(leader: Node) -> None:
    leader.transfer_leadership(2, 1.0)
    leader.request_vote(RequestVoteArgs(5, 1, 9, 4), 1.01)
    assert leader.transferring_to == -1
    assert not any(isinstance(a, TimeoutNowArgs) for sent in leader.send().values() for a in sent)


def test_a_leader_itself_as_target_and_a_node_that_does_not_lead(leader: Node) -> None:
    assert leader.transfer_leadership(0, 1.0) == 0
    assert leader.submit("a", 1.0) == 0
    assert leader.transfer_leadership(7, 1.0) == -1
    assert Node().transfer_leadership(1, 1.0) == -1


def test_a_cluster_of_one_node_has_nobody_to_hand_over_to() -> None:
    alone = Node(())
    alone.lead()
    assert alone.transfer_leadership(None, 1.0) == -1
    assert alone.transfer_leadership(0, 1.0) == 0
    assert alone.submit("a", 1.0) == 0


def test_a_follower_obeys_without_pre_votes_and_may_disrupt() -> None:
    node = Node(prevote=True)
    assert node.timeout_now(TimeoutNowArgs(0, 1), 0.01) == TimeoutNowReply(1, True)
    assert node.state is CMState.CANDIDATE
    assert node.send()[1] == [DisruptiveVoteArgs(1, 0, -1, -1)]
    node.time_out(1.0)
    assert node.state is CMState.PRE_CANDIDATE
    assert node.send()[1] == [RequestVoteArgs(2, 0, -1, -1, True)]


@pytest.mark.parametrize("term", [0, 2, 9])
def test_only_the_leader_of_its_term_is_obeyed(term: int) -> None:
    node = Node()
    node.request_vote(RequestVoteArgs(1, 1, -1, -1), 0.01)
    assert node.timeout_now(TimeoutNowArgs(term, 2), 0.02) == TimeoutNowReply(max(term, 1), False)
    assert node.state is CMState.FOLLOWER


def test_a_candidate_and_a_leader_do_not_obey(leader: Node) -> None:
    assert leader.timeout_now(TimeoutNowArgs(TERM, 1), 1.0) == TimeoutNowReply(TERM, False)
    candidate = Node()
    candidate.time_out(0.5)
    assert candidate.timeout_now(TimeoutNowArgs(1, 1), 0.6) == TimeoutNowReply(1, False)
    assert candidate.current_term == 1


@pytest.mark.parametrize("sticky", [False, True])
def test_the_gap_is_a_round_trip_and_no_election_timeout(sticky: bool) -> None:
    raft = RaftConfig(prevote=sticky, checkquorum=sticky, sticky=sticky)
    with Compared(3, backend="sim", seed=2, config=Config(raft, delay_min=0.002, delay_max=0.002)) as h:
        old, term = h.check_single_leader()
        h.submit_to_server(old, "a")
        new = h.transfer_leadership(old, (old + 1) % 3)
        h.sleep_ms(12)
        assert h.check_single_leader() == (new, term + 1)


def test_a_leader_whose_target_is_cut_off_goes_on_after_an_election_timeout() -> None:
    with Compared(3, backend="sim", seed=2) as h:
        old, _ = h.check_single_leader()
        target = (old + 1) % 3
        h.disconnect_peer(target)
        h.transfer_leadership(old, target)
        assert h.submit_to_server(old, "a") == -1
        h.sleep_ms(151)
        assert h.submit_to_server(old, "a") >= 0


def test_by_default_the_target_is_connected_and_not_frozen() -> None:
    with Compared(3, backend="sim", seed=2) as h:
        old, _ = h.check_single_leader()
        h.disconnect_peer((old + 1) % 3)
        assert h.transfer_leadership(old) == (old + 2) % 3
    with Compared(3, backend="sim", seed=2) as h:
        old, _ = h.check_single_leader()
        h.disconnect_peer((old + 1) % 3)
        h.freeze_peer((old + 2) % 3)
        assert h.transfer_leadership(old) == -1


@pytest.mark.parametrize("of", ["leader", "target"])
def test_a_crash_ends_it(of: str) -> None:
    with Compared(3, backend="sim", seed=2) as h:
        old, _ = h.check_single_leader()
        target = h.transfer_leadership(old)
        h.crash_peer(old if of == "leader" else target)
        h.sleep_ms(1000)
        leader, _ = h.check_single_leader()
        assert h.submit_to_server(leader, "a") >= 0


def test_a_frozen_node_does_nothing() -> None:
    with Harness(3, backend="sim", seed=2) as h:
        old, _ = h.check_single_leader()
        h.freeze_peer(old)
        assert h.transfer_leadership(old) == -1


class NeverTakesOver(ConsensusModule):
    """A node of a user's own that refuses every TimeoutNow, and tells nobody."""

    def timeout_now(self, args: TimeoutNowArgs, now: float | None = None) -> TimeoutNowReply:
        return TimeoutNowReply(self.current_term, False)


def test_a_class_of_ones_own_that_refuses_is_told_of() -> None:
    history = History()
    with Harness(3, backend="sim", seed=2, config=Config(node=NeverTakesOver), readers=[history]) as h:
        old, term = h.check_single_leader()
        target = h.transfer_leadership(old)
        h.sleep_ms(20)
        assert h.check_single_leader() == (old, term)
        decided = [each for each in history.records() if isinstance(each.event, decisions.TimeoutNowDecided)]
        assert [(each.node, each.event.obeyed, each.event.rule) for each in decided] == [
            (target, False, Rule.OWN_RULE)
        ]


@pytest.mark.parametrize("trio", [False, True])
def test_over_sockets_the_target_takes_over_without_an_election_timeout(trio: bool) -> None:
    raft = RaftConfig(3.0, 6.0, 0.05, prevote=trio, checkquorum=trio, sticky=trio)
    with Harness(3, config=Config(raft)) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader, 2.5)
        index = h.submit_to_server(0, "a")
        assert h.transfer_leadership(0, 2) == 2
        assert h.wait_until(h.cluster[2].is_leader, 2.5)
        assert h.cluster[2].cm.current_term == 2
        assert h.cluster[2].cm.log[index].command == "a"
        assert h.wait_until(lambda: not h.cluster[0].is_leader(), 2.5)
        assert h.submit_to_server(2, "b") == index + 1


def test_over_sockets_a_leader_whose_target_is_cut_off_takes_commands_again() -> None:
    with Harness(3, config=Config(RaftConfig(0.3, 0.6, 0.05))) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader, 2.5)
        h.disconnect_peer(2)
        assert h.transfer_leadership(0, 2) == 2
        assert h.submit_to_server(0, "refused") == -1
        assert h.wait_until(lambda: h.cluster[0].cm.transferring_to == -1, 2.5)
        assert h.submit_to_server(0, "taken") == 0
