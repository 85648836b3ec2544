"""The watchers find what they should: bugs are found by random search alone, and shrink to a few commands."""

import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.pages import DOCS
from support.processes import is_gone, wait_for_processes

from raftplay.explore.search.command import case_of
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.shrink import Shrinker
from raftplay.explore.search.sweep import Search, SearchReport, sweep
from raftplay.raft.bugs import BUGS

SEEDS = 60
"""A fiftieth of what the search may take; whatever is missing here has its directed scenario."""

NOT_BY_CHANCE = {"stale-append-reply", "ignore-newer-term", "timer-on-refusal"}

MOST_COMMANDS = 25


@functools.cache
def searched(bug: str) -> SearchReport:
    return sweep(Search(range(3, 8), bugs=(bug,), seeds=SEEDS, jobs=1))


def test_at_least_20_bugs_are_looked_for_here():
    assert len(BUGS.keys() - NOT_BY_CHANCE) >= 20
    assert "commit-old-term" not in NOT_BY_CHANCE


def test_the_page_on_the_search_names_the_bugs_that_it_does_not_find():
    page = " ".join((DOCS / "search.md").read_text("utf-8").split())
    (names,) = re.findall(r"Those that it does not find \((.*?)\)", page)
    assert set(re.findall(r"`(.*?)`", names)) == NOT_BY_CHANCE


@pytest.mark.parametrize("bug", [name for name in BUGS if name not in NOT_BY_CHANCE])
def test_random_search_finds_a_bug_within_few_seeds(bug: str):
    report = searched(bug)
    assert report.first is not None, f"{bug} was not found with {report.trials} seeds"


@pytest.mark.parametrize(
    "bug", ["commit-old-term", "reset-vote", "zombie", "conflict-off-by-one", "stale-vote-reply"]
)
def test_what_is_found_shrinks_to_a_script_that_repeats_it(bug: str, tmp_path: Path):
    report = searched(bug)
    assert report.first is not None
    case = case_of(report.first)
    small = Shrinker(case, limit=100).shrink()
    assert len(small.commands) <= MOST_COMMANDS
    assert small.size <= case.size
    assert small.finding.name == case.finding.name
    script = tmp_path / "found.txt"
    script.write_text(script_of(small), "utf-8")
    done = raftplay("run", str(script))
    assert done.status == 1, done
    assert "FAILED" in done.out if bug == "conflict-off-by-one" else f"{small.finding.name} broke" in done.out


def test_the_same_seeds_give_the_same_trials_in_one_process_and_in_two():
    one = sweep(Search(range(3, 6), seconds=0.5, seeds=12, jobs=1))
    two = sweep(Search(range(3, 6), seconds=0.5, seeds=12, jobs=2))
    assert (one.trials, one.faults, one.rules, one.mixes) == (two.trials, two.faults, two.rules, two.mixes)
    assert one.simulated == pytest.approx(two.simulated)
    assert one.trials == 12


def test_ctrl_c_gives_the_report_so_far_and_leaves_no_process(tmp_path: Path):
    command = [sys.executable, "-m", "raftplay.cli", "explore", "--for", "10m", "--jobs", "2"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
        start_new_session=True,
    ) as run:
        wait_for_processes(run.pid, 4)
        time.sleep(1)  # not waited for: whatever it is doing by then, it must end well
        os.killpg(run.pid, signal.SIGINT)
        out, errors = run.communicate(timeout=30)
    assert run.returncode == 130, out + errors
    assert "interrupted after" in out
    assert "nothing broke" in out
    assert "Traceback" not in errors
    assert is_gone(run.pid, within=10)
