"""The tape of two branches: a row for each, both on one scale of time, so that a column is a moment of both.

The rule of this module: as on a tape of one branch, what happened gets room and idle time little; a mark of either
row takes room in both.
"""

from bisect import bisect_right
from collections.abc import Sequence

from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, columns, cut, fit
from raftplay.tui.stage.pair import Pair, Side
from raftplay.tui.stage.tape import LABEL, NOW, WIDEST, Drawing, Tape, TapeMark, TapeRow, units

ROWS = 3
"""The lines that it takes: two rows and their times."""


class _Scale:
    """The places of moments, in columns, of which there are `room`."""

    def __init__(self, sides: Sequence[Side], room: int) -> None:
        self.stops = sorted({key for side in sides for key in _keys(side.tape.marks)})
        self.places = [0]
        for at in range(1, len(self.stops)):
            self.places.append(self.places[-1] + units(self.stops[at][0] - self.stops[at - 1][0]))
        self._times = [time for time, _ in self.stops] or [0.0]
        length = max(1.0, *(self._place(side.end) for side in sides))
        self.columns = min(WIDEST, (room - 1 - len(NOW)) / length)
        """The columns of one unit."""

    def column(self, time: float) -> int:
        """Return the column of a moment."""
        return round(self._place(time) * self.columns)

    def time(self, column: int) -> float:
        """Return the moment of a column: of the last mark there, if there is one."""
        place = (column + 0.5) / self.columns
        at = max(0, bisect_right(self.places, place) - 1)
        if at + 1 >= len(self._times):
            return self._times[-1] + max(0.0, place - self.places[-1] - 1 / self.columns)
        share = max(0.0, place - self.places[at] - 1 / self.columns) / (self.places[at + 1] - self.places[at])
        return self._times[at] + share * (self._times[at + 1] - self._times[at])

    def aligned(self, side: Side) -> Tape:
        """Return the tape of a branch with its marks at their places on this scale."""
        where = dict(zip(self.stops, self.places, strict=False))
        marks = side.tape.marks
        placed = [mark._replace(place=where[key]) for mark, key in zip(marks, _keys(marks), strict=True)]
        return _Aligned(side, placed, self._place(side.end))

    def _place(self, time: float) -> float:
        """Return the place of a moment, in units; between two marks by its share of the time."""
        at = max(0, bisect_right(self._times, time) - 1)
        begin = self.places[at]
        if at + 1 >= len(self._times):
            return begin + units(time - self._times[at]) if time > self._times[at] else begin + 1
        whole = self._times[at + 1] - self._times[at]
        return begin + (self.places[at + 1] - begin) * max(0.0, time - self._times[at]) / whole


def _keys(marks: Sequence[TapeMark]) -> list[tuple[float, int]]:
    """Return for each mark its time, and how many of the same time came before it."""
    keys: list[tuple[float, int]] = []
    for mark in marks:
        same = keys[-1][1] + 1 if keys and keys[-1][0] == mark.time else 0
        keys.append((mark.time, same))
    return keys


class _Aligned(Tape):
    """A tape with places and a length that another row has a part in."""

    def __init__(self, side: Side, marks: list[TapeMark], length: float) -> None:
        super().__init__()
        self.marks, self._length = marks, length
        self.last_seq, self.last_time = side.tape.last_seq, side.end

    @property
    def length(self) -> int:
        """Return the length, in whole units."""
        return max(1, round(self._length))


class _Drawing(Drawing):
    """A row, in which the moment that is looked at is a column."""

    def _point(self, cells: list[str], styles: list[str]) -> None:
        """Mark the moment."""
        if self.at not in self.shown:
            cells[self.at] = self.glyphs.lane
        styles[self.at] = "past bold selected" if self.at in self.shown else "past bold"


def draw_pair(pair: Pair, width: int, glyphs: Glyphs) -> tuple[Pieces, ...]:
    """Return `ROWS` lines of `width` columns. A click on a cell gives ("moment", number of the step)."""
    room = width - LABEL
    if room < 4 * len(NOW):
        return (fit((), width),) * ROWS
    scale = _Scale(pair.sides, room)
    here = min(room - 1, scale.column(pair.step.time))
    parted = scale.column(pair.steps[pair.parting].time) if pair.parting else None
    drawings = []
    for number, side in enumerate(pair.sides):
        drawing = _Drawing(TapeRow(side.name, scale.aligned(side)), room, scale.columns, glyphs)
        drawing.at, drawing.is_past = here, here < drawing.end
        drawing.begin = min(drawing.shown, default=0)
        if number and parted is not None and parted > 1:
            drawing.begin, drawing.since = parted - 1, 1
        drawings.append(drawing)
    rows = [
        (side.name, drawing.row(), "title bold" if number == 0 else "title")
        for number, (side, drawing) in enumerate(zip(pair.sides, drawings, strict=True))
    ]
    rows.append(("", _ruler(pair, drawings, here, parted), ""))
    targets = [_target(pair, scale, x) for x in range(room)]
    return tuple(_named(name, line, style, targets, width) for name, line, style in rows)


def _target(pair: Pair, scale: _Scale, x: int) -> ClickTarget:
    time = scale.time(x)
    return ("moment", max(0, bisect_right(pair.steps, time, key=lambda step: step.time) - 1))


def _named(label: str, line: Pieces, style: str, targets: Sequence[ClickTarget], width: int) -> Pieces:
    name = cut(label, LABEL - 2)
    cells = (Piece(piece.text, piece.style, target) for piece, target in zip(line, targets, strict=True))
    return fit((Piece(f" {name}{' ' * (LABEL - 1 - columns(name))}", style), *cells), width)


def _ruler(pair: Pair, drawings: Sequence[Drawing], here: int, parted: int | None) -> Pieces:
    """Return the times of the moment, of the parting, of the beginning and of both ends."""
    room = drawings[0].room
    cells, styles, targets = [" "] * room, ["dim"] * room, list[ClickTarget]([None] * room)

    def write(x: int, text: str, style: str) -> None:
        start = max(0, min(x, room - len(text)))
        drawings[0].write(cells, styles, targets, start, text, style, None)

    moment = f"{pair.step.time:.3f} s"
    write(here - len(moment) // 2, moment, "past bold")
    if parted is not None and pair.parting:
        when = f"{pair.steps[pair.parting].time:.3f} s"
        for text in (f"parted at {when}", "parted", when):
            write(parted, text, "text")
            if cells[max(0, min(parted, room - len(text)))] != " ":
                break
    for drawing, side in sorted(zip(drawings, pair.sides, strict=True), key=lambda found: -found[1].end):
        end = f"{side.end:.3f} s"
        write(drawing.end - len(end) + 1, end, "dim")
    write(0, "0 s", "dim")
    return tuple(Piece(*found) for found in zip(cells, styles, targets, strict=True))
