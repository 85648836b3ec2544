"""Messages on the stage: a head on its path, a trail behind it, and words beside it.

The rule of this module: heads come first, and every one is drawn; words are placed by importance where nothing is
covered but trails, and give way to a sign beside the head where there is no room.
"""

from collections.abc import Iterable
from typing import NamedTuple

from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import ClickTarget, columns
from raftplay.tui.stage.canvas import TEAR, TRAIL, WORD, Canvas
from raftplay.tui.stage.paths import Path, outward_of, path_of, stub_of
from raftplay.tui.stage.places import Places
from raftplay.tui.stage.scene import Moving
from raftplay.tui.stage.signs import Signs, signs_of
from raftplay.tui.stage.words import words_of

CUT_AT = 0.5
"""The part of a path at which its link is cut."""

LOST_AT = 0.6
"""The part of its path after which a message is lost, if neither a cut nor its receiver ends it."""

STANDS_BY = 4
"""The most rows of a short path beside which words stand still."""

AT_ITS_RECEIVER = ("connection broken", "disconnected", "crash")
"""The reasons of a loss that show at the receiver's box."""


class ArrowHead(NamedTuple):
    """The head of a message, or of several at one place: its cell, its texts from the longest on, its looks."""

    moving: Moving
    path: Path
    x: int
    y: int
    arrow: str
    sign: str
    texts: tuple[str, ...]
    style: str
    weight: int
    outward: int


def draw_messages(canvas: Canvas, messages: Iterable[Moving], places: Places, glyphs: Glyphs, spot: int) -> None:
    """Draw all messages; with a spotlight on node `spot` (-1: none), those of other nodes are dimmed."""
    heads = _joined([_head(m, places, glyphs) for m in messages], glyphs)
    heads = _said_once(sorted(heads, key=lambda head: -head.weight))
    if spot >= 0:
        heads = [h if spot in (h.moving.src, h.moving.dst) else h._replace(style="faint") for h in heads]
    for head in heads:
        draw_trail(canvas, head.path, (head.x, head.y), signs_of(glyphs), head.moving.target)
    placed = []
    for head in heads:
        x, y = _not_covered(canvas, head.x, head.y)
        canvas.put(x, y, head.arrow, head.style, head.moving.target)
        placed.append(head._replace(x=x, y=y))
    for head in placed:
        _put_words(canvas, head)


def draw_cut(canvas: Canvas, path: Path, signs: Signs, target: ClickTarget) -> None:
    """Draw a link that is cut: a faint line, crossed in its middle."""
    draw_trail(canvas, path, (path.x1, path.y1), signs, target)
    x, y = path.at(CUT_AT)
    canvas.dot(x, y, signs.crossed, "bad bold", target)


def draw_pulse(canvas: Canvas, path: Path, signs: Signs, target: ClickTarget) -> None:
    """Draw one of a round of heartbeats: a faint line with a sign in its middle."""
    draw_trail(canvas, path, (path.x1, path.y1), signs, target)
    x, y = path.at(0.5)
    canvas.dot(x, y, signs.beat, "faint", target)


def draw_trail(canvas: Canvas, path: Path, end: tuple[int, int], signs: Signs, target: ClickTarget) -> None:
    """Draw the faint dots of a path from its start to `end`; a click on them means `target`."""
    x, y = end
    if path.is_flat:
        slope = (path.y1 - path.y0) / max(1, abs(path.x1 - path.x0))
        cells = ((at, path.y0 + slope * abs(at - path.x0)) for at in range(path.x0, x, path.across) if at % 2)
    else:
        slope = (path.x1 - path.x0) / max(1, abs(path.y1 - path.y0))
        step = 1 if path.y1 > path.y0 else -1
        cells = ((round(path.x0 + slope * abs(at - path.y0)), float(at)) for at in range(path.y0, y, step))
    for column, height in cells:
        row = round(height)
        part = height - row
        sign = signs.low if part > 0.17 else signs.high if part < -0.17 else signs.middle
        canvas.dot(column, row, sign, "faint", target)


# ---- heads


def _head(moving: Moving, places: Places, glyphs: Glyphs) -> ArrowHead:
    """Return where a message is now, and how it looks."""
    path, words, signs = path_of(moving.src, moving.dst, places), words_of(moving, glyphs), signs_of(glyphs)
    is_lost = moving.is_lost
    texts, style = words.texts, words.style
    if is_lost:
        reason = plain(moving.reason) if glyphs.ascii else moving.reason
        texts, style = (f"lost ({reason})", "lost") if reason else ("lost",), "bad bold"
    elif moving.end == "held":
        texts = (*(f"{text} held" for text in texts), "held")
    stub = stub_of(moving.src, moving.dst, places) if moving.end == "lost" else None
    if stub is not None:
        path = stub
        x, y = path.at(moving.way)
    else:
        x, y = path.at(_after_start(path, moving.way * _last_way(moving), columns(texts[0])))
    if is_lost or moving.end == "held":
        arrow = glyphs.lost if is_lost else glyphs.held
    elif path.is_flat:
        arrow = glyphs.right if path.across > 0 else glyphs.left
    else:
        arrow = signs.down if path.y1 > path.y0 else signs.up
    outward = outward_of(moving.src, moving.dst, places)
    return ArrowHead(moving, path, x, y, arrow, words.sign, texts, style, words.weight, outward)


