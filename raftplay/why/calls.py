"""The fate of an RPC: where its request or response is now, or where it ended."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from raftplay.past.view import InFlight
from raftplay.raft import decisions
from raftplay.raft.messages import AppendEntriesArgs, RequestVoteArgs
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.index import EventIndex
from raftplay.why.network import Obstacle
from raftplay.why.verdicts import Args, Verdict, ruling

Kinds = tuple[type[facts.Fact], ...]
CALLS = (RequestVoteArgs, AppendEntriesArgs)


class CallStage(enum.Enum):
    """The stages of an RPC."""

    NOT_SENT = "it never left"
    CALL_UNDER_WAY = "the request is on its way"
    CALL_HELD = "the request is held on its link"
    CALL_WAITS = "the request waits at a frozen node"
    CALL_LOST = "the request was lost"
    CALL_GONE = "nothing is known of the request any more"
    UNANSWERED = "the request arrived, and the node crashed before it responded"
    REPLY_UNDER_WAY = "the response is on its way"
    REPLY_HELD = "the response is held on its link"
    REPLY_WAITS = "the response waits at the requester, which is frozen"
    REPLY_LOST = "the response was lost"
    REPLY_GONE = "nothing is known of the response any more"
    ANSWERED = "the response arrived"


MOVING = (
    CallStage.CALL_UNDER_WAY,
    CallStage.CALL_HELD,
    CallStage.CALL_WAITS,
    CallStage.REPLY_UNDER_WAY,
    CallStage.REPLY_HELD,
    CallStage.REPLY_WAITS,
)
"""The stages after which an RPC may still proceed."""


@dataclass(frozen=True, slots=True)
class Journey:
    """An RPC from `src` to `dst`, sent at `sent` (None where it never left).

    `due`: when the message in flight arrives, or, `on_link`, leaves its link. `reason`: why a message was lost.
    `obstacle`: what kept the request from leaving. `ruling`: what `dst` decided when the request had arrived.
    `answered`: when the response came. `again`: another copy of the request, which has arrived, is in flight.
    """

    src: int
    dst: int
    stage: CallStage
    sent: float | None = None
    call_id: int = 0
    args: Args | None = None
    due: float | None = None
    reason: str = ""
    obstacle: Obstacle | None = None
    ruling: Verdict | None = None
    answered: float | None = None
    again: bool = False
    on_link: bool = False


def sent_calls(
    trail: EventIndex, src: int, dst: int, *, after: int = 0
) -> Iterator[tuple[Record, facts.CallSent]]:
    """Yield the requests that node `src` itself sent to `dst`, from the last one back to event number `after`."""
    for record in trail.backwards(src, facts.CallSent):
        if record.seq < after:
            return
        event = record.event
        assert isinstance(event, facts.CallSent)
        if event.dst == dst and not event.by_user and record.incarnation == trail.life(src):
            yield record, event


def journey(trail: EventIndex, record: Record, event: facts.CallSent) -> Journey:
    """Return the fate of the RPC whose sending `record` tells."""
    src, dst, call_id = event.src, event.dst, event.call_id
    delivered = _last_of_call(trail, dst, facts.CallDelivered, call_id, record.seq)
    if delivered is None:
        return replace(_where_call_is(trail, record, event), sent=record.time, call_id=call_id, args=event.args)
    answered = _last_of_call(trail, src, facts.ReplyDelivered, call_id, record.seq)
    at = _where_reply_is(trail, record, event) if answered is None else Journey(src, dst, CallStage.ANSWERED)
    decided = trail.next(dst, decisions.VoteDecided, decisions.AppendDecided, after=delivered.seq)
    return replace(
        at,
        sent=record.time,
        call_id=call_id,
        args=event.args,
        ruling=None if decided is None or not _answers(decided, event.args) else ruling(trail, decided),
        answered=None if answered is None else answered.time,
        again=_in_flight(trail, event, reply=False) is not None or _waits(trail, event, record.seq, reply=False),
    )


def not_sent(trail: EventIndex, src: int, dst: int, seq: int) -> Journey:
    """Return an RPC that node `src` would have made at event number `seq`, and that never left."""
    return Journey(src, dst, CallStage.NOT_SENT, obstacle=_obstacle_then(trail, src, dst, seq))


def _answers(record: Record, args: Args) -> bool:
    event = record.event
    return isinstance(event, decisions.VoteDecided | decisions.AppendDecided) and event.args == args


def _last_of_call(
    trail: EventIndex,
    node: int,
    kind: type[facts.CallDelivered | facts.ReplyDelivered | facts.ReplySent],
    call_id: int,
    seq: int,
) -> Record | None:
    for record in trail.backwards(node, kind):
        if record.seq < seq:
            return None
        assert isinstance(record.event, facts.CallDelivered | facts.ReplyDelivered | facts.ReplySent)
        if record.event.call_id == call_id:
            return record
    return None


def _where_call_is(trail: EventIndex, record: Record, event: facts.CallSent) -> Journey:
    """Return where a request is that has not arrived."""
    src, dst = event.src, event.dst
    flight = _in_flight(trail, event, reply=False)
    if flight is not None:
        is_held = _is_held(trail, flight, record.seq)
        stage = CallStage.CALL_HELD if is_held else CallStage.CALL_UNDER_WAY
        return Journey(src, dst, stage, due=_due(trail, flight), on_link=flight.on_link)
    if _waits(trail, event, record.seq, reply=False):
        return Journey(src, dst, CallStage.CALL_WAITS)
    lost = _lost(trail, facts.CallLost, event, record.seq)
    return Journey(src, dst, CallStage.CALL_GONE if lost is None else CallStage.CALL_LOST, reason=lost or "")


def _where_reply_is(trail: EventIndex, record: Record, event: facts.CallSent) -> Journey:
    """Return where the response is that has not arrived, to a request that has."""
    src, dst = event.src, event.dst
    flight = _in_flight(trail, event, reply=True)
    if flight is not None:
        sent = _last_of_call(trail, dst, facts.ReplySent, event.call_id, record.seq)
        is_held = _is_held(trail, flight, record.seq if sent is None else sent.seq)
        stage = CallStage.REPLY_HELD if is_held else CallStage.REPLY_UNDER_WAY
        return Journey(src, dst, stage, due=_due(trail, flight), on_link=flight.on_link)
    if _waits(trail, event, record.seq, reply=True):
        return Journey(src, dst, CallStage.REPLY_WAITS)
    lost = _lost(trail, facts.ReplyLost, event, record.seq)
    if lost is not None:
        return Journey(src, dst, CallStage.REPLY_LOST, reason=lost)
    sent = _last_of_call(trail, dst, facts.ReplySent, event.call_id, record.seq)
    return Journey(src, dst, CallStage.UNANSWERED if sent is None else CallStage.REPLY_GONE)


def _due(trail: EventIndex, flight: InFlight) -> float | None:
    """Return when a message arrives; None in the past, when nobody knew that yet."""
    return None if trail.view.rewound else flight.due


def _is_held(trail: EventIndex, flight: InFlight, seq: int) -> bool:
    """Return whether a message that left at event number `seq` is held; in the past, it or its link was."""
    if not trail.view.rewound:
        return flight.due is None

    def is_message(record: Record) -> bool:
        event = record.event
        return isinstance(event, facts.MessageHeld) and (event.call_id, event.message) == (
            flight.call_id,
            flight.message,
        )

    if trail.next(-1, facts.MessageHeld, after=seq, test=is_message) is not None:
        return True
    link = (flight.src, flight.dst)

    def is_about(record: Record) -> bool:
        event = record.event
        return isinstance(event, facts.LinkHeld) and (event.src, event.dst) == link

    if link not in trail.snapshot.held_links:
        return False
    before = trail.event(-1, facts.LinkHeld, before=seq, test=is_about)
    changed = trail.next(-1, facts.LinkHeld, after=seq, test=is_about) is not None
    return not changed if before is None else before[1].held


def _waits(trail: EventIndex, event: facts.CallSent, seq: int, *, reply: bool) -> bool:
    """Return whether the request, or its response, has reached a frozen node and waits there."""
    node = event.src if reply else event.dst
    if not trail.snapshot.nodes[node].frozen:
        return False
    thawed = trail.last(node, facts.Thawed)
    after = max(seq, thawed.seq if thawed is not None else 0)
    return any(
        isinstance(record.event, facts.KeptWaiting)
        and record.event.call_id == event.call_id
        and isinstance(record.event.message, CALLS) is not reply
        for record in trail.forwards(node, facts.KeptWaiting, after=after)
    )


def _in_flight(trail: EventIndex, event: facts.CallSent, *, reply: bool) -> InFlight | None:
    """Return the request or its response in flight; of several copies the one that arrives first."""
    found = [
        flight
        for flight in trail.flights(event.call_id)
        if isinstance(flight.message, CALLS) is not reply and flight.src == (event.dst if reply else event.src)
    ]
    return min(found, key=lambda flight: float("inf") if flight.due is None else flight.due, default=None)


def _lost(
    trail: EventIndex, kind: type[facts.CallLost | facts.ReplyLost], event: facts.CallSent, seq: int
) -> str | None:
    """Return why the request or its response was lost, None if no node told of a loss."""

    for node in (event.src, event.dst):
        for record in trail.forwards(node, kind, after=seq):
            assert isinstance(record.event, facts.CallLost | facts.ReplyLost)
            if record.event.call_id == event.call_id:
                return record.event.reason
    return None


def _obstacle_then(trail: EventIndex, src: int, dst: int, seq: int) -> Obstacle | None:
    """Return why a request could not leave `src` at event number `seq`; None where that is forgotten."""
    nodes = trail.snapshot.nodes
    if _was(trail, dst, seq, on=(facts.Crashed,), off=(facts.Restarted,), now=not nodes[dst].alive):
        return Obstacle("down", src, dst, dst)
    for node in (src, dst):
        cut_off = nodes[node].alive and not nodes[node].connected
        if _was(trail, node, seq, on=(facts.Disconnected,), off=(facts.Reconnected, facts.Restarted), now=cut_off):
            return Obstacle("cut off", src, dst, node)
    dropping = trail.event(src, facts.Dropping, before=seq, life=trail.life(src))
    if dropping is not None and dropping[1].after >= 0:
        return Obstacle("drops", src, dst, src)
    return None


def _was(trail: EventIndex, node: int, seq: int, *, on: Kinds, off: Kinds, now: bool) -> bool:
    """Return whether `node` was, at event number `seq`, in a state that the kinds `on` begin and `off` end."""
    last = trail.last(node, *on, *off, before=seq)
    if last is not None:
        return isinstance(last.event, on)
    if not trail.forgets:
        return False
    following = trail.next(node, *on, *off, after=seq)
    return now if following is None else isinstance(following.event, off)
