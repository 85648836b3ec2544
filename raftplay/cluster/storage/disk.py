"""The layer between a node and its storage: it makes writes wait, fail, or crash the node in the middle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TypeVar, TypeVarTuple

from raftplay.raft.storage import (
    MapStorage,
    Storage,
    StorageError,
    no_transaction,
    remover_of,
    setter_of_many,
    transaction_of,
)
from raftplay.watch.text import error_text

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST_REASON = 200
"""The number of characters of an exception's text that a sentence shows."""


class TornWrite(Exception):
    """Raised to crash the node in the middle of a write: what was set so far is on disk, the rest is not.

    In a storage that is `Transactional`, a write that has begun and not ended leaves nothing on disk.
    """


class DiskBusy(Exception):
    """Raised before a write to a disk that takes its time: nothing of the write is on disk; repeat it later."""


FAILED_BY_HAND = "its disk failed a write (disk fail)"
"""The reason of a write that fails as it was told."""


class Disk:
    """A `Storage` that passes everything to another one, until it is told to fail.

    The other may be a user's. Raises `StorageError` for every exception of it: a node cannot run without its
    disk, but its cluster can.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        begin = transaction_of(storage)
        self._transaction = begin if begin is no_transaction else partial(_transaction, begin)
        self._set_many = setter_of_many(storage)
        self._remove = remover_of(storage)
        self._sets_left = -1
        self._is_guarded = False  # whether a write must ask: it takes time, or it fails
        self._takes_time = self._fails = self._is_open = False

    def behaves(self, *, takes_time: bool, fails: bool) -> None:
        """Make every write wait until the disk is `opened`, or the next one fail."""
        self._takes_time, self._fails = takes_time, fails
        self._is_guarded = takes_time or fails

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Pass the writes of the block through: they have waited long enough."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False

    def _check(self) -> None:
        if self._fails:
            raise StorageError(FAILED_BY_HAND)
        if self._takes_time and not self._is_open:
            raise DiskBusy

    def tear_after(self, sets: int) -> None:
        """Fail after the next `sets` values were set: 0 loses the whole next write."""
        self._sets_left = sets

    @property
    def armed(self) -> bool:
        """Tell whether a later write will fail."""
        return self._sets_left >= 0

    def transaction(self) -> AbstractContextManager[None]:
        """Write the block's values as one, if the storage below can do that."""
        return self._transaction()

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`. Raises `TornWrite` where the write is torn, and `DiskBusy`."""
        if self._is_guarded:
            self._check()
        if self._sets_left == 0:
            raise TornWrite
        if self._sets_left > 0:
            self._sets_left -= 1
        _ask(self._storage.set, key, value)

    def set_many(self, values: Mapping[str, bytes]) -> None:
        """Keep every value under its key. Raises `TornWrite` between two of them where the write is torn."""
        if self._sets_left < 0 and not self._is_guarded:
            _ask(self._set_many, values)
            return
        for key, value in values.items():
            self.set(key, value)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove the values under `keys`. Raises `TornWrite` where the write is torn."""
        if self._sets_left == 0:
            raise TornWrite
        _ask(self._remove, keys)

    def get(self, key: str) -> bytes | None:
        """Return the value under `key`, or None."""
        return _ask(self._storage.get, key)

    def has_data(self) -> bool:
        """Tell whether anything was ever set."""
        return _ask(self._storage.has_data)


def _ask(method: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call a method of a storage. Raises `StorageError` in place of the storage's own exception."""
    try:
        return method(*args)
    except (StorageError, TornWrite, DiskBusy):
        raise
    except Exception as error:
        raise _failure(error) from error


@contextmanager
def _transaction(begin: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Write the block's values as one. An exception of the block itself is not the storage's failure."""
    of_block: BaseException | None = None
    try:
        with begin():
            try:
                yield
            except BaseException as error:
                of_block = error
                raise
    except (StorageError, TornWrite, DiskBusy):
        raise
    except Exception as error:
        if error is of_block:
            raise
        raise _failure(error) from error


def _failure(error: Exception) -> StorageError:
    text = error_text(error)[:LONGEST_REASON]
    return StorageError(f"its storage raised {type(error).__name__}{f': {text}' if text else ''}")


class MemoryDisk(MapStorage):
    """A `MapStorage` that fails as a `SqliteStorage` does: a transaction writes everything or nothing."""

    def __init__(self, *, wiped: bool = False) -> None:
        super().__init__()
        self.wiped = wiped
        self._before: dict[str, bytes | None] = {}

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`."""
        self._before.setdefault(key, self.get(key))
        super().set(key, value)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove the values under `keys`."""
        for key in keys:
            self._before.setdefault(key, self.get(key))
        super().remove(keys)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write the block's values as one."""
        self._before.clear()
        try:
            yield
        except BaseException:
            for key, value in self._before.items():
                if value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = value
            raise

    def copy(self) -> "MemoryDisk":
        """Return an independent copy."""
        other = MemoryDisk(wiped=self.wiped)
        other._values = self._values.copy()
        return other
