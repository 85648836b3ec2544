"""A sequence that grows at its end, is seldom cut, and costs nothing to copy.

Copies share one list as far as they agree. Each copy has its length; the first one that differs from the list
takes another list. So a log can be kept as it was at hundreds of moments.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from raftplay.raft.prefix import Prefix

T = TypeVar("T")


class Growing(Generic[T]):
    """A sequence whose items are appended, cut off at the end, and read as an immutable `Prefix`."""

    __slots__ = ("_frozen", "_items", "_length")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items = list(items)
        self._length = len(self._items)
        self._frozen: Prefix[T] | None = None

    def __len__(self) -> int:
        return self._length

    def copy(self) -> "Growing[T]":
        """Return an independent copy of the items."""
        new: Growing[T] = Growing.__new__(Growing)
        new._items, new._length, new._frozen = self._items, self._length, self._frozen
        return new

    def append(self, item: T) -> None:
        """Add `item` at the end."""
        items, length = self._items, self._length
        if length == len(items):
            items.append(item)
        elif items[length] is not item:  # a copy differs from here on
            self._items = [*items[:length], item]
        self._length = length + 1
        self._frozen = None

    def put(self, index: int, items: Iterable[T]) -> None:
        """Overwrite the items from `index` on with `items`; the items behind them stay."""
        for at, item in enumerate(items, start=index):
            if at >= self._length:
                self.append(item)
            else:
                self._items = [*self._items[:at], item, *self._items[at + 1 : self._length]]
                self._frozen = None

    def truncate(self, index: int) -> None:
        """Drop the item at `index` and all that follow it."""
        if index < self._length:
            self._length = index
            self._frozen = None

    def frozen(self) -> Prefix[T]:
        """Return the items as they are now."""
        if self._frozen is None:
            self._frozen = Prefix(self._items, self._length)
        return self._frozen
