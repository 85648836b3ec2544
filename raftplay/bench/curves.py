"""Cumulative distributions drawn in plain characters over a logarithmic axis, one letter per curve."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from raftplay.bench.figures import Curve
from raftplay.explore.search.sweep import percentile

WIDTH, HEIGHT = 61, 13
"""Columns and rows of the plot itself."""

NEVER = 0.999
"""A trial longer than this share of the limit never ended."""

MARKS = "abcdefghij"
AXIS = (1, 2, 5)
"""The marked multiples of powers of ten."""


def draw(title: str, curves: Sequence[Curve]) -> list[str]:
    """Return the lines of a chart with its legend. Where curves overlap, the last one's letter is shown."""
    limit = max(curve.limit for curve in curves)
    low = 10 ** math.floor(math.log10(max(min(curve.times[0] for curve in curves), 1.0)))
    scale = (WIDTH - 1) / math.log(limit / low)
    rows = [[" "] * WIDTH for _ in range(HEIGHT)]
    for mark, curve in zip(MARKS, curves, strict=False):
        for column, row in _points(curve, low, scale):
            rows[row][column] = mark
    lines = [title]
    for at, cells in enumerate(rows):
        label = f"{1 - at / (HEIGHT - 1):.0%}" if at % 3 == 0 else ""
        lines.append(f"{label:>5} |{''.join(cells)}".rstrip())
    lines += _axis(low, limit, scale)
    lines += [_legend(mark, curve) for mark, curve in zip(MARKS, curves, strict=False)]
    return lines


def _points(curve: Curve, low: float, scale: float) -> list[tuple[int, int]]:
    """Return (column, row) points of the curve, one per column, and points that join them where it is steep."""
    points: list[tuple[int, int]] = []
    before = HEIGHT - 1
    for column in range(WIDTH):
        time = low * math.exp((column + 0.5) / scale)
        ended = bisect_right(curve.times, min(time, curve.limit * NEVER))
        row = round((HEIGHT - 1) * (1 - ended / len(curve.times)))
        if ended:
            points += [(column, between) for between in range(row, max(before, row + 1))]
        before = row
    return points


def _axis(low: float, limit: float, scale: float) -> list[str]:
    """Return the axis and its numbers, in ms."""
    ticks, numbers = ["-"] * WIDTH, [" "] * (WIDTH + 8)
    value = low
    while value <= limit * 1.001:
        for factor in AXIS:
            if value * factor <= limit * 1.001:
                column = round(math.log(value * factor / low) * scale)
                ticks[column] = "+"
                text = f"{value * factor:g}"
                numbers[column : column + len(text)] = text
        value *= 10
    return [f"      +{''.join(ticks)}", f"       {''.join(numbers).rstrip()} ms"]


def _legend(mark: str, curve: Curve) -> str:
    times = list(curve.times)
    given_up = sum(time >= curve.limit * NEVER for time in times)
    words = f"  {mark}  {curve.what:<12}"
    for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
        value = percentile(times, share)
        words += f"  {name} " + (
            f"{value:>5.0f} ms" if value < curve.limit * NEVER else f"over {curve.limit / 1000:g} s"
        )
    return words + (f"  ({given_up} never)" if given_up else "")
