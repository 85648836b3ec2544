"""The bug switches: each deviates where it says, with the bug off the same steps show nothing of it."""

import dataclasses
import inspect
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.paper import Terms, disk, entries, loaded, settle, terms_of

from raftplay import CMState, Config, ConsensusModule, Harness, RaftConfig, UsageError
from raftplay.kv.commands import Append, Open, Put, Result
from raftplay.kv.machine import KeyValueStore
from raftplay.raft import decisions
from raftplay.raft.bugs import BUGS, LIVENESS, NodeOrRules, module_with
from raftplay.raft.bugs.durability import WRITE_DELAY
from raftplay.raft.bugs.elections import NoLogCheck
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    ConfirmArgs,
    ConfirmReply,
    InstallSnapshotArgs,
    ReadIndexArgs,
    ReadIndexReply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
    is_sent,
)
from raftplay.raft.rules import Rules
from raftplay.raft.storage import Storage
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.invariants.names import INVARIANTS

Bugs = tuple[str, ...]

shown: set[str] = set()
"""The bugs that some test here shows."""


def switch(name: str) -> Callable[[Callable[..., None]], Any]:
    """The test runs with this bug and without; `bugs` is empty for "without"."""
    shown.add(name)
    return pytest.mark.parametrize("bugs", [(name,), ()], ids=["on", "off"])


def node(
    bugs: Bugs,
    n: int = 3,
    *,
    term: int = 1,
    log: Terms = (),
    vote: int = NONE,
    id: int = 0,
    storage: Storage | None = None,
    told: list[decisions.Decision] | None = None,
    config: RaftConfig | None = None,
) -> ConsensusModule:
    """A node with `bugs`, just started at time 0 over what `term`, `log` and `vote` left, or over `storage`."""
    cm = module_with(bugs)(
        id,
        [peer for peer in range(n) if peer != id],
        disk(term, log, vote) if storage is None else storage,
        rng=random.Random(0),
        observe=None if told is None else told.append,
        config=config,
    )
    cm.start(0.0)
    return cm


def candidate(bugs: Bugs, n: int = 3, *, term: int, **more: Any) -> ConsensusModule:
    cm = node(bugs, n, term=term - 1, **more)
    cm.time_out(0.0)
    settle(cm)
    assert (cm.state, cm.current_term) == (CMState.CANDIDATE, term)
    return cm


def elect(cm: ConsensusModule, voters: Sequence[int] = (1, 2)) -> ConsensusModule:
    """`voters` grant what the candidate asked for, until it leads."""
    term = cm.current_term
    for voter in voters:
        if cm.state is CMState.CANDIDATE:
            cm.reply_received(voter, ask(term, id=cm.id), RequestVoteReply(term, True), 0.0)
    settle(cm)
    assert cm.state is CMState.LEADER
    return cm


def leader(bugs: Bugs, n: int = 3, *, term: int, **more: Any) -> ConsensusModule:
    return elect(candidate(bugs, n, term=term, **more))


def ask(term: int, id: int, last_index: int = NONE, last_term: int = NONE) -> RequestVoteArgs:
    return RequestVoteArgs(term, id, last_index, last_term)


def call(term: int, previous: int, previous_term: int, terms: Terms = (), commit: int = NONE, id: int = 1) -> Any:
    """AppendEntries with entries of `terms` behind index `previous`."""
    return AppendEntriesArgs(term, id, previous, previous_term, entries(terms, previous + 1), commit)


HEARTBEAT = call(1, NONE, NONE)


# ---- what a leader counts


@switch("commit-old-term")
def test_an_entry_of_an_older_term_is_committed_by_counting(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = leader(bugs, term=2, log=(1,), told=told)
    cm.reply_received(1, call(2, NONE, NONE, (1,), id=0), AppendEntriesReply(2, True), 0.1)
    assert cm.commit_index == (0 if bugs else NONE)
    rules = [event.rule for event in told if isinstance(event, decisions.CommitAdvanced | decisions.CommitHeld)]
    assert rules == ["own-rule" if bugs else "older-entry"]


@switch("stale-append-reply")
def test_a_reply_of_an_earlier_leadership_sets_match_index(bugs: Bugs) -> None:
    cm = leader(bugs, term=3, log=(2,))
    cm.reply_received(1, call(1, NONE, NONE, (1,), id=0), AppendEntriesReply(1, True), 0.1)
    assert cm.match_index[1] == (0 if bugs else NONE)


@switch("match-not-reset")
def test_match_index_is_kept_until_the_next_leadership(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = leader(bugs, n=5, term=1, told=told)
    cm.submit("x", 0.0)
    settle(cm)
    cm.reply_received(3, call(1, NONE, NONE, (1,), id=0), AppendEntriesReply(1, True), 0.0)
    assert cm.match_index[3] == 0

    assert cm.append_entries(call(2, NONE, NONE, (2,)), 0.1).success
    cm.time_out(0.2)
    settle(cm)
    elect(cm)
    assert cm.match_index == {1: NONE, 2: NONE, 3: 0 if bugs else NONE, 4: NONE}
    assert [e for e in told if isinstance(e, decisions.PeersReset)][-1].match_index == tuple(
        cm.match_index.items()
    )


@switch("ack-own-tail")
def test_a_follower_acknowledges_a_tail_that_the_leader_never_sent(bugs: Bugs) -> None:
    follower = node(bugs, term=1, log=(1, 1), id=1)
    leads = leader(bugs, term=2, log=(1,))
    heartbeat = call(2, 0, 1, id=0)
    leads.reply_received(1, heartbeat, follower.append_entries(heartbeat, 0.1), 0.1)
    assert leads.match_index[1] == (1 if bugs else 0)
    assert leads.commit_index == NONE


@switch("half-is-majority")
def test_half_of_four_nodes_elect_a_leader(bugs: Bugs) -> None:
    cm = candidate(bugs, n=4, term=1)
    cm.reply_received(1, ask(1, 0), RequestVoteReply(1, True), 0.0)
    assert cm.state is (CMState.LEADER if bugs else CMState.CANDIDATE)


@pytest.mark.parametrize(("n", "needed"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4)])
def test_half_is_majority_shows_among_even_numbers_only(n: int, needed: int) -> None:
    assert node(("half-is-majority",), n).quorum.needed == needed
    assert node((), n).quorum.needed == needed + (n % 2 == 0)


# ---- votes


@switch("stale-vote-reply")
def test_a_vote_of_an_earlier_election_elects(bugs: Bugs) -> None:
    cm = candidate(bugs, term=1)
    cm.time_out(0.2)
    settle(cm)
    cm.reply_received(1, ask(1, 0), RequestVoteReply(1, True), 0.2)
    assert cm.current_term == 2
    assert cm.state is (CMState.LEADER if bugs else CMState.CANDIDATE)


@switch("double-count-vote")
def test_one_vote_that_arrives_twice_counts_twice(bugs: Bugs) -> None:
    cm = candidate(bugs, n=5, term=1)
    for _ in range(2):
        cm.reply_received(1, ask(1, 0), RequestVoteReply(1, True), 0.0)
    assert cm.votes == ([0, 1, 1] if bugs else [0, 1])
    assert cm.state is (CMState.LEADER if bugs else CMState.CANDIDATE)


@switch("reset-vote")
def test_a_candidate_that_hears_its_leader_votes_again(bugs: Bugs) -> None:
    cm = candidate(bugs, term=1)
    assert cm.append_entries(HEARTBEAT, 0.1).success
    assert cm.request_vote(ask(1, 1), 0.1).vote_granted is bool(bugs)


@pytest.mark.parametrize("bugs", [("reset-vote",), ()])
def test_a_follower_that_hears_its_leader_keeps_its_vote_even_so(bugs: Bugs) -> None:
    cm = node(bugs, term=1, vote=1)
    assert cm.append_entries(HEARTBEAT, 0.1).success
    assert not cm.request_vote(ask(1, 2), 0.1).vote_granted


@switch("longer-log-wins")
def test_a_longer_log_of_an_older_term_gets_the_vote(bugs: Bugs) -> None:
    cm = node(bugs, term=2, log=(1, 2))
    assert cm.request_vote(ask(3, 1, last_index=2, last_term=1), 0.1).vote_granted is bool(bugs)


@pytest.mark.parametrize("bugs", [("longer-log-wins",), ()])
def test_a_shorter_log_is_refused_even_so(bugs: Bugs) -> None:
    assert not node(bugs, term=1, log=(1, 1)).request_vote(ask(2, 1, 0, 1), 0.1).vote_granted


@switch("no-log-check")
def test_an_empty_log_gets_the_vote_of_one_with_entries(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1, 1))
    assert cm.request_vote(ask(2, 1), 0.1).vote_granted is bool(bugs)


