"""Quorums: each answer is compared with its definition, for every small case and for drawn ones."""

import itertools
import math
import sys
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.amount import THOROUGH
from support.paper import appends_to, candidate, settle, thorough, vote_call

from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import Decision, VoteCounted
from raftplay.raft.messages import AppendEntriesReply, CMState, RequestVoteReply
from raftplay.raft.quorum import Joint, Majority
from raftplay.raft.rules import Rules

MATCHES = [
    dict(zip(range(n), match, strict=True)) for n in range(5) for match in itertools.product(range(4), repeat=n)
]
VOTES = [
    {id: vote for id, vote in enumerate(votes) if vote is not None}
    for n in range(6)
    for votes in itertools.product((True, False, None), repeat=n)
]
SETS = [set(ids) for count in range(5) for ids in itertools.combinations(range(4), count)]

ids = st.sets(st.integers(0, 12), max_size=9)
matches = st.dictionaries(st.integers(0, 12), st.integers(0, 30))
votes = st.dictionaries(st.integers(0, 12), st.booleans())
times = st.dictionaries(st.integers(0, 12), st.floats(0, 100))


def is_quorum(holders: Iterable[int], ids: Iterable[int]) -> bool:
    """More than half of `ids` hold it; of none, all do."""
    members = set(ids)
    return not members or 2 * len(members & set(holders)) > len(members)


def highest(match: Mapping[int, int], *halves: Iterable[int]) -> int:
    """The highest index that a quorum of each half has, tried one after another from the top."""
    if not any(halves):
        return sys.maxsize
    for index in range(max([0, *match.values()]), 0, -1):
        if all(is_quorum([id for id, at in match.items() if at >= index], half) for half in halves):
            return index
    return 0


def outcome(votes: Mapping[int, bool], *halves: Iterable[int]) -> str:
    """Won by the votes that are there; lost if it is not won even when all others grant theirs."""
    granted = {id for id, vote in votes.items() if vote}
    denied = votes.keys() - granted
    if all(is_quorum(granted, half) for half in halves):
        return "won"
    return "pending" if all(is_quorum(set(half) - denied, half) for half in halves) else "lost"


def heard_since(times: Mapping[int, float], *halves: Iterable[int]) -> float:
    """The latest time at which a quorum of each half was heard from, tried one after another from the latest."""
    if not any(halves):
        return math.inf
    for time in sorted(times.values(), reverse=True):
        if all(is_quorum([id for id, at in times.items() if at >= time], half) for half in halves):
            return time
    return -math.inf


def fewest(*halves: Iterable[int]) -> int:
    """The size of the smallest set of nodes that is a quorum of each half."""
    everyone = sorted(set().union(*map(set, halves)))
    sizes = range(len(everyone) + 1)
    sets = (chosen for size in sizes for chosen in itertools.combinations(everyone, size))
    return next(len(chosen) for chosen in sets if all(is_quorum(chosen, half) for half in halves))


@pytest.mark.parametrize("n", range(6))
def test_the_majority_of_every_small_cluster(n: int) -> None:
    for match in MATCHES:
        assert Majority(range(n)).committed(match) == highest(match, range(n)), match
    for cast in VOTES:
        assert Majority(range(n)).vote(cast) == outcome(cast, range(n)), cast


def test_the_joint_quorum_of_every_two_small_sets() -> None:
    for old, new in itertools.product(SETS, repeat=2):
        joint = Joint(old, new)
        for match in MATCHES[:: 1 if THOROUGH else 3]:
            assert joint.committed(match) == highest(match, old, new), (old, new, match)
        for cast in VOTES[:: 1 if THOROUGH else 2]:
            assert joint.vote(cast) == outcome(cast, old, new), (old, new, cast)
        assert joint.needed == fewest(old, new), (old, new)
        assert sorted(joint.ids) == sorted(old | new)


@thorough
@given(ids, ids, times)
def test_a_quorum_was_heard_since_the_latest_time_at_which_each_half_was(
    old: set[int], new: set[int], times: dict[int, float]
) -> None:
    assert Majority(old).heard(times) == heard_since(times, old)
    assert Joint(old, new).heard(times) == heard_since(times, old, new)


