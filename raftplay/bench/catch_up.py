"""A follower that was away while many entries were committed comes back, and the others go on committing."""

import time
from functools import partial

from raftplay.backends import wire
from raftplay.bench.clusters import leading, until
from raftplay.bench.figures import Figure, Found, Options, Step
from raftplay.bench.floor import FIRST, NODES
from raftplay.bench.latency import commit_one
from raftplay.explore.sweep import percentile
from raftplay.raft.messages import AppendEntriesArgs
from raftplay.watch.events import CallSent, Record

MISSED = 100_000


def steps(options: Options) -> list[Step]:
    """How long it takes, in how large calls, and what the others notice."""
    return [Step("a follower catches up", 3.0, partial(_measure, options.of(NODES), options.times(MISSED)))]


class Calls:
    """A reader of events: the AppendEntries with entries that one node was sent."""

    def __init__(self, peer_id: int) -> None:
        self.sizes: list[int] = []
        self._peer_id = peer_id

    def __call__(self, record: Record) -> None:
        """Look at one event."""
        match record.event:
            case CallSent(call_id=id, dst=self._peer_id, args=AppendEntriesArgs(entries=entries) as args) if (
                entries
            ):
                self.sizes.append(len(wire.encode(wire.Call(id, args))))


def _measure(nodes: int, missed: int) -> list[Found]:
    if nodes < 3:
        return []  # without that follower nothing is committed
    with leading(nodes) as (harness, leader):
        away = (leader + 1) % nodes
        harness.disconnect_peer(away)
        harness.submit_many(leader, range(FIRST, FIRST + missed))
        until(harness, lambda: len(harness.commits[leader]) > missed)
        calls = Calls(away)
        harness.stream.attach(calls)
        start = time.perf_counter()
        harness.reconnect_peer(away)
        times = []
        while len(harness.commits[away]) <= missed:
            times.append(commit_one(harness, leader))
        took = time.perf_counter() - start
    return [
        Figure("catch-up", f"a follower that missed {missed:,} entries has them after", took * 1e3, "ms"),
        Figure("catch-up", "its largest call", max(calls.sizes) / 1024, "KiB"),
        Figure("catch-up", "meanwhile, a commit of the others, p50", percentile(times, 0.5) * 1e3, "ms"),
        Figure("catch-up", "meanwhile, a commit of the others, the slowest", max(times) * 1e3, "ms"),
    ]
