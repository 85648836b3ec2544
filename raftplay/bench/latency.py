"""Latency of one command at a time: the next is submitted when the one before is committed."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from raftplay.backends.loop_thread import new_loop
from raftplay.backends.tcp import TcpBackend
from raftplay.bench.bare import commit_one_by_one
from raftplay.bench.clusters import NO_DELAY, PATIENCE, Stalled, check_taken, leading, until
from raftplay.bench.figures import BenchStep, Figure, Measured, Options
from raftplay.bench.floor import FIRST, NODES, Floor, calls_of_a_commit
from raftplay.cluster.harness import Harness
from raftplay.cluster.network import Network
from raftplay.cluster.server import Server
from raftplay.explore.search.sweep import percentile
from raftplay.raft.messages import CommitEntry
from raftplay.raft.storage import MapStorage

COUNT = 2_000
CHUNKS = 10
"""The number of parts of a run; the floor is measured between them, under the same load of the machine."""

MakeLoop = Callable[[], asyncio.AbstractEventLoop]

Core = int | None
"""A core of the machine; None = any."""


def steps(options: Options) -> list[BenchStep]:
    """Return the steps: latency as a caller sees it, and inside the cluster's own loop."""
    nodes, count = options.of(NODES), options.times(COUNT)
    return [
        *(
            BenchStep(words, 1.2, partial(_measure_outside, nodes, count, words, caller, loop))
            for words, caller, loop in placements(cores())
        ),
        BenchStep("one at a time, inside", 1.0, partial(_measure_inside, nodes, count)),
    ]


def commit_one(harness: Harness, leader: int) -> float:
    """Submit one command, and return the seconds until it is committed."""
    committed = harness.commits[leader]
    wanted = len(committed) + 1
    start = time.perf_counter()
    check_taken(harness, [harness.submit_to_server(leader, FIRST + wanted)])
    until(harness, lambda: len(committed) >= wanted)
    return time.perf_counter() - start


def _measure_outside(nodes: int, count: int, words: str, caller: Core, loop: Core) -> list[Measured]:
    """Measure through `Harness`, from another thread than the cluster's, as every caller does."""
    calls = calls_of_a_commit(nodes)
    times: list[float] = []
    on_uvloop: list[float] = []
    on_asyncio: list[float] = []
    with (
        threads_on(loop),
        Floor(nodes - 1) as floor,
        Floor(nodes - 1, asyncio.new_event_loop) as plain_floor,
        leading(nodes) as (harness, leader),
        threads_on(caller),
    ):
        for _ in range(CHUNKS):
            times += [commit_one(harness, leader) for _ in range(count // CHUNKS)]
            on_uvloop += floor.from_outside(calls, count // CHUNKS) if calls else []
            on_asyncio += plain_floor.from_outside(calls, count // CHUNKS) if calls else []
    return [
        _figure(f"{words}, p50", times, on_uvloop),
        _figure(f"{words}, p50 (floor: asyncio's loop)", times, on_asyncio),
        _figure(f"{words}, p99", times, on_uvloop, 0.99),
    ]


def placements(cores: list[int]) -> list[tuple[str, Core, Core]]:
    """Return (words, caller's core, loop's core) for cluster and floor alike: on two cores, and on one."""
    match cores:
        case []:
            return [("one at a time", None, None)]
        case [only]:
            return [("one at a time, on one core", only, only)]
        case [first, second, *_]:
            return [("one at a time", first, second), ("one at a time, on one core", first, first)]
    raise AssertionError(cores)


def cores() -> list[int]:
    """Return the first two cores available to this process, or fewer; none if the system does not report them."""
    return sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else []


@contextmanager
def threads_on(core: Core) -> Iterator[None]:
    """Run this thread, and those started meanwhile, on this core; None = on any.

    The time to wake a thread depends mostly on the core where the system puts it.
    """
    if core is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _measure_inside(nodes: int, count: int) -> list[Measured]:
    """Measure in the cluster's own loop: the commit of a command submits the next."""
    with threads_on(next(iter(cores()), None)):
        inside = _Inside(nodes, count, new_loop)
        times, floor = inside.run(), _floor_inside(nodes, count, new_loop)
        plain_times = _Inside(nodes, count, asyncio.new_event_loop).run()
        plain_floor = _floor_inside(nodes, count, asyncio.new_event_loop)
        bare = commit_one_by_one(nodes, count, new_loop)
    return [
        _figure("inside the cluster's loop, p50", times, floor),
        _figure("inside the cluster's loop, p50 (floor: asyncio's loop)", times, plain_floor),
        _figure("inside the cluster's loop, p99", times, floor, 0.99),
        _figure("inside, cluster and floor on asyncio's loop, p50", plain_times, plain_floor),
        _figure("a bare prototype, without storage and checks, p50", bare, floor),
        Figure("latency", "calls for one command", inside.calls / count, "calls", (nodes - 1) or None),
    ]


def _floor_inside(nodes: int, count: int, make_loop: MakeLoop) -> list[float]:
    calls = calls_of_a_commit(nodes)
    if not calls:
        return []
    with Floor(nodes - 1, make_loop) as floor:
        return floor.inside(calls, count)


class _Inside:
    """Servers without a `Harness`; the first one leads."""

    def __init__(self, nodes: int, count: int, make_loop: MakeLoop) -> None:
        self._count = count
        self._times: list[float] = []
        self._start = 0.0
        self._done = threading.Event()
        self._backend = TcpBackend(make_loop)
        self._network = Network(range(nodes), random.Random(0))
        self._servers = [self._backend.run(partial(self._server, id, nodes)) for id in range(nodes)]

    @property
    def calls(self) -> int:
        """Return the number of calls made until now, this one included."""
        return self._network.new_call_id()

    def run(self) -> list[float]:
        """Return the seconds from each submit to its commit."""
        try:
            self._backend.run(self._begin)
            if not self._done.wait(PATIENCE):
                raise Stalled(f"the cluster made no progress within {PATIENCE:g} s")
            return self._times
        finally:
            self._backend.close(self._stop)

    def _server(self, id: int, nodes: int) -> Server:
        return Server(
            id,
            tuple(peer for peer in range(nodes) if peer != id),
            MapStorage(),
            backend=self._backend,
            network=self._network,
            config=NO_DELAY,
            on_commits=self._committed if id == 0 else None,
        )

    def _begin(self) -> None:
        for one in self._servers:
            for other in self._servers:
                if one is not other:
                    one.connect_to_peer(other.id, other.listen_addr)
        for server in self._servers:
            server.serve()
        self._servers[0].time_out()
        self._backend.call_later(0.1, self._submit)

    def _stop(self) -> None:
        for server in self._servers:
            server.stop()

    def _committed(self, commits: list[CommitEntry]) -> None:
        self._times.append(time.perf_counter() - self._start)
        if len(self._times) < self._count:
            self._backend.call_soon(self._submit)
        else:
            self._done.set()

    def _submit(self) -> None:
        self._start = time.perf_counter()
        self._servers[0].submit(FIRST + len(self._times))


def _figure(what: str, times: list[float], floor: list[float], share: float = 0.5) -> Figure:
    least = percentile(floor, share) * 1e3 if floor else None
    return Figure("latency", what, percentile(times, share) * 1e3, "ms", least)
