"""The RPCs that events tell of: what happened to each request and its response."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from raftplay.raft import decisions
from raftplay.raft.messages import InstallSnapshotArgs, RPCRequest
from raftplay.watch import facts
from raftplay.watch.facts import Record


@dataclass(slots=True)
class Exchange:
    """The events of one RPC: `sent`, and what happened to its `call` since; `lost` by whether it is the reply.

    So is `waiting`: the number of copies that wait at a node which is frozen, or waits for its disk.
    """

    sent: Record
    call: facts.CallSent
    is_delivered: bool = False
    is_answered: bool = False
    has_reply: bool = False
    decided: Record | None = None
    lost: dict[bool, str] = field(default_factory=dict)
    waiting: Counter[bool] = field(default_factory=Counter)


def fold_rpcs(records: Iterable[Record]) -> dict[tuple[int, int], list[Exchange]]:
    """Return all RPCs that `records` tell of, in the order in which they were sent, by (src, dst)."""
    by_id: dict[int, Exchange] = {}
    found: dict[tuple[int, int], list[Exchange]] = {}
    handled: dict[int, Exchange] = {}  # by node, the one that it received last
    waiting: dict[int, list[tuple[Exchange, bool]]] = {}  # by node
    for record in records:
        event: object = record.event
        match event:
            case facts.CallSent():
                rpc = by_id[event.call_id] = Exchange(record, event)
                found.setdefault((event.src, event.dst), []).append(rpc)
            case facts.CallDelivered() | facts.ReplySent() | facts.ReplyDelivered():
                if event.call_id in by_id:
                    _went_on(by_id[event.call_id], event, handled)
                elif isinstance(event, facts.CallDelivered):
                    handled.pop(event.dst, None)  # the node decides about a request sent before `records`
            case (
                decisions.VoteDecided()
                | decisions.AppendDecided()
                | decisions.ConfirmDecided()
                | decisions.ReadIndexDecided()
            ):
                handling = handled.pop(record.node, None)
                if handling is not None and handling.call.args == event.args:
                    handling.decided = record
            case decisions.ChunkReceived() | decisions.SnapshotIgnored():
                handling = handled.pop(record.node, None)
                if handling is not None and isinstance(handling.call.args, InstallSnapshotArgs):
                    handling.decided = record
            case facts.Crashed():
                for rpc, is_reply in waiting.pop(record.node, ()):
                    rpc.waiting[is_reply] = 0
            case facts.CallLost() | facts.ReplyLost() if event.call_id in by_id:
                by_id[event.call_id].lost.setdefault(isinstance(event, facts.ReplyLost), event.reason)
            case facts.KeptWaiting(call_id=call_id, dst=dst, message=message) if call_id in by_id:
                is_reply = not isinstance(message, RPCRequest)
                by_id[call_id].waiting[is_reply] += 1
                waiting.setdefault(dst, []).append((by_id[call_id], is_reply))
    return found


def _went_on(
    rpc: Exchange,
    event: facts.CallDelivered | facts.ReplySent | facts.ReplyDelivered,
    handled: dict[int, Exchange],
) -> None:
    match event:
        case facts.CallDelivered():
            rpc.is_delivered, rpc.decided = True, None
            rpc.waiting[False] = max(rpc.waiting[False] - 1, 0)
            handled[event.dst] = rpc
        case facts.ReplySent():
            rpc.has_reply = True
        case facts.ReplyDelivered():
            rpc.is_answered = True
            rpc.waiting[True] = max(rpc.waiting[True] - 1, 0)
