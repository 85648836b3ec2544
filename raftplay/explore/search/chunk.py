"""A chunk of a search: some seeds in a row, as one line of JSON; and what they gave, as another.

Both may travel between processes and machines, so there is nothing in them but JSON, and `run_chunk` is the one
function that a process or a machine needs.
"""

import gc
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from raftplay.cluster.own_node import OwnNode
from raftplay.explore.search.options import Switches
from raftplay.explore.search.trial import TrialResult, draw
from raftplay.explore.search.walked import run_seed

RARELY = 200_000
"""The number of new objects after which garbage is collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The seeds `first` … `first + count - 1` of a search, and how each is tried.

    With `stops`, the seeds after the first finding are left out. The file of an own class of nodes is named by
    `node`: it must be there where the chunk runs.
    """

    first: int
    count: int
    low_nodes: int
    high_nodes: int
    seconds: float
    bugs: tuple[str, ...]
    mixes: tuple[str, ...]
    engine: str
    """The engines that run for each seed: walks, trials or both."""

    backend: str
    speed: float
    node: OwnNode | None
    stops: bool
    options: bool
    """Options are drawn for each trial."""

    switches: Switches = ()

    @property
    def text(self) -> str:
        """Return the chunk as a line of JSON."""
        return msgspec.json.encode(self).decode()

    def run(self, seed: int) -> TrialResult:
        """Try one seed."""
        plan = draw(
            seed,
            range(self.low_nodes, self.high_nodes + 1),
            seconds=self.seconds,
            bugs=self.bugs,
            mixes=self.mixes,
            backend=self.backend,
            speed=self.speed,
            node=self.node,
            options=self.options,
            switches=self.switches,
        )
        return run_seed(plan, self.engine)


@dataclass(slots=True)
class Tally:
    """The results of some seeds: counters, coverage, and findings. Sums do not depend on the order."""

    trials: int = 0
    walks: int = 0
    steps: int = 0
    """The number of steps of all walks."""

    micros: int = 0
    """Simulated microseconds: a sum of integers is the same in any order."""

    wall: float = 0.0
    """Seconds of wall time that the seeds took, where they ran."""

    faults: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    mixes: Counter[str] = field(default_factory=Counter)
    options: Counter[str] = field(default_factory=Counter)
    liveness: dict[str, list[float]] = field(default_factory=dict)
    findings: list[TrialResult] = field(default_factory=list)
    """The results of the failing seeds, each with its plan and commands."""

    places: dict[int, str] = field(default_factory=dict)
    """The process in which each failing seed ran."""

    @property
    def simulated(self) -> float:
        """Return the simulated seconds."""
        return self.micros / 1e6

    @property
    def text(self) -> str:
        """Return the tally as a line of JSON."""
        return msgspec.json.encode(self).decode()

    def add(self, result: TrialResult) -> None:
        """Count a finished seed."""
        self.trials += 1
        if result.steps:
            self.walks += 1
            self.steps += result.steps
        self.micros += round(result.seconds * 1e6)
        self.faults += result.faults
        self.rules += result.rules
        self.mixes[result.plan.mix] += 1
        self.options.update(result.plan.setting.drawn)
        for name, seconds in result.liveness.items():
            self.liveness.setdefault(name, []).append(seconds)
        if result.finding is not None:
            self.findings.append(result)
            self.places[result.plan.seed] = this_place()

    def merge(self, other: "Tally") -> None:
        """Add what other seeds gave."""
        for name in ("trials", "walks", "steps", "micros", "wall"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in (
            (self.faults, other.faults),
            (self.rules, other.rules),
            (self.mixes, other.mixes),
            (self.options, other.options),
        ):
            mine.update(theirs)
        for promise, values in other.liveness.items():
            self.liveness.setdefault(promise, []).extend(values)
        self.findings.extend(other.findings)
        self.places.update(other.places)


def this_place() -> str:
    """Name this process and its machine."""
    return f"process {os.getpid()} on {platform.node() or 'a machine without a name'}"


def run_chunk(text: str) -> str:
    """Try the seeds of a `Chunk` in JSON; return their `Tally` in JSON."""
    start = time.monotonic()
    chunk = msgspec.json.decode(text, type=Chunk)
    tally = Tally()
    with rare_collections():
        for seed in range(chunk.first, chunk.first + chunk.count):
            tally.add(chunk.run(seed))
            if tally.findings and chunk.stops:
                break
    tally.wall = time.monotonic() - start
    return tally.text


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage less often in a block: clusters end soon, and most of their objects live as long."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def tally_of(text: str) -> Tally:
    """Return what `run_chunk` returned. Raises ValueError for anything else."""
    return msgspec.json.decode(text, type=Tally, dec_hook=_counter)


def _counter(_: type, value: object) -> Counter[str]:
    counted = msgspec.convert(value, dict[str, int])
    return Counter(counted)
