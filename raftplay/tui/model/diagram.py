"""The space-time diagram: a lane per node, time going down, every message an arrow from its sending to its end.

Arrows are drawn in dots at three heights of a cell, so that slopes are seen; in ASCII, in dashes and slashes.
Messages in flight are drawn as far as they have come. Beside each row are its words, at any size; lanes for which
there is no room are hidden, and the heading says so.
"""

import math
from itertools import islice
from typing import NamedTuple

from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.key import NETWORK, Key
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, Window, cut, fit, wrapped
from raftplay.tui.model.pane import Pane, Row, RowAction
from raftplay.tui.model.timeline import Arrow, Timeline, TimelineRow, style_of, timeline, weight_of
from raftplay.tui.stage.roles import drawer_roles
from raftplay.tui.stage.scene import Moving
from raftplay.tui.stage.signs import signs_of
from raftplay.watch.narrator import message_text

TIME = 9
"""Columns of the time in front; one less where there is little room."""

LABELS = ((22, 3), (16, 3), (15, 2), (12, 2))
"""The least columns of words, and between lanes; the first for which there is room is taken."""

BRIEF = 19
"""The columns of words below which they are brief."""

RECORDS_PER_ROW = 12
"""The number of records to read for each row: enough for all that a row can show."""

MESSAGE_KEYS = (
    Key("v", "v", "deliver", "deliver the selected message now", action="message('deliver')", group=NETWORK),
    Key("x", "x", "lose", "lose the selected message", action="message('lose')", group=NETWORK),
    Key(
        "u",
        "u",
        "duplicate",
        "deliver a copy of the selected message now",
        action="message('duplicate')",
        group=NETWORK,
    ),
    Key(
        "H",
        "H",
        "hold",
        "hold the selected message (of one that has arrived: its link), or release it",
        action="message('hold')",
        group=NETWORK,
    ),
)
"""The keys that act on the selected message."""


class Geometry(NamedTuple):
    """The layout: columns of the time, between lanes, and for words on the right; and the nodes with lanes."""

    time: int
    pitch: int
    label: int
    nodes: range

    def lane(self, node: int) -> int:
        """The column of a node's lane."""
        return self.time + self.pitch // 2 + (node - self.nodes.start) * self.pitch

    @property
    def end(self) -> int:
        """Return the column behind the last lane."""
        return self.lane(self.nodes.stop - 1) + 1


def diagram(view: View, context: Context) -> Window:
    """The rows down to now, or to `context.scroll` rows before it, under a heading of lanes."""
    details = _details(view, context)
    height = max(1, context.height - 1 - len(details))
    told = _told(view, height + context.scroll, context.glyphs)
    rows = told.rows
    top = max(0, len(rows) - height - context.scroll)
    shape = geometry(len(view.snapshot.nodes), context.width, context.selected)
    seen = rows[top : top + height]
    canvas = _Canvas(len(seen), context.width)
    for arrow in sorted(told.arrows, key=lambda a: (a.target == context.row, weight_of(a.message))):
        _draw(canvas, arrow, top, shape, context)
    lines = [_heading(view, shape, context)]
    before = -1.0
    for at, row in enumerate(seen):
        is_now = top + at == len(rows) - 1 and not view.rewound
        ends = rows[top + at + 1].seq if top + at + 1 < len(rows) else math.inf
        marked = context.event is not None and 0 < row.seq <= context.event < ends and not row.free
        time = _time(row, shape, before, context.glyphs, bold=is_now, marked=marked)
        lines.append(_row(row, canvas, at, shape, context, time, is_now=is_now))
        before = before if row.free else row.time
    lines += [()] * (context.height - len(details) - len(lines))
    return Window((*lines, *details), top, len(rows), context.row)


