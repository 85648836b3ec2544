"""The line to the terminal: how much is not written yet, and whether it is too slow for motion.

No textual here. The screen's thread calls `hand`, the thread that writes calls `took`.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

SLOW = 0.1
"""The time for writing a frame from which on a line is too slow for motion, in seconds: 10 frames per second."""

CALM, MOST_CALM = 2.0, 60.0
"""The time without a slow frame after which there is motion again, in seconds; it doubles, up to a limit, each
time that the line is slow again soon after.
"""


class Recorder(Protocol):
    """A reader of all that is written, and of the size of the terminal."""

    def __call__(self, text: str) -> None:
        """Take what is written now."""

    def resize(self, size: tuple[int, int]) -> None:
        """Take the columns and lines of the terminal."""


class Several:
    """Several recorders as one."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = recorders

    def __call__(self, text: str) -> None:
        """Tell each of them what is written now."""
        for recorder in self._recorders:
            recorder(text)

    def resize(self, size: tuple[int, int]) -> None:
        """Tell each of them the columns and lines of the terminal."""
        for recorder in self._recorders:
            recorder.resize(size)


class TerminalLine:
    """Knows what was handed to the writer and what it has written.

    `on_free` is called, by the thread that writes, when nothing is left. A `recorder` is told what is written.
    `clock` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_free: Callable[[], object] = lambda: None
        self.recorder: Recorder | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._handed = 0
        self._written = 0
        self._since = 0.0  # something has been unwritten since then
        self._calm = CALM
        self._slow_until = -math.inf

    @property
    def is_free(self) -> bool:
        """Return whether all that was handed over is written."""
        return self._written >= self._handed

    @property
    def is_slow(self) -> bool:
        """Return whether frames take longer than `SLOW`, or did so a short time ago."""
        now = self._clock()
        return now < self._slow_until or (not self.is_free and now - self._since > SLOW)

    def hand(self, size: int) -> None:
        """Note that so many characters wait to be written."""
        with self._lock:
            if self.is_free:
                self._since = self._clock()
            self._handed += size

    def took(self, size: int) -> None:
        """Note that so many characters more are written."""
        with self._lock:
            self._written += size
            if self.is_free and self._clock() - self._since > SLOW:
                self._was_slow()
        if self.is_free:
            self.on_free()

    def _was_slow(self) -> None:
        """Have no motion for some time."""
        now = self._clock()
        if now > self._slow_until + MOST_CALM:
            self._calm = CALM
        elif now > self._slow_until:
            self._calm = min(MOST_CALM, 2 * self._calm)
        self._slow_until = now + self._calm
