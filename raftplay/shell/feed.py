"""The events printed above the prompt: their choice, words and rate limit."""

from collections.abc import Callable, Iterator

from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.session.branches import Branch
from raftplay.session.session import Session
from raftplay.shell.look import Text
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import count

ELECTIONS = (decisions.PreVoteStarted, decisions.ElectionStarted, decisions.BecameLeader)
LINES_A_SECOND = 12
"""Lines per second that are printed; further events are counted."""

REPEATS = 2
"""Elections in a row by the same node without a leader after which further ones are only counted."""

LOUD = (decisions.BecameLeader, facts.Crashed, facts.Wiped)


def is_shown(record: Record, mode: str) -> bool:
    """Return True if an event is printed when `watch` is set to `mode`: on, off or elections."""
    event = record.event
    if mode == "elections":
        gives_up = isinstance(event, decisions.BecameFollower) and event.was is not CMState.FOLLOWER
        return gives_up or isinstance(event, ELECTIONS)
    if mode == "off" or event.group in ("wire", "routine") or isinstance(event, decisions.MatchAdvanced):
        return False
    return not (isinstance(event, decisions.AppendDecided) and event.success and not event.args.entries)


class ShellFeed:
    """Reads new events of the current branch's history; `clock` returns wall time in seconds."""

    def __init__(self, session: Session, clock: Callable[[], float]) -> None:
        self._session = session
        self._clock = clock
        self._branch: Branch | None = None
        self._seq = 0
        self._room, self._filled = float(LINES_A_SECOND), clock()
        self._left_out = 0
        self._stood: dict[int, int] = {}  # consecutive elections that each node started

    def lines(self) -> Iterator[Text]:
        """Return one line for each new event since the previous call, within the rate limit."""
        records = self._new()
        self._refill()
        if self._left_out and self._room >= 1:
            more, self._left_out = count(self._left_out, "more event"), 0
            self._room -= 1
            yield [("class:dim", f"           … and {more} (see: events)")]
        for record in records:
            for line in self._told(record):
                if self._room < 1:
                    self._left_out += 1
                else:
                    self._room -= 1
                    yield line

    def skip(self) -> None:
        """Skip the events so far without printing them."""
        self._new()

    def _new(self) -> list[Record]:
        position = self._session.position
        branch = position.branch
        if branch is not self._branch:
            self._seq = position.entered
            self._branch = branch
            self._stood.clear()
        with branch.harness.lock:
            found = list(branch.history.after(self._seq))
            self._seq = branch.history.last_seq
        return found

    def _refill(self) -> None:
        now = self._clock()
        self._room = min(LINES_A_SECOND, self._room + (now - self._filled) * LINES_A_SECOND)
        self._filled = now

    def _told(self, record: Record) -> Iterator[Text]:
        if not is_shown(record, self._session.watching):
            return
        stood = self._stood.get(record.node, 0)
        if isinstance(record.event, decisions.ElectionStarted | decisions.PreVoteStarted):
            self._stood[record.node] = stood + 1
            if stood == REPEATS:
                yield event_line(record, f"starts elections again and again from term {record.event.term} on")
            if stood >= REPEATS:
                return
        elif isinstance(record.event, decisions.BecameLeader | decisions.BecameFollower):
            self._stood.pop(record.node, None)
            if isinstance(record.event, decisions.BecameLeader):
                self._stood.clear()
        yield event_line(record)


def event_line(record: Record, words: str = "") -> Text:
    """Format an event as one line."""
    who = f"n{record.node}" if record.node >= 0 else ""
    return [
        ("class:dim", f"{record.time:9.3f}  "),
        ("class:node", who),
        ("", " " * (4 - len(who))),
        ("bold" if isinstance(record.event, LOUD) else "", words or describe(record)),
    ]
