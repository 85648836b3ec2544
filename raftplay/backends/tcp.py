"""The TCP backend: an event loop in a separate thread, and real sockets on 127.0.0.1.

The rule of this module: code inside the cluster runs in the loop's thread and under the cluster's lock, through
`guard`. asyncio discards exceptions in callbacks; `guard` keeps the first, and the next call from outside raises
it, so that every failure is reported.
"""

import asyncio
import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar, TypeVarTuple

from raftplay.backends import wire
from raftplay.backends.base import (
    MOST_AT_ONCE,
    PAUSED,
    SHUT_DOWN,
    WAITS_FOR_ITSELF,
    Predicate,
    Receiver,
    TimeStandsStill,
    check_duration,
    check_moment,
)
from raftplay.backends.clock import Clock
from raftplay.backends.forked import ForkedLock
from raftplay.backends.loop_thread import LoopThread, new_loop
from raftplay.backends.sockets import Accepted, Dialed, TcpEndpoint
from raftplay.backends.timers import Timer, Timers
from raftplay.backends.waits import Waiter, YieldToWaiters, is_held
from raftplay.errors import UsageError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

QUIET_LOOKS = 1000
"""The number of checks, while time is paused, that the sockets are quiet; a few are enough."""

QUICK_LOOKS = 50
"""The number of these checks without a pause between them; the others are 1 ms of wall time apart."""

OPENING_LIMIT = 0.05
"""The time that timers wait for an opening connection, in seconds of wall time; milliseconds are usual."""

BUFFER_BYTES = 1 << 16
"""The number of bytes that are read from a socket at once."""

LOOK_EVERY = 1.0
"""The time between two checks that the loop's thread still runs, in seconds."""


