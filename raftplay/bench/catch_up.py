"""A follower returns after many entries were committed without it, while the others keep committing."""

import time
from dataclasses import replace
from functools import partial

from raftplay.backends import wire
from raftplay.bench.clusters import NO_DELAY, leading, until
from raftplay.bench.figures import BenchStep, Figure, Measured, Options, median
from raftplay.bench.floor import FIRST, NODES
from raftplay.bench.latency import commit_one
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import AppendEntriesArgs
from raftplay.watch.facts import CallSent, Record

MISSED = 100_000

PREVOTE = replace(NO_DELAY, raft=RaftConfig(prevote=True))
"""A returning follower with PreVote deposes no leader."""


def steps(options: Options) -> list[BenchStep]:
    """Return the step: time to catch up, largest request, other commits."""
    return [BenchStep("a follower catches up", 3.0, partial(_measure, options.of(NODES), options.times(MISSED)))]


class AppendFrames:
    """Measures AppendEntries frames that carry entries, in bytes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, record: Record) -> None:
        """Measure one frame."""
        match record.event:
            case CallSent(call_id=id, args=AppendEntriesArgs(entries=entries) as args) if entries:
                self.sizes.append(len(wire.encode(wire.Call(id, args))))


def _measure(nodes: int, missed: int) -> list[Measured]:
    if nodes < 3:
        return []  # nothing is committed without that follower
    took, times = _come_back(nodes, missed, None)
    calls = AppendFrames()
    _come_back(nodes, missed, calls)  # a second run, because measuring frames takes time
    return [
        Figure("catch-up", f"a follower that missed {missed:,} entries has them after", took * 1e3, "ms"),
        Figure("catch-up", "its largest call", max(calls.sizes) / 1024, "KiB"),
        Figure("catch-up", "meanwhile, a commit of the others, p50", median(times) * 1e3, "ms"),
        Figure("catch-up", "meanwhile, a commit of the others, the slowest", max(times) * 1e3, "ms"),
    ]


def _come_back(nodes: int, missed: int, calls: AppendFrames | None) -> tuple[float, list[float]]:
    """Return the seconds until a follower has caught up, and those that each commit took meanwhile."""
    with leading(nodes, config=PREVOTE) as (harness, leader):
        away = (leader + 1) % nodes
        harness.disconnect_peer(away)
        wanted = len(harness.commits[leader]) + missed
        harness.submit_many(leader, range(FIRST, FIRST + missed))
        until(harness, lambda: len(harness.commits[leader]) >= wanted)
        if calls is not None:
            harness.stream.attach(calls)
        start = time.perf_counter()
        harness.reconnect_peer(away)
        times = [commit_one(harness, leader)]
        while len(harness.commits[away]) < wanted:
            times.append(commit_one(harness, leader))
        return time.perf_counter() - start, times
