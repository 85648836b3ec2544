"""`raftplay bench`: every figure it promises, its JSON, its charts, and what is said where an option is wrong."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from support.command_line import Ended, raftplay

from raftplay import Harness
from raftplay.backends import tcp
from raftplay.bench import bare, clusters, command, elections, latency, pipelined, rival
from raftplay.bench.command import BenchProgress, bench, plan
from raftplay.bench.curves import draw
from raftplay.bench.figures import BenchStep, Curve, Figure, Measured, Options
from raftplay.bench.floor import Floor, calls_of_a_commit, calls_with
from raftplay.bench.measurements import MEASUREMENTS, Measurement
from raftplay.bench.report import number
from raftplay.cluster.config import Config
from raftplay.errors import UsageError
from raftplay.raft.config import RaftConfig
from raftplay.session.status import Status

COMMAND = [sys.executable, "-W", "error", "-m", "raftplay.cli", "bench"]
QUICK = Options(quick=True)


def run(*args: str) -> Ended:
    return raftplay("bench", *args)


def steps_are(monkeypatch: pytest.MonkeyPatch, *steps: BenchStep) -> None:
    """Let the whole benchmark be these steps."""
    monkeypatch.setattr(command, "MEASUREMENTS", {"floor": Measurement("the floor", lambda _: list(steps))})


def found_by(monkeypatch: pytest.MonkeyPatch, *found: Measured) -> None:
    """Let the whole benchmark be one step that finds this."""
    steps_are(monkeypatch, BenchStep("a step", 1.0, lambda: found))


def text_of(monkeypatch: pytest.MonkeyPatch, *found: Measured) -> str:
    found_by(monkeypatch, *found)
    written: list[str] = []
    assert bench([], None, QUICK, as_json=False, write=written.append, watch=lambda _: None) is Status.HELD
    return "\n".join(written)


# ---- everything, once


def test_the_whole_of_it_gives_every_figure_as_one_json_object() -> None:
    done = run("--quick", "--json")
    assert (done.status, done.err) == (0, "")
    whole = json.loads(done.out)
    assert whole["schema"] == "raftplay.bench/1"
    assert whole["stopped"] is None
    assert whole["options"] == {"nodes": None, "quick": True}
    assert set(whole["environment"]) == {"raftplay", "python", "loop", "system", "cores"}
    figures = whole["figures"]
    assert list(dict.fromkeys(figure["group"] for figure in figures)) == list(MEASUREMENTS)
    for figure in figures:
        assert set(figure) == {"group", "what", "value", "unit", "floor", "ratio"}
        assert figure["value"] > 0, figure
        assert (figure["ratio"] is None) == (figure["floor"] is None), figure
    words = [figure["what"] for figure in figures]
    assert len(set(words)) == len(words)
    for part in (
        "a call each",
        "one submit_many",
        "on the caller's side",
        "every invariant watched",
        "p50",
        "p99",
    ):
        assert any(part in what for what in words), part
    curves = whole["curves"]
    assert len(curves) == len(elections.SPREADS) + len(elections.SCALES)
    for curve in curves:
        assert len(curve["times_ms"]) == elections.TRIALS // 10
        assert curve["times_ms"] == sorted(curve["times_ms"])


def test_a_measurement_alone_is_a_table_without_progress_where_no_terminal_is() -> None:
    done = run("--quick", "--only", "simulated", "--only", "search", "--only", "memory", "--nodes", "3")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("raftplay ")
    titles = [line.split("  ")[0] for line in lines if line and line[0] != " "]
    assert titles[-3:] == [MEASUREMENTS[name].title for name in ("simulated", "search", "memory")]
    rows = [line for line in lines if line.startswith("  3 idle nodes")]
    assert [row.split("  ")[1] for row in rows] == [
        f"3 idle nodes, {words}" for words in ("bare", "with its events read", "with every invariant watched")
    ]
    assert all(line.endswith("floor  times") for line in lines if line.startswith(titles[-3]))
    assert [line.split()[-1] for line in lines if ", 3 nodes " in line] == ["seeds/s", "steps/s"]
    assert max(map(len, lines)) <= 110
    assert "\x1b" not in done.out


def test_a_cluster_of_one_can_be_measured_too() -> None:
    done = run(
        "--quick", "--only", "pipelined", "--only", "latency", "--only", "catch-up", "--nodes", "1", "--json"
    )
    assert (done.status, done.err) == (0, "")
    figures = json.loads(done.out)["figures"]
    assert {figure["group"] for figure in figures} == {"pipelined", "latency"}
    assert all(figure["floor"] is None for figure in figures)


# ---- options


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--only", "latencey"), "unknown measurement 'latencey'; did you mean 'latency'?"),
        (("--only", "\x1b[31m"), "unknown measurement '\\x1b[31m'; floor, pipelined, "),
        (("--only", "against"), "unknown measurement 'against'; floor, pipelined, "),
        (("--against", "etcd"), "--against takes pysyncobj, not 'etcd'"),
        (("--nodes", "26"), "less than or equal to 25"),
    ],
)
def test_a_wrong_option_is_one_sentence_before_anything_is_measured(args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "\x1b" not in done.err


def test_an_implementation_that_is_not_installed_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysyncobj", None)
    with pytest.raises(
        UsageError, match=r"pysyncobj is not installed; pip install 'raftplay\[bench\]' installs it"
    ):
        plan([], "pysyncobj", QUICK)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_only_takes_the_steps_of_that_measurement_alone(name: str) -> None:
    assert [step.what for step in plan([name], None, QUICK)] == [
        step.what for step in MEASUREMENTS[name].steps(QUICK)
    ]


def test_without_only_all_steps_are_taken_in_under_two_minutes() -> None:
    steps = plan([], None, Options())
    assert [step.what for step in steps] == [s.what for row in MEASUREMENTS.values() for s in row.steps(Options())]
    assert sum(step.seconds for step in steps) < 120


# ---- the other implementation, played by a stand-in


class FakeSyncObj:
    """As much of PySyncObj as is used: every node applies what the leader is given, at once."""

    made: ClassVar["list[FakeSyncObj]"] = []

    def __init__(self, address: str, others: list[str], conf: object) -> None:
        self.address, self.others, self.destroyed = address, others, False
        FakeSyncObj.made.append(self)

    def isReady(self) -> bool:  # noqa: N802
        return True

    def _getLeader(self) -> str:  # noqa: N802
        return "the first"

    def _isLeader(self) -> bool:  # noqa: N802
        return self is FakeSyncObj.made[-len(self.others) - 1]

    def destroy(self) -> None:
        self.destroyed = True


class FakeModule:
    SyncObj = FakeSyncObj

    @staticmethod
    def SyncObjConf(**_: object) -> object:  # noqa: N802
        return object()

    @staticmethod
    def replicated(method):  # type: ignore[no-untyped-def]
        def put(self, command, callback):  # type: ignore[no-untyped-def]
            method(self, command)
            callback(None, None)

        return put


def test_both_implementations_do_the_same_work_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysyncobj", FakeModule)  # type: ignore[arg-type]
    monkeypatch.setattr(rival.importlib.metadata, "version", lambda _: "0.0")
    monkeypatch.setattr(rival, "COUNTS", (100, 200))
    steps = plan(["against"], "pysyncobj", Options())
    found = [figure for step in steps for figure in step.measure()]
    assert [figure.what for figure in found if isinstance(figure, Figure)] == [
        "100 commands, PySyncObj 0.0",
        "100 commands, raftplay, a call each",
        "100 commands, raftplay by PySyncObj 0.0",
        "200 commands, PySyncObj 0.0",
        "200 commands, raftplay, a call each",
        "200 commands, raftplay by PySyncObj 0.0",
        "one at a time, PySyncObj 0.0, p50",
    ]
    assert FakeSyncObj.made
    assert all(one.destroyed for one in FakeSyncObj.made)


# ---- how it is shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.01234, "0.0123"), (1.0, "1"), (12.34, "12.3"), (123.4, "123"), (999.6, "1000"), (123_456.0, "123,000")],
)
def test_a_number_is_shown_with_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_ratio_says_how_many_times_the_floor_whichever_way_is_better() -> None:
    assert Figure("floor", "", 30.0, "µs", 10.0).ratio == 3.0
    assert Figure("floor", "", 10.0, "commits/s", 30.0).ratio == 3.0
    assert Figure("floor", "", 10.0, "µs").ratio is None


def test_a_row_shows_the_figure_its_floor_and_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(monkeypatch, Figure("latency", "one", 0.5, "ms", 0.1), Figure("memory", "kept", 300.0, "bytes"))
    tables = [[line.split() for line in table.splitlines()] for table in text.split("\n\n")[1:]]
    assert tables == [
        [[*MEASUREMENTS["latency"].title.split(), "floor", "times"], ["one", "0.5", "ms", "0.1", "5"]],
        [["memory"], ["kept", "300", "bytes"]],
    ]


def test_a_chart_draws_each_distribution_with_a_letter_and_says_what_never_ended() -> None:
    fast = Curve("c", "fast", tuple(float(ms) for ms in range(100, 120)), 5000.0)
    slow = Curve("c", "slow", (*(float(ms) for ms in range(1000, 1010)), *[5000.0] * 10), 5000.0)
    lines = draw("title", [fast, slow])
    assert lines[0] == "title"
    assert all(line.isascii() and len(line) <= 80 for line in lines)
    plot = [line[7:] for line in lines[1:14]]
    top, bottom = plot[0], plot[-1]
    assert set(top) == {" ", "a"}
    assert top.rstrip().endswith("a")
    assert "b" not in "".join(plot[:6])  # half of them never ended
    assert plot[6].rstrip().endswith("b")
    assert "b" not in bottom[:30]
    assert lines[15].split() == ["100", "200", "500", "1000", "2000", "5000", "ms"]
    assert lines[16] == "  a  fast          p50   110 ms  p99   119 ms  longest   119 ms"
    assert lines[17] == "  b  slow          p50 over 5 s  p99 over 5 s  longest over 5 s  (10 never)"


def test_progress_is_a_bar_and_what_comes_next() -> None:
    assert str(BenchProgress(0.5, "idle")) == "[############            ] idle"


def read_until(master: int, wanted: str, process: "subprocess.Popen[str]") -> str:
    """What a terminal shows, up to `wanted` (or the end)."""
    seen = ""
    while wanted not in seen and process.poll() is None:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 4096).decode()
    return seen


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    yield master, slave
    os.close(slave)
    os.close(master)


def test_a_terminal_sees_progress_and_nothing_of_it_stays(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    args = [*COMMAND, "--quick", "--only", "floor"]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=slave, encoding="utf-8") as process:
        seen = read_until(master, "] the floor", process)
        out, _ = process.communicate(timeout=60)
        seen += os.read(master, 4096).decode()
    assert process.returncode == 0
    assert seen.startswith("\r[")
    assert seen.rsplit("\r", 2)[1].strip() == ""
    assert "[#" not in out


def test_ctrl_c_shows_what_was_found_so_far_and_ends_with_130(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    args = [*COMMAND, "--only", "floor", "--only", "idle"]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=slave, encoding="utf-8") as process:
        seen = read_until(master, "] an idle cluster", process)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        seen += os.read(master, 4096).decode()
    assert process.returncode == 130, seen
    assert "Traceback" not in seen
    assert "all messages of one commit" in out
    assert "idle nodes" not in out
    assert out.endswith("\nstopped: interrupted\n")


def test_an_interrupted_step_loses_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> list[Measured]:
        raise KeyboardInterrupt

    kept = BenchStep("one", 1.0, lambda: [Figure("floor", "kept", 1.0, "µs")])
    steps_are(monkeypatch, kept, BenchStep("two", 1.0, interrupted))
    written: list[str] = []
    seen: list[str] = []
    status = bench([], None, QUICK, as_json=True, write=written.append, watch=lambda p: seen.append(p.what))
    assert status is Status.INTERRUPTED
    whole = json.loads(written[0])
    assert [figure["what"] for figure in whole["figures"]] == ["kept"]
    assert whole["stopped"] == "interrupted"
    assert seen == ["one", "two", ""]


def test_a_measurement_that_comes_to_no_end_is_said_to_be_so_with_status_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def stall() -> list[Measured]:
        tried.append(1)
        with Harness(3, backend="sim") as h:
            clusters.until(h, lambda: False)
        return []

    steps_are(monkeypatch, BenchStep("one", 1.0, stall))
    written: list[str] = []
    status = bench([], None, QUICK, as_json=False, write=written.append, watch=lambda _: None)
    assert status is Status.FAILED
    assert len(tried) == 2
    assert "\nstopped: a cluster made no progress within 60 s\nat 60.000 s:\n  node 0: " in written[0]


def test_a_leader_that_is_deposed_while_it_is_measured_ends_the_measurement() -> None:
    with Harness(3, backend="sim") as h, pytest.raises(clusters.Stalled, match="a leader was deposed"):
        clusters.check_taken(h, [0, 1, -1])


def test_a_reader_that_goes_away_stops_nothing() -> None:
    line = f"{' '.join(COMMAND)} --quick --only floor; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({line}) | head -1"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == "0\n"
    assert len(done.stdout.splitlines()) == 1


# ---- what is measured


def test_elections_are_the_same_each_time_and_none_is_faster_than_its_timeout() -> None:
    config = Config(unreliable=False)
    raft = config.raft
    for seed in range(5):
        first = elections.first_leader(seed, 5, config)
        assert first == elections.first_leader(seed, 5, config)
        assert first >= raft.election_min
        again = elections.failover(seed, 5, config)
        assert again == elections.failover(seed, 5, config)
        assert again >= raft.election_min - raft.heartbeat - config.delay_max


def test_without_randomness_a_crashed_leader_is_hardly_ever_replaced() -> None:
    """Figure 16: "Without randomness … leader election consistently took longer than 10 seconds"."""
    raft = RaftConfig(election_min=0.150, election_max=0.150, heartbeat=0.075)
    config = Config(raft=raft, delay_min=0.0, delay_max=0.0, unreliable=False)
    never = [elections.failover(seed, 5, config, elections.ONE_WAY) >= elections.LIMIT for seed in range(10)]
    assert sum(never) >= 8


def test_the_floor_passes_the_bytes_of_a_commit_to_every_peer() -> None:
    calls = calls_of_a_commit(4)
    assert len(calls) == 3
    assert len(calls_with(2_500)) == 3
    with Floor(3) as floor:
        assert len(floor.inside(calls, 20)) == 20
        assert len(floor.from_outside(calls, 20)) == 20
        assert len(floor.inside(calls_with(100_000), 2)) == 2
        assert floor.cpu_of_heartbeats(0.01, 0.05) > 0


@pytest.mark.parametrize("make_loop", [tcp.new_loop, asyncio.new_event_loop])
@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_the_barest_cluster_commits_one_command_after_the_other(
    nodes: int, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    times = bare.commit_one_by_one(nodes, 50, make_loop)
    assert len(times) == 50
    assert min(times) > 0


@pytest.mark.skipif(not latency.cores(), reason="the system does not say where threads run")
def test_threads_run_where_they_are_wanted() -> None:
    before = os.sched_getaffinity(0)
    core = latency.cores()[-1]
    with ThreadPoolExecutor(1) as pool, latency.threads_on(core):
        assert pool.submit(os.sched_getaffinity, 0).result() == {core}
    assert os.sched_getaffinity(0) == before
    with pytest.raises(ZeroDivisionError), latency.threads_on(core):
        raise ZeroDivisionError
    with latency.threads_on(None):
        assert os.sched_getaffinity(0) == before
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("cores", "apart"), [([], [False]), ([3], [False]), ([2, 5], [True, False])])
def test_callers_run_apart_from_the_cluster_where_there_are_cores(cores: list[int], apart: list[bool]) -> None:
    placements = latency.placements(cores)
    assert [caller != loop for _, caller, loop in placements] == apart
    assert len({words for words, _, _ in placements}) == len(placements)


def test_a_run_takes_no_longer_to_submit_than_to_commit() -> None:
    for submit in (pipelined.one_by_one, pipelined.all_at_once):
        one = pipelined.run(3, 200, submit)
        assert 0 < one.submitting < one.total
