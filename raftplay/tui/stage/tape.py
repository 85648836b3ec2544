"""The tape: the whole history in one row, with a mark for each election, leader, crash, commit and fault.

The rule of this module: each record is read once, drawing takes time only by the width, and a tape of any length
keeps at most `MOST` marks, the oldest ones merged. A place on the tape is not a time: what happened gets room, and
idle time little, so that a minute without news is as wide as a few milliseconds of an election.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.tui.model.glyphs import UNICODE, Glyphs, plain
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, columns, cut, fit
from raftplay.tui.stage.roles import term_style
from raftplay.tui.stage.signs import signs_of
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach
from raftplay.watch.text import command_text

MOST = 600
"""The most marks that a tape keeps."""

IDLE = 0.02
"""The seconds without a mark that take one unit of the tape; ever longer stretches take one more each."""

WIDEST = 4.0
"""The most columns of a unit: a short history does not fill the row."""

NOW = " now"

LONGEST_COMMAND = 8

LONGEST_LABEL = 16
"""The columns of a chapter's or a mark's label on the ruler."""

LABEL = 6
"""The columns of a row's name."""

MarkKind: TypeAlias = Literal[
    "start", "asks", "candidate", "leader", "down", "up", "cut", "heal", "commit", "breach",
]  # fmt: skip

WEIGHTS: dict[MarkKind, int] = {
    "heal": 1, "up": 2, "asks": 2, "commit": 3, "candidate": 4, "cut": 5, "down": 6, "leader": 7, "start": 8,
    "breach": 9,
}  # fmt: skip
"""The weight of a mark where there is no room for all."""


class TapeMark(NamedTuple):
    """An event that is marked. `term`: the highest term of any node then; `led`: a node leads that term.

    `place` is where it stands, in units from the beginning of the tape; `text` names it.
    """

    seq: int
    time: float
    kind: MarkKind
    node: int
    term: int
    led: bool
    text: str
    place: int


