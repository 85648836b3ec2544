"""Elections, clause by clause: §5.1 (terms), §5.2 (leader election), §5.4.1 (election restriction)."""

import math
import random

import pytest
from support.paper import (
    ROLES,
    append_call,
    candidate,
    disk,
    follower,
    leader,
    majority,
    on_disk,
    picture,
    settle,
    vote_call,
)

from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.storage import MapStorage

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, DEAD = CMState
roles = pytest.mark.parametrize("role", ROLES)


# ---- §5.1: terms


@roles
@pytest.mark.parametrize("message", ["vote asked", "entries sent", "vote answered", "entries answered"])
def test_whoever_sees_a_newer_term_adopts_it_and_follows_5_1(role, message):
    cm = ROLES[role](term=3)
    match message:
        case "vote asked":
            cm.request_vote(RequestVoteArgs(5, 2, -1, -1))
        case "entries sent":
            cm.append_entries(append_call(5))
        case "vote answered":
            cm.reply_received(1, vote_call(cm), RequestVoteReply(5, False), 1.0)
        case "entries answered":
            cm.reply_received(1, append_call(3, leader_id=0), AppendEntriesReply(5, False), 1.0)
    settle(cm)
    assert (cm.state, cm.current_term) == (FOLLOWER, 5)
    assert cm.voted_for == (2 if message == "vote asked" else NONE)
    assert on_disk(cm)[:2] == (5, cm.voted_for)


@roles
def test_a_newer_term_is_adopted_even_where_the_vote_is_refused_5_1(role):
    cm = ROLES[role](term=3, log=(1, 2))
    reply = cm.request_vote(RequestVoteArgs(4, 2, 5, 1))
    assert reply == RequestVoteReply(4, False)
    assert (cm.state, cm.current_term, cm.voted_for) == (FOLLOWER, 4, NONE)


@roles
def test_a_request_of_an_older_term_is_refused_and_told_the_newer_one_5_1(role):
    cm = ROLES[role](term=3)
    before = picture(cm)
    assert cm.request_vote(RequestVoteArgs(2, 2, 9, 2), 9.0) == RequestVoteReply(3, False)
    assert cm.append_entries(append_call(2, (1, 2)), 9.0) == AppendEntriesReply(3, False)
    assert picture(cm) == before


@roles
def test_a_reply_of_an_older_term_changes_nothing_5_1(role):
    cm = ROLES[role](term=3, log=(1,))
    before = picture(cm)
    cm.reply_received(1, RequestVoteArgs(2, 0, 0, 1), RequestVoteReply(2, True), 9.0)
    cm.reply_received(2, RequestVoteArgs(2, 0, 0, 1), RequestVoteReply(2, True), 9.0)
    cm.reply_received(1, append_call(2, (1,), leader_id=0), AppendEntriesReply(2, True), 9.0)
    cm.reply_received(2, append_call(2, (1,), leader_id=0), AppendEntriesReply(2, False, 0, 1), 9.0)
    assert picture(cm) == before


# ---- §5.2: followers


def test_a_node_is_dormant_until_it_is_started():
    cm = ConsensusModule(0, (1, 2), MapStorage())
    assert (cm.state, cm.current_term, cm.voted_for, cm.deadline) == (FOLLOWER, 0, NONE, math.inf)
    cm.wake(1000.0)
    assert (cm.state, cm.has_output) == (FOLLOWER, False)


def test_when_servers_start_up_they_begin_as_followers_5_2():
    was_leader = disk(7, (1, 7), vote=0)
    cm = follower(storage=was_leader)
    assert (cm.state, cm.current_term, cm.voted_for, len(cm.log)) == (FOLLOWER, 7, 0, 2)
    assert (cm.commit_index, cm.last_applied, cm.report()) == (NONE, NONE, (0, 7, False))


