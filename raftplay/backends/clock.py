"""Cluster time over wall time, with a speed and a pause.

The rule of this module: cluster time never goes back, and never runs far past a timer that has not fired. When
the process stalls, so does the clock: no node takes a stall for a dead leader. The same rule slows the clock
down where a speed asks for more than the machine can do. It stands still while a node handles an input (a turn):
the timers that the node is about to set could not hold it back.
"""

import math
import time

from raftplay.backends.timers import Timers

SLACK = 0.005
"""How far cluster time may run past a timer that is late, in seconds (of the slower of the two clocks)."""


class Clock:
    """The time of one cluster, from 0; `timers` are those that it must not leave behind."""

    __slots__ = ("_anchor", "_in_turn", "_slack", "_stopped", "_timers", "_wall", "paused", "speed")

    def __init__(self, timers: Timers) -> None:
        self.speed = 1.0
        self.paused = False
        self._timers = timers
        self._anchor = 0.0  # cluster time …
        self._wall = time.monotonic()  # … at this time of the wall clock
        self._slack = SLACK
        self._in_turn = False
        self._stopped = False

    def now(self) -> float:
        """Cluster time."""
        return self._anchor if self._in_turn else self._at(time.monotonic())

    def begin_turn(self) -> None:
        """Stand still while something is handled; a stall that lies behind is forgotten."""
        wall = time.monotonic()
        self._anchor = self._at(wall)
        self._wall = wall
        self._in_turn = True

    def end_turn(self) -> None:
        """Go on; what the turn took is made up for, as far as the timers allow."""
        self._in_turn = False

    def set(self, speed: float, paused: bool) -> None:
        """Within a turn: go on from this moment at another speed, or stand still."""
        assert self._in_turn
        self._wall = time.monotonic()
        self.speed, self.paused = speed, paused
        self._slack = SLACK * min(speed, 1.0)

    def stop(self) -> None:
        """Within a turn: stand still for ever."""
        assert self._in_turn
        self._stopped = True

    def step_to(self, when: float) -> None:
        """While paused: let it be `when`, unless it is later already."""
        assert self.paused
        self._anchor = max(self._anchor, when)

    def until(self, when: float) -> float:
        """Seconds of the wall clock until it is `when`; inf while cluster time stands still."""
        if self.paused or self._stopped or when == math.inf:
            return math.inf
        return max(0.0, (when - self._anchor) / self.speed - (time.monotonic() - self._wall))

    def _at(self, wall: float) -> float:
        if self.paused or self._stopped:
            return self._anchor
        now = self._anchor + (wall - self._wall) * self.speed
        if now < self._timers.not_before:
            return now
        limit = self._timers.next_when() + self._slack
        return now if now < limit else max(limit, self._anchor)  # the slack may have been longer before
