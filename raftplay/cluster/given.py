"""Disks that hold something before a cluster starts, such as the logs of Figures 7 and 8 of the paper."""

from collections.abc import Iterable
from dataclasses import dataclass

from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.errors import UsageError
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, LogEntry
from raftplay.raft.storage import PersistentState


@dataclass(frozen=True, slots=True)
class Given:
    """The disk of a node before the start: its term, its vote in that term (-1: none) and its log.

    `is_checked`: it must agree with the other disks, as it would after a run of Raft.
    """

    node: int
    current_term: int
    voted_for: int = NONE
    entries: tuple[LogEntry, ...] = ()
    is_checked: bool = True


def check_given(disks: Iterable[Given], nodes: int) -> None:
    """Raise `UsageError` for disks that no run of Raft with so many nodes leads to."""
    seen: dict[int, Given] = {}
    for disk in disks:
        if disk.node in seen:
            raise UsageError(f"the disk of node {disk.node} is given twice")
        for id in (disk.node, disk.voted_for):
            if id >= nodes:
                raise UsageError(f"there is no node {id}; the nodes are 0 to {nodes - 1}")
        _check_log(disk)
        for other in seen.values():
            if disk.is_checked and other.is_checked:
                _check_pair(other, disk)
        seen[disk.node] = disk


def _check_log(disk: Given) -> None:
    if disk.voted_for != NONE and disk.current_term == 0:
        raise UsageError(f"node {disk.node} cannot have voted in term 0: the first election is of term 1")
    previous = 1
    for index, entry in enumerate(disk.entries):
        name = f"entry {index} of node {disk.node}"
        if entry.term < previous:
            raise UsageError(
                f"{name} is of term {entry.term}, after one of term {previous}: terms in a log never fall"
                if index
                else f"{name} is of term {entry.term}: the first leader has term 1"
            )
        if entry.term > disk.current_term:
            raise UsageError(f"{name} is of term {entry.term}, and the node is only in term {disk.current_term}")
        previous = entry.term


def _check_pair(one: Given, other: Given) -> None:
    """Raise `UsageError` where two logs contradict Log Matching (§5.3)."""
    shared = min(len(one.entries), len(other.entries))
    same = [one.entries[at].term == other.entries[at].term for at in range(shared)]
    last = max((at for at in range(shared) if same[at]), default=NONE)
    for at in range(last + 1):
        if one.entries[at] != other.entries[at]:
            raise UsageError(
                f"nodes {one.node} and {other.node} both have an entry of term {one.entries[last].term} at index "
                f"{last}, so their logs must be equal up to there (§5.3), and they differ at index {at}; "
                "`unchecked` behind the log allows it"
            )


def disks_of(nodes: int, disks: Iterable[Given]) -> list[MemoryDisk]:
    """Return the disk of each node, in memory: the given ones, and empty ones. Raises `UsageError`."""
    given = list(disks)
    check_given(given, nodes)
    made = [MemoryDisk() for _ in range(nodes)]
    for disk in given:
        log = RaftLog()
        log.extend(disk.entries)
        PersistentState(made[disk.node]).save(disk.current_term, disk.voted_for, log)
    return made