def test_a_follower_stays_one_as_long_as_it_hears_a_leader_5_2():
    cm = follower(term=2)
    for beat in range(1, 100):
        cm.append_entries(append_call(2), beat * 0.149)
        cm.wake(beat * 0.149)
    assert (cm.state, cm.current_term, cm.leader_id) == (FOLLOWER, 2, 1)


RESETS = {
    "a heartbeat": (lambda cm: cm.append_entries(append_call(2), 0.1), True),
    "entries": (lambda cm: cm.append_entries(append_call(2, (1, 2)), 0.1), True),
    "entries that do not fit": (lambda cm: cm.append_entries(append_call(2, (1, 2, 2), after=1), 0.1), True),
    "a granted vote": (lambda cm: cm.request_vote(RequestVoteArgs(2, 2, 0, 1), 0.1), True),
    "an old leader": (lambda cm: cm.append_entries(append_call(1), 0.1), False),
    "an old candidate": (lambda cm: cm.request_vote(RequestVoteArgs(1, 2, 0, 1), 0.1), False),
    "a refused vote": (lambda cm: cm.request_vote(RequestVoteArgs(2, 2, -1, -1), 0.1), False),
    "a refused vote of a newer term": (lambda cm: cm.request_vote(RequestVoteArgs(9, 2, -1, -1), 0.1), False),
    "a newer term in a reply": (
        lambda cm: cm.reply_received(1, vote_call(cm), RequestVoteReply(9, False), 0.1),
        False,
    ),
}


@pytest.mark.parametrize("what", RESETS)
def test_only_a_current_leader_and_a_vote_for_a_candidate_reset_the_timer_5_2(what):
    cm = follower(term=2, log=(1,))
    before = cm.deadline
    act, resets = RESETS[what]
    act(cm)
    assert (cm.deadline != before) == resets
    if resets:
        assert 0.1 + 0.150 <= cm.deadline <= 0.1 + 0.300


def test_nothing_happens_before_the_deadline_5_2():
    cm = follower()
    before = picture(cm)
    cm.wake(math.nextafter(cm.deadline, 0))
    assert picture(cm) == before


# ---- §5.2: candidates


@pytest.mark.parametrize("role", ["follower", "candidate"])
def test_a_node_that_hears_no_leader_starts_an_election_5_2(role):
    cm = ROLES[role](5, term=3, log=(1, 2))
    cm.wake(cm.deadline)
    assert (cm.state, cm.current_term, cm.voted_for, cm.leader_id) == (CANDIDATE, 4, 0, NONE)
    calls = settle(cm)
    assert on_disk(cm)[:2] == (4, 0)
    assert cm.votes == [0]
    assert calls == [(peer, RequestVoteArgs(4, 0, 1, 2)) for peer in (1, 2, 3, 4)]


def test_a_candidate_waits_a_whole_timeout_before_it_starts_anew_5_2():
    cm = follower()
    woken = cm.deadline
    cm.wake(woken)
    assert woken + 0.150 <= cm.deadline <= woken + 0.300


@pytest.mark.parametrize("n", range(1, 26))
def test_votes_of_a_majority_and_no_fewer_make_a_leader_5_2(n):
    cm = candidate(n, term=4)
    for got, peer in enumerate(cm.peer_ids, start=1):
        assert (cm.state is LEADER) == (got >= majority(n))
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(4, True), 1.0)
    assert cm.report() == (0, 4, True)


@pytest.mark.parametrize(
    ("n", "granted", "state"),
    [
        (1, (), LEADER),
        (2, (), CANDIDATE),
        (2, (True,), LEADER),
        (3, (True,), LEADER),
        (3, (False,), CANDIDATE),
        (3, (False, False), CANDIDATE),
        (3, (False, True), LEADER),
        (4, (True,), CANDIDATE),
        (4, (True, False, True), LEADER),
        (5, (True, False, False, False), CANDIDATE),
        (5, (True, True), LEADER),
        (5, (False, True, False, True), LEADER),
    ],
)
def test_one_round_of_votes_decides_an_election_5_2(n, granted, state):
    cm = candidate(n, term=2)
    for peer, grant in enumerate(granted, start=1):
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(2, grant), 1.0)
    assert (cm.state, cm.current_term) == (state, 2)


