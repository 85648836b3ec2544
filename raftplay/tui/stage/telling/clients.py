"""The clients of the key-value store, for newcomers: they call, and are told; stores do each request once."""

from typing import assert_never

from raftplay.tui.stage.moment import name
from raftplay.tui.stage.telling.text import Told
from raftplay.watch import client_facts
from raftplay.watch.facts import Record
from raftplay.watch.text import command_text
from raftplay.watch.words import told_text

SHORT = 16
"""The most characters of a value."""


def client(event: client_facts.ClientEvent, record: Record) -> Told | None:
    """Tell of an operation of a client; None for a request that a store does as it should."""
    match event:
        case client_facts.ClientCalled(client=who, request=request):
            why = "A client asks the node that it takes for the leader, and waits for its answer (§8)."
            return Told(f"Client {who} calls {command_text(request, SHORT)}.", why)
        case client_facts.ClientTold(client=who, ending=ending):
            why = READ if ending == "ok" and reads(event.request) else WHY[ending]
            return Told(f"Client {who} is told of {command_text(event.request, SHORT)}: {told_text(event)}.", why)
        case client_facts.RequestApplied(index=index, command=command):
            done = command_text(command, SHORT)
            if event.outcome == "expired":
                why = "Nobody knows any more whether the request was done (thesis §6.3)."
                return Told(f"The store of {name(record.node)} has forgotten the session of {done}.", why)
            if not event.again:
                return None
            why = "It is in the log twice, since the client tried again; its number in the session tells (§8)."
            return Told(f"{name(record.node)} does not do {done} of entry {index} again.", why)
        case client_facts.ClientAsked() | client_facts.StoreRestored():
            return None
        case _:
            assert_never(event)


def reads(request: object) -> bool:
    """Return whether a request changes nothing."""
    return isinstance(request, dict) and request.get("kv") == "get"


READ = "It is what a node's store holds; `set reads` decides how that node makes sure of it (thesis §6.4)."
"""Why a client is told a value."""

WHY = {
    "ok": "The node answers once the entry is committed and applied (§5.3).",
    "no": "The request is in the log and did nothing: the value was not as it should be.",
    "unknown": "It may be in a log: it may be done now, later or never, and only a read can tell (§8).",
    "refused": "It is in no log, so it was certainly not done.",
}
"""Why a client is told so, by the ending of its operation."""
