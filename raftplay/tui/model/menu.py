"""Menus: what can be done to a node, a message, a link or a partition in its present state, and the key for each.

The rule of this module: a menu offers nothing that its node, message or link would reject.
"""

from typing import NamedTuple

from raftplay.cluster.network import WHOLE
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.keys import KEY, KEYS, line_of
from raftplay.tui.model.diagram import MESSAGE_KEYS, message_line, message_words
from raftplay.tui.model.glyphs import Glyphs, mark_of
from raftplay.tui.model.lines import ClickTarget, link_target
from raftplay.tui.model.panes import NAMES
from raftplay.tui.model.timeline import Arrow
from raftplay.tui.stage.places import Area
from raftplay.tui.stage.roles import drawer_roles
from raftplay.tui.stage.scene import Moving


class Item(NamedTuple):
    """A line of a menu: the key that chooses it, what it does in words, and a command, or what a click follows."""

    key: str
    words: str
    does: str | ClickTarget


class Menu(NamedTuple):
    """A menu about what `target` means. `note` says why it offers no more."""

    target: ClickTarget
    title: str
    style: str
    items: tuple[Item, ...]
    note: str = ""


ONLY_LOOKS = "the past on sockets can only be looked at"


def acting_node(view: View, selected: int) -> int:
    """Return the leader or the candidate of the highest term that is up; `selected` if there is none."""
    acting = [n for n in view.snapshot.nodes if n.alive and n.state is not CMState.FOLLOWER]
    best = max(acting, key=lambda n: (n.current_term, n.state is CMState.LEADER, -n.id), default=None)
    return selected if best is None else best.id


def node_menu(view: View, id: int, glyphs: Glyphs, *, can_act: bool = True) -> Menu:
    """Return the menu of a node; `can_act`: commands may act on the cluster."""
    node = view.snapshot.nodes[id]
    role, (_, mark) = drawer_roles(view.snapshot, glyphs)[id], mark_of(node, glyphs)
    words = f"{role.word}, {mark}" if mark else role.word
    items = _acts(view, node) if can_act else ()
    looks = (
        Item("w", f"why is it {words if not node.alive else f'a {words}'}?", ("pane", NAMES.index("why"))),
        Item("n", "all that is known of it", ("pane", NAMES.index("node"))),
    )
    title = f"n{id} {role.glyph} {words}, term {node.current_term}"
    return Menu(("node", id), title, role.style, (*items, *looks), "" if can_act else ONLY_LOOKS)


def _acts(view: View, node: NodeSnapshot) -> tuple[Item, ...]:
    """Return what can be done to a node."""
    if not node.alive:
        blank = Item("e", "restart with a blank disk", f"restart {node.id} empty")
        return (_by_key("r", "restart: from what is on its disk", view, node), blank)
    is_leader = node.state is CMState.LEADER
    items = [
        _by_key("c", "crash", view, node),
        _by_key("d", "cut off" if node.connected else "connect again", view, node),
        _by_key("z", "freeze" if not node.frozen else "go on: thaw its process", view, node),
    ]
    if not node.frozen and not is_leader:
        items.append(_by_key("t", "time out: start an election", view, node))
    leader = view.snapshot.leader
    if leader is not None and leader.id != node.id and not leader.frozen and node.id != leader.transferring_to:
        items.append(Item("o", "hand leadership over to it", f"transfer from {leader.id} to {node.id}"))
    if not node.frozen and is_leader:
        line = f"{line_of(KEY['s'], view, node.id)} to {node.id}"
        items.append(Item("s", line.removesuffix(f" to {node.id}"), line))
    if not node.frozen:
        items.append(Item("S", "submit to it …", ("key", KEYS.index(KEY["S"]))))
    bad = node.hardware.has_bad_disk
    items.append(Item("k", "give it a good disk" if bad else "stall its disk", _disk_line(node.id, bad=bad)))
    return tuple(items)


def _disk_line(id: int, *, bad: bool) -> str:
    return f"disk {id} {'clear' if bad else 'stall'}"


def _by_key(key: str, words: str, view: View, node: NodeSnapshot) -> Item:
    return Item(KEY[key].shown, words, line_of(KEY[key], view, node.id))


MESSAGE_WORDS = {"deliver": "deliver it now", "lose": "lose it", "duplicate": "deliver a copy now"}


def message_menu(message: Arrow | Moving, view: View, *, can_act: bool = True) -> Menu:
    """Return the menu of a message in flight, or of the link of one that has arrived."""
    items = []
    for key in MESSAGE_KEYS if can_act else ():
        line = message_line(key.word, message, view)
        if line is not None:
            items.append(Item(key.shown, _message_words(key.word, line), line))
    items.append(Item("m", "show it in the diagram", ("pane", NAMES.index("messages"))))
    note = "" if can_act else ONLY_LOOKS
    return Menu(message.target, message_words(message), "text", tuple(items), note)


