"""Where a lesson's cluster is played on: who lets its time pass, how fast, and what is told meanwhile.

The rule of this module: time passes only within commands, so it never matters how long a reader thinks, and the
same commands always lead to the same cluster.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from raftplay.commands.branches import FIRST
from raftplay.commands.session import Session
from raftplay.commands.table import Bound
from raftplay.lessons.course import reach
from raftplay.lessons.language import Lesson
from raftplay.watch.facts import Record

T = TypeVar("T")

PATIENCE = 4.0
"""How long, in seconds of the wall clock, a command is watched at the chosen speed."""

HASTE = 10.0
"""How much faster it goes from then on."""

FASTEST = 100.0


class Stage:
    """The cluster of a lesson, in the thread of whoever reads it.

    `speed` is how fast it is seen happening; None takes no time at all.
    """

    def __init__(self, session: Session, speed: float | None = None) -> None:
        self.session = session
        self.speed = speed
        self._bugs = session.harness.config.bugs
        session.is_live = speed is not None
        if speed is not None:
            session.harness.set_speed(speed)
            session.harness.keep_pace()

    def call(self, function: Callable[[], T], about: str = "") -> T:
        """What `function` gives, called where the session may be used."""
        return function()

    def look(self, read: Callable[[Session], T]) -> T:
        """Something that is read off the session, all of it at one moment."""

        def locked() -> T:
            with self.session.harness.lock:
                return read(self.session)

        return self.call(locked)

    def do(self, bound: Bound, tell: Callable[[Record], None] | None = None) -> str:
        """Do a command; what happens goes to `tell`, or is not seen. Raises what `Session.perform` raises."""
        return self.call(lambda: self._do(bound, tell), bound.statement.text)

    def start_over(self, lesson: Lesson, at: int) -> dict[str, str]:
        """The cluster as it was when step `at` began, in no time; what was seen by then, as `reach` gives it."""

        def again() -> dict[str, str]:
            was_live, self.session.is_live = self.session.is_live, False
            self.session.anew(self._bugs)
            answers = reach(self.session, lesson, at)
            self.session.is_live = was_live
            if self.speed is not None:
                self.session.harness.set_speed(self.speed)
                self.session.harness.keep_pace()
            return answers

        return self.call(again)

    def rest(self) -> None:
        """Let time stand still between commands, if it did not."""

    def _do(self, bound: Bound, tell: Callable[[Record], None] | None) -> str:
        if self.session.moment is not None and self.session.branch.name == FIRST:
            self.session.look_at_the_present()  # the lesson goes on from there, whatever is looked at
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
        """What takes long goes faster after a while, and the next command as before."""
        if self.speed is None or bound.command.effect == "looks":
            yield
            return
        harness = self.session.harness
        hurry = threading.Timer(PATIENCE, harness.set_speed, (min(harness.speed * HASTE, FASTEST),))
        hurry.daemon = True
        hurry.start()
        try:
            with self._speed(harness.speed, is_kept=bound.command.name == "speed"):
                yield
        finally:
            hurry.cancel()
            hurry.join()

    @contextmanager
    def _speed(self, speed: float, *, is_kept: bool = False) -> Iterator[None]:
        """At `speed`, and then as before."""
        harness, before = self.session.harness, self.session.harness.speed
        harness.set_speed(speed)
        try:
            yield
        finally:
            if harness is self.session.harness and not is_kept:
                harness.set_speed(before)
