"""Commands of clients of the key-value store."""

from typing import Annotated

from raftplay.kv.clients import operation_of, outcome_text
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put
from raftplay.kv.load import Load
from raftplay.language import kinds
from raftplay.language.table import command
from raftplay.linearizability.report import report
from raftplay.linearizability.timeline import call_text
from raftplay.session.session import Session
from raftplay.session.shown import short

GROUP = "Clients"
MAIN = "main"
"""The client that acts where none is named."""

StoreKey = Annotated[str, kinds.KEY]
Value = Annotated[object, kinds.VALUE]
As = Annotated[str | None, kinds.AS_CLIENT]
To = Annotated[int | None, kinds.TO_NODE]


@command(GROUP, "put x 1")
def put(session: Session, key: StoreKey, value: Value, client: As = None, node: To = None) -> str:
    """Set a key of the replicated store; the client finds the leader and tries again. Answers ok or unknown."""
    return _asked(session, Put(key, value=value), client, node)


@command(GROUP, "get x as alice")
def get(session: Session, key: StoreKey, client: As = None, node: To = None) -> str:
    """Read a key of the store, through the log or as `set reads` says. Answers its value, or nothing."""
    return _asked(session, Get(key), client, node)


@command(GROUP, "append x abc")
def append(session: Session, key: StoreKey, value: Value, client: As = None, node: To = None) -> str:
    """Add text to the text of a key; a key without a value gets it."""
    return _asked(session, Append(key, value=value), client, node)


@command(GROUP, "cas x 1 2")
def cas(
    session: Session,
    key: StoreKey,
    old: Annotated[object, kinds.OLD_VALUE],
    new: Annotated[object, kinds.NEW_VALUE],
    client: As = None,
    node: To = None,
) -> str:
    """Set a key if it has the value OLD (compare and set). Answers ok, or no with the value that it has."""
    return _asked(session, Cas(key, expected=old, value=new), client, node)


def _asked(session: Session, request: KeyRequest, client: str | None, node: int | None) -> str:
    call = session.harness.ask(client or MAIN, request, node)
    return outcome_text(call)


@command(GROUP, "load clients=4 rate=50/s keys=3 for 2s")
def load(
    session: Session, settings: Annotated[dict[str, int], kinds.LOAD], seconds: Annotated[float, kinds.FOR]
) -> str:
    """Start clients c0, c1 … that make random requests for so much cluster time; other commands go on."""
    end = session.harness.load(Load(**settings, seconds=seconds))
    return f"until {end:.3f} s"


@command(GROUP, "history alice", effect="looks")
def history(session: Session, client: Annotated[str | None, kinds.CLIENT] = None) -> str:
    """Show what clients called and were told, in the order of their calls, and whether it is linearizable."""
    clients = session.harness.clients
    shown = [call for call in clients.calls if client in (None, call.client)]
    if not shown:
        return "no client has called anything" if client is None else f"client {client} has called nothing"
    lines = []
    for call in shown:
        end = f"{call.ended:.3f}" if call.is_over else "…"
        words = short(call_text(operation_of(call)))
        lines.append(f"{call.began:.3f} to {end}  {call.client}: {words} → {outcome_text(call)}")
    told = clients.history()
    return "\n".join([*lines, *report(told, clients.verdict())])
