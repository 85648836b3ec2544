"""The fate of an operation of a client: whom it asked, where its request is in logs, what stores did."""

from dataclasses import dataclass

from raftplay.past.calls import ClientCall, calls_of
from raftplay.past.index import EventIndex
from raftplay.raft.commands import same_command
from raftplay.watch.client_facts import RequestApplied
from raftplay.watch.facts import Record
from raftplay.why.facts.reads import ReadFacts, reads_of
from raftplay.why.facts.values import ValueFacts, value_facts


@dataclass(frozen=True, slots=True)
class Asks:
    """A question about an operation of a client: the last one of this kind on this key, or of this client.

    `kind` is "" and `key` None for any operation; `values` are those that it was called with, () for any.
    """

    kind: str = ""
    key: str | None = None
    client: str | None = None
    values: tuple[object, ...] = ()

    def fits(self, call: ClientCall) -> bool:
        """Return whether the question is about `call`."""
        request = call.request
        given = [request[name] for name in ("expected", "value") if name in request]
        return (
            (not self.kind or request.get("kv") == self.kind)
            and self.key in (None, request.get("key"))
            and self.client in (None, call.client)
            and (not self.values or same_command(list(self.values), given))
        )


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The facts about an operation of a client. `fate` is what became of its copies in logs; None without any.

    `done` are the first applications of each copy, by index. `leader` is the node that leads now, or None.
    `others` is the number of other operations that the question fits. `reads` are the reads without the log that
    began for it.
    """

    call: ClientCall
    now: float
    fate: ValueFacts | None
    done: tuple[tuple[Record, RequestApplied], ...]
    leader: int | None
    others: int
    reads: tuple[ReadFacts, ...] = ()


def call_facts(events: EventIndex, asks: Asks) -> CallFacts | None:
    """Return the facts about the last operation that the question fits; None if there is none."""
    fitting = [call for call in calls_of(events.view.records) if asks.fits(call)]
    if not fitting:
        return None
    call = fitting[-1]
    applied: dict[int, tuple[Record, RequestApplied]] = {}
    for record, event in events.of_kind(RequestApplied) if call.session is not None else ():
        if same_command(event.command, call.request):
            applied.setdefault(event.index, (record, event))
    done = tuple(applied[index] for index in sorted(applied))
    fate = value_facts(events, call.request) if call.entries or done else None
    snapshot = events.snapshot
    leader = None if snapshot.leader is None else snapshot.leader.id
    return CallFacts(call, snapshot.time, fate, done, leader, len(fitting) - 1, reads_of(events, call))
