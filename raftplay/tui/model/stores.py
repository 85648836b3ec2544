"""The stores of the nodes: a row per key, a column per node; what is not committed yet is dimmed, with a sign."""

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.stores import pending_of
from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, Window, cut, fit, pad, windowed
from raftplay.tui.model.pane import Pane
from raftplay.tui.stage.roles import drawer_roles
from raftplay.watch.text import command_text, visible

LEAST = 6
"""The fewest columns of a node; where there are fewer, the selected node and those after it are shown."""

LEAST_LATER = 3
"""The columns below which of a value that is not committed yet only the sign is shown."""

KEY = 12
"""The most columns of a key."""


def stores(view: View, context: Context) -> Window:
    """Return the values of each key on each node, under a heading."""
    nodes = view.snapshot.nodes
    pending = {node.id: pending_of(node) for node in nodes}
    keys = sorted({key for node in nodes for key in (*node.store, *pending[node.id])})
    if not keys:
        return windowed(
            [fit((Piece(" every store is empty: put x 1 sets a key (help clients)", "dim"),), context.width)],
            context.height,
            0,
        )
    lead = max(LEAST, min(KEY, max(map(len, keys))) + 2)
    shown = max(1, min(len(nodes), (context.width - lead) // LEAST))
    first = 0 if shown == len(nodes) else min(context.selected, len(nodes) - shown)
    seen, share = nodes[first : first + shown], (context.width - lead) // shown
    lines = [_heading(view, seen, lead, share, context)]
    for key in keys:
        name = Piece(pad(f" {visible(key)}", lead, context.glyphs.more), "text bold")
        cells = [piece for node in seen for piece in _cell(node, key, pending[node.id], share, context.glyphs)]
        lines.append(fit((name, *cells), context.width))
    return windowed(lines, context.height, context.scroll)


def _heading(view: View, nodes: tuple[NodeSnapshot, ...], lead: int, share: int, context: Context) -> Pieces:
    roles = drawer_roles(view.snapshot, context.glyphs)
    pieces = [Piece(pad(" key", lead), "dim")]
    for node in nodes:
        role, looks = roles[node.id], " select" if node.id == context.selected else ""
        pieces.append(Piece(pad(f"n{node.id}{role.glyph}", share), f"{role.style} bold{looks}", ("node", node.id)))
    return fit(pieces, context.width)


def _cell(node: NodeSnapshot, key: str, pending: dict[str, str], share: int, glyphs: Glyphs) -> Pieces:
    """Return the value of a key on a node, and what an entry that is not committed would do to it."""
    if not node.alive:
        return (Piece(pad(glyphs.absent, share), "faint"),)
    room, waits = share - 1, pending.get(key)
    kept = text_of_value(node.store[key], glyphs) if key in node.store else glyphs.absent
    style = "text" if key in node.store else "faint"
    if waits is None:
        return (Piece(f"{pad(kept, room, glyphs.more)} ", style),)
    later = f"{glyphs.appended}{plain(waits) if glyphs.ascii else waits}"
    if len(kept) + 1 + len(later) > room and key not in node.store:
        return (Piece(f"{pad(later, room, glyphs.more)} ", "dim"),)
    beside = room - len(kept) - 1
    if beside < len(later) and beside < LEAST_LATER:  # the sign at least is seen
        kept, beside = cut(kept, room - 2, glyphs.more), 1
        later = glyphs.appended
    return (Piece(f"{kept} ", style), Piece(f"{pad(later, beside, glyphs.more)} ", "dim"))


def text_of_value(value: object, glyphs: Glyphs) -> str:
    """Return a value as text."""
    text = command_text(value, 20)
    return plain(text) if glyphs.ascii else text


class StoresPane(Pane):
    """The key-value store of each node."""

    name = "stores"
    key = "K"
    help = "show the key-value store of each node; what is not committed yet is dimmed"

    def window(self, view: View, context: Context) -> Window:
        """Return the keys in sight."""
        return stores(view, context)
