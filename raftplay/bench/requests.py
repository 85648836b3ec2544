"""Requests of clients of the key-value store: one at a time and pipelined, and reads of each kind."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from raftplay.bench.clusters import NO_DELAY, leading, until
from raftplay.bench.figures import BenchStep, Figure, Measured, Options
from raftplay.bench.floor import NODES
from raftplay.cluster.harness import Harness
from raftplay.kv.clients import READS, ClientOptions, OperationCall
from raftplay.kv.commands import Get, KeyRequest, Put
from raftplay.raft.config import RaftConfig

COUNT = 500
"""The number of requests one at a time."""

PARTS = 5
"""The parts of a run, of which the fastest counts."""

MANY, CLIENTS = 5_000, 64
"""The number of pipelined requests, and of the clients that make them, each one after another."""

LEASES = RaftConfig(0.4, 0.8, checkquorum=True, sticky=True)
"""The options that reads by a lease need; a busy machine lets no such lease end."""

WORDS = {
    "log": "through the log",
    "index": "by ReadIndex",
    "lease": "by a lease",
    "local": "from any store, perhaps too old",
}
"""The ways to read."""


def steps(options: Options) -> list[BenchStep]:
    """Return the steps: one request at a time, then many clients at once."""
    nodes = options.of(NODES)
    return [
        BenchStep(
            "requests of a client, one at a time", 2.0, partial(_one_at_a_time, nodes, options.times(COUNT))
        ),
        BenchStep("requests of many clients", 2.0, partial(_pipelined, nodes, options.times(MANY))),
    ]


def _one_at_a_time(nodes: int, count: int) -> list[Measured]:
    puts, rates = [], {}
    for reads in READS:
        config = replace(NO_DELAY, raft=LEASES, clients=ClientOptions(reads=reads))
        with leading(nodes, config=config) as (harness, _):
            harness.client().put("x", 0)
            harness.client().get("x")
            puts.append(_rate_of(harness, Put("x", value=1), count))
            rates[reads] = _rate_of(harness, Get("x"), count)
    found: list[Measured] = [Figure("requests", "put, one at a time", max(puts), "requests/s")]
    found += [
        Figure("requests", f"get {WORDS[reads]}, one at a time", rate, "requests/s")
        for reads, rate in rates.items()
    ]
    found += [
        Figure("requests", f"get {WORDS[reads]}, times one through the log", rate / rates["log"], "×")
        for reads, rate in rates.items()
        if reads != "log"
    ]
    return found


def _rate_of(harness: Harness, request: KeyRequest, count: int) -> float:
    """Return how many such requests a second one client is answered, one after another, in the fastest part."""
    each, best = max(1, count // PARTS), 0.0
    for _ in range(PARTS):
        start = time.perf_counter()
        for _ in range(each):
            harness.ask("main", request)
        best = max(best, each / (time.perf_counter() - start))
    return best


def _are_over(calls: Sequence[OperationCall]) -> bool:
    return all(call.is_over for call in reversed(calls))


def _pipelined(nodes: int, count: int) -> list[Measured]:
    found: list[Measured] = []
    for what, request in (("put", Put("x", value=1)), ("get through the log", Get("x"))):
        with leading(nodes) as (harness, _):
            start = time.perf_counter()
            calls = harness.begin_many([(f"c{at % CLIENTS}", request) for at in range(count)])
            until(harness, partial(_are_over, calls))
            rate = count / (time.perf_counter() - start)
        found.append(Figure("requests", f"{what}, {CLIENTS} clients at once", rate, "requests/s"))
    return found
