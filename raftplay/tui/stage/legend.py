"""The legend of the stage: every sign, border and colour with its meaning, in the signs that are in use.

The rule of this module: a sample is made of the same signs and styles with which the stage is painted.
"""

from typing import NamedTuple

from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces
from raftplay.tui.stage.roles import term_style
from raftplay.tui.stage.signs import Border, signs_of

TERM = f"{term_style(1)} bold"
"""The style of a sample that is of some term."""


class Sample(NamedTuple):
    """A sample, of one line or more, and its meaning."""

    sample: tuple[Pieces, ...]
    meaning: str


class Section(NamedTuple):
    """The entries on one subject."""

    title: str
    entries: tuple[Sample, ...]


def sections(glyphs: Glyphs) -> tuple[Section, ...]:
    """Return the legend of the stage."""
    return (
        Section("Roles: sign and border", _roles(glyphs)),
        Section("Terms: the only use of hues", _terms()),
        Section("Timers and votes", _timers(glyphs)),
        Section("Messages", _messages(glyphs)),
        Section("Logs", _logs(glyphs)),
        Section("Partitions", _partitions(glyphs)),
        Section("Time", _time(glyphs)),
        Section("The tape", _tape(glyphs)),
    )


def _one(text: str, style: str, meaning: str) -> Sample:
    return Sample(((Piece(text, style),),), meaning)


def _box(frame: Border, sign: str, style: str, meaning: str) -> Sample:
    """Return a small box as a sample."""
    corners, rule = frame.corners, frame.across * 3
    rows = (
        f"{corners[0]}{rule}{corners[1]}",
        f"{frame.down} {sign} {frame.down}",
        f"{corners[2]}{rule}{corners[3]}",
    )
    return Sample(tuple((Piece(row, style),) for row in rows), meaning)


def _roles(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    return (
        _box(signs.leads, glyphs.leader, TERM, "leader: it reaches a majority"),
        _box(signs.runs, glyphs.candidate, TERM, "candidate: it asks for votes"),
        _box(signs.follows, glyphs.follower, "text", "follower: it waits for a leader's messages"),
        _box(signs.stopped, glyphs.down, "down dim", "down: crashed; its disk keeps term, vote and log"),
        _one(signs.weak, TERM, "leader without a majority: it cannot commit"),
        _one(signs.asking, TERM, "pre-candidate: it asks before it begins a term"),
        _one(glyphs.frozen, "text", "frozen: it answers nothing"),
        _one(glyphs.cut_off, "text", "cut off, drops its calls, or its next write will be torn"),
        _one(glyphs.marker, "select bold", "the selected node"),
    )


def _terms() -> tuple[Sample, ...]:
    numbers = tuple(Piece(str(term), f"{term_style(term)} bold") for term in range(7))
    return (
        Sample((numbers,), "terms 0 to 6; then the hues begin again"),
        _one("term 1", f"{TERM} badge", "this term has just changed"),
    )


def _timers(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    votes = (Piece(glyphs.voted * 2, TERM), Piece(glyphs.open, "dim"))
    return (
        Sample(
            ((Piece(signs.sand * 3, "dim"), Piece(signs.gone * 2, "faint")),),
            "time left of an election timer; a leader's: until its heartbeat",
        ),
        Sample(((Piece(signs.sand, "text bold"), Piece(signs.gone * 4, "faint")),), "it fires soon"),
        Sample((votes,), "votes counted, votes still needed"),
    )


def _messages(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    heads = f"{glyphs.left}{glyphs.right}{signs.up}{signs.down}"
    return (
        _one(heads, TERM, "a message, where it is now"),
        _one(f"{signs.low}{signs.middle}{signs.high}", "faint", "the way it came"),
        _one(signs.ask, TERM, "request for a vote"),
        _one(signs.yes, TERM, "a vote, or an entry stored"),
        _one(signs.no, TERM, "a vote denied"),
        _one(glyphs.appended, TERM, "append: entries of the log"),
        _one(glyphs.conflicting, TERM, "append rejected"),
        _one(signs.beat, "faint", "heartbeat; faint: a round that tells nothing new"),
        _one(f"{signs.times}2", TERM, "two messages at one place"),
        _one(glyphs.held, TERM, "held until it is released"),
        _one(glyphs.lost, "bad bold", "lost, with the reason"),
    )


def _logs(glyphs: Glyphs) -> tuple[Sample, ...]:
    style = term_style(1)
    return (
        _one("x", f"{style} bold", "an entry that its node knows to be committed"),
        Sample(((Piece(glyphs.appended, style), Piece("x", f"{style} hollow")),), "appended only"),
        Sample(((Piece("2:", term_style(2)), Piece("x", f"{term_style(2)} bold")),), "the first entry of term 2"),
        _one(glyphs.more, "dim", "earlier entries, or more text"),
        _one(glyphs.absent, "dim", "no entry"),
    )


def _partitions(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    return (
        _one(f"{signs.torn} {signs.torn} {signs.torn}", "bad", "nothing gets across"),
        _one(f"{signs.up} {signs.down}", "text bold", "what the side above, or below, can do"),
        _one(signs.crossed, "bad bold", "this link is cut by itself"),
    )


def _time(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    return (
        _one(glyphs.running, "running", "time passes"),
        _one(glyphs.paused, "paused", "time stands still"),
        _one(glyphs.past, "past", "what is shown is the past"),
        _one(signs.skip, "dim", "idle time is skipped"),
    )


def _tape(glyphs: Glyphs) -> tuple[Sample, ...]:
    signs = signs_of(glyphs)
    return (
        Sample(
            ((Piece(glyphs.empty * 2, TERM), Piece(glyphs.full * 2, TERM)),), "a term without and with a leader"
        ),
        _one(f"{signs.asking} {glyphs.candidate}", TERM, "a node asks for pre-votes; for votes"),
        _one(glyphs.leader, TERM, "a node becomes leader"),
        _one(glyphs.committed, TERM, "an entry is committed"),
        _one(f"{glyphs.down} {signs.up}", TERM, "a node crashes; restarts"),
        _one(f"{glyphs.cut_off} {glyphs.open}", TERM, "links are cut; healed"),
        _one(glyphs.bad, "bad bold", "an invariant is violated"),
        _one("@name", "title bold", "the moment that `mark name` named; `goto name` goes there"),
    )
