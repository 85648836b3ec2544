"""A node as a box: who it is and its role, what it waits for, the end of its log."""

import math
from typing import NamedTuple

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.raft.messages import NONE, CMState
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, columns, cut, width_of
from raftplay.tui.stage.canvas import SOLID, Canvas
from raftplay.tui.stage.places import NodeBox
from raftplay.tui.stage.roles import ASKING, StageRole, term_style
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.signs import signs_of
from raftplay.tui.stage.stored import store_line
from raftplay.watch.text import brief_text, or_dash

LONGEST_TIMEOUT = 0.3
"""The seconds that a full timer stands for, unless the cluster's timings or a longer wait say more."""

HEARTBEAT = 0.05
"""The seconds that a leader's full bar stands for, where the timings are not known."""

NAMED_LOG = 14
"""The columns from which on a log is named even if not all of it fits."""

LONGEST_COMMAND = 6
"""The most columns of an entry's command."""


PLAIN_HEIGHT = 5
"""The rows of a framed box; a higher one shows the store of its node too."""

OVER = 12
"""The columns by which a note below a box may be wider than the box."""


class Painter(NamedTuple):
    """All that a box needs to know beside its node.

    `mixed`: entries of several terms are in sight, so that their terms are written. `full`: the seconds that a
    full timer stands for. `flash`: the nodes whose term has just changed. `differs`: as in a `Scene`.
    """

    snapshot: Snapshot
    glyphs: Glyphs
    mixed: bool
    full: float
    selected: int
    flash: frozenset[int]
    spotlight: int
    differs: tuple[str, ...] = ()

    def difference(self, node: int) -> str:
        """Return in what a node differs from the one of another branch, "" in nothing."""
        return self.differs[node] if node < len(self.differs) else ""


def painter_of(scene: Scene, glyphs: Glyphs) -> Painter:
    """Return what all boxes of a moment have in common."""
    snapshot = scene.view.snapshot
    terms = {entry.term for node in snapshot.nodes for entry in node.log[-40:]}
    timings = snapshot.timings
    waits = [n.deadline - snapshot.time for n in snapshot.nodes if n.alive and n.deadline < math.inf]
    longest = max(waits, default=0.0)
    full = timings.election_max if timings is not None else LONGEST_TIMEOUT
    if longest > full > 0:
        full *= 2.0 ** math.ceil(math.log2(longest / full))
    mixed = len(terms) > 1
    return Painter(snapshot, glyphs, mixed, full, scene.selected, scene.flash, scene.spotlight, scene.differs)


def draw_box(canvas: Canvas, box: NodeBox, node: NodeSnapshot, role: StageRole, painter: Painter) -> None:
    """Draw a node in its box; every cell of it can be clicked."""
    lines = _framed(box, node, role, painter) if box.framed else _plain(box, node, role, painter)
    quiet = painter.spotlight not in (-1, node.id)
    for at, line in enumerate(lines[: box.height]):
        canvas.row_of(box.x, box.y + at, _targeted(line, node.id, quiet=quiet), SOLID)
    if not box.framed:
        _note_below(canvas, box, node, painter)


def _targeted(line: Pieces, node: int, *, quiet: bool) -> Pieces:
    return tuple(Piece(p.text, "faint" if quiet else p.style, p.target or ("node", node)) for p in line)


def _filled(line: Pieces, width: int) -> Pieces:
    gap = width - width_of(line)
    return (*line, Piece(" " * gap)) if gap > 0 else line


def _framed(box: NodeBox, node: NodeSnapshot, role: StageRole, painter: Painter) -> list[Pieces]:
    frame, style, inner = role.frame, _frame_style(role), box.width - 4
    corners = [Piece(corner, style) for corner in frame.corners]
    rule, side, space = Piece(frame.across, style), Piece(frame.down, style), Piece(" ")
    marker = Piece(painter.glyphs.marker, "select bold") if node.id == painter.selected else rule
    title = _title(node, role, painter, box.width - 6)
    rest = Piece(frame.across * (box.width - 5 - width_of(title)), style)
    lines: list[Pieces] = [(corners[0], marker, space, *title, space, rest, corners[1])]
    body = _body(node, role, painter, inner)
    for line in (*body, store_line(node, painter.glyphs, inner)) if box.height > PLAIN_HEIGHT else body:
        lines.append((side, space, *_filled(kept(line, inner, painter.glyphs), inner), space, side))
    note = _note(node, painter, box.width - 6)
    lines.append((corners[2], *note, Piece(frame.across * (box.width - 2 - width_of(note)), style), corners[3]))
    return lines


