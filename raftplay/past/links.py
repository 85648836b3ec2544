"""The nodes that can talk to each other at one moment, and what stands in the way of the others."""

from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.network import WHOLE
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason why a message from `src` cannot reach `dst`; `node` is its cause, -1 where the network is."""

    kind: Literal["down", "frozen", "writing", "cut off", "partition", "cut", "loss", "drops", "held"]
    src: int
    dst: int
    node: int = -1


class Reachability:
    """All links of a cluster at the moment of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._nodes = snapshot.nodes
        self._faults = dict(snapshot.faulty_links)
        self._held = frozenset(snapshot.held_links)
        self._side = {node: side for side, group in enumerate(snapshot.groups) for node in group}

    def obstacle(self, src: int, dst: int, *, reply: bool = False) -> Obstacle | None:
        """Return what keeps a request from `src` (or its `reply` to one) from `dst`; None if it gets through."""
        for id in (dst, src):
            kind = _unfit(self._nodes[id])
            if kind is not None:
                return Obstacle(kind, src, dst, id)
        faults = self._faults.get((src, dst), WHOLE)
        if self._side.get(src) != self._side.get(dst):
            return Obstacle("partition", src, dst)
        if faults.cut:
            return Obstacle("cut", src, dst)
        if faults.loss >= 1:
            return Obstacle("loss", src, dst)
        if not reply and self._nodes[src].calls_left == 0:
            return Obstacle("drops", src, dst, src)
        return Obstacle("held", src, dst) if (src, dst) in self._held else None

    def answer_obstacle(self, src: int, dst: int) -> Obstacle | None:
        """Return what keeps `src` from sending `dst` a request and hearing the response; None if nothing."""
        return self.obstacle(src, dst) or self.obstacle(dst, src, reply=True)

    def around(self, node: int) -> tuple[tuple[int, ...], tuple[Obstacle, ...]]:
        """Return the other nodes that `node` can send to and hear from, and the obstacles to the rest."""
        others = [peer.id for peer in self._nodes if peer.id != node]
        gaps = {peer: self.answer_obstacle(node, peer) for peer in others}
        return (
            tuple(peer for peer, gap in gaps.items() if gap is None),
            tuple(gap for gap in gaps.values() if gap is not None),
        )


def _unfit(node: NodeSnapshot) -> Literal["down", "frozen", "writing", "cut off"] | None:
    if not node.alive:
        return "down"
    if not node.connected:
        return "cut off"
    if node.frozen:
        return "frozen"
    return "writing" if node.writing_since is not None and node.hardware.stalls else None
