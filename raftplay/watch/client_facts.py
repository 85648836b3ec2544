"""The events of clients of the key-value store, and of the stores of nodes."""

from typing import TypeAlias

from raftplay.watch.fact_base import FactBase


class ClientFact(FactBase, frozen=True, gc=False):
    """The base class of what clients of the key-value store do, and of what stores do for them."""

    group = "client"


class ClientCalled(ClientFact, frozen=True, gc=False):
    """A client began an operation, number `call` of all; `request` is a command of the store, as in a log."""

    call: int
    client: str
    request: object


class ClientAsked(ClientFact, frozen=True, gc=False):
    """A client sent a command to node `dst` for its operation `call`: it is at `index` of that node's log.

    -1: the node refused it, since it does not lead.
    """

    call: int
    client: str
    dst: int
    command: object
    index: int


class ClientTold(ClientFact, frozen=True, gc=False, omit_defaults=True):
    """Operation `call` of a client ended: "ok", "no" (because of the value), "unknown" or "refused", for `why`.

    `value` is what `get` read, or the value before; `found` tells whether there was one.
    """

    call: int
    client: str
    request: object
    ending: str
    why: str = ""
    value: object = None
    found: bool = False


class RequestApplied(ClientFact, frozen=True, gc=False, omit_defaults=True):
    """A node's store applied the `command` in entry `index`: "ok", "no" (because of the value) or "expired".

    `value` is what `get` read, or the value before, if `found`. `again`: it is a stored answer, and the command
    was not applied a second time.
    """

    index: int
    command: object
    outcome: str
    value: object = None
    found: bool = False
    again: bool = False


class StoreRestored(ClientFact, frozen=True, gc=False):
    """A node's store has these `values`, by key, after it was restored from a snapshot."""

    values: tuple[tuple[str, object], ...]


ClientEvent: TypeAlias = ClientCalled | ClientAsked | ClientTold | RequestApplied | StoreRestored
