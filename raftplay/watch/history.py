"""The last events of a cluster, for `events` and for looking back; older ones are forgotten."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from itertools import islice

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

        self._forgotten_time = 0.0

    def __call__(self, record: Record) -> None:
        """Keep one record."""
        if len(self._records) == self._records.maxlen:
            self._forgotten_time = self._records[0].time
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

    @property
    def first_seq(self) -> int:
        """The number of the earliest event behind which one can look: the last forgotten one, or 0."""
        return self.forgotten

    def record(self, seq: int) -> Record | None:
        """The record of that number, if it is kept."""
        at = seq - self.forgotten - 1
        return self._records[at] if 0 <= at < len(self._records) else None

    def time_of(self, seq: int) -> float:
        """When the event of that number happened; 0 for what is before the first."""
        record = self.record(seq)
        return self._forgotten_time if record is None else record.time

    def seq_at(self, time: float) -> int:
        """The number of the last event by that time."""
        return self.forgotten + bisect_right(self._records, time, key=lambda record: record.time)

    def after(self, seq: int) -> Iterator[Record]:
        """What happened after the event of that number, as far as it is kept."""
        return islice(self._records, max(0, seq - self.forgotten), None)
