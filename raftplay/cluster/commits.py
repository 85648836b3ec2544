"""Forget the first commits of a node: where a snapshot covers them, their places stay, their commands go."""

from collections.abc import Sequence

from raftplay.raft.messages import NONE, CommitEntry

FORGOTTEN = CommitEntry(None, NONE, 0, "compacted")
"""The value in the place of a commit that was forgotten, so that each other stays at its index."""


def forgotten(commits: Sequence[CommitEntry]) -> int:
    """Return how many of these commits are forgotten: the first ones."""
    low, high = 0, len(commits)
    while low < high:
        middle = (low + high) // 2
        if commits[middle].kind == FORGOTTEN.kind:
            low = middle + 1
        else:
            high = middle
    return low


def with_last(commits: Sequence[CommitEntry], keep: int) -> list[CommitEntry]:
    """Return `commits` with all but the last `keep` forgotten."""
    count = max(len(commits) - keep, 0)
    return [FORGOTTEN] * count + list(commits[count:])