class Tape:
    """The marks of one branch. It is a reader of events, or `read` is given them; each is read once."""

    def __init__(self) -> None:
        self.marks: list[TapeMark] = []
        self.last_seq = 0
        """The number of the last event that was read."""

        self.last_time = 0.0
        """The time of that event, in seconds of cluster time."""

        self._term = 0
        self._leader = -1
        self._breach = 0

    def __call__(self, record: Record) -> None:
        """Read one event."""
        if record.seq <= self.last_seq:
            return
        self.last_seq, self.last_time = record.seq, record.time
        after = record.after
        if after is not None and after.current_term > self._term:
            self._term, self._leader = after.current_term, -1
        kind = _kind_of(record)
        if kind is None and self.marks:
            self._name_commit(record)
            return
        if kind == "leader":
            self._leader = record.node
        elif kind == "down" and record.node == self._leader:
            self._leader = -1
        self._add(kind or "start", record)

    def read(self, records: Sequence[Record], breach: Breach | None = None) -> None:
        """Read those of `records`, which are in order, that were not read yet; mark a violation."""
        if records and records[-1].seq > self.last_seq:
            new = records[-1].seq - self.last_seq
            for record in records[max(0, len(records) - new) :]:
                self(record)
        if breach is not None and breach.seq != self._breach:
            self._breach = breach.seq
            self._insert_breach(breach)

    def next(self, seq: int) -> int:
        """Return the number of the first marked event after `seq`; the last one if there is none."""
        at = bisect_right(self.marks, seq, key=_seq_of)
        return self.marks[at].seq if at < len(self.marks) else self.last_seq

    def previous(self, seq: int) -> int:
        """Return the number of the last marked event before `seq`; the first one if there is none."""
        at = bisect_right(self.marks, seq - 1, key=_seq_of)
        return self.marks[max(0, at - 1)].seq if self.marks else self.last_seq

    @property
    def length(self) -> int:
        """Return the length of the tape up to now, in units."""
        last = self.marks[-1] if self.marks else None
        return 1 if last is None else last.place + units(self.last_time - last.time)

    def _add(self, kind: MarkKind, record: Record) -> None:
        last = self.marks[-1] if self.marks else None
        place = 0 if last is None else last.place + units(record.time - last.time)
        text = _text_of(kind, record)
        if last is not None and last.kind == kind == "start":
            return
        self.marks.append(
            TapeMark(record.seq, record.time, kind, record.node, self._term, self._leader >= 0, text, place)
        )
        if len(self.marks) > MOST:
            self._merge()

    def _name_commit(self, record: Record) -> None:
        """Name the last mark by the command that was committed, once its node applies it."""
        last = self.marks[-1]
        if isinstance(record.event, decisions.Applied) and last.kind == "commit" and last.node == record.node:
            entry = record.event.entry
            is_command = entry.kind == "command"
            text = command_text(entry.command, LONGEST_COMMAND) if is_command else entry.kind
            self.marks[-1] = last._replace(text=text)

    def _insert_breach(self, breach: Breach) -> None:
        """Mark a violation: at the mark of its event, if that has one."""
        at = bisect_right(self.marks, breach.seq, key=_seq_of)
        before = self.marks[at - 1] if at else None
        if before is None:
            self.marks.insert(
                0, TapeMark(breach.seq, breach.time, "breach", breach.node, self._term, False, breach.invariant, 0)
            )
        elif before.seq == breach.seq:
            self.marks[at - 1] = before._replace(kind="breach", text=breach.invariant)
        else:
            place = before.place + units(breach.time - before.time)
            mark = before._replace(
                seq=breach.seq,
                time=breach.time,
                kind="breach",
                node=breach.node,
                text=breach.invariant,
                place=place,
            )
            shift = place + 1 - self.marks[at].place if at < len(self.marks) else 0
            later = [other._replace(place=other.place + max(0, shift)) for other in self.marks[at:]]
            self.marks[at:] = [mark, *later]

    def _merge(self) -> None:
        """Keep of each two neighbours in the older half the more important one, and let the tape shrink."""
        half = len(self.marks) // 2
        old, new = self.marks[:half], self.marks[half:]
        kept = [old[0]]
        for at in range(1, half, 2):
            one, other = old[at], old[min(at + 1, half - 1)]
            more = one if WEIGHTS[one.kind] > WEIGHTS[other.kind] else other
            kept.append(more._replace(term=other.term, led=other.led))
        kept += new
        places = [0]
        for before, mark in pairwise(kept):
            places.append(places[-1] + min(units(mark.time - before.time), max(1, mark.place - before.place)))
        self.marks = [mark._replace(place=place) for mark, place in zip(kept, places, strict=True)]


def _seq_of(mark: TapeMark) -> int:
    return mark.seq


def units(seconds: float) -> int:
    """Return the room for a mark after `seconds` without one."""
    return 1 + round(math.log2(1 + max(0.0, seconds) / IDLE))


def _kind_of(record: Record) -> MarkKind | None:
    """Return how an event is marked, None if it is not."""
    event: object = record.event
    match event:
        case decisions.ElectionStarted():
            return "candidate"
        case decisions.PreVoteStarted():
            return "asks"
        case decisions.BecameLeader():
            return "leader"
        case decisions.CommitAdvanced(replicas=replicas):
            leads = record.after is not None and record.after.state is CMState.LEADER
            return "commit" if replicas or leads else None
        case facts.Crashed():
            return "down"
        case facts.Restarted() | facts.Thawed():
            return "up"
        case facts.Healed() | facts.Reconnected():
            return "heal"
        case facts.Partitioned() | facts.Disconnected() | facts.Frozen():
            return "cut"
        case facts.LinkChanged(cut=cut):
            return "cut" if cut else None
    return None


