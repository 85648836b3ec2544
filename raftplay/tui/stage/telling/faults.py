"""Tells newcomers what was done to nodes and links: crashes, pauses, cuts, partitions, disks."""

from typing import assert_never

from raftplay.cluster.network import LinkFaults
from raftplay.raft.messages import (
    CMState,
)
from raftplay.tui.stage.moment import Moment, name, names
from raftplay.tui.stage.telling.text import Told
from raftplay.watch import facts
from raftplay.watch.fact_base import FaultBase
from raftplay.watch.facts import Record
from raftplay.watch.text import count
from raftplay.watch.words import link_text


def node_fault(event: facts.NodeFault, record: Record, moment: Moment) -> Told | None:
    """Tell what was done to a node."""
    n = name(record.node)
    match event:
        case facts.Crashed(cause):
            return crashed(cause, record, moment)
        case facts.Restarted(empty=True):
            why = (
                "It has forgotten its votes and its log, and does not know it: Raft promises nothing then (§5.2)."
            )
            return Told(f"{n} restarts with a blank disk.", why)
        case facts.Restarted():
            node = moment.nodes[record.node]
            kept = f"term {node.current_term}, {count(len(node.log), 'entry')}"
            why = "Term, vote and log survive a crash; role and commit index do not (Figure 2)."
            return Told(f"{n} restarts as a follower, with what its disk holds: {kept}.", why)
        case facts.Tearing(sets):
            why = f"It will crash in the middle of it, after {count(sets, 'part')}: a torn write."
            return Told(f"{n} will not finish its next write to its disk.", why)
        case facts.Wiped(empty):
            if empty:
                return Told(f"{n} has lost its disk, which was empty.", "Nothing was on it: it may come back.")
            why = "It must not come back: it could vote twice, or lack entries that it confirmed (§5.2, §5.4)."
            return Told(f"{n} has lost its disk, with its votes and its log.", why)
        case facts.OnDisk() | facts.StateImaged():
            return None
        case facts.StateRestored(index=index):
            return Told(f"{n} restores its state from a snapshot that ends at entry {index}.", event.effect)
        case _:
            return _out_of_reach(event, record, moment)


def _out_of_reach(event: FaultBase, record: Record, moment: Moment) -> Told:
    n = name(record.node)
    match event:
        case facts.Disconnected():
            why = f"Nothing reaches it, and nothing of it arrives. {_rest_text(record.node, moment)}"
            return Told(f"{_leader_or(n, record.node, moment)} is cut off from all others.", why)
        case facts.Reconnected():
            return Told(f"{n} is connected again.", event.effect)
        case facts.Frozen():
            why = f"Its process stands still: it responds to nothing. {_rest_text(record.node, moment)}"
            return Told(f"{_leader_or(n, record.node, moment)} freezes.", why)
        case facts.Thawed():
            return Told(f"{n} goes on from where it was frozen.", event.effect)
        case facts.Dropping(after):
            if after < 0:
                return Told(f"{n} sends its requests again.", "Its proxy drops none any more.")
            when = f" after {after} more" if after else ""
            return Told(f"{n}'s proxy drops its requests{when}.", "Its responses still pass.")
        case _:
            return Told(f"{n} {event.words}.", event.effect)


def _leader_or(n: str, node: int, moment: Moment) -> str:
    return f"The leader {n}" if moment.nodes[node].state is CMState.LEADER else n


def crashed(cause: str, record: Record, moment: Moment) -> Told:
    """Tell that a node crashed, and whether the others are enough."""
    n, up = name(record.node), len(moment.live)
    led = any(node.leader_id == record.node and node.id != record.node for node in moment.live)
    who = f"The leader {n}" if led and not moment.leaders else n
    if up >= moment.majority and who != n:
        now = f"{who} crashed: {up} of {moment.size} nodes are left, still a majority."
        why = "Its heartbeats stop: the next timer to run out starts an election (§5.2)."
    elif up >= moment.majority:
        now = f"{who} crashed: {up} of {moment.size} nodes go on."
        why = f"{moment.majority} of {moment.size} are a majority. Its term, vote and log stay on its disk (§5.2)."
    else:
        rest = f"only {up} of {moment.size} nodes" if up else "no node"
        now = f"{who} crashed: {rest} {'are' if up > 1 else 'is'} up."
        why = f"A leader needs {moment.majority} of {moment.size} to be elected and to commit (§5.2, §5.3)."
    return Told(now, f"Cause: {cause}." if cause else why)


def _rest_text(node: int, moment: Moment) -> str:
    """Return what the other nodes can do without `node`."""
    able = any(moment.reached(other.id) >= moment.majority for other in moment.live if other.id != node)
    return "The others go on (§5.2)." if able else "No majority is left (§5.2)."


def network(event: facts.Partitioned | facts.Healed | facts.LinkChanged | facts.LinkHeld, moment: Moment) -> Told:
    """Tell what was done to links."""
    match event:
        case facts.Partitioned(groups):
            sides = " | ".join(" ".join(map(name, group)) if len(group) < 8 else names(group) for group in groups)
            return Told(f"The network splits: {sides}.", _sides_text(groups, moment))
        case facts.Healed():
            return Told("The network is whole again.", "All nodes hear of the highest term, and follow it (§5.1).")
        case facts.LinkChanged(src, dst, cut, loss, delay, dup):
            text = link_text(LinkFaults(cut=cut, loss=loss, delay=delay, dup=dup))
            link = f"The link from {name(src)} to {name(dst)}"
            why = "Raft copes with lost, late and doubled messages: requests are sent again (§5.5)."
            return Told(f"{link}: {text}." if text != "whole" else f"{link} is whole again.", why)
        case facts.LinkHeld(src, dst, held, kind):
            what = f"What {name(src)} sends to {name(dst)}{f' as {kind}' if kind else ''}"
            why = "Raft needs no order of messages, and no limit to their delay (§2)."
            return Told(f"{what} {'waits' if held else 'goes on'}.", why)
        case _:
            assert_never(event)


def _sides_text(groups: tuple[tuple[int, ...], ...], moment: Moment) -> str:
    live = {node.id for node in moment.live}
    able = next((group for group in groups if len(live.intersection(group)) >= moment.majority), None)
    if able is None:
        return f"No side has {moment.majority} of {moment.size} nodes: none can elect or commit (§5.2)."
    others = [id for group in groups if group is not able for id in group]
    rest = f"; {names(others)} cannot commit" if others else ""
    return f"{names(able)} are a majority: they go on{rest} (§5.3)."
