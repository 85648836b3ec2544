"""Histories of other programs, and raftplay's own, from files.

Three notations are told apart by their first line that is not empty:

- lines of Jepsen's log (`INFO  jepsen.util - 0 :invoke :write 3`): one register, whose failed `:cas` met another
  value;
- EDN maps, one after another or in one vector: Jepsen's histories of registers (of one key, or with tuples
  `[key value]`), whose `:fail` never took effect, and histories with a `:key` and `:get`, `:put`, `:append`, in
  which a key is the empty text at first;
- JSON, one operation on a line: raftplay's own.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from raftplay.errors import UsageError
from raftplay.linearizability.edn import Edn, Keyword, Map, read_all
from raftplay.linearizability.operations import ClientAnswer, KeyState, Operation, OperationKind, json_of

_LOG_LINE = re.compile(
    r"^.*?\bINFO\s+(?:\[[^\]]*\]\s+)?jepsen\.util(?:\s+-|:)\s+(\S+)\s+:(\w+)\s+:([\w-]+)\s+(.*?)\s*$"
)
_KINDS: Mapping[str, OperationKind] = {
    "read": "get", "get": "get", "write": "put", "put": "put", "append": "append", "cas": "cas",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OperationHistory:
    """Operations as read from a file, the value of each key before them, and the notation in words."""

    operations: tuple[Operation, ...]
    initial: KeyState
    notation: str


class OwnOperation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of raftplay's own notation: an operation with its times in seconds.

    `answer` is `ok`, `no` or `unknown`; a `get` that was answered `ok` has the `value`, or none for "nothing".
    """

    client: str
    op: Literal["get", "put", "append", "cas"]
    key: str
    call: float
    end: float | None = None
    argument: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    expected: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    answer: Literal["ok", "no", "unknown"] = "unknown"
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_own = msgspec.json.Decoder(OwnOperation)


def read_history(text: str) -> OperationHistory:
    """Return the history in `text`. Raises `UsageError` with the line if it has none."""
    text = text.removeprefix("\ufeff")  # the mark with which some editors begin a file
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    if not first:
        raise UsageError("there is no operation in it")
    if re.match(r'\[\s*\{\s*"', first):
        raise UsageError("line 1: a JSON array; write one operation on each line")
    if re.match(r'\{\s*"', first):
        return OperationHistory(tuple(_own_operations(text)), None, "raftplay's own")
    if first.startswith(("{", "[", "#", ";", "(")):
        return _from_edn(text)
    if any(_LOG_LINE.match(line) for line in text.split("\n")):
        return OperationHistory(tuple(_log_operations(text)), None, "a log of Jepsen")
    raise UsageError(f"line 1: {first[:40]!r} is no operation in EDN, in JSON, or in a log of Jepsen")


def json_text(value: object) -> KeyState:
    """Return a value as canonical JSON text; None for None."""
    return None if value is None else json_of(value)


def own_line(operation: Operation) -> str:
    """Return the line of raftplay's own notation for `operation`."""
    answer = operation.answer

    def raw(text: KeyState) -> msgspec.Raw | msgspec.UnsetType:
        return msgspec.UNSET if text is None else msgspec.Raw(text.encode())

    value = None if answer is None else answer.value if operation.kind == "get" else answer.before
    if answer is not None and answer.tells and value is None:
        value = "null"  # it was told that the key had no value
    line = OwnOperation(
        operation.client,
        operation.kind,
        operation.key,
        operation.call,
        None if operation.end == math.inf else operation.end,
        raw(operation.argument),
        raw(operation.expected),
        "unknown" if answer is None else "ok" if answer.done else "no",
        raw(value),
    )
    return msgspec.json.encode(line).decode()


def _own_operations(text: str) -> Iterator[Operation]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            own = _own.decode(line)
            canonical = [_canonical(raw) for raw in (own.argument, own.expected, own.value)]
        except (msgspec.MsgspecError, ValueError) as error:
            raise UsageError(f"line {number}: {error}") from None
        except RecursionError:
            raise UsageError(f"line {number}: its values are nested too deeply") from None
        if own.end is not None and own.end < own.call:
            raise UsageError(f"line {number}: it ends at {own.end:g}, before its call at {own.call:g}")
        if own.op != "get" and own.argument is msgspec.UNSET:
            raise UsageError(f"line {number}: a {own.op} has an argument")
        argument, expected, value = canonical
        tells = own.op != "get" and own.value is not msgspec.UNSET
        done = own.answer == "ok"
        known = own.answer != "unknown" and own.end is not None
        answer = ClientAnswer(value if own.op == "get" else None, done, tells, value if tells else None)
        yield Operation(
            own.client, own.key, own.op, argument, expected, own.call,
            own.end if known and own.end is not None else math.inf, answer if known else None, f"#{number}",
        )  # fmt: skip


def _canonical(raw: msgspec.Raw | msgspec.UnsetType) -> KeyState:
    return None if raw is msgspec.UNSET else json_text(msgspec.json.decode(raw))


