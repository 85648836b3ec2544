"""Log replication, clause by clause: §5.3, the rules of AppendEntries in Figure 2, the back-up of its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import (
    ROLES,
    append_call,
    appends_to,
    candidate,
    diverging_logs,
    entries,
    entry,
    follower,
    leader,
    on_disk,
    picture,
    settle,
    terms_of,
    thorough,
    vote_call,
)

from raftplay.raft import decisions
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    LogEntry,
    RequestVoteReply,
)

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, DEAD = CMState


def answer(cm, peer, args, success=True, index=NONE, term=NONE, now=1.0):
    cm.reply_received(peer, args, AppendEntriesReply(args.term, success, index, term), now)


# ---- the leader sends


@pytest.mark.parametrize("n", [2, 3, 5, 25])
def test_a_leader_appends_a_command_and_calls_all_others_in_parallel_5_3(n):
    cm = leader(n, term=2, log=(1,))
    assert cm.submit("x") == 1
    assert cm.log[1] == LogEntry("x", 2)
    args = AppendEntriesArgs(2, 0, 0, 1, (LogEntry("x", 2),), NONE)
    assert settle(cm) == [(peer, args) for peer in cm.peer_ids]
    assert on_disk(cm)[2][1] == LogEntry("x", 2)


@pytest.mark.parametrize("role", ["follower", "candidate"])
def test_only_a_leader_takes_commands_5_3(role):
    cm = ROLES[role](term=3, log=(1,))
    before = picture(cm)
    assert cm.submit("x") == NONE
    assert picture(cm) == before


def test_many_commands_of_one_moment_are_one_call():
    cm = leader(term=1)
    assert [cm.submit(i) for i in range(10)] == list(range(10))
    calls = settle(cm)
    assert [(peer, len(args.entries)) for peer, args in calls] == [(1, 10), (2, 10)]


def test_every_call_names_the_entry_before_the_new_ones_5_3():
    cm = leader(term=5, log=(1, 1, 4))
    cm.submit("x")
    cm.submit("y")
    (args,) = appends_to(settle(cm), 1)
    assert (args.prev_log_index, args.prev_log_term, len(args.entries)) == (2, 4, 2)


def test_entries_go_out_at_once_without_waiting_for_earlier_replies():
    cm = leader(term=1)
    sent = []
    for command in "abc":
        cm.submit(command)
        sent += appends_to(settle(cm), 1)
    assert [(args.prev_log_index, [e.command for e in args.entries]) for args in sent] == [
        (-1, ["a"]),
        (0, ["b"]),
        (1, ["c"]),
    ]


def test_next_index_begins_after_the_leaders_last_entry_and_match_index_at_none_5_3():
    cm = leader(4, term=3, log=(1, 1, 2))
    assert cm.next_index == {1: 3, 2: 3, 3: 3}
    assert cm.match_index == {1: NONE, 2: NONE, 3: NONE}


def test_what_a_leader_knew_of_its_peers_is_forgotten_at_its_next_election_figure_2():
    cm = leader(term=3, log=(1, 1))
    answer(cm, 1, append_call(3, (1, 1), leader_id=0))
    assert cm.match_index[1] == 1
    cm.append_entries(append_call(4, (1, 4), after=0), 1.1)
    cm.wake(cm.deadline)
    settle(cm)
    cm.reply_received(2, vote_call(cm), RequestVoteReply(5, True), 2.0)
    assert (cm.state, terms_of(cm)) == (LEADER, (1, 4))
    assert (cm.next_index, cm.match_index) == ({1: 2, 2: 2}, {1: NONE, 2: NONE})


# ---- the follower's consistency check (rules 1 and 2)


@pytest.mark.parametrize(
    ("log", "after", "prev_term", "success", "conflict"),
    [
        # what matches
        ((), -1, -1, True, (NONE, NONE)),
        ((1, 2), -1, -1, True, (NONE, NONE)),
        ((1, 2), 0, 1, True, (NONE, NONE)),
        ((1, 2), 1, 2, True, (NONE, NONE)),
        # too short: the hint is where the log ends
        ((), 0, 1, False, (0, NONE)),
        ((1, 2), 2, 2, False, (2, NONE)),
        ((1, 2), 50, 2, False, (2, NONE)),
        # another term: the hint is that term and its first entry
        ((1, 2), 1, 1, False, (1, 2)),
        ((1, 2), 1, 3, False, (1, 2)),
        ((1, 2), 0, 2, False, (0, 1)),
        ((1, 1, 1), 2, 3, False, (0, 1)),
        ((1, 1, 2, 2, 2), 3, 3, False, (2, 2)),
        ((1, 1, 2, 2, 2), 4, 1, False, (2, 2)),
    ],
)
def test_a_follower_refuses_entries_that_do_not_follow_its_own_and_says_where_5_3(
    log, after, prev_term, success, conflict
):
    cm = follower(term=3, log=log)
    reply = cm.append_entries(AppendEntriesArgs(3, 1, after, prev_term, (), NONE))
    assert reply == AppendEntriesReply(3, success, *conflict)
    assert terms_of(cm) == log


def test_a_refused_call_stores_and_commits_nothing_5_3():
    cm = follower(term=3, log=(1, 1))
    cm.append_entries(append_call(3, (1, 2, 3), after=1, commit=2))
    assert (terms_of(cm), cm.commit_index) == ((1, 1), NONE)


# ---- the follower stores (rules 3 and 4)


@pytest.mark.parametrize(
    ("own", "leaders", "after", "result"),
    [
        # new entries are appended
        ((), (1,), -1, (1,)),
        ((), (1, 1, 2), -1, (1, 1, 2)),
        ((1, 2), (1, 2, 3), 1, (1, 2, 3)),
        ((1, 2), (1, 2, 3, 3), 0, (1, 2, 3, 3)),
        # what is there already stays
        ((1, 2), (1, 2), -1, (1, 2)),
        ((1, 2), (1, 2), 1, (1, 2)),
        # an entry that conflicts goes, and all that follow it
        ((1, 2), (1, 3), 0, (1, 3)),
        ((1, 2, 2, 2), (1, 3), -1, (1, 3)),
        ((1, 2, 2, 2), (1, 2, 3), 0, (1, 2, 3)),
        ((1, 2, 2, 2), (3, 3), -1, (3, 3)),
        ((1, 1, 2), (1, 3, 3, 3), 0, (1, 3, 3, 3)),
    ],
)
def test_a_follower_makes_its_log_agree_with_the_leaders_5_3(own, leaders, after, result):
    cm = follower(term=3, log=own)
    assert cm.append_entries(append_call(3, leaders, after=after)) == AppendEntriesReply(3, True)
    settle(cm)
    assert cm.log == entries(result)
    assert on_disk(cm)[2] == entries(result)


@pytest.mark.parametrize(("leaders", "after"), [((), -1), ((1,), -1), ((1,), 0), ((1, 2), 0), ((1, 2), -1)])
def test_a_call_that_is_old_or_empty_cuts_nothing_off_5_3(leaders, after):
    cm = follower(term=2, log=(1, 2, 2, 2))
    before = on_disk(cm)
    assert cm.append_entries(append_call(2, leaders, after=after)).success
    assert (terms_of(cm), cm.persist(), on_disk(cm)) == ((1, 2, 2, 2), False, before)


def test_calls_that_arrive_twice_or_in_reverse_lose_nothing_5_3():
    one, two = append_call(1, (1,)), append_call(1, (1, 1), after=0)
    cm = follower(term=1)
    assert [cm.append_entries(args).success for args in (two, one, two, two, one)] == [False] + [True] * 4
    assert terms_of(cm) == (1, 1)


@thorough
@given(diverging_logs(), st.lists(st.tuples(st.integers(-1, 30), st.integers(0, 30)), max_size=8))
def test_in_whatever_order_calls_arrive_a_follower_agrees_with_the_leader_as_far_as_they_reach_5_3(logs, calls):
    leaders, own, reach = logs
    conflict_at = reach if reach < min(len(leaders), len(own)) else None
    cm = follower(term=20, log=own)
    length = len(own)
    for first, count in calls:
        after = min(first, len(leaders) - 1)
        upto = min(after + 1 + count, len(leaders))
        reply = cm.append_entries(append_call(20, leaders[:upto], after=after))
        assert reply.success == (after < reach)
        if reply.success:
            if conflict_at is not None and upto > conflict_at:
                length, conflict_at = upto, None
            length, reach = max(length, upto), max(reach, upto)
        assert cm.log[:reach] == list(entries(leaders[:reach]))
        assert len(cm.log) == length


# ---- the leader learns


def test_a_success_vouches_for_the_entries_of_its_call_and_no_more_5_3():
    cm = leader(term=2, log=(1, 1, 1))
    cm.submit("x")
    settle(cm)
    answer(cm, 1, append_call(2, (1, 1), leader_id=0))
    assert cm.match_index == {1: 1, 2: NONE}
    answer(cm, 1, AppendEntriesArgs(2, 0, 2, 1, (LogEntry("x", 2),), NONE))
    assert (cm.match_index[1], cm.next_index[1]) == (3, 4)


def test_a_success_that_comes_late_or_twice_takes_nothing_back_5_3():
    cm = leader(term=2, log=(1, 1, 1))
    calls = [append_call(2, (1,) * k, leader_id=0) for k in (1, 2, 3)]
    for args in reversed(calls):
        answer(cm, 1, args)
    settle(cm)
    before = picture(cm)
    for args in calls * 2:
        answer(cm, 1, args)
    assert picture(cm) == before
    assert (cm.match_index[1], cm.next_index[1]) == (2, 3)


@pytest.mark.parametrize(
    ("log", "conflict", "next_index"),
    [
        # the follower's log ends early: go on where it ends
        ((1, 1, 4, 4, 5), (2, NONE), 2),
        ((1, 1, 4, 4, 5), (0, NONE), 0),
        # the leader has none of the conflicting term: go to its first entry there
        ((1, 1, 4, 4, 5), (3, 3), 3),
        ((1, 1, 4, 4, 5), (1, 2), 1),
        # the leader has that term too: go behind its own last entry of it
        ((1, 1, 4, 4, 5), (0, 1), 2),
        ((1, 1, 4, 4, 5), (2, 4), 4),
        # a hint that would not go back goes back by one
        ((1, 1, 4, 4, 5), (9, NONE), 4),
        ((1, 1, 4, 4, 5), (NONE, NONE), 0),
    ],
)
def test_a_refusal_sets_next_index_back_by_its_hint_and_the_leader_tries_again_5_3(log, conflict, next_index):
    cm = leader(term=6, log=log)
    heartbeat = append_call(6, log, after=len(log) - 1, leader_id=0)
    answer(cm, 1, heartbeat, False, *conflict)
    assert cm.next_index == {1: next_index, 2: len(log)}
    (args,) = appends_to(settle(cm), 1)
    assert args == append_call(6, log, after=next_index - 1, leader_id=0)
    assert terms_of(cm) == log


@pytest.mark.parametrize("after", [4, 2, 1])
def test_a_refusal_older_than_a_success_never_reaches_behind_it_5_3(after):
    told = []
    cm = leader(term=6, log=(1, 1, 4, 4, 5), told=told)
    answer(cm, 1, append_call(6, (1, 1, 4), leader_id=0))
    answer(cm, 1, append_call(6, (1, 1, 4, 4, 5), after=after, leader_id=0), False, 0, NONE)
    assert (cm.match_index[1], cm.next_index[1]) == (2, 3)
    if after > 2:
        assert isinstance(told[-1], decisions.BackedUp)
    else:
        assert (told[-1].rule, told[-1].peer) == ("outdated", 1)


def test_a_refusal_that_comes_twice_ends_where_one_does_5_3():
    cm = leader(term=6, log=(1, 1, 4, 4, 5))
    peer = follower(term=6, log=(1, 1), id=1)
    probe = append_call(6, (1, 1, 4, 4, 5), after=4, leader_id=0)
    refusal = peer.append_entries(probe)
    for _ in range(2):
        cm.reply_received(1, probe, refusal, 1.0)
        for args in appends_to(settle(cm), 1):
            cm.reply_received(1, args, peer.append_entries(args), 1.0)
    assert (peer.log, cm.match_index[1], cm.next_index[1]) == (cm.log, 4, 5)
    assert appends_to(settle(cm), 1) == []


def test_replies_of_an_earlier_leadership_do_not_count_5_3():
    cm = leader(5, term=2)
    cm.submit("lost")
    settle(cm)
    early = AppendEntriesArgs(2, 0, -1, -1, (LogEntry("lost", 2),), NONE)
    cm.append_entries(append_call(3, (3,)), 1.1)
    cm.wake(cm.deadline)
    settle(cm)
    for peer in (1, 2):
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(4, True), 2.0)
    settle(cm)
    assert (cm.state, cm.current_term) == (LEADER, 4)
    before = picture(cm)
    for peer in (1, 2, 3, 4):
        answer(cm, peer, early)
        answer(cm, peer, early, False, 0, NONE)
        cm.reply_received(peer, early, AppendEntriesReply(4, True), 2.0)
        cm.reply_received(peer, early, AppendEntriesReply(4, False, 0, NONE), 2.0)
    assert picture(cm) == before


@pytest.mark.parametrize("make", [follower, candidate])
def test_replies_to_entries_mean_nothing_to_who_does_not_lead_5_3(make):
    cm = make(term=3, log=(1,))
    before = picture(cm)
    answer(cm, 1, append_call(3, (1,), leader_id=0))
    answer(cm, 1, append_call(3, (1,), leader_id=0), False, 0, NONE)
    assert picture(cm) == before


# ---- the leader tries again


def test_a_leader_repeats_what_was_lost_until_all_followers_have_it_5_3():
    cm = leader(term=1)
    cm.submit("x")
    settle(cm)  # lost, and nobody knows
    peer = follower(term=1, id=1)
    for _ in range(3):
        cm.wake(cm.deadline)
        (beat,) = appends_to(settle(cm), 1)  # lost again
    cm.reply_received(1, beat, peer.append_entries(beat), 2.0)
    (args,) = appends_to(settle(cm), 1)
    assert peer.append_entries(args).success
    assert peer.log == cm.log


def test_a_call_known_to_be_lost_is_sent_again_with_the_next_heartbeat():
    cm = leader(term=1)
    cm.submit("x")
    for peer, args in settle(cm):
        cm.call_failed(peer, args, 1.0)
    assert settle(cm) == []
    cm.wake(cm.deadline)
    assert [args.entries for _, args in settle(cm)] == [(LogEntry("x", 1),)] * 2


def test_a_lost_call_never_sets_next_index_behind_what_is_known_to_be_there():
    cm = leader(term=2, log=(1,) * 4)
    answer(cm, 1, append_call(2, (1, 1, 1), leader_id=0))
    cm.call_failed(1, append_call(2, (1,), leader_id=0), 1.0)
    assert (cm.match_index[1], cm.next_index[1]) == (2, 3)
    cm.call_failed(1, append_call(2, (1,) * 4, after=3, leader_id=0), 1.0)
    assert cm.next_index[1] == 3


@pytest.mark.parametrize(
    ("role", "args"),
    [
        ("follower", append_call(3, (1,), leader_id=0)),
        ("candidate", append_call(3, (1,), leader_id=0)),
        ("leader", append_call(2, (1,), leader_id=0)),
        ("leader", vote_call(follower(term=3))),
        ("candidate", vote_call(follower(term=3))),
    ],
)
def test_a_lost_call_of_another_role_or_term_changes_nothing(role, args):
    cm = ROLES[role](term=3, log=(1,))
    before = picture(cm)
    cm.call_failed(1, args, 1.0)
    assert picture(cm) == before


def test_a_leader_never_overwrites_or_deletes_its_own_entries_5_3():
    cm = leader(term=6, log=(1, 1, 4))
    cm.submit("x")
    calls = settle(cm)
    for peer, args in calls * 2:
        answer(cm, peer, args, False, 0, NONE)
        answer(cm, peer, args)
    assert cm.log == (*entries((1, 1, 4)), LogEntry("x", 6))
    assert entry(2, 4) == cm.log[2]
