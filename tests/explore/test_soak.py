"""A soak on real sockets: nothing breaks, nothing grows; and what would break or grow is found, and said."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest
from support.backends import SOCKET_KINDS, nothing_left_over, take_loop
from support.command_line import raftplay

from raftplay.explore.search import trial
from raftplay.explore.search.mixes import MIXES
from raftplay.explore.search.options import ON_SOCKETS, Setting
from raftplay.explore.search.soak import soak
from raftplay.explore.search.sweep import Search, SearchReport, WatchSweep
from raftplay.explore.search.trial import Finding, TrialPlan, draw, run_trial
from raftplay.run.script import parse_script
from raftplay.session.status import Status

SHORT = Search(range(3, 6), seconds=0.5, seeds=len(MIXES), backend="tcp", speed=5)


def soaked(search: Search, out: Path, watch: WatchSweep = lambda _: None) -> tuple[Status, str]:
    """Run a soak; its status, and what is said."""
    heard: list[str] = []
    status = soak(search, heard.append, out=out, watch=watch, again="raftplay explore")
    return status, "\n".join(heard)


@pytest.mark.parametrize("kind", SOCKET_KINDS)
def test_under_every_mix_nothing_breaks_and_nothing_grows(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One short trial under each; ten minutes: raftplay explore --backend tcp --for 10m."""
    take_loop(kind, monkeypatch)
    with nothing_left_over():
        for seed, mix in enumerate(MIXES):
            status, said = soaked(replace(SHORT, mixes=(mix,), seeds=1, first_seed=seed), tmp_path / "out")
            assert status is Status.HELD, said
            assert said.endswith("nothing grew")
    assert not (tmp_path / "out").exists()


def test_options_are_drawn_on_sockets_too() -> None:
    plans = [draw(seed, range(3, 6), seconds=0.2, backend="tcp", speed=5) for seed in range(60)]
    assert {name for plan in plans for name in plan.setting.drawn} == ON_SOCKETS
    bare = draw(0, range(3, 6), seconds=0.2, backend="tcp", options=False)
    assert bare.setting == Setting()
    needs = draw(0, range(3, 6), seconds=0.2, backend="tcp", bugs=("prevote-moves-term",))
    assert needs.setting.raft.prevote
    assert Search(range(3, 6), backend="tcp", draws_options=False).options[-1] == "--no-options"
    plan = next(plan for plan in plans if plan.setting.raft.sticky)
    with nothing_left_over():
        assert run_trial(plan).finding is None


def test_a_breach_is_told_with_what_was_done(tmp_path: Path) -> None:
    status, said = soaked(replace(SHORT, bugs=("forget-vote",)), tmp_path / "out.txt")
    assert status is Status.FAILED
    assert "found: Persist Before Send" in said
    script = parse_script("out.txt", (tmp_path / "out.txt").read_text("utf-8"))
    assert (script.setup.backend, script.setup.bugs) == ("tcp", ["forget-vote"])
    assert script.steps


def test_each_kind_of_finding_gets_a_script_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for seed, name in enumerate(("Log Matching", "leftovers", "Log Matching")):
        result = run_trial(TrialPlan(seed, 3, "calm", 0.1))
        result.finding = Finding(name, "it broke", 0.1)
        results.append(result)
    report = SearchReport(search=SHORT, findings=results)
    monkeypatch.setattr("raftplay.explore.search.soak.sweep", lambda *_: report)
    status, said = soaked(SHORT, tmp_path / "out.txt")
    assert status is Status.FAILED
    assert "out-2.txt" in said
    seeds = [parse_script("x", path.read_text("utf-8")).setup.seed for path in sorted(tmp_path.iterdir())]
    assert sorted(str(seed) for seed in seeds) == ["0", "1"]


def test_what_grows_fails_the_soak(tmp_path: Path) -> None:
    kept: list[TextIO] = []

    def keep(_: SearchReport) -> None:
        kept.append(open(os.devnull, encoding="utf-8"))  # noqa: SIM115 - the leak that is to be seen

    try:
        status, said = soaked(replace(SHORT, mixes=("calm",), seconds=0.1, seeds=5), tmp_path / "out", keep)
    finally:
        for file in kept:
            file.close()
    assert status is Status.FAILED
    assert "GROWTH: open files" in said


def test_what_a_cluster_keeps_for_nobody_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "left_over", lambda _: "3 tasks run")
    found = run_trial(TrialPlan(1, 3, "calm", 0.1, backend="tcp", speed=10)).finding
    assert found is not None
    assert (found.name, found.text) == ("leftovers", "3 tasks run")


def test_what_raises_on_sockets_is_a_finding_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(trial, "mend", fail)
    status, said = soaked(replace(SHORT, seconds=0.1), tmp_path / "out.txt")
    assert status is Status.FAILED
    assert "found: failure" in said
    assert "ZeroDivisionError: inside" in said
    assert parse_script("out.txt", (tmp_path / "out.txt").read_text("utf-8")).steps


def test_a_soak_from_the_command_line(tmp_path: Path) -> None:
    options = ("--seeds", "2", "--seconds", "0.2", "--speed", "2", "--nodes", "3", "--out", str(tmp_path / "out"))
    done = raftplay("explore", "--backend", "tcp", *options)
    assert (done.status, done.err) == (0, ""), done.out
    assert done.out.endswith("nothing grew\n")
    assert raftplay("explore", "--backend", "tpc").status == 2
    assert raftplay("explore", "--backend", "tcp", "--all-bugs").err == (
        "raftplay: error: --all-bugs is explored in virtual time only, not with --backend tcp\n"
    )
