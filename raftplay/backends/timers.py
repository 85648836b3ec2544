"""Timers in cluster time, in the order in which they fall due; equal times fire in the order of their making."""

import heapq
import math
from collections.abc import Callable

MAX_CANCELLED = 256
"""How many cancelled timers may lie about; of more, those that outnumber the live ones are swept out."""


class Timer:
    """One thing to be called at `when`; `about` says what it is, for those who step through time."""

    __slots__ = ("_timers", "about", "function", "when")

    def __init__(self, timers: "Timers", when: float, function: Callable[[], None], about: object) -> None:
        self.when = when
        self.function: Callable[[], None] | None = function
        self.about = about
        self._timers = timers

    def cancel(self) -> None:
        """Do not call it any more; one that was called already, or cancelled, stays as it is."""
        if self.function is not None:
            self.function = None
            self._timers.cancelled += 1

    def fire(self) -> None:
        """Call it. From now on it counts as called."""
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
        """None falls due before this; the one that does then may be cancelled. Cheaper than `next_when`."""

    def __len__(self) -> int:
        return len(self._heap) - self.cancelled

    def add(self, when: float, function: Callable[[], None], about: object = None) -> Timer:
        """A timer that falls due at `when`."""
        if self.cancelled > MAX_CANCELLED and self.cancelled * 2 > len(self._heap):
            self._sweep()
        timer = Timer(self, when, function, about)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, timer))
        self.not_before = min(self.not_before, when)
        return timer

    def next_when(self) -> float:
        """When the next timer falls due; inf when there is none."""
        heap = self._heap
        while heap and heap[0][2].function is None:
            heapq.heappop(heap)
            self.cancelled -= 1
        self.not_before = heap[0][0] if heap else math.inf
        return self.not_before

    def pop(self, until: float) -> Timer | None:
        """The next timer that falls due by `until`, taken out; None if there is none."""
        if self.next_when() <= until and self._heap:
            return heapq.heappop(self._heap)[2]
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
