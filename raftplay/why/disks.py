"""The contents of the disk of a node that is down."""

from collections.abc import Sequence
from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.messages import LogEntry
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.index import EventIndex


@dataclass(frozen=True, slots=True)
class DiskContents:
    """The term, vote and log that the storage returns.

    `torn`: the node crashed in the middle of a write, of which the disk may hold a part. `wiped`: all earlier
    contents are lost.
    """

    current_term: int
    voted_for: int
    log: Sequence[LogEntry]
    torn: bool = False
    wiped: bool = False


def disk_of(trail: EventIndex, node: NodeSnapshot) -> DiskContents:
    """Return the disk of `node`, which is down, as the snapshot shows it, and what happened to it."""
    was_wiped = trail.last(node.id, facts.Wiped, life=node.incarnation) is not None
    is_torn = not was_wiped and _is_torn(trail, node)
    return DiskContents(node.current_term, node.voted_for, node.log, torn=is_torn, wiped=node.wiped)


def _is_torn(trail: EventIndex, node: NodeSnapshot) -> bool:
    """Return whether the node crashed in a write that was made to fail."""
    life = node.incarnation
    if trail.last(node.id, facts.Tearing, life=life) is None:
        return False
    changed = trail.last(node.id, *_CHANGES, life=life, test=_must_be_written)
    written = trail.last(node.id, decisions.Persisted, life=life)
    return changed is not None and (written is None or written.seq < changed.seq)


_CHANGES = (
    decisions.EntryAppended,
    decisions.EntriesStored,
    decisions.LogTruncated,
    decisions.ElectionStarted,
    decisions.BecameFollower,
    decisions.VoteDecided,
)


def _must_be_written(record: Record) -> bool:
    """Return whether the decision changed what Figure 2 keeps on stable storage."""
    match record.event:
        case decisions.VoteDecided(args=args, granted=granted):
            return granted and not args.pre_vote
        case decisions.BecameFollower(old_term=old_term, term=term):
            return old_term < term
    return True
