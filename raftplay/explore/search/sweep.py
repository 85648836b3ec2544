"""A search over many seeds, on any workers: one answer, the lowest failing seed; coverage, and speed."""

import math
import shlex
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from raftplay.cluster.own_node import OwnNode
from raftplay.commands.setup import setting_text
from raftplay.explore.search.chunk import Chunk, Tally, tally_of
from raftplay.explore.search.options import Switches
from raftplay.explore.search.port import Completed, Handle, LostChunk, NobodyLeft, Workers
from raftplay.explore.search.trial import TrialResult
from raftplay.explore.search.workers import local_workers
from raftplay.session.status import Status

USUAL_ENGINE = "both"
"""The default of `raftplay explore --engine`."""

USUAL_NODES = range(3, 8)
"""The default range of nodes in a search."""

CHUNK_SECONDS = 1.0
"""Seconds of wall time that a chunk should take: less costs messages, more delays the end of a search."""

MOST_IN_CHUNK = 500
"""The highest number of seeds of a chunk."""

LOOK_EVERY = 1.0
"""Seconds of wall time between two looks at the clock while no chunk is over."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search: `seeds` seeds from `first_seed` on, or `limit` seconds of wall time, whichever ends first.

    On the backend "tcp", one cluster runs after another, at `speed`.
    """

    nodes: range
    seconds: float = 4.0
    bugs: tuple[str, ...] = ()
    mixes: tuple[str, ...] = ()
    first_seed: int = 0
    seeds: int | None = None
    limit: float | None = None
    jobs: int = 1
    stops_at_finding: bool = True
    backend: str = "sim"
    speed: float = 1.0
    node: OwnNode | None = None
    draws_options: bool = True
    """Options are drawn for each trial."""

    engine: str = "trials"
    """The engines that run for each seed: walks, trials or both."""

    switches: Switches = ()
    """Options that are on, or off, for every seed; the others are drawn."""

    def chunk(self, seeds: range) -> Chunk:
        """Return some of its seeds as a chunk."""
        return Chunk(
            first=seeds.start,
            count=len(seeds),
            low_nodes=self.nodes[0],
            high_nodes=self.nodes[-1],
            seconds=self.seconds,
            bugs=self.bugs,
            mixes=self.mixes,
            engine="trials" if self.backend == "tcp" else self.engine,
            backend=self.backend,
            speed=self.speed,
            node=self.node,
            stops=self.stops_at_finding,
            options=self.draws_options,
            switches=self.switches,
        )

    def again(self, seed: int) -> str:
        """Return the command that repeats `seed` alone, with every option that is not at its default."""
        return shlex.join(["raftplay", "explore", *self.options, "--first-seed", str(seed), "--seeds", "1"])

    @property
    def options(self) -> list[str]:
        """Return every option that is not at its default, but for those that choose seeds, as words."""
        usual = Search(USUAL_NODES)
        words = []
        for bug in self.bugs:
            words += ["--bug", bug]
        if self.node is not None:
            words += ["--node", self.node.text]
        if self.nodes != usual.nodes:
            low, high = self.nodes[0], self.nodes[-1]
            words += ["--nodes", str(low) if low == high else f"{low}..{high}"]
        for mix in self.mixes:
            words += ["--mix", mix]
        for option in ("seconds", "backend", "speed"):
            if (value := getattr(self, option)) != getattr(usual, option):
                words += [f"--{option}", value if isinstance(value, str) else f"{value:g}"]
        words += [f"--set={name}={setting_text(on)}" for name, on in self.switches]
        if not self.draws_options:
            words.append("--no-options")
        if self.engine != USUAL_ENGINE and self.backend == "sim":
            words += ["--engine", self.engine]
        return words


