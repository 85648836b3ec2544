"""Runs one script with many seeds in virtual time: it counts the failures of each kind."""

import multiprocessing
import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count as count_from
from itertools import islice
from multiprocessing import resource_tracker

from raftplay.backends.interrupts import interrupts_held_back
from raftplay.cluster.own_node import OwnNode
from raftplay.commands.setup import Setup
from raftplay.explore.scripts.failure import Failure, play
from raftplay.explore.scripts.shrink import commands_of
from raftplay.run.script import Script, parse_script

WRONG = "a command that is invalid"
"""The kind of failure of a script with a command that cannot be done."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """A script that is to be run with `count` seeds from `first` on, for at most `limit` seconds of wall time.

    With `nodes`, each seed draws their number; else the script says it.
    """

    name: str
    text: str
    first: int = 0
    count: int | None = None
    limit: float | None = None
    nodes: range | None = None
    bugs: tuple[str, ...] = ()
    node: OwnNode | None = None
    jobs: int = 1
    stops_at_failure: bool = True

    def script(self, seed: int) -> Script:
        """Return the script with one seed. Raises `ScriptRefused`."""
        drawn = None if self.nodes is None else random.Random(f"plan {seed}").choice(list(self.nodes))
        overrides = Setup(nodes=drawn, seed=seed, backend="sim", bugs=list(self.bugs), node=self.node)
        return parse_script(self.name, self.text, overrides)


@dataclass(frozen=True, slots=True)
class Ended:
    """The run with one seed: how it failed, or why a command was `wrong`; neither if it held."""

    seed: int
    failure: Failure | None
    wrong: str

    @property
    def held(self) -> bool:
        """Return whether the script held."""
        return self.failure is None and not self.wrong

    @property
    def kind(self) -> str:
        """Return the kind of failure."""
        return WRONG if self.failure is None else self.failure.kind


@dataclass(slots=True)
class SeedTally:
    """The runs so far: how many held, and those that did not."""

    held: int = 0
    failed: list[Ended] = field(default_factory=list)
    elapsed: float = 0.0
    is_interrupted: bool = False

    @property
    def runs(self) -> int:
        """Return the number of runs."""
        return self.held + len(self.failed)

    @property
    def kinds(self) -> dict[str, list[Ended]]:
        """Return the failed runs by kind, each with the lowest seed first."""
        kinds: dict[str, list[Ended]] = {}
        for ended in self.failed:
            kinds.setdefault(ended.kind, []).append(ended)
        return kinds


WatchSeeds = Callable[[int], None]


def run_seeds(seeds: Seeds, watch: WatchSeeds) -> SeedTally:
    """Run the script with every seed, in order; call `watch` after each. Ctrl-C ends it: the tally so far."""
    for nodes in [None] if seeds.nodes is None else seeds.nodes:  # a mistake is found before anything runs
        replace(seeds, nodes=None if nodes is None else range(nodes, nodes + 1)).script(seeds.first)
    tally, start = SeedTally(), time.monotonic()
    runs = _runs(seeds, start)
    try:
        for ended in runs:
            if ended.held:
                tally.held += 1
            else:
                tally.failed.append(ended)
                if seeds.stops_at_failure:
                    break
            watch(ended.seed)
    except KeyboardInterrupt:
        tally.is_interrupted = True
    finally:
        runs.close()
    tally.elapsed = time.monotonic() - start
    return tally


def run_seed(seeds: Seeds, seed: int) -> Ended:
    """Run the script with one seed."""
    script = seeds.script(seed)
    played = play(script.setup, commands_of(script))
    return Ended(seed, played.failure, played.wrong)


def _runs(seeds: Seeds, start: float) -> Generator[Ended, None, None]:
    if seeds.jobs == 1:
        yield from map(partial(run_seed, seeds), _wanted(seeds, start))
        return
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # if it started with the pool, it would receive Ctrl-C
    with ExitStack() as ended:
        with interrupts_held_back():  # the pool's processes must ignore Ctrl-C from the start
            pool = ended.enter_context(context.Pool(seeds.jobs))
        wanted = _wanted(seeds, start)
        while chunk := list(islice(wanted, 8 * seeds.jobs)):
            yield from pool.imap(partial(run_seed, seeds), chunk, 2)  # in order: the lowest seed comes first


def _wanted(seeds: Seeds, start: float) -> Iterator[int]:
    numbers = count_from(seeds.first)
    for seed in numbers if seeds.count is None else islice(numbers, seeds.count):
        if seeds.limit is not None and time.monotonic() - start > seeds.limit:
            return
        yield seed
