"""Timers in cluster time. They fire in the order of their times; equal times fire in the order of creation."""

import heapq
import math
from collections.abc import Callable

import msgspec

MAX_CANCELLED = 256
"""The number of cancelled timers that stay; above it, they are removed once they outnumber the live ones."""


class Timer(msgspec.Struct, eq=False):
    """A function to be called at `when`, None once it was; `about` describes it for `step`."""

    timers: "Timers"
    when: float
    function: Callable[[], None] | None
    about: object

    def cancel(self) -> None:
        """Cancel the timer; one that fired or was cancelled already stays as it is."""
        if self.function is not None:
            self.function = None
            self.timers.cancelled += 1

    def fire(self) -> None:
        """Call the function, and mark the timer as fired."""
        function, self.function = self.function, None
        assert function is not None, "a timer fires once"
        function()


class Timers:
    """A heap of `Timer`."""

    __slots__ = ("_count", "_heap", "cancelled", "not_before")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self.cancelled = 0
        self.not_before = math.inf
        """A lower bound of `next_when`, and cheaper: the timer that falls due then may be cancelled."""

    def __len__(self) -> int:
        return len(self._heap) - self.cancelled

    def add(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """Add a timer that falls due at `when`."""
        if self.cancelled > MAX_CANCELLED and self.cancelled * 2 > len(self._heap):
            self._sweep()
        timer = Timer(self, when, function, about)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, timer))
        if when < self.not_before:  # noqa: PLR1730 - a call is dear here
            self.not_before = when
        return timer

    def next_when(self) -> float:
        """Return the time at which the next timer falls due; inf when there is none."""
        heap = self._heap
        while heap and heap[0][2].function is None:
            heapq.heappop(heap)
            self.cancelled -= 1
        self.not_before = heap[0][0] if heap else math.inf
        return self.not_before

    def pop(self, until: float) -> Timer | None:
        """Remove and return the next timer that falls due by `until`, or None."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            timer = heapq.heappop(heap)[2]
            if timer.function is not None:
                return timer
            self.cancelled -= 1
        return None

    def clear(self) -> None:
        """Forget all timers."""
        self._heap.clear()
        self.cancelled = 0
        self.not_before = math.inf

    def _sweep(self) -> None:
        self._heap = [item for item in self._heap if item[2].function is not None]
        heapq.heapify(self._heap)
        self.cancelled = 0
