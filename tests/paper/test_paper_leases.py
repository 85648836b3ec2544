"""Check quorum (thesis §6.2) and stickiness (thesis §4.2.3): who keeps a leader, and for how long. Options."""

import math

import pytest
from support.paper import append_call, disk, follower, leader, majority, on_disk, picture, settle, vote_call

from raftplay.raft.decisions import BecameFollower, Configured, VoteDecided
from raftplay.raft.messages import (
    NO_VOTE_REPLY,
    NONE,
    AppendEntriesReply,
    CMState,
    DisruptiveVoteArgs,
    RequestVoteArgs,
    RequestVoteReply,
    is_sent,
)
from raftplay.raft.rule_names import Rule

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, _ = CMState
ET = 0.150


def heartbeats(cm, until, *, from_peers=()):
    """Let the leader's timer fire until then; these peers reply to each heartbeat at once."""
    while cm.state is LEADER and cm.deadline <= until:
        now = cm.deadline
        cm.wake(now)
        for peer, args in settle(cm):
            if peer in from_peers and cm.state is LEADER:
                cm.reply_received(peer, args, AppendEntriesReply(cm.current_term, True), now)


def heard(cm, now, *, term=1, leader_id=1):
    assert cm.append_entries(append_call(term, leader_id=leader_id), now).success
    settle(cm)


# ---- check quorum


@pytest.mark.parametrize("n", range(2, 26))
def test_a_leader_that_hears_from_no_majority_steps_down_6_2(n):
    told = []
    cm = leader(n, term=3, checkquorum=True, told=told)
    since = 1.0  # when it won
    enough = range(1, majority(n))
    heartbeats(cm, since + 5, from_peers=enough)
    assert cm.state is LEADER
    last = cm.deadline - cm.config.heartbeat
    heartbeats(cm, last + 5, from_peers=list(enough)[1:])
    assert (cm.state, cm.current_term, cm.leader_id) == (FOLLOWER, 3, NONE)
    assert last + ET <= cm._now <= last + ET + cm.config.heartbeat + 1e-9
    assert told[-1] == BecameFollower(3, LEADER, 3, Rule.NO_QUORUM)
    assert cm.submit("x") == NONE
    assert cm._now + ET <= cm.deadline <= cm._now + 2 * ET


def test_without_the_option_a_leader_never_steps_down_by_itself_6_2():
    cm = leader(3)
    heartbeats(cm, 60.0)
    assert cm.state is LEADER


def test_a_new_leader_has_an_election_timeout_to_hear_from_a_majority_6_2():
    cm = leader(3, checkquorum=True)
    heartbeats(cm, 1.0 + ET - 0.001)
    assert cm.state is LEADER
    heartbeats(cm, 1.0 + ET + 0.001)
    assert cm.state is FOLLOWER


def test_a_rejection_is_heard_too_6_2():
    cm = leader(3, term=2, log=(1, 1), checkquorum=True)
    for _ in range(20):
        now = cm.deadline
        cm.wake(now)
        for peer, args in settle(cm):
            if peer == 1 and cm.state is LEADER:
                cm.reply_received(peer, args, AppendEntriesReply(2, False, 0, NONE), now)
    assert cm.state is LEADER


def test_a_cluster_of_one_has_its_quorum_6_2():
    cm = follower(1, checkquorum=True)
    cm.wake(cm.deadline)
    settle(cm)
    heartbeats(cm, 10.0)
    assert cm.state is LEADER


def test_who_stepped_down_keeps_its_vote_6_2():
    cm = leader(3, term=3, checkquorum=True)
    heartbeats(cm, 5.0)
    assert (cm.state, cm.voted_for) == (FOLLOWER, 0)
    assert not cm.request_vote(RequestVoteArgs(3, 2, 9, 3), 5.0).vote_granted
    assert cm.request_vote(RequestVoteArgs(4, 2, 9, 3), 5.0).vote_granted


# ---- stickiness


@pytest.mark.parametrize("pre_vote", [False, True])
def test_who_hears_a_leader_ignores_requests_of_higher_terms_4_2_3(pre_vote):
    told = []
    cm = follower(term=1, sticky=True, told=told)
    heard(cm, 1.0)
    before = picture(cm)
    args = RequestVoteArgs(7, 2, 9, 6, pre_vote)
    assert not is_sent(cm.request_vote(args, 1.0 + ET - 0.001))
    assert picture(cm) == before
    assert told[-1] == VoteDecided(args, False, Rule.IN_LEASE)
    assert cm.request_vote(args, 1.0 + ET + 0.001) == RequestVoteReply(1 if pre_vote else 7, True)


