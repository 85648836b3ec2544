"""A search over the workers of a Dask cluster: a scheduler and workers in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from support.amount import several
from support.command_line import raftplay
from support.terminal import CTRL_C, Terminal
from test_one_answer import failing_at, told, without_speed

import raftplay as package
from raftplay.cli import completions
from raftplay.errors import UsageError
from raftplay.explore.search import dask_workers as module
from raftplay.explore.search import second_look
from raftplay.explore.search.chunk import run_chunk
from raftplay.explore.search.command import explore
from raftplay.explore.search.dask_workers import DaskWorkers, dask_workers
from raftplay.explore.search.identity import Identity, check_fleet, difference, identity
from raftplay.explore.search.port import LostChunk, NobodyLeft
from raftplay.explore.search.report import progress_line, report_text
from raftplay.explore.search.second_look import Disagreement, looked_at_again
from raftplay.explore.search.sweep import Search, SearchReport, sweep, sweep_with
from raftplay.session.status import Status

NO_DASK = "Dask is not installed: pip install 'raftplay[dask]'"
WITH_DASK = "import distributed"
"""It takes most of a second, and is done once for all commands that are forked; Dask reads its configuration then."""

MINE = Identity("0.1.0", "abc", "CPython 3.11.7", "", ())


def as_json(what: Identity) -> str:
    return json.dumps({name: getattr(what, name) for name in Identity.__dataclass_fields__})


# ---- a fleet of mixed versions


def test_the_identity_of_a_process_names_version_sources_python_and_the_file_of_the_nodes(tmp_path: Path) -> None:
    node = tmp_path / "my.py"
    node.write_text("class Mine: pass\n")
    first, again, with_node = identity(), identity(), identity(str(node))
    node.write_text("class Mine: ...\n")
    assert first == again
    assert json.loads(first)["version"] == package.__version__
    assert len({first, with_node, identity(str(node))}) == 3
    assert json.loads(identity(str(tmp_path / "none.py")))["node"] == ""


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (as_json(MINE), ""),
        (as_json(replace(MINE, version="0.0.9", sources="x")), "raftplay 0.0.9 (here 0.1.0)"),
        (as_json(replace(MINE, sources="abd")), "other sources of raftplay 0.1.0"),
        (as_json(replace(MINE, python="CPython 3.12.1")), "CPython 3.12.1 (here CPython 3.11.7)"),
        (as_json(replace(MINE, node="n")), "another file of the class of nodes"),
        (as_json(replace(MINE, weather=("RAFT_UNRELIABLE_RPC",))), "RAFT_UNRELIABLE_RPC set"),
        (as_json(replace(MINE, version="\x1b[2J")), r"raftplay \x1b[2J (here 0.1.0)"),
        ('{"version": 1}', "an answer of another raftplay"),
        (ModuleNotFoundError("No module named 'raftplay'"), "no raftplay 0.1.0 (No module named 'raftplay')"),
        (AttributeError("no identity"), "no raftplay 0.1.0 (no identity)"),
        (OSError("gone"), "no answer (OSError('gone'))"),
    ],
)
def test_what_differs_between_a_worker_and_this_process_is_named(answer: str | Exception, named: str) -> None:
    assert difference(answer, MINE) == named


def test_a_mixed_fleet_is_refused_with_every_worker_that_differs() -> None:
    other = as_json(replace(MINE, python="CPython 3.12.1"))
    with pytest.raises(UsageError) as refused:
        check_fleet({"tcp://b": other, "tcp://a": as_json(MINE), "tcp://c": other}, MINE)
    assert str(refused.value).startswith("2 of 3 workers do not run what this process runs")
    assert [line.split()[0] for line in refused.value.lines] == ["tcp://b:", "tcp://c:"]


# ---- workers that come and go, on a cluster that is played


@dataclass
class FakeFuture:
    """A future that is over when a test says so."""

    workers: frozenset[str]
    text: str
    status: str = "pending"
    answer: str | Exception = ""
    call: Callable[[object], None] = field(default=lambda _: None)

    def add_done_callback(self, call: Callable[[object], None]) -> None:
        self.call = call
        if self.answer:
            call(self)

    def result(self, timeout: float) -> str:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def end(self, answer: str | Exception) -> None:
        self.answer = answer
        self.call(self)


@dataclass
class FakeClient:
    """A client whose scheduler has `threads` workers; each tells what it runs."""

    threads: dict[str, int]
    status: str = "running"
    runs: dict[str, str | Exception] = field(default_factory=dict)
    sent: list[FakeFuture] = field(default_factory=list)
    cancelled: list[FakeFuture] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_gone: bool = False

    def submit(self, function: object, text: str, **options: object) -> FakeFuture:
        assert function is run_chunk
        assert (options["pure"], options["allow_other_workers"]) == (False, False)
        self.sent.append(FakeFuture(frozenset(cast(list[str], options["workers"])), text))
        return self.sent[-1]

    def cancel(self, futures: list[FakeFuture]) -> None:
        self.cancelled += futures

    def run(
        self, function: object, text: str, *, workers: list[str], on_error: str
    ) -> Mapping[str, str | Exception]:
        assert function is identity
        self.asked += workers
        return {worker: self.runs.get(worker, identity(text)) for worker in workers}

    def scheduler_info(self, n_workers: int) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
        if self.is_gone:
            raise OSError("connection refused")
        return {"workers": {worker: {"nthreads": threads} for worker, threads in self.threads.items()}}


@pytest.fixture(name="always_look")
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)


def played(client: FakeClient, heard: list[str] | None = None) -> DaskWorkers:
    tell = ([] if heard is None else heard).append
    return DaskWorkers(cast(module._DaskClient, client), "tcp://s:1", None, tell)


@pytest.mark.usefixtures("always_look")
def test_chunks_go_only_to_workers_that_were_checked_and_the_window_is_twice_their_threads() -> None:
    client, heard = FakeClient({"a": 1, "b": 4}), []
    workers = played(client, heard)
    assert (workers.window, workers.crew) == (10, "2 workers")
    workers.submit("1")
    client.threads |= {"c": 2, "old": 8}
    client.runs["old"] = as_json(replace(MINE, version="0.0.1"))
    assert workers.completed(0) == []
    workers.submit("2")
    assert [future.workers for future in client.sent] == [{"a", "b"}, {"a", "b", "c"}]
    assert (workers.window, workers.crew) == (14, "3 workers")
    assert heard == [f"left out: the worker old has raftplay 0.0.1 (here {package.__version__})", "3 workers now"]
    workers.completed(0)
    assert client.asked == ["a", "b", "c", "old"]  # each once


@pytest.mark.usefixtures("always_look")
def test_a_chunk_whose_workers_all_went_away_is_lost_and_the_next_waits_for_a_worker() -> None:
    client, heard = FakeClient({"a": 1}), []
    workers = played(client, heard)
    first = workers.submit("1")
    client.threads.clear()
    assert workers.completed(0) == [(first, LostChunk("all workers that could run it went away"))]
    assert client.cancelled == client.sent
    second = workers.submit("2")
    assert len(client.sent) == 1
    client.threads["b"] = 1
    assert workers.completed(0) == []
    client.sent[1].end("{}")
    client.sent[0].end("{}")  # nobody wants it
    assert workers.completed(0) == [(second, "{}")]
    assert heard == ["1 went away: 0 workers now", "1 worker now"]


@pytest.mark.usefixtures("always_look")
def test_a_call_that_raised_is_lost_and_cancelled_chunks_are_not_answered() -> None:
    client = FakeClient({"a": 1})
    workers = played(client)
    handles = [workers.submit(text) for text in "123"]
    workers.cancel(handles[1])
    for future in client.sent:
        future.end(ValueError("a\nb"))
    assert workers.completed(0) == [
        (handles[at], LostChunk("its call ended with ValueError: a b")) for at in (0, 2)
    ]
    workers.submit("4")
    workers.close()
    workers.close()
    assert client.cancelled == [client.sent[1], client.sent[3]]


@pytest.mark.usefixtures("always_look")
def test_when_the_scheduler_or_all_workers_went_away_for_good_the_search_ends_with_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = failing_at()

    class Brief(FakeClient):
        def submit(self, function: object, text: str, **options: object) -> FakeFuture:
            future = super().submit(function, text, **options)
            self.is_gone = len(self.sent) > 6
            future.answer = "" if self.is_gone else str(answer(text))
            return future

    report = sweep_with(played(Brief({"a": 1})), Search(range(3, 4), seeds=10_000))
    assert (report.trials > 0, report.status) == (True, Status.FAILED)
    assert "the Dask scheduler at tcp://s:1 went away: OSError: connection refused" in report_text(report)
    assert "nothing is known of the others" in report_text(report)
    monkeypatch.setattr(module, "ALONE_FOR", 0.0)
    alone = FakeClient({"a": 1})
    workers = played(alone)
    alone.threads.clear()
    with pytest.raises(NobodyLeft, match="had no worker for 0 s"):
        workers.completed(0)


def test_a_scheduler_without_workers_is_named_with_what_starts_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_WITHIN", 0.0)
    with pytest.raises(UsageError, match="has no worker after 0 s; start some with `dask worker tcp://s:1"):
        played(FakeClient({}))


def test_the_progress_of_a_search_names_workers_and_seeds_a_second_in_80_columns() -> None:
    report = SearchReport(search=Search(range(3, 8)), elapsed=100.0, trials=1_000_000, micros=10**12)
    line = progress_line(report, seeds=None, limit=100.0, crew="256 workers")
    assert line == "[####################] 1000000 seeds, 10000 a second, 256 workers"


# ---- a worker that disagrees


def test_a_finding_that_this_process_does_not_repeat_is_no_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(range(3, 6), seconds=0.5, bugs=("forget-vote",), engine="walks", seeds=60)
    report = sweep(search)
    assert report.first is not None
    assert looked_at_again(report, report.findings[0]) is report.first
    seed = report.first.plan.seed
    report.places[seed] = "process 7 on mars"
    assert looked_at_again(report, report.findings[0]) == report.first
    report.findings = [replace(report.first, commands=report.first.commands[1:])]
    with pytest.raises(
        Disagreement, match=r"^process 7 on mars disagrees: .*, but not in the same way. Equal seeds"
    ):
        looked_at_again(report, report.findings[0])
    report.search = replace(search, bugs=())
    with pytest.raises(Disagreement, match=f"there, seed {seed} gave .*; here it gave no violation"):
        looked_at_again(report, report.findings[0])
    monkeypatch.setattr(second_look, "this_place", lambda: "process 7 on mars")
    assert looked_at_again(report, report.findings[0]) is report.findings[0]


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--dask", "local:0"), "a local cluster is local:N, with 1 to 256 processes"),
        (("--dask", "local"), "a local cluster is local:N"),
        (("--dask", "local:²"), "a local cluster is local:N"),
        (("--dask", "local:2", "--jobs", "2"), "--jobs and --dask do not go together"),
        (("--dask", "local:2", "leader-failover"), "a script and --dask do not go together"),
        (("--dask", "local:2", "--backend", "tcp"), "in virtual time only, not with --backend tcp"),
    ],
)
def test_what_does_not_go_with_dask_is_refused_in_one_sentence(options: tuple[str, ...], named: str) -> None:
    refused = raftplay("explore", *options)
    assert refused.status == 2
    assert named in refused.err
    assert refused.err.count("\n") == 1


def test_without_dask_one_sentence_names_the_extra() -> None:
    refused = raftplay("explore", "--dask", "local:2", prelude="import sys; sys.modules['distributed'] = None")
    assert refused.status == 2
    assert refused.err.count("\n") == 1
    assert refused.err.endswith("pip install 'raftplay[dask]'\n")


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("nonsense", "missing port number"),
        ("tls://127.0.0.1:1", "check your TLS configuration"),
    ],
)
def test_an_address_where_no_scheduler_can_be_is_named_in_one_sentence(address: str, named: str) -> None:
    pytest.importorskip("distributed", reason=NO_DASK)
    refused = raftplay("explore", "--dask", address, prelude=WITH_DASK)
    assert refused.status == 2
    assert refused.err.startswith(f"raftplay: error: --dask '{address}': no Dask scheduler answers there: ")
    assert named in refused.err
    assert refused.err.count("\n") == 1


def test_tab_offers_how_an_address_begins() -> None:
    assert completions.dask_addresses("l") == ["local:2", "local:4"]
    assert completions.dask_addresses("t") == ["tcp://", "tls://"]


# ---- a real cluster


class Cluster:
    """A scheduler and workers on this machine, each in a process."""

    def __init__(self, folder: Path, *security: str) -> None:
        self.folder, self._security = folder, security
        self._processes: list[subprocess.Popen[bytes]] = []
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show", "--no-dashboard")

    def _start(self, what: str, *options: str, **changes: str) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
        environ = {**kept, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **changes}
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self._file)]
        command += self._security
        with (self.folder / f"{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=self.folder, env=environ)
        self._processes.append(process)
        return process

    def worker(self, **changes: str) -> None:
        """Start one more worker."""
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.workers.append(self._start("worker", *options, **changes))

    @property
    def address(self) -> str:
        until(self._file.exists)
        until(lambda: self._file.stat().st_size)
        found = json.loads(self._file.read_text())["address"]
        assert isinstance(found, str)
        return found

    @contextmanager
    def joined(self, tell: Callable[[str], None]) -> Iterator[DaskWorkers]:
        """Connect to it when all its workers have joined."""
        number = sum(worker.poll() is None for worker in self.workers)
        with dask_workers(self.address, None, tell) as workers:
            until(lambda: workers.completed(0) == [] and workers.window == 2 * number)
            yield workers

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.fixture(scope="module", name="cluster")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason=NO_DASK)
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        cluster.worker()
        cluster.worker()
        yield cluster
    finally:
        cluster.close()


@pytest.mark.parametrize(("bug", "engine"), [("commit-past-new", "trials"), ("forget-vote", "both")])
def test_the_answer_and_the_counterexample_are_those_of_one_process(
    bug: str, engine: str, cluster: Cluster, tmp_path: Path
) -> None:
    search = Search(range(3, 6), bugs=(bug,), engine=engine, seconds=1.0, seeds=300, first_seed=3)
    texts, files = [], []
    with cluster.joined(print) as workers:
        for others in (None, workers):
            said: list[str] = []
            out = tmp_path / "found.txt"
            status = explore(
                search,
                said.append,
                out=out,
                watch=lambda _: None,
                shrink_limit=60.0,
                again="again",
                workers=others,
            )
            assert status is Status.FAILED
            texts.append(without_speed("\n".join(said)))
            files.append(out.read_bytes())
            out.unlink()
    assert texts[0] == texts[1]
    assert files[0] == files[1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_cluster_that_speaks_tls_is_reached_with_the_certificates_of_dasks_own_configuration(
    tmp_path: Path,
) -> None:
    pytest.importorskip("distributed", reason=NO_DASK)
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=raftplay")
    subprocess.run(["openssl", *made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    cluster = Cluster(
        tmp_path, "--protocol", "tls", "--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key
    )
    names = {"CA_FILE": certificate, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
    mine = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in names.items()}

    options = ("explore", "--seeds", "3", "--seconds", "0.5", "--dask")
    try:
        cluster.worker()
        assert cluster.address.startswith("tls://")
        done = raftplay(*options, cluster.address, env=mine, cwd=tmp_path)
        assert (done.status, done.err) == (0, ""), done
        assert done.out.startswith("searched 3 seeds in ")
        refused = raftplay(*options, cluster.address, prelude=WITH_DASK)
    finally:
        cluster.close()
    assert refused.status == 2, refused
    assert refused.err.startswith(f"raftplay: error: --dask '{cluster.address}': no Dask scheduler answers there:")
    assert len(refused.err.splitlines()) == 1


def test_ctrl_c_ends_a_search_on_a_local_cluster_and_tells_what_was_covered() -> None:
    pytest.importorskip("distributed", reason=NO_DASK)
    processes = several(2)
    local = f"local:{processes}"
    with Terminal("explore", "--dask", local, "--for", "100s", "--seconds", "0.5", rows=200) as terminal:
        terminal.until(rf"^\[ +\] [1-9]\d* seeds?, \d+ a second, {processes} workers?$")
        terminal.send(CTRL_C)
        terminal.until(r"^interrupted after \d+ seeds?")
        terminal.until("^no (violation in seeds? 0|seed was searched)")
        assert terminal.ended() == Status.INTERRUPTED
    assert "Traceback" not in terminal.everything


def test_a_worker_that_is_killed_in_the_middle_changes_nothing_of_the_answer(cluster: Cluster) -> None:
    search = Search(range(3, 4), seconds=0.5, seeds=30, engine="both", stops_at_finding=False)
    heard: list[str] = []
    victim = cluster.workers[0]
    with cluster.joined(heard.append) as workers:

        def kill(report: SearchReport) -> None:
            if report.trials >= 5:
                victim.kill()

        report = sweep_with(workers, search, kill)
        victim.wait()
        until(lambda: workers.completed(0) == [] and workers.crew == "1 worker")
    assert (report.trials, report.lost) == (30, [])
    assert told(report) == told(sweep(search))
    assert heard[-1:] == ["1 went away: 1 worker now"]


def test_a_worker_that_joins_later_works_too_if_it_runs_the_same(cluster: Cluster, tmp_path: Path) -> None:
    search = Search(range(3, 4), seconds=0.5, bugs=("forget-vote",), engine="walks", seeds=60)
    other = tmp_path / "raftplay"
    shutil.copytree(Path(package.__file__).parent, other, ignore=shutil.ignore_patterns("__pycache__", "tui"))
    heard: list[str] = []
    with cluster.joined(heard.append) as workers:
        known = workers.window
        cluster.worker()
        cluster.worker(PYTHONPATH=str(tmp_path))
        until(lambda: workers.completed(0.1) == [] and workers.window == known + 2 and len(heard) > 1)
        report = sweep_with(workers, search)
    (left_out,) = [text for text in heard if text.startswith("left out: the worker tcp://127.0.0.1:")]
    assert left_out.endswith(f"has other sources of raftplay {package.__version__}")
    assert told(report) == told(sweep(search))
    refused = raftplay("explore", "--dask", cluster.address, prelude=WITH_DASK)
    assert refused.status == 2
    assert "workers do not run what this process runs" in refused.err
    assert left_out.split()[4] in refused.err
