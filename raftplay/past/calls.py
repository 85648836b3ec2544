"""The operations of clients, folded from events: whom each asked, where it is in logs, what it led to."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from raftplay.kv.commands import NO_SESSION
from raftplay.linearizability.operations import ClientAnswer, Operation, OperationKind, json_of
from raftplay.watch.client_facts import ClientAsked, ClientCalled, ClientFact, ClientTold
from raftplay.watch.facts import Record

KINDS: dict[str, OperationKind] = {"get": "get", "put": "put", "append": "append", "cas": "cas"}


@dataclass(slots=True, eq=False)
class ClientCall:
    """One operation of a client: the events of its call, of the nodes that it asked, and of its end."""

    number: int
    client: str
    request: dict[str, Any]
    """The command, as in a log; with session and number once it was sent."""

    called: Record
    asked: list[tuple[Record, ClientAsked]] = field(default_factory=list)
    opened: list[tuple[Record, ClientAsked]] = field(default_factory=list)
    """Whom it asked for a session."""

    told: tuple[Record, ClientTold] | None = None

    @property
    def is_over(self) -> bool:
        """Return whether its client was told something."""
        return self.told is not None

    @property
    def ending(self) -> str:
        """Return "ok", "no", "unknown" or "refused"; "" while it is under way."""
        return "" if self.told is None else self.told[1].ending

    @property
    def began(self) -> float:
        """Return when it began, in seconds of cluster time."""
        return self.called.time

    @property
    def ended(self) -> float:
        """Return when it ended, in seconds of cluster time; inf while it is under way."""
        return math.inf if self.told is None else self.told[0].time

    @property
    def session(self) -> tuple[int, int] | None:
        """Return its session and its number there, which every copy of it in a log has; None without a session."""
        session = self.request.get("session", NO_SESSION)
        return (session, self.request["seq"]) if session != NO_SESSION else None

    @property
    def entries(self) -> list[tuple[Record, ClientAsked]]:
        """Return when which node put it into its log."""
        return [(record, event) for record, event in self.asked if event.index >= 0]


def calls_of(records: Iterable[Record]) -> list[ClientCall]:
    """Return the operations that began within some records, in the order in which they began."""
    calls: dict[int, ClientCall] = {}
    for record in records:
        event = record.event
        if not isinstance(event, ClientFact):
            continue
        match event:
            case ClientCalled(call=number, client=client, request=request) if isinstance(request, dict):
                calls[number] = ClientCall(number, client, request, record)
            case ClientAsked(call=number, command=command) if number in calls:
                call = calls[number]
                if isinstance(command, dict) and command.get("kv") == "open":
                    call.opened.append((record, event))
                elif isinstance(command, dict):
                    call.request = command
                    call.asked.append((record, event))
            case ClientTold(call=number) if number in calls:
                calls[number].told = record, event
            case _:
                pass
    return list(calls.values())


def history_of(calls: Iterable[ClientCall]) -> list[Operation]:
    """Return the operations that may have taken effect, for the check of linearizability."""
    return [_operation(call) for call in calls if call.ending != "refused"]


def _operation(call: ClientCall) -> Operation:
    request, kind = call.request, KINDS[call.request["kv"]]
    argument = None if kind == "get" else json_of(request.get("value"))
    expected = json_of(request.get("expected")) if kind == "cas" else None
    answer, end = None, math.inf
    if call.told is not None and call.ending in ("ok", "no"):
        record, told = call.told
        value = json_of(told.value) if told.found else None
        answer = ClientAnswer(value) if kind == "get" else ClientAnswer(None, call.ending == "ok", True, value)
        end = record.seq
    name = f"#{call.number}"
    return Operation(
        call.client, str(request["key"]), kind, argument, expected, call.called.seq, end, answer, name
    )
