"""The stage of a lesson: it lets the cluster's time pass, at some speed, and tells what happens.

The rule of this module: time passes only within commands, so a reader may think for any time, and the same
commands always lead to the same cluster.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from raftplay.language.table import Bound
from raftplay.lessons.course import reach
from raftplay.lessons.steps import Lesson
from raftplay.session.branches import FIRST
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.watch.facts import Record

T = TypeVar("T")

PATIENCE = 4.0
"""The default seconds of the wall clock for which a command runs at the chosen speed."""

HASTE = 10.0
"""The factor by which a command speeds up then."""

FASTEST = 100.0


class Stage:
    """The cluster of a lesson, in the thread of its reader.

    `speed` is how fast it is seen happening; None takes no time at all.
    """

    def __init__(self, session: Session, speed: float | None = None) -> None:
        self.session = session
        self.speed = speed
        self.patience = PATIENCE
        session.is_live = speed is not None
        if speed is not None:
            session.harness.set_speed(speed)
            session.harness.keep_pace()

    def call(self, function: Callable[[], T], about: str = "") -> T:
        """Return the result of `function`, called where the session may be used."""
        return function()

    def look(self, read: Callable[[Session], T]) -> T:
        """Return what `read` reads off the session, all of it at one moment."""

        def locked() -> T:
            with self.session.harness.lock:
                return read(self.session)

        return self.call(locked)

    def do(self, bound: Bound, tell: Callable[[Record], None] | None = None) -> Outcome:
        """Perform a command, report its events to `tell`, and return its outcome. Raises `Interrupted`."""
        return self.call(lambda: self._do(bound, tell), bound.text).uninterrupted()

    def start_over(self, lesson: Lesson, at: int) -> dict[str, str]:
        """Rebuild the cluster as it was when step `at` began, in no time; return what `reach` returns."""

        def again() -> dict[str, str]:
            was_live, self.session.is_live = self.session.is_live, False
            self.session.anew(lambda first: first)
            answers = reach(self.session, lesson, at)
            self.session.is_live = was_live
            if self.speed is not None:
                self.session.harness.set_speed(self.speed)
                self.session.harness.keep_pace()
            return answers

        return self.call(again)

    def rest(self) -> None:
        """Stop the cluster's time between commands, if it passes."""

    def _do(self, bound: Bound, tell: Callable[[Record], None] | None) -> Outcome:
        if self.session.moment is not None and self.session.branch.name == FIRST:
            self.session.look_at_the_present()  # the lesson goes on from the present
        harness = self.session.harness
        if tell is None:
            with self._speed(FASTEST):
                return self.session.perform(bound)
        harness.stream.attach(tell)
        try:
            with self._haste(bound):
                return self.session.perform(bound)
        finally:
            harness.stream.detach(tell)

    @contextmanager
    def _haste(self, bound: Bound) -> Iterator[None]:
        """Speed up a long command after a while, and restore the speed behind it."""
        if self.speed is None or bound.effect == "looks":
            yield
            return
        harness = self.session.harness
        hurry = threading.Timer(self.patience, harness.set_speed, (min(harness.speed * HASTE, FASTEST),))
        hurry.daemon = True
        hurry.start()
        try:
            with self._speed(harness.speed, is_kept=bound.name == "speed"):
                yield
        finally:
            hurry.cancel()
            hurry.join()

    @contextmanager
    def _speed(self, speed: float, *, is_kept: bool = False) -> Iterator[None]:
        """Run at `speed`, then restore the speed before."""
        harness, before = self.session.harness, self.session.harness.speed
        harness.set_speed(speed)
        try:
            yield
        finally:
            if harness is self.session.harness and not is_kept:
                harness.set_speed(before)
