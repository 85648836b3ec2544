"""What the disk of a node holds, by what it wrote."""

from dataclasses import dataclass
from itertools import chain

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import events as dec
from raftplay.raft.messages import NONE, LogEntry
from raftplay.watch import events as ev
from raftplay.watch.events import Record
from raftplay.why.trail import LATEST, Trail


@dataclass(frozen=True, slots=True)
class Disk:
    """Term, vote and log as the storage gives them back.

    `torn`: the node crashed in the middle of a write, parts of which may be there besides. `wiped`: all that was
    there is lost. `sure`: the history has its writes; else this is what the node had when it was last seen.
    """

    current_term: int
    voted_for: int
    log: tuple[LogEntry, ...]
    torn: bool = False
    wiped: bool = False
    sure: bool = True


def disk_of(trail: Trail, node: NodeSnapshot) -> Disk:
    """The disk of `node`: the last write that the history has, else what the snapshot says."""
    id = node.id
    wiped = trail.last(id, ev.Wiped)
    written = trail.last(id, dec.Persisted, dec.Started)
    if wiped is not None and (written is None or written.seq < wiped.seq):
        had = trail.forgets or trail.last(id, dec.Persisted, before=wiped.seq) is not None
        return Disk(0, NONE, (), wiped=had)
    if written is None:
        return Disk(node.current_term, node.voted_for, node.log, sure=not trail.forgets)
    event = written.event
    assert isinstance(event, dec.Persisted | dec.Started)
    log = _written_log(trail, node)
    return Disk(event.current_term, event.voted_for, log, _is_torn(trail, node))


def _written_log(trail: Trail, node: NodeSnapshot) -> tuple[LogEntry, ...]:
    """The log as its writes made it, from the last one back; what they leave open is as in the snapshot."""
    pieces: list[tuple[LogEntry, ...]] = []
    start, before = LATEST, LATEST  # what lies before `start` is still open
    while start > 0:
        record = trail.last(node.id, dec.Persisted, dec.Started, before=before)
        if record is None:
            pieces.append(node.log[:start])
            break
        event = record.event
        assert isinstance(event, dec.Persisted | dec.Started)
        first = event.start if isinstance(event, dec.Persisted) else 0
        if first < start:
            pieces.append(event.entries[: start - first])
            start = first
        before = record.seq
    return tuple(chain.from_iterable(reversed(pieces)))


def _is_torn(trail: Trail, node: NodeSnapshot) -> bool:
    """Whether the node went down in a write that was made to fail."""
    life = node.incarnation
    if node.alive or trail.last(node.id, ev.Tearing, life=life) is None:
        return False
    changed = trail.last(node.id, *_CHANGES, life=life, test=_must_be_written)
    written = trail.last(node.id, dec.Persisted, life=life)
    return changed is not None and (written is None or written.seq < changed.seq)


_CHANGES = (
    dec.EntryAppended,
    dec.EntriesStored,
    dec.LogTruncated,
    dec.ElectionStarted,
    dec.BecameFollower,
    dec.VoteDecided,
)


def _must_be_written(record: Record) -> bool:
    """Whether the decision changed what Figure 2 keeps on stable storage."""
    match record.event:
        case dec.VoteDecided(args=args, granted=granted):
            return granted and not args.pre_vote
        case dec.BecameFollower(old_term=old_term, term=term):
            return old_term < term
    return True
