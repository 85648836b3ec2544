"""Roles of nodes and sides of a partition, as the stage draws them: by sign, word and border, not by hue."""

from dataclasses import dataclass, replace

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.links import Reachability
from raftplay.raft.messages import CMState
from raftplay.tui.model.glyphs import Glyphs, mark_of
from raftplay.tui.model.glyphs import RoleGlyph as DrawerRole
from raftplay.tui.model.glyphs import role_of as drawer_role
from raftplay.tui.stage.signs import Border, signs_of


@dataclass(frozen=True, slots=True)
class StageRole:
    """The role of a node: its sign, its word and a shorter one, its border, and what was done to it.

    `acts`: it leads or is candidate, so its border stands out. `weak`: it leads, but cannot commit.
    """

    sign: str
    word: str
    short: str
    frame: Border
    style: str
    acts: bool = False
    weak: bool = False
    mark: str = ""
    state: str = ""


ASKING = (CMState.CANDIDATE, CMState.PRE_CANDIDATE)
"""The states in which a node counts votes."""


def term_style(term: int) -> str:
    """Return the style of a term: one of seven hues."""
    return f"t{term % 7}"


def role_of(node: NodeSnapshot, snapshot: Snapshot, links: Reachability, glyphs: Glyphs) -> StageRole:
    """Return the role of `node`."""
    signs = signs_of(glyphs)
    if not node.alive:
        return StageRole(glyphs.down, "down", "down", signs.stopped, "down dim")
    mark, state = mark_of(node, glyphs)
    style = f"{term_style(node.current_term)} bold"
    if node.state is CMState.LEADER:
        role = StageRole(signs.weak, "leader", "leader", signs.follows, style, weak=True)
        if _can_commit(node, snapshot, links):
            role = StageRole(glyphs.leader, "LEADER", "LEADER", signs.leads, style, acts=True)
    elif node.state is CMState.CANDIDATE:
        role = StageRole(glyphs.candidate, "CANDIDATE", "CANDID.", signs.runs, style, acts=True)
    elif node.state is CMState.PRE_CANDIDATE:
        role = StageRole(signs.asking, "pre-candidate", "pre-cand.", signs.runs, style, acts=True)
    else:
        role = StageRole(glyphs.follower, "follower", "follower", signs.follows, "text")
    return replace(role, mark=mark, state=state) if mark else role


def drawer_roles(snapshot: Snapshot, glyphs: Glyphs) -> dict[int, DrawerRole]:
    """Return the role of each node as the drawers write it: with the sign that it has on the stage."""
    links = Reachability(snapshot)
    return {
        node.id: drawer_role(node, glyphs)._replace(glyph=role_of(node, snapshot, links, glyphs).sign)
        for node in snapshot.nodes
    }


def _can_commit(leader: NodeSnapshot, snapshot: Snapshot, links: Reachability) -> bool:
    """Return whether a leader reaches a majority, and no live node leads a higher term."""
    rivals = (n for n in snapshot.nodes if n.alive and n.state is CMState.LEADER)
    if any(rival.current_term > leader.current_term for rival in rivals):
        return False
    reached, _ = links.around(leader.id)
    return 1 + len(reached) > len(snapshot.nodes) // 2


# ---- sides of a partition

Sides = tuple[tuple[int, ...], ...]


def sides_of(snapshot: Snapshot) -> Sides:
    """Return the sides into which groups and cut-off nodes split the cluster; one side if nothing does."""
    groups = snapshot.groups or (tuple(node.id for node in snapshot.nodes),)
    alone = {node.id for node in snapshot.nodes if node.alive and not node.connected}
    sides = [tuple(id for id in group if id not in alone) for group in groups]
    sides += [(id,) for id in alone]
    return tuple(sorted(side for side in sides if side))


def side_names(sides: Sides, snapshot: Snapshot) -> tuple[str, ...]:
    """Return what each side can do."""
    needed = snapshot.majority
    live = {node.id for node in snapshot.nodes if node.alive and not node.frozen}
    names = []
    for side in sides:
        if len(live.intersection(side)) >= needed:
            names.append("majority: goes on")
        else:
            names.append("minority: cannot commit" if len(side) < needed else "too few are up: cannot commit")
    return tuple(names)
