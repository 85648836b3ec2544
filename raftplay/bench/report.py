"""Figures and curves as text for a terminal, and as one JSON object."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby

from raftplay.bench.curves import draw
from raftplay.bench.figures import Curve, Figure, Measured, Options
from raftplay.bench.measurements import MEASUREMENTS
from raftplay.version import __version__

SCHEMA = "raftplay.bench/1"

AGAINST = "another implementation, in turn with raftplay"
"""The title of what `--against` measures."""

_WIDTH = 54


def environment() -> dict[str, str | int]:
    """Return the versions and the machine that the figures depend on."""
    try:
        loop = f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        loop = "asyncio"
    return {
        "raftplay": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "loop": loop,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
    }


def text(found: Sequence[Measured], stopped: str | None = None) -> str:
    """Return the whole report: a table of figures, then the charts; `stopped` says why it ended early."""
    facts = environment()
    lines = [
        "raftplay {raftplay}, {python}, {loop}, {system}, {cores} cores".format_map(facts),
        "Clusters live on sockets without delay, storage in memory, no watchers (the default).",
        "Rates are those of the fastest of several runs.",
        "floor: a lower bound for the same work on this machine; times: how many times that.",
    ]
    figures = [one for one in found if isinstance(one, Figure)]
    for group, members in groupby(figures, key=lambda figure: figure.group):
        title = MEASUREMENTS[group].title if group in MEASUREMENTS else AGAINST
        lines += ["", *_table(title, list(members))]
    for chart, curves in groupby((one for one in found if isinstance(one, Curve)), key=lambda curve: curve.chart):
        lines += [
            "",
            *draw(f"time to replace a crashed leader, by {chart} (Figure 16 of the paper):", list(curves)),
        ]
    return "\n".join(lines if stopped is None else [*lines, "", f"stopped: {stopped}"])


def as_json(found: Sequence[Measured], options: Options, stopped: str | None = None) -> str:
    """Return all results as one JSON object of the schema `SCHEMA`."""
    whole = {
        "schema": SCHEMA,
        "environment": environment(),
        "stopped": stopped,
        "options": {"nodes": options.nodes, "quick": options.quick},
        "figures": [
            {
                "group": one.group,
                "what": one.what,
                "value": one.value,
                "unit": one.unit,
                "floor": one.floor,
                "ratio": one.ratio,
            }
            for one in found
            if isinstance(one, Figure)
        ],
        "curves": [
            {"chart": one.chart, "what": one.what, "times_ms": one.times, "given_up_at_ms": one.limit}
            for one in found
            if isinstance(one, Curve)
        ],
    }
    return json.dumps(whole, ensure_ascii=False)


def number(value: float) -> str:
    """Format with three significant digits, and commas between thousands."""
    if value >= 1000:
        digits = 3 - len(str(int(value)))
        return f"{round(value, digits):,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _table(title: str, figures: list[Figure]) -> list[str]:
    has_floor = any(figure.ratio is not None for figure in figures)
    head = f"{title:<{_WIDTH + 27}}{'floor':>11}  times" if has_floor else title
    return [head, *map(_row, figures)]


def _row(figure: Figure) -> str:
    row = f"  {figure.what:<{_WIDTH}}  {number(figure.value):>8} {figure.unit:<14}"
    if figure.floor is not None and figure.ratio is not None:
        row += f"{number(figure.floor):>11}  {number(figure.ratio):>5}"
    return row.rstrip()