def _note(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return in what a node differs, in at most `room` columns and with spaces around; nothing if it does not."""
    difference = painter.difference(node.id)
    if not difference:
        return ()
    text = cut(f"{painter.glyphs.conflicting} {difference}", room, painter.glyphs.more)
    return (Piece(" "), Piece(text, "warn bold"), Piece(" "))


def _note_below(canvas: Canvas, box: NodeBox, node: NodeSnapshot, painter: Painter) -> None:
    """Write in what a node differs below its box, if that line is free."""
    for room in (box.width + OVER, box.width - 1):
        note = _note(node, painter, room)
        x = min(box.x, canvas.width - width_of(note))
        if canvas.is_free(x, box.y + box.height, width_of(note)):
            canvas.row_of(x, box.y + box.height, note)
            return


def _plain(box: NodeBox, node: NodeSnapshot, role: StageRole, painter: Painter) -> list[Pieces]:
    inner = box.width - 2
    side = Piece(role.frame.down if role.acts else " ", _frame_style(role))
    marker = Piece(painter.glyphs.marker, "select bold") if node.id == painter.selected else side
    term = _term(node, painter, long=inner >= 22)
    title = _title(node, role, painter, inner - width_of(term) - 1)
    gap = Piece(" " * (inner - width_of(title) - width_of(term)))
    end = Piece(painter.glyphs.conflicting, "warn bold") if painter.difference(node.id) else side
    lines: list[Pieces] = [(marker, *title, gap, *term, end)]
    if box.height > 2:
        body = [_both(node, role, painter, inner), log_tail(node, painter, inner - 1)]
    else:
        body = [_short(node, painter, inner - 1)]
    lines += [(side, *_filled(kept(line, inner, painter.glyphs), inner), side) for line in body]
    return lines


def _frame_style(role: StageRole) -> str:
    return role.style if role.acts or role.weak or role.style.startswith("down") else "line"


def _title(node: NodeSnapshot, role: StageRole, painter: Painter, room: int) -> Pieces:
    """Return name, sign and word of a node, and what was done to it, in at most `room` columns."""
    texts = (f"{role.sign} {role.word}", f"{role.sign} {role.short}", role.sign)
    if role.mark:
        both = f"{role.sign}{role.mark}"
        texts = (f"{role.sign} {role.word} {role.mark} {role.state}", f"{both} {role.state}", both)
    name = f"n{node.id} "
    text = next((text for text in texts if len(name) + len(text) <= room), texts[-1])
    return (Piece(cut(name + text, max(1, room), painter.glyphs.more), role.style),)


def _term(node: NodeSnapshot, painter: Painter, *, long: bool) -> Pieces:
    style = f"{term_style(node.current_term)} bold" if node.alive else "down dim"
    text = f"{'term ' if long else 't'}{node.current_term}"
    return (Piece(text, f"{style} badge" if node.id in painter.flash else style),)


# ---- lines of a box


def _body(node: NodeSnapshot, role: StageRole, painter: Painter, room: int) -> tuple[Pieces, Pieces, Pieces]:
    """Return the lines of a framed box: what the node does in its term, its timer, its log."""
    if not node.alive:
        vote = f"  voted n{node.voted_for}" if node.voted_for >= 0 else ""
        kept = (Piece(f"term {node.current_term}{vote}", "down dim"),)
        return _doing(node, role, painter, room), kept, log_tail(node, painter, room)
    progress = _progress(node, painter, room)
    term = (*_term(node, painter, long=True), Piece("  "))
    doing = progress[0] or _doing(node, role, painter, room - width_of(term))
    timer = _waiting(node, painter, room)
    return (*term, *doing), (*timer, *progress[1]), log_tail(node, painter, room)


def _doing(node: NodeSnapshot, role: StageRole, painter: Painter, room: int) -> Pieces:
    """Return what a node does in its role: votes, or whom it follows."""
    if not node.alive:
        return (Piece("kept on disk:", "down dim"),)
    if votes := _votes(node, painter, room):
        return votes
    if node.state is CMState.LEADER:
        return (Piece("no majority", "text bold"),) if role.weak else ()
    if voted := _voted(node, painter):
        return voted
    return (Piece(f"follows n{node.leader_id}", "dim"),) if node.leader_id >= 0 else ()


def _both(node: NodeSnapshot, role: StageRole, painter: Painter, room: int) -> Pieces:
    """Return what a node does and its timer in one line."""
    if node.frozen:
        return _waiting(node, painter, room)
    if not node.alive:
        return _doing(node, role, painter, room)
    if votes := _votes(node, painter, room):
        left = room - width_of(votes) - 2
        return (*votes, Piece("  "), *sand(node, painter, min(6, left))) if left > 3 else votes
    extra = _voted(node, painter)
    if role.weak:
        extra = (Piece("no majority", "text bold"),)
    timer = _waiting(node, painter, min(room, 14 if node.transferring_to < 0 else 18))
    if not extra:
        return timer
    if width_of(timer) + width_of(extra) + 2 > room:
        timer = sand(node, painter, min(8, room - width_of(extra) - 2))
    return (*timer, Piece("  "), *extra)


def _short(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return votes or timer, and the end of the log, in one line."""
    if not node.alive:
        return log_tail(node, painter, room)
    if node.frozen:
        return _waiting(node, painter, room)
    votes = _votes(node, painter, room)
    if votes or (votes := _voted(node, painter)):
        left = room - width_of(votes) - 1
        return (*votes, Piece(" "), *sand(node, painter, min(6, left)))
    timer = sand(node, painter, 5) if node.transferring_to < 0 else _waiting(node, painter, 8)
    return (*timer, Piece(" "), *log_tail(node, painter, room - width_of(timer) - 1))


def _votes(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return the votes of a candidate, filled as they are counted; empty for all others."""
    if not node.alive or node.state not in ASKING:
        return ()
    glyphs = painter.glyphs
    needed = painter.snapshot.majority
    got = len(node.votes)
    style = f"{term_style(node.current_term)} bold"
    word = "votes " if node.state is CMState.CANDIDATE else "pre-votes "
    line: Pieces = (
        Piece(word, "dim"),
        Piece(glyphs.voted * got, style),
        Piece(glyphs.open * (needed - got), "dim"),
    )
    more = (Piece(f" {got} of {needed}", "text"),)
    return (*line, *more) if width_of(line) + width_of(more) <= room and room >= 20 else line


def _voted(node: NodeSnapshot, painter: Painter) -> Pieces:
    """Return for whom a node voted, while its term has no leader."""
    if node.voted_for in (-1, node.id):
        return ()
    for other in painter.snapshot.nodes:
        if other.alive and other.state is CMState.LEADER and other.current_term >= node.current_term:
            return ()
    return (Piece("voted ", "dim"), Piece(f"n{node.voted_for}", f"{term_style(node.current_term)} bold"))


def _waiting(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return the timer of a node, a leader's that of its next heartbeat; or to whom it hands over."""
    if node.frozen:
        return (Piece("answers nothing", "text"),)
    if node.writing_since is not None and node.state is not CMState.LEADER:
        return (Piece("waits for disk", "text"),)
    if node.transferring_to >= 0:
        text = f"hands over to n{node.transferring_to}"
        return (Piece(text if len(text) <= room else text.removeprefix("hands over "), "text bold"),)
    word = "beat " if node.state is CMState.LEADER else "timer "
    return (Piece(word, "dim"), *sand(node, painter, min(max(12, room // 2), room - len(word))))


def sand(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return the time left until the node's timer fires, as a bar that drains."""
    signs, timings, full = signs_of(painter.glyphs), painter.snapshot.timings, painter.full
    left = max(0.0, node.deadline - painter.snapshot.time)
    if node.state is CMState.LEADER:
        full = timings.heartbeat if timings is not None else HEARTBEAT
        room = min(room, 6)
    room = max(0, room)
    filled = 0 if math.isinf(left) or full <= 0 else min(room, math.ceil(room * left / full - 0.01))
    return (
        Piece(signs.sand * filled, "text bold" if 5 * filled <= room else "dim"),
        Piece(signs.gone * (room - filled), "faint"),
    )


def _progress(node: NodeSnapshot, painter: Painter, room: int) -> tuple[Pieces, Pieces]:
    """Return next and match index of each peer of the selected leader, if there is room."""
    if node.id != painter.selected or not node.next_index or not node.alive or node.state is not CMState.LEADER:
        return (), ()
    next_index = "next " + " ".join(str(index) for _, index in node.next_index)
    match_index = "  match " + " ".join(or_dash(index) for _, index in node.match_index)
    if max(8 + len(next_index), 11 + len(match_index)) > room:
        return (), ()
    return (Piece(next_index, "dim"),), (Piece(match_index, "dim"),)


def log_tail(node: NodeSnapshot, painter: Painter, room: int) -> Pieces:
    """Return the end of a node's log in at most `room` columns.

    An entry that the node does not know to be committed has a sign in front; `[..7]` stands for compacted ones.
    Where entries of several terms are in sight, a term is written before the first entry of it.
    """
    glyphs, name = painter.glyphs, "log "
    first = _first_shown(node, painter, room - len(name))
    if first > max(0, node.base_index) and room < NAMED_LOG:
        name, first = "", _first_shown(node, painter, room)
    pieces = [Piece(name, "dim" if node.alive else "down dim")]
    if not node.log:
        pieces.append(Piece(glyphs.absent, "dim"))
    if first > max(0, node.base_index):
        pieces.append(Piece(f"{glyphs.more} ", "dim", ("entry", first - 1)))
    for index in range(first, len(node.log)):
        pieces += _entry(node, index, painter, with_term=painter.mixed and _begins_term(node, index, first))
        pieces.append(Piece(" "))
    return kept(tuple(pieces), room, glyphs)


def _first_shown(node: NodeSnapshot, painter: Painter, room: int) -> int:
    """Return the index of the first entry of a log's end that fits; at least the last one is shown."""
    used = -1
    first, lowest = len(node.log), max(0, node.base_index)
    while first > lowest:
        begins = first == len(node.log) or _begins_term(node, first, NONE)
        used += 1 + width_of(_entry(node, first - 1, painter, with_term=painter.mixed and begins))
        if used + 2 * (first > lowest + 1) > room:
            break
        first -= 1
    return max(0, min(first, len(node.log) - 1))


def _begins_term(node: NodeSnapshot, index: int, first: int) -> bool:
    """Return whether the entry is the first one in sight of its term, in a log that is shown from `first` on."""
    return index in (first, node.base_index + 1) or node.log[index - 1].term != node.log[index].term


def _entry(node: NodeSnapshot, index: int, painter: Painter, *, with_term: bool) -> tuple[Piece, ...]:
    entry, glyphs = node.log[index], painter.glyphs
    if index == node.base_index:
        return (Piece(f"[..{index}]", "dim" if node.alive else "down dim", ("entry", index)),)
    committed = index <= node.commit_index or not node.alive
    text = brief_text(entry.command, 12)
    text = cut(plain(text) if glyphs.ascii else text, LONGEST_COMMAND, glyphs.more)
    target = ("entry", index)
    if not node.alive:
        return (Piece(f"{entry.term}:{text}" if with_term else text, "down dim", target),)
    style = f"{term_style(entry.term)} {'bold' if committed else 'hollow'}"
    sign = () if committed else (Piece(glyphs.appended, term_style(entry.term), target),)
    before = (Piece(f"{entry.term}:", term_style(entry.term), target),) if with_term else ()
    return (*sign, *before, Piece(text, style, target))


def kept(line: Pieces, room: int, glyphs: Glyphs) -> Pieces:
    """Return `line` cut to `room` columns."""
    out: list[Piece] = []
    for piece in line:
        text = cut(piece.text, room, glyphs.more)
        room -= columns(text)
        if text:
            out.append(piece._replace(text=text))
        if room <= 0:
            break
    return tuple(out)
