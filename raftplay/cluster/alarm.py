"""Alarm: the timer of a node."""

import math
from collections.abc import Callable
from typing import NamedTuple

from raftplay.backends.base import Backend, Handle


class TimerFired(NamedTuple):
    """The result of a step that fired a node's timer; a leader's timer sends heartbeats."""

    node: int
    leads: bool


class Alarm:
    """Calls `wake` with the scheduled call and its time, at the deadline or before one that was set later.

    `at` is when it rings next, inf if it does not. `about` describes what the timer would do.
    """

    def __init__(
        self, backend: Backend, wake: Callable[[Handle, float], None], about: Callable[[], TimerFired]
    ) -> None:
        self.at = math.inf
        self._backend = backend
        self._wake = wake
        self._about = about
        self._handle: Handle | None = None

    def set(self, deadline: float) -> None:
        """Wake the node at `deadline`, or never. An earlier alarm stays: the node checks the deadline then."""
        if self.at <= deadline:
            return
        falls_due = deadline < math.inf
        self.cancel()
        if falls_due:
            self.at = deadline
            self._handle = self._backend.call_at(deadline, self._rings, self._about())

    def cancel(self) -> None:
        """Do not wake the node any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self.at = None, math.inf

    def _rings(self) -> None:
        handle, at = self._handle, self.at
        self._handle, self.at = None, math.inf
        assert handle is not None
        self._wake(handle, at)
