"""The simulated backend: virtual time, without threads or sockets. The same inputs give the same run.

A message between endpoints takes zero time; the delays of the network and of the proxies are timers. Time
passes only inside `pass_time`, `pass_to`, `wait_until` and `step`: as fast as possible, or, with `keep_pace`,
at the chosen speed by the wall clock. The events are the same either way. Each of the four raises
`TimeStandsStill` when the events of one instant do not end.
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from raftplay.backends.base import (
    MOST_AT_ONCE,
    PAUSED,
    SHUT_DOWN,
    WAITS_FOR_ITSELF,
    CallFailed,
    Predicate,
    Receiver,
    SendReply,
    TimeStandsStill,
    check_duration,
    check_moment,
)
from raftplay.backends.interrupts import Interrupts
from raftplay.backends.timers import Timer, Timers
from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply

T = TypeVar("T")

LONGEST_NAP = 0.05
"""The longest sleep with `keep_pace`, in seconds, before a check for Ctrl-C."""

INSTANT = 1e-9
"""The distance, in seconds of virtual time, up to which two events belong to one instant."""


def _never() -> bool:
    return False


class SimBackend:
    """The virtual time and the network of a cluster."""

    name = "sim"
    concurrent = False
    secret = b""
    open_work = (0, 0)

    def __init__(self) -> None:
        self._timers = Timers()
        self._now = 0.0
        self._changed = False
        self._speed = 1.0
        self._pace = 1.0
        self._paused = False
        self._closed = False
        self._is_passing = False
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)  # with `keep_pace`, a wait sleeps on it and releases the lock
        self._keeps_pace = False
        self._under_way: float | None = None  # while it sleeps: the time at which it will wake
        self._wall = 0.0
        self._happened = 0  # the number of timers that fired so far

        self._instant = 0.0
        self._before = 0  # `_happened` when this instant, or the last wait, began
        self._endpoints: dict[tuple[str, int], SimEndpoint] = {}
        self._ports = 0

    def progress(self) -> object:
        """Return the number of timers that fired so far; a watchdog of the process reads it."""
        return self._happened

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock of the cluster."""
        return self._lock

    def now(self) -> float:
        """Return virtual time in seconds, from 0."""
        if self._under_way is None:
            return self._now
        return min(self._under_way, self._now + (time.monotonic() - self._wall) * self._speed * self._pace)

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` after `delay` seconds of virtual time."""
        return self._timers.add(self.now() + delay, function, about)

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` when virtual time is `when`."""
        return self._timers.add(when, function, about)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` before time passes."""
        self._timers.add(self.now(), function)

    def call_after_waits(self, function: Callable[[], None]) -> None:
        """Call `function` before time passes."""
        self.call_soon(function)

    def go_on(self) -> None:
        """Do nothing: waiters never act while time passes."""

    def changed(self) -> None:
        """Evaluate awaited conditions again after this event."""
        self._changed = True

    def kick(self) -> None:
        """Evaluate awaited conditions again now, also in a sleeping wait; from any thread."""
        with self._lock:
            self._changed = True
            self._news.notify_all()

    def keep_pace(self, keeps: bool = True) -> None:
        """Limit virtual time, from now on, to wall time multiplied by the speed."""
        self._keeps_pace = keeps

    def open_endpoint(self, node_id: int, receiver: Receiver) -> "SimEndpoint":
        """Open an endpoint at a new, unique address."""
        self._ports += 1
        endpoint = SimEndpoint(self, node_id, receiver, ("sim", self._ports))
        self._endpoints[endpoint.listen_addr] = endpoint
        return endpoint

    def endpoint_at(self, addr: tuple[str, int]) -> "SimEndpoint | None":
        """Return the endpoint that listens at `addr`, or None."""
        return self._endpoints.get(addr)

    def forget(self, endpoint: "SimEndpoint") -> None:
        """Remove `endpoint`, which has stopped listening."""
        self._endpoints.pop(endpoint.listen_addr, None)

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` in this thread."""
        with self._lock:
            self.check()
            self._catch_up()
            try:
                return function()
            finally:
                if self._under_way is not None:  # a wait sleeps
                    self._news.notify_all()

    def check(self) -> None:
        """Raise `UsageError` once closed; failures inside are raised where they happen."""
        if self._closed:
            raise UsageError(SHUT_DOWN)

    def pass_time(self, seconds: float) -> None:
        """Run every timer that falls due within `seconds`."""
        self.pass_to(self.now() + check_duration(seconds))

    def pass_to(self, when: float, predicate: Predicate = _never) -> bool:
        """Run timers until time is exactly `when`, or until `predicate` holds."""
        with self._lock:
            check_moment(when, self.now())
            self.check()
            return predicate() or self._pass(predicate, when)

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Run timers one by one until `predicate` holds."""
        with self._lock:
            self.check()
            return predicate() or self._pass(predicate, self.now() + check_duration(seconds))

    @property
    def speed(self) -> float:
        """Return the seconds of virtual time per second of wall time, with `keep_pace`."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Set the speed from this moment on."""
        self.run(lambda: self._set_speed(speed))

    def steer(self, pace: float) -> None:
        """Slow time, with `keep_pace`, by this factor from this moment on."""
        with self._lock:
            self._catch_up()
            self._pace = pace
            self._news.notify_all()

    @property
    def paused(self) -> bool:
        """Tell whether time passes only by `step`."""
        return self._paused

    def pause(self) -> None:
        """Pause: time passes only by `step`."""
        self.run(lambda: self._set_paused(True))

    def halt(self) -> None:
        """Pause at once: time passes only by `step`."""
        self._paused = True

    def resume(self) -> None:
        """Resume: time passes in every wait again."""
        self.run(lambda: self._set_paused(False))

    def step(self) -> object:
        """Run timers up to the next one with an `about`, and return that `about`."""
        with self._lock:
            self._begin_to_pass()
            try:
                with Interrupts() as interrupts:
                    self._paused = True  # another thread may have resumed meanwhile
                    while not interrupts.pending and (timer := self._timers.pop(math.inf)):
                        self._fire(timer)
                        if timer.about is not None:
                            return timer.about
                    return None
            finally:
                self._is_passing = False

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Forget everything."""
        with self._lock:
            if self._closed:
                return
            try:
                last()
            finally:
                self._closed = True
                self._timers.clear()
                self._endpoints.clear()

    def abandon(self, last: Callable[[], None]) -> None:
        """Close: this takes no time here."""
        self.close(last)

    def _pass(self, predicate: Predicate, end: float) -> bool:
        """Run timers until `predicate` holds, or until time is `end`; return whether it holds."""
        self._begin_to_pass()
        try:
            with Interrupts() as interrupts:
                return self._pass_on(predicate, end, interrupts)
        finally:
            self._is_passing = False

    def _pass_on(self, predicate: Predicate, end: float, interrupts: Interrupts) -> bool:
        if self._paused:
            raise UsageError(PAUSED)
        self._changed = False
        while not interrupts.pending:
            if not self._keeps_pace or self._sleep_until(min(self._timers.next_when(), end)):
                timer = self._timers.pop(end)
                if timer is None:
                    break
                self._fire(timer)
            if self._paused:
                raise UsageError(PAUSED)  # this event paused time
            if self._changed:
                self._changed = False
                if predicate():
                    return True
        self.check()
        if interrupts.pending:
            return False  # it is raised now
        self._now = max(self._now, end)
        return predicate()

    def _sleep_until(self, when: float) -> bool:
        """Sleep with the wall clock until `when`; return False when something changes before."""
        when = max(when, self._now)  # a node that was frozen has timers that are overdue
        self._wall, self._under_way = time.monotonic(), when
        try:
            while (left := when - self.now()) > 0:
                if self._changed or self._paused or self._closed:
                    return False
                rate = self._speed * self._pace
                self._news.wait(min(left / rate, LONGEST_NAP) if rate else LONGEST_NAP)
                self._catch_up()
            return True
        finally:
            self._catch_up()
            self._under_way = None

    def _catch_up(self) -> None:
        """Advance virtual time to the wall clock's time, while a wait sleeps."""
        if self._under_way is not None:
            self._now, self._wall = self.now(), time.monotonic()

    def _begin_to_pass(self) -> None:
        """Begin to let time pass: in one thread at a time, and never from inside the cluster."""
        self.check()
        if self._is_passing:
            raise UsageError(WAITS_FOR_ITSELF)
        self._is_passing = True
        self._before = self._happened

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused

    def _set_speed(self, speed: float) -> None:
        self._speed = speed

    def _fire(self, timer: Timer) -> None:
        """Fire `timer`. Raises `TimeStandsStill` after it, when the events of this instant do not end."""
        now = timer.when
        if now > self._now:
            self._now = now
        else:
            now = self._now
        if now - self._instant > INSTANT:
            self._instant, self._before = now, self._happened
        self._happened += 1
        function, timer.function = timer.function, None  # as `Timer.fire`, without the call
        assert function is not None
        function()
        if self._happened - self._before >= MOST_AT_ONCE:
            self._check_moves(self._happened - self._before, now)

    def _check_moves(self, at_once: int, now: float) -> None:
        """Raise `TimeStandsStill` if too many timers fired at once, and one more is due."""
        if at_once >= MOST_AT_ONCE * (len(self._endpoints) or 1) and self._timers.next_when() - now <= INSTANT:
            raise TimeStandsStill(at_once, now)


class SimConnection:
    """A connection that one endpoint opened to another; replies that are open when it closes are lost."""

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
        if self._is_open:
            self._connections[peer_id] = SimConnection(self._backend.endpoint_at(addr))

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`."""
        connection = self._connections.pop(peer_id, None)
        if connection is not None:
            connection.is_open = False

    def is_connected(self, peer_id: int) -> bool:
        """Tell whether there is a connection to `peer_id`."""
        return peer_id in self._connections

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Hand the request to the peer's server. Raises `CallFailed` without a connection."""
        connection = self._connections.get(peer_id)
        if connection is None:
            raise CallFailed(f"node {self.node_id} is not connected to node {peer_id}")
        target = connection.target
        if target is not None and target._is_open:
            target.receiver.call_arrived(self.node_id, call_id, args, self._answer(connection, call_id, peer_id))

    def close(self) -> None:
        """Close everything, also the connections that peers opened to this endpoint."""
        self._is_open = False
        self._backend.forget(self)
        for peer_id in list(self._connections):
            self.disconnect(peer_id)

    def _answer(self, connection: SimConnection, call_id: int, peer_id: int) -> SendReply:
        def answer(reply: Reply) -> bool:
            target = connection.target
            if connection.is_open and self._is_open and target is not None and target._is_open:
                self.receiver.reply_arrived(peer_id, call_id, reply)
                return True
            return False

        return answer