def geometry(n: int, width: int, selected: int = 0) -> Geometry:
    """Words of some columns, and lanes as far apart as there is room beside them, the selected one among them."""
    for label, least in LABELS:
        time = TIME if label > BRIEF else TIME - 1
        room = width - time - 1
        if (pitch := min(10, (room - label) // n)) >= least:
            return Geometry(time, pitch, room - pitch * n, range(n))
    shown = max(1, min(n, (room - label) // least))
    first = max(0, min(selected - shown // 2, n - shown))
    return Geometry(time, least, max(0, room - least * shown), range(first, first + shown))


def _told(view: View, rows: int, glyphs: Glyphs) -> Timeline:
    wanted = max(300, rows * RECORDS_PER_ROW)
    records = view.records[-wanted:]
    return timeline(view, records, glyphs)


def arrows_in_sight(view: View, context: Context) -> list[Arrow]:
    """The messages that can be selected, in the order of their ends."""
    return _told(view, context.height + context.scroll, context.glyphs).arrows


def selected_arrow(view: View, context: Context) -> Arrow | None:
    """The selected message; the last known of it, where it arrived twice."""
    found = None
    for arrow in arrows_in_sight(view, context):
        if arrow.target == context.row:
            found = arrow
    return found


def neighbour(view: View, context: Context, by: int) -> ClickTarget:
    """The message `by` places behind the selected one (before, if negative); the last when none is selected."""
    targets = list(dict.fromkeys(arrow.target for arrow in arrows_in_sight(view, context)))
    if not targets:
        return None
    if context.row not in targets:
        return targets[-1]
    return targets[max(0, min(targets.index(context.row) + by, len(targets) - 1))]


# ---- drawing


class _Canvas:
    """Cells of signs, each with a style; what is drawn later lies above."""

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width
        self.cells: dict[tuple[int, int], tuple[str, str, ClickTarget]] = {}
        self.ends: dict[tuple[int, int], tuple[str, str, ClickTarget]] = {}

    def sign(self, row: int, column: int, sign: str, style: str, target: ClickTarget) -> None:
        if 0 <= row < self.height and 0 <= column < self.width:
            self.cells[(row, column)] = (sign, style, target)

    def end(self, row: int, column: int, sign: str, style: str, target: ClickTarget) -> None:
        """A sign that no line covers: what became of a message matters more than the way of another."""
        if 0 <= row < self.height and 0 <= column < self.width:
            self.ends[(row, column)] = (sign, style, target)

    def at(self, row: int, column: int) -> tuple[str, str, ClickTarget] | None:
        """Return what a cell shows."""
        return self.ends.get((row, column)) or self.cells.get((row, column))


def _draw(canvas: _Canvas, arrow: Arrow, top: int, shape: Geometry, context: Context) -> None:
    """One message, from the lane of its sender as far as it came."""
    glyphs, target = context.glyphs, arrow.target
    is_selected = target == context.row
    style = style_of(arrow.message) + (" selected bold" if is_selected else "")
    row = arrow.row - top
    if row < 0 or (arrow.sent is not None and arrow.sent - top >= canvas.height):
        return
    if arrow.src not in shape.nodes or arrow.dst not in shape.nodes:
        return
    step = 1 if arrow.dst > arrow.src else -1
    start, lane = shape.lane(arrow.src), shape.lane(arrow.dst)
    way = 0.6 if arrow.end == "lost" else arrow.way
    stop = lane - step if arrow.end == "arrived" else round(start + (lane - start) * way)
    if arrow.end == "flying":
        stop = min(stop, lane - 1) if step > 0 else max(stop, lane + 1)
    sent = row - 1 if arrow.sent is None else arrow.sent - top
    if arrow.sent is not None or arrow.end != "arrived":
        _line(canvas, (start + step, sent), (stop, row), style, target, glyphs)
    sign = {"lost": glyphs.lost, "held": glyphs.held}.get(arrow.end, glyphs.right if step > 0 else glyphs.left)
    looks = {"lost": "bad bold", "held": "warn bold"}.get(arrow.end, f"{style} bold")
    canvas.end(row, stop, sign, looks + (" selected" if is_selected else ""), target)


def _line(
    canvas: _Canvas, start: tuple[int, int], stop: tuple[int, int], style: str, target: ClickTarget, glyphs: Glyphs
) -> None:
    """A line between two cells (column, row), the lower of which ends it: of dots, the higher the earlier."""
    if glyphs.ascii:
        _ascii_line(canvas, start, stop, style, target)
        return
    heights = (signs_of(glyphs).high, signs_of(glyphs).middle, signs_of(glyphs).low)
    (x0, y0), (x1, y1) = (start[0], start[1] * 3 + 1), (stop[0], stop[1] * 3 + 1)
    steps = max(abs(x1 - x0), y1 - y0, 1)
    for at in range(steps + 1):
        y = y0 + (y1 - y0) * at // steps
        canvas.sign(y // 3, x0 + (x1 - x0) * at // steps, heights[y % 3], style, target)


def _ascii_line(
    canvas: _Canvas, start: tuple[int, int], stop: tuple[int, int], style: str, target: ClickTarget
) -> None:
    (x0, y0), (x1, y1) = start, stop
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    before = y0
    for at in range(steps + 1):
        x, y = x0 + (x1 - x0) * at // steps, y0 + (y1 - y0) * at // steps
        sign = "-" if y == before else ("\\" if x1 > x0 else "/")
        canvas.sign(y, x, sign, style, target)
        before = y


def _heading(view: View, shape: Geometry, context: Context) -> Pieces:
    cells = [" "] * context.width
    pieces: list[Piece] = []
    at, roles = 0, drawer_roles(view.snapshot, context.glyphs)
    for node in view.snapshot.nodes[shape.nodes.start : shape.nodes.stop]:
        role = roles[node.id]
        number = str(node.id)
        name = (
            f"n{number}" if shape.pitch > len(number) + 1 else number if shape.pitch > len(number) else number[-1]
        )
        text = f"{name}{role.glyph}" if shape.pitch >= 5 else name
        left = max(at, shape.lane(node.id) - (len(text) - 1) // 2)
        pieces.append(Piece("".join(cells[at:left])))
        style = f"{role.style} bold{' select' if node.id == context.selected else ''}"
        pieces.append(Piece(text, style, ("node", node.id)))
        at = left + len(text)
    if hidden := len(view.snapshot.nodes) - len(shape.nodes):
        pieces.append(Piece(f" +{hidden} hidden", "warn"))
    return fit(pieces, context.width)


def _time(row: TimelineRow, shape: Geometry, before: float, glyphs: Glyphs, *, bold: bool, marked: bool) -> Pieces:
    """Return the time of a row, where it is another than that `before`; or its mark: it has the selected event."""
    time = f"{row.time:{shape.time - 1}.3f}"
    if marked:
        return (Piece(time, "select bold"), Piece(glyphs.marker, "select bold"))
    is_new = time != f"{before:{shape.time - 1}.3f}"
    shown = f"{time} " if not row.free and (is_new or bold) else " " * shape.time
    return (Piece(shown, "bold text" if bold else "dim"),)


def _row(
    row: TimelineRow, canvas: _Canvas, at: int, shape: Geometry, context: Context, time: Pieces, *, is_now: bool
) -> Pieces:
    glyphs, pieces = context.glyphs, [*time]
    lanes = {shape.lane(node): node for node in shape.nodes}
    for column in range(shape.time, min(shape.end, context.width)):
        node = lanes.get(column)
        if node is not None and node in row.marks:
            pieces.append(Piece(*row.marks[node], ("node", node)))
        elif node is not None:
            pieces.append(_lane(row.roles[node], node, glyphs))
        else:
            pieces.append(Piece(*(canvas.at(at, column) or (" ",))))
    if shape.label:
        words = "now" if is_now and not row.label else row.label
        if shape.label <= BRIEF and row.brief:
            words = row.brief
        text = plain(words) if glyphs.ascii else words
        pieces.append(Piece(f" {cut(text, shape.label - 1, glyphs.more)}", row.style))
    return fit(_joined(pieces), context.width)


def _lane(role: str, node: int, glyphs: Glyphs) -> Piece:
    sign, style = {
        "leader": (glyphs.lane_leader, "leader"),
        "candidate": (glyphs.lane_candidate, "candidate"),
        "pre-candidate": (glyphs.lane, "candidate"),
        "down": (glyphs.lane_down, "faint"),
    }.get(role, (glyphs.lane, "faint"))
    return Piece(sign, style, ("node", node))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours that look alike and mean the same as one."""
    out: list[Piece] = []
    for piece in pieces:
        if out and out[-1].style == piece.style and out[-1].target == piece.target:
            out[-1] = out[-1]._replace(text=out[-1].text + piece.text)
        else:
            out.append(piece)
    return out


def _details(view: View, context: Context) -> list[Pieces]:
    """Describe the selected message, for the foot of the pane."""
    if context.row is None or context.row[0] != "message":
        return []
    arrow = selected_arrow(view, context)
    if arrow is None:
        return []
    keys = ", ".join(f"{key.shown} {key.word}" for key in MESSAGE_KEYS if arrow.id >= 0)
    text = message_words(arrow)
    texts = wrapped(plain(text) if context.glyphs.ascii else text, context.width - 2)
    lines = [fit((Piece(f" {t}", "text selected"),), context.width, "selected") for t in islice(texts, 3)]
    if keys:
        lines.append(fit((Piece(f"  {keys}", "key selected"),), context.width, "selected"))
    return lines


def message_words(arrow: Arrow | Moving) -> str:
    """Return a message in words, with what became of it."""
    name = f"message {arrow.id}, " if arrow.id >= 0 else ""  # the past knows no ID
    state = {
        "arrived": "arrived",
        "lost": f"lost: {arrow.reason}",
        "flying": f"{name}in flight",
        "held": f"{name}held",
    }[arrow.end]
    return f"{message_text(arrow.src, arrow.dst, arrow.message)} ({state})"


def message_line(what: str, arrow: Arrow | Moving, view: View) -> str | None:
    """Return the command that delivers, loses, duplicates or holds a message, or releases it.

    Of a message that has arrived only the link can be held; for the others there is no command then.
    """
    if what != "hold":
        return f"{what} {arrow.id}" if arrow.id >= 0 else None
    is_held = (arrow.src, arrow.dst) in view.snapshot.held_links
    if is_held or arrow.id < 0:
        return f"{'release' if is_held else 'hold'} {arrow.src}->{arrow.dst}"
    return f"{'release' if arrow.end == 'held' else 'hold'} {arrow.id}"


class MessagesPane(Pane):
    """The space-time diagram, of which messages are selected."""

    name = "messages"
    key = "m"
    help = "show the space-time diagram"
    follows_end = True
    heading = 1
    row = "message"

    def window(self, view: View, context: Context) -> Window:
        """Return the rows in sight."""
        return diagram(view, context)

    def neighbour(self, view: View, context: Context, by: int) -> Row:
        """Return the message `by` places behind the selected one; the diagram selects only those in sight."""
        return Row(neighbour(view, context, by))

    def opened(self, view: View, context: Context) -> RowAction:
        """Go to the moment at which the message arrived or was lost."""
        arrow = selected_arrow(view, context)
        return arrow.seq or None if arrow is not None else None

    def copied(self, view: View, context: Context) -> str:
        """Return the selected message in words."""
        arrow = None if context.row is None else selected_arrow(view, context)
        return super().copied(view, context) if arrow is None else message_words(arrow)
