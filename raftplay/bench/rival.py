"""Another Raft implementation in Python, PySyncObj, on the same work, in turn with raftplay.

Its nodes also run in this process, each in a thread that it creates, with default settings (except the length of
the queue, which would reject the commands). The time ends when the leader has applied all commands.
"""

import importlib
import importlib.metadata
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from raftplay.bench.clusters import PATIENCE, Stalled
from raftplay.bench.figures import BenchStep, Figure, Measured, Options, median
from raftplay.bench.floor import FIRST, NODES
from raftplay.bench.pipelined import one_by_one, run
from raftplay.errors import UsageError
from raftplay.session.shown import quoted

PYSYNCOBJ = "pysyncobj"
RIVALS = (PYSYNCOBJ,)
COUNTS = (5_000, 50_000)
REPETITIONS = 3
ONE_AT_A_TIME = 10


def steps(rival: str, options: Options) -> list[BenchStep]:
    """Return steps that compare throughput. Raises `UsageError` if `rival` is unknown or not installed."""
    if rival not in RIVALS:
        raise UsageError(f"--against takes {' or '.join(RIVALS)}, not {quoted(rival)}")
    try:
        module = importlib.import_module(rival)
    except ImportError:
        raise UsageError(f"{rival} is not installed; pip install 'raftplay[bench]' installs it") from None
    name = f"PySyncObj {importlib.metadata.version(rival)}"
    nodes = options.of(NODES)
    made = [
        BenchStep(f"{count:,} commands, {name}", 3 + count / 10_000, partial(_measure, module, name, nodes, count))
        for count in map(options.times, COUNTS)
    ]
    made.append(BenchStep(f"one at a time, {name}", 3.0, partial(_measure_one, module, name, nodes)))
    return made


def _measure(module: ModuleType, name: str, nodes: int, count: int) -> list[Measured]:
    ours, theirs = [], []
    for _ in range(REPETITIONS):
        with _cluster(module, nodes) as put:
            theirs.append(count / _commit(put, count))
        ours.append(count / run(nodes, count, one_by_one).total)
    return [
        Figure("against", f"{count:,} commands, {name}", max(theirs), "commits/s"),
        Figure("against", f"{count:,} commands, raftplay, a call each", max(ours), "commits/s"),
        Figure("against", f"{count:,} commands, raftplay by {name}", max(ours) / max(theirs), "×"),
    ]


def _measure_one(module: ModuleType, name: str, nodes: int) -> list[Measured]:
    with _cluster(module, nodes) as put:
        times = [_commit(put, 1) for _ in range(ONE_AT_A_TIME)]
    return [Figure("against", f"one at a time, {name}, p50", median(times) * 1e3, "ms")]


PutNumber = Callable[[int, Callable[[], None]], None]


def _commit(put: PutNumber, count: int) -> float:
    """Return the seconds until the leader has applied `count` commands, each submitted by a separate call."""
    done = threading.Event()
    left = count

    def applied() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    start = time.perf_counter()
    for i in range(count):
        put(FIRST + i, applied)
    if not done.wait(PATIENCE):
        raise Stalled(f"the other implementation made no progress within {PATIENCE:g} s")
    return time.perf_counter() - start


@contextmanager
def _cluster(module: ModuleType, nodes: int) -> Iterator[PutNumber]:
    """Create a cluster of the other implementation with a leader that all know; yield the function to submit."""
    machine = _machine(module)
    logging.getLogger(PYSYNCOBJ).setLevel(logging.CRITICAL + 1)  # it logs many warnings under load
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(nodes)]
    made = [
        machine(at, [other for other in addresses if other != at], module.SyncObjConf(commandsQueueSize=1_000_000))
        for at in addresses
    ]
    try:
        deadline = time.monotonic() + PATIENCE
        while not (all(one.isReady() for one in made) and len({one._getLeader() for one in made}) == 1):
            if time.monotonic() > deadline:
                raise Stalled("the other implementation elected no leader")
            time.sleep(0.01)
        leader = next(one for one in made if one._isLeader())
        yield lambda command, applied: leader.put(command, callback=lambda *_: applied())
    finally:
        for one in made:
            one.destroy()


def _machine(module: Any) -> Callable[..., Any]:
    """Create a state machine that counts its commands."""

    class Counter(module.SyncObj):  # type: ignore[misc]
        def __init__(self, address: str, others: list[str], conf: object) -> None:
            super().__init__(address, others, conf)
            self.count = 0

        @module.replicated  # type: ignore[untyped-decorator]
        def put(self, command: int) -> None:
            self.count += 1

    return Counter


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
