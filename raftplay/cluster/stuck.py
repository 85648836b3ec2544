"""A watchdog for code that never returns, such as a user's node, while virtual time waits for it.

In the main thread it works by the timer signal SIGALRM; without SIGALRM, it does nothing. Another thread, such as
one of a Dask worker, is watched from a thread of its own, which raises in it, but cannot end a call that blocks.
"""

import ctypes
import math
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


class TookTooLong(DidNotReturn):
    """Raised when code has run for too long, whatever it did meanwhile."""

    def __str__(self) -> str:
        return "it goes on for far longer than it should, by wall time"


@contextmanager
def watchdog(progress: Callable[[], object], most: float = math.inf) -> Iterator[None]:
    """Raise `DidNotReturn` in the block's own code while `progress` stays the same at `LOOKS` looks.

    Raise `TookTooLong` there once it has run for more than `most` seconds of wall time, without those in which the
    whole process was stopped (by Ctrl-Z, or as the machine slept): no look falls into them.
    `progress` is called while that code runs. An alarm that was set before continues after the block.
    """
    if threading.current_thread() is not threading.main_thread():
        with _watched_from_outside(progress, most):
            yield
        return
    if not hasattr(signal, "setitimer"):
        yield
        return
    judge = _judge(progress, most)

    def look(_: int, __: FrameType | None) -> None:
        kind = judge()
        if kind is not None:
            raise kind

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


def _judge(progress: Callable[[], object], most: float) -> Callable[[], type[DidNotReturn] | None]:
    """Return a function that looks once more, and returns what is to be raised, or None."""
    seen: list[object] = []
    looked = 0.0

    def look() -> type[DidNotReturn] | None:
        nonlocal looked
        looked += LOOK_EVERY
        now = progress()
        if seen and seen[-1] != now:
            seen.clear()
        seen.append(now)
        if looked > most:
            return TookTooLong
        return DidNotReturn if len(seen) >= LOOKS else None

    return look


@contextmanager
def _watched_from_outside(progress: Callable[[], object], most: float) -> Iterator[None]:
    """Raise `DidNotReturn` in this thread while `progress` stays the same; another thread looks."""
    stuck, over, either = threading.get_ident(), threading.Event(), threading.Lock()
    judge = _judge(progress, most)

    def watch() -> None:
        while not over.wait(LOOK_EVERY):
            with either:
                kind = None if over.is_set() else judge()
                if kind is not None:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(stuck), ctypes.py_object(kind))
                    return

    threading.Thread(target=watch, name="raftplay watchdog", daemon=True).start()
    try:
        yield
    finally:
        with either:
            over.set()
