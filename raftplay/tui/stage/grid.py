"""Nodes as one line each, in columns: for more of them than a ring holds, and for a small stage.

Beside each node is a wire to the hub: the node with most messages that matter, such as a candidate, else the
selected node. On the wire the messages between the two are seen.
"""

import math
from collections import Counter
from dataclasses import replace

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.links import Reachability
from raftplay.raft.messages import NONE, AppendEntriesArgs, CMState
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces, beside, columns, cut, fit, pad, width_of
from raftplay.tui.stage.boxes import Painter, kept, log_tail, painter_of, sand
from raftplay.tui.stage.canvas import TEAR, Canvas
from raftplay.tui.stage.roles import ASKING, Sides, StageRole, role_of, side_names, sides_of, term_style
from raftplay.tui.stage.scene import Moving, Scene
from raftplay.tui.stage.signs import signs_of
from raftplay.tui.stage.wires import LOST_AT
from raftplay.tui.stage.words import Words, words_of


def grid(scene: Scene, width: int, height: int, glyphs: Glyphs) -> tuple[Pieces, ...]:
    """Return all nodes in as few columns as the height allows; above them the sides, where a line is left."""
    snapshot = scene.view.snapshot
    nodes, sides = snapshot.nodes, sides_of(snapshot)
    if height < 1:
        return ()
    across = math.ceil(len(nodes) / height)
    rows = math.ceil(len(nodes) / across)
    lines: list[Pieces] = []
    if rows < height and (heading := _heading(scene, sides, width, glyphs)):
        lines.append(fit(heading, width))
    share = width // across
    painter, hub = painter_of(scene, glyphs), hub_of(scene)
    links = Reachability(snapshot)
    side_of = {id: at for at, side in enumerate(sides) for id in side}
    cells = []
    for node in nodes:
        role = role_of(node, snapshot, links, glyphs)
        is_cut = side_of[node.id] != side_of.get(hub, side_of[node.id])
        wire = _wire(scene, hub, node, _wire_room(share), glyphs, is_cut=is_cut)
        cells.append(_cell(node, role, painter, wire, share))
    spaced = rows > 1 and 2 * rows <= height - len(lines)
    for row in range(rows):
        lines.append(fit(beside(cells[row::rows]), width))
        lines += [fit((), width)] * spaced
    lines += [fit((), width)] * (height - len(lines))
    return tuple(lines[:height])


def _heading(scene: Scene, sides: Sides, width: int, glyphs: Glyphs) -> Pieces:
    """Return the sides of a partition, or that idle time is skipped."""
    if len(sides) < 2:
        return (Piece(f" {signs_of(glyphs).skip} skipping idle time", "dim"),) if scene.skip else ()
    names = side_names(sides, scene.view.snapshot)
    if not any(name.startswith("majority") for name in names):
        return (Piece(" cut: no majority anywhere", "text bold"),)
    cut_line = f" {signs_of(glyphs).torn} cut {signs_of(glyphs).torn} "
    firsts = [f"n{side[0]}" + (f" +{len(side) - 1}" if len(side) > 1 else "") for side in sides]
    long = cut_line.join(f"{first}: {name}" for first, name in zip(firsts, names, strict=True))
    short = cut_line.join(f"{first}: {name.split(':')[0]}" for first, name in zip(firsts, names, strict=True))
    return (Piece(f" {cut(long if len(long) < width else short, width - 1, glyphs.more)}", "text bold"),)


def _wire_room(share: int) -> int:
    """Return the columns of a wire in a cell of `share` columns."""
    return next(
        (room for least, room in ((100, 32), (70, 22), (44, 16), (34, 12), (24, 7), (14, 3)) if share >= least), 0
    )


def hub_of(scene: Scene) -> int:
    """Return the node whose messages are seen: that with most of those that matter, else the selected one."""
    busy = Counter[int]()
    for moving in scene.moving:
        if not isinstance(moving.message, AppendEntriesArgs) or moving.message.entries:
            busy.update((moving.src, moving.dst))
    nodes = scene.view.snapshot.nodes

    def rank(id: int) -> tuple[int, bool, bool, int]:
        return busy[id], nodes[id].state in (*ASKING, CMState.LEADER), id == scene.selected, -id

    return max(busy, key=rank, default=scene.selected)


