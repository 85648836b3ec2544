"""The log matrix: a row per index, a column per node; here Figures 6, 7 and 8 of the paper are seen."""

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.raft.commands import same_content
from raftplay.raft.messages import Entry, LogEntry
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, Window, fit, pad, width_of
from raftplay.tui.model.node import ON_DISK
from raftplay.tui.model.pane import Pane, Row, RowAction, Shows
from raftplay.tui.stage.roles import drawer_roles
from raftplay.watch.text import brief_text, command_text

WIDEST = 22
"""A cell takes no more columns than this."""


def matrix(view: View, context: Context) -> Window:
    """The rows at the end of the logs, or `context.scroll` rows before it, under a heading."""
    nodes = view.snapshot.nodes
    length = max((len(node.log) for node in nodes), default=0)
    lead = max(4, len(str(max(0, length - 1))) + 1) + 2
    room = context.width - lead
    share = max(3, min(WIDEST, room // len(nodes)))
    if room < share * len(nodes):
        room -= len(f" +{len(nodes)} hidden")
    shown = max(1, room // share)
    hidden = len(nodes) - shown
    nodes = _seen(nodes, shown, context.selected)
    applied = applied_entries(view)
    height = max(0, context.height - 1)
    top = max(0, length - height - context.scroll)
    lines = [_heading(view, nodes, lead, share, context)]
    if hidden > 0:
        tail = (Piece(f" +{hidden} hidden", "warn"),)
        lines[0] = (*fit(lines[0], context.width - width_of(tail)), *tail)
    for index in range(top, min(length, top + height)):
        lines.append(_row(view, nodes, index, lead, share, context, applied))
    if not length:
        lines.append(fit((Piece(" every log is empty; s submits a command to the leader", "dim"),), context.width))
    return Window(tuple(lines), top, length)


def reference(view: View, index: int) -> Entry | None:
    """The entry that the others are compared with: the committed one, else that of the leader, else none."""
    nodes = view.snapshot.nodes
    for node in nodes:
        if node.commit_index >= index and len(node.log) > index:
            return node.log[index]
    leader = view.snapshot.leader
    return leader.log[index] if leader is not None and len(leader.log) > index else None


def conflicts(view: View, index: int) -> set[int]:
    """The nodes whose entry at `index` is not the one of `reference`; all, where they differ and there is none."""
    there = [node for node in view.snapshot.nodes if len(node.log) > index]
    right = reference(view, index)
    final = [node for node in there if node.commit_index >= index]
    if any(not _is_same(node.log[index], final[0].log[index]) for node in final[1:]):
        return {node.id for node in there}  # what must never be: nobody can say who is right
    if right is not None:
        return {node.id for node in there if not _is_same(node.log[index], right)}
    differs = any(not _is_same(node.log[index], there[0].log[index]) for node in there[1:])
    leader = view.snapshot.leader
    return {node.id for node in there} if differs and leader is None else set()


def _is_same(one: Entry, other: Entry) -> bool:
    if "compacted" in (one.kind, other.kind):  # committed, so it is the same on all nodes
        return True
    return one is other or (one.term == other.term and same_content(one, other))


def _seen(nodes: tuple[NodeSnapshot, ...], shown: int, selected: int) -> tuple[NodeSnapshot, ...]:
    """Return as many nodes as fit, the selected one among them."""
    if len(nodes) <= shown:
        return nodes
    first = max(0, min(selected - shown // 2, len(nodes) - shown))
    return nodes[first : first + shown]


def _heading(view: View, nodes: tuple[NodeSnapshot, ...], lead: int, share: int, context: Context) -> Pieces:
    pieces, roles = [Piece(pad(" idx", lead), "dim")], drawer_roles(view.snapshot, context.glyphs)
    for node in nodes:
        role = roles[node.id]
        name = f"n{node.id}{role.glyph}" if share >= 4 else str(node.id)
        if not node.alive and share > len(name) + len(ON_DISK) + 1:
            name += f" {ON_DISK}"
        style = f"{role.style} bold{' select' if node.id == context.selected else ''}"
        pieces.append(Piece(pad(name, share), style, ("node", node.id)))
    return fit(pieces, context.width)


def applied_entries(view: View) -> dict[tuple[int, int], Entry]:
    """Return what each node applied at each index, by (node, index), once an invariant is violated.

    A node that crashed no longer knows what it had committed, but that is what the violation is about.
    """
    if view.breach is None:
        return {}
    return {
        (record.node, event.entry.index): LogEntry(event.entry.command, event.entry.term)
        for record in view.records
        if isinstance(event := record.event, decisions.Applied)
    }


def _row(
    view: View,
    nodes: tuple[NodeSnapshot, ...],
    index: int,
    lead: int,
    share: int,
    context: Context,
    applied: dict[tuple[int, int], Entry],
) -> Pieces:
    wrong = conflicts(view, index)
    is_selected = context.row == ("entry", index)
    pieces = [
        Piece(f"{index:>{lead - 2}}", "select" if is_selected else "dim", ("entry", index)),
        Piece(context.glyphs.marker if is_selected else " ", "select"),
        Piece(" "),
    ]
    final = {id: entry for (id, at), entry in applied.items() if at == index}
    differ = any(not same_content(one, other) for one in final.values() for other in final.values())
    for node in nodes:
        cell = _cell(node, index, node.id in wrong, share, context)
        if differ and node.id in final:
            known = (other.log[index] for other in view.snapshot.nodes if len(other.log) > index)
            entry = next((one for one in known if same_content(one, final[node.id])), final[node.id])
            cell = _entry_cell(entry, index, context.glyphs.bad, "bad badge", share, context)
        pieces.append(cell)
    return fit(pieces, context.width)


def _cell(node: NodeSnapshot, index: int, is_wrong: bool, share: int, context: Context) -> Piece:
    glyphs = context.glyphs
    if index >= len(node.log):
        return Piece(pad(glyphs.absent, share), "faint")
    entry, is_committed = node.log[index], index <= node.commit_index
    if entry.kind == "compacted":
        last = f"[..{index}]" if index == node.base_index else "[..]"
        return Piece(f"{pad(last, share - 1, glyphs.more)} ", "faint", ("entry", index))
    sign, looks = glyphs.appended, ""
    if is_committed:
        sign, looks = (glyphs.bad, "bad badge") if is_wrong else (glyphs.committed, "bold")
    elif is_wrong:
        sign = glyphs.conflicting
    return _entry_cell(entry, index, sign, looks, share, context)


def _entry_cell(entry: Entry, index: int, sign: str, looks: str, share: int, context: Context) -> Piece:
    """Return an entry as term:command, its sign in front; the term alone where there is no room."""
    glyphs = context.glyphs
    words = brief_text(entry.command, 40) if share < WIDEST else command_text(entry.command, 40)
    if words.startswith('"') and share < WIDEST:
        words = words[1:].removesuffix('"')  # room is short, and that it is text is plain to see
    text = f"{sign}{entry.term}"
    if share >= 5:
        text += f":{plain(words) if glyphs.ascii else words}"
    return Piece(f"{pad(text, share - 1, glyphs.more)} ", f"t{entry.term % 7} {looks}".strip(), ("entry", index))


def entry_text(view: View, index: int) -> list[str]:
    """Describe one index: its entries, and which nodes hold each."""
    lines = []
    found: list[tuple[Entry, list[NodeSnapshot]]] = []
    for node in view.snapshot.nodes:
        if len(node.log) > index:
            entry = node.log[index]
            at = next((at for at, (known, _) in enumerate(found) if _is_same(known, entry)), None)
            if at is None:
                found.append((entry, [node]))
                continue
            known, holders = found[at]
            holders.append(node)
            if known.kind == "compacted":
                found[at] = entry, holders
    for entry, holders in found:
        committed = [f"n{n.id}" for n in holders if n.commit_index >= index]
        where = " ".join(f"n{n.id}" if n.alive else f"n{n.id} ({ON_DISK})" for n in holders)
        state = f"committed on {' '.join(committed)}" if committed else "not committed"
        words = f"{command_text(entry.command, 60)}, term {entry.term}"
        words = "compacted" if entry.kind == "compacted" else words
        lines.append(f"index {index}: {words}, on {where}; {state}")
    return lines or [f"index {index}: no node has an entry there"]


class LogPane(Pane):
    """The log matrix, of which indexes are selected."""

    name = "log"
    key = "l"
    help = "show the log matrix: the entries of each node as term:command"
    follows_end = True
    heading = 1
    row = "entry"

    def window(self, view: View, context: Context) -> Window:
        """Return the rows in sight."""
        return matrix(view, context)

    def notes(self, context: Context) -> list[str]:
        """Return how an entry is written."""
        return ["term:command"]

    def neighbour(self, view: View, context: Context, by: int) -> Row:
        """Return the index `by` places below the selected one; the last when none is selected."""
        last = max((len(node.log) for node in view.snapshot.nodes), default=0) - 1
        if last < 0:
            return Row(None)
        at = last if context.row is None else max(0, min(last, context.row[1] + by))
        return Row(("entry", at), last - at)

    def clicked(self, view: View, target: ClickTarget, *, again: bool) -> RowAction:
        """Show why the entry is, or is not, committed."""
        return Shows("why")

    def opened(self, view: View, context: Context) -> RowAction:
        """Show why the selected entry is, or is not, committed."""
        return None if context.row is None else Shows("why")

    def copied(self, view: View, context: Context) -> str:
        """Return the entries at the selected index."""
        return (
            super().copied(view, context) if context.row is None else "\n".join(entry_text(view, context.row[1]))
        )
