"""One answer: the lowest failing seed and the same counterexample, whatever runs the chunks of a search."""

import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support.amount import THOROUGH
from support.command_line import raftplay

from raftplay.explore.search.chunk import Chunk, Tally, run_chunk, tally_of
from raftplay.explore.search.port import Completed, Handle, LostChunk, Workers
from raftplay.explore.search.report import report_text
from raftplay.explore.search.sweep import ChunkPace, Search, SearchReport, sweep, sweep_all, sweep_with
from raftplay.explore.search.trial import Finding, TrialPlan, TrialResult
from raftplay.explore.search.workers import Processes, local_workers
from raftplay.session.status import Status

Answer = Callable[[str], str | LostChunk]


class Shuffled:
    """Workers that run chunks in any order, some of them never; `answer` is what a chunk gives."""

    def __init__(self, seed: int, window: int, answer: Answer) -> None:
        self.window = window
        self.submitted: list[range] = []
        self.ran: list[range] = []
        self._rng, self._answer = random.Random(seed), answer
        self._waiting: dict[Handle, str] = {}

    def submit(self, chunk: str) -> Handle:
        seeds = seeds_of(chunk)
        self.submitted.append(seeds)
        self._waiting[len(self.submitted)] = chunk
        return len(self.submitted)

    def cancel(self, handle: Handle) -> None:
        del self._waiting[handle]

    def completed(self, timeout: float) -> list[Completed]:
        picked = self._rng.sample(list(self._waiting), self._rng.randint(1, len(self._waiting)))
        chunks = [(handle, self._waiting.pop(handle)) for handle in picked]
        self.ran += [seeds_of(chunk) for _, chunk in chunks]
        return [(handle, self._answer(chunk)) for handle, chunk in chunks]

    def close(self) -> None:
        self._waiting.clear()

    @property
    def waits(self) -> bool:
        return bool(self._waiting)


def seeds_of(chunk: str) -> range:
    found = re.search('"first":([0-9]+),"count":([0-9]+)', chunk)
    assert found is not None
    first, count = map(int, found.groups())
    return range(first, first + count)


def failing_at(*seeds: int) -> Answer:
    """Answer as if the trials with these seeds failed; each took a hundredth of a second."""

    def answer(chunk: str) -> str:
        tally = Tally()
        for seed in seeds_of(chunk):
            result = TrialResult(TrialPlan(seed), [f"submit {seed} to 0"], 1, None, 0.5, tally.faults, tally.rules)
            result = replace(result, faults={}, rules={})
            if seed in seeds:
                result.finding = Finding("Log Matching", f"seed {seed}", 0.25)
            tally.add(result)
            if tally.findings and '"stops":true' in chunk:
                break
        tally.wall = 0.01 * tally.trials
        return tally.text

    return answer


def told(report: SearchReport) -> str:
    """A report without its speed."""
    return without_speed(report_text(report))


def without_speed(text: str) -> str:
    return re.sub(r" in [0-9.]+ s: [0-9.]+ a second", "", re.sub(r"\([0-9]+ times real time\)", "", text))


ENDLESS = Search(range(3, 8), seeds=10_000)


@pytest.mark.parametrize("window", [1, 3, 40])
@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_failing_seed_is_the_answer_in_whatever_order_chunks_end(window: int, seed: int) -> None:
    workers = Shuffled(seed, window, failing_at(37, 41, 90, 4000))
    report = sweep_with(workers, ENDLESS)
    assert report.first is not None
    assert report.first.plan.seed == 37
    assert (report.trials, report.simulated, report.others) == (38, 19.0, [])
    assert report.covered == [range(38)]
    assert told(report) == told(sweep_with(Shuffled(9, 2, failing_at(37)), ENDLESS))
    assert len(workers.submitted) < 100


FAILING = {"forget-vote": (37, 90), "zombie": (0,), "torn-vote": (), "commit-old-term": (150,)}
BY_BUG = [replace(ENDLESS, seeds=200, bugs=(bug,)) for bug in FAILING]


def by_bug(chunk: str) -> str | LostChunk:
    found = re.search('"bugs":\\["([a-z-]+)"', chunk)
    assert found is not None
    return failing_at(*FAILING[found[1]])(chunk)


