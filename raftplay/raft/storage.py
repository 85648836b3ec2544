"""Stable storage: the state that survives a crash (Figure 2, "Persistent state on all servers").

The rule of this module: after a crash at any moment, `PersistentState.load` returns a state that the node
really had, with every term, vote and entry that any of its messages depended on.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from raftplay.raft.commands import MAX_INTEGER_BITS, CommandRefused, check_command
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
_length_decoder = msgspec.json.Decoder(Term)
_encoder = msgspec.json.Encoder()

VOTE_KEY = "vote"
LENGTH_KEY = "length"


def entry_key(index: int) -> str:
    """Return the key under which the entry at `index` is stored."""
    return f"log/{index}"


class PersistentState:
    """Writes the changed state of a node to a `Storage`, and reads it back after a crash.

    Keys: ``vote`` (term and vote together), ``log/0`` … one per entry, ``length``. To cut a log, it lowers
    ``length`` before it overwrites an entry above; to extend one, it raises ``length`` last. So the storage need
    not be `Transactional`; if it is, one `save` is one transaction.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._transaction = transaction_of(storage)
        self._set_many = setter_of_many(storage)
        self.vote = Vote(0, NONE)
        self._length = 0

    @property
    def length(self) -> int:
        """Return the number of entries that `load` would return."""
        return self._length

    def clone(self, storage: Storage) -> "PersistentState":
        """Return an independent copy over `storage`, which holds the same."""
        other = PersistentState(storage)
        other.vote, other._length = self.vote, self._length
        return other

    def load(self) -> tuple[int, int, RaftLog]:
        """Return (current_term, voted_for, log) as last written; (0, -1, empty) if nothing was written yet.

        Raises `StorageError` if the stored data is not a valid state of a node.
        """
        if not self._storage.has_data():
            return 0, NONE, RaftLog()
        vote = self._read(VOTE_KEY, _vote_decoder)
        if vote.current_term.bit_length() > MAX_INTEGER_BITS:
            raise StorageError(f"invalid stored term {_shown(vote.current_term)}: no election leads to it")
        length = 0 if self._storage.get(LENGTH_KEY) is None else self._read(LENGTH_KEY, _length_decoder)
        entries: list[Entry] = []
        previous = 0
        for index in range(length):
            entry = self._read_entry(index)
            if not previous <= entry.term <= vote.current_term:
                raise StorageError(
                    f"the stored entry {index} is of term {_shown(entry.term)}, which cannot follow term "
                    f"{_shown(previous)} in a log of a node in term {_shown(vote.current_term)}"
                )
            previous = entry.term
            entries.append(entry)
        self.vote, self._length = vote, length
        return vote.current_term, vote.voted_for, RaftLog(entries)

    def save(self, current_term: int, voted_for: int, log: RaftLog) -> bool:
        """Write the changes since the last `save`; return whether there were any.

        Raises `StorageError` if they cannot be written.
        """
        vote, start = self.vote, log.changed_from
        is_new_vote = current_term != vote.current_term or voted_for != vote.voted_for
        if not is_new_vote and start is None:
            return False
        length = self._length
        try:
            with self._transaction():
                if is_new_vote:
                    self.write_vote(Vote(current_term, voted_for))
                if start is not None:
                    self.write_log(log, start)
        except BaseException:
            self.vote, self._length = vote, length  # the last known state; to write a part again is harmless
            raise
        log.changed_from = None
        return True

    def write_vote(self, vote: Vote) -> None:
        """Write term and vote as one value."""
        self._storage.set(VOTE_KEY, _encoder.encode(vote))
        self.vote = vote

    def write_log(self, log: RaftLog, start: int) -> None:
        """Write the log from index `start` on; the entries before `start` are already stored."""
        if self._length == 0 and self._storage.get(VOTE_KEY) is None:
            self.write_vote(self.vote)
        if start < self._length:
            self._storage.set(LENGTH_KEY, b"%d" % start)
            self._length = start
        encode, length = _encoder.encode, len(log)
        values = {entry_key(index): encode(entry) for index, entry in enumerate(log[start:], start)}
        if length != self._length:
            values[LENGTH_KEY] = b"%d" % length
        self._set_many(values)
        self._length = length

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