def test_each_voter_counts_once_however_often_its_vote_arrives_5_2():
    cm = candidate(5, term=2)
    for _ in range(10):
        cm.reply_received(3, vote_call(cm), RequestVoteReply(2, True), 1.0)
        cm.reply_received(0, vote_call(cm), RequestVoteReply(2, True), 1.0)
    assert (cm.state, cm.votes) == (CANDIDATE, [0, 3])


def test_votes_of_an_earlier_election_do_not_count_5_2():
    cm = candidate(5, term=2)
    earlier = vote_call(cm)
    cm.reply_received(1, earlier, RequestVoteReply(2, True), 0.4)
    cm.wake(1.0)
    settle(cm)
    for peer in (1, 2, 3, 4):
        cm.reply_received(peer, earlier, RequestVoteReply(2, True), 1.0)
    assert (cm.state, cm.current_term, cm.votes) == (CANDIDATE, 3, [0])


def test_votes_that_come_after_stepping_down_do_not_count_5_2():
    cm = candidate(3, term=2)
    asked = vote_call(cm)
    cm.append_entries(append_call(2))
    before = picture(cm)
    cm.reply_received(1, asked, RequestVoteReply(2, True), 1.0)
    assert picture(cm) == before


def test_votes_that_come_after_the_victory_change_nothing_5_2():
    cm = leader(5, term=2)
    before = picture(cm)
    for peer in (1, 2, 3, 4):
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(2, True), 1.01)
    assert picture(cm) == before


def test_a_candidate_counts_its_own_vote_only_once_it_is_on_disk_5_2():
    cm = follower(1)
    cm.wake(cm.deadline)
    assert (cm.state, cm.votes) == (CANDIDATE, [])
    settle(cm)
    assert (cm.state, cm.votes) == (LEADER, [0])


@pytest.mark.parametrize("term", [4, 5])
def test_a_candidate_that_hears_a_legitimate_leader_follows_it_5_2(term):
    cm = candidate(term=4)
    assert cm.append_entries(append_call(term)) == AppendEntriesReply(term, True)
    assert (cm.state, cm.current_term, cm.leader_id) == (FOLLOWER, term, 1)


def test_a_candidate_that_hears_an_older_leader_goes_on_5_2():
    cm = candidate(term=4)
    before = picture(cm)
    assert cm.append_entries(append_call(3)) == AppendEntriesReply(4, False)
    assert picture(cm) == before


def test_a_candidate_that_steps_down_within_its_term_keeps_its_vote_5_2():
    cm = candidate(term=4)
    cm.append_entries(append_call(4))
    assert cm.request_vote(RequestVoteArgs(4, 2, 9, 3)) == RequestVoteReply(4, False)
    assert cm.voted_for == 0


# ---- §5.2: voters


@pytest.mark.parametrize(
    ("voted_for", "candidate_id", "granted"),
    [(NONE, 1, True), (NONE, 2, True), (1, 1, True), (2, 2, True), (1, 2, False), (2, 1, False), (0, 1, False)],
)
def test_a_node_votes_for_at_most_one_candidate_in_a_term_first_come_first_served_5_2(
    voted_for, candidate_id, granted
):
    cm = follower(term=3, vote=voted_for)
    assert cm.request_vote(RequestVoteArgs(3, candidate_id, -1, -1)) == RequestVoteReply(3, granted)
    assert cm.voted_for == (candidate_id if granted else voted_for)


