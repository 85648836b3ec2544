"""Messages in flight between nodes, one by one, and what a person does to them.

A message is in flight while a delay holds it (its link's, or that of the receiver's proxy), while its link is
held, and, over sockets, while it has arrived and time is paused. Each message gets a number in the order of
sending, and keeps it until it has arrived or is lost.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from raftplay.backends.base import Backend, Handle
from raftplay.cluster import arguments
from raftplay.cluster.holding import ALL, Holding, fits
from raftplay.cluster.rpc import Message, NodeEvents, Response
from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply

MAX_HELD = 10_000
"""The number of messages that held links keep; above it, the oldest is lost."""

MAX_FLIGHTS = 50_000
"""The number of messages in flight at once, held or delayed; above it, the oldest is lost."""

MAX_ARRIVALS = 1024
"""The number of messages that have passed a link and not arrived yet; above it, the oldest is forgotten."""


class NotInFlight(UsageError):
    """Raised when the message with this number is not in flight."""


class Flight(msgspec.Struct, eq=False):
    """One message in flight. `due` is the cluster time at which this part of its way ends; None while it is held.

    `on_link`: it is on its link; else it is at its receiver, where a proxy delays it or time is paused. `land`
    ends this part of its way, and returns why the message is lost, or None; a message that is delivered by hand
    (its second argument) is not delayed again. `events` are those of the node that handles it now.
    """

    id: int
    carried: Message
    due: float | None
    events: NodeEvents
    land: Callable[["Flight", bool], str | None]
    on_link: bool = True
    timer: Handle | None = None

    @property
    def call_id(self) -> int:
        """Return the number of its RPC."""
        return self.carried.call_id

    @property
    def src(self) -> int:
        """Return the node that sent it."""
        return self.carried.src

    @property
    def dst(self) -> int:
        """Return the node to which it goes."""
        return self.carried.dst

    @property
    def message(self) -> Args | Reply:
        """Return its content."""
        return self.carried.message

    @property
    def is_reply(self) -> bool:
        """Tell whether it is a reply."""
        return isinstance(self.carried, Response)

    def lose(self, reason: str) -> None:
        """Publish that it is lost."""
        self.events.lose(self.carried, reason)


class Arrival(NamedTuple):
    """A message that has left its link: its number, and whether it was delivered by hand."""

    id: int | None
    by_hand: bool


UNKNOWN = Arrival(None, False)


class Flights:
    """All messages in flight of one cluster."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._flights: dict[int, Flight] = {}
        self._held: dict[int, Flight] = {}
        self.holding = Holding()
        """The messages that links hold."""

        self.arrivals: dict[tuple[int, bool], list[Arrival]] = {}
        """The messages that have passed a link, not arrived: by number of the RPC and whether it is a reply."""

        self._count = 0

    def is_held(self, src: int, dst: int, message: Args | Reply | None = None) -> bool:
        """Tell whether `message`, or else every message, from `src` to `dst` stays in flight until released."""
        return bool(self.holding.kinds_of) and self.holding.holds(src, dst, message)

    def add(
        self,
        message: Message,
        events: NodeEvents,
        land: Callable[[Flight, bool], str | None],
        delay: float | None,
        *,
        on_link: bool = True,
        id: int | None = None,
    ) -> None:
        """Add a message in flight; it arrives after `delay` seconds, or, if that is None, when it is released.

        `id` is its number, if it has one already.
        """
        if id is None:
            self._count += 1
            id = self._count
        flight = Flight(id, message, None, events, land, on_link)
        self._flights[id] = flight
        if delay is not None:
            flight.due = self._backend.now() + delay
            flight.timer = self._backend.call_at(flight.due, partial(self._land, id), flight)
        else:
            self._held[id] = flight
            if len(self._held) > MAX_HELD:
                self.lose(next(iter(self._held)), "too many are held")
        if len(self._flights) > MAX_FLIGHTS:
            self.lose(next(iter(self._flights)), "too many are in flight")

    def everything(self) -> list[Flight]:
        """Return the messages in flight, in the order of sending."""
        return sorted(self._flights.values(), key=_number)

    def on_link(self, src: int, dst: int) -> list[Flight]:
        """Return the messages in flight from `src` to `dst`."""
        flights = self._flights.values()
        found = [each for each in flights if each.carried.src == src and each.carried.dst == dst]
        return sorted(found, key=_number) if len(found) > 1 else found

    def get(self, id: int) -> Flight:
        """Return the message with number `id`. Raises `NotInFlight`, and `UsageError` if `id` is not a number."""
        id = arguments.whole(id, "a message is named by its number")
        flight = self._flights.get(id)
        if flight is None:
            if 0 < id <= self._count:
                raise NotInFlight(f"message {id} is not in flight any more: it arrived or was lost; see: messages")
            raise NotInFlight(f"no message {id} is in flight; see: messages")
        return flight

    def hold(self, src: int, dst: int, kind: str = ALL) -> None:
        """Keep messages of `kind` that leave `src` for `dst` from now on in flight."""
        self.holding = self.holding.changed(src, dst, kind, held=True)

    def hold_one(self, id: int) -> Flight:
        """Keep a message in flight until it is released, delivered or lost. Raises `NotInFlight`."""
        flight = self.get(id)
        if flight.timer is not None:
            flight.timer.cancel()
            flight.timer = flight.due = None
            self._held[id] = flight
            if len(self._held) > MAX_HELD:
                self.lose(next(iter(self._held)), "too many are held")
        return flight

    def release_one(self, id: int) -> str | None:
        """Deliver a held message; return why it is lost, or None. Raises `UsageError` if it is not held."""
        if self.get(id).due is not None:
            raise UsageError(f"message {id} is not held; deliver {id} lets it arrive now")
        return self.deliver(id)

    def release_all(self) -> int:
        """Release all links and messages, and deliver what was held, in order; return how many arrive."""
        self.holding = Holding()
        return sum(self.deliver(id) is None for id in list(self._held) if id in self._held)

    def release(self, *links: tuple[int, int], kind: str = ALL) -> int:
        """Release these links, and deliver what was held, in order; return how many messages arrive.

        With a `kind` only messages of that kind are released.
        """
        for link in links:
            for one in self.holding.kinds_of.get(link, ()) if kind == ALL else (kind,):
                self.holding = self.holding.changed(*link, one, held=False)
        held = [
            id
            for id, flight in self._held.items()
            if (flight.src, flight.dst) in links and fits(kind, flight.message)
        ]
        return sum(self.deliver(id) is None for id in held if id in self._held)

    def deliver(self, id: int) -> str | None:
        """Deliver a message now; return why it is lost, or None. Raises `NotInFlight`."""
        flight = self._take(id)
        return flight.land(flight, True)

    def lose(self, id: int, reason: str = "by hand") -> None:
        """Drop a message. Raises `NotInFlight`."""
        flight = self._take(id)
        flight.lose(reason)

    def duplicate(self, id: int) -> str | None:
        """Deliver a copy of a message now; return why the copy is lost, or None. Raises `NotInFlight`."""
        flight = self.get(id)
        flight.events.copy(flight.carried)
        return flight.land(flight, True)

    def passes(self, flight: Flight, *, by_hand: bool) -> None:
        """Record that a message leaves its link; it will arrive unless its connection breaks."""
        arrivals = self.arrivals.setdefault((flight.call_id, flight.is_reply), [])
        arrivals.append(Arrival(flight.id, by_hand))
        del arrivals[:-MAX_ARRIVALS]
        if len(self.arrivals) > MAX_ARRIVALS:
            del self.arrivals[next(iter(self.arrivals))]

    def fails(self, flight: Flight) -> None:
        """Forget the message that left its link last: it has no connection to its receiver."""
        arrivals = self.arrivals.get((flight.call_id, flight.is_reply))
        if arrivals:
            arrivals.pop()

    def arrives(self, call_id: int, *, is_reply: bool) -> Arrival:
        """Return the `Arrival` of a message that has come to its receiver."""
        if not self.arrivals or not (arrivals := self.arrivals.pop((call_id, is_reply), [])):
            return UNKNOWN
        first, *others = arrivals
        if others:
            self.arrivals[call_id, is_reply] = others
        return first

    def clear(self) -> None:
        """Forget everything: the cluster ends."""
        self._flights.clear()
        self._held.clear()
        self.arrivals.clear()

    @property
    def held_links(self) -> tuple[tuple[int, int], ...]:
        """Return the directions of links that hold everything."""
        return self.holding.links

    def _take(self, id: int) -> Flight:
        flight = self.get(id)
        del self._flights[flight.id]
        if flight.timer is not None:
            flight.timer.cancel()
        else:
            del self._held[flight.id]
        return flight

    def _land(self, id: int) -> None:
        flight = self._flights.pop(id)
        flight.timer = None  # which refers to the flight: without a cycle, both are freed at once
        flight.land(flight, False)


def _number(flight: Flight) -> int:
    return flight.id
