"""Checks commands: a cluster accepts and logs JSON values of at most 64 KiB."""

import math
import sys

import msgspec

from raftplay.errors import UsageError
from raftplay.raft.messages import CommitEntry, Entry

MAX_COMMAND_BYTES = 64 * 1024
"""The largest command that `check_command` accepts, in bytes of its JSON text."""

MAX_COMMAND_DEPTH = 100
"""The deepest nesting of lists and objects in a command."""

MAX_INTEGER_BITS = 13_000
"""The longest integer in a command, in bits; Python refuses to parse longer ones from text."""

_LONGEST_INTEGER = 3_914
"""The largest number of digits of an integer of `MAX_INTEGER_BITS`."""

_BITS_ALWAYS_READ = 2_000
"""The bits of an integer that Python always writes as text: PYTHONINTMAXSTRDIGITS is 640 digits at least."""


class CommandRefused(UsageError):
    """A command that the cluster cannot accept; the text names the invalid part and the reason."""


def check_command(command: object) -> object:
    """Return a copy of `command` that the cluster may keep: a JSON value of at most 64 KiB.

    Containers are copied, so that a caller who changes its list later does not change a log.
    Raises `CommandRefused`, whose text names the invalid part.
    """
    kind = type(command)
    if kind is int:
        _check_integer(command, "the command")  # type: ignore[arg-type]
        return command
    if kind is bool or command is None:
        return command
    _check_value(command)
    _check_size(command)
    if kind is str or kind is float:
        return command
    return own_copy(command)


def own_copy(command: object) -> object:
    """Return a copy of `command` that shares no mutable part with it (scalars are returned as they are)."""
    if type(command) is list:
        return [own_copy(item) for item in command]
    if type(command) is dict:
        return {key: own_copy(value) for key, value in command.items()}
    return command


def same_command(one: object, other: object) -> bool:
    """Return whether two commands are the same JSON value: like ``==``, but 1, 1.0 and true differ."""
    if type(one) is not type(other):
        return False
    match one:
        case list() if isinstance(other, list):
            return len(one) == len(other) and all(map(same_command, one, other))
        case dict() if isinstance(other, dict):
            return one.keys() == other.keys() and all(same_command(v, other[k]) for k, v in one.items())
    return bool(one == other)


def holds_command(entry: Entry | CommitEntry, command: object) -> bool:
    """Return whether `entry` has this command of a client; a no-op has none, not even null."""
    return entry.kind == "command" and same_command(entry.command, command)


def same_content(one: Entry | CommitEntry, other: Entry | CommitEntry) -> bool:
    """Return whether two entries are of the same kind, with the same command, whatever their terms."""
    return one.kind == other.kind and same_command(one.command, other.command)


def _check_value(command: object) -> None:
    """Walk `command` without recursion; raise `CommandRefused` at the first part that is not JSON."""
    todo: list[tuple[object, str, int]] = [(command, "the command", 0)]
    room = MAX_COMMAND_BYTES  # shared sublists are small in memory, but endless to walk
    while todo:
        value, where, depth = todo.pop()
        if depth > MAX_COMMAND_DEPTH:
            raise CommandRefused(f"the command is nested deeper than {MAX_COMMAND_DEPTH} levels")
        kind = type(value)
        if value is None or kind is bool:
            continue
        if kind is int:
            assert isinstance(value, int)
            _check_integer(value, where)
            continue
        if kind is float:
            assert isinstance(value, float)
            if not math.isfinite(value):
                raise CommandRefused(f"{where} is {value}, which JSON cannot represent")
        elif kind is str:
            assert isinstance(value, str)
            room = _room_after(room, len(value))
            _check_text(value, where)
        elif kind is list:
            assert isinstance(value, list)
            room = _room_after(room, len(value))
            todo.extend((item, f"item {i} of {where}", depth + 1) for i, item in enumerate(value))
        elif kind is dict:
            assert isinstance(value, dict)
            for key, item in value.items():
                if type(key) is not str:
                    raise CommandRefused(
                        f"a key of {where} is of type {type(key).__name__}; JSON objects have text keys"
                    )
                room = _room_after(room, len(key) + 1)
                _check_text(key, f"a key of {where}")
                todo.append((item, f"{key[:40]!r} of {where}", depth + 1))
        else:
            raise CommandRefused(
                f"{where} is of type {kind.__name__}; a command is a JSON value "
                "(None, bool, int, float, str, list, dict)"
            )


def _room_after(room: int, taken: int) -> int:
    """Return `room` less `taken`, in bytes; raise `CommandRefused` if that is negative."""
    if taken > room:
        raise CommandRefused(f"the command takes too many bytes as JSON; at most {MAX_COMMAND_BYTES} are carried")
    return room - taken


def _check_integer(value: int, where: str) -> None:
    if value.bit_length() <= _BITS_ALWAYS_READ:
        return
    if value.bit_length() > MAX_INTEGER_BITS:
        raise CommandRefused(
            f"{where} is an integer of {value.bit_length()} bits; at most {MAX_INTEGER_BITS} are carried"
        )
    digits = sys.get_int_max_str_digits()
    if 0 < digits < _LONGEST_INTEGER and abs(value) >= 10**digits:
        raise CommandRefused(
            f"{where} is an integer of more than {digits} digits, which Python is configured not to write"
        )


def _check_text(text: str, where: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise CommandRefused(f"{where} has half of a surrogate pair, which is not valid text") from None


def _check_size(command: object) -> None:
    size = len(msgspec.json.encode(command))
    if size > MAX_COMMAND_BYTES:
        raise CommandRefused(f"the command takes {size} bytes as JSON; at most {MAX_COMMAND_BYTES} are carried")