def test_without_the_option_a_request_of_a_higher_term_is_heard_4_2_3():
    cm = follower(term=1)
    heard(cm, 1.0)
    assert cm.request_vote(RequestVoteArgs(7, 2, 9, 6), 1.01) == RequestVoteReply(7, True)


@pytest.mark.parametrize("pre_vote", [False, True])
def test_a_leader_ignores_them_as_long_as_it_leads_4_2_3(pre_vote):
    cm = leader(3, term=2, sticky=True)
    before = picture(cm)
    assert not is_sent(cm.request_vote(RequestVoteArgs(3, 2, 9, 6, pre_vote), 99.0))
    assert picture(cm) == before


def test_the_leader_of_another_term_protects_nobody_4_2_3():
    cm = follower(term=1, sticky=True)
    heard(cm, 1.0)
    cm.reply_received(1, vote_call(cm), RequestVoteReply(5, False), 1.01)
    assert cm.request_vote(RequestVoteArgs(6, 2, 9, 5), 1.02) == RequestVoteReply(6, True)


def test_a_restarted_node_has_heard_nobody_4_2_3():
    storage = disk(1)
    heard(follower(storage=storage, sticky=True), 1.0)
    again = follower(storage=storage, sticky=True, now=1.01)
    assert again.request_vote(RequestVoteArgs(2, 2, 9, 1), 1.02).vote_granted


def test_a_node_whose_timer_was_fired_by_hand_still_hears_its_leader_4_2_3():
    cm = follower(term=1, sticky=True, prevote=True)
    heard(cm, 1.0)
    cm.time_out(1.01)
    assert cm.state is PRE_CANDIDATE
    assert not is_sent(cm.request_vote(RequestVoteArgs(2, 2, 9, 1), 1.02))


def test_a_request_of_its_own_term_is_denied_and_of_a_lower_one_told_the_term_4_2_3():
    cm = follower(term=4, sticky=True)
    heard(cm, 1.0, term=4)
    assert cm.request_vote(RequestVoteArgs(4, 2, 9, 3), 1.01) == RequestVoteReply(4, False)
    assert cm.request_vote(RequestVoteArgs(3, 2, 9, 3), 1.01) == RequestVoteReply(4, False)
    assert cm.request_vote(RequestVoteArgs(4, 2, 9, 3, pre_vote=True), 1.01) == RequestVoteReply(4, False)


def test_the_vote_that_it_gave_its_leader_is_given_again_4_2_3():
    cm = follower(term=0, sticky=True)
    asked = RequestVoteArgs(1, 1, -1, -1)
    assert cm.request_vote(asked, 0.9).vote_granted
    heard(cm, 1.0)
    assert cm.request_vote(asked, 1.01).vote_granted


def test_who_has_permission_to_disrupt_is_heard_4_2_3():
    cm = follower(term=1, sticky=True)
    heard(cm, 1.0)
    assert cm.request_vote(DisruptiveVoteArgs(2, 2, 9, 1), 1.01) == RequestVoteReply(2, True)
    leading = leader(3, term=2, sticky=True)
    assert leading.request_vote(DisruptiveVoteArgs(3, 2, 9, 2), 1.01) == RequestVoteReply(3, True)
    assert leading.state is FOLLOWER


# ---- a higher term is always told (the three together)


@pytest.mark.parametrize("options", [{}, {"prevote": True}, {"checkquorum": True}, {"sticky": True}], ids=str)
def test_a_lower_term_is_answered_with_the_higher_one_5_1(options):
    cm = follower(term=5, **options)
    assert cm.append_entries(append_call(3), 1.0) == AppendEntriesReply(5, False)
    assert cm.request_vote(RequestVoteArgs(3, 2, 9, 2, pre_vote=True), 1.0) == RequestVoteReply(5, False)


# ---- changing options


def test_a_node_tells_its_options_if_they_concern_leases():
    for options, is_told in (({}, False), ({"prevote": True}, False), ({"sticky": True}, True)):
        told = []
        follower(told=told, **options)
        assert any(isinstance(each, Configured) for each in told) is is_told


def test_options_change_while_the_node_runs():
    told = []
    cm = leader(3, told=told)
    heartbeats(cm, 5.0)
    before = picture(cm)
    config = follower(checkquorum=True).config
    cm.configure(config, 5.0)
    assert told[-1] == Configured(config.election_min, False, True, False)
    assert picture(cm) == before
    cm.wake(cm.deadline)
    assert cm.state is FOLLOWER


def test_the_value_for_no_reply_is_none_that_is_sent():
    assert RequestVoteReply(0, False) == NO_VOTE_REPLY
    assert is_sent(RequestVoteReply(0, False))
    assert not is_sent(NO_VOTE_REPLY)
    assert on_disk(follower(term=1))[0] == 1
    assert follower(sticky=True).leader_silence == math.inf
