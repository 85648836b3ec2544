"""The speed of a search, per second of CPU: seeds by trials, steps by walks, with every invariant watched."""

import time
from collections.abc import Callable
from functools import partial

from raftplay.bench.figures import BenchStep, Figure, Measured, Options
from raftplay.explore.search.chunk import rare_collections
from raftplay.explore.search.sweep import USUAL_NODES
from raftplay.explore.search.trial import draw, run_trial
from raftplay.explore.walks.walk import draw_walk, run_walk

TRIALS, WALKS = 20, 40
"""The number of seeds that are tried, always the same."""

REPETITIONS = 3
SECONDS = 4.0
FEWEST = 3
"""The fewest nodes of a search."""


def steps(options: Options) -> list[BenchStep]:
    """Return one step for each engine."""
    nodes = (
        USUAL_NODES if options.nodes is None else range(max(FEWEST, options.nodes), max(FEWEST, options.nodes) + 1)
    )
    return [
        BenchStep("a search by trials", 2.5, partial(_measure, options.times(TRIALS), "seeds/s", nodes, _trial)),
        BenchStep("a search by walks", 1.0, partial(_measure, options.times(WALKS), "steps/s", nodes, _walk)),
    ]


def _measure(seeds: int, unit: str, nodes: range, run: Callable[[int, range], int]) -> list[Measured]:
    rates = []
    with rare_collections():
        for _ in range(REPETITIONS):
            start = time.process_time()
            done = sum(run(seed, nodes) for seed in range(seeds))
            rates.append(done / (time.process_time() - start))
    span = f"{nodes[0]} to {nodes[-1]} nodes" if len(nodes) > 1 else f"{nodes[0]} nodes"
    return [Figure("search", f"{'trials' if run is _trial else 'walks'}, {span}", max(rates), unit)]


def _trial(seed: int, nodes: range) -> int:
    """Run the trial of a seed; return 1, a seed."""
    run_trial(draw(seed, nodes, seconds=SECONDS))
    return 1


def _walk(seed: int, nodes: range) -> int:
    """Run the walk of a seed; return its number of steps."""
    return len(run_walk(draw_walk(seed, nodes[seed % len(nodes)])).steps)
