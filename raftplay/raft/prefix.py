"""The first items of a list that only grows: a sequence that never changes and costs nothing to make."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar, overload

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