def test_a_vote_outlives_a_crash_5_2():
    storage = disk(3)
    cm = follower(storage=storage)
    assert cm.request_vote(RequestVoteArgs(3, 1, -1, -1)).vote_granted
    settle(cm)
    again = follower(storage=storage)
    assert again.request_vote(RequestVoteArgs(3, 1, -1, -1)).vote_granted
    assert not again.request_vote(RequestVoteArgs(3, 2, -1, -1)).vote_granted


def test_a_new_term_brings_a_new_vote_5_2():
    cm = follower(term=3, vote=1)
    assert cm.request_vote(RequestVoteArgs(4, 2, -1, -1)) == RequestVoteReply(4, True)


@pytest.mark.parametrize("role", ["candidate", "leader"])
def test_candidates_and_leaders_have_voted_for_themselves_5_2(role):
    cm = ROLES[role](term=3)
    assert not cm.request_vote(RequestVoteArgs(3, 1, 9, 2)).vote_granted
    assert (cm.state.value.lower(), cm.voted_for) == (role, 0)


# ---- §5.2: leaders


def test_a_new_leader_sends_heartbeats_to_all_at_once_5_2():
    cm = candidate(5, term=2, log=(1,))
    for peer in (1, 2):
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(2, True), 1.0)
    assert settle(cm) == [(peer, AppendEntriesArgs(2, 0, 0, 1, (), NONE)) for peer in (1, 2, 3, 4)]


def test_a_leader_repeats_its_heartbeats_every_50_ms_5_2():
    cm = leader(3, term=2)
    now = 1.0
    for _ in range(20):
        assert cm.deadline == pytest.approx(now + 0.050)
        now = cm.deadline
        cm.wake(now)
        assert settle(cm) == [(peer, AppendEntriesArgs(2, 0, NONE, NONE, (), NONE)) for peer in (1, 2)]


def test_a_leader_has_no_election_timer_5_2():
    cm = leader(term=2)
    before = picture(cm)
    cm.time_out(99.0)
    assert picture(cm) == before


def test_a_leader_that_steps_down_waits_a_whole_election_timeout_5_2():
    cm = leader(term=2)
    cm.reply_received(1, append_call(2, leader_id=0), AppendEntriesReply(3, False), 1.04)
    assert 1.04 + 0.150 <= cm.deadline <= 1.04 + 0.300


def test_a_leader_that_steps_down_takes_back_what_it_had_not_sent_5_2():
    cm = leader(term=2)
    cm.submit("x")
    cm.append_entries(append_call(3))
    assert settle(cm) == []
    assert (cm.state, cm.leader_id) == (FOLLOWER, 1)


def test_forcing_the_timer_starts_an_election_at_once():
    cm = follower(term=2)
    cm.time_out(0.001)
    assert (cm.state, cm.current_term) == (CANDIDATE, 3)


# ---- §5.2: randomized timeouts


def waits(cm, count=300):
    """How long each of `count` waits in a row would last, candidate after candidate."""
    drawn = []
    for _ in range(count):
        now = cm.deadline
        cm.wake(now)
        drawn.append(cm.deadline - now)
    return drawn


def test_election_timeouts_are_drawn_anew_from_150_to_300_ms_5_2():
    drawn = waits(follower(seed=5))
    assert all(0.150 <= wait <= 0.300 + 1e-9 for wait in drawn)
    assert len({round(wait, 6) for wait in drawn}) > 290
    assert min(drawn) < 0.153
    assert max(drawn) > 0.297
    for low in (0.150, 0.180, 0.210, 0.240, 0.270):
        in_this_fifth = sum(low <= wait < low + 0.030 for wait in drawn)
        assert 35 <= in_this_fifth <= 90


def test_a_follower_draws_a_new_timeout_at_each_heartbeat_5_2():
    cm = follower(term=1, seed=5)
    drawn = set()
    for beat in range(100):
        cm.append_entries(append_call(1), beat * 0.05)
        drawn.add(round(cm.deadline - beat * 0.05, 6))
    assert len(drawn) > 95


