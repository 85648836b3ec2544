"""One command at a time: the next is submitted once the one before is committed."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from functools import partial

from raftplay.backends.tcp import TcpBackend, new_loop
from raftplay.bench.clusters import NO_DELAY, PATIENCE, Stalled, check_taken, leading, until
from raftplay.bench.figures import Figure, Found, Options, Step
from raftplay.bench.floor import FIRST, NODES, Floor, phases_of_a_commit
from raftplay.cluster.harness import Harness
from raftplay.cluster.network import Network
from raftplay.cluster.server import Server
from raftplay.explore.sweep import percentile
from raftplay.raft.messages import CommitEntry
from raftplay.raft.storage import MapStorage

COUNT = 2_000
CHUNKS = 10
"""Into how many parts the commands are cut; the floor is measured in between, on the same busy or idle machine."""


def steps(options: Options) -> list[Step]:
    """Latency as a caller sees it, and inside the cluster's own loop."""
    nodes, count = options.of(NODES), options.times(COUNT)
    return [
        Step("one at a time", 1.0, partial(_measure_outside, nodes, count)),
        Step("one at a time, inside", 1.0, partial(_measure_inside, nodes, count)),
    ]


def commit_one(harness: Harness, leader: int) -> float:
    """Seconds until one more command is submitted and committed."""
    committed = harness.commits[leader]
    wanted = len(committed) + 1
    start = time.perf_counter()
    check_taken(harness, [harness.submit_to_server(leader, FIRST + wanted)])
    until(harness, lambda: len(committed) >= wanted)
    return time.perf_counter() - start


def _measure_outside(nodes: int, count: int) -> list[Found]:
    """Through `Harness`, from another thread than the cluster's, as every caller of it."""
    times: list[float] = []
    floors = [_Floors(new_loop), _Floors(asyncio.new_event_loop)]
    with floors[0].floor, floors[1].floor, leading(nodes) as (harness, leader):
        phases = phases_of_a_commit(nodes)
        for _ in range(CHUNKS):
            times += [commit_one(harness, leader) for _ in range(count // CHUNKS)]
            for one in floors:
                one.times += one.floor.from_outside(phases, count // CHUNKS) if phases else []
    return _figures("one at a time", times, floors[0].times, floors[1].times)


def _measure_inside(nodes: int, count: int) -> list[Found]:
    """In the cluster's own loop: the next command is submitted as the commit of the last one is reported."""
    phases = phases_of_a_commit(nodes)
    floors = []
    for make_loop in (new_loop, asyncio.new_event_loop):
        with Floor(make_loop) as floor:
            floors.append(floor.inside(phases, count) if phases else [])
    return _figures("inside the cluster's loop", _Inside(nodes, count).run(), *floors)


class _Floors:
    """A floor on one kind of loop, and the times that it took so far."""

    def __init__(self, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.floor = Floor(make_loop)
        self.times: list[float] = []


class _Inside:
    """Servers without a `Harness` around them, whose first one leads."""

    def __init__(self, nodes: int, count: int) -> None:
        self._count = count
        self._times: list[float] = []
        self._start = 0.0
        self._done = threading.Event()
        self._backend = TcpBackend()
        self._network = Network(range(nodes), random.Random(0))
        self._servers = [self._backend.run(partial(self._server, id, nodes)) for id in range(nodes)]

    def run(self) -> list[float]:
        """Seconds from each submit to its commit."""
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


def _figures(what: str, times: list[float], floors: list[float], floors_of_asyncio: list[float]) -> list[Found]:
    rows = (
        (0.5, "p50", floors),
        (0.5, "p50 (floor: asyncio's loop)", floors_of_asyncio),
        (0.99, "p99", floors),
    )
    return [
        Figure(
            "latency",
            f"{what}, {words}",
            percentile(times, share) * 1e3,
            "ms",
            percentile(least, share) * 1e3 if least else None,
        )
        for share, words, least in rows
    ]
