"""The rules of visits: how many at once, how long, and how much of the machine one may use."""

from dataclasses import dataclass

import msgspec

from raftplay.commands.setup import Setup
from raftplay.watch.text import count

MEMORY = 512
"""The memory that a visitor's process may use, in MB; with five nodes it uses about 60."""

SHARE = 0.5
"""The part of a core that a visitor's process may use, over the time of a visit."""

BUSY = 1013
"""The code of a connection that is closed since there is no room: try again later (RFC 6455, IANA)."""


@dataclass(frozen=True, slots=True)
class VisitRules:
    """Limits of visits. Times are in minutes, `idle` is the time without a key or a move of the mouse."""

    visitors: int = 20
    minutes: float = 30.0
    idle: float = 10.0

    @property
    def words(self) -> str:
        """Return the limits as a clause."""
        return (
            f"at most {count(self.visitors, 'visitor')} at once, {minutes_text(self.minutes)} each, "
            f"{minutes_text(self.idle)} without a key; up to {MEMORY} MB and {SHARE:.0%} of a core each"
        )

    @property
    def full(self) -> str:
        """Return what a visitor is told for whom there is no room."""
        are = "1 visitor is" if self.visitors == 1 else f"{self.visitors} visitors are"
        return f"{are} here, which is the most; try again in some minutes"

    @property
    def over(self) -> str:
        """Return what a visitor is told when the time is over."""
        return f"the {minutes_text(self.minutes)} of this visit are over"

    @property
    def asleep(self) -> str:
        """Return what a visitor is told who did nothing."""
        return f"nobody touched a key for {minutes_text(self.idle)}"


LEFT = "you have left the cluster"
USED_UP = "this cluster has used up the memory or the computing time of a visit"
CLOSED = "the server has ended"


class VisitPlan(msgspec.Struct, frozen=True):
    """The orders of a visitor's process: the script that it plays, if any, its cluster, and its limits.

    `script` is the name of a scenario or a path. `cpu` is in seconds, `memory` in MB.
    """

    script: str | None = None
    nodes: int | None = None
    seed: int | None = None
    timings: dict[str, tuple[float, float]] = {}
    switches: dict[str, int] = {}
    clients: dict[str, str] = {}
    bugs: list[str] = []
    seconds: float = 0.0
    cpu: int = 0
    memory: int = MEMORY

    @property
    def setup(self) -> Setup:
        """Return the set-up that overrides the script's, in virtual time."""
        return Setup(
            nodes=self.nodes,
            seed=self.seed,
            backend="sim",
            timings=self.timings,
            switches=self.switches,
            clients=self.clients,
            bugs=self.bugs,
        )


def plan_of(script: str | None, setup: Setup, rules: VisitRules) -> VisitPlan:
    """Return the plan of each visitor's process."""
    seconds = rules.minutes * 60
    return VisitPlan(
        script,
        setup.nodes,
        setup.seed,
        setup.timings,
        setup.switches,
        setup.clients,
        setup.bugs,
        seconds,
        max(10, round(seconds * SHARE)),
    )


def minutes_text(minutes: float) -> str:
    """Return a number of minutes in words."""
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"
