"""Those outside a cluster's loop who wait for something in it, and the room that they get once it has come.

The rule of this module: all is done under the cluster's lock, but for the two waits themselves.
"""

import threading

from raftplay.backends.base import Predicate
from raftplay.backends.timers import Timer

ROOM = 0.0001
"""How long the loop, where it gives room to whoever waits no longer, waits for them to act, in seconds."""


class Waiter:
    """Someone outside who waits for a condition."""

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.timer: Timer | None = None
        self.held = False
        self.error: BaseException | None = None
        self.is_over = False
        self._sleeping = threading.Lock()  # costs a fifth of what an Event does
        self._sleeping.acquire()

    def look(self) -> bool:
        """Look at the condition; whether the wait is over. A failure of its own goes to whoever waits."""
        try:
            self.held = self.predicate()
        except Exception as error:
            self.error = error
        if self.held or self.error is not None:
            self.wake()
        return self.is_over

    def end(self) -> None:
        """The time is over: a last look."""
        self.look()
        self.wake()

    def wake(self) -> None:
        """The wait is over, whatever the condition says. Under the cluster's lock."""
        if not self.is_over:
            self.is_over = True
            self._sleeping.release()

    def sleep(self) -> None:
        """Sleep until the wait is over."""
        self._sleeping.acquire()


class YieldToWaiters:
    """Room for those outside whose wait is over: the loop rests a moment, until they have done something.

    Else they would be woken and yet not run: the loop's thread holds the interpreter as long as it has work.
    """

    def __init__(self) -> None:
        self.is_asked_for = False
        self._taken = threading.Lock()

    def ask(self) -> None:
        """Give room at the end of this turn, if a wait is over then. Under the cluster's lock."""
        self.is_asked_for = True
        self._taken.acquire(blocking=False)

    def give(self) -> None:
        """Rest until someone has done what there was to do, or for `ROOM`. Not under the cluster's lock."""
        self._taken.acquire(timeout=ROOM)

    def end(self) -> None:
        """Let the loop go on, if it rests. Under the cluster's lock."""
        if self._taken.locked():
            self._taken.release()