@pytest.mark.parametrize("window", [1, 4, 30])
def test_searches_share_one_queue_and_each_has_its_own_answer(window: int) -> None:
    workers = Shuffled(window, window, by_bug)
    reports = list(sweep_all(workers, BY_BUG))
    alone = [sweep_with(Shuffled(7, 2, by_bug), search) for search in BY_BUG]
    assert [told(report) for report in reports] == [told(report) for report in alone]
    assert [report.trials for report in reports] == [38, 1, 200, 151]
    firsts = [seeds.start for seeds in workers.submitted[:window]]
    assert firsts.count(0) == min(window, len(BY_BUG))  # the others do not wait for the first


def test_ctrl_c_ends_all_searches_and_leaves_nothing_in_the_queue() -> None:
    class Interrupted(Shuffled):
        def completed(self, timeout: float) -> list[Completed]:
            if len(self.submitted) > 20:
                raise KeyboardInterrupt
            return super().completed(timeout)

    workers = Interrupted(2, 6, by_bug)
    reports = list(sweep_all(workers, BY_BUG))
    assert [report.interrupted for report in reports] == [False] * (len(reports) - 1) + [True]
    assert not workers.waits


def test_after_a_finding_no_chunk_above_it_runs_and_those_below_do() -> None:
    workers = Shuffled(3, 30, failing_at(20))
    report = sweep_with(workers, ENDLESS)
    seen = next(at for at, seeds in enumerate(workers.ran) if 20 in seeds)
    assert [seeds for seeds in workers.ran[seen + 30 :] if seeds.start > 20] == []
    assert set(range(21)) <= {seed for seeds in workers.ran for seed in seeds}
    assert report.status is Status.FAILED


def test_a_search_that_keeps_going_counts_every_seed_once_and_every_finding() -> None:
    search = replace(ENDLESS, seeds=500, stops_at_finding=False)
    reports = [sweep_with(Shuffled(seed, seed + 1, failing_at(5, 77, 499)), search) for seed in range(5)]
    assert {told(report) for report in reports} == {told(reports[0])}
    assert [result.plan.seed for result in [reports[4].first, *reports[4].others] if result] == [5, 77, 499]
    assert (reports[4].trials, reports[4].covered) == (500, [range(500)])


@pytest.mark.parametrize("times", [1, 2])
def test_a_chunk_that_was_lost_is_tried_once_more_and_then_counts_as_lost(times: int) -> None:
    tries: dict[int, int] = {}

    def answer(chunk: str) -> str | LostChunk:
        first = seeds_of(chunk).start
        tries[first] = tries.get(first, 0) + 1
        return LostChunk("the machine went away") if 31 in seeds_of(chunk) and tries[first] <= times else ok(chunk)

    ok = failing_at()
    report = sweep_with(Shuffled(1, 4, answer), replace(ENDLESS, seeds=200))
    if times == 1:
        assert (report.trials, report.lost, report.status) == (200, [], Status.HELD)
        return
    ((lost, _),) = report.lost
    assert 31 in lost
    assert report.trials == 200 - len(lost)
    assert report.covered == [range(lost.start), range(lost.stop, 200)]
    assert report.status is Status.FAILED
    text = told(report)
    assert f"LOST, not searched: seeds {lost[0]} to {lost[-1]} (twice; the machine went away)" in text
    assert f"no violation in seeds 0 to {lost[0] - 1}, {lost[-1] + 1} to 199; nothing is known" in text
    assert "nothing broke" not in text


def test_ctrl_c_tells_what_was_covered() -> None:
    ends = iter([False] * 3 + [True])

    class Interrupted(Shuffled):
        def completed(self, timeout: float) -> list[Completed]:
            if next(ends):
                raise KeyboardInterrupt
            handle = max(h for h in self._waiting if isinstance(h, int))  # out of order
            return [(handle, self._answer(self._waiting.pop(handle)))]

    report = sweep_with(Interrupted(0, 3, failing_at()), ENDLESS)
    assert report.interrupted
    assert report.status is Status.INTERRUPTED
    assert sum(map(len, report.covered)) == report.trials > 0
    assert 0 not in [seed for seeds in report.covered for seed in seeds]
    assert "nothing broke" not in report_text(report)
    assert "\nfault profiles: " in report_text(report)
    assert "no violation in seeds 2 to " in report_text(report)
    assert report_text(SearchReport(search=ENDLESS, interrupted=True)).endswith("no seed was searched to its end")


