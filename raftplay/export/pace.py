"""The pace of a replay: when each event is shown, in seconds of play, at about the pace of the screen.

A message that matters takes one flight, what is told is seen long enough to be read, and idle time is short. Equal
events have equal paces, so films and pages of a run agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from raftplay.export.mail import MailedMessage
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
class ReplayPace:
    """When each event of `size` nodes is shown, event by event: how many messages are under way, and who leads."""

    size: int
    shown: list[float] = field(default_factory=lambda: [0.0])
    """The seconds of play of each event; at 0 there is the moment before the first."""

    times: list[float] = field(default_factory=list)
    open: int = 0
    leader: int = -1
    quiet: float = 0.0
    read: float = 0.0

    def take(
        self,
        record: Record,
        arrived: MailedMessage | None,
        sent: Iterable[MailedMessage],
        *,
        told: bool,
        marked: bool,
    ) -> None:
        """Take the next event: the message that ends with it, if any, and those that are sent with it.

        `told`: something is told of it; `marked`: the tape marks it. A message without an end may have one later.
        """
        share = min(1.0, 4 / max(1, self.size - 1))
        when = self.shown[-1] + self._gap(record.time - (self.times[-1] if self.times else record.time))
        self.times.append(record.time)
        at = len(self.times)
        if arrived is not None and arrived.sent < at:
            left = self.shown[arrived.sent]
            if arrived.weight:
                flight = (record.time - self.times[arrived.sent - 1]) / USUAL
                when = max(when, left + FLIGHT * share * min(LONGEST, max(SHORTEST, flight)))
                self.open -= 1
            elif self.quiet <= BEATS:
                when = max(when, left + BEAT * share)
        if told:
            when = max(when, self.read)
            self.read = when + READ * share * (WEIGHTY if marked else 1.0)
            self.quiet = 0.0
        self.shown.append(when)
        for message in sent:
            if message.weight:
                self.open += 1
            else:
                self.quiet += 1 / (2 * max(1, self.size - 1))
        self._lead(record)

    def _gap(self, passed: float) -> float:
        """Return the seconds of play for so many seconds of cluster time."""
        if self.open > 0:
            return min(passed, UNDER_WAY)
        if self.leader >= 0:
            return min(passed, FAST if self.quiet > BEATS else IDLE)
        return min(passed * WITHOUT_LEADER, WAITING)

    def _lead(self, record: Record) -> None:
        """Note who leads after an event."""
        event: object = record.event
        match event:
            case BecameLeader():
                self.leader = record.node
            case ElectionStarted() | PreVoteStarted():
                self.leader = -1
            case Crashed() if record.node == self.leader:
                self.leader = -1


def pace_of(
    records: Sequence[Record], messages: Sequence[MailedMessage], told: frozenset[int], marked: frozenset[int]
) -> list[float]:
    """Return when each event is shown, in seconds of play; at 0 there is the moment before the first.

    `told` are the numbers of events of which something is told, `marked` those that the tape marks.
    """
    ended = {message.end: message for message in messages if message.end}
    sent: dict[int, list[MailedMessage]] = {}
    for message in messages:
        if message.end > message.sent or not message.weight:  # else it is under way to the end
            sent.setdefault(message.sent, []).append(message)
    pace = ReplayPace(1 + max((record.node for record in records), default=0))
    for at, record in enumerate(records, 1):
        pace.take(record, ended.get(at), sent.get(at, ()), told=at in told, marked=at in marked)
    return pace.shown