def _text_of(kind: MarkKind, record: Record) -> str:
    """Return a few words for a mark."""
    n = f"n{record.node}"
    event: object = record.event
    match event:
        case decisions.CommitAdvanced(index=index):
            return f"entry {index}"
        case facts.Partitioned():
            return "split"
        case facts.Disconnected():
            return f"{n} cut off"
        case facts.Frozen():
            return f"{n} frozen"
        case facts.Thawed():
            return f"{n} thawed"
        case facts.Healed():
            return "healed"
        case facts.Reconnected():
            return f"{n} back"
        case facts.LinkChanged(src=src, dst=dst):
            return f"cut {src}→{dst}"
    words: dict[MarkKind, str] = {
        "leader": f"{n} leads", "candidate": f"{n} asks", "asks": f"{n} asks first", "down": f"{n} crashed",
        "up": f"{n} restarts", "start": "",
    }  # fmt: skip
    return words.get(kind, "")


# ---- drawing


class TapeRow(NamedTuple):
    """A branch to be drawn: its name, its tape, the event after which it began (0: it is the first branch)."""

    name: str
    tape: Tape
    since: int = 0


def draw(
    rows: Sequence[TapeRow],
    width: int,
    height: int,
    glyphs: Glyphs = UNICODE,
    *,
    at: int | None = None,
    time: float | None = None,
    earliest: int = 0,
    labels: Mapping[int, str] | None = None,
) -> tuple[Pieces, ...]:
    """Return `height` lines of `width` columns: the first of `rows`, its times, then the other branches.

    `at` is the event that is looked at, at `time`, None for the present; `earliest` the first that can be gone to;
    `labels` name chapters of a script (#1) and marks (@NAME), by the event before each. A click on a cell of the
    first row gives ("tape", number of the event), of another ("tape NAME", number).
    """
    room = width - LABEL
    if not rows or room < 2 * len(NOW):
        return tuple(fit((), width) for _ in range(height))
    scale = min(WIDEST, (room - 1 - len(NOW)) / max(1, *(row.tape.length for row in rows)))
    main = rows[0]
    drawing = Drawing(main, room, scale, glyphs, at, earliest)
    label = main.name if len(rows) > 1 and main.name else "tape"
    lines = [_named(label, drawing.row(), width, "title")]
    if height > 1:
        lines.append(_named("", drawing.ruler(time, labels or {}), width, ""))
    others, free = rows[1:], height - len(lines)
    for number, row in enumerate(others[: max(0, free)]):
        hidden = len(others) - free
        if hidden > 0 and number == free - 1:
            lines.append(
                fit((Piece(f" {'':<{LABEL - 1}}"), Piece(f"and {hidden + 1} more branches", "dim")), width)
            )
            break
        branch = Drawing(row, room, scale, glyphs, is_main=False)
        lines.append(_named(row.name, branch.row(), width, "dim"))
    lines += [fit((), width)] * (height - len(lines))
    return tuple(lines[:height])


def _named(label: str, line: Pieces, width: int, style: str) -> Pieces:
    name = cut(label, LABEL - 2)
    return fit((Piece(f" {name}{' ' * (LABEL - 1 - columns(name))}", style), *line), width)


