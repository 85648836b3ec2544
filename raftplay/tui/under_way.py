"""Messages on their way on the screen: which of them matter, where each is, and how long a lost one is seen.

The rule of this module: it keeps what is shown and moves nothing; the playhead says which time it is on its clock,
and how long a flight takes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from raftplay.cluster.holding import Link
from raftplay.past.view import InFlight
from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, Reply, RequestVoteReply
from raftplay.tui.noteworthy import arriving
from raftplay.tui.stage.scene import MessageKey, Moving, confirmed
from raftplay.watch import facts
from raftplay.watch.facts import Record

USUAL = 0.003
"""The delay of a request that takes one flight, in seconds of cluster time."""

LOST_FOR = 0.6
"""The time for which a lost message is seen, in flights."""

PULSE_EVERY, PULSE = 1.2, 0.35
"""The interval and the length of a pulse of heartbeats, in seconds of the wall clock."""

LONGEST_FLIGHT = 30.0
"""The time after which a message of which no end was told is forgotten, in seconds of cluster time."""

MOST_REQUESTS = 4096
"""The number of requests that are remembered until their responses come."""

PASSING = ("loss", "by hand", "unreliable")
"""The reasons of losses after which the next try may arrive, and is seen too."""

"""A link: from which node, to which."""

Duration = Callable[[float], float]
"""The time on the wall of a flight of some seconds of cluster time."""


@dataclass(slots=True)
class ShownFlight:
    """A message on its way on the screen, since `since` on the playhead's clock.

    `left` is the cluster time at which it was sent, and `ended` the time at which it was lost.
    """

    moving: Moving
    since: float
    left: float
    matters: bool
    ended: float | None = None


class UnderWay:
    """The messages that are on their way on the screen; `clock` is a time on the playhead's clock."""

    def __init__(self) -> None:
        self._flights: dict[MessageKey, ShownFlight] = {}
        self._pulse_at = -math.inf
        self._informed: dict[Link, tuple[int, int]] = {}  # the term and commit index that were sent last
        self._sent: dict[Link, tuple[int, int, int]] = {}  # the term and place of the entries that were sent last
        self._requests: dict[int, tuple[Args, bool]] = {}  # by number: a request, and whether it matters

    def clear(self) -> None:
        """Forget all messages, and all that was sent."""
        self._flights.clear()
        self._requests.clear()
        self.show_again()

    def clear_flights(self) -> None:
        """Forget the messages that are seen."""
        self._flights.clear()

    def show_again(self) -> None:
        """Show what is sent once more: what was lost before may arrive now."""
        self._informed.clear()
        self._sent.clear()

    def take(self, record: Record, clock: float, *, knows_refusals: bool) -> None:
        """Show what becomes of a message; whoever `knows_refusals` of votes need not see another."""
        event: object = record.event
        match event:
            case facts.CallSent(call_id, src, dst, args):
                matters = self._is_news((src, dst), args)
                self._note_request(call_id, args, matters)
                if not matters and clock >= self._pulse_at + PULSE_EVERY:
                    self._pulse_at = clock
                moving = Moving((call_id, False), src, dst, args, 0.0)
                self._flights[moving.key] = ShownFlight(moving, clock, record.time, matters)
            case facts.ReplySent(call_id, src, dst, reply):
                request, matters = self._requests.get(call_id, (None, False))
                matters = matters and not _confirms_only(request, reply)
                if knows_refusals and isinstance(reply, RequestVoteReply) and not reply.vote_granted:
                    matters = False
                moving = Moving((call_id, True), src, dst, reply, 0.0, index=confirmed(reply, request))
                self._flights[moving.key] = ShownFlight(moving, clock, record.time, matters)
            case facts.CallDelivered(call_id) | facts.ReplyDelivered(call_id):
                self._flights.pop((call_id, isinstance(event, facts.ReplyDelivered)), None)
            case facts.CallLost(call_id, reason=reason) | facts.ReplyLost(call_id, reason=reason):
                self._lose((call_id, isinstance(event, facts.ReplyLost)), clock, reason)

    def _note_request(self, call_id: int, args: Args, matters: bool) -> None:
        self._requests[call_id] = args, matters
        if len(self._requests) > MOST_REQUESTS:
            del self._requests[next(iter(self._requests))]

    def _is_news(self, link: Link, args: Args) -> bool:
        """Return whether a request is to be seen: any but a heartbeat that tells its receiver nothing new."""
        if not isinstance(args, AppendEntriesArgs):
            return True
        news = args.term, args.leader_commit
        known, self._informed[link] = self._informed.get(link), news
        if not args.entries:
            return known != news
        entries = args.term, args.prev_log_index, len(args.entries)
        sent, self._sent[link] = self._sent.get(link), entries
        return sent != entries or known != news

    def _lose(self, key: MessageKey, clock: float, reason: str) -> None:
        flight = self._flights.get(key)
        if flight is not None:
            flight.ended = clock
            flight.moving = replace(flight.moving, end="lost", reason=reason)
            if reason in PASSING:
                self._sent.pop((flight.moving.src, flight.moving.dst), None)

    def forget_lost(self, clock: float, time: float, flight: float) -> None:
        """Drop the losses that were seen for long enough, and messages of which the end was never told.

        `time` is the cluster time that is shown, and `flight` the time of a flight on the wall.
        """
        for key, one in list(self._flights.items()):
            if (one.ended is not None and clock > one.ended + LOST_FOR * flight) or (
                one.ended is None and time > one.left + LONGEST_FLIGHT
            ):
                del self._flights[key]

    # ---- what is seen

    def arriving(self, record: Record) -> ShownFlight | None:
        """Return the message that matters and arrives with an event, or is lost with it."""
        flight = self._flights.get(arriving(record) or (NONE, False))
        return flight if flight is not None and flight.matters else None

    def awaited(self, key: MessageKey) -> ShownFlight | None:
        """Return a message that matters and is on its way."""
        flight = self._flights.get(key)
        return flight if flight is not None and flight.matters else None

    def is_pulsing(self, clock: float) -> bool:
        """Return whether the heartbeats of a leader are seen, as a pulse."""
        return clock < self._pulse_at + PULSE

    def seen(self, due: Mapping[MessageKey, InFlight], clock: float, duration: Duration) -> tuple[Moving, ...]:
        """Return the messages that are seen, each where it is now; `due` are those in flight in the cluster."""
        return tuple(
            _moved(flight, due.get(key), clock, duration)
            for key, flight in self._flights.items()
            if flight.matters or _is_held(due.get(key))
        )


def _confirms_only(request: Args | None, reply: Reply) -> bool:
    """Return whether a reply says no more than that a heartbeat came."""
    is_heartbeat = isinstance(request, AppendEntriesArgs) and not request.entries
    return is_heartbeat and bool(getattr(reply, "success", False))


def _is_held(message: InFlight | None) -> bool:
    return message is not None and message.due is None


def _moved(flight: ShownFlight, message: InFlight | None, clock: float, duration: Duration) -> Moving:
    """Return a message where it is now."""
    if flight.ended is not None:
        return replace(flight.moving, way=1.0)
    if message is not None and message.due is None:
        return replace(flight.moving, way=0.5, end="held", id=message.id)
    delay = USUAL if message is None or message.due is None else message.due - flight.left
    way = (clock - flight.since) / duration(delay)
    return replace(flight.moving, way=max(0.0, min(0.99, way)), id=NONE if message is None else message.id)