@switch("timer-on-refusal")
def test_a_refused_vote_restarts_the_election_timer(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1,))
    before = cm.deadline
    assert not cm.request_vote(ask(2, 1), 0.14).vote_granted
    assert (cm.deadline > before) is bool(bugs)
    assert cm.deadline >= (0.29 if bugs else 0.15)


@pytest.mark.parametrize("bugs", [("timer-on-refusal",), ()])
def test_a_leader_that_refuses_a_vote_of_its_own_term_goes_on_with_its_heartbeats(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    before = cm.deadline
    assert not cm.request_vote(ask(1, 1), 0.04).vote_granted
    assert cm.deadline == before


# ---- terms


@switch("ignore-newer-term")
def test_a_leader_that_reads_of_a_newer_term_leads_on(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.reply_received(1, call(1, NONE, NONE, id=0), AppendEntriesReply(9, False), 0.1)
    assert (cm.state, cm.current_term) == ((CMState.LEADER, 1) if bugs else (CMState.FOLLOWER, 9))


@switch("accept-old-term")
def test_a_leader_takes_the_entries_of_a_deposed_one(bugs: Bugs) -> None:
    cm = leader(bugs, term=3, log=(1, 2))
    before = cm.deadline
    reply = cm.append_entries(call(1, 0, 1, (1, 1), id=2), 0.01)
    assert reply == AppendEntriesReply(3, bool(bugs))
    assert terms_of(cm) == ((1, 1, 1) if bugs else (1, 2))
    assert (cm.state, cm.current_term, cm.deadline) == (CMState.LEADER, 3, before)


@switch("accept-old-term")
def test_a_follower_takes_the_entries_of_a_deposed_leader(bugs: Bugs) -> None:
    cm = node(bugs, term=2, log=(1, 2))
    assert cm.append_entries(call(1, 0, 1, (1, 1)), 0.1) == AppendEntriesReply(2, bool(bugs))
    assert terms_of(cm) == ((1, 1, 1) if bugs else (1, 2))
    assert cm.current_term == 2


# ---- what a follower stores, and what it says of it


@switch("truncate-always")
def test_a_call_that_was_overtaken_cuts_off_what_came_after_it(bugs: Bugs) -> None:
    cm = node(bugs)
    assert cm.append_entries(call(1, NONE, NONE, (1, 1)), 0.1).success
    assert cm.append_entries(call(1, NONE, NONE, (1,)), 0.2).success
    assert terms_of(cm) == ((1,) if bugs else (1, 1))


@switch("keep-conflicting-tail")
def test_what_follows_a_conflicting_entry_stays(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = node(bugs, term=1, log=(1, 1, 1), told=told)
    assert cm.append_entries(call(2, 0, 1, (2,)), 0.1).success
    settle(cm)
    assert terms_of(cm) == ((1, 2, 1) if bugs else (1, 2))
    assert [e.index for e in told if isinstance(e, decisions.LogTruncated)] == ([] if bugs else [1])
    assert [e.start for e in told if isinstance(e, decisions.Persisted)] == [1]


@pytest.mark.parametrize("bugs", [("keep-conflicting-tail",), ()])
def test_entries_beyond_the_log_are_appended_either_way(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1, 1))
    assert cm.append_entries(call(2, 0, 1, (2, 2, 2)), 0.1).success
    assert cm.log == list(entries((1, 2, 2, 2)))


@switch("commit-past-new")
def test_a_probe_with_a_high_commit_index_commits_a_stale_tail(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1, 1, 1))
    assert cm.append_entries(call(2, 0, 1, commit=9), 0.1).success
    assert cm.commit_index == (2 if bugs else 0)


@switch("commit-past-new")
def test_its_leaders_probe_with_empty_calls_until_one_matches(bugs: Bugs) -> None:
    cm = leader(bugs, term=3, log=(1, 2, 2))
    cm.reply_received(1, call(3, 2, 2, id=0), AppendEntriesReply(3, False, 1, 1), 0.01)
    [(_, probe)] = [(peer, args) for peer, args in settle(cm) if peer == 1]
    assert isinstance(probe, AppendEntriesArgs)
    assert (probe.prev_log_index, len(probe.entries)) == ((0, 0) if bugs else (0, 2))
    cm.reply_received(1, probe, AppendEntriesReply(3, True), 0.02)
    sent = [len(args.entries) for _, args in settle(cm) if isinstance(args, AppendEntriesArgs)]
    assert sent == ([2] if bugs else [])


@switch("heartbeat-unchecked")
def test_a_heartbeat_succeeds_where_the_log_ends_before_it(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1,))
    assert cm.append_entries(call(1, 4, 1, commit=4), 0.1).success is bool(bugs)
    assert cm.commit_index == (0 if bugs else NONE), "and no entry is committed that is not there"


