"""The straight lines on which messages go between two boxes, one for each direction."""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from raftplay.tui.stage.places import NodeBox, Places

LONG_ENOUGH = 20
"""The length from which on a path is not made longer; a row counts as two columns."""

LANES_APART = 5
"""The distance in columns that the two directions of a pair should keep; a row counts as two."""


class Path(NamedTuple):
    """A line between two cells (column, row) beside boxes; `outward`: the side of words beside a steep line."""

    x0: int
    y0: int
    x1: int
    y1: int
    outward: int = 1

    @property
    def is_flat(self) -> bool:
        """Return whether the line goes more across than down, as a person sees it."""
        return abs(self.x1 - self.x0) >= 2 * abs(self.y1 - self.y0)

    @property
    def across(self) -> int:
        """Return 1 for a line to the right or straight down, -1 for one to the left."""
        return -1 if self.x1 < self.x0 else 1

    def at(self, way: float) -> tuple[int, int]:
        """Return the cell at the part `way` of the line."""
        return round(self.x0 + (self.x1 - self.x0) * way), round(self.y0 + (self.y1 - self.y0) * way)


@lru_cache(maxsize=512)
def path_of(src: int, dst: int, places: Places) -> Path:
    """Return the path from `src` to `dst`: past other boxes, and away from the opposite direction."""
    others = tuple(box for id, box in enumerate(places.boxes) if id not in (src, dst))
    if src < dst:
        return _best(places.boxes[src], places.boxes[dst], others, None)
    back = path_of(dst, src, places)
    path = _best(places.boxes[src], places.boxes[dst], others, back)
    return path._replace(outward=1 if path.x0 + path.x1 >= back.x0 + back.x1 else -1)


@lru_cache(maxsize=512)
def stub_of(src: int, dst: int, places: Places) -> Path | None:
    """Return the way from `src` to the torn line on the way to `dst`; None if there is none between them."""
    box, other = places.boxes[src], places.boxes[dst]
    down = other.y > box.y
    torn = [row for row in places.torn if min(box.y, other.y) < row < max(box.y, other.y)]
    if not torn:
        return None
    beyond = [b.x for b in places.boxes if (b.y > torn[0]) == down]
    rank = sorted(beyond).index(other.x)
    x = box.x + box.width * (rank + 1) // (len(beyond) + 1)
    row = torn[0] if down else torn[-1]
    start = min(box.y + box.height, row) if down else max(box.y - 1, row)
    slant = (other.x + other.width // 2 - x) // 4
    return Path(x, start, x + max(-6, min(6, slant)), row)


def outward_of(src: int, dst: int, places: Places) -> int:
    """Return the side, right (1) or left (-1), that is away from the opposite direction."""
    return path_of(src, dst, places).outward if src > dst else -path_of(dst, src, places).outward


def _best(src: NodeBox, dst: NodeBox, others: tuple[NodeBox, ...], back: Path | None) -> Path:
    paths = [Path(*start, *end) for start in _edges(src, dst) for end in _edges(dst, src)]
    costs = sorted((_cost(path, (src, dst), back), path) for path in paths)
    best, least = costs[0][1], math.inf
    for cost, path in costs:
        if cost >= least:
            break
        full = cost + _blocked(path, (src, dst), others)
        if full < least:
            best, least = path, full
    return best


def _edges(box: NodeBox, other: NodeBox) -> Iterator[tuple[int, int]]:
    """Return the cells beside `box` from which a line to `other` may start."""
    if other.x != box.x:
        x = box.x + box.width if other.x > box.x else box.x - 1
        yield from ((x, box.y + row) for row in (range(box.height) if box.height < 4 else (0, 2, 4)))
    if other.y != box.y:
        y = box.y + box.height if other.y > box.y else box.y - 1
        yield from ((box.x + box.width * part // 8, y) for part in (1, 3, 5, 7))


def _blocked(path: Path, pair: tuple[NodeBox, NodeBox], others: tuple[NodeBox, ...]) -> float:
    """Return how bad it is that a path touches boxes."""
    through = sum(1000 for box in (*others, *pair) if _crosses(path, box, 0))
    return through + sum(30 for box in others if _crosses(path, box, 1))


def _cost(path: Path, pair: tuple[NodeBox, NodeBox], back: Path | None) -> float:
    """Return how bad a path is else: it should be long enough, near the centres, away from `back`."""
    length = abs(path.x1 - path.x0) + 2 * abs(path.y1 - path.y0)
    cost = 4.0 * max(0, LONG_ENOUGH - length) + 0.2 * length
    centres = Path(*_centre(pair[0]), *_centre(pair[1]))
    side = 1 if pair[1].x > pair[0].x else -1 if pair[1].x < pair[0].x else 0
    for box, x, y, outwards in ((pair[0], path.x0, path.y0, side), (pair[1], path.x1, path.y1, -side)):
        across = x - box.x - box.width / 2
        cost += 0.4 * abs(_beside(centres, x, y)) + 2.5 * max(0.0, -across * outwards)
        is_beside = box.y <= y < box.y + box.height
        cost += (0 if is_beside else 3) if path.is_flat else (12 if is_beside else 0)
    if back is not None:
        beside = [_beside(path, x, y) for x, y in ((back.x1, back.y1), (back.x0, back.y0))]
        cost += sum(15 * max(0.0, LANES_APART - abs(distance)) for distance in beside)
        cost += 200 * (beside[0] * beside[1] < 0)  # the two would cross
    return cost


def _beside(path: Path, x: int, y: int) -> float:
    """Return how far a cell is to the side of a path, in columns; a row counts as two."""
    across, down = path.x1 - path.x0, 2 * (path.y1 - path.y0)
    return ((x - path.x0) * down - 2 * (y - path.y0) * across) / max(1.0, math.hypot(across, down))


def _centre(box: NodeBox) -> tuple[int, int]:
    return box.x + box.width // 2, box.y + box.height // 2


def _crosses(path: Path, box: NodeBox, margin: int) -> bool:
    """Return whether a path touches a box or its margin."""
    low, high = 0.0, 1.0
    for start, end, least, most in (
        (path.x0, path.x1, box.x - 2 * margin, box.x + box.width - 1 + 2 * margin),
        (path.y0, path.y1, box.y - margin, box.y + box.height - 1 + margin),
    ):
        span = end - start
        if span == 0:
            if not least - 0.5 <= start <= most + 0.5:
                return False
            continue
        near, far = sorted(((least - 0.5 - start) / span, (most + 0.5 - start) / span))
        low, high = max(low, near), min(high, far)
    return low < high
