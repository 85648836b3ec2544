"""Stable storage: the state that survives a crash (Figure 2, "Persistent state on all servers").

The rule of this module: after a crash at any moment, `PersistentState.load` returns a state that the node
really had, with every term, vote and entry that any of its messages depended on.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from raftplay.raft.commands import MAX_INTEGER_BITS, CommandRefused, check_command
from raftplay.raft.image import Image
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, Entry, Index, Term

T = TypeVar("T")


class StorageError(Exception):
    """An error in storage: its data is invalid, or it cannot be read or written. The text says which.

    The storage was not changed.
    """


@runtime_checkable
class Storage(Protocol):
    """The interface of stable storage.

    A value survives a crash once `set` has returned; a crash within `set` leaves the old value or the new one.
    """

    def set(self, key: str, value: bytes) -> None:
        """Store `value` under `key`; it replaces the old value."""

    def get(self, key: str) -> bytes | None:
        """Return the value under `key`, or None."""

    def has_data(self) -> bool:
        """Return whether any value was ever set."""


@runtime_checkable
class Transactional(Protocol):
    """An optional interface of a `Storage`: a crash keeps all values that were set in a `transaction`, or none."""

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context manager for one transaction; an exception that leaves it discards all its values."""


class TakesMany(Protocol):
    """An optional interface of a `Storage`: it sets many values at once, which is faster."""

    def set_many(self, values: Mapping[str, bytes]) -> None:
        """Store every value under its key, in this order."""


class Removes(Protocol):
    """An optional interface of a `Storage`: it forgets values. Without it, what a snapshot replaces stays."""

    def remove(self, keys: Sequence[str]) -> None:
        """Remove the values under `keys`, those that there are."""


_NOTHING = nullcontext()


def no_transaction() -> AbstractContextManager[None]:
    """Return a context manager that does nothing, for a storage without transactions."""
    return _NOTHING


def transaction_of(storage: Storage) -> Callable[[], AbstractContextManager[None]]:
    """Return the `transaction` of `storage` if it is `Transactional`, else `no_transaction`."""
    return getattr(storage, "transaction", None) or no_transaction


def setter_of_many(storage: Storage) -> Callable[[Mapping[str, bytes]], None]:
    """Return a function that sets many values in `storage`: its `set_many`, or a loop over `set`."""

    def one_by_one(values: Mapping[str, bytes]) -> None:
        for key, value in values.items():
            storage.set(key, value)

    return getattr(storage, "set_many", None) or one_by_one


def remover_of(storage: Storage) -> Callable[[Sequence[str]], None]:
    """Return the `remove` of `storage` if it is one that `Removes`, else a function that does nothing."""
    return getattr(storage, "remove", None) or _remove_nothing


def _remove_nothing(keys: Sequence[str]) -> None:
    """Keep all values."""


class MapStorage:
    """A `Storage` in memory, for tests and for clusters that end with their process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def set(self, key: str, value: bytes) -> None:
        """Store `value` under `key`."""
        self._values[key] = value

    def set_many(self, values: Mapping[str, bytes]) -> None:
        """Store every value under its key."""
        if type(self) is MapStorage:
            self._values.update(values)
        else:  # a subclass may override `set`
            for key, value in values.items():
                self.set(key, value)

    def get(self, key: str) -> bytes | None:
        """Return the value under `key`, or None."""
        return self._values.get(key)

    def has_data(self) -> bool:
        """Return whether any value was ever set."""
        return bool(self._values)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove the values under `keys`."""
        for key in keys:
            self._values.pop(key, None)

    def contents(self) -> tuple[tuple[str, bytes], ...]:
        """Return all keys and values, sorted."""
        return tuple(sorted(self._values.items()))

    def clone(self) -> "MapStorage":
        """Return an independent copy."""
        other = MapStorage()
        other._values = self._values.copy()
        return other

    def __repr__(self) -> str:
        return f"<MapStorage with {len(self._values)} keys>"


