"""Checks of the arguments of a Harness and its methods, before anything is done; each error is one sentence."""

import operator
import os
import secrets
from collections.abc import Collection, Iterable, Sequence, Sized
from contextlib import suppress
from dataclasses import replace
from numbers import Real
from types import UnionType
from typing import SupportsIndex

from raftplay.cluster.config import MAX_NODES, Config
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.own_node import name_of
from raftplay.errors import UsageError
from raftplay.raft.bugs import NodeOrRules
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.storage import Storage
from raftplay.watch.invariants.names import check_names
from raftplay.watch.stream import Reader
from raftplay.watch.text import count, visible


def check(
    n: int,
    config: Config | None,
    watch: bool | Collection[str],
    readers: Iterable[Reader],
    data_dir: str | os.PathLike[str] | None,
    storage: Sequence[Storage] | None,
    state_machine: MachineFactory | None,
) -> list[Reader]:
    """Raise `UsageError` for the first invalid argument; return the readers as a list."""
    if not _is_number(n) or not 1 <= n <= MAX_NODES:
        raise UsageError(f"a cluster has 1 to {MAX_NODES} nodes, not {_shown(n)}")
    if storage is not None and (data_dir is not None or _length(storage) != n):
        raise UsageError(f"a cluster has either a data directory or a storage for each of its {count(n, 'node')}")
    for id, disk in enumerate(storage or ()):
        _must_be(disk, Storage, f"the storage of node {id} must have set, get and has_data")
    _must_be(config, Config | None, "config must be a Config")
    _must_be(data_dir, str | os.PathLike | None, "data_dir must be a path")
    if data_dir is not None and not os.fspath(data_dir):
        raise UsageError("the path of the directory is empty; write '.' for the current directory")
    if watch and not isinstance(watch, bool):
        check_names(watch)
    found = _check_readers(readers)
    if state_machine is not None:
        must_be_called(state_machine, "state_machine must be a function that returns a state machine")
    return found


def new_seed() -> int:
    """Draw a seed for a cluster without one."""
    return secrets.randbelow(1 << 32)


def seed(value: object) -> int:
    """Return `value`, which decides every random choice. Raises `UsageError` unless it is an integer."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return operator.index(value)
    raise UsageError(f"the seed must be an integer, such as 7, not {visible(repr(value)[:60])}")


def config_with(config: Config | None, node: NodeOrRules | None) -> Config:
    """Return `config` with the class `node`. Raises `UsageError` if `config` names another class."""
    config = config or Config()
    if node is None:
        return config
    if config.node not in (ConsensusModule, node):
        raise UsageError(f"node and config.node are two classes: {name_of(node)} and {config.node_name}")
    return replace(config, node=node)


def number(value: object, text: str) -> float:
    """Return `value`, if it is a number. Raises `UsageError`, which begins with `text`."""
    if type(value) is float:
        return value
    if not isinstance(value, bool) and isinstance(value, Real):
        with suppress(OverflowError):
            return float(value)
    raise _refusal(value, text)


def whole(value: object, text: str, least: int | None = None) -> int:
    """Return `value`, if it is a whole number, `least` or more. Raises `UsageError`, which begins with `text`."""
    if type(value) is int or (isinstance(value, SupportsIndex) and not isinstance(value, bool)):
        found = operator.index(value)
        if least is None or found >= least:
            return found
    raise _refusal(value, text)


def must_be_called(value: object, text: str) -> None:
    """Raise `UsageError`, which begins with `text`, unless `value` is callable."""
    if not callable(value):
        raise _refusal(value, text)


def elements(value: object, text: str) -> list[object]:
    """Return the elements of `value`, if it is iterable. Raises `UsageError`, which begins with `text`."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return list(value)
    raise _refusal(value, text)


def groups(values: Iterable[object]) -> list[list[int]]:
    """Return lists of node numbers. Raises `UsageError`."""
    return [
        [whole(id, "a node is named by its number") for id in elements(group, "a group must be a list of nodes")]
        for group in values
    ]


def _check_readers(readers: object) -> list[Reader]:
    if not isinstance(readers, Iterable):
        raise _refusal(readers, "readers must be a list of functions that take a record")
    found = list(readers)
    for reader in found:
        must_be_called(reader, "a reader must be a function that takes a record")
    return found


def _must_be(value: object, kind: type | UnionType, text: str) -> None:
    if not isinstance(value, kind):
        raise _refusal(value, text)


def _refusal(value: object, text: str) -> UsageError:
    return UsageError(f"{text}, not {_shown(value)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _length(value: object) -> int:
    return len(value) if isinstance(value, Sized) else -1


def _shown(value: object) -> str:
    try:
        text = visible(repr(value))
    except ValueError:  # an integer of thousands of digits
        return "a number of so many digits"
    return text if len(text) <= 60 else f"{text[:59]}…"


def check_key(key: object) -> str:
    """Return `key`, a text of 1 to 200 characters. Raises `UsageError`."""
    if not isinstance(key, str) or not 1 <= len(key) <= 200:
        raise UsageError(f"a key is a text of 1 to 200 characters, not {key!r}")
    return key
