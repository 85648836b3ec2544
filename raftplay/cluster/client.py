"""A client of the cluster's key-value store, for users: `h.client("a").put("x", 1)`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raftplay.cluster.arguments import check_key
from raftplay.kv.clients import CallEnding, OperationCall
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put
from raftplay.raft.commands import check_command

SendRequest = Callable[[str, KeyRequest, int | None], OperationCall]
"""Begins an operation of a client, and waits for its end."""


@dataclass(frozen=True, slots=True)
class OperationEnd:
    """The answer to a client: `outcome` is "ok", "no" (the value was not as expected), "unknown" or "refused".

    `value` is the value that `get` read, or the one before a `put`, `append` or `cas`, where the store said so;
    `found` tells whether there was one. Unknown: it may have been done, or may still be. Refused: it was
    certainly not done. `why` says why it is one of these two.
    """

    outcome: CallEnding
    value: Any = None
    found: bool = False
    why: str = ""


class Client:
    """A client with a session of its own. Its operations wait until the store answers, or for 2 s at most.

    With `to`, only that node is asked; else the client finds the leader and tries again. Keys are texts, values
    JSON values. Raises `UsageError` for others, and while time is paused.
    """

    def __init__(self, name: str, ask: SendRequest) -> None:
        self.name = name
        self._ask = ask

    def get(self, key: str, *, to: int | None = None) -> OperationEnd:
        """Read a key, through the log (thesis §6.4), or as `ClientOptions.reads` says."""
        return self._told(Get(check_key(key)), to)

    def put(self, key: str, value: object, *, to: int | None = None) -> OperationEnd:
        """Set a key."""
        return self._told(Put(check_key(key), value=check_command(value)), to)

    def append(self, key: str, value: object, *, to: int | None = None) -> OperationEnd:
        """Add a text to a text, or an element to a list; set a key that has no value."""
        return self._told(Append(check_key(key), value=check_command(value)), to)

    def cas(self, key: str, expected: object, value: object, *, to: int | None = None) -> OperationEnd:
        """Set a key to `value` if its value is `expected`."""
        return self._told(Cas(check_key(key), expected=check_command(expected), value=check_command(value)), to)

    def _told(self, request: KeyRequest, to: int | None) -> OperationEnd:
        return told_of(self._ask(self.name, request, to))


def told_of(call: OperationCall) -> OperationEnd:
    """Return what the client of a call that is over was told."""
    assert call.ending is not None
    result = call.result
    if result is None or call.ending in ("unknown", "refused"):
        return OperationEnd(call.ending, why=call.why)
    return OperationEnd(call.ending, result.value, result.found)
