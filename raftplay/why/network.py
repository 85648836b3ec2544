"""Who can talk to whom at one moment, and what stands in the way."""

from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.network import WHOLE
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a message from `src` from `dst`; `node` is the one that is to blame, -1 where the network is."""

    kind: Literal["down", "frozen", "cut off", "partition", "cut", "loss", "drops", "held"]
    src: int
    dst: int
    node: int = -1


def obstacle(snapshot: Snapshot, src: int, dst: int, *, reply: bool = False) -> Obstacle | None:
    """What keeps a call from `src` (or its `reply` to one) from `dst`; None where it gets through, in the end."""
    for id in (dst, src):
        kind = _unfit(snapshot.nodes[id])
        if kind is not None:
            return Obstacle(kind, src, dst, id)
    faults = dict(snapshot.faulty_links).get((src, dst), WHOLE)
    if snapshot.groups and group_of(snapshot, src) != group_of(snapshot, dst):
        return Obstacle("partition", src, dst)
    if faults.cut:
        return Obstacle("cut", src, dst)
    if faults.loss >= 1:
        return Obstacle("loss", src, dst)
    if not reply and snapshot.nodes[src].calls_left == 0:
        return Obstacle("drops", src, dst, src)
    return Obstacle("held", src, dst) if (src, dst) in snapshot.held_links else None


def answer_obstacle(snapshot: Snapshot, src: int, dst: int) -> Obstacle | None:
    """What keeps `src` from calling `dst` and hearing its answer."""
    return obstacle(snapshot, src, dst) or obstacle(snapshot, dst, src, reply=True)


def reached(snapshot: Snapshot, node: int) -> tuple[int, ...]:
    """The other nodes that `node` can call and hear an answer from."""
    others = (peer.id for peer in snapshot.nodes if peer.id != node)
    return tuple(peer for peer in others if answer_obstacle(snapshot, node, peer) is None)


def group_of(snapshot: Snapshot, node: int) -> tuple[int, ...]:
    """The group of the partition in which `node` is; empty without a partition."""
    return next((group for group in snapshot.groups if node in group), ())


def _unfit(node: NodeSnapshot) -> Literal["down", "frozen", "cut off"] | None:
    if not node.alive:
        return "down"
    if not node.connected:
        return "cut off"
    return "frozen" if node.frozen else None
