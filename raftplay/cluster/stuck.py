"""A watchdog for code that never returns, such as a user's node, while virtual time waits for it.

It works in the main thread, by the timer signal SIGALRM; in other threads or without SIGALRM, it does nothing.
"""

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

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"nothing happened for {self.seconds:g} s of wall time"


class TookTooLong(DidNotReturn):
    """Raised when code has run for more than `seconds` of wall time, whatever it did meanwhile."""

    def __str__(self) -> str:
        return f"it ran for more than {self.seconds:g} s of wall time"


@contextmanager
def watchdog(progress: Callable[[], object], most: float = math.inf) -> Iterator[None]:
    """Raise `DidNotReturn` in the block's own code while `progress` stays the same at `LOOKS` looks.

    Raise `TookTooLong` there after more than `most` seconds.
    `progress` is called while that code runs. An alarm that was set before continues after the block.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[object] = []

    def look(_: int, __: FrameType | None) -> None:
        now = progress()
        if seen and seen[-1] != now:
            seen.clear()
        seen.append(now)
        if time.monotonic() - start > most:
            raise TookTooLong(most)
        if len(seen) >= LOOKS:
            raise DidNotReturn((len(seen) - 1) * LOOK_EVERY)

    start = time.monotonic()
    handler = signal.signal(signal.SIGALRM, look)
    left, interval = signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY, LOOK_EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - start)), interval)
