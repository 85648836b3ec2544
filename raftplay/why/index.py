"""The events of a view, found by node and kind, from the last one backwards.

`why` looks up here all that it tells of the past, so forgotten events are handled in one place: a look-up then
returns None, and its caller answers from the state.
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
"""The name, in a view, of bugs that are on and must not be named."""

HALF_IS_MAJORITY = "half-is-majority"

LATEST = 1 << 62
"""A number higher than that of any event."""


class EventIndex:
    """An index of the events of `view`."""

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
        """Return the messages in flight of one RPC: copies of its request and of its response."""
        if self._flights is None:
            self._flights = {}
            for flight in self.view.messages:
                self._flights.setdefault(flight.call_id, []).append(flight)
        return self._flights.get(call_id, [])

    @property
    def forgets(self) -> bool:
        """Return whether there were earlier events, which are not kept any more."""
        return self.view.forgotten > 0

    @property
    def bugs(self) -> frozenset[str]:
        """Return the bugs that are on; nodes of a class of the user's may have any, as with one without a name."""
        return frozenset((*self.snapshot.bugs, UNNAMED) if self.snapshot.node else self.snapshot.bugs)

    @property
    def majority(self) -> int:
        """Return how many nodes are a majority (§5.2): what a candidate last counted as one, if any did."""
        counted = (self.event(node.id, VoteCounted) for node in self.snapshot.nodes)
        last = max((found for found in counted if found is not None), key=lambda found: found[0].seq, default=None)
        if last is not None:
            return last[1].needed
        n = len(self.snapshot.nodes)
        return (n + 1) // 2 if HALF_IS_MAJORITY in self.bugs else n // 2 + 1

    def life(self, node: int) -> int:
        """Return the incarnation of `node` at the moment of the view."""
        return self.snapshot.nodes[node].incarnation

    def backwards(self, node: int, kind: Kind, *, before: int = LATEST) -> Iterator[Record]:
        """Yield the events of one kind at `node` before number `before`, last one first."""
        records = self._kept.get((node, kind), [])
        for at in range(bisect_left(records, before, key=_seq) - 1, -1, -1):
            yield records[at]

    def forwards(self, node: int, kind: Kind, *, after: int) -> Iterator[Record]:
        """Yield the events of one kind at `node` after number `after`, first one first."""
        records = self._kept.get((node, kind), [])
        for at in range(bisect_right(records, after, key=_seq), len(records)):
            yield records[at]

    def last(
        self, node: int, *kinds: Kind, before: int = LATEST, life: int | None = None, test: Test | None = None
    ) -> Record | None:
        """Return the last event of these kinds at `node` that passes `test`; with `life`, of that incarnation."""
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
        """Return what `last` returns for one kind, with its event typed: (record, event)."""
        record = self.last(node, kind, before=before, life=life, test=test)
        if record is None:
            return None
        assert isinstance(record.event, kind)
        return record, record.event

    def next(self, node: int, *kinds: Kind, after: int, test: Test | None = None) -> Record | None:
        """Return the first event of these kinds at `node` after number `after` that passes the `test`."""
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
        """Return the event of the same node that came right before `record`, None if it is not kept."""
        for at in range(bisect_left(self.records, record.seq, key=_seq) - 1, -1, -1):
            if self.records[at].node == record.node:
                return self.records[at]
        return None
