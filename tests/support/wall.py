"""A wall clock that passes when a test says so: what takes a minute to watch takes no time to test."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from raftplay.language.table import bind
from raftplay.session.session import Session
from raftplay.tui.driver import Still
from raftplay.tui.playhead import FLIGHT, Playhead
from raftplay.tui.stage.scene import Scene

PAINTS = 12
"""Paints of the screen per second."""

LEAST = 1e-9
"""The shortest rest of a tick that matters, in seconds."""


class Watched(Still):
    """A session in virtual time under a playhead. `tick` lets `1 / PAINTS` seconds of the wall pass, then paints.

    Cluster time passes in `tick` at the speed of the cluster and the pace of the playhead, which may change it at
    any event, as it does under `Live`; it passes without the playhead in the waits of a command.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.wall = 0.0
        self._pace = 0.0  # no time passes before the first paint
        steer = session.harness.steer

        def noted(pace: float) -> None:
            self._pace = pace
            steer(pace)

        session.harness.steer = noted  # type: ignore[method-assign]
        self.playhead = Playhead(session.branch, FLIGHT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.playhead.close()
        self.close()

    def do(self, line: str) -> None:
        """Run a command that lets no time pass, as a key does."""
        for bound in bind(line, self.session):
            self.session.perform(bound)
        self.playhead.go_on()

    def tick(self) -> Scene:
        """Let the wall clock go on to the next paint."""
        self.pass_time(1 / PAINTS)
        return self.playhead.tick(self.wall, self.view())

    def pass_time(self, seconds: float) -> None:
        """Let the wall clock go on, and the cluster with it."""
        self.wall += seconds
        harness = self.session.harness
        while seconds > LEAST and not harness.paused and (rate := harness.speed * self._pace):
            pace, begin = self._pace, harness.now
            harness.wait_until(lambda pace=pace: self._pace != pace, seconds * rate)  # type: ignore[misc]
            seconds -= (harness.now - begin) / rate

    def until(self, holds: Callable[[Scene], object], limit: float = 120.0) -> Scene:
        """Watch for `limit` seconds at most until something holds of what is seen."""
        give_up = self.wall + limit
        while not holds(scene := self.tick()):
            assert self.wall < give_up, "waited in vain"
        return scene
