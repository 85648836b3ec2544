"""Leadership transfers: what one waits for, how the last one ended, and what a node refused (thesis §3.10)."""

from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.raft.decisions import Rule, TimeoutNowDecided, TransferAborted, TransferStarted
from raftplay.raft.messages import NONE
from raftplay.watch.facts import Record, Submitted


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """A transfer to `target`, or the last one of this leadership; times are None where they are forgotten.

    The target lacks the entries from `first` to `last` as far as the leader knows (none if `first` is higher).
    `sent`: when TimeoutNow left. `until`: when the leader gives up. `ended`: when it did, by which `rule`.
    `refused`: the last command that it refused because of that, and when. `replaced`: the target that it had
    before, -1 if none.
    """

    target: int
    since: float | None
    until: float | None
    first: int
    last: int
    sent: float | None
    ended: float | None = None
    rule: str = ""
    refused: tuple[object, float] | None = None
    replaced: int = NONE


@dataclass(frozen=True, slots=True)
class ToldFacts:
    """A TimeoutNow of `term` from `leader` that a node refused at `time`, in its own term, by `rule`."""

    leader: int
    term: int
    own_term: int
    time: float
    rule: str


def transfer_facts(trail: EventIndex, node: NodeSnapshot) -> TransferFacts | None:
    """Return the transfer under way at a leader, or the last one of its leadership; None if there was none."""
    steps = trail.story(node.id).transfers
    started, aborted = steps.started, steps.aborted
    refused = _refused(steps.refused)
    match = dict(node.match_index)
    if node.transferring_to != NONE:
        target, ended, rule = node.transferring_to, None, ""
    elif aborted is not None and isinstance(aborted.event, TransferAborted):
        target, ended, rule = aborted.event.target, aborted.time, aborted.event.rule
    else:
        return None
    event = started.event if started is not None else None
    known = event if isinstance(event, TransferStarted) and event.target == target else None
    return TransferFacts(
        target=target,
        since=started.time if started is not None and known is not None else None,
        until=known.until if known is not None else None,
        first=match.get(target, NONE) + 1,
        last=node.last_index,
        sent=steps.sent,
        ended=ended,
        rule=rule,
        refused=refused,
        replaced=_replaced(steps.replaced),
    )


def _replaced(record: Record | None) -> int:
    """Return the target of a transfer that another one replaced."""
    if record is None or not isinstance(record.event, TransferAborted) or record.event.rule != Rule.REPLACED:
        return NONE
    return record.event.target


def _refused(record: Record | None) -> tuple[object, float] | None:
    if record is None or not isinstance(record.event, Submitted):
        return None
    return record.event.command, record.time


def told_facts(trail: EventIndex, node: int) -> ToldFacts | None:
    """Return the last TimeoutNow that a node refused; None if there was none."""
    record = trail.story(node).transfers.told
    if record is None or not isinstance(record.event, TimeoutNowDecided) or record.after is None:
        return None
    args = record.event.args
    return ToldFacts(args.leader_id, args.term, record.after.current_term, record.time, record.event.rule)
