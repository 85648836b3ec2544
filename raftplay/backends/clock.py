"""The cluster clock: it derives cluster time from wall time, with a speed and a pause.

The rule of this module: cluster time never goes back, and never runs far past a timer that has not fired. When
the process stalls, the clock stalls too, so that no node mistakes a stall for a crashed leader. The same rule
slows the clock if the machine is too slow for the speed. The clock stops while a node handles an input (a turn),
because timers that the node has not set yet cannot limit it.
"""

import math
import time

from raftplay.backends.timers import Timers

SLACK = 0.005
"""The time by which the clock may pass a late timer, in seconds (of the slower of the two clocks)."""


class Clock:
    """The time of one cluster, from 0; it never runs far ahead of `timers`."""

    __slots__ = ("_anchor", "_in_turn", "_slack", "_stopped", "_timers", "_wall", "pace", "paused", "speed")

    def __init__(self, timers: Timers) -> None:
        self.speed = 1.0
        self.pace = 1.0
        """The factor by which a screen slows the clock, beside the speed; 0 holds it."""

        self.paused = False
        self._timers = timers
        self._anchor = 0.0  # cluster time …
        self._wall = time.monotonic()  # … at this time of the wall clock
        self._slack = SLACK
        self._in_turn = False
        self._stopped = False

    def now(self) -> float:
        """Return cluster time in seconds."""
        return self._anchor if self._in_turn else self._at(time.monotonic())

    def begin_turn(self) -> None:
        """Stop while an input is handled; an earlier stall is not caught up."""
        wall = time.monotonic()
        self._anchor = self._at(wall)
        self._wall = wall
        self._in_turn = True

    def end_turn(self) -> None:
        """Continue, and catch up the duration of the turn, as far as the timers allow."""
        self._in_turn = False

    def set(self, speed: float, paused: bool) -> None:
        """Set speed and pause from this moment on. Within a turn."""
        assert self._in_turn
        self._wall = time.monotonic()
        self.speed, self.paused = speed, paused
        self._slack = SLACK * min(self._rate, 1.0)

    def steer(self, pace: float) -> None:
        """Set the pace from this moment on. Within a turn."""
        self.pace = pace
        self.set(self.speed, self.paused)

    def stop(self) -> None:
        """Stop forever. Within a turn."""
        assert self._in_turn
        self._stopped = True

    def step_to(self, when: float) -> None:
        """Advance to `when`, unless it is later already. While paused."""
        assert self.paused
        self._anchor = max(self._anchor, when)

    def until(self, when: float) -> float:
        """Return the seconds of wall time until cluster time is `when`; inf while paused, held or stopped."""
        if self.paused or self._stopped or when == math.inf or not self.pace:
            return math.inf
        return max(0.0, (when - self._anchor) / self._rate - (time.monotonic() - self._wall))

    @property
    def _rate(self) -> float:
        return self.speed * self.pace

    def _at(self, wall: float) -> float:
        if self.paused or self._stopped:
            return self._anchor
        now = self._anchor + (wall - self._wall) * self._rate
        if now < self._timers.not_before:
            return now
        limit = self._timers.next_when() + self._slack
        return now if now < limit else max(limit, self._anchor)  # the slack may have been longer before
