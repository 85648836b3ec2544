"""The key-value store of a node in one line of its box: its values, then what is not committed yet, dimmed."""

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.stores import pending_of
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, columns, cut
from raftplay.watch.text import command_text, visible

LONGEST = 10
"""The most columns of a key with its value."""


def has_stores(snapshot: Snapshot) -> bool:
    """Return whether some store has a value, or will have one once an entry is committed."""
    return any(node.store or pending_of(node) for node in snapshot.nodes)


def store_line(node: NodeSnapshot, glyphs: Glyphs, room: int) -> Pieces:
    """Return the values of a node by key, as many as fit; before what is not committed stands a sign."""
    if not node.alive:
        return (Piece("store not on disk", "down dim"),)
    waits = pending_of(node)
    shown = [(f"{visible(key)}={command_text(node.store[key], LONGEST)}", "text") for key in sorted(node.store)]
    shown += [
        (f"{glyphs.appended}{visible(key)}{'' if value.startswith('+') else '='}{value}", "dim")
        for key, value in waits.items()
    ]
    if waits and len(shown) > len(waits):  # what waits is seen first where not all fits
        shown = _chosen(shown, len(waits), room)
    pieces = [Piece("store ", "dim")]
    room -= len("store ")
    for at, (text, style) in enumerate(shown):
        seen = cut(plain(text) if glyphs.ascii else text, LONGEST + 2, glyphs.more)
        if columns(seen) > room - 2 * (at < len(shown) - 1):
            pieces.append(Piece(glyphs.more, "dim"))
            break
        pieces += [Piece(seen, style), Piece(" ")]
        room -= columns(seen) + 1
    return tuple(pieces) if shown else (Piece("store ", "dim"), Piece(glyphs.absent, "faint"))


def _chosen(shown: list[tuple[str, str]], waiting: int, room: int) -> list[tuple[str, str]]:
    """Return values and what waits, in this order, without the values that leave no room for what waits."""
    values, waits = shown[:-waiting], shown[-waiting:]
    left = room - len("store ") - sum(min(columns(text), LONGEST + 2) + 1 for text, _ in waits) - 2
    kept: list[tuple[str, str]] = []
    for text, style in values:
        left -= min(columns(text), LONGEST + 2) + 1
        if left < 0:
            break
        kept.append((text, style))
    return [*kept, *waits]
