"""The events: the narrator's lines, those that a filter lets pass."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.tui.model.context import Context, Filter
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, Window, fit, width_of, wrapped
from raftplay.tui.model.pane import Pane, Row, RowAction
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe


class EventFilterCache:
    """The records that a filter lets pass, kept from one look to the next: each record is looked at once."""

    def __init__(self) -> None:
        self._filter = Filter()
        self._kept: deque[Record] = deque()
        self._seen = 0  # the last number looked at
        self._branch = ""

    def __call__(self, view: View, wanted: Filter) -> Sequence[Record]:
        """Return the records of `view` that are listed, oldest first."""
        records = view.records
        last = records[-1].seq if records else 0
        if wanted != self._filter or last < self._seen or view.branch != self._branch:
            self._kept.clear()
            self._filter, self._seen, self._branch = wanted, 0, view.branch
        first = records[0].seq if records else 0
        while self._kept and self._kept[0].seq < first:
            self._kept.popleft()
        new = [] if last == self._seen else records[max(0, len(records) - (last - self._seen)) :]
        self._kept.extend(record for record in new if wanted.passes(record))
        self._seen = last
        return self._kept


def events(view: View, context: Context, listed: Sequence[Record] | None = None) -> Window:
    """The last records that pass the filter, or those `context.scroll` before them; the newest at the bottom.

    `listed` are all that pass, where they are known.
    """
    found = [r for r in view.records if context.filter.passes(r)] if listed is None else listed
    if context.is_whole and found:
        return _whole_events(found, view, context)
    details = _details(view, context)
    height, total = context.height - len(details), len(found)
    top = max(0, total - height - context.scroll)
    page = islice(found, top, top + height)
    lines = [event_line(record, view, context) for record in page]
    if not lines:
        lines = [fit((Piece(" nothing of this kind has happened yet", "dim"),), context.width)]
    lines += [()] * (height - len(lines)) if details else []
    return Window((*lines, *details), top, total)


def _whole_events(found: Sequence[Record], view: View, context: Context) -> Window:
    """Return the events with all their words, the last ones, with the selected one in sight if it is near."""
    height, total = context.height, len(found)
    end = max(1, total - context.scroll)
    first, rows = end, list[Pieces]()
    for record in islice(reversed(found), total - end, total - end + height):
        rows, first = [*event_rows(record, view, context), *rows], first - 1
        if len(rows) >= height:
            break
    if len(rows) > height and first < end - 1:  # the first one is cut
        rows, first = rows[len(event_rows(found[first], view, context)) :], first + 1
    above = islice(found, max(0, end - height), first)
    selected = next(
        (at for at, r in enumerate(above, max(0, end - height)) if context.row == ("event", r.seq)), None
    )
    if selected is not None:
        rows, end, first = [], selected, selected
        while end < total and len(rows) + len(more := event_rows(found[end], view, context)) <= height:
            rows, end = rows + more, end + 1
    return Window(tuple(rows[:height]), first, total, rows=end - first)


def record_at(view: View, row: ClickTarget) -> Record | None:
    """Return the record of a selected event, if it is still kept."""
    if row is None or row[0] != "event" or not view.records:
        return None
    at = row[1] - view.records[0].seq
    return view.records[at] if 0 <= at < len(view.records) else None


def _details(view: View, context: Context) -> list[Pieces]:
    """Return the whole of the selected event, for the foot of the pane, if its line is too short for it."""
    record = record_at(view, context.row)
    if record is None or width_of(event_parts(record, view, context)) <= context.width:
        return []
    words = describe(record)
    who = f"n{record.node} " if record.node >= 0 else ""
    rows = wrapped(f"{who}{plain(words) if context.glyphs.ascii else words}", context.width - 2)
    most = max(1, context.height // 2)
    return [fit((Piece(f" {row}", "text selected"),), context.width, "selected") for row in rows[:most]]


def event_line(record: Record, view: View, context: Context) -> Pieces:
    """One record as a line."""
    return _of_event(record, event_parts(record, view, context), context)


def _of_event(record: Record, parts: Pieces, context: Context) -> Pieces:
    """Return `parts` as a line of the pane: a click on it means the event."""
    target: ClickTarget = ("event", record.seq)
    extra = " selected" if context.row == target else ""
    return tuple(p._replace(style=p.style + extra, target=target) for p in fit(parts, context.width))


def event_rows(record: Record, view: View, context: Context) -> list[Pieces]:
    """Return one record as a line, and the words for which it has no room as more lines under them."""
    *head, words = event_parts(record, view, context)
    lead = width_of(tuple(head))
    lines = []
    for at, row in enumerate(wrapped(words.text, context.width - lead)):
        before = head if at == 0 else [Piece(" " * lead)]
        lines.append(_of_event(record, (*before, words._replace(text=row)), context))
    return lines


def event_parts(record: Record, view: View, context: Context) -> Pieces:
    """Return one record as a line that is as long as it takes."""
    glyphs = context.glyphs
    target: ClickTarget = ("event", record.seq)
    is_selected = context.row == target
    is_guilty = view.breach is not None and view.breach.seq == record.seq
    who = f"n{record.node}" if record.node >= 0 else "all" if glyphs.ascii else "—"
    words = describe(record)
    return (
        Piece(f"{record.time:8.3f}", "dim"),
        Piece(
            f" {glyphs.bad if is_guilty else glyphs.marker if is_selected else ' '}",
            "bad" if is_guilty else "select",
        ),
        Piece(f"{who:<4}", "bold text"),
        Piece(plain(words) if glyphs.ascii else words, "bad badge" if is_guilty else style_of(record)),
    )


def style_of(record: Record) -> str:
    """Return the style of an event."""
    event: object = record.event
    match event:
        case decisions.BecameLeader():
            return "leader bold"
        case decisions.ElectionStarted() | decisions.PreVoteStarted() | decisions.VoteCounted():
            return "candidate"
        case decisions.CommitAdvanced() | decisions.Applied():
            return "ok"
        case decisions.LogTruncated() | decisions.CommitHeld() | decisions.BackedUp():
            return "warn"
        case facts.CallLost() | facts.ReplyLost():
            return "bad"
        case facts.Submitted() | decisions.EntryAppended():
            return "text bold"
        case facts.OnDisk() | facts.Duplicated() | facts.KeptWaiting():
            return "text"
    return "fault" if record.event.group == "fault" else "text"


def neighbour(listed: Sequence[Record], row: ClickTarget, by: int) -> ClickTarget:
    """The listed event `by` places below the selected one (above, if negative); the last when none is selected."""
    numbers = [record.seq for record in listed]
    if not numbers:
        return None
    if row is None or row[1] not in numbers:
        return ("event", numbers[-1])
    return ("event", numbers[max(0, min(numbers.index(row[1]) + by, len(numbers) - 1))])


class EventsPane(Pane):
    """The events that the filter lets pass."""

    name = "events"
    key = "e"
    help = "show the events"
    follows_end = True
    row = "event"

    def __init__(self) -> None:
        self._listed = EventFilterCache()

    def window(self, view: View, context: Context) -> Window:
        """Return the events in sight."""
        return events(view, context, self._listed(view, context.filter))

    def foot(self, view: View, context: Context) -> int:
        """Return the lines that tell the selected event as a whole."""
        return len(_details(view, context))

    def notes(self, context: Context) -> list[str]:
        """Return the filter in words."""
        node = context.filter.node
        return [context.filter.kind] if node is None else [context.filter.kind, f"of n{node}"]

    def neighbour(self, view: View, context: Context, by: int) -> Row:
        """Return the listed event `by` places below the selected one."""
        listed = self._listed(view, context.filter)
        target = neighbour(listed, context.row, by)
        if target is None:
            return Row(None)
        return Row(target, sum(1 for record in listed if record.seq > target[1]))

    def clicked(self, view: View, target: ClickTarget, *, again: bool) -> RowAction:
        """Go to the moment of an event that is selected already."""
        return target[1] if again and target is not None else None

    def opened(self, view: View, context: Context) -> RowAction:
        """Go to the moment of the selected event."""
        return None if context.row is None else context.row[1]

    def copied(self, view: View, context: Context) -> str:
        """Return the selected event in full."""
        record = record_at(view, context.row)
        if record is None:
            return super().copied(view, context)
        who = f"n{record.node} " if record.node >= 0 else ""
        return f"{record.time:.3f} {who}{describe(record)}"