@dataclass(slots=True, kw_only=True)
class SearchReport(Tally):
    """The results of a `search` so far."""

    search: Search
    elapsed: float = 0.0
    interrupted: bool = False
    covered: list[range] = field(default_factory=list)
    """The seeds that were tried, in order; neighbours are joined."""

    lost: list[tuple[range, str]] = field(default_factory=list)
    """Seeds that were not tried, and why: twice, their process went away, or nobody was left to run them."""

    @property
    def first(self) -> TrialResult | None:
        """Return the finding with the lowest seed."""
        return min(self.findings, key=lambda result: result.plan.seed, default=None)

    @property
    def others(self) -> list[TrialResult]:
        """Return all other findings, ordered by seed."""
        return sorted(self.findings, key=lambda result: result.plan.seed)[1:]

    @property
    def status(self) -> Status:
        """Return its exit status: seeds that were lost are not counted as passed."""
        if self.findings or (self.lost and not self.interrupted):
            return Status.FAILED
        return Status.INTERRUPTED if self.interrupted else Status.HELD

    def cover(self, first: int, tally: Tally) -> None:
        """Merge what the seeds from `first` on gave."""
        self.merge(tally)
        seeds = range(first, first + tally.trials)
        if self.covered and self.covered[-1].stop == first:
            seeds = range(self.covered.pop().start, seeds.stop)
        self.covered.append(seeds)


WatchSweep = Callable[[SearchReport], None]


def sweep(search: Search, watch: WatchSweep = lambda report: None) -> SearchReport:
    """Run the search on this machine; call `watch` when seeds are done. Ctrl-C ends it: the report so far."""
    with local_workers(1 if search.backend == "tcp" else search.jobs) as workers:
        return sweep_with(workers, search, watch)


def sweep_with(workers: Workers, search: Search, watch: WatchSweep = lambda report: None) -> SearchReport:
    """Run the search over `workers`, which may be anywhere; the report is the same over any number of them."""
    with closing(sweep_all(workers, [search], watch)) as reports:
        return next(reports)


def sweep_all(
    workers: Workers, searches: Iterable[Search], watch: WatchSweep = lambda report: None
) -> Generator[SearchReport]:
    """Run searches over one queue of their chunks; give the report of each in their order, once it is over.

    Chunks of later searches run while earlier ones wait for their last. Ctrl-C ends them all: the report so far of
    the next one is the last.
    """
    sweeps = [_Sweep(workers, search, watch) for search in searches]
    try:
        while sweeps:
            try:
                _run_first(workers, sweeps)
            except KeyboardInterrupt:
                sweeps[0].report.interrupted = True
                sweeps[0].take_all()
            except NobodyLeft as gone:
                sweeps[0].lose_all(str(gone))
                sweeps[0].take_all()
            yield sweeps[0].report
            if sweeps[0].report.interrupted:
                return
            sweeps.pop(0).cancel_all()
    finally:
        for sweeping in sweeps:
            sweeping.cancel_all()


def _run_first(workers: Workers, sweeps: "list[_Sweep]") -> None:
    """Run the first of some searches to its end, and as much of the others as there is room for."""
    while True:
        sweeps[0].submit(1)
        for most in (1, workers.window):  # chunks of one search; those above a finding are in vain
            for sweeping in sweeps:
                sweeping.submit(most, workers.window - sum(other.running for other in sweeps))
        if not sweeps[0].running:
            return
        over = workers.completed(LOOK_EVERY)
        for sweeping in sweeps:
            sweeping.take(over)


@dataclass(slots=True)
class _Span:
    """Some seeds that were submitted as a chunk."""

    seeds: range
    is_retry: bool = False