@pytest.mark.parametrize("bugs", [("heartbeat-unchecked",), ()])
def test_entries_are_checked_even_so(bugs: Bugs) -> None:
    assert not node(bugs, term=1, log=(1,)).append_entries(call(1, 4, 1, (1,)), 0.1).success


@switch("no-commit-on-heartbeat")
def test_a_heartbeat_commits_nothing_but_entries_do(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1,))
    assert cm.append_entries(call(1, 0, 1, commit=0), 0.1).success
    assert cm.commit_index == (NONE if bugs else 0)
    assert cm.append_entries(call(1, 0, 1, (1,), commit=0), 0.2).success
    assert cm.commit_index == 0


@switch("conflict-off-by-one")
@pytest.mark.parametrize(
    ("leads", "follows"),
    [
        ((1, 1, 1, 2), (1,)),
        ((1, 1, 4, 4, 5, 5, 6, 6), (1, 1, 2, 2, 3, 3)),
    ],
    ids=["too short", "Figure 7"],
)
def test_the_probing_never_ends(bugs: Bugs, leads: Terms, follows: Terms) -> None:
    cm = leader(bugs, term=8, log=leads)
    follower = node(bugs, term=7, log=follows, id=1)
    args: Any = call(8, len(leads) - 1, leads[-1], id=0)
    probes = 0
    while probes < 100 and cm.match_index[1] < len(leads) - 1:
        cm.reply_received(1, args, follower.append_entries(args, 0.01), 0.01)
        sent = [args for peer, args in settle(cm) if peer == 1]
        args = sent[-1] if sent else None
        probes += 1
    assert (probes == 100) is bool(bugs)
    assert (terms_of(follower) == leads) is not bool(bugs)


# ---- what is on disk


def restarted(bugs: Bugs, cm: ConsensusModule) -> ConsensusModule:
    """What comes back after a crash of `cm`."""
    cm.stop()
    return node(bugs, storage=cm._store._storage, id=cm.id)


@switch("forget-vote")
def test_a_node_votes_twice_with_a_crash_between(bugs: Bugs) -> None:
    cm = node(bugs)
    assert cm.request_vote(ask(1, 1), 0.1).vote_granted
    settle(cm)
    again = restarted(bugs, cm)
    assert again.current_term == 1
    assert again.request_vote(ask(1, 2), 0.1).vote_granted is bool(bugs)


@switch("forget-vote")
def test_a_candidate_still_counts_its_own_vote(bugs: Bugs) -> None:
    cm = candidate(bugs, term=1)
    assert cm.votes == [0]
    assert restarted(bugs, cm).voted_for == (NONE if bugs else 0)


@switch("forget-term")
def test_a_node_goes_back_to_an_older_term_by_a_crash(bugs: Bugs) -> None:
    cm = node(bugs, term=1, vote=2)
    assert cm.append_entries(call(3, NONE, NONE), 0.1).term == 3
    settle(cm)
    again = restarted(bugs, cm)
    assert (again.current_term, again.voted_for) == ((1, 2) if bugs else (3, NONE))


@pytest.mark.parametrize("bugs", [("forget-term",), ()])
def test_the_term_comes_to_disk_with_the_next_vote_or_entry(bugs: Bugs) -> None:
    voter = node(bugs)
    assert voter.request_vote(ask(3, 1), 0.1).vote_granted
    settle(voter)
    assert restarted(bugs, voter).current_term == 3

    follower = node(bugs)
    assert follower.append_entries(call(3, NONE, NONE, (3,)), 0.1).success
    settle(follower)
    assert restarted(bugs, follower).current_term == 3


@switch("torn-vote")
def test_a_crash_between_term_and_vote_leaves_an_old_vote_in_a_new_term(bugs: Bugs) -> None:
    cm = node(bugs, term=1, vote=1)
    assert cm.request_vote(ask(2, 2), 0.1).vote_granted
    settle(cm)
    again = restarted(bugs, cm)
    assert (again.current_term, again.voted_for) == (2, 1 if bugs else 2)
    assert again.request_vote(ask(2, 1), 0.1).vote_granted is bool(bugs)


