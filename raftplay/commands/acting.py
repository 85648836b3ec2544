"""Commands that act on the cluster."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Annotated

from raftplay.cluster.harness import RESTART_PAUSE, Harness
from raftplay.cluster.holding import ALL, fits
from raftplay.cluster.snapshot import network_lines
from raftplay.cluster.waits import MAX_SPEED, Interrupted
from raftplay.errors import UsageError
from raftplay.language import kinds, link_kinds
from raftplay.language.selectors import leader
from raftplay.language.table import command
from raftplay.raft.messages import NONE, CMState
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.watch.text import count
from raftplay.watch.words import link_text, nodes_text

GROUP = "Acting on the cluster"

NO_PROMISE = "Raft promises nothing from now on"
"""The words for a cluster in which a disk came back blank."""


def all_alive(session: Session, ids: list[int], *, hint: bool = False) -> list[int]:
    """Return `ids`, or raise `UsageError` if one is down, so that a command does all of its work or none."""
    down = [id for id in ids if not session.harness.alive[id]]
    if down:
        verb, them = ("is", "it") if len(down) == 1 else ("are", "them")
        raise UsageError(f"{nodes_text(down)} {verb} down" + (f"; restart {them} instead" if hint else ""))
    return ids


@command(GROUP, "submit 42 to leader")
def submit(
    session: Session, value: Annotated[object, kinds.VALUE], node: Annotated[int | None, kinds.TO_NODE] = None
) -> str:
    """Submit a value (an integer if it reads as one, else text) to the leader, or to a node that may reject it."""
    harness = session.harness
    target = leader(harness) if node is None else node
    if target is None:
        raise Failed("there is no leader to submit to")
    index = harness.submit_to_server(target, value)
    if index >= 0:
        session.note_index(index)
        return f"index {index} of node {target}, term {harness.cluster[target].cm.current_term}"
    if not harness.alive[target]:
        return f"node {target} is down: not taken"
    if harness.cluster[target].frozen:
        return f"node {target} is frozen: not taken"
    successor = harness.cluster[target].cm.transferring_to
    if successor != NONE:
        return f"node {target} hands over to node {successor}: not taken (thesis §3.10)"
    known = harness.cluster[target].cm.leader_id
    follows = f"it follows node {known} (§8)" if known not in (NONE, target) else "it knows of no leader"
    return f"node {target} is not the leader: not taken; {follows}"


@command(GROUP, "crash leader")
def crash(session: Session, nodes: kinds.Up) -> str:
    """Crash nodes: they lose their volatile state and keep their storage."""
    down = [id for id in nodes if not session.harness.alive[id]]
    for id in nodes:
        session.harness.crash_peer(id)
    crashed = [id for id in nodes if id not in down]
    return f"{nodes_text(crashed)} crashed" + (f"; {nodes_text(down)} down already" if down else "")


@command(GROUP, "restart crashed")
def restart(session: Session, nodes: kinds.Down, empty: Annotated[bool, kinds.EMPTY] = False) -> str:
    """Restart crashed nodes from their storage and connect them; cuts and a partition stay. With empty, their
    disks come back blank: Raft promises nothing from then on.
    """
    for id in nodes:
        session.harness.check_restart(id, empty=empty)
    terms = ", ".join(_restart_all(session.harness, nodes, empty=empty))
    blank = f" with {'a blank disk' if len(nodes) == 1 else 'blank disks'}: {NO_PROMISE}" if empty else ""
    return f"restarted {terms}{blank}{_still_in_force(session, nodes)}" if nodes else "no node to restart"


def _restart_all(harness: Harness, nodes: list[int], *, empty: bool) -> list[str]:
    """Restart every node, and return what each brings back from its disk.

    An interrupt shortens only the wall-clock pauses: no journal can divide a restart.
    """
    speed = harness.speed
    brought = []
    try:
        for id in nodes:
            end = harness.now + RESTART_PAUSE
            disk = harness.snapshot().nodes[id]
            kept = "" if empty else f" in term {disk.current_term} with a log of {len(disk.log)}"
            brought.append(f"node {id}{kept}")
            try:
                harness.restart_peer(id, empty=empty)
            except Interrupted:
                harness.set_speed(MAX_SPEED)
                harness.pass_to(end)
    finally:
        harness.set_speed(speed)
    return brought


@command(GROUP, "tear 1 after 1")
def tear(session: Session, node: kinds.Node, after: Annotated[int, kinds.AFTER_N]) -> str:
    """Crash a node in its next write (a torn write), after N parts are on disk (0: it loses the whole write)."""
    session.harness.tear_peer(node, after)
    return f"node {node} will crash in its next write"


@command(GROUP, "wipe 2")
def wipe(session: Session, nodes: kinds.Nodes) -> str:
    """Crash nodes and erase their storage; a node that has lost its votes cannot be restarted."""
    for id in nodes:
        session.harness.wipe_peer(id)
    return f"{nodes_text(nodes)} wiped"


@command(GROUP, "disconnect leader")
def disconnect(session: Session, nodes: kinds.Joined) -> str:
    """Cut nodes from all others, both ways."""
    for id in nodes:
        session.harness.disconnect_peer(id)
    return f"{nodes_text(nodes)} cut off"


@command(GROUP, "reconnect 1,2")
def reconnect(session: Session, nodes: kinds.CutOff) -> str:
    """Undo disconnect: connect nodes to all live nodes, both ways; cuts and a partition stay."""
    for id in all_alive(session, nodes, hint=True):
        session.harness.reconnect_peer(id)
    return f"{nodes_text(nodes)} connected{_still_in_force(session, nodes)}"


@command(GROUP, "partition 0,1 | 2,3,4")
def partition(session: Session, groups: Annotated[list[list[int]], link_kinds.GROUPS]) -> str:
    """Split the nodes into groups that cannot communicate; nodes that are not named form the last group."""
    session.harness.partition(*groups)
    return " | ".join(" ".join(map(str, group)) for group in session.harness.network.groups) or "one group"


@command(GROUP, "heal")
def heal(session: Session) -> str:
    """Restore all links: remove groups, cuts, loss, delays and duplicates; deliver held messages."""
    held = session.harness.flights.holding.kinds_of
    links = dict.fromkeys([*held, *((f.src, f.dst) for f in session.harness.messages() if f.due is None)])
    released = released_text(session, links, session.harness.heal)
    return f"all links are whole; {released}" if links else "all links are whole"


@command(GROUP, "cut 1->3")
def cut(session: Session, links: Annotated[link_kinds.LinkList, link_kinds.LINK]) -> str:
    """Cut a link in one direction (1->3, an asymmetric partition) or both (1<->3)."""
    for src, dst in links:
        session.harness.cut(src, dst)
    return f"{links_text(links)} cut"


@command(GROUP, "join 1->3")
def join(session: Session, links: Annotated[link_kinds.LinkList, link_kinds.CUT_LINK]) -> str:
    """Undo a cut."""
    for src, dst in links:
        session.harness.join(src, dst)
    return f"{links_text(links)} joined"


@command(GROUP, "link 1->3 loss=20% delay=50..80ms dup=5%")
def link(
    session: Session,
    links: Annotated[link_kinds.LinkList, link_kinds.LINK],
    change: Annotated[link_kinds.LinkChange, link_kinds.LINK_CHANGE],
) -> str:
    """Set the faults of a link (all: every link): probabilities of loss and duplicates, a delay; or clear them."""
    for src, dst in links:
        if change.clear:
            session.harness.clear_link(src, dst)
        else:
            session.harness.set_link(src, dst, loss=change.loss, delay=change.delay, dup=change.dup)
    if change.clear:
        return f"{links_text(links)} whole"
    faults = {session.harness.network.faults(*link) for link in links}
    if len(faults) > 1:
        return f"{links_text(links)} changed; they differ (see: status)"
    return f"{links_text(links)}: {link_text(faults.pop())}"


@command(GROUP, "drop leader after 2")
def drop(session: Session, node: kinds.Node, after: Annotated[int, kinds.AFTER_N]) -> str:
    """Make the outgoing RPCs of a node fail after the next N."""
    session.harness.peer_drop_calls_after_n(node, after)
    return f"RPCs of node {node} fail after {after} more" if after else f"RPCs of node {node} fail"


@command(GROUP, "undrop 0")
def undrop(session: Session, node: kinds.DroppingNode) -> str:
    """Undo drop: let the outgoing RPCs of a node pass."""
    session.harness.peer_dont_drop_calls(node)
    return f"RPCs of node {node} pass"


@command(GROUP, "freeze leader")
def freeze(session: Session, nodes: kinds.Awake) -> str:
    """Pause the processes of nodes: no timers run and no replies are sent; their sockets stay open."""
    for id in all_alive(session, nodes):
        session.harness.freeze_peer(id)
    return f"{nodes_text(nodes)} frozen"


@command(GROUP, "thaw all")
def thaw(session: Session, nodes: kinds.Asleep) -> str:
    """Resume frozen processes; they handle what arrived meanwhile."""
    thawed = [id for id in nodes if session.harness.cluster[id].frozen]
    for id in thawed:
        session.harness.thaw_peer(id)
    return f"{nodes_text(thawed)} thawed"


@command(GROUP, "snapshot all")
def snapshot(session: Session, nodes: kinds.AwakeOrNone = None) -> str:
    """Take a snapshot on nodes (default: all that run): it replaces the entries of the log that they have applied
    (§7).
    """
    harness = session.harness
    if nodes is None:
        servers = [server for server in harness.cluster if not server.frozen]
        nodes = [server.id for server in servers if server.cm.state is not CMState.DEAD]
        if not nodes:
            return "no node runs"
    taken = [(id, harness.compact_peer(id)) for id in nodes]
    words = [f"node {id} up to entry {index}" for id, index in taken if index != NONE]
    nothing = [id for id, index in taken if index == NONE]
    if nothing:
        words.append(f"{nodes_text(nothing)} {'has' if len(nothing) == 1 else 'have'} nothing new to compact")
    return "; ".join(words)


@command(GROUP, "timeout 2")
def timeout(session: Session, node: kinds.WaitingNode) -> str:
    """Fire a node's election timer now."""
    cm = session.harness.cluster[node].cm
    if cm.state is CMState.LEADER:
        return f"node {node} is the leader and has no election timer"
    if session.harness.cluster[node].frozen:
        return f"node {node} is frozen: nothing happens"
    session.harness.time_out_peer(node)
    answer = f"node {node} is {cm.state} in term {cm.current_term}"
    if cm.state is CMState.PRE_CANDIDATE:  # thesis §9.6
        return f"{answer} and asks for pre-votes for term {cm.current_term + 1}"
    return answer


