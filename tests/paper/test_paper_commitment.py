"""Commitment, clause by clause: §5.3, §5.4.2, rule 5 of AppendEntries, and "All Servers" of Figure 2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import (
    ROLES,
    ByHand,
    append_call,
    appends_to,
    disk,
    entries,
    follower,
    leader,
    majority,
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
    CommitEntry,
    InternalEntry,
    RequestVoteReply,
)
from raftplay.raft.rule_names import Rule


def acknowledge(cm, peer, upto):
    """`peer` answers a call that ended with the entry at index `upto`."""
    args = AppendEntriesArgs(cm.current_term, cm.id, NONE, NONE, tuple(cm.log[: upto + 1]), NONE)
    cm.reply_received(peer, args, AppendEntriesReply(cm.current_term, True), 1.0)


# ---- leaders


@pytest.mark.parametrize("n", range(2, 26))
def test_an_entry_is_committed_once_a_majority_has_it_and_no_sooner_5_3(n):
    cm = leader(n, term=1)
    cm.submit("x")
    settle(cm)
    for acknowledged, peer in enumerate(cm.peer_ids, start=1):
        assert (cm.commit_index == 0) == (acknowledged >= majority(n))
        acknowledge(cm, peer, 0)
    assert cm.take_commits() == [CommitEntry("x", 0, 1)]


def test_a_single_node_commits_what_is_on_its_own_disk_5_3():
    cm = leader(1, term=1)
    assert cm.submit("x") == 0
    assert cm.commit_index == NONE
    assert settle(cm) == []
    assert cm.take_commits() == [CommitEntry("x", 0, 1)]


def test_a_single_node_goes_on_where_its_log_ended_5_3():
    storage = disk(3, (1, 2, 3))
    cm = leader(1, term=4, storage=storage)
    assert cm.commit_index == NONE  # §5.4.2: entries of older terms wait for one of its own
    cm.submit("x")
    settle(cm)
    assert [c.index for c in cm.take_commits()] == [0, 1, 2, 3]


def test_one_peer_counts_once_however_often_it_acknowledges_5_3():
    cm = leader(5, term=1)
    cm.submit("x")
    settle(cm)
    for _ in range(9):
        acknowledge(cm, 1, 0)
    assert (cm.commit_index, cm.take_commits()) == (NONE, [])


def test_a_commit_takes_all_preceding_entries_along_5_3():
    cm = leader(5, term=3, log=(1, 1, 2))
    cm.submit("x")
    settle(cm)
    acknowledge(cm, 1, 3)
    acknowledge(cm, 2, 3)
    assert [(c.index, c.command) for c in cm.take_commits()] == [(0, "0@1"), (1, "1@1"), (2, "2@2"), (3, "x")]


@pytest.mark.parametrize(
    ("acknowledged", "commit_index"),
    [
        ((0, 0, 0, 0), 0),
        ((3, NONE, NONE, NONE), NONE),
        ((3, 0, NONE, NONE), 0),
        ((3, 2, NONE, NONE), 2),
        ((3, 2, 1, 0), 2),
        ((1, 1, 3, 0), 1),
        ((3, 3, 3, 3), 3),
    ],
)
def test_the_commit_index_is_what_a_majority_reaches_5_3(acknowledged, commit_index):
    cm = leader(5, term=1)
    for command in "abcd":
        cm.submit(command)
    settle(cm)
    for peer, upto in enumerate(acknowledged, start=1):
        if upto != NONE:
            acknowledge(cm, peer, upto)
    cm.take_commits()
    assert cm.commit_index == cm.last_applied == commit_index


def test_the_leader_tells_its_commit_index_at_once_and_with_every_later_call_5_3():
    cm = leader(3, term=1)
    cm.submit("x")
    settle(cm)
    acknowledge(cm, 1, 0)
    told = AppendEntriesArgs(1, 0, 0, 1, (), 0)
    assert sorted(settle(cm)) == [(1, told), (2, told)]
    cm.wake(cm.deadline)
    assert settle(cm) == [(1, told), (2, told)]
    cm.submit("y")
    assert [args.leader_commit for _, args in settle(cm)] == [0, 0]


def test_a_new_leader_commits_nothing_by_its_election_5_3():
    cm = leader(3, term=2, log=(1, 1))
    assert (cm.commit_index, cm.take_commits()) == (NONE, [])


# ---- §5.4.2: entries of earlier terms


@pytest.mark.parametrize(
    ("upto", "commit_index"),
    [(0, NONE), (1, NONE), (2, 2), (3, 3)],
)
def test_only_entries_of_the_leaders_own_term_are_committed_by_counting_5_4_2(upto, commit_index):
    cm = leader(3, term=3, log=(1, 2))
    cm.submit("x")
    cm.submit("y")
    settle(cm)
    acknowledge(cm, 1, upto)
    acknowledge(cm, 2, upto)
    assert cm.commit_index == commit_index


def test_an_older_entry_on_all_nodes_stays_uncommitted_until_one_of_the_new_term_follows_5_4_2():
    told = []
    cm = leader(5, term=4, log=(1, 2), told=told)
    for peer in cm.peer_ids:
        acknowledge(cm, peer, 1)
    assert cm.commit_index == NONE
    assert told.count(decisions.CommitHeld(1, 2)) == 1  # said once, not with every further reply
    cm.submit("own")
    settle(cm)
    acknowledge(cm, 1, 2)
    acknowledge(cm, 2, 2)
    assert (cm.commit_index, len(cm.take_commits())) == (2, 3)


def test_a_majority_that_ends_in_an_older_term_holds_back_what_lies_beyond_5_4_2():
    cm = leader(5, term=4, log=(1, 2))
    cm.submit("own")
    settle(cm)
    acknowledge(cm, 1, 2)
    acknowledge(cm, 2, 1)
    acknowledge(cm, 3, 0)
    assert cm.commit_index == NONE


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_with_a_noop_the_entries_of_older_terms_need_no_client_8(n):
    cluster = ByHand([disk(3, (1, 3)) for _ in range(n)], {"noop": True})
    cluster.elect(0, *range(1, n))
    assert cluster.nodes[0].log[2] == InternalEntry(cluster.nodes[0].current_term, "no-op")
    cluster.time_out(0)
    cluster.exchange(*range(n))
    for commits in cluster.commits:
        assert [(c.index, c.command) for c in commits] == [(0, "0@1"), (1, "1@3"), (2, None)]


def test_without_the_option_a_new_leader_appends_nothing():
    cm = leader(3, term=2, log=(1,))
    assert terms_of(cm) == (1,)


# ---- followers


@pytest.mark.parametrize(
    ("own", "leaders", "after", "leader_commit", "commit_index"),
    [
        # as far as the leader, as far as the call vouches for
        ((), (1, 1), NONE, 0, 0),
        ((), (1, 1), NONE, 1, 1),
        ((), (1, 1), NONE, 9, 1),
        ((1,), (1, 1), 0, 1, 1),
        ((1,), (1, 1), 0, NONE, NONE),
        # a heartbeat vouches for what precedes it
        ((1, 1), (1, 1), 1, 1, 1),
        ((1, 1), (1, 1), 1, 5, 1),
        ((1, 1), (1,), 0, 1, 0),
        ((1, 1), (), NONE, 1, NONE),
        # a tail that the call does not reach may be stale
        ((1, 1, 1, 1), (1, 1), 0, 3, 1),
        ((1, 1, 1, 1), (1, 1, 2), 1, 3, 2),
    ],
)
def test_a_follower_commits_as_far_as_the_leader_but_not_past_the_last_entry_of_the_call_figure_2(
    own, leaders, after, leader_commit, commit_index
):
    cm = follower(term=3, log=own)
    assert cm.append_entries(append_call(3, leaders, after=after, commit=leader_commit)).success
    assert (cm.commit_index, cm.last_applied) == (commit_index, NONE)
    settle(cm)
    assert [c.index for c in cm.take_commits()] == list(range(commit_index + 1))
    assert cm.commit_index == cm.last_applied == commit_index


def test_a_followers_commit_index_never_goes_back_figure_2():
    told = []
    cm = follower(term=1, log=(1, 1, 1), told=told)
    cm.append_entries(append_call(1, (1, 1, 1), commit=2))
    for commit in (1, 0, NONE):
        cm.append_entries(append_call(1, (1, 1, 1), after=2, commit=commit))
        cm.append_entries(append_call(1, (1,), commit=commit))
        assert cm.commit_index == 2
    assert len(cm.take_commits()) == 3
    assert [d for d in told if isinstance(d, decisions.CommitAdvanced)] == [decisions.CommitAdvanced(2, "told")]


@pytest.mark.parametrize("role", ["candidate", "leader"])
def test_what_was_committed_stays_so_in_every_role_figure_2(role):
    cm = follower(term=1, log=(1, 1))
    cm.append_entries(append_call(1, (1, 1), commit=1))
    cm.take_commits()
    cm.wake(cm.deadline)
    settle(cm)
    if role == "leader":
        cm.reply_received(2, vote_call(cm), RequestVoteReply(2, True), 2.0)
    assert (cm.state.value.lower(), cm.commit_index, cm.last_applied) == (role, 1, 1)
    cm.append_entries(append_call(3, (1, 1), after=1, commit=NONE), 2.1)
    assert (cm.state, cm.commit_index) == (CMState.FOLLOWER, 1)


# ---- all servers


def test_entries_are_applied_once_each_in_order_however_calls_arrive_figure_2():
    cm = follower(term=1)
    log = (1,) * 6
    for upto, commit in [(2, 0), (4, 3), (2, 1), (6, 4), (4, 3), (6, 5), (6, 5)]:
        cm.append_entries(append_call(1, log[:upto], commit=commit))
    assert [c.index for c in cm.take_commits()] == [0, 1, 2, 3, 4, 5]
    assert cm.take_commits() == []


@thorough
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9), st.integers(-1, 9)), max_size=12))
def test_applied_never_passes_committed_nor_committed_the_log_figure_2(calls):
    cm = follower(term=1)
    log = (1,) * 9
    applied = []
    for first, count, commit in calls:
        before = cm.commit_index
        cm.append_entries(append_call(1, log[: first + count], after=min(first, first + count - 1), commit=commit))
        assert before <= cm.commit_index <= cm.log.last_index
        assert cm.last_applied == before
        applied += cm.take_commits()
        assert cm.last_applied == cm.commit_index
    assert applied == [CommitEntry(e.command, i, 1) for i, e in enumerate(entries(log)[: cm.commit_index + 1])]


def test_an_entry_is_told_as_applied_when_it_is_handed_out_and_not_before_its_write_figure_2():
    told = []
    cm = follower(term=1, told=told)
    cm.append_entries(append_call(1, (1, 1), commit=1))
    assert cm.has_output
    cm.persist()
    assert [type(d) for d in told[-2:]] == [decisions.CommitAdvanced, decisions.Persisted]
    commits = cm.take_commits()
    assert told[-2:] == [decisions.Applied(commit) for commit in commits]
    assert not cm.has_output


def test_what_is_committed_and_not_applied_when_a_node_dies_is_never_applied_figure_2():
    told = []
    cm = follower(term=1, told=told)
    cm.append_entries(append_call(1, (1, 1), commit=1))
    cm.stop()
    assert (cm.take_commits(), cm.last_applied) == ([], NONE)
    assert not any(isinstance(d, decisions.Applied) for d in told)


def test_a_commit_names_the_term_of_the_node_that_reports_it():
    cm = follower(term=7, log=(1, 2))
    cm.append_entries(append_call(7, (1, 2), commit=1))
    assert cm.take_commits() == [CommitEntry("0@1", 0, 7), CommitEntry("1@2", 1, 7)]


def test_a_restarted_node_applies_its_log_from_the_start_again_figure_2():
    storage = disk(2, (1, 2))
    for _ in range(2):
        cm = follower(term=2, storage=storage)
        assert (cm.commit_index, cm.last_applied) == (NONE, NONE)
        cm.append_entries(append_call(2, (1, 2), after=1, commit=1))
        settle(cm)
        assert [c.index for c in cm.take_commits()] == [0, 1]


def test_what_a_state_machine_does_with_a_command_changes_no_log():
    cluster = ByHand([disk(0) for _ in range(3)])
    cluster.elect(0, 1, 2)
    given_in = {"list": [1, 2]}
    cluster.submit(0, given_in)
    cluster.exchange(0, 1, 2)
    given_in["list"].append("by the client")
    for commits in cluster.commits:
        commits[0].command["list"].append("by a state machine")
    assert [cm.log[0].command for cm in cluster.nodes] == [{"list": [1, 2]}] * 3


@pytest.mark.parametrize("n", range(1, 26))
def test_clusters_of_every_size_elect_replicate_and_commit(n):
    cluster = ByHand([disk(0) for _ in range(n)])
    nodes = range(n)
    cluster.elect(0, *range(1, majority(n)))
    for command in "abc":
        cluster.submit(0, command)
    cluster.exchange(*nodes)
    assert all([c.command for c in commits] == ["a", "b", "c"] for commits in cluster.commits)
    assert {cm.current_term for cm in cluster.nodes} == {1}


@pytest.mark.parametrize("role", ROLES)
def test_every_decision_names_a_rule_that_is_explained(role):
    told = []
    cm = ROLES[role](term=3, log=(1,), told=told)
    cm.append_entries(append_call(2))
    cm.append_entries(append_call(3, (1, 1), after=1))
    cm.append_entries(append_call(3, (1, 2, 2), commit=0))
    cm.append_entries(append_call(4, (1, 3, 4), after=1))
    cm.wake(cm.deadline)
    for peer, args in settle(cm):
        cm.reply_received(peer, args, RequestVoteReply(5, True), 2.0)
    assert cm.state is CMState.LEADER
    assert {rule for decision in told if (rule := getattr(decision, "rule", None))} <= set(Rule)
    assert appends_to(settle(cm), 1)
