"""The simulated backend: virtual time, no threads, no sockets. The same inputs give the same run.

A message between endpoints takes no time of its own; the delays of the network and of the proxies are
timers. Time passes only inside `pass_time`, `wait_until` and `step`.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from raftplay.backends.base import Answer, CallFailed, Predicate, Receiver
from raftplay.backends.timers import Timer, Timers
from raftplay.raft.messages import Args, Reply, UsageError

T = TypeVar("T")


class SimBackend:
    """A cluster's virtual time and network."""

    name = "sim"
    concurrent = False

    def __init__(self) -> None:
        self._timers = Timers()
        self._now = 0.0
        self._changed = False
        self._speed = 1.0
        self._paused = False
        self._closed = False
        self._lock = threading.RLock()
        self._endpoints: dict[tuple[str, int], SimEndpoint] = {}
        self._ports = 0

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held by whoever touches the cluster."""
        return self._lock

    def now(self) -> float:
        """Virtual time, from 0."""
        return self._now

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` when virtual time has come that far."""
        return self._timers.add(self._now + delay, function, about)

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` when virtual time is `when`."""
        return self._timers.add(when, function, about)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` before time passes."""
        self._timers.add(self._now, function)

    def changed(self) -> None:
        """Conditions that are waited for must be looked at again."""
        self._changed = True

    def open_endpoint(self, node_id: int, receiver: Receiver) -> "SimEndpoint":
        """An endpoint with an address that no other has had."""
        self._ports += 1
        endpoint = SimEndpoint(self, node_id, receiver, ("sim", self._ports))
        self._endpoints[endpoint.listen_addr] = endpoint
        return endpoint

    def endpoint_at(self, addr: tuple[str, int]) -> "SimEndpoint | None":
        """Who listens at `addr`, if anyone still does."""
        return self._endpoints.get(addr)

    def forget(self, endpoint: "SimEndpoint") -> None:
        """`endpoint` listens no more."""
        self._endpoints.pop(endpoint.listen_addr, None)

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` here and now."""
        if self._closed:
            raise UsageError("the cluster is shut down")
        with self._lock:
            return function()

    def pass_time(self, seconds: float) -> None:
        """Run every timer that falls due within `seconds`."""
        with self._lock:
            self._check_running()
            end = self._now + seconds
            while timer := self._timers.pop(end):
                self._fire(timer)
            self._now = end

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Run timers one by one until `predicate` holds."""
        with self._lock:
            self._check_running()
            if predicate():
                return True
            end = self._now + seconds
            self._changed = False
            while timer := self._timers.pop(end):
                self._fire(timer)
                if self._changed:
                    self._changed = False
                    if predicate():
                        return True
            self._now = end
            return predicate()

    @property
    def speed(self) -> float:
        """The speed at which someone may pump this backend; virtual time itself has none."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Keep `speed` for whoever pumps."""
        self._speed = speed

    @property
    def paused(self) -> bool:
        """Whether time may pass only by `step`."""
        return self._paused

    def pause(self) -> None:
        """Let time pass only by `step`."""
        self._paused = True

    def resume(self) -> None:
        """Let time pass again."""
        self._paused = False

    def step(self) -> object:
        """Go to the next timer that is about something, and let it happen."""
        with self._lock:
            while timer := self._timers.pop(float("inf")):
                self._fire(timer)
                if timer.about is not None:
                    return timer.about
            return None

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._timers.clear()
        self._endpoints.clear()

    def _fire(self, timer: Timer) -> None:
        self._now = max(self._now, timer.when)
        function = timer.function
        assert function is not None
        function()

    def _check_running(self) -> None:
        if self._closed:
            raise UsageError("the cluster is shut down")
        if self._paused:
            raise UsageError("time is paused, so nothing can be waited for; resume first, or step")


class SimConnection:
    """A connection that one endpoint opened to another; what is under way when it closes is lost."""

    __slots__ = ("is_open", "target")

    def __init__(self, target: "SimEndpoint | None") -> None:
        self.is_open = True
        self.target = target


class SimEndpoint:
    """The network side of a simulated server."""

    def __init__(self, backend: SimBackend, node_id: int, receiver: Receiver, addr: tuple[str, int]) -> None:
        self.node_id = node_id
        self.receiver = receiver
        self.listen_addr = addr
        self._backend = backend
        self._is_open = True
        self._connections: dict[int, SimConnection] = {}

    def connect(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Open a connection to `peer_id` at `addr`."""
        self.disconnect(peer_id)
        self._connections[peer_id] = SimConnection(self._backend.endpoint_at(addr))

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`."""
        connection = self._connections.pop(peer_id, None)
        if connection is not None:
            connection.is_open = False

    def is_connected(self, peer_id: int) -> bool:
        """Whether there is a connection to `peer_id`."""
        return peer_id in self._connections

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Hand the call to the peer's server."""
        connection = self._connections.get(peer_id)
        if connection is None:
            raise CallFailed(f"node {self.node_id} is not connected to node {peer_id}")
        target = connection.target
        if target is not None and target._is_open:
            target.receiver.call_arrived(self.node_id, call_id, args, self._answer(connection, call_id, peer_id))

    def close(self) -> None:
        """Close everything, also the connections that peers opened to here."""
        self._is_open = False
        self._backend.forget(self)
        for peer_id in list(self._connections):
            self.disconnect(peer_id)

    def _answer(self, connection: SimConnection, call_id: int, peer_id: int) -> Answer:
        def answer(reply: Reply) -> None:
            target = connection.target
            if connection.is_open and self._is_open and target is not None and target._is_open:
                self.receiver.reply_arrived(peer_id, call_id, reply)

        return answer
