"""Messages in flight, one by one: what is under way between nodes, and what a person does to it.

A message is in flight while a delay holds it (the link's or the receiver's proxy) or while its link is held.
Every one has a number, in the order in which they took off.
"""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from raftplay.backends.base import Answer, Backend, Handle
from raftplay.raft.messages import Args, Reply, UsageError

MAX_HELD = 10_000
"""How many messages held links keep; of more, the oldest is lost."""


class Pilot(Protocol):
    """Who sent a message on its way, and knows what becomes of it."""

    def landed(self, flight: "Flight") -> None:
        """The message arrives."""

    def lost(self, flight: "Flight", reason: str) -> None:
        """The message is lost."""

    def copied(self, flight: "Flight") -> None:
        """A copy of the message is made, which lands at once."""


@dataclass(slots=True)
class Flight:
    """One message on its way. `due` is the cluster time of its arrival; None while it is held.

    `back` is the way for an answer, where there is one.
    """

    id: int
    call_id: int
    src: int
    dst: int
    message: Args | Reply
    due: float | None
    pilot: Pilot
    back: Answer | None = None
    timer: Handle | None = None


class Flights:
    """All messages in flight of one cluster."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._flights: dict[int, Flight] = {}
        self._held_links: set[tuple[int, int]] = set()
        self._held = 0
        self._count = 0

    def is_held(self, src: int, dst: int) -> bool:
        """Whether what leaves `src` for `dst` stays in flight until it is released."""
        return bool(self._held_links) and (src, dst) in self._held_links

    def add(
        self,
        pilot: Pilot,
        call_id: int,
        src: int,
        dst: int,
        message: Args | Reply,
        delay: float | None,
        back: Answer | None = None,
    ) -> None:
        """A message takes off; it arrives after `delay` seconds, or when it is released if that is None."""
        self._count += 1
        id = self._count
        flight = Flight(id, call_id, src, dst, message, None, pilot, back)
        self._flights[id] = flight
        if delay is not None:
            flight.due = self._backend.now() + delay
            flight.timer = self._backend.call_at(flight.due, partial(self._land, id), flight)
        else:
            self._held += 1
            if self._held > MAX_HELD:
                self.lose(next(f.id for f in self._flights.values() if f.due is None), "too many are held")

    def everything(self) -> list[Flight]:
        """What is in flight, in the order of taking off."""
        return list(self._flights.values())

    def on_link(self, src: int, dst: int) -> list[Flight]:
        """What is in flight from `src` to `dst`."""
        return [flight for flight in self._flights.values() if flight.src == src and flight.dst == dst]

    def get(self, id: int) -> Flight:
        """The message with this number. Raises `UsageError`."""
        flight = self._flights.get(id)
        if flight is None:
            raise UsageError(f"no message {id} is in flight; see: messages")
        return flight

    def hold(self, src: int, dst: int) -> None:
        """Keep what leaves `src` for `dst` from now on in flight."""
        self._held_links.add((src, dst))

    def release(self, src: int, dst: int) -> int:
        """Hold no more, and deliver what was held, in order; how many messages that were."""
        self._held_links.discard((src, dst))
        held = [flight for flight in self.on_link(src, dst) if flight.due is None]
        for flight in held:
            self.deliver(flight.id)
        return len(held)

    def deliver(self, id: int) -> None:
        """Let a message arrive now. Raises `UsageError`."""
        flight = self._take(id)
        flight.pilot.landed(flight)

    def lose(self, id: int, reason: str = "by hand") -> None:
        """Let a message never arrive. Raises `UsageError`."""
        flight = self._take(id)
        flight.pilot.lost(flight, reason)

    def duplicate(self, id: int) -> None:
        """Let a copy of a message arrive now; the message itself stays in flight. Raises `UsageError`."""
        flight = self.get(id)
        flight.pilot.copied(flight)
        flight.pilot.landed(flight)

    @property
    def held_links(self) -> tuple[tuple[int, int], ...]:
        """The directions of links that are held."""
        return tuple(sorted(self._held_links))

    def _take(self, id: int) -> Flight:
        flight = self.get(id)
        del self._flights[id]
        if flight.timer is not None:
            flight.timer.cancel()
        else:
            self._held -= 1
        return flight

    def _land(self, id: int) -> None:
        flight = self._flights.pop(id)
        flight.pilot.landed(flight)
