"""Sequences that never change and cost nothing to make: the first items of a list that only grows; a log."""

from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import TypeVar, overload

from raftplay.raft.messages import NONE, CompactedEntry, Entry

T_co = TypeVar("T_co", covariant=True)


class Prefix(Sequence[T_co]):
    """The first `length` items of `items` (default: all that it has now), equal to a tuple of them.

    The owner of `items` may append to the list, and does not change it otherwise.
    """

    __slots__ = ("_items", "_length")

    def __init__(self, items: list[T_co], length: int | None = None) -> None:
        self._items = items
        self._length = len(items) if length is None else length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T_co]:
        return islice(self._items, self._length)

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        if isinstance(index, slice):
            return tuple(map(self._items.__getitem__, range(self._length)[index]))
        return self._items[range(self._length)[index]]

    def __eq__(self, other: object) -> bool:
        match other:
            case Prefix():
                same = self._items is other._items and self._length == other._length
                return same or (self._length == other._length and tuple(self) == tuple(other))
            case tuple():
                return self._length == len(other) and tuple(self) == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[type["Prefix[T_co]"], tuple[list[T_co]]]:
        return Prefix, (list(self),)


class LogView(Sequence[Entry]):
    """A log whose entries up to `base_index`, the last of `base_term`, are compacted; `kept` are those after it.

    It counts the compacted entries, and has a `CompactedEntry` at the place of each.
    """

    __slots__ = ("_compacted", "base_index", "base_term", "kept")

    def __init__(self, kept: Sequence[Entry], base_index: int, base_term: int) -> None:
        self.kept = kept
        self.base_index, self.base_term = base_index, base_term
        self._compacted = CompactedEntry(None, base_term)

    def __len__(self) -> int:
        return self.base_index + 1 + len(self.kept)

    def __iter__(self) -> Iterator[Entry]:
        yield from repeat(self._compacted, self.base_index + 1)
        yield from self.kept

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, index: int | slice) -> Entry | tuple[Entry, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(len(self))[index])
        at = range(len(self))[index]
        return self._compacted if at <= self.base_index else self.kept[at - self.base_index - 1]

    def __eq__(self, other: object) -> bool:
        match other:
            case LogView():
                same_base = (self.base_index, self.base_term) == (other.base_index, other.base_term)
                return same_base and tuple(self.kept) == tuple(other.kept)
            case Prefix() | tuple():
                return False
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.base_index, self.base_term, tuple(self.kept)))

    def __repr__(self) -> str:
        return f"LogView({tuple(self.kept)!r}, {self.base_index}, {self.base_term})"


def log_view(kept: Sequence[Entry], base_index: int, base_term: int) -> Sequence[Entry]:
    """Return the log that has `kept` after its base; `kept` itself if nothing is compacted."""
    return kept if base_index == NONE else LogView(kept, base_index, base_term)


def base_of(log: Sequence[Entry]) -> tuple[int, int]:
    """Return (base_index, base_term) of a log: the last compacted entry; -1 for both if there is none."""
    return (log.base_index, log.base_term) if isinstance(log, LogView) else (NONE, NONE)


def kept_of(log: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries of a log that are not compacted."""
    return log.kept if isinstance(log, LogView) else log
