"""Stable storage: what must survive a crash (Figure 2, "Persistent state on all servers").

The rule of this module: after a crash at any moment, what `PersistentState.load` gives back is a state
that the node really had, with every term, vote and entry that any of its messages ever depended on.
"""

from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, Index, LogEntry, Term

T = TypeVar("T")


class StorageError(Exception):
    """What storage holds cannot be a node's state; the text says what is wrong. Nothing was changed."""


@runtime_checkable
class Storage(Protocol):
    """What stable storage must offer. A value that `set` took is there after a crash."""

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`, in place of what was there."""

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or None."""

    def has_data(self) -> bool:
        """Whether anything was ever set."""


class MapStorage:
    """An in-memory `Storage`, for tests and for clusters that need not outlive their process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`."""
        self._values[key] = value

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
    lowering ``length`` before anything above it is overwritten, and grows by raising it last.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
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
        length = 0 if self._storage.get(LENGTH_KEY) is None else self._read(LENGTH_KEY, _length_decoder)
        entries = [self._read(entry_key(i), _entry_decoder) for i in range(length)]
        previous = 0
        for index, entry in enumerate(entries):
            if not previous <= entry.term <= vote.current_term:
                raise StorageError(
                    f"the stored entry {index} is of term {entry.term}, which cannot follow term {previous} "
                    f"in a log of a node in term {vote.current_term}"
                )
            previous = entry.term
        self.vote, self._length = vote, length
        return vote.current_term, vote.voted_for, RaftLog(entries)

    def save(self, current_term: int, voted_for: int, log: RaftLog) -> bool:
        """Write what differs from what was last written; whether anything did."""
        changed = False
        if current_term != self.vote.current_term or voted_for != self.vote.voted_for:
            self.write_vote(Vote(current_term, voted_for))
            changed = True
        if log.changed_from is not None:
            self.write_log(log, log.changed_from)
            log.changed_from = None
            changed = True
        return changed

    def write_vote(self, vote: Vote) -> None:
        """Write term and vote as one value."""
        self._storage.set(VOTE_KEY, _encoder.encode(vote))
        self.vote = vote

    def write_log(self, log: RaftLog, start: int) -> None:
        """Write the log from `start` on; what was stored before `start` is there already."""
        if self._storage.get(VOTE_KEY) is None:
            self.write_vote(self.vote)
        if start < self._length:
            self._write_length(start)
        for index in range(start, len(log)):
            self._storage.set(entry_key(index), _encoder.encode(log[index]))
        if len(log) != self._length:
            self._write_length(len(log))

    def _write_length(self, length: int) -> None:
        self._storage.set(LENGTH_KEY, b"%d" % length)
        self._length = length

    def _read(self, key: str, decoder: msgspec.json.Decoder[T]) -> T:
        data = self._storage.get(key)
        if data is None:
            raise StorageError(f"the storage has no {key!r}, without which the rest of it means nothing")
        try:
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StorageError(f"the stored {key!r} cannot be read: {error}") from None