def _wire(scene: Scene, hub: int, node: NodeSnapshot, room: int, glyphs: Glyphs, *, is_cut: bool) -> Pieces:
    """Return the messages between the hub, on the left, and `node`, on the right."""
    moving = [m for m in scene.moving if {m.src, m.dst} == {hub, node.id}]
    if room == 0 or node.id == hub:
        return (Piece(" " * room),)
    signs, name = signs_of(glyphs), f"n{hub}"
    if moving and hub != scene.selected and room > len(name) + 6:
        left = Piece(name, "dim", ("node", hub))
        return (left, *_wire(replace(scene, selected=hub), hub, node, room - len(name), glyphs, is_cut=is_cut))
    canvas = Canvas(room, 1)
    if is_cut:
        canvas.put(0, 0, f"{signs.torn} " * room, "bad", None, TEAR)
    elif {hub, node.id} & set(scene.pulse) and node.alive:
        canvas.dot(room // 2, 0, signs.beat, "faint")
    words = [words_of(message, glyphs) for message in moving]
    heads = [
        _put_head(canvas, message, said.style, glyphs, out=message.src == hub)
        for message, said in zip(moving, words, strict=True)
    ]
    for at, message, said in sorted(zip(heads, moving, words, strict=True), key=lambda m: -m[2].weight):
        _put_words(canvas, at, message, said, out=message.src == hub)
    return canvas.lines()[0]


def _put_head(canvas: Canvas, moving: Moving, style: str, glyphs: Glyphs, *, out: bool) -> int:
    """Draw the head of a message on its wire, to the right if it goes `out`; return its column."""
    signs, room = signs_of(glyphs), canvas.width
    way = moving.way * (LOST_AT if moving.end == "lost" else 1.0)
    at = round((way if out else 1 - way) * (room - 1))
    for x in range(0, at) if out else range(at + 1, room):
        if x % 2:
            canvas.dot(x, 0, signs.middle, "faint")
    sign = glyphs.held if moving.end == "held" else glyphs.right if out else glyphs.left
    if moving.is_lost:
        sign, style = glyphs.lost, "bad bold"
    canvas.put(at, 0, sign, style, moving.target)
    return at


def _put_words(canvas: Canvas, at: int, moving: Moving, words: Words, *, out: bool) -> None:
    """Write the words of a message beside its head in column `at`, or its sign where there is no room."""
    for text in ("lost", words.sign) if moving.is_lost else (*words.texts, words.sign):
        length = columns(text)
        behind, ahead = (at - length, at + 1) if out else (at + 1, at - length)
        for x in (behind, ahead):
            if canvas.is_free(x, 0, length, TEAR):
                canvas.put(x, 0, text, "bad bold" if moving.is_lost else words.style, moving.target)
                return


def _cell(node: NodeSnapshot, role: StageRole, painter: Painter, wire: Pieces, share: int) -> Pieces:
    """Return a node in one line of `share` columns."""
    glyphs, term = painter.glyphs, node.current_term
    quiet = painter.spotlight not in (NONE, node.id)
    digits = len(str(len(painter.snapshot.nodes) - 1)) + 1
    room = share - width_of(wire) - 1
    marker = Piece(glyphs.marker if node.id == painter.selected else " ", "select bold")
    pieces = [*wire, marker, Piece(pad(f"n{node.id}", digits), role.style)]
    if painter.differs:
        pieces.append(Piece(glyphs.conflicting if painter.difference(node.id) else " ", "warn bold"))
    pieces.append(Piece(f" {role.sign}{role.mark or ' '}", role.style))
    if room >= digits + 18:
        word, room_for_it = (role.short, 10) if share < 70 else (role.word, 14)
        pieces.append(Piece(pad(role.state or word, room_for_it, glyphs.more), role.style))
    style = f"{term_style(term)} bold{' badge' if node.id in painter.flash else ''}" if node.alive else "down dim"
    pieces.append(Piece(f"t{term} ", style))
    left = share - width_of(tuple(pieces))
    if left >= 7 and node.alive:
        pieces += fit(kept(_state(node, painter, min(9, left)), min(9, left), glyphs), min(9, left))
        left -= min(9, left)
    if left >= 8:
        pieces += log_tail(node, painter, left - 1)
    own = ("node", node.id)
    shown = kept(tuple(pieces), share, glyphs)
    return fit((Piece(p.text, "faint" if quiet else p.style, p.target or own) for p in shown), share)


def _state(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return the votes of a candidate, and the timer of all others."""
    if node.alive and node.state in ASKING:
        needed = painter.snapshot.majority
        return (
            Piece(f"{painter.glyphs.voted} {len(node.votes)}/{needed}", f"{term_style(node.current_term)} bold"),
        )
    return () if node.frozen else sand(node, painter, min(8, room - 1))
