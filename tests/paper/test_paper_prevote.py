"""Pre-vote (thesis §9.6): a node asks whether it could win before it disturbs a term. An option."""

import pytest
from support.paper import (
    append_call,
    disk,
    follower,
    leader,
    loaded,
    majority,
    on_disk,
    picture,
    settle,
    vote_call,
)

from raftplay.raft.messages import NONE, CMState, RequestVoteArgs, RequestVoteReply

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, _ = CMState


def asking(n=3, *, term=1, log=(), **more):
    """A node whose election timer has fired, and which asks first."""
    cm = follower(n, term=term, log=log, prevote=True, **more)
    cm.wake(cm.deadline)
    return cm


def grant(cm, peer, *, pre_vote=True, term=None):
    args = vote_call(cm, pre_vote=pre_vote)
    cm.reply_received(peer, args, RequestVoteReply(cm.current_term if term is None else term, True), 1.0)


def test_without_the_option_nobody_asks_first_9_6():
    cm = follower(term=1)
    cm.wake(cm.deadline)
    assert not any(args.pre_vote for _, args in settle(cm))


def test_who_asks_first_starts_no_term_and_casts_no_vote_9_6():
    cm = asking(term=3, log=(1, 3))
    assert settle(cm) == [(peer, RequestVoteArgs(4, 0, 1, 3, pre_vote=True)) for peer in (1, 2)]
    assert (cm.state, cm.current_term, cm.voted_for) == (PRE_CANDIDATE, 3, NONE)
    assert on_disk(cm)[:2] == (3, NONE)


def test_a_node_that_nobody_answers_never_raises_its_term_9_6():
    cm = asking(term=3)
    settle(cm)
    for _ in range(20):
        woken = cm.deadline
        cm.wake(woken)
        assert woken + 0.150 <= cm.deadline <= woken + 0.300
        assert len(settle(cm)) == 2
    assert (cm.state, cm.current_term) == (PRE_CANDIDATE, 3)


@pytest.mark.parametrize("n", range(2, 26))
def test_a_majority_of_pre_votes_and_no_fewer_start_the_election_9_6(n):
    cm = asking(n, term=3)
    settle(cm)
    for got, peer in enumerate(cm.peer_ids, start=1):
        assert (cm.state is CANDIDATE) == (got >= majority(n))
        grant(cm, peer)
    assert (cm.current_term, cm.voted_for) == (4, 0)
    assert settle(cm) == [(peer, RequestVoteArgs(4, 0, -1, -1)) for peer in cm.peer_ids]
    assert cm.votes == [0]


def test_a_single_node_need_not_ask_9_6():
    cm = asking(1, term=3)
    settle(cm)
    assert cm.report() == (0, 4, True)


def test_a_pre_vote_is_no_vote_9_6():
    cm = asking(term=3)
    settle(cm)
    asked_first = vote_call(cm, pre_vote=True)
    grant(cm, 1)
    settle(cm)
    cm.reply_received(2, asked_first, RequestVoteReply(3, True), 1.0)
    assert (cm.state, cm.votes) == (CANDIDATE, [0])
    grant(cm, 2, pre_vote=False)
    assert cm.state is LEADER


def test_pre_votes_count_once_each_and_only_while_the_node_asks_9_6():
    cm = asking(5, term=3)
    asked = vote_call(cm, pre_vote=True)
    for _ in range(5):
        cm.reply_received(1, asked, RequestVoteReply(3, True), 1.0)
    assert (cm.state, cm.votes) == (PRE_CANDIDATE, [0, 1])
    cm.append_entries(append_call(3))
    before = picture(cm)
    for peer in (2, 3, 4):
        cm.reply_received(peer, asked, RequestVoteReply(3, True), 1.0)
    assert picture(cm) == before


def test_pre_votes_for_a_term_that_has_begun_meanwhile_do_not_count_9_6():
    cm = asking(5, term=3)
    asked = vote_call(cm, pre_vote=True)
    cm.request_vote(RequestVoteArgs(4, 1, -1, -1))
    cm.wake(cm.deadline)
    settle(cm)
    for peer in (1, 2, 3, 4):
        cm.reply_received(peer, asked, RequestVoteReply(3, True), 1.0)
    assert (cm.state, cm.current_term, cm.votes) == (PRE_CANDIDATE, 4, [0])


def test_a_refused_pre_vote_tells_the_newer_term_9_6():
    cm = asking(term=3)
    cm.reply_received(1, vote_call(cm, pre_vote=True), RequestVoteReply(9, False), 1.0)
    assert (cm.state, cm.current_term, cm.voted_for) == (FOLLOWER, 9, NONE)


def test_a_candidate_whose_election_fails_asks_again_before_the_next_9_6():
    cm = asking(term=3)
    grant(cm, 1)
    settle(cm)
    assert cm.state is CANDIDATE
    cm.wake(cm.deadline)
    assert settle(cm) == [(peer, RequestVoteArgs(5, 0, -1, -1, pre_vote=True)) for peer in (1, 2)]
    assert (cm.state, cm.current_term, cm.voted_for) == (PRE_CANDIDATE, 4, 0)


def test_a_pre_vote_changes_nothing_at_the_voter_9_6():
    cm = follower(term=3, prevote=True, storage=disk(3))
    before = picture(cm)
    for candidate_id in (1, 2):
        args = RequestVoteArgs(4, candidate_id, -1, -1, pre_vote=True)
        assert cm.request_vote(args, 0.1) == RequestVoteReply(3, True)
    assert settle(cm) == []
    assert (picture(cm), loaded(cm._store._storage)[:2]) == (before, (3, NONE))


@pytest.mark.parametrize(
    ("term", "last_index", "last_term", "granted"),
    [
        (4, 1, 2, True),
        (9, 1, 2, True),
        (3, 1, 2, False),  # no newer than the voter's term
        (2, 1, 2, False),
        (4, 0, 2, False),  # §5.4.1
        (4, 9, 1, False),
        (4, 0, 3, True),
    ],
)
def test_a_pre_vote_is_granted_to_whom_the_vote_would_be_9_6(term, last_index, last_term, granted):
    cm = follower(term=3, log=(1, 2))
    reply = cm.request_vote(RequestVoteArgs(term, 1, last_index, last_term, pre_vote=True))
    assert reply == RequestVoteReply(3, granted)


def test_who_has_heard_a_leader_within_150_ms_refuses_9_6():
    cm = follower(term=3)
    cm.append_entries(append_call(3), 1.0)
    args = RequestVoteArgs(4, 2, -1, -1, pre_vote=True)
    assert not cm.request_vote(args, 1.149).vote_granted
    assert cm.request_vote(args, 1.151).vote_granted


def test_a_leader_refuses_9_6():
    cm = leader(term=3)
    before = picture(cm)
    assert not cm.request_vote(RequestVoteArgs(9, 2, 5, 8, pre_vote=True), 99.0).vote_granted
    assert picture(cm) == before