class _Sweep:
    """Keeps a window of chunks submitted, and merges their tallies in the order of seeds.

    After a finding, chunks above its seed are cancelled and those below run to their end, so that the lowest
    failing seed is the answer; nothing above it is counted.
    """

    def __init__(self, workers: Workers, search: Search, watch: WatchSweep) -> None:
        self.report = SearchReport(search=search)
        self._workers, self._search, self._watch = workers, search, watch
        self._start: float | None = None
        self._next = self._frontier = search.first_seed
        self._end = None if search.seeds is None else search.first_seed + search.seeds
        self._lowest: int | None = None  # the lowest failing seed so far
        self._running: dict[Handle, _Span] = {}
        self._again: list[_Span] = []
        self._done: dict[int, tuple[_Span, Tally | LostChunk]] = {}  # not merged yet, by first seed
        self._pace = ChunkPace(1 if search.backend == "tcp" else MOST_IN_CHUNK)

    @property
    def running(self) -> int:
        """Return how many of its chunks are on their way."""
        return len(self._running)

    def submit(self, most: int, room: int = 1) -> None:
        """Submit at most `room` chunks until `most` are on their way, or none are left."""
        for _ in range(min(room, most - self.running)):
            if (span := self._next_span()) is None:
                return
            if self._start is None:
                self._start = time.monotonic()
            self._running[self._workers.submit(self._search.chunk(span.seeds).text)] = span

    def take(self, over: Iterable[Completed]) -> None:
        """Take the answers of its chunks among those that are over."""
        mine = [(self._running.pop(handle), answer) for handle, answer in over if handle in self._running]
        for span, answer in mine:
            self._take(span, answer)
        if mine:
            self._merge()

    def take_all(self) -> None:
        """Merge the tallies that came out of order too: the search ends before those between them are known."""
        for first in sorted(self._done):
            self._count(*self._done.pop(first))
        self._tell()

    def lose_all(self, reason: str) -> None:
        """Count what still runs as lost."""
        for span in [*self._running.values(), *self._again]:
            self._done[span.seeds.start] = span, LostChunk(reason)

    def cancel_all(self) -> None:
        """Cancel what still runs."""
        for handle in self._running:
            self._workers.cancel(handle)
        self._running.clear()

    def _next_span(self) -> _Span | None:
        if self._again:
            return self._again.pop()
        left = math.inf if self._search.limit is None else self._search.limit - self._elapsed
        if self._lowest is not None or left <= 0:
            return None
        size = self._pace.size(left)
        stop = self._next + size if self._end is None else min(self._next + size, self._end)
        seeds, self._next = range(self._next, stop), stop
        return _Span(seeds) if seeds else None

    def _take(self, span: _Span, answer: str | LostChunk) -> None:
        """Keep the answer of a chunk, or submit a lost one once more."""
        if self._lowest is not None and span.seeds.start > self._lowest:
            return
        if isinstance(answer, LostChunk):
            if not span.is_retry:
                self._again.append(_Span(span.seeds, is_retry=True))
            else:
                self._done[span.seeds.start] = span, LostChunk(f"twice; {answer.reason}")
            return
        tally = tally_of(answer)
        self._pace.learn(tally)
        self._done[span.seeds.start] = span, tally
        if tally.findings and self._search.stops_at_finding:
            self._stop_above(min(result.plan.seed for result in tally.findings))

    def _stop_above(self, seed: int) -> None:
        """Drop every chunk that starts above a failing seed."""
        if self._lowest is None or seed < self._lowest:
            self._lowest = seed
        for handle, span in list(self._running.items()):
            if span.seeds.start > self._lowest:
                self._workers.cancel(handle)
                del self._running[handle]
        self._again = [span for span in self._again if span.seeds.start < self._lowest]
        self._done = {first: done for first, done in self._done.items() if first <= self._lowest}

    def _merge(self) -> None:
        """Merge the tallies up to the first chunk that is not over."""
        while self._frontier in self._done:
            span, answer = self._done.pop(self._frontier)
            self._frontier = span.seeds.stop
            self._count(span, answer)
        self._tell()

    def _count(self, span: _Span, answer: Tally | LostChunk) -> None:
        if isinstance(answer, LostChunk):
            self.report.lost.append((span.seeds, answer.reason))
        else:
            self.report.cover(span.seeds.start, answer)

    def _tell(self) -> None:
        self.report.elapsed = self._elapsed
        self._watch(self.report)

    @property
    def _elapsed(self) -> float:
        """Return the seconds since its first chunk was submitted."""
        return 0.0 if self._start is None else time.monotonic() - self._start


class ChunkPace:
    """Chooses the size of chunks: one seed at first, then about a second of work, at most `most` seeds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 1
        self._cost = 0.0  # seconds per seed, as the last chunk cost

    def size(self, left: float) -> int:
        """Return the number of seeds of the next chunk, if `left` seconds of the search are left."""
        seconds = min(CHUNK_SECONDS, left)
        wanted = seconds / self._cost if self._cost else 1
        return max(1, min(self._most, 2 * self._size, int(wanted)))

    def learn(self, tally: Tally) -> None:
        """Note what a chunk cost."""
        self._size = tally.trials
        self._cost = tally.wall / max(1, tally.trials)


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