class Drawing:
    """The cells of one tape: the most important mark of each cell, and the events between."""

    def __init__(
        self,
        row: TapeRow,
        room: int,
        scale: float,
        glyphs: Glyphs,
        at: int | None = None,
        earliest: int = 0,
        *,
        is_main: bool = True,
    ) -> None:
        tape, since = row.tape, 0 if is_main else row.since
        self._kind = "tape" if is_main else f"tape {row.name}"
        self.tape, self.room, self.glyphs, self.earliest = tape, room, glyphs, earliest
        self._scale = scale
        self.end = min(room - 1 - len(NOW), max(1, round(tape.length * scale)))
        self.shown: dict[int, TapeMark] = {}
        for mark in tape.marks:
            x = self._x(mark)
            held = self.shown.get(x)
            if held is None or WEIGHTS[mark.kind] >= WEIGHTS[held.kind]:
                self.shown[x] = mark
        self._seqs = self._numbers()
        self.at = self.end if at is None or at >= tape.last_seq else self._cell(at)
        self.is_past = self.at < self.end
        self.begin = self._cell(since) if since else 0
        self.since = since

    def _x(self, mark: TapeMark) -> int:
        return min(self.end - 1, round(mark.place * self._scale))

    def _numbers(self) -> list[int]:
        """Return the number of an event for each cell, in order: marks exactly, those between by their share."""
        known = [(x, mark.seq) for x, mark in sorted(self.shown.items())]
        if not known or known[0][0] > 0:
            known.insert(0, (0, 0))
        known.append((self.end, max(self.tape.last_seq, known[-1][1])))
        numbers: list[int] = []
        for (x, seq), (end, last) in pairwise(known):
            numbers += [seq + (last - seq) * step // (end - x) for step in range(end - x)]
        return [*numbers, known[-1][1]]

    def _cell(self, seq: int) -> int:
        """Return the cell in which the event `seq` is."""
        return max(0, min(self.end - 1, bisect_right(self._seqs, seq) - 1))

    def _target(self, x: int) -> ClickTarget:
        return (self._kind, max(self.earliest, self._seqs[min(x, self.end)]))

    # ---- the row

    def row(self) -> Pieces:
        """Return the marks, the line between them in the style of the term, and where one is."""
        glyphs = self.glyphs
        cells = [" "] * self.room
        styles = [""] * self.room
        mark = self.tape.marks[0] if self.tape.marks else None
        runs: list[tuple[int, int, int]] = []  # from, to, term
        for x in range(self.end):
            mark = self.shown.get(x, mark)
            term, led = (mark.term, mark.led) if mark is not None else (0, False)
            cells[x] = glyphs.full if led else glyphs.empty
            styles[x] = term_style(term)
            if runs and runs[-1][2] == term:
                runs[-1] = (runs[-1][0], x, term)
            else:
                runs.append((x, x, term))
        for x, found in self.shown.items():
            cells[x] = self._sign(found)
            styles[x] = f"{term_style(found.term)} bold" if found.kind != "breach" else "bad bold"
        for x, found in self.shown.items():
            self._name_entry(cells, x, found)
        for first, last, term in runs:
            self._name_term(cells, max(first, self.begin + 1 if self.since else 0), last, term)
        for x in range(self.end):
            if x < self.begin:
                cells[x], styles[x] = " ", ""
            elif self._seqs[x] < self.earliest or (self.is_past and x > self.at):
                styles[x] = "faint"
        if self.since and self.begin < self.end:
            cells[self.begin], styles[self.begin] = glyphs.bottom_left, "dim"
        cells[self.end], styles[self.end] = ("|" if glyphs.ascii else "▌"), "dim" if self.is_past else "text bold"
        self._point(cells, styles)
        return tuple(
            Piece(cell, style, self._target(x) if self.begin <= x <= self.end else None)
            for x, (cell, style) in enumerate(zip(cells, styles, strict=True))
        )

    def _point(self, cells: list[str], styles: list[str]) -> None:
        """Mark where one is, or that this is the present."""
        if self.is_past:
            is_mark = self.at in self.shown
            cells[self.at] = cells[self.at] if is_mark else self.glyphs.past
            styles[self.at] = "past bold selected" if is_mark else "past bold"
        elif not self.since:
            cells[self.end + 1 : self.end + 1 + len(NOW)] = NOW
            styles[self.end + 1 : self.end + 1 + len(NOW)] = ["text bold"] * len(NOW)

    def _sign(self, mark: TapeMark) -> str:
        glyphs, signs = self.glyphs, signs_of(self.glyphs)
        return {
            "start": "|" if glyphs.ascii else "├", "asks": signs.asking, "candidate": glyphs.candidate,
            "leader": glyphs.leader, "down": glyphs.down, "up": signs.up, "cut": glyphs.cut_off,
            "heal": glyphs.open, "commit": glyphs.committed, "breach": glyphs.bad,
        }[mark.kind]  # fmt: skip

    def _name_entry(self, cells: list[str], x: int, mark: TapeMark) -> None:
        """Write a short committed command behind its mark, if there is room."""
        text = plain(mark.text) if self.glyphs.ascii else mark.text
        end = x + 1 + len(text)
        if mark.kind != "commit" or len(text) > 3 or not text.isascii() or end >= self.end:
            return
        if not any(at in self.shown or at == self.at for at in range(x + 1, end + 1)):
            cells[x + 1 : end] = text

    def _name_term(self, cells: list[str], first: int, last: int, term: int) -> None:
        """Write the term into the longest stretch of its run that has no mark."""
        best, start = (0, first), first
        for x in range(first, last + 2):
            if x > last or cells[x] not in (self.glyphs.full, self.glyphs.empty) or x == self.at:
                best = max(best, (x - start, -start), key=lambda found: found[0])
                start = x + 1
        room, begin = best[0], abs(best[1])
        for text in (f" term {term} ", f" t{term} ", f"{term}"):
            if len(text) + 1 < room:
                begin += (room - len(text)) // 2
                cells[begin : begin + len(text)] = text
                return

    # ---- the ruler

    def ruler(self, time: float | None, labels: Mapping[int, str]) -> Pieces:
        """Return the labels, and the times of the most important marks with words; `time` is that of `at`."""
        taken = [" "] * self.room
        targets: list[ClickTarget] = [None] * self.room
        styles = ["dim"] * self.room
        now = f"{self.tape.last_time:.3f} s"
        start = max(0, min(self.end - len(now) + 1, self.room - len(now)))
        self.write(taken, styles, targets, start, now, "text", self._target(self.end))
        if self.is_past:
            here = f"{self._time_at() if time is None else time:.3f} s"
            x = max(0, min(self.at - len(here) // 2, self.room - len(here)))
            self.write(taken, styles, targets, x, here, "past bold", self._target(self.at))
        for seq, label in labels.items():
            target = (self._kind, max(self.earliest, seq))
            self.write(taken, styles, targets, self._cell(seq), cut(label, LONGEST_LABEL), "title bold", target)
        order = sorted(self.shown.items(), key=lambda item: (-WEIGHTS[item[1].kind], -item[1].seq))
        for x, mark in order:
            when = f"{mark.time:.3f}" if mark.kind != "start" else f"{round(mark.time, 3):g} s"
            style = "bad" if mark.kind == "breach" else "dim"
            words = f"{mark.text} committed" if mark.kind == "commit" else mark.text
            words = plain(words) if self.glyphs.ascii else words
            for text in (f"{when} {words}".rstrip(), words, when):
                if text and self.write(taken, styles, targets, x, text, style, self._target(x)):
                    break
        return tuple(Piece(*found) for found in zip(taken, styles, targets, strict=True))

    def _time_at(self) -> float:
        """Return the time of the cell that is looked at: of the last mark by then."""
        marks = [mark for x, mark in self.shown.items() if x <= self.at]
        return max((mark.time for mark in marks), default=0.0)

    def write(
        self,
        taken: list[str],
        styles: list[str],
        targets: list[ClickTarget],
        x: int,
        text: str,
        style: str,
        target: ClickTarget,
    ) -> bool:
        """Write `text` at `x` if there is room, with a space on both sides."""
        end = x + len(text)
        if x < 0 or end > self.room or any(cell != " " for cell in taken[max(0, x - 1) : end + 2]):
            return False
        taken[x:end], styles[x:end], targets[x:end] = list(text), [style] * len(text), [target] * len(text)
        return True


def tape_of(records: Iterable[Record], breach: Breach | None = None) -> Tape:
    """Return the tape of some records."""
    tape = Tape()
    for record in records:
        tape(record)
    tape.read((), breach)
    return tape