def _last_way(moving: Moving) -> float:
    """Return the part of its path that a message comes at the most."""
    if moving.end != "lost" or moving.reason in AT_ITS_RECEIVER:
        return 1.0
    return CUT_AT if moving.reason == "cut" else LOST_AT


def _not_covered(canvas: Canvas, x: int, y: int) -> tuple[int, int]:
    """Return the cell nearest to (x, y), its row first, in which a head covers neither a box nor another head."""
    rows = (y + side * by for by in range(canvas.height) for side in (1, -1))
    cells = ((x + side * by, row) for row in rows for by in range(canvas.width) for side in (1, -1))
    return next((cell for cell in cells if canvas.taken(*cell) < WORD), (x, y))


def _after_start(path: Path, way: float, length: int) -> float:
    """Return `way` so that a flat path begins where words of `length` fit behind the head."""
    if not path.is_flat or _is_short(path, length):
        return way
    begin = (length + 2) / abs(path.x1 - path.x0)
    return begin + (1 - begin) * way


def _is_short(path: Path, length: int) -> bool:
    """Return whether words of `length` do not fit on a flat path beside a head that moves."""
    return abs(path.x1 - path.x0) < length + 8


def _joined(heads: list[ArrowHead], glyphs: Glyphs) -> list[ArrowHead]:
    """Return the heads with those of equal messages of one direction at one place joined, and counted."""
    groups: dict[tuple[int, int, int, int, tuple[str, ...]], list[ArrowHead]] = {}
    for head in heads:
        groups.setdefault((head.moving.src, head.moving.dst, head.x, head.y, head.texts), []).append(head)
    times = signs_of(glyphs).times
    out = []
    for first, *others in groups.values():
        number = f" {times}{1 + len(others)}" if others else ""
        out.append(first._replace(texts=tuple(f"{text}{number}" for text in first.texts)))
    return out


def _said_once(heads: list[ArrowHead]) -> list[ArrowHead]:
    """Return `heads` so that of those that one node lost for one reason, only the first says so."""
    said: set[tuple[int, str]] = set()
    out = []
    for head in heads:
        loss = head.moving.src, head.moving.reason
        out.append(head._replace(texts=(), sign="") if head.moving.is_lost and loss in said else head)
        if head.moving.is_lost:
            said.add(loss)
    return out


# ---- words


def _put_words(canvas: Canvas, head: ArrowHead) -> None:
    """Write the longest text that has room beside its head; where none has, a sign."""
    target = head.moving.target
    up_to = TEAR if head.moving.is_lost else TRAIL
    for text in head.texts:
        length = columns(text)
        for at, y in _spots(head, length):
            x = at if y == head.y else max(0, min(at, canvas.width - length))
            left, right = max(0, x - 1), min(canvas.width, x + length + 1)
            if x < 0 or x + length > canvas.width or not canvas.is_free(left, y, right - left, up_to):
                continue
            canvas.put(x, y, text, head.style, target)
            for beside in (x - 1, x + length):  # no dot of a trail touches the words
                canvas.dot(beside, y, " ", "")
            if (x, y) in ((head.x + 2, head.y), (head.x - 1 - length, head.y)):  # the gap can be clicked, too
                canvas.put(head.x + (1 if x > head.x else -1), y, " ", head.style, target)
            return
    beside = head.x - head.path.across if head.path.is_flat else head.x + 1
    if head.sign and canvas.is_free(beside, head.y, 1):
        canvas.put(beside, head.y, head.sign, head.style, target)


def _spots(head: ArrowHead, length: int) -> tuple[tuple[int, int], ...]:
    """Return the places for words of `length` columns, the best first."""
    x, y = head.x, head.y
    right, left = (x + 2, y), (x - 1 - length, y)
    above_and_below = (x + 1, y - 1), (x + 1, y + 1), (x - length, y - 1), (x - length, y + 1)
    if head.moving.is_lost:  # others may be lost beside it
        beside = ((at + by, y) for by in range(6) for at, by in ((right[0], by), (left[0], -by)))
        return *beside, *above_and_below
    if not head.path.is_flat:
        near, far = (right, left) if head.outward > 0 else (left, right)
        return near, far, *above_and_below
    path = head.path
    behind, ahead = (left, right) if path.across > 0 else (right, left)
    back = x - length + 1 if path.across > 0 else x
    around = behind, (back, y - 1), (back, y + 1), ahead
    if not _is_short(path, length) or abs(path.y1 - path.y0) > STANDS_BY:
        return around
    middle = (path.x0 + path.x1 - length) // 2  # the words stand still while the head passes them
    return (middle, min(path.y0, path.y1) - 1), (middle, max(path.y0, path.y1) + 1), *around
