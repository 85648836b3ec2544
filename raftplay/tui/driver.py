"""The session behind the screen: `Live`, or `Still`, whose time passes only within commands."""

from concurrent.futures import Future
from contextlib import suppress
from typing import Protocol

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.past.view import View
from raftplay.run.live import perform_line
from raftplay.session.branches import Shown
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session


class SessionLike(Protocol):
    """A session on which a person acts while it is shown."""

    session: Session

    @property
    def busy(self) -> str | None:
        """The line whose commands are under way, if any."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """The lines that come behind the one under way."""

    def run(self, line: str, *, by_key: bool = False, shown: Shown | None = None) -> "Future[list[Outcome]]":
        """Run the commands of a line; what became of each. Never raises what is wrong with the line.

        `by_key`: a key was pressed, which need not come behind a wait that is under way. `shown` is the moment
        that was seen when the line was typed, if it was behind the present.
        """

    def cancel(self) -> bool:
        """End the wait under way and drop what comes behind it; whether anything was under way."""

    def view(self) -> View:
        """The cluster at the moment that is looked at."""

    def close(self) -> None:
        """End the session and its clusters."""


class Still:
    """A session whose time passes only within commands: for pictures, which must not depend on the clock."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.harness.pauses_at_breach = True

    busy = None
    waiting = ()

    def run(self, line: str, *, by_key: bool = False, shown: Shown | None = None) -> "Future[list[Outcome]]":
        """Run the commands of a line, here and now."""
        self.session.shown = shown
        future: Future[list[Outcome]] = Future()
        future.set_result(perform_line(line, self.session, self.session.perform))
        return future

    def cancel(self) -> bool:
        """Do nothing: no command is ever under way."""
        return False

    def view(self) -> View:
        """The cluster at the moment that is looked at."""
        return self.session.view()

    def close(self) -> None:
        """End the session and its clusters; what broke was said."""
        with suppress(InvariantBroken, NodeFailed):
            self.session.close()
