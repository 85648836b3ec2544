"""Where the boxes of nodes stand: on a ring, or in a band for each side of a partition.

The rule of this module: no box overlaps another or leaves the stage; where boxes do not fit, there are no places.
"""

from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

from raftplay.tui.stage.roles import Sides

MOST = 7
"""The most nodes that are drawn as boxes."""

RING = (
    ((0.5, 0.5),),
    ((0.05, 0.5), (0.95, 0.5)),
    ((0.5, 0.0), (0.92, 1.0), (0.08, 1.0)),
    ((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)),
    ((0.5, 0.0), (1.0, 0.4), (0.85, 1.0), (0.15, 1.0), (0.0, 0.4)),
    ((0.5, 0.0), (1.0, 0.2), (1.0, 0.8), (0.5, 1.0), (0.0, 0.8), (0.0, 0.2)),
    ((0.5, 0.0), (1.0, 0.15), (1.0, 0.6), (0.78, 1.0), (0.22, 1.0), (0.0, 0.6), (0.0, 0.15)),
)
"""The places of 1 to 7 nodes, as parts of the free width and height; node 0 is on top."""

ROWS = (
    ((0.5, 0.5),),
    ((0.1, 0.5), (0.9, 0.5)),
    ((0.5, 0.0), (0.9, 1.0), (0.1, 1.0)),
    ((0.1, 0.0), (0.9, 0.0), (0.9, 1.0), (0.1, 1.0)),
    ((0.5, 0.0), (1.0, 0.0), (0.8, 1.0), (0.2, 1.0), (0.0, 0.0)),
    ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0), (0.0, 0.0)),
)
"""The places of 1 to 6 nodes in a band, in at most two rows."""


class NodeBox(NamedTuple):
    """The cells of a node; `framed`: with a border around them."""

    x: int
    y: int
    width: int
    height: int
    framed: bool


class Places(NamedTuple):
    """The boxes by node, the rows of torn lines, and the rows of the names of sides (none: on the torn lines)."""

    boxes: tuple[NodeBox, ...]
    torn: tuple[int, ...] = ()
    names: tuple[int, ...] = ()


Area = tuple[int, int, int, int]
"""A part of the stage or of the screen: x, y, width, height."""


class Form(NamedTuple):
    """A form of boxes: their height, their widths, whether they have a border, the rows between two of them."""

    height: int
    narrow: int
    wide: int
    framed: bool
    gap: int


FORMS = (Form(5, 23, 34, True, 4), Form(3, 17, 25, False, 1), Form(2, 17, 25, False, 1))
"""The forms, the richest first."""

WITH_STORES = (Form(6, 23, 34, True, 4), *FORMS)
"""The forms where nodes have a store to show."""

SHARE = 0.32
"""The part of the stage's width that a box may take."""

BESIDE = 8
"""The columns between two boxes that stand side by side."""

ROOMY = 160
"""The columns from which on boxes may be wider."""

LARGEST = (190, 56)
"""The columns and rows over which boxes are spread; a larger stage has them in its middle."""


@lru_cache(maxsize=64)
def places_of(n: int, width: int, height: int, sides: Sides, *, stores: bool = False) -> Places | None:
    """Return the places of `n` nodes, with room for their `stores`; None where they do not fit as boxes."""
    if n > MOST:
        return None
    forms = WITH_STORES if stores else FORMS
    return _ring(n, width, height, forms) if len(sides) < 2 else _bands(n, width, height, sides, forms)


def _widths(form: Form, width: int) -> range:
    widest = form.wide + 10 * (width >= ROOMY)
    most = min(widest, max(form.narrow, int(width * SHARE)), width)
    return range(most, form.narrow - 1, -1)


def _ring(n: int, width: int, height: int, forms: tuple[Form, ...]) -> Places | None:
    wide, high = min(width, LARGEST[0]), min(height, LARGEST[1])
    area = ((width - wide) // 2, (height - high) // 2, wide, high)
    for form in forms:
        for wide in _widths(form, width):
            boxes = _placed(RING[n - 1], area, wide, form)
            if _fit(boxes, width, height, form):
                return Places(boxes)
    return None


def _placed(shares: tuple[tuple[float, float], ...], area: Area, wide: int, form: Form) -> tuple[NodeBox, ...]:
    """Return the boxes at `shares` of the area (x, y, width, height)."""
    left, top, width, height = area
    across, down = width - wide, height - form.height
    return tuple(
        NodeBox(left + round(x * across), top + round(y * down), wide, form.height, form.framed) for x, y in shares
    )


def _fit(boxes: tuple[NodeBox, ...], width: int, height: int, form: Form) -> bool:
    """Return whether all boxes are on the stage, with gaps between them."""
    if any(b.x < 0 or b.y < 0 or b.x + b.width > width or b.y + b.height > height for b in boxes):
        return False
    return all(_apart(a, b, form) for a, b in combinations(boxes, 2))


def _apart(a: NodeBox, b: NodeBox, form: Form) -> bool:
    """Return whether there is room for messages between two boxes."""
    rows, columns = abs(a.y - b.y), abs(a.x - b.x) - a.width
    if rows >= form.height + form.gap:
        return True
    return columns >= (BESIDE if rows <= form.height // 2 else 1)


def _bands(n: int, width: int, height: int, sides: Sides, forms: tuple[Form, ...]) -> Places | None:
    ways = product((True, False), forms, (True, False))
    for in_two_rows, form, named in ways:
        for wide in _widths(form, width):
            places = _stacked(n, width, height, sides, (form, wide, named, in_two_rows))
            if places is not None:
                return places
    return None


def _stacked(n: int, width: int, height: int, sides: Sides, how: tuple[Form, int, bool, bool]) -> Places | None:
    """Return a band for each side, one above the other, with torn lines between them."""
    form, wide, named, in_two_rows = how
    rows = [2 if in_two_rows and len(side) > 2 else 1 for side in sides]
    needs = [r * form.height + (r - 1) * form.gap for r in rows]
    rest = height - sum(needs) - (len(sides) - 1) - len(sides) * named
    if rest < 0:
        return None
    boxes: dict[int, NodeBox] = {}
    torn, names = [], []
    top, seen = 0, 0
    for at, side in enumerate(sides):
        if named and at < len(sides) - 1:
            names.append(top)
            top += 1
        seen += len(side)
        share = rest * seen // n - rest * (seen - len(side)) // n
        shares = ROWS[len(side) - 1] if in_two_rows or len(side) < 3 else _in_a_row(len(side))
        across = min(width, LARGEST[0])
        area = ((width - across) // 2, top, across, needs[at] + share)
        placed = _placed(shares, area, wide, form)
        if not _fit(placed, width, height, form):
            return None
        boxes |= zip(side, placed, strict=True)
        top += needs[at] + share
        if at < len(sides) - 1:
            torn.append(top)
        elif named:
            names.append(top)
        top += 1
    return Places(tuple(boxes[id] for id in range(n)), tuple(torn), tuple(names))


def _in_a_row(n: int) -> tuple[tuple[float, float], ...]:
    """Return places side by side; every other one is lower where there is room, so that lines pass it."""
    return tuple((at / (n - 1), at % 2) for at in range(n))
