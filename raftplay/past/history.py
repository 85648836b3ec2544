"""The last events of a cluster, for `events` and for looking back; older ones are forgotten.

Forgotten events are folded into a `World` first, from which every moment that is still kept can be rebuilt.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from raftplay.cluster.snapshot import Snapshot
from raftplay.errors import UsageError
from raftplay.past.flying import FlightKey, key_of
from raftplay.past.view import InFlight, View
from raftplay.past.world import World
from raftplay.raft import decisions
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach

LIMIT = 20_000
"""The default number of records that are kept: about a minute of five idle nodes."""

CHECKPOINT_EVERY = 256
"""The number of records between two copies of the cluster that make looking back fast."""


class History:
    """A reader of a `Stream` that keeps the last `limit` records.

    Attach it before the cluster's first event, or later with the `World.of` the cluster at that moment. Call it,
    and read from it, under the lock of its cluster.
    """

    def __init__(self, limit: int = LIMIT, world: World | None = None) -> None:
        if limit < 1:
            raise ValueError(f"a history keeps at least one record, not {limit}")
        self.limit = limit
        """The most records that are kept."""

        self.seen = 0
        """The number of records read so far."""

        self.elections = 0
        """The number of candidacies among the records read so far."""

        self.leaders = 0
        """The number of elections won among the records read so far."""

        self._records: deque[Record] = deque()
        self._base = World() if world is None else world
        self._began = self._base.seq
        self._checkpoints: list[World] = []
        self._latest: World | None = None

    def __call__(self, record: Record) -> None:
        """Keep one record."""
        self._records.append(record)
        self.seen += 1
        if record.event.group == "election":
            self.elections += isinstance(record.event, decisions.ElectionStarted)
            self.leaders += isinstance(record.event, decisions.BecameLeader)
        if len(self._records) > self.limit:
            self._base(self._records.popleft())

    def __len__(self) -> int:
        return len(self._records)

    @property
    def forgotten(self) -> int:
        """Return the number of records that are no longer kept."""
        return self.seen - len(self._records)

    def records(self) -> list[Record]:
        """Return all kept records, oldest first."""
        return list(self._records)

    def last(self, n: int) -> list[Record]:
        """Return at most the last `n` records, oldest first."""
        return self.records()[-n:] if n > 0 else []

    # ---- looking back

    @property
    def first_seq(self) -> int:
        """Return the number of the first kept record; if none is kept, of the next one to come."""
        return self._records[0].seq if self._records else self._base.seq + 1

    @property
    def earliest(self) -> int:
        """Return the number of the event before the first kept one: the earliest that `at` accepts."""
        return self.first_seq - 1

    @property
    def last_seq(self) -> int:
        """Return the number of the last record, 0 before the first event."""
        return self._records[-1].seq if self._records else self._base.seq

    @property
    def first_time(self) -> float:
        """Return the cluster time of the first kept record, in seconds."""
        return self._records[0].time if self._records else self._base.time

    @property
    def last_time(self) -> float:
        """Return the cluster time of the last record, in seconds."""
        return self._records[-1].time if self._records else self._base.time

    def seq_at(self, time: float) -> int:
        """Return the number of the last event at or before `time`, 0 before the first event.

        Raises `UsageError` when that event is forgotten.
        """
        at = bisect_right(self._records, time, key=_time_of)
        if at == 0 and self.forgotten:
            raise UsageError(f"what was at {time:.3f} s is forgotten; {self._reach()}")
        return self._records[at - 1].seq if at else self.first_seq - 1

    def record(self, seq: int) -> Record | None:
        """Return the record with the number `seq`, None if it is not kept."""
        at = seq - self.first_seq
        return self._records[at] if 0 <= at < len(self._records) else None

    def time_of(self, seq: int) -> float:
        """Return the cluster time of the event `seq`, which is kept or is the last forgotten one."""
        record = self.record(seq)
        return self._base.time if record is None else record.time

    def after(self, seq: int) -> Iterator[Record]:
        """Return the kept records after the event `seq`."""
        return self._between(seq, self.last_seq)

    def until(self, seq: int) -> Iterator[Record]:
        """Return the kept records up to the event `seq`."""
        return self._between(self.first_seq - 1, seq)

    def at(self, seq: int) -> World:
        """Return a copy of the cluster after the event `seq`, from just before the first kept event on.

        Raises `UsageError` when that moment is forgotten, or has not come yet.
        """
        self._check(seq)
        world = self._nearest(seq).copy()
        for record in self._between(world.seq, seq):
            world(record)
            if record.seq % CHECKPOINT_EVERY == 0:
                insort(self._checkpoints, world.copy(), key=_seq_of)
        self._latest = world
        return world.copy()

    def view(self, seq: int, now: Snapshot, time: float | None = None, *, breach: Breach | None = None) -> View:
        """Return the view after the event `seq`, at `time` (default: the event's). Raises `UsageError` as `at`.

        `now` gives what no event carries; `breach`, the first so far, is in the view if it had happened by then.
        """
        world = self.at(seq)
        return View(
            world.snapshot(now, time),
            list(self._between(self.first_seq - 1, seq)),
            self.forgotten,
            self._with_arrivals(world, world.messages(time)),
            rewound=True,
            breach=breach if breach is not None and breach.seq <= seq else None,
        )

    def forget_checkpoints(self) -> None:
        """Drop the copies of the cluster that make looking back fast."""
        self._checkpoints.clear()
        self._latest = None

    def _check(self, seq: int) -> None:
        if self.last_seq - self._began != self.seen:
            raise UsageError("the history misses events of this cluster, so it cannot go back")
        if seq < self.first_seq - 1:
            raise UsageError(
                f"event {seq} is forgotten; {self._reach()}" if seq > 0 else f"there is no event {seq}"
            )
        if seq > self.last_seq:
            raise UsageError(f"there is no event {seq} yet; the last one is {self.last_seq}")

    def _reach(self) -> str:
        return f"the history goes back to event {self.first_seq}, at {self.first_time:.3f} s"

    def _nearest(self, seq: int) -> World:
        """Return the latest known world that is not later than `seq`."""
        base = self._base
        del self._checkpoints[: bisect_left(self._checkpoints, base.seq, key=_seq_of)]
        at = bisect_right(self._checkpoints, seq, key=_seq_of)
        nearest = self._checkpoints[at - 1] if at else base
        latest = self._latest
        return latest if latest is not None and nearest.seq <= latest.seq <= seq else nearest

    def _between(self, seq: int, until: int) -> Iterator[Record]:
        """Return the kept records after `seq`, up to `until`."""
        first = self.first_seq
        return islice(self._records, max(seq + 1 - first, 0), max(until + 1 - first, 0))

    def _with_arrivals(self, world: World, messages: tuple[InFlight, ...]) -> tuple[InFlight, ...]:
        """Return `messages`, in flight in `world`, with the time at which each arrived or was lost."""
        expected: dict[FlightKey, list[int]] = {}
        for at, message in enumerate(messages):
            expected.setdefault(key_of(message.call_id, message.message), []).append(at)
        due: dict[int, float] = {}
        waiting = world.waiting()
        paused = {message.dst for message in messages if world.node(message.dst).frozen}
        writing = {message.dst for message in messages if world.node(message.dst).writing_since is not None}
        for record in self._between(world.seq, self.last_seq):
            if not expected:
                break
            event: object = record.event
            match event:
                case facts.Frozen():
                    paused.add(record.node)
                case facts.WriteWaits(waits=True):
                    writing.add(record.node)
                case facts.Thawed():
                    paused.discard(record.node)
                case facts.WriteWaits():
                    writing.discard(record.node)
                case decisions.Stopped():
                    paused.discard(record.node)
                    writing.discard(record.node)
            key = waiting.landed(record.event, lambda id: id in paused or id in writing)
            if key in expected:
                due[expected[key].pop(0)] = record.time
                if not expected[key]:
                    del expected[key]
        return tuple(replace(message, due=due.get(at)) for at, message in enumerate(messages))


def _seq_of(world: World) -> int:
    return world.seq


def _time_of(record: Record) -> float:
    return record.time
