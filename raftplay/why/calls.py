"""What became of a call: where it, or its answer, is now, or where it ended."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from raftplay.past.view import InFlight
from raftplay.raft import events as dec
from raftplay.raft.messages import AppendEntriesArgs, RequestVoteArgs
from raftplay.watch import events as ev
from raftplay.watch.events import Record
from raftplay.why.network import Obstacle
from raftplay.why.rulings import Args, Ruling, ruling
from raftplay.why.trail import Trail

Kinds = tuple[type[ev.Fact], ...]


class Stage(enum.Enum):
    """How far a call has come."""

    NOT_SENT = "it never left"
    CALL_UNDER_WAY = "the call is on its way"
    CALL_HELD = "the call is held on its link"
    CALL_WAITS = "the call waits at a frozen node"
    CALL_LOST = "the call was lost"
    CALL_GONE = "nothing is known of the call any more"
    UNANSWERED = "the call arrived, and the node crashed before it answered"
    REPLY_UNDER_WAY = "the answer is on its way"
    REPLY_HELD = "the answer is held on its link"
    REPLY_WAITS = "the answer waits at the caller, which is frozen"
    REPLY_LOST = "the answer was lost"
    REPLY_GONE = "nothing is known of the answer any more"
    ANSWERED = "the answer arrived"


MOVING = (
    Stage.CALL_UNDER_WAY,
    Stage.CALL_HELD,
    Stage.CALL_WAITS,
    Stage.REPLY_UNDER_WAY,
    Stage.REPLY_HELD,
    Stage.REPLY_WAITS,
)
"""The stages from which a call may still get on."""


@dataclass(frozen=True, slots=True)
class Journey:
    """A call from `src` to `dst`, sent at `sent` (None where it never left).

    `due`: when the message that is on its way arrives. `reason`: why a message was lost. `obstacle`: what kept a
    call from leaving. `ruling`: what `dst` decided, once the call had arrived. `answered`: when the answer came.
    `again`: another copy of the call, which has arrived, is on its way.
    """

    src: int
    dst: int
    stage: Stage
    sent: float | None = None
    call_id: int = 0
    args: Args | None = None
    due: float | None = None
    reason: str = ""
    obstacle: Obstacle | None = None
    ruling: Ruling | None = None
    answered: float | None = None
    again: bool = False


def sent_calls(trail: Trail, src: int, dst: int, *, after: int = 0) -> Iterator[tuple[Record, ev.CallSent]]:
    """The calls that node `src` made by itself to `dst`, from the last one back to event number `after`."""
    for record in trail.backwards(src, ev.CallSent):
        if record.seq < after:
            return
        event = record.event
        assert isinstance(event, ev.CallSent)
        if event.dst == dst and not event.by_user and record.incarnation == trail.life(src):
            yield record, event


def journey(trail: Trail, record: Record, event: ev.CallSent) -> Journey:
    """What became of the call that `record` tells the sending of."""
    src, dst, call_id = event.src, event.dst, event.call_id
    delivered = _last_of_call(trail, dst, ev.CallDelivered, call_id, record.seq)
    if delivered is None:
        stage, due, reason = _call_stage(trail, record, event)
        return Journey(src, dst, stage, record.time, call_id, event.args, due, reason)
    decided = trail.next(dst, dec.VoteDecided, dec.AppendDecided, after=delivered.seq)
    ruled = None if decided is None or not _answers(decided, event.args) else ruling(trail, decided)
    answered = _last_of_call(trail, src, ev.ReplyDelivered, call_id, record.seq)
    stage, due, reason = _reply_stage(trail, record, event) if answered is None else (Stage.ANSWERED, None, "")
    return Journey(
        src, dst, stage, record.time, call_id, event.args, due, reason, ruling=ruled,
        answered=None if answered is None else answered.time,
        again=_in_flight(trail, event, reply=False) is not None,
    )  # fmt: skip


def not_sent(trail: Trail, src: int, dst: int, seq: int) -> Journey:
    """A call that node `src` would have made at event number `seq`, and that never left."""
    return Journey(src, dst, Stage.NOT_SENT, obstacle=_obstacle_then(trail, src, dst, seq))


def _answers(record: Record, args: Args) -> bool:
    event = record.event
    return isinstance(event, dec.VoteDecided | dec.AppendDecided) and event.args == args


def _last_of_call(
    trail: Trail,
    node: int,
    kind: type[ev.CallDelivered | ev.ReplyDelivered | ev.ReplySent],
    call_id: int,
    seq: int,
) -> Record | None:
    for record in trail.backwards(node, kind):
        if record.seq < seq:
            return None
        assert isinstance(record.event, ev.CallDelivered | ev.ReplyDelivered | ev.ReplySent)
        if record.event.call_id == call_id:
            return record
    return None


def _call_stage(trail: Trail, record: Record, event: ev.CallSent) -> tuple[Stage, float | None, str]:
    flight = _in_flight(trail, event, reply=False)
    if flight is not None:
        return (Stage.CALL_HELD if _is_held(trail, flight) else Stage.CALL_UNDER_WAY), _due(trail, flight), ""
    lost = _lost(trail, ev.CallLost, event, record.seq)
    if lost is not None:
        return Stage.CALL_LOST, None, lost
    dst = trail.snapshot.nodes[event.dst]
    if dst.frozen and not _crashed_since(trail, event.dst, record.seq):
        return Stage.CALL_WAITS, None, ""
    if _crashed_since(trail, event.dst, record.seq):
        return Stage.CALL_LOST, None, "crash"
    return Stage.CALL_GONE, None, ""


def _reply_stage(trail: Trail, record: Record, event: ev.CallSent) -> tuple[Stage, float | None, str]:
    flight = _in_flight(trail, event, reply=True)
    if flight is not None:
        return (Stage.REPLY_HELD if _is_held(trail, flight) else Stage.REPLY_UNDER_WAY), _due(trail, flight), ""
    lost = _lost(trail, ev.ReplyLost, event, record.seq)
    if lost is not None:
        return Stage.REPLY_LOST, None, lost
    if _last_of_call(trail, event.dst, ev.ReplySent, event.call_id, record.seq) is None:
        return Stage.UNANSWERED, None, ""
    if trail.snapshot.nodes[event.src].frozen:
        return Stage.REPLY_WAITS, None, ""
    return Stage.REPLY_GONE, None, ""


def _is_held(trail: Trail, flight: InFlight) -> bool:
    """Whether a message is under way or held; of the past one knows only whether its link was held."""
    link = (flight.src, flight.dst)
    return link in trail.snapshot.held_links if trail.view.rewound else flight.due is None


def _due(trail: Trail, flight: InFlight) -> float | None:
    """When a message arrives; of the past nobody knew that yet."""
    return None if trail.view.rewound else flight.due


def _in_flight(trail: Trail, event: ev.CallSent, *, reply: bool) -> InFlight | None:
    """The call itself or its reply on its way; of several copies the one that arrives first."""
    found = [
        flight
        for flight in trail.view.messages
        if flight.call_id == event.call_id
        and isinstance(flight.message, RequestVoteArgs | AppendEntriesArgs) is not reply
        and flight.src == (event.dst if reply else event.src)
    ]
    return min(found, key=lambda flight: float("inf") if flight.due is None else flight.due, default=None)


def _lost(trail: Trail, kind: type[ev.CallLost | ev.ReplyLost], event: ev.CallSent, seq: int) -> str | None:
    """Why the call or its reply was lost; whoever saw it get lost told of it."""

    for node in (event.src, event.dst):
        for record in trail.forwards(node, kind, after=seq):
            assert isinstance(record.event, ev.CallLost | ev.ReplyLost)
            if record.event.call_id == event.call_id:
                return record.event.reason
    return None


def _crashed_since(trail: Trail, node: int, seq: int) -> bool:
    return trail.next(node, ev.Crashed, after=seq) is not None


def _obstacle_then(trail: Trail, src: int, dst: int, seq: int) -> Obstacle | None:
    """Why a call could not leave `src` at event number `seq`; None where that is not known any more."""
    nodes = trail.snapshot.nodes
    if _was(trail, dst, seq, on=(ev.Crashed,), off=(ev.Restarted,), now=not nodes[dst].alive):
        return Obstacle("down", src, dst, dst)
    for node in (src, dst):
        cut_off = nodes[node].alive and not nodes[node].connected
        if _was(trail, node, seq, on=(ev.Disconnected,), off=(ev.Reconnected, ev.Restarted), now=cut_off):
            return Obstacle("cut off", src, dst, node)
    dropping = trail.event(src, ev.Dropping, before=seq, life=trail.life(src))
    if dropping is not None and dropping[1].after >= 0:
        return Obstacle("drops", src, dst, src)
    return None


def _was(trail: Trail, node: int, seq: int, *, on: Kinds, off: Kinds, now: bool) -> bool:
    """Whether `node` was in a state at event number `seq` that the kinds `on` begin and the kinds `off` end."""
    last = trail.last(node, *on, *off, before=seq)
    if last is not None:
        return isinstance(last.event, on)
    if not trail.forgets:
        return False
    following = trail.next(node, *on, *off, after=seq)
    return now if following is None else isinstance(following.event, off)