def test_a_third_of_the_timeouts_is_exactly_150_ms_where_reelection_is_forced():
    drawn = waits(follower(seed=5, force_more_reelection=True), 900)
    assert all(0.150 - 1e-9 <= wait <= 0.300 + 1e-9 for wait in drawn)
    assert 250 <= sum(abs(wait - 0.150) < 1e-9 for wait in drawn) <= 350


def test_timeouts_depend_on_nothing_but_the_generator_that_the_node_was_handed():
    assert waits(follower(seed=8)) == waits(follower(seed=8))
    assert waits(follower(seed=8)) != waits(follower(seed=9))


def test_random_timeouts_make_split_votes_rare_5_2():
    rng = random.Random(1)
    close = 0
    for _ in range(300):
        first, second = sorted(follower(5, seed=rng.random()).deadline for _ in range(5))[:2]
        close += second - first < 0.010  # two delays of at most 5 ms: the second may not know of the first
    assert close / 300 < 0.40


@pytest.mark.parametrize("options", [{"election_min": 0.0}, {"election_min": 0.4}, {"heartbeat": 0}])
def test_timings_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError, match="must"):
        RaftConfig(**options)


# ---- §5.4.1: the election restriction


def test_a_candidate_tells_how_far_its_log_goes_5_4_1():
    for log, last in [((), (-1, -1)), ((1,), (0, 1)), ((1, 1, 2), (2, 2))]:
        cm = follower(term=2, log=log)
        cm.wake(cm.deadline)
        args = settle(cm)[0][1]
        assert (args.last_log_index, args.last_log_term) == last


@pytest.mark.parametrize(
    ("own", "last_index", "last_term", "granted"),
    [
        ((), -1, -1, True),
        ((), 0, 1, True),
        ((1,), -1, -1, False),
        # the same last term: the longer log is more up to date
        ((1,), 0, 1, True),
        ((1,), 1, 1, True),
        ((1, 1), 0, 1, False),
        ((2, 2, 2), 1, 2, False),
        # different last terms: the later one is more up to date, whatever the lengths
        ((1,), 0, 2, True),
        ((1, 1, 1, 1), 0, 2, True),
        ((2,), 0, 1, False),
        ((2,), 99, 1, False),
        ((1, 1, 3), 7, 2, False),
        ((1, 1, 2), 1, 3, True),
    ],
)
def test_a_voter_refuses_whose_log_is_less_up_to_date_than_its_own_5_4_1(own, last_index, last_term, granted):
    cm = follower(term=3, log=own)
    assert cm.request_vote(RequestVoteArgs(3, 1, last_index, last_term)) == RequestVoteReply(3, granted)
    assert cm.voted_for == (1 if granted else NONE)


# ---- the dead


@roles
def test_a_dead_node_answers_nothing_and_nothing_changes_it(role):
    cm = ROLES[role](term=3, log=(1, 2))
    kept = on_disk(cm)
    cm.stop()
    before = picture(cm)
    assert (cm.state, cm.deadline, str(cm.state)) == (DEAD, math.inf, "Dead")
    assert cm.request_vote(RequestVoteArgs(9, 1, 9, 8)) == RequestVoteReply(0, False)
    assert cm.append_entries(append_call(9, (1, 2, 9))) == AppendEntriesReply(0, False)
    cm.reply_received(1, vote_call(cm), RequestVoteReply(9, False), 9.0)
    cm.reply_received(1, append_call(3, (1, 2), leader_id=0), AppendEntriesReply(3, True), 9.0)
    cm.call_failed(1, append_call(3, (1, 2), leader_id=0), 9.0)
    cm.start(9.0)
    cm.wake(math.inf)
    cm.time_out(9.0)
    cm.stop()
    assert (cm.submit("x"), cm.persist(9.0), cm.take_calls(), cm.take_commits()) == (NONE, False, [], [])
    assert picture(cm) == before
    assert on_disk(cm) == kept