class TcpBackend:
    """The event loop, the clock and the sockets of a cluster. It runs from its creation until `close`.

    `make_loop` creates the loop (default: uvloop's if it is installed).
    """

    name = "tcp"
    concurrent = True

    def __init__(self, make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self.secret = secrets.token_bytes(wire.SECRET_BYTES)
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.challenges: dict[bytes, Accepted] = {}
        self.opening: dict[Dialed, float] = {}
        lock = threading.RLock()
        self._lock: AbstractContextManager[object] = lock
        self._owner = threading.Condition(lock)
        self._timers = Timers()
        self._clock = Clock(self._timers)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._closed = False
        self._steering = threading.RLock()  # for threads outside that pause, step and resume
        self._last: Callable[[], None] | None = None
        self._changed = False
        self._waiters: list[Waiter] = []
        self._room = YieldToWaiters()
        self._kept: BaseException | None = None
        self._endpoints: list[TcpEndpoint] = []
        self._thread = LoopThread(self, make_loop or new_loop)
        self._raise_kept()  # creating the loop may have failed
        self._loop = self._thread.loop

    # ---- the clock

    def now(self) -> float:
        """Return cluster time in seconds, from 0. From outside, under the lock."""
        return self._clock.now()

    @property
    def speed(self) -> float:
        """Return the seconds of cluster time per second of wall time."""
        return self._clock.speed

    def set_speed(self, speed: float) -> None:
        """Set the speed from this moment on."""
        self.run(lambda: self._set_clock(speed, self.paused))

    def steer(self, pace: float) -> None:
        """Slow the clock by this factor: inside, at once; from outside, as soon as the loop runs this."""
        if self._is_inside():
            self._set_pace(pace)
        else:
            self.call_soon(lambda: self._set_pace(pace))

    @property
    def paused(self) -> bool:
        """Tell whether cluster time is paused."""
        return self._clock.paused

    def pause(self) -> None:
        """Pause cluster time."""
        self._steer(lambda: self._set_clock(self.speed, True))

    def halt(self) -> None:
        """Pause cluster time: inside, at once; from outside, as soon as the loop runs this."""
        if self._is_inside():
            self._set_clock(self.speed, True)
        else:
            self.call_soon(lambda: self._set_clock(self.speed, True))

    def resume(self) -> None:
        """Resume cluster time, after another thread's step."""
        self._steer(lambda: self._set_clock(self.speed, False))

    def _steer(self, change: Callable[[], None]) -> None:
        if self._is_inside():
            self.run(change)
        else:
            self.check()
            self._check_outside()
            with self._steering:
                self.run(change)

    def step(self) -> object:
        """Run timers up to the next one with an `about`, and return that `about`; time is paused then.

        The sockets are empty before a step, or it might jump over a message: see `run`.
        """
        self.check()
        self._check_outside()
        with self._steering:  # no other thread resumes in between
            self.pause()
            return self.run(self._step)

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` in the loop's thread, `delay` seconds of cluster time from now."""
        return self._add(self.now() + delay, function, about)

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` in the loop's thread, when cluster time is `when`."""
        return self._add(max(when, self.now()), function, about)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop's thread as soon as possible; from any thread."""
        if self._is_inside():
            self._loop.call_soon(self.guard, function)
        elif not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self.guard, function)

    def call_after_waits(self, function: Callable[[], None]) -> None:
        """Call `function` after waiters whose condition holds have had a moment to act."""
        if self._waiters:
            self._room.ask()
        self._loop.call_soon(self.guard, function)

    def go_on(self) -> None:
        """End the rest of the loop, if it rests for waiters. Under the lock, from any thread."""
        self._room.end()

    def _add(self, when: float, function: Callable[[], None], about: object) -> Timer:
        timer = self._timers.add(when, function, about)
        if when < self._alarm_at and not self.paused:
            if self._is_inside():
                self._set_alarm()
            else:
                self.call_soon(self._set_alarm)
        return timer

    def _set_pace(self, pace: float) -> None:
        self._clock.steer(pace)
        self._set_alarm()

    def _set_clock(self, speed: float, paused: bool) -> None:
        self._clock.set(speed, paused)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Make the loop call `_fire` when the next timer falls due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = self._timers.next_when()
        delay = self._clock.until(self._alarm_at)
        if delay < math.inf:
            self._alarm = self._loop.call_later(delay, self._fire)

    def _fire(self) -> None:
        self._alarm, self._alarm_at = None, -math.inf  # timers that are added meanwhile need no alarm
        self.guard(self._run_due)

    def _run_due(self) -> None:
        try:
            if self._is_opening():
                return
            now, fired = self._clock.now(), 0
            while not self.paused and (timer := self._timers.pop(now)):
                timer.fire()
                fired += 1
                if fired >= self._most_at_once and self._timers.next_when() <= now:
                    self._clock.set(self.speed, True)  # else the next turn would not end either
                    raise TimeStandsStill(fired, now)
        finally:
            self._set_alarm()

    @property
    def _most_at_once(self) -> int:
        return MOST_AT_ONCE * (len(self._endpoints) or 1)

    def _is_opening(self) -> bool:
        """Tell whether timers, and with them the clock, wait for a connection that is being opened.

        On one machine this is short; but at a high speed a node could mistake it for a crashed leader.
        """
        if not self.opening:
            return False
        newest = next(reversed(self.opening.values()))
        return time.monotonic() - newest < OPENING_LIMIT

    def _step(self) -> object:
        if not self.paused:  # code inside resumed time meanwhile
            self._set_clock(self.speed, True)
        fired = 0
        while timer := self._timers.pop(math.inf):
            self._clock.step_to(timer.when)
            timer.fire()
            if timer.about is not None:
                return timer.about
            fired += 1
            if fired >= self._most_at_once and self._timers.next_when() <= self.now():
                raise TimeStandsStill(fired, self.now())
        return None

    def _when_quiet(self, then: Callable[[], None], looks: int = QUIET_LOOKS) -> None:
        """Call `then`: while time is paused, once the sockets are empty; else at once."""
        if not self.paused or looks == 0 or all(endpoint.quiet for endpoint in self._endpoints):
            then()
        elif looks > QUIET_LOOKS - QUICK_LOOKS:
            self._loop.call_soon(self.guard, self._when_quiet, then, looks - 1)
        else:
            self._loop.call_later(0.001, self.guard, self._when_quiet, then, looks - 1)

    # ---- inside and outside

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock, which is held while code runs inside."""
        return self._lock

    def guard(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Run `function` inside: hold the lock, keep its failure, and evaluate awaited conditions.

        Cluster time does not pass meanwhile.
        """
        makes_room = False
        with self._lock:
            self._clock.begin_turn()
            try:
                function(*args)
                if self._waiters and self._changed:
                    makes_room = self._look() and self._room.is_asked_for
                    self._room.is_asked_for = False
            except BaseException as error:
                self._keep(error)
            finally:
                self._clock.end_turn()
        if makes_room:
            self._room.give()

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` in the loop's thread and return its result.

        While time is paused, every sent message reaches its receiver before this returns: it is in flight there,
        and no longer in the sockets.
        """
        if self._is_inside():
            with self._lock:
                return function()
        self.check()
        self._check_outside()
        with self._lock:
            self.go_on()
        future: Future[T] = Future()

        def inside() -> None:
            try:
                result = function()
            except BaseException as error:
                future.set_exception(error)
            else:
                self._when_quiet(partial(future.set_result, result))

        try:
            self._loop.call_soon_threadsafe(self.guard, inside)
        except RuntimeError:  # the loop has just ended
            raise UsageError(SHUT_DOWN) from None
        while True:
            try:
                return future.result(timeout=LOOK_EVERY)
            except TimeoutError:
                if future.done():  # `function` raised TimeoutError, or has just ended
                    return future.result()
                if not self._thread.is_alive():
                    raise UsageError(SHUT_DOWN) from None

    def check(self) -> None:
        """Raise what failed inside, or `UsageError` once closed."""
        if self._kept is not None or self._closed:
            with self._lock:
                self._raise_kept()
                if self._closed:
                    raise UsageError(SHUT_DOWN)

    def changed(self) -> None:
        """Evaluate awaited conditions again at the end of this turn."""
        self._changed = True

    def kick(self) -> None:
        """Evaluate awaited conditions again now."""
        self.call_soon(self.changed)

    def keep_pace(self, keeps: bool = True) -> None:
        """Do nothing: this backend always keeps pace."""

    def pass_time(self, seconds: float) -> None:
        """Wait until `seconds` of cluster time have passed."""
        self._wait(_never, seconds)

    def pass_to(self, when: float, predicate: Predicate) -> bool:
        """Wait until time is `when`, or `predicate` holds."""
        with self._lock:
            left = max(0.0, check_moment(when, self.now()) - self.now())
        return self._wait(predicate, left)

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Wait until `predicate` holds, at most `seconds` of cluster time; it is evaluated after every change."""
        return self._wait(predicate, seconds)

    def _wait(self, predicate: Predicate, seconds: float) -> bool:
        self._check_outside()
        waiter = Waiter(predicate)
        try:
            with self._lock:  # the loop's thread is not needed
                self.check()  # this waiter would not learn of earlier failures
                if predicate():
                    return True
                if self.paused:
                    raise UsageError(PAUSED)
                waiter.timer = self.call_later(check_duration(seconds), waiter.end)
                self._waiters.append(waiter)
                self.go_on()
            waiter.sleep()
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                if waiter.timer is not None:
                    waiter.timer.cancel()
        self.check()
        if waiter.error is not None:
            raise waiter.error
        return waiter.held

    def _look(self) -> bool:
        """Evaluate the awaited conditions; return whether a wait is over."""
        self._changed = False
        over = [waiter for waiter in self._waiters if waiter.look()]
        for waiter in over:
            self._waiters.remove(waiter)
        return bool(over)

    def _keep(self, error: BaseException) -> None:
        if self._kept is None:
            self._kept = error
        for waiter in self._waiters:
            waiter.error = error
            waiter.wake()

    def _raise_kept(self) -> None:
        error, self._kept = self._kept, None
        if error is not None:
            raise error

    def _is_inside(self) -> bool:
        return threading.get_ident() == self._thread.id

    def _check_outside(self) -> None:
        if self._is_inside():
            raise UsageError(WAITS_FOR_ITSELF)
        if is_held(self._owner):
            raise UsageError("a thread that holds the cluster's lock can only read; release it first")

    # ---- endpoints and the loop

    def open_endpoint(self, node_id: int, receiver: Receiver) -> TcpEndpoint:
        """Open a listener on 127.0.0.1, at a port that the system chooses."""
        endpoint = TcpEndpoint(self, node_id, receiver)
        self._endpoints = [e for e in self._endpoints if not e.closed or e.draining]
        self._endpoints.append(endpoint)
        return endpoint

    def progress(self) -> object:
        """Return a new value each time: code runs in another thread."""
        return object()

    @property
    def open_work(self) -> tuple[int, int]:
        """Return the number of tasks that open or accept a connection, and of open ends of connections."""
        return len(self._thread.tasks), sum(len(endpoint.connections) for endpoint in self._endpoints)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the cluster's event loop."""
        return self._loop

    def spawn(self, coroutine: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run `coroutine` as a task; keep the task until it ends, and keep its failure."""
        return self._thread.spawn(coroutine)

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Run `last` inside, and end the loop and its thread. Raises what failed inside and was not raised yet.

        Called from inside, the loop ends as soon as the running code returns.
        """
        self.abandon(last)
        if self._is_inside():
            return
        self._thread.join()
        self._raise_kept()

    def abandon(self, last: Callable[[], None]) -> None:
        """Tell the loop to run `last` and to end, and do not wait for it."""
        if not self._closed:
            self._last, self._closed = last, True
            self._thread.stop()

    # ---- for the thread of the loop

    def keep(self, error: BaseException) -> None:
        """Keep a failure for the next call from outside."""
        with self._lock:
            self._keep(error)

    def broken(self, error: BaseException) -> None:
        """Keep the failure that ended the loop: the cluster is closed."""
        self._closed = True
        self.keep(error)

    def after_fork(self) -> None:
        """Close this copy in a forked process, which has no thread for the loop: every use raises `UsageError`."""
        self._closed, self._kept = True, None
        self._lock, self._owner = ForkedLock(), threading.Condition()

    def end(self) -> None:
        """Run what `close` was given, and end the clock, all waits and all connections."""
        self.guard(self._end)

    def is_draining(self) -> bool:
        """Tell whether a connection still sends what it has to send before it closes."""
        return any(endpoint.draining for endpoint in self._endpoints)

    def _end(self) -> None:
        try:
            if self._last is not None:
                self._last()
        finally:
            self._clock.stop()
            self._timers.clear()
            self._set_alarm()
            for endpoint in self._endpoints:
                endpoint.close()
            for waiter in self._waiters:
                waiter.wake()


def _never() -> bool:
    return False
