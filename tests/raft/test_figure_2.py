"""consensus.py reads as Figure 2: the sentences of the paper stand in it, in their order, on one screen."""

import inspect

from raftplay import ConsensusModule

SCREEN = 50
"""The lines of a screen."""


def positions(method: object, *sentences: str) -> list[int]:
    lines = inspect.getsource(method).splitlines()  # type: ignore[arg-type]
    assert len(lines) <= SCREEN
    return [next(at for at, line in enumerate(lines) if sentence in line) for sentence in sentences]


def test_append_entries_shows_the_five_rules_of_the_receiver_in_their_order() -> None:
    found = positions(
        ConsensusModule.append_entries,
        '# 1. "Reply false if term < currentTerm',
        "# 2. \"Reply false if log doesn't contain an entry at prevLogIndex",
        '# 3. "If an existing entry conflicts with a new one',
        '# 4. "Append any new entries not already in the log"',
        '# 5. "If leaderCommit > commitIndex, set commitIndex =',
    )
    assert found == sorted(found)


def test_request_vote_shows_the_two_rules_of_the_receiver_in_their_order() -> None:
    found = positions(
        ConsensusModule.request_vote,
        '# 1. "Reply false if term < currentTerm',
        '# 2. "If votedFor is null or candidateId',
    )
    assert found == sorted(found)
