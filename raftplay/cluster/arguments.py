"""The arguments of a Harness, checked before anything is opened: what is wrong is one sentence."""

import os
from collections.abc import Collection, Iterable, Sequence, Sized
from typing import NoReturn

from raftplay.cluster.config import MAX_NODES, Config
from raftplay.errors import UsageError
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
) -> list[Reader]:
    """Raise `UsageError` for the first argument that cannot be; return the readers as a list."""
    if not _is_number(n) or not 1 <= n <= MAX_NODES:
        raise UsageError(f"a cluster has 1 to {MAX_NODES} nodes, not {_shown(n)}")
    if storage is not None and (data_dir is not None or _length(storage) != n):
        raise UsageError(f"a cluster has either a data directory or a storage for each of its {count(n, 'node')}")
    for id, disk in enumerate(storage or ()):
        _must_be(disk, Storage, f"the storage of node {id} must have set, get and has_data")
    _must_be(config, Config | None, "config must be a Config")
    _must_be(data_dir, str | os.PathLike | None, "data_dir must be a path")
    if data_dir is not None and not os.fspath(data_dir):
        raise UsageError("an empty path names no directory; '.' is the one that you are in")
    if watch and not isinstance(watch, bool):
        check_names(watch)
    return _check_readers(readers)


def _check_readers(readers: object) -> list[Reader]:
    if not isinstance(readers, Iterable):
        _refuse(readers, "readers must be a list of functions that take a record")
    found = list(readers)
    for reader in found:
        if not callable(reader):
            _refuse(reader, "a reader must be a function that takes a record")
    return found


def _must_be(value: object, kind: object, text: str) -> None:
    if not isinstance(value, kind):  # type: ignore[arg-type]
        _refuse(value, text)


def _refuse(value: object, text: str) -> NoReturn:
    raise UsageError(f"{text}, not {_shown(value)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int)


def _length(value: object) -> int:
    return len(value) if isinstance(value, Sized) else -1


def _shown(value: object) -> str:
    text = visible(repr(value))
    return text if len(text) <= 60 else f"{text[:59]}…"
