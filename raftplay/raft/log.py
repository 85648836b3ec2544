"""The log of one node: entries with indices from 0, and the lookups by term for fast backup (§5.3)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import overload

from raftplay.raft.messages import NONE, Entry
from raftplay.raft.prefix import Prefix

_term_of = attrgetter("term")


class RaftLog:
    """A sequence of entries; it grows at its end, and only `truncate` removes entries.

    `changed_from` is the lowest index that differs from the last persisted log, or None; the caller that
    persists the log resets it to None. So the cost of persisting depends on the change, not on the length.
    """

    __slots__ = ("_entries", "_frozen", "changed_from")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: list[Entry] = list(entries)
        self._frozen: tuple[Entry, ...] | None = None
        self.changed_from: int | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self._entries[index]

    def __eq__(self, other: object) -> bool:
        match other:
            case RaftLog():
                return self._entries == other._entries
            case list() | tuple():
                return self._entries == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a log is mutable

    def __repr__(self) -> str:
        return f"RaftLog({self._entries!r})"

    @property
    def last_index(self) -> int:
        """Return the index of the last entry; -1 when the log is empty."""
        return len(self._entries) - 1

    @property
    def last_term(self) -> int:
        """Return the term of the last entry; -1 when the log is empty."""
        return self._entries[-1].term if self._entries else NONE

    def term_at(self, index: int) -> int:
        """Return the term of the entry at `index`; -1 when there is none."""
        return self._entries[index].term if 0 <= index < len(self._entries) else NONE

    def first_index_of(self, term: int) -> int:
        """Return the index of the first entry of `term`; -1 when there is none. Terms never decrease in a log."""
        at = bisect_left(self._entries, term, key=_term_of)
        return at if self.term_at(at) == term else NONE

    def last_index_of(self, term: int) -> int:
        """Return the index of the last entry of `term`; -1 when there is none."""
        at = bisect_right(self._entries, term, key=_term_of) - 1
        return at if self.term_at(at) == term else NONE

    def append(self, entry: Entry) -> int:
        """Append `entry` and return its index."""
        index = len(self._entries)
        self._entries.append(entry)
        self._touch(index)
        return index

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order."""
        index = len(self._entries)
        self._entries.extend(entries)
        self._touch(index)

    def truncate(self, index: int) -> None:
        """Delete the entry at `index` and all that follow it (§5.3)."""
        if index < len(self._entries):
            self._entries = self._entries[:index]  # a `view` keeps the old list
            self._touch(index)

    def frozen(self) -> tuple[Entry, ...]:
        """Return the entries as a tuple, which is cached until the log changes."""
        if self._frozen is None:
            self._frozen = tuple(self._entries)
        return self._frozen

    def view(self) -> Prefix[Entry]:
        """Return the entries as they are now, at the same cost for each length of the log."""
        return Prefix(self._entries)

    def _touch(self, index: int) -> None:
        self._frozen = None
        if self.changed_from is None or index < self.changed_from:
            self.changed_from = index
