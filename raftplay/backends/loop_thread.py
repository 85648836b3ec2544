"""The thread in which the event loop of a TCP cluster runs, from its start to its end.

The rule of this module: no failure is lost. What asyncio would only log, and what ends the loop, goes to the owner
of the thread. Loops that are still open when the process ends are closed; a forked process has none.
"""

import asyncio
import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Protocol

CLOSE_LIMIT = 5.0
"""The time that `join` waits for the thread, in seconds; milliseconds are usual."""


class Owner(Protocol):
    """The cluster that runs in the loop."""

    def keep(self, error: BaseException) -> None:
        """Keep a failure, to raise it later; from any thread."""

    def broken(self, error: BaseException) -> None:
        """Keep the failure that ended the loop."""

    def end(self) -> None:
        """Close what is open; connections may go on sending afterwards, while it `is_draining`."""

    def is_draining(self) -> bool:
        """Tell whether a connection still sends what it has to send before it closes."""

    def after_fork(self) -> None:
        """Close this copy of the cluster in a forked process."""

    def close(self) -> None:
        """End the cluster."""


class LoopThread:
    """An event loop in a separate thread. `loop` is there once it is created, unless `make_loop` failed."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, owner: Owner, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.id: int | None = None
        """The identifier of the thread; None once it has ended."""

        self.tasks: set[asyncio.Task[None]] = set()
        """The tasks that run in the loop."""

        self._owner = owner
        self._make_loop = make_loop
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="raftplay-cluster", daemon=True)
        open_clusters.add(owner)
        self._thread.start()
        self._ready.wait()

    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run `coroutine` as a task; keep the task until it ends, and keep its failure."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def stop(self) -> None:
        """Tell the loop to end, and do not wait for it."""
        with contextlib.suppress(RuntimeError):  # the loop ended before
            self.loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        """Wait until the loop has ended. Raises `TimeoutError` if it does not."""
        self._thread.join(CLOSE_LIMIT)
        if self._thread.is_alive():
            raise TimeoutError(f"the cluster did not end within {CLOSE_LIMIT:g} s: code inside does not return")

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._owner.keep(error)

    def _failed_in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Keep a failure that asyncio would only log."""
        error = context.get("exception")
        self._owner.keep(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))

    def _main(self) -> None:
        self.id = threading.get_ident()
        try:
            with asyncio.Runner(loop_factory=self._make_loop) as runner:
                runner.run(self._live())
        except BaseException as error:
            self._owner.broken(error)
        finally:
            self.id = None  # another thread may get the same one
            self._ready.set()

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._failed_in_loop)
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        self._owner.end()
        give_up = time.monotonic() + CLOSE_LIMIT / 2
        while self._is_draining() and time.monotonic() < give_up:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)

    def _is_draining(self) -> bool:
        return bool(self.tasks) or self._owner.is_draining()


def new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's loop if it is installed, else asyncio's selector loop, which can watch a listener."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        return asyncio.SelectorEventLoop()
    return uvloop.new_event_loop()


open_clusters: weakref.WeakSet[Owner] = weakref.WeakSet()
"""The owners of all threads that were started; those whose cluster is closed may still be among them."""


def _forked() -> None:
    for owner in list(open_clusters):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@atexit.register
def _close_all() -> None:
    """Close the clusters that are still open when the process ends."""
    for owner in list(open_clusters):
        with contextlib.suppress(Exception):
            owner.close()
