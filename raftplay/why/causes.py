"""The message that made a node act."""

from dataclasses import dataclass

from raftplay.raft.messages import Args, Reply
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.index import EventIndex


@dataclass(frozen=True, slots=True)
class Cause:
    """A message that arrived from `peer`: a request with its `args`, or a `reply` to the node's own `args`.

    `args` is None for a response to a request that the history no longer has.
    """

    peer: int
    args: Args | None
    reply: Reply | None = None


def cause_of(trail: EventIndex, record: Record) -> Cause | None:
    """Return the message that `record` was the first decision about; None where there was none, or is unknown."""
    earlier = trail.before(record)
    if earlier is None or earlier.incarnation != record.incarnation:
        return None
    match earlier.event:
        case facts.CallDelivered(src=src, args=args):
            return Cause(src, args)
        case facts.ReplyDelivered(src=src, call_id=call_id, reply=reply):
            return Cause(src, _args_of(trail, record.node, call_id, earlier.seq), reply)
    return None


def _args_of(trail: EventIndex, node: int, call_id: int, seq: int) -> Args | None:
    """Return the request that got a response, None where the history no longer has it."""
    found = trail.event(
        node,
        facts.CallSent,
        before=seq,
        test=lambda r: isinstance(r.event, facts.CallSent) and r.event.call_id == call_id,
    )
    return None if found is None else found[1].args
