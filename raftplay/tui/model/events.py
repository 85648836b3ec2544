"""The events: the narrator's lines, those that a filter lets pass."""

from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import Line, Piece, Target, Window, fit
from raftplay.raft import events as dec
from raftplay.watch import events as ev
from raftplay.watch.events import Record
from raftplay.watch.narrator import describe

STYLES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((dec.BecameLeader,), "leader bold"),
    ((dec.ElectionStarted, dec.PreVoteStarted, dec.VoteCounted), "candidate"),
    ((dec.CommitAdvanced, dec.Applied), "ok"),
    ((dec.LogTruncated, dec.CommitHeld, dec.BackedUp), "warn"),
    ((ev.CallLost, ev.ReplyLost), "bad"),
    ((ev.Crashed, ev.Disconnected, ev.Frozen, ev.Partitioned, ev.Wiped, ev.Tearing, ev.Dropping), "fault"),
    ((ev.Restarted, ev.Reconnected, ev.Thawed, ev.Healed, ev.LinkChanged, ev.LinkHeld), "fault"),
    ((ev.Submitted, dec.EntryAppended), "text bold"),
)


def events(view: View, context: Context) -> Window:
    """The last records that pass the filter, or those `context.scroll` before them; the newest at the bottom."""
    wanted = context.height + context.scroll
    found: list[Record] = []
    passes = context.filter.passes
    for record in reversed(view.records):
        if passes(record):
            found.append(record)
            if len(found) >= wanted:
                break
    page = found[max(0, len(found) - context.height) :][::-1]
    lines = [event_line(record, view, context) for record in page]
    if not lines:
        lines = [fit((Piece(" nothing of this kind has happened yet", "dim"),), context.width)]
    total = len(found) if len(found) < wanted else wanted + context.height
    top = max(0, total - context.height - context.scroll)
    return Window(tuple(lines), top, total)


def event_line(record: Record, view: View, context: Context) -> Line:
    """One record as a line."""
    glyphs = context.glyphs
    target: Target = ("event", record.seq)
    is_selected = context.row == target
    is_guilty = view.breach is not None and view.breach.seq == record.seq
    who = f"n{record.node}" if record.node >= 0 else "all" if glyphs.ascii else "—"
    words = describe(record)
    pieces = (
        Piece(f"{record.time:8.3f}", "dim"),
        Piece(f" {glyphs.bad if is_guilty else glyphs.marker if is_selected else ' '}", "bad" if is_guilty else "select"),
        Piece(f"{who:<4}", "bold text"),
        Piece(plain(words) if glyphs.ascii else words, "bad badge" if is_guilty else style_of(record)),
    )
    line = fit(pieces, context.width)
    extra = " selected" if is_selected else ""
    return tuple(p._replace(style=p.style + extra, target=target) for p in line)


def style_of(record: Record) -> str:
    """How an event looks."""
    return next((style for kinds, style in STYLES if isinstance(record.event, kinds)), "text")


def neighbour(view: View, context: Context, by: int) -> Target:
    """The listed event `by` places below the selected one (above, if negative); the last when none is selected."""
    listed = [r.seq for r in view.records if context.filter.passes(r)]
    if not listed:
        return None
    if context.row is None or context.row[1] not in listed:
        return ("event", listed[-1])
    at = listed.index(context.row[1]) + by
    return ("event", listed[max(0, min(at, len(listed) - 1))])
