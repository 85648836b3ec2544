"""Checks of what clients are told, and of what the stores of nodes do for their sessions (§8, thesis §6.3).

A request is known by its session and its number there; those without a session cannot be told apart, and are not
checked.
"""

from raftplay.watch import client_facts
from raftplay.watch.event_table import EventTable
from raftplay.watch.invariants.model import ClusterModel, NodeModel
from raftplay.watch.invariants.names import (
    ACKED_IS_KEPT,
    EXACTLY_ONCE,
    SAME_ANSWER,
    SESSION_DETERMINISM,
    UNKNOWN_IS_UNKNOWN,
)
from raftplay.watch.invariants.requests import Done, RequestId, keep
from raftplay.watch.text import command_text


def request_applied(cluster: ClusterModel, node: NodeModel, event: client_facts.RequestApplied) -> None:
    """Check that a request is done once, alike on every node, and with one answer for ever."""
    known, request, answer = cluster.requests, _request_of(event.command), _answer(event)
    if request is not None and event.outcome != "expired":
        first = known.done.get(request)
        name = f"{command_text(event.command, 40)} (session {request[0]}, request {request[1]})"
        if first is None:
            keep(known.done, request, Done(event.index, node.id, answer))
        elif not event.again and first.entry != event.index:
            applied = f"n{first.node} applied it as entry {first.entry}"
            cluster.breach(EXACTLY_ONCE, f"{node} applies {name} as entry {event.index}", applied)
        elif first.answer != answer:
            cluster.breach(
                SAME_ANSWER,
                f"the store of {node} answers {name} with {answer}",
                f"n{first.node} answered it with {first.answer}",
            )
        if not event.again and request in known.refused:
            cluster.breach(UNKNOWN_IS_UNKNOWN, f"{node} applies {name}", known.refused[request])
    mine = f"{answer}, stored earlier" if event.again else answer
    by, theirs = known.by_index.get(event.index, (node.id, mine))
    if theirs != mine:
        cluster.breach(
            SESSION_DETERMINISM,
            f"the store of {node} answers entry {event.index} with {mine}",
            f"that of n{by} answered it with {theirs}",
        )
    keep(known.by_index, event.index, (node.id, mine))


def client_told(cluster: ClusterModel, event: client_facts.ClientTold) -> None:
    """Check that what a client was told of its request is true."""
    known, request = cluster.requests, _request_of(event.request)
    if request is None:
        return
    done = known.done.get(request)
    told = f"client {event.client} is told {event.ending} for its {command_text(event.request, 40)}"
    if event.ending == "refused":
        keep(known.refused, request, f"{told}: {event.why}" if event.why else told)
        if done is not None:
            cluster.breach(UNKNOWN_IS_UNKNOWN, told, f"n{done.node} has applied it as entry {done.entry}")
    elif event.ending in ("ok", "no"):
        if done is None:
            if _kind(event.request) != "get":
                cluster.breach(ACKED_IS_KEPT, told, "no node has applied it")
        elif _answer(event) != done.answer:
            cluster.breach(
                SAME_ANSWER,
                f"client {event.client} is answered {_answer(event)} for its {command_text(event.request, 40)}",
                f"the store of n{done.node} answered it with {done.answer}",
            )


BY_CLIENTS = EventTable[ClusterModel]()
"""The check of each event of clients, which belongs to no node."""

BY_CLIENTS.add(client_facts.ClientTold, client_told)
BY_CLIENTS.ignore(client_facts.ClientCalled, client_facts.ClientAsked)


def _request_of(command: object) -> RequestId | None:
    """Return the session and the number of a request; None if it belongs to no session."""
    if not isinstance(command, dict):
        return None
    session, seq = command.get("session"), command.get("seq")
    return (session, seq) if isinstance(session, int) and isinstance(seq, int) and session >= 0 else None


def _kind(command: object) -> object:
    return command.get("kv") if isinstance(command, dict) else None


def _answer(event: client_facts.RequestApplied | client_facts.ClientTold) -> str:
    """Return an answer as text: "ok", with the value that was there."""
    outcome = event.outcome if isinstance(event, client_facts.RequestApplied) else event.ending
    return f"{outcome} ({command_text(event.value, 40)})" if event.found else outcome
