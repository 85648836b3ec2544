"""Timers in cluster time, in the order in which they fall due; equal times fire in the order of their making."""

import heapq
import math
from collections.abc import Callable


class Timer:
    """One thing to be called at `when`; `about` says what it is, for those who step through time."""

    __slots__ = ("about", "function", "when")

    def __init__(self, when: float, function: Callable[[], None], about: object) -> None:
        self.when = when
        self.function: Callable[[], None] | None = function
        self.about = about

    def cancel(self) -> None:
        """Do not call it any more."""
        self.function = None


class Timers:
    """A heap of `Timer`."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def add(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """A timer that falls due at `when`."""
        timer = Timer(when, function, about)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, timer))
        return timer

    def next_when(self) -> float:
        """When the next timer falls due; inf when there is none."""
        heap = self._heap
        while heap and heap[0][2].function is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def pop(self, until: float) -> Timer | None:
        """The next timer that falls due by `until`, taken out; None if there is none."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            timer = heapq.heappop(heap)[2]
            if timer.function is not None:
                return timer
        return None

    def clear(self) -> None:
        """Forget all timers."""
        self._heap.clear()
