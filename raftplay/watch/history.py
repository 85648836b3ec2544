"""A bounded memory of what happened; it says what it no longer has."""

from collections import deque
from itertools import islice

from raftplay.watch.events import Record

LIMIT = 20_000
"""How many records a history keeps unless told otherwise."""


class History:
    """A reader of the stream that keeps the last `limit` records."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        self.seen = 0

    def __call__(self, record: Record) -> None:
        """Keep `record`."""
        self.seen += 1
        self._records.append(record)

    def __len__(self) -> int:
        return len(self._records)

    @property
    def forgotten(self) -> int:
        """How many records are no longer kept."""
        return self.seen - len(self._records)

    def last(self, count: int) -> list[Record]:
        """The last `count` records kept, oldest first."""
        return list(islice(self._records, max(0, len(self._records) - count), None))
