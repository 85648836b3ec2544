"""The last events of a cluster, for `events` and for looking back; older ones are forgotten."""

from collections import deque

from raftplay.watch.events import Record

LIMIT = 20_000
"""How many records are kept unless said otherwise: about a minute of five idle nodes."""


class History:
    """A reader of a `Stream` that keeps the last `limit` records."""

    def __init__(self, limit: int = LIMIT) -> None:
        if limit < 1:
            raise ValueError(f"a history keeps at least one record, not {limit}")
        self._records: deque[Record] = deque(maxlen=limit)
        self.seen = 0
        """How many records there were in all."""

    def __call__(self, record: Record) -> None:
        """Keep one record."""
        self._records.append(record)
        self.seen += 1

    def __len__(self) -> int:
        return len(self._records)

    @property
    def limit(self) -> int:
        """How many records are kept at most."""
        assert self._records.maxlen is not None
        return self._records.maxlen

    @property
    def forgotten(self) -> int:
        """How many records there were that are not kept any more."""
        return self.seen - len(self._records)

    def records(self) -> list[Record]:
        """All that are kept, oldest first."""
        return list(self._records)

    def last(self, n: int) -> list[Record]:
        """The last `n` of them at most, oldest first."""
        return self.records()[-n:] if n > 0 else []
