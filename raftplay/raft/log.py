"""The log of one node: entries with indices from 0, and the lookups by term for fast backup (§5.3)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import overload

from raftplay.raft.messages import NONE, Entry
from raftplay.raft.prefix import Prefix, log_view

_term_of = attrgetter("term")


class RaftLog:
    """A sequence of entries; it grows at its end, `truncate` cuts its end off, and `compact` its beginning.

    The entries up to `base_index`, the last of `base_term`, are compacted (§7): the log no longer has them, but it
    keeps counting them, so an index stays the same. -1 for both: the log has all entries.

    `last_index` is the index of the last entry, `last_term` its term; -1 for both when the log is empty.
    `changed_from` is the lowest index that differs from the last persisted log, or None; the caller that
    persists the log resets it to None. So the cost of persisting depends on the change, not on the length.
    """

    __slots__ = ("_entries", "_frozen", "base_index", "base_term", "changed_from", "last_index", "last_term")

    def __init__(self, entries: Iterable[Entry] = (), base_index: int = NONE, base_term: int = NONE) -> None:
        self.base_index = base_index
        self.base_term = base_term
        self._entries: list[Entry] = list(entries)
        self._frozen: tuple[Entry, ...] | None = None
        self.changed_from: int | None = None
        self._note_end()

    def __len__(self) -> int:
        return self.last_index + 1

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        first = self.base_index + 1
        if first == 0:
            return self._entries[index]
        if isinstance(index, slice):
            assert index.step is None, "a log has no slices with a step"
            wanted = range(len(self))[first if index.start is None else index.start : index.stop]
            if not wanted:
                return []
            self._check_kept(wanted[0])
            return self._entries[wanted.start - first : wanted.stop - first]
        at = index if index >= 0 else len(self) + index
        self._check_kept(at)
        return self._entries[at - first]

    def __eq__(self, other: object) -> bool:
        match other:
            case RaftLog():
                same_base = (self.base_index, self.base_term) == (other.base_index, other.base_term)
                return same_base and self._entries == other._entries
            case list() | tuple():
                return self._entries == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a log is mutable

    def __repr__(self) -> str:
        base = "" if self.base_index == NONE else f", {self.base_index}, {self.base_term}"
        return f"RaftLog({self._entries!r}{base})"

    def term_at(self, index: int) -> int:
        """Return the term of the entry at `index`, also at the base; -1 when the log has none there."""
        at = index - self.base_index - 1
        if at < 0:
            return self.base_term if at == -1 else NONE
        try:
            return self._entries[at].term
        except IndexError:
            return NONE

    def first_index_of(self, term: int) -> int:
        """Return the index of the first entry of `term` from the base on; -1 when there is none.

        Terms never decrease in a log.
        """
        if term == self.base_term:
            return self.base_index
        index = self.base_index + 1 + bisect_left(self._entries, term, key=_term_of)
        return index if self.term_at(index) == term else NONE

    def last_index_of(self, term: int) -> int:
        """Return the index of the last entry of `term`; -1 when there is none."""
        index = self.base_index + bisect_right(self._entries, term, key=_term_of)
        return index if self.term_at(index) == term else NONE

    def append(self, entry: Entry) -> int:
        """Append `entry` and return its index."""
        index = self.base_index + len(self._entries) + 1
        self._entries.append(entry)
        self.last_index, self.last_term, self._frozen = index, entry.term, None
        if self.changed_from is None:
            self.changed_from = index
        return index

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order."""
        index = self.last_index + 1
        self._entries.extend(entries)
        self._touch(index)

    def truncate(self, index: int) -> None:
        """Delete the entry at `index` and all that follow it (§5.3)."""
        at = index - self.base_index - 1
        assert at >= 0, f"the entries up to index {self.base_index} are committed"
        if at < len(self._entries):
            self._entries = self._entries[:at]  # a `view` keeps the old list
            self._touch(index)

    def compact(self, index: int, term: int | None = None) -> None:
        """Drop the entries up to and with the one at `index`, which a snapshot replaces (§7).

        `term` is that of this entry, as the snapshot notes it; None: as it is in the log.

        They must be persisted before. The stored log stays as it is: an older one is no error, only longer.
        """
        if index <= self.base_index:
            return
        assert index <= self.last_index, f"the log ends before index {index}"
        assert self.changed_from is None or index < self.changed_from, f"entry {index} is not persisted"
        self.base_term, kept = (
            self.term_at(index) if term is None else term,
            self._entries[index - self.base_index :],
        )
        self.base_index, self._entries, self._frozen = index, kept, None
        self._note_end()

    def clone(self) -> "RaftLog":
        """Return an independent copy."""
        other = RaftLog(self._entries, self.base_index, self.base_term)
        other.changed_from = self.changed_from
        return other

    def install(self, index: int, term: int, *, keeps: bool) -> None:
        """Make the entry at `index`, of `term`, the last compacted one; `keeps`: the entries after it stay."""
        kept = self._entries[max(index - self.base_index, 0) :] if keeps else []
        self.base_index, self.base_term, self._entries, self._frozen = index, term, kept, None
        if self.changed_from is not None:
            self.changed_from = max(self.changed_from, index + 1) if keeps else None
        self._note_end()

    def frozen(self) -> tuple[Entry, ...]:
        """Return the entries that the log has as a tuple, which is cached until the log changes."""
        if self._frozen is None:
            self._frozen = tuple(self._entries)
        return self._frozen

    def whole(self) -> Sequence[Entry]:
        """Return the log as it is now: `frozen`, with a place for each compacted entry."""
        return log_view(self.frozen(), self.base_index, self.base_term)

    def view(self) -> Sequence[Entry]:
        """Return the log as it is now, at the same cost for each length; it has a place for compacted entries."""
        return log_view(Prefix(self._entries), self.base_index, self.base_term)

    def _check_kept(self, index: int) -> None:
        if index <= self.base_index:
            raise IndexError(f"the entries up to index {self.base_index} are compacted, {index} too")

    def _note_end(self) -> None:
        entries = self._entries
        self.last_index = self.base_index + len(entries)
        self.last_term = entries[-1].term if entries else self.base_term

    def _touch(self, index: int) -> None:
        self._frozen = None
        self._note_end()
        if self.changed_from is None or index < self.changed_from:
            self.changed_from = index
