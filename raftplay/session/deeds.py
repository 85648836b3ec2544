"""The commands that a session gives itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from raftplay.session.branches import Branch, Effect, Mark


class Acting(Protocol):
    """A session, as far as its own commands know it."""

    @property
    def branch(self) -> Branch:
        """Return the current branch."""


@dataclass(frozen=True, slots=True)
class OwnDeed:
    """A command that a session gives itself."""

    text: str
    effect: Effect
    run: Callable[[Acting], str]
    group: str = "Time"

    @property
    def name(self) -> str:
        """Return the name of the command."""
        return self.text.split()[0]


def _pause(session: Acting) -> str:
    session.branch.harness.pause()
    return ""


PAUSE = OwnDeed("pause", "clock", _pause)


def naming(name: str, moment: Mark) -> OwnDeed:
    """Return the command that gives a moment its name."""

    def run(session: Acting) -> str:
        session.branch.marks = {**session.branch.marks, name: moment}
        return ""

    return OwnDeed(f"mark {name}", "looks", run, "Looking back")


def steps(count: int) -> OwnDeed:
    """Return the command that steps as often as `count` says."""

    def run(session: Acting) -> str:
        for _ in range(count):
            session.branch.harness.step()
        return ""

    return OwnDeed(f"step {count}", "passes", run)
