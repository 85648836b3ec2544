"""The fate of a read without the log: which node it reached, who vouches for it, and what it waits for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from raftplay.past.calls import ClientCall
from raftplay.past.index import EventIndex
from raftplay.raft import decisions
from raftplay.watch.facts import Record
from raftplay.why.facts.verdicts import Verdict, verdict_on_read_index

Wait = Literal["own entry", "index", "round", "apply"]
"""Its obstacle: an entry of the leader's term, the leader's index, its round, the node's own log."""


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """A read at `node`, for which `leader` vouches. `ended` is None while it waits, for what `waits` says.

    `is_answered`: by `rule`, from the state after `index`; else `rule` is why it was not. `round` is the one that
    it needs, which `by` have confirmed so far. `said`: what the leader last replied to a
    follower that asked it for an index.
    """

    node: int
    leader: int
    began: float
    ended: float | None = None
    is_answered: bool = False
    rule: str = ""
    index: int = -1
    waits: Wait | None = None
    round: int = 0
    by: tuple[int, ...] = ()
    said: Verdict | None = None


def reads_of(trail: EventIndex, call: ClientCall) -> tuple[ReadFacts, ...]:
    """Return the reads that began while a `get` was under way; another client's may be among them."""
    if call.request.get("kv") != "get" or call.asked:
        return ()
    until = None if call.told is None else call.told[0].seq
    begun = [
        record
        for record in trail.of_kind(decisions.ReadStarted)
        if record.seq > call.called.seq and (until is None or record.seq < until)
    ]
    return tuple(
        replace(_read(trail, record, event), said=_said(trail, record, event.number))
        for record in begun
        if isinstance(event := record.event, decisions.ReadStarted)
    )


def _read(trail: EventIndex, record: Record, event: decisions.ReadStarted) -> ReadFacts:
    for kind in (decisions.ReadAnswered, decisions.ReadRefused):
        for end in trail.of_kind(kind):
            said = end.event
            if not isinstance(said, decisions.ReadAnswered | decisions.ReadRefused) or end.seq < record.seq:
                continue
            if (end.node, end.incarnation, said.number) != (record.node, record.incarnation, event.number):
                continue
            index = said.index if isinstance(said, decisions.ReadAnswered) else -1
            answered = isinstance(said, decisions.ReadAnswered)
            return ReadFacts(record.node, event.leader, record.time, end.time, answered, said.rule, index)
    return _waiting(trail, record, event)


def _waiting(trail: EventIndex, record: Record, event: decisions.ReadStarted) -> ReadFacts:
    """Return a read that nobody has answered, and what it waits for."""
    leader, since = event.leader, record.seq
    if leader != record.node:
        given = _given(trail, record, event.number)
        if given is None:
            return ReadFacts(record.node, leader, record.time, waits="index")
        since, round = given
    elif not _has_own_commit(trail, leader):
        return ReadFacts(record.node, leader, record.time, waits="own entry")
    else:
        started = [
            each for each in trail.of_kind(decisions.RoundStarted) if each.node == leader and each.seq > since
        ]
        if not started:
            return ReadFacts(record.node, leader, record.time, waits="round")
        first = started[0].event
        round = first.round if isinstance(first, decisions.RoundStarted) else 0
    confirmed = [
        each.event.round
        for each in trail.of_kind(decisions.RoundConfirmed)
        if each.node == leader and isinstance(each.event, decisions.RoundConfirmed) and each.seq > since
    ]
    waits: Wait = "apply" if round == 0 or max(confirmed, default=0) >= round else "round"
    by = _confirmed_by(trail, leader, round) if waits == "round" else ()
    return ReadFacts(record.node, leader, record.time, waits=waits, round=round, by=by)


def _has_own_commit(trail: EventIndex, leader: int) -> bool:
    """Return whether a leader has committed an entry of its own term."""
    node = trail.snapshot.nodes[leader]
    return node.commit_index >= 0 and node.log[node.commit_index].term == node.current_term


def _given(trail: EventIndex, record: Record, number: int) -> tuple[int, int] | None:
    """Return the event and the round by which the leader let a follower read; None if it has not."""
    for each, said in _replies(trail, record, number):
        if said.success:
            return each.seq, said.round
    return None


def _said(trail: EventIndex, record: Record, number: int) -> Verdict | None:
    """Return what the leader last replied to a follower that asked it for an index; None if it has not."""
    last = None
    for each, said in _replies(trail, record, number):
        last = verdict_on_read_index(each, said)
    return last


def _replies(
    trail: EventIndex, record: Record, number: int
) -> Iterator[tuple[Record, decisions.ReadIndexDecided]]:
    for each in trail.of_kind(decisions.ReadIndexDecided):
        said = each.event
        if (
            isinstance(said, decisions.ReadIndexDecided)
            and each.seq > record.seq
            and (said.args.node_id, said.args.read) == (record.node, number)
        ):
            yield each, said


def _confirmed_by(trail: EventIndex, leader: int, round: int) -> tuple[int, ...]:
    """Return the nodes that have confirmed a round, or a later one, as they decided."""
    found = []
    for each in trail.of_kind(decisions.ConfirmDecided):
        said = each.event
        if (
            isinstance(said, decisions.ConfirmDecided)
            and said.success
            and said.args.leader_id == leader
            and said.args.round >= round
        ):
            found.append(each.node)
    return tuple(dict.fromkeys(found))
