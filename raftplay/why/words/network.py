"""The words for what stands in the way of messages, and for the faults of a node."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.links import Obstacle
from raftplay.raft.messages import CMState
from raftplay.watch.facts import Record, WriteWaits
from raftplay.watch.text import count
from raftplay.watch.words import nodes_text, timing_text, write_text
from raftplay.why.words.text import at, grouped, since_text

if TYPE_CHECKING:
    from raftplay.why.facts.nodes import NodeFaults


def obstacle_text(obstacle: Obstacle) -> str:
    """Return in words what stands in the way of a message."""
    link = f"{obstacle.src}->{obstacle.dst}"
    match obstacle.kind:
        case "down" | "frozen" | "cut off":
            return f"node {obstacle.node} is {obstacle.kind}"
        case "writing":
            return f"node {obstacle.node} waits for its disk, which stalls"
        case "partition":
            return "on another side of the partition"
        case "cut":
            return f"the link {link} is cut"
        case "loss":
            return f"the link {link} loses every message"
        case "drops":
            return f"the proxy of node {obstacle.node} drops its requests"
        case "held":
            return f"what goes over {link} is held"


def apart_texts(obstacles: Iterable[Obstacle], node: int) -> list[str]:
    """Return whom `node` does not reach and why, grouped by reason: "not nodes 2 3: …"."""
    apart = grouped((obstacle_text(gap), gap.src if gap.dst == node else gap.dst) for gap in obstacles)
    return [f"not {nodes_text(nodes)}: {text}" for text, nodes in apart.items()]


def pretenders(snapshot: Snapshot) -> list[NodeSnapshot]:
    """Return the nodes that lead besides the leader: they are cut off, or of a lower term."""
    leads = (node for node in snapshot.nodes if node.alive and node.state is CMState.LEADER)
    return [node for node in leads if node is not snapshot.leader]


def past_obstacle_text(obstacle: Obstacle) -> str:
    """Return in words what kept a request from leaving."""
    if obstacle.kind == "drops":
        return f"the proxy of node {obstacle.node} dropped it"
    return f"node {obstacle.node} was {'waiting for its disk' if obstacle.kind == 'writing' else obstacle.kind}"


def waiting_text(write: Record) -> str:
    """Return what a write that waits for its disk writes."""
    event = write.event
    assert isinstance(event, WriteWaits)
    return write_text(event.start, event.entries, vote=event.vote)


def _hardware_lines(now: NodeSnapshot, write: Record | None) -> list[str]:
    """Return what is unusual about the disk, the clock and the timings of a node, one line each."""
    lines = []
    if now.writing_since is not None:
        what = f"of {waiting_text(write)} " if write is not None else ""
        more = "; its heartbeats go on" if now.state is CMState.LEADER else ""
        lines.append(
            f"its disk write {what}has been waiting since {at(now.writing_since)}: nothing that depends on it "
            f"leaves, and it handles nothing else{more}"
        )
    hardware = now.hardware
    if hardware.has_bad_disk:
        lines.append(f"its disk: {hardware.words[0]}")
    if hardware.rate != 1:
        word = "shorter" if hardware.rate > 1 else "longer"
        lines.append(f"its clock runs at {hardware.rate:g} times the speed: all its timeouts are {word}")
    own = timing_text(hardware.election, hardware.heartbeat)
    return [*lines, f"it has its own timing: {own}"] if own else lines


def fault_lines(now: NodeSnapshot, faults: "NodeFaults") -> list[str]:
    """Return the faults of a live node, one line each."""
    lines = []
    if now.frozen:
        lines.append(
            f"it is frozen {since_text(faults.frozen_since)}: it answers nothing, and no timer of it fires"
        )
    lines += _hardware_lines(now, faults.write)
    if not now.connected:
        lines.append(f"it is cut off from all others {since_text(faults.cut_off_since)}")
    if faults.group:
        others = [id for id in faults.group if id != now.id]
        lines.append(f"the partition leaves it with {nodes_text(others) if others else 'nobody'}")
    if now.calls_left == 0:
        lines.append("its proxy drops every request that it sends; its responses pass")
    elif now.calls_left > 0:
        lines.append(f"its proxy lets {count(now.calls_left, 'more request')} pass, and drops what follows")
    if now.tearing:
        lines.append("its next write will be torn: it crashes in the middle of it (tear)")
    if faults.earlier_life is not None:
        lines.append(
            f"an earlier process of it, which had crashed, still acts (at {at(faults.earlier_life)}): "
            "a crashed process must do nothing"
        )
    return lines
