"""The boundaries of what the paper leaves open: how much is in flight, until when a leader counts as alive."""

import pytest
from support.paper import append_call, appends_to, follower, leader, settle

from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import Decision, Stopped
from raftplay.raft.messages import NONE, AppendEntriesArgs, AppendEntriesReply, CMState, RequestVoteArgs
from raftplay.raft.progress import MAX_IN_FLIGHT


def submitted(cm: ConsensusModule, count: int) -> list[AppendEntriesArgs]:
    """Submit so many commands, one after the other; the requests that bring entries to peer 1."""
    calls = []
    for number in range(count):
        cm.submit(number)
        calls += [args for args in appends_to(settle(cm), 1) if args.entries]
    return calls


def accept(cm: ConsensusModule, args: AppendEntriesArgs) -> None:
    cm.reply_received(1, args, AppendEntriesReply(cm.current_term, True), 1.0)


def beat(cm: ConsensusModule) -> list[AppendEntriesArgs]:
    """Let the heartbeat timer fire; the requests that go to peer 1."""
    cm.wake(cm.deadline)
    return appends_to(settle(cm), 1)


def test_no_more_than_the_bound_is_in_flight_between_two_heartbeats():
    cm = leader(5, term=1)
    assert len(submitted(cm, MAX_IN_FLIGHT + 3)) == MAX_IN_FLIGHT


def test_each_reply_makes_room_for_one_request():
    cm = leader(5, term=1)
    calls = submitted(cm, MAX_IN_FLIGHT + 1)
    accept(cm, calls[0])
    (more,) = appends_to(settle(cm), 1)
    assert [entry.command for entry in more.entries] == [MAX_IN_FLIGHT]
    assert submitted(cm, 1) == []


def test_a_heartbeat_makes_room_for_as_many_again_and_late_replies_for_no_more():
    cm = leader(5, term=1)
    old = submitted(cm, MAX_IN_FLIGHT + 1)
    assert len(old) == MAX_IN_FLIGHT
    (more,) = beat(cm)  # it takes the command that waited along
    assert len(more.entries) == 1
    for args in old:  # they are of before the heartbeat
        accept(cm, args)
    assert cm._leadership is not None
    assert cm._leadership.progress[1].in_flight == 0
    assert len(submitted(cm, MAX_IN_FLIGHT + 3)) == MAX_IN_FLIGHT


def test_a_reply_to_a_heartbeat_without_entries_makes_no_room():
    cm = leader(5, term=1)
    (empty,) = beat(cm)
    assert len(submitted(cm, MAX_IN_FLIGHT + 1)) == MAX_IN_FLIGHT
    accept(cm, empty)
    assert appends_to(settle(cm), 1) == []


def test_a_heartbeat_without_entries_takes_no_room():
    cm = leader(5, term=1)
    for _ in range(2 * MAX_IN_FLIGHT):
        (args,) = beat(cm)
        assert args.entries == ()
    assert cm._leadership is not None
    assert cm._leadership.progress[1].in_flight == 0
    accept(cm, args)
    assert cm._leadership.progress[1].in_flight == 0


@pytest.mark.parametrize(("silence", "granted"), [(0.1499, False), (0.150, True), (0.151, True)])
def test_a_leader_counts_as_alive_until_the_shortest_election_timeout_is_over_9_6(silence: float, granted: bool):
    cm = follower(3, term=1, prevote=True, now=0.0)
    cm.append_entries(append_call(1), 0.0)
    reply = cm.request_vote(RequestVoteArgs(2, 2, NONE, NONE, pre_vote=True), silence)
    assert reply.vote_granted is granted


@pytest.mark.parametrize(("term", "granted"), [(3, False), (4, False), (5, True)])
def test_a_pre_vote_is_for_a_term_that_has_not_begun_9_6(term: int, granted: bool):
    cm = follower(3, term=4, prevote=True)
    assert cm.request_vote(RequestVoteArgs(term, 2, NONE, NONE, pre_vote=True), 9.0).vote_granted is granted


def test_a_node_that_is_stopped_twice_stops_once():
    told: list[Decision] = []
    asked: list[str] = []
    cm = leader(3, term=1, told=told)
    cm.on_stop = lambda: asked.append("stop")
    cm.stop()
    assert (asked, cm.state) == (["stop"], CMState.LEADER)
    cm.on_stop = None
    cm.stop()
    cm.on_stop = lambda: asked.append("again")
    cm.stop()
    assert cm.state is CMState.DEAD
    assert asked == ["stop"]
    assert [event for event in told if isinstance(event, Stopped)] == [Stopped()]


def test_next_index_is_behind_what_the_peer_has_acknowledged():
    cm = leader(5, term=1)
    calls = submitted(cm, 3)
    cm.call_failed(1, calls[0], 1.0)
    assert cm.next_index[1] == 0
    accept(cm, calls[2])
    assert (cm.match_index[1], cm.next_index[1]) == (2, 3)
    accept(cm, calls[0])  # late
    assert (cm.match_index[1], cm.next_index[1]) == (2, 3)
    (next_call,) = [args for args in submitted(cm, 1) if args.entries]
    assert (next_call.prev_log_index, len(next_call.entries)) == (2, 1)
