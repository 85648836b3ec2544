"""The network: every link from row to column, and its faults in words."""

from raftplay.cluster.network import LinkFaults
from raftplay.cluster.snapshot import network_lines
from raftplay.commands.looking import fault_words
from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import Piece, Pieces, Window, fit, link_of, link_target, windowed, wrapped
from raftplay.tui.model.pane import Pane, Row
from raftplay.tui.stage.roles import drawer_roles


def network(view: View, context: Context) -> Window:
    """A table of links, one of them selected, then the partition in force and the faults of links."""
    nodes = view.snapshot.nodes
    faulty, held = dict(view.snapshot.faulty_links), set(view.snapshot.held_links)
    group_of = {node: at for at, group in enumerate(view.snapshot.groups) for node in group}
    share = 4 if 10 + 4 * len(nodes) <= context.width else 3 if 10 + 3 * len(nodes) <= context.width else 2
    head = [Piece("from  to ", "dim")]
    head += [
        Piece(
            f"{f'n{n.id}' if share > 2 else n.id % 10:>{share}}", "select" if n.id == context.selected else "dim"
        )
        for n in nodes
    ]
    lines: list[Pieces] = [fit(head, context.width)]
    roles = drawer_roles(view.snapshot, context.glyphs)
    for src in nodes:
        role = roles[src.id]
        row = [Piece(f" n{src.id:<3}{role.glyph}   ", f"{role.style} bold", ("node", src.id))]
        for dst in nodes:
            sign, style = _link(src.id, dst.id, view, faulty, held, group_of, context)
            target = ("node", src.id) if src.id == dst.id else link_target(src.id, dst.id)
            row.append(Piece(f"{sign:>{share}}", f"{style} selected" if target == context.row else style, target))
        lines.append(fit(row, context.width))
    words = network_lines(view.snapshot)
    words += [t for t in fault_words(view.snapshot) if t.startswith("n")]
    if not words:
        words = ["all links are whole"]
    for text in words:
        lines += [
            fit((Piece(f" {plain(row) if context.glyphs.ascii else row}", "text"),), context.width)
            for row in wrapped(text, context.width - 2)
        ]
    flying = len(view.messages)
    kept = sum(1 for m in view.messages if m.due is None)
    lines.append(fit((Piece(f" {flying} in flight" + (f", {kept} held" if kept else ""), "dim"),), context.width))
    scroll = context.scroll
    if context.row is not None:  # the selected link is in sight
        at = 1 + link_of(context.row)[0]
        scroll = max(min(scroll, at), at - context.height + 1)
    return windowed(lines, context.height, scroll)


def _link(
    src: int,
    dst: int,
    view: View,
    faulty: dict[tuple[int, int], LinkFaults],
    held: set[tuple[int, int]],
    group_of: dict[int, int],
    context: Context,
) -> tuple[str, str]:
    glyphs, nodes = context.glyphs, view.snapshot.nodes
    if src == dst:
        return glyphs.absent, "faint"
    if not (nodes[src].alive and nodes[dst].alive):
        return glyphs.empty, "faint"
    faults = faulty.get((src, dst))
    if (
        not (nodes[src].connected and nodes[dst].connected)
        or (group_of and group_of[src] != group_of[dst])
        or (faults is not None and faults.cut)
    ):
        return glyphs.lost, "bad"
    if (src, dst) in held:
        return glyphs.held, "warn"
    return (glyphs.faulty, "warn") if faults is not None else (glyphs.whole, "ok")


class NetworkPane(Pane):
    """The links between the nodes, of which those to the selected node can be selected by keys."""

    name = "network"
    key = "N"
    help = "show the links"
    row = "link"

    def window(self, view: View, context: Context) -> Window:
        """Return the links in sight."""
        return network(view, context)

    def neighbour(self, view: View, context: Context, by: int) -> Row | None:
        """Return the link to the selected node that is `by` rows below the selected one, or the first of them."""
        dst = context.selected
        sources = [node.id for node in view.snapshot.nodes if node.id != dst]
        if not sources:
            return None
        src, to = (-1, -1) if context.row is None else link_of(context.row)
        at = sources.index(src) + by if to == dst and src in sources else 0
        return Row(link_target(sources[max(0, min(len(sources) - 1, at))], dst))