class Vote(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The pair of `current_term` and `voted_for`, stored as one value so that a crash cannot separate them."""

    current_term: Term
    voted_for: Index


_vote_decoder = msgspec.json.Decoder(Vote)
_entry_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Length(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The length of a log, and the index of the snapshot after which it goes on."""

    length: Term
    base_index: Index


class Head(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The first line of a stored snapshot. `keeps`: the node kept the entries of its log after it (§7)."""

    index: Term
    term: Term
    keeps: bool


_length_decoder = msgspec.json.Decoder(Term | Length)
_head_decoder = msgspec.json.Decoder(Head)
_encoder = msgspec.json.Encoder()

VOTE_KEY = "vote"
LENGTH_KEY = "length"
SNAPSHOT_KEY = "snapshot"


def entry_key(index: int) -> str:
    """Return the key under which the entry at `index` is stored."""
    return f"log/{index}"


class PersistentState:
    """Writes the changed state of a node to a `Storage`, and reads it back after a crash.

    Keys: ``vote`` (term and vote together), ``log/0`` … one per entry, ``length``, and ``snapshot`` once there is
    one. To cut a log, it lowers ``length`` before it overwrites an entry above; to extend one, it raises
    ``length`` last. A snapshot is written as one value before the entries that it replaces are removed; with it,
    ``length`` names the snapshot after which the log goes on, so that a crash between the two is seen. So the
    storage need not be `Transactional`; if it is, one `save` is one transaction.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._transaction = transaction_of(storage)
        self._set_many = setter_of_many(storage)
        self._remove = remover_of(storage)
        self.vote = Vote(0, NONE)
        self.image: Image | None = None
        self._length = 0
        self._removed = NONE  # the entries up to this index are removed

    @property
    def length(self) -> int:
        """Return the number of entries of the log that `load` would return, compacted ones included."""
        return self._length

    @property
    def base_index(self) -> int:
        """Return the index of the last entry that the stored snapshot covers; -1 if there is none."""
        return NONE if self.image is None else self.image.index

    def clone(self, storage: Storage) -> "PersistentState":
        """Return an independent copy over `storage`, which holds the same."""
        other = PersistentState(storage)
        other.vote, other.image, other._length, other._removed = self.vote, self.image, self._length, self._removed
        return other

    def load(self) -> tuple[int, int, RaftLog]:
        """Return (current_term, voted_for, log) as last written; (0, -1, empty) if nothing was written yet.

        The log begins after the snapshot, if there is one, which is `image` then. Raises `StorageError` if the
        stored data is not a valid state of a node.
        """
        if not self._storage.has_data():
            return 0, NONE, RaftLog()
        vote = self._read(VOTE_KEY, _vote_decoder)
        if vote.current_term.bit_length() > MAX_INTEGER_BITS:
            raise StorageError(f"invalid stored term {_shown(vote.current_term)}: no election leads to it")
        image, keeps = self._read_snapshot(vote)
        base_index, base_term = (NONE, NONE) if image is None else (image.index, image.term)
        length = self._read_length(base_index, keeps=keeps)
        entries: list[Entry] = []
        previous = max(base_term, 0)
        for index in range(base_index + 1, length):
            entry = self._read_entry(index)
            if not previous <= entry.term <= vote.current_term:
                raise StorageError(
                    f"the stored entry {index} is of term {_shown(entry.term)}, which cannot follow term "
                    f"{_shown(previous)} in a log of a node in term {_shown(vote.current_term)}"
                )
            previous = entry.term
            entries.append(entry)
        self.vote, self.image, self._length = vote, image, length
        self._removed = base_index
        while self._removed >= 0 and self._storage.get(entry_key(self._removed)) is not None:
            self._removed -= 1  # a crash kept them
        return vote.current_term, vote.voted_for, RaftLog(entries, base_index, base_term)

    def save(
        self, current_term: int, voted_for: int, log: RaftLog, image: Image | None = None, *, keeps: bool = True
    ) -> bool:
        """Write the changes since the last `save`; return whether there were any.

        `image` is the node's snapshot; `keeps`: its log still has the entries that it had after it. Raises
        `StorageError` if they cannot be written.
        """
        vote, start = self.vote, log.changed_from
        is_new_vote = current_term != vote.current_term or voted_for != vote.voted_for
        is_new_image = image is not None and image is not self.image
        if not is_new_vote and start is None and not is_new_image:
            return False
        length, old = self._length, self.image
        try:
            with self._transaction():
                if is_new_vote:
                    self.write_vote(Vote(current_term, voted_for))
                if is_new_image and image is not None:
                    self.write_snapshot(image, keeps=keeps)
                if start is not None:
                    self.write_log(log, start)
                if is_new_image:
                    self._remove([entry_key(index) for index in range(self._removed + 1, self.base_index + 1)])
        except BaseException:
            # the last known state; to write a part again is harmless
            self.vote, self._length, self.image = vote, length, old
            raise
        if is_new_image:
            self._removed = max(self._removed, self.base_index)
        log.changed_from = None
        return True

    def write_vote(self, vote: Vote) -> None:
        """Write term and vote as one value."""
        self._storage.set(VOTE_KEY, _encoder.encode(vote))
        self.vote = vote

    def write_snapshot(self, image: Image, *, keeps: bool) -> None:
        """Write a snapshot as one value, then that the log goes on after it.

        A crash in between leaves a ``length`` that names an older snapshot: then `keeps` tells which entries stay.
        """
        head = _encoder.encode(Head(image.index, image.term, keeps))
        self._storage.set(SNAPSHOT_KEY, head + b"\n" + image.data)
        self.image = image
        self._length = max(self._length, image.index + 1) if keeps else image.index + 1
        self._storage.set(LENGTH_KEY, self._length_value(self._length))

    def write_log(self, log: RaftLog, start: int) -> None:
        """Write the log from index `start` on; the entries before `start` are already stored."""
        if self._length == 0 and self._storage.get(VOTE_KEY) is None:
            self.write_vote(self.vote)
        if start < self._length:
            self._storage.set(LENGTH_KEY, self._length_value(start))
            self._length = start
        encode, length = _encoder.encode, len(log)
        values = {entry_key(index): encode(entry) for index, entry in enumerate(log[start:], start)}
        if length != self._length:
            values[LENGTH_KEY] = self._length_value(length)
        self._set_many(values)
        self._length = length

    def _length_value(self, length: int) -> bytes:
        """Return a length as it is stored: a number, and with it the index of the snapshot, if there is one."""
        return b"%d" % length if self.image is None else b"[%d,%d]" % (length, self.image.index)

    def _read_snapshot(self, vote: Vote) -> tuple[Image | None, bool]:
        """Return the stored snapshot, if there is one, and whether entries after it were kept with it."""
        stored = self._storage.get(SNAPSHOT_KEY)
        if stored is None:
            return None, True
        first, _, data = bytes(stored).partition(b"\n")
        head = _decoded(SNAPSHOT_KEY, first, _head_decoder)
        if head.term > vote.current_term:
            raise StorageError(
                f"the stored snapshot is of term {_shown(head.term)}, but the node is in term "
                f"{_shown(vote.current_term)}"
            )
        return Image(head.index, head.term, data), head.keeps

    def _read_length(self, base_index: int, *, keeps: bool) -> int:
        """Return the length of the stored log; a crash may have kept that of the log before the snapshot."""
        if self._storage.get(LENGTH_KEY) is None:
            return base_index + 1
        read = self._read(LENGTH_KEY, _length_decoder)
        length, of_base = (read.length, read.base_index) if isinstance(read, Length) else (read, NONE)
        if of_base > base_index:
            raise StorageError(f"the stored log goes on after a snapshot up to entry {of_base}, which is missing")
        if of_base < base_index and not keeps:
            return base_index + 1
        return max(length, base_index + 1)

    def _read_entry(self, index: int) -> Entry:
        entry = self._read(entry_key(index), _entry_decoder)
        try:
            check_command(entry.command)
        except CommandRefused as refused:
            raise StorageError(f"the stored entry {index} is invalid: {refused}") from None
        return entry

    def _read(self, key: str, decoder: msgspec.json.Decoder[T]) -> T:
        data = self._storage.get(key)
        if data is None:
            raise StorageError(f"the storage has no {key!r}; its other data is useless without it")
        return _decoded(key, data, decoder)


def stored_term(storage: Storage) -> int:
    """Return the term in storage; 0 if nothing was written yet. Raises `StorageError`."""
    data = storage.get(VOTE_KEY)
    return 0 if data is None else _decoded(VOTE_KEY, data, _vote_decoder).current_term


def _decoded(key: str, data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(data)
    except (TypeError, ValueError, RecursionError) as error:  # not bytes, not JSON, not UTF-8, or too many digits
        raise StorageError(f"the stored {key!r} cannot be read: {error}") from None


def _shown(term: int) -> str:
    """Return a term as text, shortened to its first 6 digits if it has more than 20."""
    text = str(term)
    return text if len(text) <= 20 else f"{text[:6]}… ({len(text)} digits)"
