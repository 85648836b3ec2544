"""The events of a view, found by node and kind, from the last one backwards.

Everything that `why` tells of the past is looked up here, so that what the history no longer has is missing in one
place: a look-up gives None then, and whoever asked answers from the state.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TypeVar

import msgspec

from raftplay.past.view import InFlight, View
from raftplay.raft.decisions import VoteCounted
from raftplay.watch.facts import Record
from raftplay.why.network import Links

E = TypeVar("E", bound=msgspec.Struct)
Kind = type[msgspec.Struct]
Test = Callable[[Record], bool]

_seq = attrgetter("seq")

UNNAMED = "unnamed"
"""Stands in a view for bugs that are on and are not to be named."""

HALF_IS_MAJORITY = "half-is-majority"

LATEST = 1 << 62
"""A number that no event has: before it lies everything."""


class EventIndex:
    """The events of `view`, each found without going through all the others."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.snapshot = view.snapshot
        self.records = view.records
        self.links = Links(view.snapshot)
        self._flights: dict[int, list[InFlight]] | None = None
        self._kept: dict[tuple[int, Kind], list[Record]] = {}
        kept = self._kept
        for record in view.records:
            key = (record.node, type(record.event))
            if key in kept:
                kept[key].append(record)
            else:
                kept[key] = [record]

    def flights(self, call_id: int) -> list[InFlight]:
        """What is in flight of one call: copies of it, and of its reply."""
        if self._flights is None:
            self._flights = {}
            for flight in self.view.messages:
                self._flights.setdefault(flight.call_id, []).append(flight)
        return self._flights.get(call_id, [])

    @property
    def forgets(self) -> bool:
        """Whether there were earlier events, which are not kept any more."""
        return self.view.forgotten > 0

    @property
    def majority(self) -> int:
        """How many nodes are a majority (§5.2), or pass for one: what candidates said last, if any did."""
        counted = (self.event(node.id, VoteCounted) for node in self.snapshot.nodes)
        last = max((found for found in counted if found is not None), key=lambda found: found[0].seq, default=None)
        if last is not None:
            return last[1].needed
        n = len(self.snapshot.nodes)
        return (n + 1) // 2 if HALF_IS_MAJORITY in self.snapshot.bugs else n // 2 + 1

    def life(self, node: int) -> int:
        """The incarnation of `node` at the moment of the view."""
        return self.snapshot.nodes[node].incarnation

    def backwards(self, node: int, kind: Kind, *, before: int = LATEST) -> Iterator[Record]:
        """The events of one kind at `node`, from the one before number `before` back."""
        records = self._kept.get((node, kind), [])
        for at in range(bisect_left(records, before, key=_seq) - 1, -1, -1):
            yield records[at]

    def forwards(self, node: int, kind: Kind, *, after: int) -> Iterator[Record]:
        """The events of one kind at `node`, from the one behind number `after` on."""
        records = self._kept.get((node, kind), [])
        for at in range(bisect_right(records, after, key=_seq), len(records)):
            yield records[at]

    def last(
        self, node: int, *kinds: Kind, before: int = LATEST, life: int | None = None, test: Test | None = None
    ) -> Record | None:
        """The last event of these kinds at `node` that passes the `test`; with `life`, of that incarnation."""
        found: Record | None = None
        for kind in kinds:
            for record in self.backwards(node, kind, before=before):
                if found is not None and record.seq < found.seq:
                    break
                if (life is None or record.incarnation == life) and (test is None or test(record)):
                    found = record
                    break
        return found

    def event(
        self, node: int, kind: type[E], *, before: int = LATEST, life: int | None = None, test: Test | None = None
    ) -> tuple[Record, E] | None:
        """As `last` for one kind: the record, and its event as what it is."""
        record = self.last(node, kind, before=before, life=life, test=test)
        if record is None:
            return None
        assert isinstance(record.event, kind)
        return record, record.event

    def next(self, node: int, *kinds: Kind, after: int, test: Test | None = None) -> Record | None:
        """The first event of these kinds at `node` behind number `after` that passes the `test`."""
        found: Record | None = None
        for kind in kinds:
            for record in self.forwards(node, kind, after=after):
                if found is not None and record.seq > found.seq:
                    break
                if test is None or test(record):
                    found = record
                    break
        return found

    def before(self, record: Record) -> Record | None:
        """The event of the same node that came right before `record`."""
        for at in range(bisect_left(self.records, record.seq, key=_seq) - 1, -1, -1):
            if self.records[at].node == record.node:
                return self.records[at]
        return None