@switch("torn-vote")
def test_the_vote_follows_a_moment_later(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = node(bugs, told=told)
    timer = cm.deadline
    assert cm.request_vote(ask(2, 2), 0.1).vote_granted
    settle(cm)
    assert cm.deadline == pytest.approx(0.1 + WRITE_DELAY) if bugs else cm.deadline > timer
    if bugs:
        cm.wake(cm.deadline)
        settle(cm)
        assert cm.state is CMState.FOLLOWER, "that was no election timeout"
    assert loaded(cm._store._storage)[:2] == (2, 2)
    written = [(e.current_term, e.voted_for) for e in told if isinstance(e, decisions.Persisted)]
    assert written == ([(2, NONE), (2, 2)] if bugs else [(2, 2)])


@switch("ack-before-durable")
def test_an_entry_is_acknowledged_before_it_is_on_disk(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = node(bugs, term=1, told=told)
    assert cm.append_entries(call(2, NONE, NONE, (2,)), 0.1) == AppendEntriesReply(2, True)
    settle(cm)
    assert loaded(cm._store._storage) == (2, NONE, () if bugs else entries((2,)))
    if bugs:
        assert cm.deadline == pytest.approx(0.1 + WRITE_DELAY)
        cm.wake(cm.deadline)
        settle(cm)
    assert loaded(cm._store._storage) == (2, NONE, entries((2,)))
    written = [(e.current_term, e.start, len(e.entries)) for e in told if isinstance(e, decisions.Persisted)]
    assert written == ([(2, 0, 0), (2, 0, 1)] if bugs else [(2, 0, 1)])


@pytest.mark.parametrize("bugs", [("ack-before-durable",), ()])
def test_whoever_stands_for_election_has_all_on_disk(bugs: Bugs) -> None:
    cm = node(bugs, term=1)
    assert cm.append_entries(call(1, NONE, NONE, (1, 1)), 0.1).success
    settle(cm)
    cm.time_out(0.11)
    settle(cm)
    assert loaded(cm._store._storage) == (2, 0, entries((1, 1)))


@switch("ack-before-durable")
def test_a_crash_of_all_loses_a_committed_entry(bugs: Bugs) -> None:
    with Harness(3, backend="sim", seed=1, watch=False, config=Config(bugs=bugs)) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        assert h.submit_to_server(0, "x") == 0
        assert h.wait_until(lambda: h.cluster[0].cm.commit_index == 0, 0.020)
        for id in range(3):
            h.crash_peer(id)
        held = [len(loaded(storage)[2]) for storage in h.storage]
        assert held == ([1, 0, 0] if bugs else [1, 1, held[2]])


@switch("torn-vote")
def test_a_crash_of_a_voter_tears_its_vote_in_a_live_cluster(bugs: Bugs) -> None:
    with Harness(3, backend="sim", seed=1, watch=False, config=Config(bugs=bugs)) as h:
        h.disconnect_peer(2)
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader, 0.020)
        h.crash_peer(1)
        assert loaded(h.storage[1])[:2] == (1, NONE if bugs else 0)


# ---- a dead node


@switch("zombie")
def test_a_dead_node_undoes_the_vote_of_its_successor(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    successor = restarted(bugs, cm)
    assert cm.state is CMState.DEAD
    assert successor.request_vote(ask(2, 1), 0.1).vote_granted
    settle(successor)

    cm.reply_received(1, call(1, NONE, NONE, id=0), AppendEntriesReply(2, False), 0.1)
    settle(cm)
    assert cm.state is (CMState.FOLLOWER if bugs else CMState.DEAD)
    again = restarted(bugs, successor)
    assert again.request_vote(ask(2, 2), 0.1).vote_granted is bool(bugs)


@switch("zombie")
def test_replies_reach_an_incarnation_that_crashed(bugs: Bugs) -> None:
    records: list[Record] = []
    with Harness(3, backend="sim", seed=1, watch=False, config=Config(bugs=bugs)) as h:
        h.stream.attach(records.append)
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.sleep_ms(20)
        assert h.submit_to_server(0, "x") == 0
        h.crash_peer(0)
        assert h.cluster[0].state is CMState.DEAD
        h.restart_peer(0)
        h.sleep_ms(20)
    crashed = next(r.seq for r in records if isinstance(r.event, facts.Crashed))
    undead = [r.event for r in records if r.seq > crashed and (r.node, r.incarnation) == (0, 0)]
    assert any(isinstance(event, decisions.MatchAdvanced) for event in undead) is bool(bugs)
    assert bool(undead) is bool(bugs)


# ---- pre-votes


def asks_for_pre_votes(bugs: Bugs, *, term: int = 1, **more: Any) -> ConsensusModule:
    """A node that was in `term`, and asks for pre-votes."""
    cm = node(bugs, term=term, config=RaftConfig(prevote=True), **more)
    cm.time_out(0.1)
    settle(cm)
    assert (cm.state, cm.current_term) == (CMState.PRE_CANDIDATE, term)
    return cm


def pre_vote(term: int, id: int, last_index: int = NONE, last_term: int = NONE) -> RequestVoteArgs:
    return RequestVoteArgs(term, id, last_index, last_term, pre_vote=True)


@switch("prevote-counts")
def test_a_pre_vote_that_comes_late_is_counted_as_a_vote(bugs: Bugs) -> None:
    cm = asks_for_pre_votes(bugs, n=5)
    for voter in (1, 2):
        cm.reply_received(voter, pre_vote(2, 0), RequestVoteReply(1, True), 0.2)
    settle(cm)
    assert (cm.state, cm.current_term, cm.votes) == (CMState.CANDIDATE, 2, [0])
    cm.reply_received(4, pre_vote(1, 0), RequestVoteReply(1, True), 0.2)
    cm.reply_received(3, pre_vote(2, 0), RequestVoteReply(1, True), 0.2)
    assert cm.votes == ([0, 3] if bugs else [0])
    cm.reply_received(1, ask(2, 0), RequestVoteReply(2, True), 0.3)
    assert cm.state is (CMState.LEADER if bugs else CMState.CANDIDATE)


@switch("prevote-ignores-log")
def test_a_pre_vote_is_granted_to_a_log_that_is_behind(bugs: Bugs) -> None:
    cm = node(bugs, term=1, log=(1, 1))
    assert cm.request_vote(pre_vote(2, 1, 0, 1), 0.1).vote_granted is bool(bugs)
    assert not cm.request_vote(ask(2, 1, 0, 1), 0.1).vote_granted, "the vote itself is not"


@switch("prevote-clears-vote")
def test_a_pre_candidate_that_hears_its_leader_votes_again(bugs: Bugs) -> None:
    cm = asks_for_pre_votes(bugs, vote=1)
    assert cm.append_entries(HEARTBEAT, 0.2).success
    assert (cm.state, cm.current_term) == (CMState.FOLLOWER, 1)
    assert cm.request_vote(ask(1, 2), 0.2).vote_granted is bool(bugs)


@pytest.mark.parametrize("bugs", [("prevote-clears-vote",), ()])
def test_a_candidate_that_hears_its_leader_keeps_its_vote_even_so(bugs: Bugs) -> None:
    cm = candidate(bugs, term=1)
    assert cm.append_entries(HEARTBEAT, 0.1).success
    assert not cm.request_vote(ask(1, 1), 0.1).vote_granted


@switch("prevote-deaf-to-terms")
def test_a_refused_pre_vote_does_not_tell_of_a_higher_term(bugs: Bugs) -> None:
    cm = asks_for_pre_votes(bugs)
    cm.reply_received(1, pre_vote(2, 0), RequestVoteReply(7, False), 0.2)
    assert (cm.state, cm.current_term) == ((CMState.PRE_CANDIDATE, 1) if bugs else (CMState.FOLLOWER, 7))
    cm.reply_received(1, ask(1, 0), RequestVoteReply(8, False), 0.2)
    assert cm.current_term == 8, "an answer to a real request does"


@pytest.mark.parametrize("bugs", [("prevote-deaf-to-terms",), ()])
def test_pre_votes_that_are_granted_start_a_term_even_so(bugs: Bugs) -> None:
    cm = asks_for_pre_votes(bugs)
    cm.reply_received(1, pre_vote(2, 0), RequestVoteReply(1, True), 0.2)
    assert (cm.state, cm.current_term) == (CMState.CANDIDATE, 2)


# ---- leases


@switch("prevote-moves-term")
def test_a_node_that_is_asked_first_moves_to_the_term_of_the_question(bugs: Bugs) -> None:
    cm = node(bugs, term=1)
    reply = cm.request_vote(pre_vote(5, 1), 0.1)
    assert (cm.current_term, reply.vote_granted) == ((5, False) if bugs else (1, True))


@switch("prevote-silent")
def test_a_request_of_a_lower_term_gets_no_reply(bugs: Bugs) -> None:
    cm = node(bugs, term=3)
    for reply in (cm.request_vote(pre_vote(2, 1), 0.1), cm.append_entries(HEARTBEAT, 0.2)):
        assert is_sent(reply) is not bool(bugs)
    assert is_sent(cm.request_vote(pre_vote(3, 1), 0.3)), "one about its own term is denied"
    assert is_sent(cm.request_vote(ask(2, 1), 0.4)), "and so is a real one"


@switch("prevote-ignores-leader")
def test_who_hears_a_leader_grants_a_pre_vote(bugs: Bugs) -> None:
    for sticky in (False, True):
        cm = node(bugs, term=1, config=RaftConfig(prevote=True, sticky=sticky))
        assert cm.append_entries(HEARTBEAT, 0.1).success
        assert cm.request_vote(pre_vote(2, 2), 0.11).vote_granted is bool(bugs)
        if sticky:
            assert not is_sent(cm.request_vote(ask(2, 2), 0.12)), "the vote itself is not"


@switch("prevote-gives-up")
def test_after_pre_votes_in_vain_an_election_begins(bugs: Bugs) -> None:
    cm = asks_for_pre_votes(bugs)
    cm.time_out(0.5)
    assert (cm.state, cm.current_term) == ((CMState.CANDIDATE, 2) if bugs else (CMState.PRE_CANDIDATE, 1))


@switch("sticky-leader-stays")
def test_a_leader_without_a_majority_stays(bugs: Bugs) -> None:
    cm = leader(bugs, term=1, config=RaftConfig(checkquorum=True, sticky=True))
    while cm.state is CMState.LEADER and cm.deadline < 9:
        cm.wake(cm.deadline)
        settle(cm)
    assert (cm.state is CMState.LEADER) is bool(bugs)


@switch("quorum-by-sending")
def test_a_leader_that_nobody_answers_stays(bugs: Bugs) -> None:
    cm = leader(bugs, term=1, config=RaftConfig(checkquorum=True))
    while cm.state is CMState.LEADER and cm.deadline < 9:
        cm.wake(cm.deadline)
        settle(cm)
    assert (cm.state is CMState.LEADER) is bool(bugs)


# ---- leadership transfer


@switch("transfer-flag-stuck")
def test_a_transfer_that_does_not_succeed_never_ends(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.transfer_leadership(2, 0.1)
    while cm.deadline < 9:
        cm.wake(cm.deadline)
        settle(cm)
    assert cm.transferring_to == (2 if bugs else NONE)
    assert (cm.submit("x", 9.0) == NONE) is bool(bugs)


@switch("writes-during-transfer")
def test_a_leader_that_hands_over_takes_commands(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.transfer_leadership(2, 0.1)
    assert cm.submit("x", 0.1) == (0 if bugs else NONE)


@switch("timeout-now-early")
def test_a_target_that_lacks_an_entry_is_told_to_stand(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.submit("x", 0.1)
    cm.transfer_leadership(2, 0.1)
    assert any(isinstance(args, TimeoutNowArgs) for _, args in settle(cm)) is bool(bugs)


@switch("stale-timeout-now")
def test_a_node_obeys_a_leader_of_an_older_term(bugs: Bugs) -> None:
    cm = node(bugs, term=2)
    assert cm.timeout_now(TimeoutNowArgs(1, 1), 0.1).success is bool(bugs)
    assert cm.current_term == (3 if bugs else 2)
    assert not cm.timeout_now(TimeoutNowArgs(9, 1), 0.2).success


# ---- snapshots


def compacted(bugs: Bugs, *, last: int, terms: Terms) -> ConsensusModule:
    """A follower of a log of these terms, committed up to `last`, with a snapshot of that."""
    cm = node(bugs, id=2)
    assert cm.append_entries(call(max(terms), NONE, NONE, terms, last), 0.0).success
    settle(cm)
    cm.take_commits()
    assert cm.take_snapshot(b"image", 0.0) == last
    settle(cm)
    return cm


def install(cm: ConsensusModule, index: int, term: int, leader_term: int = 2) -> None:
    args = InstallSnapshotArgs(
        leader_term, 1, index, term, 0, b'[[["a",1,"command"],["b",1,"command"]],null]', True
    )
    assert cm.install_snapshot(args, 0.1).done
    settle(cm)


@switch("snapshot-keeps-tail")
def test_an_install_keeps_entries_that_conflict(bugs: Bugs) -> None:
    cm = node(bugs, log=(1, 1, 1), id=2)
    install(cm, 1, 2)
    assert len(cm.log) == (3 if bugs else 2)


@switch("snapshot-cuts-suffix")
def test_an_install_discards_entries_that_agree(bugs: Bugs) -> None:
    cm = node(bugs, log=(1, 1, 1), id=2)
    install(cm, 1, 1)
    assert len(cm.log) == (2 if bugs else 3)


@switch("snapshot-older-installed")
def test_a_snapshot_of_what_is_committed_is_installed(bugs: Bugs) -> None:
    cm = compacted(bugs, last=2, terms=(1, 1, 1))
    install(cm, 1, 1)
    assert cm.commit_index == (1 if bugs else 2)


@switch("purged-prev-is-conflict")
def test_an_old_request_deletes_what_follows_the_snapshot(bugs: Bugs) -> None:
    cm = compacted(bugs, last=1, terms=(1, 1, 1))
    assert cm.append_entries(call(1, NONE, NONE, (1,)), 0.1).success
    assert len(cm.log) == (2 if bugs else 3)


@switch("compact-past-commit")
def test_a_snapshot_covers_what_is_not_committed(bugs: Bugs) -> None:
    cm = node(bugs, id=2)
    cm.append_entries(call(1, NONE, NONE, (1, 1, 1), 0), 0.0)
    settle(cm)
    cm.take_commits()
    assert cm.take_snapshot(b"image", 0.0) == (2 if bugs else 0)


@switch("snapshot-drops-key")
def test_a_restored_state_lacks_a_command(bugs: Bugs) -> None:
    cm = node(bugs, id=2)
    args = InstallSnapshotArgs(2, 1, 0, 1, 0, b'[[["a",1,"command"]],null]', True)
    assert cm.install_snapshot(args, 0.1).done
    image = cm.take_image()
    assert image is not None
    assert (b"null,1" in image.data.replace(b" ", b"")) is bool(bugs)


@switch("snapshot-end-unknown")
def test_a_request_right_after_the_snapshot_is_rejected(bugs: Bugs) -> None:
    cm = compacted(bugs, last=1, terms=(1, 1))
    assert cm.append_entries(call(1, 1, 1, (1,)), 0.1).success is not bool(bugs)


@switch("snapshot-end-unknown")
def test_a_request_at_the_beginning_of_a_log_is_accepted_even_so(bugs: Bugs) -> None:
    assert node(bugs, id=2).append_entries(call(1, NONE, NONE, (1,)), 0.1).success


@switch("snapshot-of-current-term")
def test_a_snapshot_has_the_term_of_its_node(bugs: Bugs) -> None:
    cm = node(bugs, id=2, term=3, log=(1, 1))
    assert cm.append_entries(call(3, 1, 1, (), 1), 0.0).success
    settle(cm)
    cm.take_commits()
    cm.take_snapshot(b"image", 0.0)
    assert cm.snapshot is not None
    assert cm.snapshot.term == (3 if bugs else 1)


@switch("compacted-log-is-empty")
def test_a_node_with_a_snapshot_votes_for_an_empty_log(bugs: Bugs) -> None:
    cm = compacted(bugs, last=1, terms=(1, 1))
    assert cm.request_vote(RequestVoteArgs(2, 1, NONE, NONE), 0.1).vote_granted is bool(bugs)
    behind = node(bugs, id=2, log=(1, 1))
    assert not behind.request_vote(RequestVoteArgs(2, 1, NONE, NONE), 0.1).vote_granted


# ---- the bugs that came later


@switch("leader-clears-vote")
def test_a_follower_that_learns_who_leads_votes_again(bugs: Bugs) -> None:
    cm = node(bugs)
    assert cm.request_vote(ask(1, 1), 0.1).vote_granted
    settle(cm)
    assert cm.append_entries(HEARTBEAT, 0.1).success
    assert cm.request_vote(ask(1, 2), 0.2).vote_granted is bool(bugs)


@switch("repeat-refused")
def test_a_request_that_is_repeated_is_refused(bugs: Bugs) -> None:
    cm = node(bugs)
    assert cm.request_vote(ask(1, 1), 0.1).vote_granted
    assert cm.request_vote(ask(1, 1), 0.2).vote_granted is not bool(bugs)
    assert cm.request_vote(ask(2, 1), 0.3).vote_granted, "in the next term it has not voted yet"


@switch("count-acks")
def test_one_follower_that_answers_twice_commits_an_entry(bugs: Bugs) -> None:
    cm = leader(bugs, n=5, term=1)
    cm.submit("x", 0.1)
    settle(cm)
    args, reply = call(1, NONE, NONE, (1,), id=0), AppendEntriesReply(1, True)
    cm.reply_received(1, args, reply, 0.1)
    assert cm.commit_index == NONE
    cm.reply_received(1, call(1, 0, 1, id=0), reply, 0.2)
    assert cm.commit_index == (0 if bugs else NONE)
    cm.reply_received(2, args, reply, 0.3)
    assert cm.commit_index == 0


@pytest.mark.parametrize("bugs", [("count-acks",), ()])
def test_acknowledgements_of_older_entries_commit_nothing_either_way(bugs: Bugs) -> None:
    cm = leader(bugs, n=5, term=2, log=(1,))
    for _ in range(3):
        cm.reply_received(1, call(2, 0, 1, id=0), AppendEntriesReply(2, True), 0.1)
    assert cm.commit_index == NONE


@switch("rollback-on-step-down")
def test_a_leader_that_steps_down_removes_what_it_has_not_committed(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = leader(bugs, term=2, log=(1, 1), told=told)
    cm.submit("x", 0.1)
    settle(cm)
    assert not cm.append_entries(call(3, 9, 3), 0.2).success
    settle(cm)
    assert terms_of(cm) == (() if bugs else (1, 1, 2))
    assert terms_of(restarted(bugs, cm)) == terms_of(cm), "on disk too"
    assert any(isinstance(event, decisions.LogTruncated) for event in told) is bool(bugs)


@pytest.mark.parametrize("bugs", [("rollback-on-step-down",), ()])
def test_a_follower_and_a_candidate_keep_their_entries_even_so(bugs: Bugs) -> None:
    for cm in (node(bugs, term=1, log=(1,)), candidate(bugs, term=1, log=())):
        length = len(cm.log)
        cm.request_vote(ask(5, 1), 0.2)
        assert (cm.current_term, len(cm.log)) == (5, length)


@switch("answers-in-callers-term")
def test_an_old_leader_is_answered_in_its_own_term(bugs: Bugs) -> None:
    cm = node(bugs, term=2)
    reply = cm.append_entries(call(1, NONE, NONE, (1,)), 0.1)
    assert reply == (AppendEntriesReply(1, True) if bugs else AppendEntriesReply(2, False))
    assert (cm.current_term, terms_of(cm)) == (2, (1,) if bugs else ())
    assert cm.append_entries(call(3, NONE, NONE, (3,)), 0.2) == AppendEntriesReply(3, True)
    cm.stop()
    assert cm.append_entries(call(3, NONE, NONE), 0.3) == AppendEntriesReply(0, False)


@switch("leader-counts-early")
def test_an_entry_is_committed_before_it_is_on_the_leaders_disk(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.submit("x", 0.01)
    [args, _] = [args for _, args in settle(cm)]
    assert len(loaded(cm._store._storage)[2]) == (0 if bugs else 1)
    cm.reply_received(1, args, AppendEntriesReply(1, True), 0.02)
    settle(cm)
    assert cm.commit_index == 0
    assert len(loaded(cm._store._storage)[2]) == (0 if bugs else 1)
    cm.wake(cm.deadline)
    settle(cm)
    assert len(loaded(cm._store._storage)[2]) == 1, "the next heartbeat writes it"


@switch("leader-counts-early")
def test_a_leader_that_crashes_has_lost_what_is_committed(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.submit("x", 0.01)
    settle(cm)
    assert len(restarted(bugs, cm).log) == (0 if bugs else 1)


@switch("reuses-index")
def test_the_index_of_an_entry_that_was_sent_is_given_to_the_next(bugs: Bugs) -> None:
    told: list[decisions.Decision] = []
    cm = leader(bugs, term=1, told=told)
    assert cm.submit("x", 0.001) == 0
    sent = [args.entries for _, args in settle(cm) if isinstance(args, AppendEntriesArgs)]
    assert [entry.command for entries in sent for entry in entries] == ["x", "x"]
    cm.wake(cm.deadline)
    settle(cm)
    assert cm.submit("y", 0.04) == (0 if bugs else 1)
    settle(cm)
    assert [entry.command for entry in loaded(cm._store._storage)[2]] == (["y"] if bugs else ["x", "y"])
    assert any(isinstance(event, decisions.LogTruncated) for event in told) is bool(bugs)


@pytest.mark.parametrize("bugs", [("reuses-index",), ()])
def test_an_entry_that_a_majority_has_by_then_stays(bugs: Bugs) -> None:
    cm = leader(bugs, term=1)
    cm.submit("x", 0.001)
    for voter in (1, 2):
        [*_] = settle(cm)
        cm.reply_received(voter, call(1, NONE, NONE, (1,), id=0), AppendEntriesReply(1, True), 0.002)
    cm.wake(cm.deadline)
    settle(cm)
    assert (cm.commit_index, len(cm.log), len(loaded(cm._store._storage)[2])) == (0, 1, 1)


# ---- what clients are told, and sessions


def store(bugs: Bugs, clock: Callable[[], float] = lambda: 0.0) -> KeyValueStore:
    """A store of a node with `bugs`, in which alice has session 0 and has put x, as her request 1."""
    made = KeyValueStore(rules=module_with(bugs).rules, clock=clock)
    assert made.do(Open("alice"), 0) == 0
    assert made.do(ADDS, 1) == Result("ok")
    return made


ADDS = Append("x", session=0, seq=1, acked=1, value="a")
AGAIN = Result("ok", again=True)


@switch("no-dedupe")
def test_a_repeated_request_is_done_again(bugs: Bugs) -> None:
    known = store(bugs)
    assert known.do(ADDS, 2) == (Result("ok", "a", True) if bugs else AGAIN)
    assert known.values == {"x": "aa" if bugs else "a"}


@switch("snapshot-without-sessions")
def test_a_repeated_request_is_done_again_after_a_snapshot(bugs: Bugs) -> None:
    restored = store(bugs)
    restored.restore(store(bugs).snapshot())
    assert restored.values == {"x": "a"}
    assert restored.do(ADDS, 2) == (Result("ok", "a", True) if bugs else AGAIN)


@switch("retry-cache-expires")
def test_a_request_that_is_repeated_late_is_done_again(bugs: Bugs) -> None:
    now = [0.0]
    known = store(bugs, lambda: now[0])
    now[0] = 0.2
    assert known.do(ADDS, 2) == AGAIN
    now[0] = 0.6
    assert known.do(ADDS, 3) == (Result("ok", "a", True) if bugs else AGAIN)


@switch("expiry-by-own-clock")
def test_a_session_ends_by_the_clock_of_a_node(bugs: Bugs) -> None:
    now = [0.0]
    slow, fast = store(bugs), store(bugs, lambda: now[0])
    now[0] = 1.0
    next_one = Put("x", session=0, seq=2, acked=2, value="b")
    assert slow.do(next_one, 2) == Result("ok", "a", True)
    assert fast.do(next_one, 2) == (Result("expired") if bugs else Result("ok", "a", True))


@switch("answer-at-append")
def test_a_client_is_answered_before_the_entry_is_committed(bugs: Bugs) -> None:
    with Harness(3, backend="sim", seed=1, watch=False, config=Config(bugs=bugs)) as h:
        leader, _ = h.check_single_leader()
        h.client().put("x", 1)
        h.sleep_ms(100)
        h.disconnect_peer(leader)
        assert h.client().put("x", 2, to=leader).outcome == ("ok" if bugs else "unknown")
        h.check_committed_n(h.cluster[leader].cm.log[2].command, 0)


@switch("definite-error-for-unknown")
def test_a_client_is_told_that_what_may_be_done_was_not(bugs: Bugs) -> None:
    config = Config(RaftConfig(0.1, 0.2, heartbeat=0.03, checkquorum=True), bugs=bugs)
    with Harness(3, backend="sim", seed=1, watch=False, config=config) as h:
        leader, _ = h.check_single_leader()
        h.client().put("x", 1)
        for other in {0, 1, 2} - {leader}:
            h.cut(other, leader)
        answer = h.client().put("x", 2, to=leader)
        assert answer.outcome == ("refused" if bugs else "unknown")
        assert all(len(server.cm.log) >= 3 for server in h.cluster)


# ---- reads without the log

LEASES = RaftConfig(checkquorum=True, sticky=True, lease=True)


def committed(bugs: Bugs, n: int = 3) -> ConsensusModule:
    """A leader of term 1 that has committed and applied an entry of its own."""
    cm = leader(bugs, n, term=1)
    cm.submit("a", 0.0)
    for peer_id, args in cm.take_calls() if cm.persist(0.0) else ():
        if isinstance(args, AppendEntriesArgs):
            cm.reply_received(peer_id, args, AppendEntriesReply(1, True), 0.0)
    cm.take_commits()
    settle(cm)
    assert cm.last_applied == 0
    return cm


def holder(bugs: Bugs) -> ConsensusModule:
    """A leader that uses leases, and has sent its first round at 0.05 s."""
    cm = committed(bugs)
    cm.configure(LEASES, 0.0)
    cm.wake(0.05)
    settle(cm)
    return cm


def confirmed(cm: ConsensusModule, round: int, peers: Sequence[int], now: float) -> None:
    """Let peers confirm a round of the leader."""
    for peer in peers:
        cm.reply_received(peer, ConfirmArgs(1, 0, round, 0), ConfirmReply(1, True), now)


@switch("read-before-noop")
def test_a_new_leader_reads_at_an_index_of_an_older_term(bugs: Bugs) -> None:
    cm = leader(bugs, term=2, log=(1,))
    cm.read(0.1)
    confirmed_in = ConfirmArgs(2, 0, 1, 0)
    cm.reply_received(1, confirmed_in, ConfirmReply(2, True), 0.1)
    assert cm.take_reads() == ([(0, NONE)] if bugs else [])


@switch("read-without-round")
def test_a_leader_answers_a_read_that_nobody_has_confirmed(bugs: Bugs) -> None:
    cm = committed(bugs)
    cm.read(0.1)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])


@switch("read-stale-ack")
def test_a_reply_to_an_older_round_confirms_a_later_read(bugs: Bugs) -> None:
    cm = committed(bugs)
    cm.read(0.1)
    settle(cm)
    cm.read(0.2)
    settle(cm)
    confirmed(cm, 1, [1], 0.2)
    assert cm.take_reads() == ([(0, 0), (1, 0)] if bugs else [(0, 0)])


@switch("read-one-short")
def test_two_of_five_nodes_confirm_a_read(bugs: Bugs) -> None:
    cm = committed(bugs, 5)
    cm.read(0.1)
    settle(cm)
    confirmed(cm, 1, [3], 0.1)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])


@switch("read-before-apply")
def test_a_follower_answers_a_read_from_an_older_state(bugs: Bugs) -> None:
    cm = node(bugs)
    cm.append_entries(HEARTBEAT, 0.1)
    cm.read(0.1)
    cm.reply_received(1, ReadIndexArgs(1, 0, 0), ReadIndexReply(1, True, 4, 0), 0.1)
    assert cm.take_reads() == ([(0, 4)] if bugs else [])


@switch("lease-by-flags")
def test_a_lease_lasts_for_two_election_timeouts(bugs: Bugs) -> None:
    cm = holder(bugs)
    confirmed(cm, 1, [1], 0.06)
    while cm.deadline < 0.26:
        cm.wake(cm.deadline)
        settle(cm)
    assert cm.state is (CMState.LEADER if bugs else CMState.FOLLOWER)
    cm.read(0.26)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])
    while cm.state is CMState.LEADER:
        cm.wake(cm.deadline)
        settle(cm)
    assert cm._now < 0.36


@switch("lease-from-ack")
def test_a_lease_begins_with_the_reply(bugs: Bugs) -> None:
    cm = holder(bugs)
    confirmed(cm, 1, [1], 0.15)
    cm.read(0.2)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])