def _message_words(what: str, line: str) -> str:
    verb, object = line.split()
    link = object.split("->")
    return MESSAGE_WORDS.get(what) or (
        f"{verb} it" if len(link) < 2 else f"{verb} its link, n{link[0]} to n{link[1]}"
    )


# ---- links


def link_menu(view: View, src: int, dst: int, *, can_act: bool = True) -> Menu:
    """Return the menu of the link between two nodes; `src` is the end at which a message starts."""
    snapshot = view.snapshot
    there, back = _is_cut(snapshot, src, dst), _is_cut(snapshot, dst, src)
    items = []
    if not (there and back):
        items.append(Item("x", "cut it both ways", f"cut {src}<->{dst}"))
    if there or back:
        items.append(Item("j", "join it both ways", f"join {src}<->{dst}"))
    items.append(_one_way(src, dst, "1", is_cut=there))
    items.append(_one_way(dst, src, "2", is_cut=back))
    held = (src, dst) in snapshot.held_links
    verb = "release" if held else "hold"
    items.append(Item("H", f"{verb} all messages n{src} to n{dst}", f"{verb} {src}->{dst}"))
    items += _heals(snapshot, src, dst)
    return Menu(
        link_target(src, dst),
        f"link n{src} n{dst}: {_state(snapshot, src, dst)}",
        "text",
        tuple(items) if can_act else (Item("N", "show all links", ("pane", NAMES.index("network"))),),
        "" if can_act else ONLY_LOOKS,
    )


def _one_way(src: int, dst: int, key: str, *, is_cut: bool) -> Item:
    verb = "join" if is_cut else "cut"
    return Item(key, f"{verb} n{src} to n{dst} only", f"{verb} {src}->{dst}")


def _is_cut(snapshot: Snapshot, src: int, dst: int) -> bool:
    return dict(snapshot.faulty_links).get((src, dst), WHOLE).cut


def _are_parted(snapshot: Snapshot, src: int, dst: int) -> bool:
    side = {node: at for at, group in enumerate(snapshot.groups) for node in group}
    return bool(side) and side.get(src) != side.get(dst)


def _heals(snapshot: Snapshot, src: int, dst: int) -> list[Item]:
    """Return what undoes a partition, or the cutting off of an end of a link."""
    items = []
    if _are_parted(snapshot, src, dst):
        items.append(Item("h", "heal: restore all links", "heal"))
    for id in (src, dst):
        node = snapshot.nodes[id]
        if node.alive and not node.connected:
            items.append(Item("d", f"connect n{id} again", f"reconnect {id}"))
            break
    return items


def _state(snapshot: Snapshot, src: int, dst: int) -> str:
    there, back = _is_cut(snapshot, src, dst), _is_cut(snapshot, dst, src)
    if there and back:
        return "cut"
    if there or back:
        return f"cut from n{src} to n{dst}" if there else f"cut from n{dst} to n{src}"
    if _are_parted(snapshot, src, dst):
        return "parted"
    ends = [snapshot.nodes[id] for id in (src, dst)]
    if any(not node.alive for node in ends):
        return "an end is down"
    return "whole" if all(node.connected for node in ends) else "an end is cut off"


def dragged_line(view: View, src: int, dst: int) -> str:
    """Return the command of drawing the mouse from one node to another: it cuts their link, or joins it again."""
    is_cut = _is_cut(view.snapshot, src, dst) and _is_cut(view.snapshot, dst, src)
    return f"{'join' if is_cut else 'cut'} {src}<->{dst}"


def cut_menu(view: View, selected: int, *, can_act: bool = True) -> Menu:
    """Return the menu of a partition."""
    line = line_of(KEY["p"], view, selected)
    items = [Item("h", "heal: restore all links", "heal")]
    if line != "heal":
        items.append(Item("p", line.replace("partition", "split"), line))
    if not can_act:
        items = [Item("N", "show all links", ("pane", NAMES.index("network")))]
    return Menu(("cut", 0), "partition", "bad bold", tuple(items), "" if can_act else ONLY_LOOKS)


# ---- where it stands


def place_of(area: Area, size: tuple[int, int], screen: tuple[int, int]) -> tuple[int, int]:
    """Return where a menu of `size` stands on the screen: beside `area`, below it, or as near as there is room."""
    (x, y, wide, high), (width, height) = area, size
    most_x, most_y = max(0, screen[0] - width), max(0, screen[1] - height)
    for left in (x + wide, x - width):
        if 0 <= left <= most_x:
            return left, max(0, min(y, most_y))
    return max(0, min(x, most_x)), y + high if y + high <= most_y else max(0, min(y - height, most_y))