def test_chunks_grow_to_a_second_of_work_and_shrink_towards_the_end() -> None:
    pace, sizes = ChunkPace(500), []
    for _ in range(12):
        sizes.append(pace.size(60.0))
        pace.learn(Tally(trials=sizes[-1], wall=sizes[-1] * 0.005))
    assert sizes == [1, 2, 4, 8, 16, 32, 64, 128, 200, 200, 200, 200]
    assert pace.size(0.1) == 20
    pace.learn(Tally(trials=1, wall=10.0))
    assert pace.size(60.0) == 1


def test_a_chunk_and_its_tally_are_lines_of_json_that_lose_nothing() -> None:
    search = Search(range(3, 6), seconds=0.5, bugs=("forget-vote",), engine="both", stops_at_finding=False)
    text = run_chunk(search.chunk(range(4, 8)).text)
    assert "\n" not in text
    tally = tally_of(text)
    assert tally.trials == 4
    assert tally.findings
    assert isinstance(tally.findings[0].plan, TrialPlan)
    assert tally_of(tally.text) == tally
    assert replace(tally, wall=0.0) == replace(tally_of(run_chunk(search.chunk(range(4, 8)).text)), wall=0.0)
    assert isinstance(search.chunk(range(1)), Chunk)


# ---- real processes


PROCESSES = (1, 2, 4) if THOROUGH else (1, 3)


@pytest.fixture(scope="module", name="kinds")
def each_kind_of_workers() -> Iterator[list[Workers]]:
    with ExitStack() as stack:
        yield [stack.enter_context(local_workers(number)) for number in PROCESSES]


@pytest.mark.parametrize(
    ("bug", "engine"),
    [
        ("accept-old-term", "trials"),
        ("commit-past-new", "trials"),
        ("zombie", "trials"),
        ("stale-vote-reply", "both"),
        ("stale-vote-reply", "walks"),
        ("", "both"),
    ],
)
def test_reports_and_findings_are_equal_for_any_number_of_processes(
    bug: str, engine: str, kinds: list[Workers]
) -> None:
    search = Search(range(3, 8), bugs=(bug,) if bug else (), seeds=200 if bug else 12, engine=engine, seconds=1.0)
    reports = [sweep_with(workers, search) for workers in kinds]
    assert (reports[0].first is not None) is bool(bug)
    assert [told(report) for report in reports[1:]] == [told(reports[0])] * len(reports[1:])
    assert [report.first for report in reports[1:]] == [reports[0].first] * len(reports[1:])


def test_the_counterexample_is_equal_to_the_byte_for_any_number_of_processes(tmp_path: Path) -> None:
    search = ("explore", "--bug", "commit-past-new", "--seconds", "2", "--engine", "trials", "--out", "found.txt")
    files = set()
    for jobs in (("--jobs", "1"), ("--jobs=2",)):
        assert raftplay(*search, "--force", *jobs, cwd=tmp_path).status == 1
        files.add((tmp_path / "found.txt").read_bytes())
    assert len(files) == 1
    (text,) = files
    assert b"--out found.txt --force\n" in text


def test_a_process_that_dies_is_replaced_and_its_chunk_is_tried_once_more() -> None:
    search = Search(range(3, 4), seconds=0.5, seeds=60)
    with local_workers(2) as workers:
        assert isinstance(workers, Processes)
        killed = []

        def kill(report: SearchReport) -> None:
            if report.trials >= 5 and not killed:
                killed.append(workers.pids[0])
                os.kill(killed[0], signal.SIGKILL)

        report = sweep_with(workers, search, kill)
        assert killed[0] not in workers.pids
    assert killed
    assert (report.trials, report.lost) == (60, [])
    assert told(report) == told(sweep(search))


def test_a_chunk_that_raises_is_lost_and_the_reason_is_told() -> None:
    with local_workers(2) as workers:
        handle = workers.submit("no JSON")
        completed: list[Completed] = []
        while not completed:
            completed += workers.completed(60.0)
    ((over, answer),) = completed
    assert over == handle
    assert isinstance(answer, LostChunk)
    assert answer.reason.startswith("it raised DecodeError(")
