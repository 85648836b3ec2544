"""The layout of a screen of a given size: stage, sentences and tape, and the drawers that are open beside them."""

from typing import NamedTuple

from raftplay.tui.model.panes import NAMES

LEAST = (60, 16)
"""Columns and lines below which one line asks for more room."""

BESIDE = (100, 30)
"""Columns and lines from which on drawers stand beside the stage, and are open unless they are closed."""

TWO_BESIDE = 170
"""Columns from which on there are two columns of drawers."""

LOG_LEAD, LOG_COLUMN = 6, 4
"""The columns of the log matrix for its indexes and for each node, where there is room."""

LEAST_STAGE = 90
"""The columns that the stage keeps, however many nodes the log matrix has."""


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
    """The whole screen. `slots` are the drawers that are open, `sides` the lines between columns of them."""

    status: Region
    rules: tuple[Region, ...]
    stage: Region
    sentence: Region
    tape: Region
    slots: tuple[Slot, ...]
    sides: tuple[Region, ...]
    caption: Region
    answer: Region
    prompt: Region
    keys: Region


def is_too_small(width: int, height: int) -> bool:
    """Return whether a screen has no room for a cluster."""
    return width < LEAST[0] or height < LEAST[1]


def has_room_beside(width: int, height: int) -> bool:
    """Return whether drawers stand beside the stage, not over a part of it."""
    return width >= BESIDE[0] and height >= BESIDE[1]


def layout(
    width: int,
    height: int,
    nodes: int,
    *,
    is_open: bool = False,
    caption: int = 0,
    tape: int = 1,
    zoomed: str | None = None,
) -> Layout:
    """The layout of a screen that is not too small; `is_open`: with drawers.

    `caption` and `tape` are lines for a script's comments and for the tape; they are fewer where there is no room.
    """
    answer = 1 if height < 30 else 2 if height < 45 else 3
    caption = min(caption, max(1, (height - 12) // 3))
    rule = int(height >= 20)
    sentence = 3
    tape = min(tape, 1 if height < 20 else 2 if height < 30 else 5)
    top, bottom = 1 + rule, height - 2 - answer - caption - tape - sentence - rule
    main = Region(0, top, width, bottom - top)
    stage, slots, sides = _opened(main, nodes, is_open=is_open, beside=has_room_beside(width, height))
    if zoomed:
        stage = Region(0, top, width, 0)
        slots, sides = (Slot(main, (zoomed, *(name for name in NAMES if name != zoomed))),), ()
    below = bottom + rule
    rules = (Region(0, 1, width, rule), Region(0, bottom, width, rule)) if rule else ()
    return Layout(
        Region(0, 0, width, 1),
        rules,
        stage,
        Region(0, below, width, sentence),
        Region(0, below + sentence, width, tape),
        slots,
        sides,
        Region(0, below + sentence + tape, width, caption),
        Region(0, below + sentence + tape + caption, width, answer),
        Region(0, height - 2, width, 1),
        Region(0, height - 1, width, 1),
    )


Groups = tuple[tuple[str, ...], ...]
"""The panes of drawers that stand one above the other."""


def with_all(groups: Groups, names: tuple[str, ...] = NAMES) -> Groups:
    """Return `groups` of panes with all others of `names` in the last one."""
    others = tuple(name for name in names if not any(name in group for group in groups))
    return (*groups[:-1], groups[-1] + others)


def _opened(
    main: Region, nodes: int, *, is_open: bool, beside: bool
) -> tuple[Region, tuple[Slot, ...], tuple[Region, ...]]:
    """Return the stage, the drawers and the lines between their columns."""
    x, y, width, height = main
    if not is_open:
        return main, (), ()
    if not beside:
        tall = max(3, min(nodes, 5, height - 4), min(nodes + 1, height // 2), height - max(8, height * 3 // 5))
        return (
            Region(x, y, width, tall),
            (Slot(Region(x, y + tall, width, height - tall), NAMES),),
            (),
        )
    if width < TWO_BESIDE:
        right = max(34, width * 34 // 100)
        stage = Region(x, y, width - right - 1, height)
        column = Region(x + width - right, y, right, height)
        groups: Groups = (("log", "messages", "network"), ("node", "events", "why"))
        if height >= 24:
            groups = (("log", "messages", "network"), ("node", "why", "invariants"), ("events",))
        return stage, _stacked(column, with_all(groups)), (_left_of(column),)
    one = max(48, width * 24 // 100)
    two = max(44, width * 22 // 100, min(LOG_LEAD + LOG_COLUMN * nodes, width - one - 2 - LEAST_STAGE))
    first = Region(x + width - one - two - 1, y, one, height)
    second = Region(x + width - two, y, two, height)
    left: Groups = (("messages",), ("events", "clients"))
    rest = tuple(name for name in NAMES if not any(name in group for group in left))
    slots = (
        *_stacked(first, left),
        *_stacked(second, with_all((("log", "network", "stores"), ("node", "why")), rest)),
    )
    return Region(x, y, width - one - two - 2, height), slots, (_left_of(first), _left_of(second))


def _left_of(column: Region) -> Region:
    return Region(column.x - 1, column.y, 1, column.height)


def _stacked(column: Region, groups: Groups) -> tuple[Slot, ...]:
    """Return a drawer for each group of panes, one above the other."""
    x, y, width, height = column
    ends = [height * at // len(groups) for at in range(len(groups) + 1)]
    return tuple(
        Slot(Region(x, y + start, width, end - start), panes)
        for start, end, panes in zip(ends, ends[1:], groups, strict=False)
    )