@switch("lease-survives-stall")
def test_a_lease_ends_when_the_timer_fires(bugs: Bugs) -> None:
    cm = holder(bugs)
    confirmed(cm, 1, [1], 0.05)
    cm.read(9.0)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])
    cm.wake(9.0)
    assert cm.state is CMState.FOLLOWER


@switch("lease-and-late-timeout-now")
def test_a_lease_is_used_again_after_a_transfer(bugs: Bugs) -> None:
    cm = holder(bugs)
    cm.transfer_leadership(1, 0.05)
    settle(cm)
    confirmed(cm, 1, [1, 2], 0.1)
    while cm.transferring_to != NONE:
        cm.wake(cm.deadline)
    settle(cm)
    assert cm._leadership is not None
    confirmed(cm, cm._leadership.rounds.number, [1, 2], 0.2)
    cm.read(0.21)
    assert cm.take_reads() == ([(0, 0)] if bugs else [])


# ---- the table


def test_every_bug_is_shown_here() -> None:
    assert shown == set(BUGS)
    assert len(BUGS) >= 65


def test_no_bug_is_the_sound_algorithm_itself() -> None:
    assert module_with(()) is ConsensusModule
    with Harness(3, backend="sim", seed=1) as h:
        assert {type(server.cm) for server in h.cluster} == {ConsensusModule}


