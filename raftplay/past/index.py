"""The events of a view by node, and what they add up to; what is forgotten is None, and told from the state."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import TypeVar

from raftplay.cluster.snapshot import RULES
from raftplay.past.links import Reachability
from raftplay.past.rpcs import Exchange, fold_rpcs
from raftplay.past.story import Story
from raftplay.past.view import InFlight, View
from raftplay.raft.decisions import DecisionBase
from raftplay.watch.fact_base import FactBase
from raftplay.watch.facts import Record

E = TypeVar("E", bound=DecisionBase | FactBase)


class EventIndex:
    """An index of the events of `view`."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.snapshot = view.snapshot
        self.rules = RULES if view.snapshot.node else view.snapshot.rules  # a user's own may raise
        self.links = Reachability(view.snapshot)
        self.needed = view.snapshot.majority
        """The number of nodes that are a majority (§5.2), by the rules that the nodes ask."""

        self._records: defaultdict[int, list[Record]] = defaultdict(list)
        self._stories: dict[int, Story] = {}
        self._rpcs: dict[int, dict[tuple[int, int], list[Exchange]]] = {}
        self._kinds: defaultdict[type[object], list[Record]] = defaultdict(list)
        for record in view.records:
            self._records[record.node].append(record)
            self._kinds[type(record.event)].append(record)

    @property
    def kept_from(self) -> float | None:
        """Return the cluster time from which on all events are kept; None where none is forgotten."""
        return self.view.records[0].time if self.view.forgotten and self.view.records else None

    def of(self, node: int) -> list[Record]:
        """Return the events of `node`, oldest first."""
        return self._records[node]

    def of_kind(self, kind: type[E]) -> list[tuple[Record, E]]:
        """Return the records with events of `kind`, oldest first, each with its event."""
        return [(record, event) for record in self._kinds[kind] if isinstance(event := record.event, kind)]

    def story(self, node: int) -> Story:
        """Return what the events of `node` add up to."""
        if node not in self._stories:
            story = self._stories[node] = Story(self.rules)
            story.read(self.of(node))
        return self._stories[node]

    def sent(self, src: int, dst: int, *, after: int) -> Iterator[Exchange]:
        """Yield the RPCs that the present process of `src` sent to `dst` after event `after`, last one first."""
        life = self.snapshot.nodes[src].incarnation
        for rpc in reversed(self._rpcs_since(after).get((src, dst), [])):
            if not rpc.call.by_user and rpc.sent.incarnation == life:
                yield rpc

    def flights(self, call_id: int) -> list[InFlight]:
        """Return the messages in flight of one RPC: copies of its request and of its response."""
        return self._flights.get(call_id, [])

    def _rpcs_since(self, seq: int) -> dict[tuple[int, int], list[Exchange]]:
        if seq not in self._rpcs:
            records = self.view.records
            self._rpcs[seq] = fold_rpcs(records[bisect_left(records, seq, key=attrgetter("seq")) :])
        return self._rpcs[seq]

    @cached_property
    def _flights(self) -> dict[int, list[InFlight]]:
        flights: dict[int, list[InFlight]] = {}
        for flight in self.view.messages:
            flights.setdefault(flight.call_id, []).append(flight)
        return flights
