"""Pipelined throughput: commands submitted as fast as the caller can, until all are committed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from raftplay.bench.clusters import check_taken, leading, until
from raftplay.bench.figures import BenchStep, Figure, Measured, Options, median
from raftplay.bench.floor import FIRST, NODES, Floor, calls_with
from raftplay.cluster.harness import Harness

COUNTS = (1_000, 5_000, 10_000, 50_000, 100_000)
WATCHED = 5_000
"""The number of commands submitted with every invariant watched."""

SubmitAll = Callable[[Harness, int, int], list[int]]


@dataclass(frozen=True, slots=True)
class PipelinedRun:
    """Seconds until all commands were submitted, and until the leader had committed all; `cpu`: CPU seconds."""

    submitting: float
    total: float
    cpu: float


def one_by_one(harness: Harness, leader: int, count: int) -> list[int]:
    """Submit commands by a call each."""
    submit = harness.submit_to_server
    return [submit(leader, FIRST + i) for i in range(count)]


def all_at_once(harness: Harness, leader: int, count: int) -> list[int]:
    """Submit all commands by one call."""
    return harness.submit_many(leader, range(FIRST, FIRST + count))


def run(nodes: int, count: int, submit: SubmitAll, *, watch: bool = False) -> PipelinedRun:
    """Start a new cluster, and commit `count` commands."""
    with leading(nodes, watch=watch) as (harness, leader):
        committed = harness.commits[leader]
        wanted = len(committed) + count
        start, cpu = time.perf_counter(), time.process_time()
        indices = submit(harness, leader, count)
        submitted = time.perf_counter()
        until(harness, lambda: len(committed) >= wanted)
        total = time.perf_counter() - start
        cpu = time.process_time() - cpu
        check_taken(harness, indices)
        return PipelinedRun(submitted - start, total, cpu)


def steps(options: Options) -> list[BenchStep]:
    """Return the throughput steps, without and with watchers."""
    nodes = options.of(NODES)
    counts = [options.times(count) for count in COUNTS]
    costs: dict[int, float] = {}
    made = [
        BenchStep(f"{count:,} commands", 0.5 + count / 40_000, partial(_measure, nodes, count, options, costs))
        for count in counts
    ]
    watched = options.times(WATCHED)
    made.append(
        BenchStep(f"{watched:,} commands, watched", 1.5, partial(_measure_watched, nodes, watched, options))
    )
    made.append(BenchStep("how the cost grows", 0.0, lambda: _growth(costs)))
    return made


def repetitions(count: int, options: Options) -> int:
    """Return the number of runs: more for few commands, because short runs vary more."""
    return 1 if options.quick else max(5, min(15, 60_000 // count))


def _measure(nodes: int, count: int, options: Options, costs: dict[int, float]) -> list[Measured]:
    floor = _floor(nodes, count)
    times = repetitions(count, options)
    each = [run(nodes, count, one_by_one) for _ in range(times)]
    many = [run(nodes, count, all_at_once) for _ in range(times)]
    costs[count] = median([one.cpu for one in each]) / count
    return [
        _rate(count, "a call each", each, floor),
        Figure(
            "pipelined",
            f"{count:,} commands: a call, on the caller's side",
            min(one.submitting for one in each) / count * 1e6,
            "µs",
        ),
        _rate(count, "one submit_many", many, floor),
    ]


def _measure_watched(nodes: int, count: int, options: Options) -> list[Measured]:
    runs = [run(nodes, count, one_by_one, watch=True) for _ in range(repetitions(count, options))]
    return [_rate(count, "a call each, all invariants watched", runs, _floor(nodes, count))]


def _growth(costs: dict[int, float]) -> list[Measured]:
    """Return the CPU cost of a command in the longest run, divided by that in the shortest."""
    few, many = min(costs), max(costs)
    return [Figure("pipelined", f"CPU of a command in {many:,} by that in {few:,}", costs[many] / costs[few], "×")]


def _rate(count: int, how: str, runs: list[PipelinedRun], floor: float | None) -> Figure:
    value = count / min(one.total for one in runs)
    return Figure("pipelined", f"{count:,} commands, {how}", value, "commits/s", floor)


def _floor(nodes: int, count: int) -> float | None:
    """Return the commands per second of the bare bytes, sent to all peers; None without peers."""
    if nodes == 1:
        return None
    calls = calls_with(count) * (nodes - 1)
    with Floor(nodes - 1) as floor:
        return count / min(floor.inside(calls, 5))
