"""Memory: the bytes that a cluster keeps of one small entry on each node, in log, storage and commits."""

import gc
import tracemalloc
from functools import partial

from raftplay.bench.clusters import leading, until
from raftplay.bench.figures import BenchStep, Figure, Options
from raftplay.bench.floor import FIRST, NODES, call_with
from raftplay.cluster.harness import Harness

COUNT = 20_000
WARM_UP = 10_000
"""Commands before the measured ones: they fill everything that is bounded."""


def steps(options: Options) -> list[BenchStep]:
    """Return the step: bytes per entry and node."""
    return [BenchStep("memory", 2.0, partial(measure, options.of(NODES), COUNT))]


def measure(nodes: int, count: int) -> list[Figure]:
    """Commit `count` small commands, and measure the memory kept."""
    with leading(nodes) as (harness, leader):
        tracemalloc.start()
        try:
            _commit(harness, leader, WARM_UP)
            before = _kept()
            _commit(harness, leader, count)
            kept = _kept() - before
        finally:
            tracemalloc.stop()
    floor = (len(call_with(range(FIRST, FIRST + count))) - len(call_with(()))) / count
    return [Figure("memory", "kept of a small entry, on each node", kept / count / nodes, "bytes", floor)]


def _commit(harness: Harness, leader: int, count: int) -> None:
    length = len(harness.commits[leader])
    harness.submit_many(leader, range(FIRST + length, FIRST + length + count))
    until(harness, lambda: all(len(commits) == length + count for commits in harness.commits))


def _kept() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
