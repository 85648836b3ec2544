"""The command explore: its end by signals, and what it takes from the environment."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.processes import is_gone, wait_for_handler, wait_for_processes

from raftplay.cluster.config import MORE_REELECTION, UNRELIABLE
from raftplay.commands.setup import MAX_SEED
from raftplay.explore.search import all_bugs
from raftplay.explore.search.report import report_text
from raftplay.explore.search.shrink import Case, Shrinker
from raftplay.explore.search.sweep import Search, SearchReport, sweep
from raftplay.session.status import Status
from raftplay.signals import as_interrupts


def test_ctrl_c_ends_the_search_for_all_bugs(tmp_path: Path):
    command = [sys.executable, "-u", "-m", "raftplay", "explore", "--all-bugs", "--seeds", "3000", "--jobs", "2"]
    with subprocess.Popen(
        [*command, "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("| bug |")
        wait_for_processes(run.pid, 4)
        os.killpg(run.pid, signal.SIGINT)
        out, errors = run.communicate(timeout=30)
    assert run.returncode == 130, out + errors
    assert "interrupted: " in out
    assert "not found" not in out
    assert errors == ""
    assert is_gone(run.pid, within=10)


@pytest.mark.parametrize("where", ["sweep", "shrink"])
def test_a_bug_whose_search_was_interrupted_gets_no_row(where: str, monkeypatch: pytest.MonkeyPatch):
    def interrupted(_: Shrinker) -> Case:
        raise KeyboardInterrupt

    if where == "sweep":
        monkeypatch.setattr(
            all_bugs,
            "sweep_all",
            lambda _, searches: (SearchReport(search=search, interrupted=True) for search in searches),
        )
    else:
        monkeypatch.setattr(Shrinker, "shrink", interrupted)
    lines: list[str] = []
    search = Search(range(3, 4), bugs=(), seeds=20)
    assert all_bugs.table(search, 1.0, lines.append, ["forget-vote"]) is Status.INTERRUPTED
    assert lines[2:] == ["\ninterrupted: 0 of 0 found before the search for forget-vote was over."]


@pytest.mark.parametrize("extra", [(), ("--all-bugs",), ("--backend", "tcp")], ids=str)
def test_sigterm_ends_a_search_without_a_traceback(extra: tuple[str, ...], tmp_path: Path):
    jobs = () if "tcp" in extra else ("--jobs", "2")
    command = [sys.executable, "-m", "raftplay", "explore", "--for", "60s", *jobs, *extra]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
        start_new_session=True,
    ) as run:
        wait_for_processes(run.pid, 1 if "tcp" in extra else 4)
        wait_for_handler(run.pid, signal.SIGTERM)
        time.sleep(0.2)  # not waited for: whatever it is doing by then, it must end well
        run.send_signal(signal.SIGTERM)
        out, errors = run.communicate(timeout=30)
    assert (run.returncode, errors) == (143, "")
    assert ("interrupted: " if "--all-bugs" in extra else "interrupted after ") in out
    assert is_gone(run.pid, within=10)


def test_a_search_that_sigterm_ends_says_what_it_covered():
    def watch(report: SearchReport) -> None:
        if report.trials >= 2 and not report.interrupted:
            signal.raise_signal(signal.SIGTERM)

    with as_interrupts() as came:
        report = sweep(Search(range(3, 4), seconds=0.5, seeds=1000, engine="both"), watch)
    assert came == [signal.SIGTERM]
    assert report.status is Status.INTERRUPTED
    said = report_text(report)
    assert re.match(rf"interrupted after {report.trials} seeds in \d+\.\d s", said)
    assert f"walks over bare consensus modules: {report.walks:,}, with {report.steps} steps" in said
    assert said.endswith(f"no violation in seeds 0 to {report.trials - 1}; nothing is known of the others")
    assert 2 <= report.trials < 1000


def test_sigterm_ends_a_search_that_ignores_ctrl_c():
    """A shell lets a command in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with as_interrupts(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", [UNRELIABLE, MORE_REELECTION])
def test_variables_that_change_the_network_do_not_make_a_search_accuse(name: str, tmp_path: Path):
    search = ("explore", "--seconds", "3", "--jobs", "1", "--shrink", "0")
    done = raftplay(*search, "--seeds", "5", env={name: "1"}, cwd=tmp_path)
    assert done.status == raftplay(*search, "--seeds", "5", cwd=tmp_path).status == 0
    assert done.err == f"raftplay: {name} is left out: explore chooses the faults itself\n"
    found = raftplay(*search, "--seeds", "20", "--bug", "forget-vote", env={name: "1"}, cwd=tmp_path)
    assert found.status == 1
    assert f"again: env -u {name} raftplay run counterexample.txt" in found.out


@pytest.mark.parametrize("extra", [("--first-seed", str(10**20)), ("--first-seed", str(MAX_SEED), "--seeds", "2")])
def test_seeds_that_run_would_refuse_are_refused(extra: tuple[str, ...]):
    done = raftplay("explore", *extra)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert str(MAX_SEED) in done.err
