"""Many trials on all cores: findings, coverage, speed, and how soon clusters recovered."""

import multiprocessing
import shlex
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from multiprocessing import resource_tracker

from raftplay.backends.interrupts import interrupts_held_back
from raftplay.cluster.own_node import OwnNode
from raftplay.explore.search.trial import Plan, Result, draw
from raftplay.explore.search.walked import run_seed

USUAL_ENGINE = "both"
"""The default of `raftplay explore --engine`."""

USUAL_NODES = range(3, 8)
"""The default range of nodes in a search."""

CHUNK = 4
"""The number of trials that a process takes at once."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search: `seeds` seeds from `first_seed` on, or `limit` seconds of wall time, whichever ends first.

    On the backend "tcp", one cluster runs after another, at `speed`.
    """

    nodes: range
    seconds: float = 4.0
    bugs: tuple[str, ...] = ()
    mixes: tuple[str, ...] = ()
    first_seed: int = 0
    seeds: int | None = None
    limit: float | None = None
    jobs: int = 1
    stops_at_finding: bool = True
    backend: str = "sim"
    speed: float = 1.0
    node: OwnNode | None = None
    engine: str = "trials"
    """The engines that run for each seed: walks, trials or both."""

    def again(self, seed: int) -> str:
        """Return the command that repeats `seed` alone, with every option that is not at its default."""
        return shlex.join(["raftplay", "explore", *self.options, "--first-seed", str(seed), "--seeds", "1"])

    @property
    def options(self) -> list[str]:
        """Return every option that is not at its default, but for those that choose seeds, as words."""
        usual = Search(USUAL_NODES)
        words = []
        for bug in self.bugs:
            words += ["--bug", bug]
        if self.node is not None:
            words += ["--node", self.node.text]
        if self.nodes != usual.nodes:
            low, high = self.nodes[0], self.nodes[-1]
            words += ["--nodes", str(low) if low == high else f"{low}..{high}"]
        for mix in self.mixes:
            words += ["--mix", mix]
        for option in ("seconds", "backend", "speed"):
            if (value := getattr(self, option)) != getattr(usual, option):
                words += [f"--{option}", value if isinstance(value, str) else f"{value:g}"]
        if self.engine != USUAL_ENGINE and self.backend == "sim":
            words += ["--engine", self.engine]
        return words


@dataclass(slots=True)
class SearchReport:
    """The results of a `search` so far."""

    search: Search
    trials: int = 0
    walks: int = 0
    steps: int = 0
    """The number of steps of all walks."""

    simulated: float = 0.0
    elapsed: float = 0.0
    interrupted: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    mixes: Counter[str] = field(default_factory=Counter)
    liveness: dict[str, list[float]] = field(default_factory=dict)
    findings: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count a finished seed."""
        self.trials += 1
        if result.steps:
            self.walks += 1
            self.steps += result.steps
        self.simulated += result.seconds
        self.faults += result.faults
        self.rules += result.rules
        self.mixes[result.plan.mix] += 1
        for name, seconds in result.liveness.items():
            self.liveness.setdefault(name, []).append(seconds)
        if result.finding is not None:
            self.findings.append(result)

    @property
    def first(self) -> Result | None:
        """Return the finding with the lowest seed."""
        return min(self.findings, key=lambda result: result.plan.seed, default=None)

    @property
    def others(self) -> list[Result]:
        """Return all other findings, ordered by seed."""
        return sorted(self.findings, key=lambda result: result.plan.seed)[1:]


Watch = Callable[[SearchReport], None]


def sweep(search: Search, watch: Watch = lambda report: None) -> SearchReport:
    """Run the search; call `watch` after every trial. Ctrl-C ends it and returns the report so far."""
    report = SearchReport(search)
    start = time.monotonic()
    trials = _trials(search, start)
    try:
        for result in trials:
            report.add(result)
            report.elapsed = time.monotonic() - start
            watch(report)
            if report.findings and search.stops_at_finding:
                break
    except KeyboardInterrupt:
        report.interrupted = True
    finally:
        trials.close()
    report.elapsed = time.monotonic() - start
    return report


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _plans(search: Search, start: float) -> Iterator[Plan]:
    seeds = count(search.first_seed)
    for seed in seeds if search.seeds is None else islice(seeds, search.seeds):
        if search.limit is not None and time.monotonic() - start > search.limit:
            return
        yield draw(
            seed,
            search.nodes,
            seconds=search.seconds,
            bugs=search.bugs,
            mixes=search.mixes,
            backend=search.backend,
            speed=search.speed,
            node=search.node,
        )


def _trials(search: Search, start: float) -> Generator[Result, None, None]:
    plans = _plans(search, start)
    run = partial(run_seed, engine="trials" if search.backend == "tcp" else search.engine)
    if search.jobs == 1 or search.backend == "tcp":
        yield from map(run, plans)
        return
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # if it started with the pool, it would receive Ctrl-C
    with ExitStack() as ended:
        with interrupts_held_back():  # the pool's processes must ignore Ctrl-C from the start
            pool = ended.enter_context(context.Pool(search.jobs))
        while chunk := list(islice(plans, search.jobs * CHUNK * 2)):
            # in seed order: the first finding has the lowest seed, whatever the number of processes
            yield from pool.imap(run, chunk, CHUNK)