@dataclass(slots=True)
class _Pairing:
    """Pairs each invocation of a process with the completion that follows it; positions are the times."""

    operations: list[Operation] = field(default_factory=list)
    _open: dict[str, Operation] = field(default_factory=dict)

    def invoke(self, operation: Operation) -> None:
        earlier = self._open.pop(operation.client, None)
        if earlier is not None:  # a process that goes on has given its last operation up
            self.operations.append(earlier)
        self._open[operation.client] = operation

    def complete(self, process: str) -> Operation | None:
        """Return the operation of `process` that was under way, if there was one."""
        return self._open.pop(process, None)

    def all(self) -> Iterable[Operation]:
        """Return all operations; those that were not completed are of unknown outcome."""
        return sorted((*self.operations, *self._open.values()), key=lambda operation: operation.call)


def _log_operations(text: str) -> Iterable[Operation]:
    pairing = _Pairing()
    for number, line in enumerate(text.split("\n"), 1):
        found = _LOG_LINE.match(line)
        if found is None or found[3] not in ("read", "write", "cas"):
            continue
        process, type_, kind, words = found[1], found[2], _KINDS[found[3]], found[4]
        try:
            values = [] if words.startswith(":") else read_all(words)
        except UsageError as error:
            raise UsageError(str(error).replace("line 1:", f"line {number}:", 1)) from None
        value = values[0] if values else None
        if type_ == "invoke":
            pairing.invoke(_invoked(process, "", kind, value, number, number))
        elif type_ == "ok" or (type_ == "fail" and kind == "cas" and not words.startswith(":")):
            _answered(pairing, process, number, number, value, done=type_ == "ok")
        elif type_ == "fail":  # it never took effect
            pairing.complete(process)
    return pairing.all()


def _from_edn(text: str) -> OperationHistory:
    maps = read_all(text)
    if len(maps) == 1 and isinstance(maps[0], list):
        maps = maps[0]
    pairing = _Pairing()
    has_keys = any(isinstance(item, dict) and Keyword("key") in item for item in maps)
    is_tupled = not has_keys and _are_tuples(maps)
    maps = [_unpacked(item) for item in maps]
    for number, item in enumerate(maps, 1):
        if not isinstance(item, Map) or Keyword("type") not in item:
            raise UsageError(f"operation {number} is no map with a :type")
        process, kind = item.get(Keyword("process")), _KINDS.get(str(item.get(Keyword("f"))))
        if not isinstance(process, int):
            continue  # the nemesis
        if kind is None:
            raise UsageError(
                f"line {item.line}: operation {number} has the :f {item.get(Keyword('f'))}, "
                "which is no operation on a key"
            )
        key, value = item.get(Keyword("key")), item.get(Keyword("value"))
        if is_tupled and isinstance(value, list):
            key, value = (value[0], value[1]) if len(value) == 2 else (None, None)
        type_ = str(item[Keyword("type")])
        if type_ == "invoke":
            named = "" if key is None else str(key)
            pairing.invoke(_invoked(str(process), named, kind, value, number, item.line))
        elif type_ == "ok":
            value = "" if value is None and has_keys else value
            _answered(pairing, str(process), number, item.line, value, done=True)
        elif type_ == "fail":
            pairing.complete(str(process))
        elif type_ != "info":
            raise UsageError(
                f"line {item.line}: operation {number} has the :type {type_}; "
                "it must be :invoke, :ok, :fail or :info"
            )
    return OperationHistory(tuple(pairing.all()), '""' if has_keys else None, "EDN")


def _are_tuples(maps: list[Edn]) -> bool:
    """Return whether the values are `[key value]`: those of every read and write are pairs."""
    values = [
        item.get(Keyword("value"))
        for item in maps
        if isinstance(item, dict) and isinstance(item.get(Keyword("process")), int)
        and item.get(Keyword("f")) in ("read", "write") and item.get(Keyword("type")) in ("invoke", "ok")
    ]  # fmt: skip
    return bool(values) and all(isinstance(value, list) and len(value) == 2 for value in values)


def _unpacked(item: Edn) -> Edn:
    """Return a map for an operation that is written as a vector: `[70 :invoke :read nil]`."""
    if not isinstance(item, list) or len(item) < 3 or item[1] not in ("invoke", "ok", "fail", "info"):
        return item
    names = (Keyword("process"), Keyword("type"), Keyword("f"), Keyword("value"))
    return Map(zip(names, item, strict=False))


def _plain(value: Edn) -> Edn:
    """Return a value of EDN that JSON can hold: keywords with their colon, keys of maps as texts."""
    match value:
        case Keyword():
            return f":{value}"
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
    return value


def _invoked(process: str, key: str, kind: OperationKind, value: Edn, number: int, line: int) -> Operation:
    argument, expected = value, None
    if kind == "cas":
        if not isinstance(value, list) or len(value) != 2:
            raise UsageError(f"line {line}: a cas has the value [OLD NEW]")
        expected, argument = value
    if kind == "get":
        argument = None
    argument, expected = _plain(argument), _plain(expected)
    return Operation(process, key, kind, json_text(argument), json_text(expected), number, name=f"#{number}")


def _answered(pairing: _Pairing, process: str, number: int, line: int, value: Edn, *, done: bool) -> None:
    operation = pairing.complete(process)
    if operation is None:
        raise UsageError(f"line {line}: process {process} has nothing under way")
    answer = ClientAnswer(json_text(_plain(value)) if operation.kind == "get" else None, done)
    pairing.operations.append(replace(operation, end=number, answer=answer))
