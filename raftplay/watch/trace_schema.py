"""Describes the schema of a trace; it reads the classes of the events, so that the text is complete."""

import inspect
import textwrap
from enum import EnumType
from typing import Literal, get_origin, get_type_hints

import msgspec

from raftplay.raft.decisions import DecisionBase, NodeState
from raftplay.raft.messages import (
    CommitEntry,
    InternalEntry,
    LogEntry,
)
from raftplay.raft.rpcs import OF
from raftplay.raft.rule_names import Rule
from raftplay.watch.fact_base import FactBase
from raftplay.watch.trace import EVENTS, BranchMark, EndMark, EventLine, Header

WIDTH = 100

INTRODUCTION = """\
A trace is a file of JSON Lines, written by --trace FILE; raftplay replay FILE checks it.

The first line is the header, the last one the end mark. Each line between them is one event, or a branch mark.
Events are numbered without a gap; indices count from 0, and -1 means none. Times are seconds of cluster time.
A branch mark names the branch of the events after it. With a parent it begins the branch: its first event is
number since + 1, and its past is that of its parent. Without a parent, it continues the branch.
Messages and commands are arrays: the name of the message, if it is one, then the fields in the order below."""

JSON = (
    (", ...", " …"),
    ("tuple[", "["),
    ("dict[str, Any]", "object"),
    ("NoneType", "null"),
    ("None", "null"),
    ("Raw", "object"),
    ("Any", "any JSON value"),
)
"""The JSON names of Python's types."""

ARRAYS = (*OF, LogEntry)

LINES: dict[str, type[object]] = {
    "header": Header,
    "event": EventLine,
    "NodeState": NodeState,
    "InternalEntry": InternalEntry,
    "CommitEntry": CommitEntry,
    "branch mark": BranchMark,
    "end mark": EndMark,
}
"""The lines of a trace, and the objects in them."""


def schema_text(width: int = WIDTH) -> str:
    """Describe every line, event and field of a trace in `width` columns."""
    introduction = "\n\n".join(textwrap.fill(part, width) for part in INTRODUCTION.split("\n\n"))
    parts = [introduction]
    parts.append("\n".join(["Lines", *(_line(name, kind, width) for name, kind in LINES.items())]))
    parts.append("\n".join(["Arrays", *(_array(kind, width) for kind in ARRAYS)]))
    for title, base in (("Decisions of a node", DecisionBase), ("Other events", FactBase)):
        kinds = [(name, kind) for name, kind in EVENTS.items() if issubclass(kind, base)]
        parts.append("\n".join([title, *(_described(name, kind, width) for name, kind in kinds)]))
    rules = [_hanging(f"{rule}: {rule.words} ({rule.section})", width) for rule in Rule]
    return "\n\n".join([*parts, "\n".join(["Rules", *rules])])


def fields_text(kind: type[object]) -> str:
    """List the fields of a struct with their types: ``term: int, granted: bool``."""
    hints = get_type_hints(kind)
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType | msgspec.inspect.DataclassType)
    return ", ".join(f"{f.name}{'' if f.required else '?'}: {type_text(hints[f.name])}" for f in described.fields)


def type_text(hint: object) -> str:
    """Return a type's name in the schema: ``int``, ``[int]``, ``RequestVoteArgs``."""
    if isinstance(hint, EnumType) or get_origin(hint) is Literal:
        return "str"
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    for module in ("raftplay.raft.messages.", "raftplay.raft.decisions.", "raftplay.watch.facts.", "typing."):
        text = text.replace(module, "")
    for python, json in JSON:
        text = text.replace(python, json)
    return text


def _line(name: str, kind: type[object], width: int) -> str:
    return _hanging(f"{name}: {fields_text(kind)}", width)


def _array(kind: type[object], width: int) -> str:
    return _hanging(f"{kind.__name__}: [{fields_text(kind)}]", width)


def _described(name: str, kind: type[object], width: int) -> str:
    fields = fields_text(kind)
    about = " ".join((inspect.getdoc(kind) or "").replace("`", "").split())
    return _hanging(f"{name}{f' ({fields})' if fields else ''}: {about}", width)


def _hanging(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
