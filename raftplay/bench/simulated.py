"""The speed of virtual time: an idle cluster, bare, with its events read, and with every invariant watched."""

import time
from functools import partial

from raftplay.backends.timers import Timers
from raftplay.bench.figures import BenchStep, Figure, Measured, Options
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.raft.config import RaftConfig
from raftplay.watch.facts import Record
from raftplay.watch.stream import Reader

NODES = 5
SECONDS = 60.0
REPETITIONS = 3


def _read(record: Record) -> None:
    """Ignore the record."""


WAYS: tuple[tuple[str, bool, tuple[Reader, ...]], ...] = (
    ("bare", False, ()),
    ("with its events read", False, (_read,)),
    ("with every invariant watched", True, ()),
)


def steps(options: Options) -> list[BenchStep]:
    """Return one step for each way."""
    nodes = options.of(NODES)
    seconds = SECONDS / 10 if options.quick else SECONDS
    return [
        BenchStep(f"virtual time, {words}", 0.7, partial(_measure, nodes, seconds, words, watch, readers))
        for words, watch, readers in WAYS
    ]


def _measure(nodes: int, seconds: float, words: str, watch: bool, readers: tuple[Reader, ...]) -> list[Measured]:
    config = Config(unreliable=False)
    took = []
    for seed in range(REPETITIONS):
        with Harness(nodes, backend="sim", seed=seed, config=config, watch=watch, readers=readers) as harness:
            start = time.perf_counter()
            harness.sleep_ms(seconds * 1000)
            took.append(time.perf_counter() - start)
    value = seconds / min(took)
    floor = seconds / min(_timers_alone(nodes, seconds, config.raft) for _ in range(REPETITIONS))
    return [Figure("simulated", f"{nodes} idle nodes, {words}", value, "simulated s/s", floor)]


def _timers_alone(nodes: int, seconds: float, raft: RaftConfig) -> float:
    """Return the seconds to set and fire as many timers: those of the heartbeats and of their RPCs."""
    timers = Timers()
    start = time.perf_counter()
    for beat in range(int(seconds / raft.heartbeat)):
        now = beat * raft.heartbeat
        for _ in range(nodes):
            timers.add(now, _nothing)
        while timer := timers.pop(now):
            timer.fire()
    return time.perf_counter() - start


def _nothing() -> None:
    pass
