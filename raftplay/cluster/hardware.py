"""Hardware: the disk and the clock of each node, and the timings that it alone has.

They belong to the machine: a restart of the node changes none of them, except that a crash ends a failing write.
"""

from dataclasses import dataclass, replace

from raftplay.raft.config import LONGEST, SHORTEST, RaftConfig
from raftplay.watch.words import clock_text, disk_trouble_text, timing_text

SLOWEST, FASTEST = 0.1, 10.0
"""The range of the rate of a clock: how many seconds it shows per second of cluster time."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Hardware:
    """The hardware of one node. Times are seconds of cluster time.

    `delay`: how long each write to its disk takes (shortest, longest). `stalls`: no write ends. `fails`: its next
    write fails. `rate`: its clock shows so many seconds per second. `election` and `heartbeat`: timings that it
    alone has, by its own clock; None for those of the cluster.
    """

    delay: Range = (0.0, 0.0)
    stalls: bool = False
    fails: bool = False
    rate: float = 1.0
    election: Range | None = None
    heartbeat: float | None = None

    @property
    def is_slow(self) -> bool:
        """Tell whether a write takes time."""
        return self.stalls or self.delay[1] > 0

    @property
    def has_bad_disk(self) -> bool:
        """Tell whether its disk is slow, stalls or is about to fail."""
        return self.is_slow or self.fails

    @property
    def words(self) -> list[str]:
        """Return what is unusual about it: "writes take 200ms", "clock at 1.5 times the speed"."""
        words = (
            disk_trouble_text(self.delay, stalls=self.stalls, fails=self.fails),
            clock_text(self.rate),
            timing_text(self.election, self.heartbeat),
        )
        return [text for text in words if text]

    def timings(self, usual: RaftConfig) -> RaftConfig:
        """Return the options of the node, with its timings in cluster time.

        A clock that runs twice as fast makes every timeout half as long: the algorithm sees nothing else of it.
        """
        low, high = self.election or (usual.election_min, usual.election_max)
        heartbeat = usual.heartbeat if self.heartbeat is None else self.heartbeat
        if (low, high, heartbeat, self.rate) == (usual.election_min, usual.election_max, usual.heartbeat, 1.0):
            return usual
        low, high, heartbeat = (self._stretched(seconds) for seconds in (low, high, heartbeat))
        promise = self._stretched(usual.election_min) if usual.lease else None
        return replace(usual, election_min=low, election_max=high, heartbeat=heartbeat, promise=promise)

    def _stretched(self, seconds: float) -> float:
        return min(max(seconds / self.rate, SHORTEST), LONGEST)


USUAL = Hardware()
"""A disk that writes at once, a clock that is right, and the timings of the cluster."""