def test_one_bug_is_its_class_and_several_are_all_of_theirs() -> None:
    assert module_with(["zombie"]) is BUGS["zombie"].node
    both = module_with(["zombie", "no-log-check"])
    assert both is module_with(("no-log-check", "zombie", "zombie"))
    assert issubclass(both, BUGS["zombie"].node)
    assert isinstance(both.rules, BUGS["no-log-check"].node)

    cm = node(("zombie", "no-log-check"), term=1, log=(1,))
    assert cm.request_vote(ask(2, 1), 0.1).vote_granted
    assert cm.hears_replies_when_dead


def test_of_two_bugs_in_one_rule_the_first_of_the_table_wins() -> None:
    assert list(BUGS).index("longer-log-wins") < list(BUGS).index("no-log-check")
    cm = node(("no-log-check", "longer-log-wins"), term=1, log=(1,))
    assert not cm.request_vote(ask(2, 1), 0.1).vote_granted


class NeverUpToDate(Rules):
    """A user's rule."""

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        return False


class Asks(ConsensusModule):
    """A user's node with a rule of its own."""

    rules = NeverUpToDate()


@pytest.mark.parametrize("own", [NeverUpToDate, Asks])
def test_a_class_of_ones_own_is_one_of_nodes_or_of_rules(own: NodeOrRules) -> None:
    for bugs in ((), ("zombie",), ("half-is-majority",)):
        module = module_with(bugs, own)
        assert module_with(bugs, own) is module
        cm = module(0, [1, 2, 3], disk(1))
        assert not cm.request_vote(ask(2, 1), 0.1).vote_granted
        assert isinstance(cm, Asks) is (own is Asks)
        assert cm.quorum.needed == (2 if "half-is-majority" in bugs else 3)
        assert cm.hears_replies_when_dead is ("zombie" in bugs)
    assert module_with(("no-log-check",), own)(0, [1, 2], disk(1)).request_vote(ask(2, 1), 0.1).vote_granted


