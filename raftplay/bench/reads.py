"""Reads and writes of one client of the store, one at a time: through the log, by ReadIndex, by a lease, local.

The cluster's own loop begins the next operation when the one before is over, so no thread is woken for each.
"""

import time
from functools import partial

from raftplay.bench.clusters import Stalled, until
from raftplay.bench.figures import BenchStep, Figure, Found, Options
from raftplay.bench.floor import NODES
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.kv.clients import READS, ClientOptions
from raftplay.kv.commands import Get, Put, Request
from raftplay.raft.config import RaftConfig

COUNT = 1_000
REPETITIONS = 3

PATIENT = RaftConfig(0.5, 1.0, checkquorum=True, sticky=True)
"""The options of the clusters: reads by lease need both; a busy machine deposes no leader."""


def steps(options: Options) -> list[BenchStep]:
    """Return one step for each way to read, and one that compares them."""
    nodes, count = options.of(NODES), options.times(COUNT)
    took: dict[str, float] = {}
    made = [BenchStep(f"reads, {reads}", 2.0, partial(_measure, nodes, count, reads, took)) for reads in READS]
    return [*made, BenchStep("reads compared", 0.0, partial(_compare, took))]


def _measure(nodes: int, count: int, reads: str, took: dict[str, float]) -> list[Found]:
    """Measure reads of this kind; with the first one, writes too."""
    config = Config(PATIENT, 0.0, 0.0, clients=ClientOptions(reads=reads))
    with Harness(nodes, config=config, watch=False) as harness:
        until(harness, lambda: any(server.is_leader() for server in harness.cluster))
        harness.client().put("x", 1)
        took[reads] = min(_seconds(harness, Get("x"), count) for _ in range(REPETITIONS))
        found: list[Found] = [Figure("reads", f"a read, {reads}", took[reads] * 1e6, "µs")]
        if reads == READS[0]:
            wrote = min(_seconds(harness, Put("x", value=1), count) for _ in range(REPETITIONS))
            found.insert(0, Figure("reads", "a write", wrote * 1e6, "µs"))
    return found


def _seconds(harness: Harness, request: Request, count: int) -> float:
    """Return the seconds that one operation takes. Raises `Stalled` if one is not answered."""
    start = time.perf_counter()
    calls = [harness.begin("bench", request) for _ in range(count)]
    until(harness, lambda: calls[-1].is_over)
    seconds = time.perf_counter() - start
    if any(call.ending != "ok" for call in calls):
        raise Stalled(f"a client got no answer: the machine is too busy\n{harness.snapshot()}")
    return seconds / count


def _compare(took: dict[str, float]) -> list[Found]:
    return [
        Figure(
            "reads",
            f"reads by {reads} are so many times as fast as through the log",
            took["log"] / took[reads],
            "×",
        )
        for reads in ("index", "lease")
        if {"log", reads} <= took.keys()
    ]