@command(GROUP, "transfer to 2")
def transfer(
    session: Session,
    source: Annotated[int | None, kinds.FROM_NODE] = None,
    node: Annotated[int | None, kinds.TO_NODE] = None,
) -> str:
    """Hand leadership over, by default from the leader to the connected node that has the most of its log."""
    harness = session.harness
    source = leader(harness) if source is None else source
    if source is None:
        raise Failed("there is no leader that could hand over")
    all_alive(session, [source])
    cm = harness.cluster[source].cm
    if harness.cluster[source].frozen:
        return f"node {source} is frozen: nothing happens"
    if cm.state is not CMState.LEADER:
        return f"node {source} is not the leader: it has nothing to hand over"
    already = cm.transferring_to
    target = harness.transfer_leadership(source, node)
    if target == NONE:
        return f"node {source} is connected to no node to which it could hand over"
    if target in (source, already):
        return (
            f"node {target} leads already"
            if target == source
            else f"node {source} hands over to node {target} already"
        )
    last = cm.log.last_index
    knows = cm.match_index.get(target, last) >= last
    waits = "" if knows else f"; it waits to hear that node {target} has its log up to {last}"
    return f"node {source} hands over to node {target}, and takes no commands meanwhile{waits}"


@command(GROUP, "timers align")
def timers(
    session: Session,
    align: Annotated[bool, kinds.ALIGNED],
    seconds: Annotated[float | None, kinds.AT] = None,
) -> str:
    """Align all election timers, for a split vote, or spread them well apart, for a clear win."""
    harness = session.harness
    fires = harness.align_timers(seconds) if align else harness.spread_timers(seconds)
    if not fires:
        return "no node has an election timer that runs"
    first, leading = min(fires.values()), leader(harness)
    each = ", ".join(f"node {id} at {when:.3f} s" for id, when in fires.items())
    answer = (
        f"the timers of {nodes_text(sorted(fires))} fire at {first:.3f} s" if align else f"timers fire: {each}"
    )
    if leading is None:
        return answer
    return f"{answer}; node {leading} leads, and its heartbeats restart those that they reach: crash it first"


