"""Quorums: each answer is compared with its definition, for every small case and for drawn ones."""

import itertools
import sys
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.amount import THOROUGH
from support.paper import thorough

from raftplay.raft.quorum import Joint, Majority

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
@given(ids, matches, votes)
def test_an_empty_half_follows_the_other(ids: set[int], match: dict[int, int], cast: dict[int, bool]) -> None:
    for joint in (Joint((), ids), Joint(ids, ())):
        assert joint.committed(match) == Majority(ids).committed(match)
        assert joint.vote(cast) == Majority(ids).vote(cast)
    assert Majority(()).committed(match) == sys.maxsize
    assert Majority(()).vote(cast) == "won"


@thorough
@given(ids, st.permutations(list(range(13))), matches)
def test_neither_order_nor_repetition_of_the_ids_matters(ids: set[int], order: list[int], match: dict[int, int]):
    twice = [id for id in order if id in ids] * 2
    assert Majority(twice).committed(match) == Majority(ids).committed(match)
    assert Majority(iter(twice)).needed == Majority(ids).needed


@pytest.mark.parametrize(("n", "needed"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_more_than_half_are_needed(n: int, needed: int) -> None:
    assert Majority(range(n)).needed == needed
