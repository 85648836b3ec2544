"""Watching a cluster at pace `watch` in virtual time: the wall clock of the playhead is a number, too."""

from typing import Self

from raftplay.language.table import bind
from raftplay.session.session import Session
from raftplay.tui.playhead import FLIGHT, Playhead
from raftplay.tui.stage.scene import Scene

PAINTS = 12
"""The paints of a second."""


class Watching:
    """A simulated session and its playhead. `wall` are the seconds that were watched; no real one passes."""

    def __init__(self, session: Session, flight: float = FLIGHT) -> None:
        self.session = session
        self.wall = 0.0
        self._pace = 0.0
        session.harness.steer = self._steer  # type: ignore[method-assign]
        self.playhead = Playhead(session.branch, flight)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.playhead.close()
        self.session.close()

    def _steer(self, pace: float) -> None:
        self._pace = pace
        self.session.harness.kick()

    def do(self, line: str) -> None:
        """Run a command that lets no time pass."""
        for bound in bind(line, self.session):
            self.session.perform(bound)
        self.playhead.go_on()

    def tick(self) -> Scene:
        """Let the time between two paints pass, until an event holds the clock; return what is painted then."""
        if self._pace:
            seconds = self._pace * self.session.harness.speed / PAINTS
            self.session.harness.wait_until(lambda: not self._pace, seconds)
        self.wall += 1 / PAINTS
        return self.playhead.tick(self.wall, self.session.view())
