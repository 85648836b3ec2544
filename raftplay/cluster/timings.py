"""Warnings of timings with which elections cannot work (§5.6: broadcastTime << electionTimeout)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from raftplay.cluster.config import Config


class TimingWarning(UserWarning):
    """The warning of timings with which a cluster cannot keep a leader, or hardly elects one (§5.6)."""


@dataclass(frozen=True, slots=True)
class Timings:
    """The times on which elections depend, in seconds of cluster time; `round_trip` is the longest one."""

    election_min: float
    election_max: float
    heartbeat: float
    round_trip: float

    @classmethod
    def of(cls, config: Config) -> "Timings":
        """Return the timings of a cluster whose links have no faults: only the delay of each RPC counts."""
        raft = config.raft
        return cls(raft.election_min, raft.election_max, raft.heartbeat, config.delay_max)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason why elections cannot work: the wrong `values`, their effect, and the remedy."""

    values: str
    effect: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.values}: {self.effect} (§5.6); {self.remedy}"


def doubt_about(timings: Timings) -> Doubt | None:
    """Return the first reason why a cluster of several nodes cannot work with `timings`, or None."""
    low, trip = timings.election_min, timings.round_trip
    spread = timings.election_max - low
    if timings.heartbeat >= low:
        return Doubt(
            f"heartbeats every {_ms(timings.heartbeat)}, timeouts from {_ms(low)}",
            "a follower's election timer can fire before the next heartbeat",
            f"choose a heartbeat well below {_ms(low)}",
        )
    if trip >= low:
        return Doubt(
            f"round trips of up to {_ms(trip)}, timeouts from {_ms(low)}",
            "a candidate can start its next election before its votes arrive",
            f"choose timeouts well above {_ms(trip)}",
        )
    if spread == 0:
        return Doubt(
            f"every timeout of {_ms(low)}",
            "several nodes start elections at once, and the votes are split",
            f"choose a range of timeouts, such as {_ms(low)} to {_ms(2 * low)}",
        )
    if spread <= trip:
        return Doubt(
            f"round trips of up to {_ms(trip)}, timeouts that differ by {_ms(spread)} at most",
            "several nodes start elections at once, and the votes are split",
            f"choose timeouts that differ by more than {_ms(trip)}",
        )
    return None


def doubt_about_cluster(nodes: int, config: Config) -> Doubt | None:
    """Return why a cluster of `nodes` nodes cannot work with its timings; None if it can, or is a single node."""
    return doubt_about(Timings.of(config)) if nodes > 1 else None


_told = ContextVar("_told", default=False)


@contextmanager
def told_elsewhere() -> Iterator[None]:
    """Suppress `TimingWarning` in the block: the caller reports timings itself."""
    token = _told.set(True)
    try:
        yield
    finally:
        _told.reset(token)


def warn_of_timings(nodes: int, config: Config, *, stacklevel: int) -> None:
    """Warn (`TimingWarning`) if a cluster of `nodes` nodes cannot work with its timings."""
    doubt = None if _told.get() else doubt_about_cluster(nodes, config)
    if doubt is not None:
        warnings.warn(str(doubt), TimingWarning, stacklevel=stacklevel + 1)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"
