"""The commands of the key-value store, as the log holds them, and what applying one gives.

A command is a JSON object with the member `kv`; other commands in a log are not for the store.
"""

from typing import Any, Literal, TypeAlias

import msgspec

NO_SESSION = -1
"""The session of a request that belongs to none: it is applied as often as the log holds it."""


class Open(msgspec.Struct, frozen=True, tag_field="kv", tag="open", forbid_unknown_fields=True):
    """Opens a session for a client; its number is the index of this entry (thesis §6.3, RegisterClient)."""

    client: str


class _Request(msgspec.Struct, frozen=True, tag_field="kv", forbid_unknown_fields=True, omit_defaults=True):
    """A request for one key, number `seq` of its session; the client has the answers to all below `acked`."""

    key: str
    session: int = NO_SESSION
    seq: int = 0
    acked: int = 0


class Get(_Request, frozen=True, tag="get", kw_only=True, omit_defaults=True):
    """Reads a key through the log (thesis §6.4)."""


class Put(_Request, frozen=True, tag="put", kw_only=True, omit_defaults=True):
    """Sets a key."""

    value: object


class Append(_Request, frozen=True, tag="append", kw_only=True, omit_defaults=True):
    """Adds a text to a text, or an element to a list; sets a key that has no value."""

    value: object


class Cas(_Request, frozen=True, tag="cas", kw_only=True, omit_defaults=True):
    """Sets a key to `value` if its value is `expected`."""

    expected: object
    value: object


KeyRequest: TypeAlias = Get | Put | Append | Cas

StoreCommand: TypeAlias = Open | KeyRequest

StoreOutcome: TypeAlias = Literal["ok", "no", "expired"]
"""The outcome of a request: done; refused because of the value; its session, or its answer, is gone."""


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer of the store: for `get` the value, for others the value before; `found` if there was one.

    `again`: the answer was stored when the request was applied, which was earlier.
    """

    outcome: StoreOutcome
    value: Any = None
    found: bool = False
    again: bool = False


def read_command(command: object) -> StoreCommand | None:
    """Return a command of a log entry for the store; None if it is for something else."""
    if not isinstance(command, dict) or "kv" not in command:
        return None
    try:
        known: StoreCommand = msgspec.convert(command, StoreCommand)
    except msgspec.ValidationError:
        return None
    return known


def written(command: StoreCommand) -> dict[str, object]:
    """Return `command` as the JSON object that is submitted."""
    known: dict[str, object] = msgspec.to_builtins(command)
    return known
