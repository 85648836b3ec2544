"""The options of the algorithm; the default timings are those of the Go reference."""

import random
from dataclasses import dataclass

from raftplay.errors import UsageError

SHORTEST, LONGEST = 0.001, 86_400.0
"""The range of a timeout or heartbeat interval in seconds; a shorter one would keep a node busy all the time."""


MOST_ENTRIES = 1_000_000_000
"""The most entries between two snapshots."""


MOST_DRIFT = 100_000
"""The most percent by which one clock may run faster than another."""

SWITCHES = {
    "prevote": "prevote",
    "checkquorum": "checkquorum",
    "sticky": "sticky",
    "noop": "noop",
    "more-reelection": "force_more_reelection",
}
"""The options that are on or off, by their names in the command `set`: the fields of `RaftConfig`."""

LEASE_NEEDS = (
    "reads by lease need set checkquorum on and set sticky on: "
    "only voters that keep their leader give it a lease (thesis §4.2.3, thesis §6.4.1)"
)


def check_seconds(name: str, value: object, least: float = 0.0) -> None:
    """Raise `UsageError` unless `value` is a number of seconds from `least` to `LONGEST`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= LONGEST:
        raise UsageError(f"{name} must be between {least:g} s and {LONGEST:g} s, not {value!r}")


def check_switch(name: str, value: object) -> None:
    """Raise `UsageError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be True or False, not {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise `UsageError` unless `value` is a number of entries, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ENTRIES:
        raise UsageError(f"{name} must be a number of entries, from 0 (off) to {MOST_ENTRIES}, not {value!r}")


def check_percent(name: str, value: object) -> None:
    """Raise `UsageError` unless `value` is a number of percent, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DRIFT:
        raise UsageError(f"{name} must be a number of percent, from 0 to {MOST_DRIFT}, not {value!r}")


def check_range(low_name: str, low: float, high_name: str, high: float, least: float = 0.0) -> None:
    """Raise `UsageError` unless `low` and `high` are seconds from `least` to `LONGEST`, and `low` ≤ `high`."""
    check_seconds(low_name, low, least)
    check_seconds(high_name, high, least)
    if low > high:
        raise UsageError(f"{high_name} must be at least {low_name}, which is {low!r} s, not {high!r}")


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """Timings (seconds of cluster time) and options of a node.

    Each election timeout is random, from `election_min` to `election_max` (§5.2); with `force_more_reelection`,
    one in three is exactly `election_min`. A leader sends heartbeats every `heartbeat`. `prevote`: a node asks
    for pre-votes before it starts a term (thesis §9.6). `checkquorum`: a leader steps down once it has heard from
    no majority for `election_min` (thesis §6.2). `sticky`: a node that has heard from a leader within
    `election_min` ignores requests for votes of a higher term (thesis §4.2.3). `noop`: a new leader appends an
    entry without a command, so that entries of lower terms are committed before the next client command (§8).
    `snapshot`: a node takes a snapshot each time that it has applied so many entries since its last one (§7); 0:
    only when it is told to. `lease`: a leader answers reads by a lease, so that every node waits `election_min`
    after it heard a leader, or started, before it votes or starts an election (thesis §6.4.1); it needs
    `checkquorum` and `sticky`. `drift`: by how many percent one clock may run faster than another. `promise`: how
    long it waits, if its own timings are not those of the others, which is what leases count on.

    Raises `UsageError` for a timing that is not between 1 ms and 24 h, and for an option that is no bool, or no
    number.
    """

    election_min: float = 0.150
    election_max: float = 0.300
    heartbeat: float = 0.050
    force_more_reelection: bool = False
    prevote: bool = False
    noop: bool = False
    checkquorum: bool = False
    sticky: bool = False
    snapshot: int = 0
    lease: bool = False
    drift: int = 10
    promise: float | None = None

    def __post_init__(self) -> None:
        check_range("election_min", self.election_min, "election_max", self.election_max, SHORTEST)
        check_seconds("heartbeat", self.heartbeat, SHORTEST)
        for name in (*SWITCHES.values(), "lease"):
            check_switch(name, getattr(self, name))
        check_count("snapshot", self.snapshot)
        check_percent("drift", self.drift)
        if self.lease and not (self.checkquorum and self.sticky):
            raise UsageError(LEASE_NEEDS)

    @property
    def kept_for(self) -> float:
        """Return how long a node keeps a leader that it has heard, where leaders have leases, in seconds."""
        return self.election_min if self.promise is None else self.promise

    def election_timeout(self, rng: random.Random) -> float:
        """Return a new random election timeout in seconds (§5.2)."""
        if self.force_more_reelection and rng.random() < 1 / 3:
            return self.election_min
        return self.election_min + (self.election_max - self.election_min) * rng.random()
