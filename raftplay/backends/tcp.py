"""The TCP backend: an event loop in a thread of its own, and real sockets on 127.0.0.1.

Cluster time is wall time through a clock with a speed and a pause. When the process stalls, the clock stalls
with it: it never runs past a timer that has not fired, so that no node takes a stall for a dead leader.

asyncio swallows exceptions in callbacks; this backend keeps the first and raises it at the next call from
outside, so that nothing fails in silence.
"""

import asyncio
import atexit
import contextlib
import math
import secrets
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from raftplay.backends import wire
from raftplay.backends.base import Predicate, Receiver
from raftplay.backends.sockets import TcpEndpoint
from raftplay.backends.timers import Timer, Timers
from raftplay.raft.messages import UsageError

T = TypeVar("T")

SLACK = 0.005
"""How far cluster time may run past a timer that is late, in seconds (of the slower of the two clocks)."""

CLOSE_LIMIT = 5.0
"""How long `close` waits for the loop's thread, in seconds; it takes milliseconds."""

_live: "weakref.WeakSet[TcpBackend]" = weakref.WeakSet()


class TcpBackend:
    """A cluster's event loop, clock and sockets. It runs from its making until `close`."""

    name = "tcp"
    concurrent = True

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(wire.SECRET_BYTES)
        self._lock = threading.RLock()
        self._timers = Timers()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._anchor = 0.0  # cluster time …
        self._wall = 0.0  # … at this time of the loop's clock
        self._speed = 1.0
        self._paused = False
        self._closed = False
        self._changed = False
        self._waiters: list[_Waiter] = []
        self._kept: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._endpoints: list[TcpEndpoint] = []
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        ready = threading.Event()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="raftplay-cluster", daemon=True)
        self._thread.start()
        ready.wait()
        _live.add(self)

    # ---- the clock

    def now(self) -> float:
        """Cluster time, from 0."""
        if self._paused:
            return self._anchor
        now = self._anchor + (self._loop.time() - self._wall) * self._speed
        return min(now, self._limit())

    @property
    def speed(self) -> float:
        """Seconds of cluster time in a second of the wall clock."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Change the speed from this moment on."""
        self.run(lambda: self._set_clock(speed, self._paused))

    @property
    def paused(self) -> bool:
        """Whether cluster time stands still."""
        return self._paused

    def pause(self) -> None:
        """Let cluster time stand still."""
        self.run(lambda: self._set_clock(self._speed, True))

    def resume(self) -> None:
        """Let cluster time go on."""
        self.run(lambda: self._set_clock(self._speed, False))

    def step(self) -> object:
        """Go to the next timer that is about something, and let it happen; time stands still again then."""
        return self.run(self._step)

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` in the loop's thread, `delay` seconds of cluster time from now."""
        return self.call_at(self.now() + delay, function, about)

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """Call `function` in the loop's thread, when cluster time has come to `when`."""
        timer = self._timers.add(when, function, about)
        if timer.when < self._alarm_at:
            self._set_alarm()
        return timer

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop's thread as soon as possible; from any thread."""
        if not self._closed:
            self._loop.call_soon_threadsafe(self.guard, function)

    def _set_clock(self, speed: float, paused: bool) -> None:
        self._anchor = self.now()
        self._wall = self._loop.time()
        self._speed, self._paused = speed, paused
        self._alarm_at = math.inf
        self._set_alarm()

    def _limit(self) -> float:
        return self._timers.next_when() + SLACK * min(self._speed, 1.0)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        when = math.inf if self._paused else self._timers.next_when()
        self._alarm_at = when
        if when < math.inf:
            wall = self._wall + (when - self._anchor) / self._speed
            self._alarm = self._loop.call_at(wall, self._fire)

    def _fire(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        self.guard(self._run_due)
        with self._lock:
            self._set_alarm()

    def _run_due(self) -> None:
        if self._paused:
            return
        wall = self._loop.time()
        now = self._anchor + (wall - self._wall) * self._speed
        limit = self._limit()
        if now > limit:  # the process stalled: cluster time stalled too
            self._anchor, self._wall, now = limit, wall, limit
        while timer := self._timers.pop(now):
            self._call(timer)

    def _step(self) -> object:
        if not self._paused:
            self._set_clock(self._speed, True)
        while timer := self._timers.pop(math.inf):
            self._anchor = max(self._anchor, timer.when)
            self._call(timer)
            if timer.about is not None:
                return timer.about
        return None

    def _call(self, timer: Timer) -> None:
        function = timer.function
        assert function is not None
        function()

    # ---- inside and outside

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while anything runs inside."""
        return self._lock

    def guard(self, function: Callable[[], object]) -> None:
        """Run `function` as all that runs inside: under the lock, its failure kept, waiting conditions told."""
        with self._lock:
            try:
                function()
                if self._changed and self._waiters:
                    self._look()
            except BaseException as error:
                self._keep(error)

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` in the loop's thread and give its result."""
        if threading.current_thread() is self._thread:
            with self._lock:
                return function()
        self._raise_kept()
        if self._closed:
            raise UsageError("the cluster is shut down")
        future: Future[T] = Future()

        def inside() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(self.guard, inside)
        while True:
            try:
                return future.result(timeout=1)
            except TimeoutError:
                if future.done() or not self._thread.is_alive():
                    raise

    def changed(self) -> None:
        """Conditions that are waited for must be looked at again."""
        self._changed = True

    def pass_time(self, seconds: float) -> None:
        """Wait until `seconds` of cluster time have passed."""
        self._wait(_never, seconds)

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Wait until `predicate` holds, looked at after every change; at most `seconds` of cluster time."""
        return self._wait(predicate, seconds)

    def _wait(self, predicate: Predicate, seconds: float) -> bool:
        assert threading.current_thread() is not self._thread, "the cluster cannot wait for itself"
        waiter = _Waiter(predicate)

        def begin() -> bool:
            if predicate():
                return True
            if self._paused:
                raise UsageError("time is paused, so nothing can be waited for; resume first, or step")
            self._waiters.append(waiter)
            waiter.timer = self.call_later(seconds, waiter.done.set)
            return False

        if self.run(begin):
            return True
        try:
            waiter.done.wait()
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                if waiter.timer is not None:
                    waiter.timer.cancel()
        self._raise_kept()
        if self._closed:
            raise UsageError("the cluster is shut down")
        if waiter.error is not None:
            raise waiter.error
        return waiter.held or (predicate is not _never and self.run(predicate))

    def _look(self) -> None:
        self._changed = False
        for waiter in list(self._waiters):
            waiter.look()

    def _keep(self, error: BaseException) -> None:
        if self._kept is None:
            self._kept = error
        for waiter in self._waiters:
            waiter.done.set()

    def _raise_kept(self) -> None:
        error, self._kept = self._kept, None
        if error is not None:
            raise error

    # ---- endpoints and the loop

    def open_endpoint(self, node_id: int, receiver: Receiver) -> TcpEndpoint:
        """A listener on 127.0.0.1, at a port that the system chose."""
        endpoint = TcpEndpoint(self, node_id, receiver)
        self._endpoints = [e for e in self._endpoints if not e.closed]
        self._endpoints.append(endpoint)
        return endpoint

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The cluster's own event loop."""
        return self._loop

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `coroutine` as a task that is kept until it ends, its failure with it."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def close(self) -> None:
        """End the loop and its thread; raises what failed inside and was not raised yet."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(CLOSE_LIMIT)
            for waiter in list(self._waiters):
                waiter.done.set()
        self._raise_kept()

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            with self._lock:
                self._keep(error)

    def _failed_in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would only log: keep it."""
        with self._lock:
            self._keep(context.get("exception") or RuntimeError(str(context.get("message"))))

    def _main(self, ready: threading.Event) -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(self._live(ready))

    async def _live(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._wall = self._loop.time()
        self._loop.set_exception_handler(self._failed_in_loop)
        self._stop = asyncio.Event()
        ready.set()
        await self._stop.wait()
        with self._lock:
            self._timers.clear()
            self._set_alarm()
            for endpoint in self._endpoints:
                endpoint.close()
        for task in list(self._tasks):
            task.cancel()
        while any(endpoint.draining for endpoint in self._endpoints):  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)


class _Waiter:
    """Someone outside who waits for a condition."""

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.done = threading.Event()
        self.timer: Timer | None = None
        self.held = False
        self.error: Exception | None = None

    def look(self) -> None:
        """Look at the condition; a failure of its own goes to whoever waits."""
        try:
            self.held = self.predicate()
        except Exception as error:
            self.error = error
        if self.held or self.error is not None:
            self.done.set()


def _never() -> bool:
    return False


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, where it installs."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@atexit.register
def _close_all() -> None:
    """A cluster that nobody shut down ends with its process."""
    for backend in list(_live):
        with contextlib.suppress(Exception):
            backend.close()
