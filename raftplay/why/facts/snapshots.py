"""Snapshots: what a log no longer has, what a follower waits for, and why a leader sends its snapshot (§7)."""

from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.raft import decisions
from raftplay.raft.messages import NONE, Args, InstallSnapshotArgs
from raftplay.watch.facts import Record
from raftplay.why.facts.rpcs import Journey, last_journey


@dataclass(frozen=True, slots=True)
class KeptFacts:
    """The snapshot that stands in place of a node's entries up to `index`.

    `how` the node made it, by which leader and when: "" where that is forgotten, or was before it started.
    """

    index: int
    how: str = ""
    time: float | None = None


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """A snapshot up to entry `index` that a leader sends to `peer`, which needs entry `next_index` next.

    The leader's log begins after entry `base`. `since`, `index` and `size` are None before the first part has
    been sent, and where that is forgotten. `received`: how many bytes of it the peer has. `journey` is that of the
    last part, None if there was none.
    """

    peer: int
    next_index: int
    base: int
    since: float | None
    index: int | None
    size: int | None
    received: int
    journey: Journey | None


def kept_facts(events: EventIndex, node: NodeSnapshot) -> KeptFacts | None:
    """Return the snapshot that stands for the beginning of a node's log; None if nothing is compacted."""
    if node.base_index == NONE:
        return None
    record = events.story(node.id).snapshots.made
    event = None if record is None else record.event
    made = decisions.SnapshotTaken | decisions.SnapshotInstalled
    if record is None or not isinstance(event, made) or event.index != node.base_index:
        return KeptFacts(node.base_index)
    how = "taken" if isinstance(event, decisions.SnapshotTaken) else "installed"
    return KeptFacts(event.index, how, record.time)


def incoming(events: EventIndex, node: NodeSnapshot) -> Record | None:
    """Return the last part that a node received of a snapshot that is not whole yet; None if it waits for none."""
    record = events.story(node.id).snapshots.chunk
    if record is None or record.after is None or not isinstance(record.event, decisions.ChunkReceived):
        return None
    is_its = record.after.current_term == node.current_term and record.event.index > node.commit_index
    return record if is_its else None


def sendings(events: EventIndex, leader: NodeSnapshot) -> tuple[SendingFacts, ...]:
    """Return the snapshots that a leader sends, or has to send."""
    found = (sending(events, leader, peer) for peer in events.snapshot.nodes if peer is not leader)
    return tuple(one for one in found if one is not None)


def sending(events: EventIndex, leader: NodeSnapshot, peer: NodeSnapshot) -> SendingFacts | None:
    """Return the snapshot that `leader` sends to `peer`; None if its log has what the peer needs next."""
    next_index = dict(leader.next_index).get(peer.id)
    if next_index is None or next_index > leader.base_index:
        return None
    record = events.story(leader.id).snapshots.sent.get(peer.id)
    event = None if record is None else record.event
    if record is None or not isinstance(event, decisions.SnapshotSent) or next_index > event.index:
        return SendingFacts(peer.id, next_index, leader.base_index, None, None, None, 0, None)
    return SendingFacts(
        peer=peer.id,
        next_index=next_index,
        base=leader.base_index,
        since=record.time,
        index=event.index,
        size=event.size,
        received=_received(events, peer, event),
        journey=_last_chunk(events, leader, peer.id, event.index),
    )


def _received(events: EventIndex, peer: NodeSnapshot, sent: decisions.SnapshotSent) -> int:
    """Return how many bytes of a snapshot `peer` has."""
    record = events.story(peer.id).snapshots.chunk
    event = None if record is None else record.event
    if not peer.alive or not isinstance(event, decisions.ChunkReceived):
        return 0
    return event.received if (event.index, event.term) == (sent.index, sent.term) else 0


def _last_chunk(events: EventIndex, leader: NodeSnapshot, peer: int, index: int) -> Journey | None:
    """Return the last part of the snapshot that was sent."""

    def is_part(args: Args) -> bool:
        its = leader.current_term, index
        return isinstance(args, InstallSnapshotArgs) and (args.term, args.last_index) == its

    return last_journey(events, leader.id, peer, events.story(leader.id).leadership, is_part)
