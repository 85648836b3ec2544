"""A watchdog for code that never returns, such as a user's node, while virtual time waits for it.

In the main thread it works by the timer signal SIGALRM; without SIGALRM, it does nothing. Another thread, such as
one of a Dask worker, is watched from a thread of its own, which raises in it, but cannot end a call that blocks.
"""

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

LOOK_EVERY = 5.0
"""Seconds of wall time between two looks of a watchdog."""

LOOKS = 3
"""The number of equal looks after which code counts as stuck; one may follow a pause of the whole process."""


class DidNotReturn(BaseException):
    """Raised when code does not return for `seconds` of wall time. No `Exception`: the code must not catch it."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__(seconds)
        self.seconds = (LOOKS - 1) * LOOK_EVERY if seconds is None else seconds

    def __str__(self) -> str:
        return f"nothing happened for {self.seconds:g} s of wall time"


@contextmanager
def watchdog(progress: Callable[[], object]) -> Iterator[None]:
    """Raise `DidNotReturn` in the block's own code while `progress` stays the same at `LOOKS` looks.

    `progress` is called while that code runs. An alarm that was set before continues after the block.
    """
    if threading.current_thread() is not threading.main_thread():
        with _watched_from_outside(progress):
            yield
        return
    if not hasattr(signal, "setitimer"):
        yield
        return
    is_stuck = _looks_equal(progress)

    def look(_: int, __: FrameType | None) -> None:
        if is_stuck():
            raise DidNotReturn

    handler = signal.signal(signal.SIGALRM, look)
    start = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY, LOOK_EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - start)), interval)


def _looks_equal(progress: Callable[[], object]) -> Callable[[], bool]:
    """Return a function that looks once more, and tells whether the last `LOOKS` looks were equal."""
    seen: list[object] = []

    def look() -> bool:
        now = progress()
        if seen and seen[-1] != now:
            seen.clear()
        seen.append(now)
        return len(seen) >= LOOKS

    return look


@contextmanager
def _watched_from_outside(progress: Callable[[], object]) -> Iterator[None]:
    """Raise `DidNotReturn` in this thread while `progress` stays the same; another thread looks."""
    stuck, over, either = threading.get_ident(), threading.Event(), threading.Lock()
    is_stuck = _looks_equal(progress)

    def watch() -> None:
        while not over.wait(LOOK_EVERY):
            with either:
                if not over.is_set() and is_stuck():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(stuck), ctypes.py_object(DidNotReturn)
                    )
                    return

    threading.Thread(target=watch, name="raftplay watchdog", daemon=True).start()
    try:
        yield
    finally:
        with either:
            over.set()
