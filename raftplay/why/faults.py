"""The faults that were injected into a live node."""

from dataclasses import dataclass

from raftplay.watch import facts
from raftplay.why.index import EventIndex, Kind
from raftplay.why.network import group_of


@dataclass(frozen=True, slots=True)
class NodeFaults:
    """The faults of a live node; the times are None where the history no longer has them.

    `calls_left`: how many requests its proxy lets pass (-1 = all). `will_tear`: it will crash in a later write.
    `group` is its group of a partition, empty without one. `earlier_life`: when an earlier process of the node
    last acted, though it had crashed; None where none did.
    """

    frozen: bool
    frozen_since: float | None
    cut_off: bool
    cut_off_since: float | None
    calls_left: int
    will_tear: bool
    group: tuple[int, ...]
    earlier_life: float | None


def plight(trail: EventIndex, node: int) -> NodeFaults:
    """Return the faults of `node`, which is alive."""
    now = trail.snapshot.nodes[node]
    return NodeFaults(
        frozen=now.frozen,
        frozen_since=_since(trail, node, facts.Frozen) if now.frozen else None,
        cut_off=not now.connected,
        cut_off_since=None if now.connected else _since(trail, node, facts.Disconnected),
        calls_left=now.calls_left,
        will_tear=now.tearing,
        group=group_of(trail.snapshot, node),
        earlier_life=_earlier_life(trail, node),
    )


def _since(trail: EventIndex, node: int, kind: Kind) -> float | None:
    found = trail.last(node, kind, life=trail.life(node))
    return None if found is None else found.time


def _earlier_life(trail: EventIndex, node: int) -> float | None:
    """Return when a crashed process of the node last acted, which takes a bug; None where none did."""
    restarted = trail.last(node, facts.Restarted)
    if restarted is None or not trail.bugs:
        return None
    for record in reversed(trail.records):
        if record.seq < restarted.seq:
            return None
        if record.node == node and record.incarnation < restarted.incarnation:
            return record.time
    return None