def test_a_node_is_given_its_rules_as_a_parameter_too() -> None:
    cm = ConsensusModule(0, [1, 2], disk(1), rules=NeverUpToDate())
    assert not cm.request_vote(ask(2, 1), 0.1).vote_granted
    assert ConsensusModule(0, [1, 2], disk(1)).request_vote(ask(2, 1), 0.1).vote_granted


def test_a_class_that_extends_a_bug_goes_together_with_it() -> None:
    own = type("Own", (NoLogCheck,), {"is_newer_reply": lambda *_: False})
    assert type(module_with(("no-log-check",), own).rules) is own


def test_two_writes_that_wait_do_not_disturb_each_other() -> None:
    cm = node(("ack-before-durable", "torn-vote"), term=1)
    assert cm.request_vote(ask(2, 2), 0.1).vote_granted
    settle(cm)
    cm.append_entries(call(2, NONE, NONE, (2,), id=2), 0.11)
    settle(cm)
    assert loaded(cm._store._storage) == (2, NONE, ())
    for expected in ((2, 2, ()), (2, 2, entries((2,)))):
        cm.wake(cm.deadline)
        settle(cm)
        assert loaded(cm._store._storage) == expected
    assert cm.deadline >= 0.11 + cm.config.election_min


def test_a_cluster_with_all_bugs_at_once_runs() -> None:
    with Harness(5, backend="sim", seed=1, watch=False, config=Config(bugs=tuple(BUGS))) as h:
        assert h.wait_until(lambda: any(server.is_leader() for server in h.cluster))
        leads = next(server.id for server in h.cluster if server.is_leader())
        for id in (leads, (leads + 1) % 5):
            h.submit_to_server(leads, "x")
            h.crash_peer(id)
            h.sleep_ms(500)
            h.restart_peer(id)
        h.sleep_ms(500)


