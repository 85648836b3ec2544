"""Stable storage: what must survive a crash (Figure 2, "Persistent state on all servers").

The rule of this module: after a crash at any moment, what `PersistentState.load` gives back is a state
that the node really had, with every term, vote and entry that any of its messages ever depended on.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from raftplay.raft.commands import MAX_INTEGER_BITS, CommandRefused, check_command
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, Index, LogEntry, Term

T = TypeVar("T")


class StorageError(Exception):
    """Storage holds no node's state, or cannot be read or written: one sentence says what is wrong.

    Nothing was changed.
    """


@runtime_checkable
class Storage(Protocol):
    """What stable storage must offer.

    A value that `set` took is there after a crash; a crash within `set` leaves the old value or the new one.
    """

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`, in place of what was there."""

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or None."""

    def has_data(self) -> bool:
        """Whether anything was ever set."""


@runtime_checkable
class Transactional(Protocol):
    """What a `Storage` may offer besides: all that is set inside `transaction` is there after a crash, or none."""

    def transaction(self) -> AbstractContextManager[None]:
        """Around what belongs together; what leaves it as an exception leaves nothing in storage."""


@runtime_checkable
class TakesMany(Protocol):
    """What a `Storage` may offer besides: many values in one call, which saves a call for each."""

    def set_many(self, values: Mapping[str, bytes]) -> None:
        """Keep every value under its key, one after the other in this order."""


_NOTHING = nullcontext()


def no_transaction() -> AbstractContextManager[None]:
    """The `transaction` of a storage that has none."""
    return _NOTHING


def setter_of_many(storage: Storage) -> Callable[[Mapping[str, bytes]], None]:
    """What sets many values in `storage`, in whichever way it can."""
    if isinstance(storage, TakesMany):
        return storage.set_many

    def one_by_one(values: Mapping[str, bytes]) -> None:
        for key, value in values.items():
            storage.set(key, value)

    return one_by_one


class MapStorage:
    """An in-memory `Storage`, for tests and for clusters that need not outlive their process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`."""
        self._values[key] = value

    def set_many(self, values: Mapping[str, bytes]) -> None:
        """Keep every value under its key."""
        if type(self) is MapStorage:
            self._values.update(values)
        else:  # a subclass may have a `set` of its own
            for key, value in values.items():
                self.set(key, value)

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or None."""
        return self._values.get(key)

    def has_data(self) -> bool:
        """Whether anything was ever set."""
        return bool(self._values)

    def __repr__(self) -> str:
        return f"<MapStorage with {len(self._values)} keys>"


class Vote(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`current_term` and `voted_for`, stored as one value so that no crash can come between them."""

    current_term: Term
    voted_for: Index


_vote_decoder = msgspec.json.Decoder(Vote)
_entry_decoder = msgspec.json.Decoder(LogEntry)
_length_decoder = msgspec.json.Decoder(Term)
_encoder = msgspec.json.Encoder()

VOTE_KEY = "vote"
LENGTH_KEY = "length"


def entry_key(index: int) -> str:
    """The key under which the entry at `index` is stored."""
    return f"log/{index}"


class PersistentState:
    """Writes what changed to a `Storage`, and reads it back after a crash.

    Keys: ``vote`` (term and vote together), ``log/0`` … one per entry, ``length``. A log is cut by
    lowering ``length`` before anything above it is overwritten, and grows by raising it last. So it need not
    be `Transactional`; in a storage that is, all that one `save` writes is one transaction.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._transaction = storage.transaction if isinstance(storage, Transactional) else no_transaction
        self._set_many = setter_of_many(storage)
        self.vote = Vote(0, NONE)
        self._length = 0

    @property
    def length(self) -> int:
        """How many entries storage would give back."""
        return self._length

    def load(self) -> tuple[int, int, RaftLog]:
        """(current_term, voted_for, log) as last written; (0, -1, empty) when nothing ever was.

        Raises `StorageError` when what is there cannot be a node's state.
        """
        if not self._storage.has_data():
            return 0, NONE, RaftLog()
        vote = self._read(VOTE_KEY, _vote_decoder)
        if vote.current_term.bit_length() > MAX_INTEGER_BITS:
            raise StorageError(f"no election ever leads to the stored term, {_shown(vote.current_term)}")
        length = 0 if self._storage.get(LENGTH_KEY) is None else self._read(LENGTH_KEY, _length_decoder)
        entries: list[LogEntry] = []
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
        """Write what differs from what was last written; whether anything did.

        Raises `StorageError` when that cannot be written.
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
            self.vote, self._length = vote, length  # as far as is known; what is written again does no harm
            raise
        log.changed_from = None
        return True

    def write_vote(self, vote: Vote) -> None:
        """Write term and vote as one value."""
        self._storage.set(VOTE_KEY, _encoder.encode(vote))
        self.vote = vote

    def write_log(self, log: RaftLog, start: int) -> None:
        """Write the log from `start` on; what was stored before `start` is there already."""
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

    def _read_entry(self, index: int) -> LogEntry:
        entry = self._read(entry_key(index), _entry_decoder)
        try:
            check_command(entry.command)
        except CommandRefused as refused:
            raise StorageError(f"the stored entry {index} holds what no cluster carries: {refused}") from None
        return entry

    def _read(self, key: str, decoder: msgspec.json.Decoder[T]) -> T:
        data = self._storage.get(key)
        if data is None:
            raise StorageError(f"the storage has no {key!r}, without which the rest of it means nothing")
        return _decoded(key, data, decoder)


def stored_term(storage: Storage) -> int:
    """Return the term in storage; 0 where nothing was ever written. Raises `StorageError`."""
    data = storage.get(VOTE_KEY)
    return 0 if data is None else _decoded(VOTE_KEY, data, _vote_decoder).current_term


def _decoded(key: str, data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(data)
    except (TypeError, ValueError, RecursionError) as error:  # no bytes; no JSON, not UTF-8 or too many digits
        raise StorageError(f"the stored {key!r} cannot be read: {error}") from None


def _shown(term: int) -> str:
    """A term in a sentence, however many digits it has."""
    text = str(term)
    return text if len(text) <= 20 else f"{text[:6]}… ({len(text)} digits)"
