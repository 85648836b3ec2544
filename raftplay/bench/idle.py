"""The CPU of an idle cluster: only heartbeats, over sockets, with the Go reference's timings and delays."""

import time
from functools import partial

from raftplay.bench.clusters import leading
from raftplay.bench.figures import BenchStep, Figure, Measured, Options
from raftplay.bench.floor import Floor
from raftplay.cluster.config import Config

NODES = 5
SECONDS = 3.0


def steps(options: Options) -> list[BenchStep]:
    """Return the steps, without and with watchers."""
    nodes = options.of(NODES)
    seconds = SECONDS / 10 if options.quick else SECONDS
    return [
        BenchStep(f"an idle cluster{words}", seconds * 2 + 0.5, partial(_measure, nodes, seconds, words, watch))
        for words, watch in (("", False), (", every invariant watched", True))
    ]


def _measure(nodes: int, seconds: float, words: str, watch: bool) -> list[Measured]:
    config = Config(unreliable=False)
    with leading(nodes, config=config, watch=watch) as (harness, _):
        start, wall = time.process_time(), time.perf_counter()
        harness.sleep_ms(seconds * 1000)
        used = (time.process_time() - start) / (time.perf_counter() - wall)
    with Floor(nodes - 1) as floor:
        least = floor.cpu_of_heartbeats(config.raft.heartbeat, seconds) / seconds
    what = f"{nodes} idle nodes{words}"
    return [Figure("idle", what, used * 100, "% of a core", least * 100 if nodes > 1 else None)]