@thorough
@given(ids, ids, matches)
def test_what_is_committed_is_the_highest_index_of_a_quorum(old: set[int], new: set[int], match: dict[int, int]):
    assert Majority(old).committed(match) == highest(match, old)
    assert Joint(old, new).committed(match) == highest(match, old, new)


@thorough
@given(ids, ids, votes)
def test_a_vote_is_pending_while_it_can_go_either_way(old: set[int], new: set[int], cast: dict[int, bool]) -> None:
    assert Majority(old).vote(cast) == outcome(cast, old)
    assert Joint(old, new).vote(cast) == outcome(cast, old, new)


@thorough
@given(ids, matches, votes, times)
def test_an_empty_half_follows_the_other(
    ids: set[int], match: dict[int, int], cast: dict[int, bool], times: dict[int, float]
) -> None:
    for joint in (Joint((), ids), Joint(ids, ())):
        assert joint.committed(match) == Majority(ids).committed(match)
        assert joint.vote(cast) == Majority(ids).vote(cast)
        assert joint.heard(times) == Majority(ids).heard(times)
        assert joint.needed == Majority(ids).needed
    assert Majority(()).committed(match) == sys.maxsize
    assert Majority(()).vote(cast) == "won"
    assert Majority(()).heard(times) == Joint((), ()).heard(times) == math.inf


class HalfIsEnough(Majority):
    def needed_of(self, count: int) -> int:
        return (count + 1) // 2


def test_a_joint_quorum_is_made_of_majorities_too_which_go_on_counting_in_their_way() -> None:
    joint = Joint(HalfIsEnough({0, 1, 2, 3}), Majority({2, 3, 4}))
    assert joint.needed == Joint({2, 3}, {2, 3, 4}).needed == 2
    assert joint.vote({2: True, 3: True}) == "won"
    assert Joint({0, 1, 2, 3}, {2, 3, 4}).vote({2: True, 3: True}) == "pending"
    assert joint.committed({2: 7, 3: 5}) == 5
    assert Joint(Majority(()), {0, 1, 2}).committed({0: 4, 1: 3}) == 3


@thorough
@given(ids, st.permutations(list(range(13))), matches)
def test_neither_order_nor_repetition_of_the_ids_matters(ids: set[int], order: list[int], match: dict[int, int]):
    twice = [id for id in order if id in ids] * 2
    assert Majority(twice).committed(match) == Majority(ids).committed(match)
    assert Majority(iter(twice)).needed == Majority(ids).needed


@pytest.mark.parametrize(("n", "needed"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_more_than_half_are_needed(n: int, needed: int) -> None:
    assert Majority(range(n)).needed == needed


class JointRules(Rules):
    """Rules of a cluster of nodes 0 1 2 to which 3 and 4 come: both sets must agree."""

    def quorum(self, ids: Iterable[int]) -> Joint:
        return Joint({0, 1, 2}, ids)


class JointNode(ConsensusModule):
    rules = JointRules()


def test_a_node_elects_commits_and_counts_who_was_heard_by_a_joint_quorum() -> None:
    told: list[Decision] = []
    cm = candidate(5, term=1, module=JointNode, told=told, checkquorum=True)
    asked = vote_call(cm)
    for peer in (3, 4):
        cm.reply_received(peer, asked, RequestVoteReply(1, True), 1.0)
    assert cm.state is CMState.CANDIDATE, "three of five, but only one of the first three"
    cm.reply_received(1, asked, RequestVoteReply(1, True), 1.0)
    assert cm.state is CMState.LEADER
    counted = [(event.voter, event.needed) for event in told if isinstance(event, VoteCounted)]
    assert counted == [(0, 3), (3, 3), (4, 3), (1, 3)]

    cm.submit("x", 1.0)
    calls = settle(cm)
    for peer in (3, 4):
        (call,) = appends_to(calls, peer)
        cm.reply_received(peer, call, AppendEntriesReply(1, True), 2.0)
    assert cm.commit_index == -1
    assert cm.quorum_silence == 1.0, "node 1 was last heard of when it was asked for its vote"
    (call,) = appends_to(calls, 1)
    cm.reply_received(1, call, AppendEntriesReply(1, True), 2.0)
    assert cm.commit_index == 0
    assert cm.quorum_silence == 0.0
