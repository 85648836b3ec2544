"""The state of a node as a value: copies of its parts, and values by which two states can be compared.

The rule of this module: what it does not know how to copy or compare raises, so that no field is forgotten.
"""

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Protocol, runtime_checkable

import msgspec
from msgspec.structs import replace

from raftplay.raft.messages import NONE, Args, InternalEntry
from raftplay.raft.rpcs import OF

Named = Callable[[int], int]
"""Another id for each node."""


class NoValue(TypeError):
    """Raised for a part of a node's state that can neither be copied nor compared."""


@runtime_checkable
class Cloned(Protocol):
    """A part of a node's state that is copied by itself."""

    def clone(self) -> object:
        """Return an independent copy."""


@runtime_checkable
class Compared(Protocol):
    """A part of a node's state that is compared by itself."""

    def fingerprint(self, named: Named) -> Hashable:
        """Return a value that two equal parts share."""


def copied(value: object) -> object:
    """Return an independent copy of a value; one that cannot change is its own. Raises `NoValue`."""
    match value:
        case None | bool() | int() | float() | str() | bytes() | tuple() | Enum() | InternalEntry():
            return value
        case list():
            return [copied(each) for each in value]
        case dict():
            return {key: copied(each) for key, each in value.items()}
        case set() | frozenset():
            return type(value)(value)
        case msgspec.Struct() if value.__struct_config__.frozen:
            return value
        case Cloned():
            return value.clone()
    raise NoValue(f"{_kind(value)} in the state of a node needs a method clone")


def compared(value: object) -> Hashable:
    """Return a hashable value that equal values share. Raises `NoValue`."""
    match value:
        case list() | tuple():
            return tuple(compared(each) for each in value)
        case dict():
            return frozenset((key, compared(each)) for key, each in value.items())
        case set() | frozenset():
            return frozenset(value)
        case Enum():
            return str(value.value)
        case None | bool() | int() | float() | str() | bytes() | InternalEntry():
            return value
        case msgspec.Struct() if value.__struct_config__.frozen:
            return value
        case Compared():
            return value.fingerprint(int)
    raise NoValue(f"{_kind(value)} in the state of a node needs a method fingerprint")


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def named_node(id: int, named: Named) -> int:
    """Return the other id of a node; none stays none."""
    return id if id == NONE else named(id)


def named_args(args: Args, named: Named) -> Args:
    """Return a request as it is when each node has another id."""
    return replace(args, **{OF[type(args)].sender: named(args.sender)})
