"""The pace of a replay: when each event is shown, in seconds of play, at about the pace of the screen.

A message that matters takes one flight, what is told is seen long enough to be read, and idle time is short. Equal
events have equal paces, so films and pages of a run agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from raftplay.export.mail import Message
from raftplay.raft.decisions import BecameLeader, ElectionStarted, PreVoteStarted
from raftplay.watch.facts import Crashed, Record

FLIGHT = 0.9
"""The seconds of play of a usual flight."""

USUAL = 0.003
"""The delay of a message that takes one flight, in seconds of cluster time."""

SHORTEST, LONGEST = 0.85, 1.6
"""The shortest and the longest flight, in usual ones."""

BEAT = 0.3
"""The seconds of play of a heartbeat that is shown."""

BEATS = 3
"""The rounds of heartbeats that are shown before idle time passes faster."""

READ, WEIGHTY = 0.6, 1.5
"""The seconds of play for which a text stands, and how much longer one that the tape marks does."""

UNDER_WAY, IDLE, FAST, WAITING = 0.1, 0.25, 0.04, 1.4
"""The longest gaps in seconds of play: with messages under way, idle, idle for long, without a leader."""

WITHOUT_LEADER = 6.0
"""The seconds of play of a second without a leader: one sees timers run down."""


@dataclass
class _Pace:
    """The state of the pace: how many messages that matter are under way, and whether a node leads."""

    open: int = 0
    leader: int = -1
    quiet: float = 0.0
    read: float = 0.0

    def gap(self, passed: float) -> float:
        """Return the seconds of play for so many seconds of cluster time."""
        if self.open > 0:
            return min(passed, UNDER_WAY)
        if self.leader >= 0:
            return min(passed, FAST if self.quiet > BEATS else IDLE)
        return min(passed * WITHOUT_LEADER, WAITING)


def pace_of(
    records: Sequence[Record], messages: Sequence[Message], told: frozenset[int], marked: frozenset[int]
) -> list[float]:
    """Return when each event is shown, in seconds of play; at 0 there is the moment before the first.

    `told` are the numbers of events of which something is told, `marked` those that the tape marks.
    """
    size = 1 + max((record.node for record in records), default=0)
    share = min(1.0, 4 / max(1, size - 1))
    ended = {message.end: message for message in messages if message.end}
    weights = {id(message): message.words.weight for message in messages}
    sent: dict[int, list[Message]] = {}
    for message in messages:
        sent.setdefault(message.sent, []).append(message)
    pace, shown, before = _Pace(), [0.0], records[0].time if records else 0.0
    for at, record in enumerate(records, 1):
        when = shown[-1] + pace.gap(record.time - before)
        before = record.time
        arrived = ended.get(at)
        if arrived is not None and arrived.sent < at:
            left = shown[arrived.sent]
            if weights[id(arrived)]:
                flight = (record.time - records[arrived.sent - 1].time) / USUAL
                when = max(when, left + FLIGHT * share * min(LONGEST, max(SHORTEST, flight)))
                pace.open -= 1
            elif pace.quiet <= BEATS:
                when = max(when, left + BEAT * share)
        if at in told:
            when = max(when, pace.read)
            pace.read = when + READ * share * (WEIGHTY if at in marked else 1.0)
            pace.quiet = 0.0
        shown.append(when)
        for left_now in sent.get(at, ()):
            if weights[id(left_now)]:
                pace.open += bool(left_now.end > at)
            else:
                pace.quiet += 1 / (2 * max(1, size - 1))
        _lead(pace, record)
    return shown


def _lead(pace: _Pace, record: Record) -> None:
    """Note who leads after an event."""
    match record.event:
        case BecameLeader():
            pace.leader = record.node
        case ElectionStarted() | PreVoteStarted():
            pace.leader = -1
        case Crashed() if record.node == pace.leader:
            pace.leader = -1
