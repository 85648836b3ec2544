"""The fate of a read without the log: which node it reached, who vouches for it, and what it waits for."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from raftplay.past.calls import ClientCall
from raftplay.past.index import EventIndex
from raftplay.raft import decisions
from raftplay.raft.messages import NONE
from raftplay.watch.facts import Record
from raftplay.why.facts.verdicts import NodeVerdict, verdict_of

ReadWait = Literal["own entry", "index", "round", "apply"]
"""Its obstacle: an entry of the leader's term, the leader's index, its round, the node's own log."""


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """A read at `node`, for which `leader` vouches. `ended` is None while it waits, for what `waits` says.

    `rule` is by which it was answered, from the state after `index`, or why it was not (then `index` is None).
    `round` is the one that it needs, which `by` have confirmed so far. `said`: what the leader last replied to a
    follower that asked it for an index.
    """

    node: int
    leader: int
    began: float
    ended: float | None = None
    rule: str = ""
    index: int | None = None
    waits: ReadWait | None = None
    round: int = 0
    by: tuple[int, ...] = ()
    said: NodeVerdict | None = None


def reads_of(events: EventIndex, call: ClientCall) -> tuple[ReadFacts, ...]:
    """Return the reads that began while a `get` was under way; another client's may be among them."""
    if call.request.get("kv") != "get" or call.asked:
        return ()
    until = math.inf if call.told is None else call.told[0].seq
    return tuple(
        _read(events, record, event)
        for record, event in events.of_kind(decisions.ReadStarted)
        if call.called.seq < record.seq < until
    )


def _read(events: EventIndex, record: Record, event: decisions.ReadStarted) -> ReadFacts:
    """Return what became of the read that began with `record`."""
    replies = [
        (each, reply)
        for each, reply in events.of_kind(decisions.ReadIndexDecided)
        if each.seq > record.seq and (reply.args.node_id, reply.args.read) == (record.node, event.number)
    ]
    said = verdict_of(events, replies[-1][0]) if replies else None
    read = ReadFacts(record.node, event.leader, record.time, said=said)
    ends: list[tuple[Record, decisions.ReadAnswered | decisions.ReadRefused]] = [
        *events.of_kind(decisions.ReadAnswered),
        *events.of_kind(decisions.ReadRefused),
    ]
    for end, how in ends:
        is_its = (end.node, end.incarnation, how.number) == (record.node, record.incarnation, event.number)
        if is_its and end.seq > record.seq:
            index = how.index if isinstance(how, decisions.ReadAnswered) else None
            return replace(read, ended=end.time, index=index, rule=how.rule)
    given = next(((each.seq, reply.round) for each, reply in replies if reply.success), None)
    return _waiting(events, read, record.seq, given)


def _waiting(events: EventIndex, read: ReadFacts, since: int, given: tuple[int, int] | None) -> ReadFacts:
    """Return what a read that began with event `since` waits for, and who has confirmed its round.

    `given` are the event and the round by which the leader let a follower read.
    """
    leader = read.leader
    if leader == read.node and not _has_own_commit(events, leader):
        return replace(read, waits="own entry")
    if leader == read.node:
        started = events.of_kind(decisions.RoundStarted)
        begun = (event.round for each, event in started if each.node == leader and each.seq > since)
        round = next(begun, NONE)
    elif given is not None:
        since, round = given
    else:
        return replace(read, waits="index")
    if round == NONE:
        return replace(read, waits="round")
    confirmed = events.of_kind(decisions.RoundConfirmed)
    last = max((event.round for each, event in confirmed if each.node == leader and each.seq > since), default=0)
    if last >= round:
        return replace(read, waits="apply", round=round)
    by = (
        each.node
        for each, event in events.of_kind(decisions.ConfirmDecided)
        if event.success and event.args.leader_id == leader and event.args.round >= round
    )
    return replace(read, waits="round", round=round, by=tuple(dict.fromkeys(by)))


def _has_own_commit(events: EventIndex, leader: int) -> bool:
    """Return whether a leader has committed an entry of its own term."""
    node = events.snapshot.nodes[leader]
    return node.commit_index >= 0 and node.log[node.commit_index].term == node.current_term
