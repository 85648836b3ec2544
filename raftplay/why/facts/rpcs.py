"""The fate of an RPC: where its request or response is now, or where it ended."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from raftplay.past.index import EventIndex
from raftplay.past.links import Obstacle
from raftplay.past.rpcs import Exchange
from raftplay.past.story import Election, PastLeadership
from raftplay.past.view import InFlight
from raftplay.raft import decisions
from raftplay.raft.messages import Args, RPCRequest
from raftplay.raft.rule_names import Rule
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.facts.verdicts import NodeVerdict, verdict_of

CallStage = enum.Enum(
    "CallStage",
    "NOT_SENT CALL_UNDER_WAY CALL_HELD CALL_WAITS CALL_LOST CALL_GONE UNANSWERED IGNORED WRITES "
    "REPLY_UNDER_WAY REPLY_HELD REPLY_WAITS REPLY_LOST REPLY_GONE ANSWERED",
)
"""The stages of an RPC: its request held on its link, waiting at a frozen node … then its response likewise."""

_UNDER_WAY = (CallStage.CALL_UNDER_WAY, CallStage.REPLY_UNDER_WAY)
_HELD = (CallStage.CALL_HELD, CallStage.REPLY_HELD)
_WAITS = (CallStage.CALL_WAITS, CallStage.REPLY_WAITS)
_LOST = (CallStage.CALL_LOST, CallStage.REPLY_LOST)
_GONE = (CallStage.CALL_GONE, CallStage.REPLY_GONE)

MOVING = (*_UNDER_WAY, *_HELD, *_WAITS, CallStage.WRITES)
"""The stages after which an RPC may still proceed."""


@dataclass(frozen=True, slots=True)
class Journey:
    """An RPC from `src` to `dst`.

    `due`: when the message in flight arrives, or, `on_link`, leaves its link. `reason`: why a message was lost.
    `obstacle`: what kept the request from leaving. `verdict`: what `dst` decided when the request had arrived.
    `again`: another copy of the request, which has arrived, is in flight. `for_disk`: it waits for the disk of its
    receiver, which is not frozen, or, not sent yet, for that of its sender; `write`: what `dst` writes before it
    responds.
    """

    src: int
    dst: int
    stage: CallStage
    call_id: int = 0
    args: Args | None = None
    due: float | None = None
    reason: str = ""
    obstacle: Obstacle | None = None
    verdict: NodeVerdict | None = None
    again: bool = False
    on_link: bool = False
    for_disk: bool = False
    write: Record | None = None


Kinds = tuple[type[facts.Fact], ...]


def journey(events: EventIndex, rpc: Exchange) -> Journey:
    """Return the fate of an RPC."""
    call = rpc.call
    if not rpc.is_delivered:
        return _where(events, rpc, is_reply=False)
    at = Journey(call.src, call.dst, CallStage.ANSWERED) if rpc.is_answered else _where(events, rpc, is_reply=True)
    again = _in_flight(events, rpc, is_reply=False) is not None or _waits(events, rpc, is_reply=False)
    return replace(at, call_id=call.call_id, args=call.args, verdict=verdict_of(events, rpc.decided), again=again)


def last_journey(
    events: EventIndex, src: int, dst: int, since: PastLeadership | Election | None, fits: Callable[[Args], bool]
) -> Journey | None:
    """Return the last RPC with such a request since a node stood or led; one that may proceed comes first."""
    latest: Journey | None = None
    for rpc in events.sent(src, dst, after=0 if since is None else since.seq):
        if fits(rpc.call.args) and (latest is None or events.flights(rpc.call.call_id)):
            found = journey(events, rpc)
            if found.stage in MOVING:
                return found
            latest = latest or found
    return latest


def _where(events: EventIndex, rpc: Exchange, *, is_reply: bool) -> Journey:
    """Return where the request is, or the response to a request that has arrived, if it has not arrived."""
    call = rpc.call
    at = Journey(call.src, call.dst, _GONE[is_reply], call.call_id, call.args)
    flight = _in_flight(events, rpc, is_reply=is_reply)
    if flight is not None:
        is_past = events.view.rewound  # where nobody knew yet when it arrives
        is_held = flight.held if is_past else flight.due is None
        due = None if is_past else flight.due
        return replace(at, stage=(_HELD if is_held else _UNDER_WAY)[is_reply], due=due, on_link=flight.on_link)
    if _waits(events, rpc, is_reply=is_reply):
        node = events.snapshot.nodes[rpc.call.src if is_reply else rpc.call.dst]
        return replace(at, stage=_WAITS[is_reply], for_disk=not node.frozen)
    if is_reply in rpc.lost:
        return replace(at, stage=_LOST[is_reply], reason=rpc.lost[is_reply])
    if not is_reply or rpc.has_reply:
        return at
    writing = _write_of(events, rpc)
    if writing is not None:
        return replace(at, stage=CallStage.WRITES, write=writing)
    return replace(at, stage=CallStage.IGNORED if _is_ignored(events, rpc) else CallStage.UNANSWERED)


def _is_ignored(events: EventIndex, rpc: Exchange) -> bool:
    """Return whether the receiver of a request sends no response to it."""
    decided = rpc.decided
    if decided is None or not isinstance(decided.event, decisions.VoteDecided | decisions.AppendDecided):
        return False
    node = events.snapshot.nodes[rpc.call.dst]
    has_gone_on = node.alive and node.incarnation == decided.incarnation and decided.time < events.snapshot.time
    return decided.event.rule == Rule.IN_LEASE or has_gone_on


def _write_of(events: EventIndex, rpc: Exchange) -> Record | None:
    """Return the write for which the receiver of a request waits before it responds; None if it waits for none."""
    node, decided = events.snapshot.nodes[rpc.call.dst], rpc.decided
    if node.writing_since is None or decided is None or decided.incarnation != node.incarnation:
        return None
    return events.story(node.id).write


def _waits(events: EventIndex, rpc: Exchange, *, is_reply: bool) -> bool:
    """Return whether the request, or its response, waits at a node that is frozen or writes."""
    node = events.snapshot.nodes[rpc.call.src if is_reply else rpc.call.dst]
    return (node.frozen or node.writing_since is not None) and rpc.waiting[is_reply] > 0


def _in_flight(events: EventIndex, rpc: Exchange, *, is_reply: bool) -> InFlight | None:
    """Return the request or its response in flight; of several copies the one that arrives first."""
    found = [
        flight
        for flight in events.flights(rpc.call.call_id)
        if isinstance(flight.message, RPCRequest) is not is_reply
        and flight.src == (rpc.call.dst if is_reply else rpc.call.src)
    ]
    return min(found, key=lambda flight: float("inf") if flight.due is None else flight.due, default=None)


def obstacle_then(events: EventIndex, src: int, dst: int, seq: int) -> Obstacle | None:
    """Return why a request could not leave `src` at event number `seq`; None where that is forgotten."""
    nodes = events.snapshot.nodes
    if _was(events, dst, seq, on=(facts.Crashed,), off=(facts.Restarted,), now=not nodes[dst].alive):
        return Obstacle("down", src, dst, dst)
    for node in (src, dst):
        cut_off = nodes[node].alive and not nodes[node].connected
        if _was(
            events, node, seq, on=(facts.Disconnected,), off=(facts.Reconnected, facts.Restarted), now=cut_off
        ):
            return Obstacle("cut off", src, dst, node)
    dropping = [r.event.after for r in events.of(src) if isinstance(r.event, facts.Dropping) and r.seq < seq]
    return Obstacle("drops", src, dst, src) if dropping and dropping[-1] >= 0 else None


def _was(events: EventIndex, node: int, seq: int, *, on: Kinds, off: Kinds, now: bool) -> bool:
    """Return whether `node` was, at event number `seq`, in a state that the kinds `on` begin and `off` end."""
    known = [record for record in events.of(node) if isinstance(record.event, on + off)]
    before = [record for record in known if record.seq < seq]
    if before:
        return isinstance(before[-1].event, on)
    if events.kept_from is None:
        return False
    return isinstance(known[0].event, off) if known else now