def test_a_name_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match="there is no bug 'zombi'; did you mean 'zombie'"):
        module_with(["zombi"])
    with pytest.raises(UsageError, match="there is no bug 'qqq'; there are commit-old-term, forget-vote, "):
        Config(bugs=("zombie", "qqq"))


def test_a_restarted_node_has_the_bugs_of_its_cluster() -> None:
    with Harness(3, backend="sim", seed=1, watch=False, config=Config(bugs=("no-log-check",))) as h:
        h.crash_peer(1)
        h.restart_peer(1)
        assert {type(server.cm.rules) for server in h.cluster} == {BUGS["no-log-check"].node}


@pytest.mark.parametrize("name", BUGS)
def test_what_is_told_of_a_bug_is_complete(name: str) -> None:
    bug = BUGS[name]
    known = {invariant.name for invariant in INVARIANTS}
    assert bug.name == name
    assert bug.violates == (LIVENESS,) or known.issuperset(bug.violates)
    assert known.issuperset(bug.sooner)
    assert not set(bug.violates) & set(bug.sooner)
    assert "§" in bug.section or "Figure" in bug.section
    assert "\n" not in bug.mechanism
    assert len(bug.explanation.split()) > 40, "a paragraph"
    assert "  " not in bug.explanation
    assert bug.explanation.endswith((".", ".)"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        bug.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_overrides_rules_that_there_are(name: str) -> None:
    node = BUGS[name].node
    own = {key for key, value in vars(node).items() if inspect.isfunction(value)}
    assert own, "a bug deviates in something"
    if issubclass(node, Rules):
        assert all(hasattr(Rules, key) for key in own), "no rule of its own, that nobody asks"
    else:
        assert any(hasattr(ConsensusModule, key) for key in own)
