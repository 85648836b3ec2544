"""The waits of threads outside a cluster's loop, and the short rest of the loop after a wait ends.

The rule of this module: everything except the two sleeps runs under the cluster's lock.
"""

import threading

from raftplay.backends.base import Predicate
from raftplay.backends.timers import Timer

ROOM = 0.0001
"""The longest rest of the loop for threads whose wait is over, in seconds."""


def is_held(condition: threading.Condition) -> bool:
    """Tell whether this thread holds the lock of `condition`, for which no thread may wait.

    An RLock does not say who holds it; `notify` of a condition does, as only a holder may call it.
    """
    try:
        condition.notify()
    except RuntimeError:
        return False
    return True


class Waiter:
    """A thread outside that waits for a condition."""

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.timer: Timer | None = None
        self.held = False
        self.error: BaseException | None = None
        self.is_over = False
        self._sleeping = threading.Lock()  # costs a fifth of an Event
        self._sleeping.acquire()

    def look(self) -> bool:
        """Evaluate the condition; return whether the wait is over. The waiting thread gets its exception."""
        try:
            self.held = self.predicate()
        except Exception as error:
            self.error = error
        if self.held or self.error is not None:
            self.wake()
        return self.is_over

    def end(self) -> None:
        """End the wait, its time is over: evaluate the condition a last time."""
        self.look()
        self.wake()

    def wake(self) -> None:
        """End the wait, whether or not the condition holds. Under the cluster's lock."""
        if not self.is_over:
            self.is_over = True
            self._sleeping.release()

    def sleep(self) -> None:
        """Sleep until the wait is over."""
        self._sleeping.acquire()


class YieldToWaiters:
    """A rest of the loop for threads outside whose wait is over: it ends when they have acted.

    Without it they would wake but not run: the loop's thread holds the interpreter while it has work.
    """

    def __init__(self) -> None:
        self.is_asked_for = False
        self._taken = threading.Lock()

    def ask(self) -> None:
        """Request a rest at the end of this turn, if a wait is over then. Under the cluster's lock."""
        self.is_asked_for = True
        self._taken.acquire(blocking=False)

    def give(self) -> None:
        """Rest until a waiter has acted, at most `ROOM` seconds. Not under the cluster's lock."""
        self._taken.acquire(timeout=ROOM)

    def end(self) -> None:
        """End the rest of the loop, if it rests. Under the cluster's lock."""
        if self._taken.locked():
            self._taken.release()
