"""The layout of a screen of a given size: its regions, and which panes are where."""

from typing import NamedTuple

from raftplay.tui.model.panes import NAMES

LEAST = (60, 16)
"""Columns and lines below which one line asks for more room."""


class Region(NamedTuple):
    """Columns and lines from the upper left corner of the screen."""

    x: int
    y: int
    width: int
    height: int


class Slot(NamedTuple):
    """A place for panes, one of which is seen at a time: its first line is for their names."""

    region: Region
    panes: tuple[str, ...]


class Layout(NamedTuple):
    """The whole screen. `nodes` says how nodes are shown: "panels", "rows" or "chips"."""

    status: Region
    nodes: str
    nodes_region: Region
    slots: tuple[Slot, ...]
    caption: Region
    answer: Region
    prompt: Region
    keys: Region


def is_too_small(width: int, height: int) -> bool:
    """Return whether a screen has no room for a cluster."""
    return width < LEAST[0] or height < LEAST[1]


def layout(width: int, height: int, nodes: int, *, caption: int = 0, zoomed: str | None = None) -> Layout:
    """The layout of a screen that is not too small; `caption`: lines for a script's comments.

    They are fewer where there is no room.
    """
    answer = 1 if height < 30 else 2 if height < 45 else 3
    caption = min(caption, max(1, (height - 12) // 3))
    foot = 2 + answer + caption
    kind, tall = _nodes(width, height, nodes)
    top, bottom = 1 + tall, height - foot
    main = Region(0, top, width, bottom - top)
    if zoomed:
        slots: tuple[Slot, ...] = (Slot(main, (zoomed, *(name for name in NAMES if name != zoomed))),)
    else:
        slots = with_all(_slots(main, nodes))
    return Layout(
        Region(0, 0, width, 1),
        kind,
        Region(0, 1, width, tall),
        slots,
        Region(0, bottom, width, caption),
        Region(0, bottom + caption, width, answer),
        Region(0, height - 2, width, 1),
        Region(0, height - 1, width, 1),
    )


def with_all(slots: tuple[Slot, ...], names: tuple[str, ...] = NAMES) -> tuple[Slot, ...]:
    """Return `slots` with all panes: those that have no place in them share that of the events."""
    others = tuple(name for name in names if not any(name in slot.panes for slot in slots))
    return tuple(s._replace(panes=s.panes + others) if "events" in s.panes else s for s in slots)


def _nodes(width: int, height: int, nodes: int) -> tuple[str, int]:
    """Return how nodes are shown, and in how many lines."""
    if width >= 22 * nodes and height >= 32:
        return "panels", 10
    most = max(4, (height - 5) * 2 // 5)
    if nodes + 1 <= most or nodes <= 5 or (nodes <= 7 and height >= 22):
        return "rows", nodes + 1
    across = max(1, width // 20)
    return "chips", min(most, -(-nodes // across) + 1)


def _slots(main: Region, nodes: int) -> tuple[Slot, ...]:
    x, y, width, height = main
    if width >= 160 and height >= 24:
        left, right = width * 37 // 100, max(48, width * 26 // 100)
        middle = width - left - right
        upper = height // 2
        links = min(nodes + 6, height // 3)
        held = min(10, height // 3)
        x2, x3 = x + left, x + left + middle
        return (
            Slot(Region(x, y, left - 1, height), ("messages",)),
            Slot(Region(x2, y, middle - 1, upper), ("log",)),
            Slot(Region(x2, y + upper, middle - 1, height - upper), ("events",)),
            Slot(Region(x3, y, right, height - links - held), ("why",)),
            Slot(Region(x3, y + height - links - held, right, links), ("network",)),
            Slot(Region(x3, y + height - held, right, held), ("invariants",)),
        )
    if width >= 100 and height >= 18:
        left = width * 53 // 100
        rest = width - left
        upper = height * 45 // 100
        return (
            Slot(Region(x, y, left - 1, height), ("messages",)),
            Slot(Region(x + left, y, rest, upper), ("log",)),
            Slot(Region(x + left, y + upper, rest, height - upper), ("events", "why", "invariants", "network")),
        )
    left = min(width * 44 // 100, max(28, 8 + 5 * nodes))
    rest = width - left
    if height >= 20:
        upper = height // 2
        return (
            Slot(Region(x, y, width, upper), ("messages",)),
            Slot(Region(x, y + upper, left - 1, height - upper), ("log",)),
            Slot(Region(x + left, y + upper, rest, height - upper), ("events", "why", "invariants", "network")),
        )
    return (
        Slot(Region(x, y, left - 1, height), ("log", "network", "invariants")),
        Slot(Region(x + left, y, rest, height), ("events", "messages", "why")),
    )