def links_text(links: Collection[tuple[int, int]]) -> str:
    """Return links in words."""
    if len(links) > 6:
        return f"{len(links)} directions of links"
    return " ".join(f"{src}->{dst}" for src, dst in links)


def released_text(
    session: Session, links: Collection[tuple[int, int]], release: Callable[[], int], kind: str = ALL
) -> str:
    """Release `links`; return in words how many held messages were delivered and lost."""
    flights = [f for f in session.harness.messages() if f.due is None and fits(kind, f.message)]
    held = sum((f.src, f.dst) in links for f in flights)
    arrived = release()
    lost = f", {held - arrived} lost" if held > arrived else ""
    what = links_text(links) + (f": {kind}" if kind else "")
    return f"{what} released: {count(arrived, 'message')} delivered{lost}"


def _still_in_force(session: Session, ids: list[int]) -> str:
    """Return in words what still separates these nodes: the partition, and their cut or held links."""
    if session.harness.network.is_whole and not session.harness.flights.holding:
        return ""
    snapshot, mine = session.harness.snapshot(), set(ids)
    faulty = tuple((link, faults) for link, faults in snapshot.faulty_links if faults.cut and mine & set(link))
    held = tuple(link for link in snapshot.held_links if mine & set(link))
    kinds_held = tuple(one for one in snapshot.held_kinds if mine & set(one[:2]))
    still = replace(snapshot, faulty_links=faulty, held_links=held, held_kinds=kinds_held)
    lines = network_lines(still) if ids else []
    return f"; still in force: {', '.join(lines)}" if lines else ""


@command(GROUP, "let old = leader")
def let(session: Session, name: Annotated[str, kinds.NAME], value: Annotated[int, kinds.KEPT]) -> str:
    """Keep a value under a name for use as $NAME; index is the log index of the last submitted value."""
    session.variables[name] = value
    return f"${name} = {value}"
