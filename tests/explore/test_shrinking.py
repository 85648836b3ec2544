"""Shrinking takes whatever a search may find: every command of every mix, a breach in the very last instant."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.nodes import OWN, take

from raftplay import ConsensusModule, Harness
from raftplay.explore.search import trial
from raftplay.explore.search.chooser import ChooseAct, FaultChooser, WeightedAct
from raftplay.explore.search.command import case_of, explore
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.mixes import ACTS, MIXES
from raftplay.explore.search.options import Setting
from raftplay.explore.search.report import other_findings
from raftplay.explore.search.shrink import Case, Shrinker, merge_sleeps, numbered_anew, renumber, simplifications
from raftplay.explore.search.sweep import Search, sweep
from raftplay.explore.search.trial import Finding, TrialPlan, TrialResult, bound, rerun, run_trial
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session.errors import Failed
from raftplay.version import __version__, made_by

MEASURES = {"expect", "let", "wait", "never"}
"""What commands are called that only measure."""

ALL_ACTS = Setting(acts=tuple((name, 1.0) for name in ACTS))
"""The acts of all mixes and of all options at once."""


def chosen_in_trials(nodes: int) -> tuple[set[str], set[str]]:
    """What drivers choose in a few trials under each mix and in some with all acts: commands, and names of acts."""
    commands, names = set[str](), set[str]()

    def noted(name: str, act: ChooseAct) -> ChooseAct:
        def choose(driver: FaultChooser) -> WeightedAct:
            pause, command = act(driver)
            if command is not None:
                names.add(name)
            return pause, command

        return choose

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "ACTS", {name: noted(name, act) for name, act in ACTS.items()})
        for mix in MIXES:
            for seed in range(3):
                commands.update(run_trial(TrialPlan(seed, nodes, mix, 2.0)).commands)
        for seed in range(12):
            commands.update(run_trial(TrialPlan(seed, nodes, "everything", 6.0, setting=ALL_ACTS)).commands)
    return commands, names


@pytest.fixture(scope="module", params=[2, 3, 5])
def trials(request: pytest.FixtureRequest) -> tuple[int, set[str], set[str]]:
    nodes: int = request.param
    return nodes, *chosen_in_trials(nodes)


@pytest.fixture
def chosen(trials: tuple[int, set[str], set[str]]) -> tuple[int, list[str]]:
    return trials[0], sorted(trials[1])


def of_drivers(commands: list[str]) -> list[str]:
    """Without what only measures."""
    return [text for text in commands if text.split()[0] not in MEASURES]


def test_the_trials_here_choose_every_act(trials: tuple[int, set[str], set[str]]):
    nodes, _, names = trials
    if nodes > 2:
        assert names == set(ACTS)


@pytest.mark.parametrize(
    ("text", "fewer"),
    [
        ("disk 2 delay=20ms", "disk 1 delay=20ms"),
        ("disk 2 stall", "disk 1 stall"),
        ("disk 1 clear", None),
        ("disk 0 fail", "disk 0 fail"),
        ("clock 2 rate=1.5", "clock 1 rate=1.5"),
        ("transfer from 2 to 0", "transfer from 1 to 0"),
        ("transfer from 1 to 2", None),
        ("snapshot 2", "snapshot 1"),
        ("deliver 0->2 heartbeats", "deliver 0->1 heartbeats"),
        ("deliver 0->1 heartbeats", None),
        ("link all->2 delay=100ms", "link all->1 delay=100ms"),
        ("cut 2->all", "cut 1->all"),
        ("cut 0->1,2", "cut 0->1"),
        ("release 1,2->0", "release 1->0"),
    ],
)
def test_what_options_add_to_the_mixes_can_be_given_without_node_1(text: str, fewer: str | None) -> None:
    assert renumber(text, 1) == fewer


def test_without_a_node_every_command_can_still_be_given_or_goes_with_it(chosen: tuple[int, list[str]]):
    nodes, commands = chosen
    for text in of_drivers(commands):
        for gone in range(nodes):
            fewer = renumber(text, gone)
            if fewer is not None:
                bound(fewer, nodes - 1)
                assert fewer.split()[0] == text.split()[0]


def test_a_command_is_about_the_same_nodes_after_renumbering():
    assert renumber("submit 7 to 2", 1) == "submit 7 to 1"
    assert renumber("submit 1 to 2", 2) is None
    assert renumber("sleep 12.5ms", 1) == "sleep 12.5ms"
    assert renumber("heal", 0) == "heal"
    assert renumber("link 0->2 loss=10% dup=20% delay=1..30ms", 1) == "link 0->1 loss=10% dup=20% delay=1..30ms"
    assert renumber("link all delay=5..60ms", 2) == "link all delay=5..60ms"
    assert renumber("tear 3 after 2", 2) == "tear 2 after 2"
    assert renumber("drop 1 after 1", 0) == "drop 0 after 1"
    assert renumber("duplicate 2->0", 1) == "duplicate 1->0"
    assert renumber("partition 0,3 | 1,2,4", 1) == "partition 0,2 | 1,3"
    assert renumber("partition 2 | 0,1", 2) is None
    assert renumber("hold leader->2", 1) == "hold leader->1"
    assert renumber("wait committed 2 on 2 within 2s", 1) == "wait committed 2 on 2 within 2s"
    assert renumber("expect term of 2 > 1", 1) == "expect term of 1 > 1"
    assert renumber("crash 0,2", 2) == "crash 0"
    assert renumber("submit '1 to 2' to n2", 1) == "submit '1 to 2' to 1"
    assert renumber("partition 0,3 | 1,2,4", 4) == "partition 0,3 | 1,2"


def test_what_is_simpler_can_be_given_and_is_another_command(chosen: tuple[int, list[str]]):
    nodes, commands = chosen
    for text in of_drivers(commands):
        for simpler in simplifications(text):
            bound(simpler, nodes)
            assert simpler != text


def test_sleeps_are_merged_and_values_counted_in_any_schedule(chosen: tuple[int, list[str]]):
    nodes, commands = chosen
    rng = random.Random(1)
    for _ in range(50):
        some = rng.choices(of_drivers(commands), k=30)
        fewer = merge_sleeps(some)
        assert not any(a.startswith("sleep") and b.startswith("sleep") for a, b in pairwise(fewer))
        assert merge_sleeps(fewer) == fewer
        without = [text for text in some if not text.startswith(("sleep", "now"))]
        assert [text for text in fewer if not text.startswith("sleep")] == without
        renewed = numbered_anew(tuple(fewer))
        assert Counter(text.split()[0] for text in renewed) == Counter(text.split()[0] for text in fewer)
        for text in renewed:
            bound(text, nodes)


@pytest.mark.parametrize("mix", MIXES)
def test_a_schedule_of_any_mix_shrinks(mix: str, monkeypatch: pytest.MonkeyPatch):
    """Whatever stands in it: what falls here falls by one submit, and all else can go."""
    take(LiesAboutItsTerm, monkeypatch)
    commands = run_trial(TrialPlan(2, 5, mix, 2.0)).commands
    plan = TrialPlan(2, 5, mix, 2.0, (OWN,))
    result = rerun(plan, of_drivers(commands), measured=False)
    assert result.finding is not None
    small = Shrinker(case_of(result), limit=20).shrink()
    assert len(small.commands) <= 4
    assert small.finding.name == result.finding.name


# ---- the last instant


class LiesAboutItsTerm(ConsensusModule):
    """A node whose disk holds a lower term as soon as it has a log."""

    def _durable_vote(self) -> tuple[int, int]:
        term, vote = super()._durable_vote()
        return (term - 1, vote) if len(self.log) else (term, vote)


LATE = ["sleep 500ms", *(f"submit 1 to {node}" for node in range(3))]
"""What is submitted here is written when the cluster ends, and not before."""


def late_case() -> Case:
    result = rerun(TrialPlan(5, 3, bugs=(OWN,)), LATE, measured=False)
    return Case(result.plan, tuple(result.commands), result.finding or Finding("nothing", "", 0.0))


def test_a_breach_at_the_end_of_the_cluster_is_the_finding_of_a_trial(monkeypatch: pytest.MonkeyPatch):
    take(LiesAboutItsTerm, monkeypatch)
    case = late_case()
    assert case.finding.name == "Monotonic Term"
    assert list(case.commands) == LATE


def test_a_breach_in_the_last_instant_shrinks_to_a_script_that_repeats_it(monkeypatch: pytest.MonkeyPatch):
    take(LiesAboutItsTerm, monkeypatch)
    case = late_case()
    small = Shrinker(case, limit=20).shrink()
    assert small.size < case.size
    text = script_of(small)
    assert text.split("\n")[-2].startswith("# BROKEN: Monotonic Term broke at ")
    said: list[str] = []
    assert run_script(parse_script("late.txt", text), TextTranscript(said.append)) is Status.FAILED
    assert any("Monotonic Term broke at" in line for line in said)


def test_the_first_finding_counts_not_what_breaks_at_the_end(monkeypatch: pytest.MonkeyPatch):
    take(LiesAboutItsTerm, monkeypatch)

    def measure(run: Any, harness: Harness, *_: object) -> None:
        for node in range(3):
            run.commands.append(f"submit 1 to {node}")
            harness.submit_to_server(node, 1)  # its write breaks an invariant when the cluster ends
        raise Failed("a promise is not kept")

    monkeypatch.setattr(trial, "measure", measure)
    result = rerun(TrialPlan(5, 3, bugs=(OWN,)), LATE[:1], measured=True)
    assert result.finding is not None
    assert (result.finding.name, result.finding.text) == ("liveness", "submit 1 to 2: a promise is not kept")
    assert result.disturbing == 1


def test_a_trial_that_ends_in_a_late_breach_is_found_by_a_sweep(monkeypatch: pytest.MonkeyPatch):
    take(LiesAboutItsTerm, monkeypatch)
    report = sweep(Search(range(3, 4), bugs=(OWN,), seeds=3, jobs=1, stops_at_finding=False))
    assert [result.finding is not None for result in report.findings] == [True] * 3


# ---- what whoever reads it needs to have the same again


def test_report_and_counterexample_say_version_options_and_every_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    take(LiesAboutItsTerm, monkeypatch)
    search = Search(
        range(3, 5),
        seconds=0.5,
        bugs=(OWN,),
        mixes=("calm", "churn"),
        first_seed=7,
        seeds=4,
        stops_at_finding=False,
    )
    said: list[str] = []
    out = tmp_path / "found.txt"
    status = explore(
        search, said.append, out=out, watch=lambda _: None, shrink_limit=0.5, again="raftplay explore …"
    )
    assert status is Status.FAILED
    told = "\n".join(said).split("\n")
    found = [line.split(": ", 1)[1] for line in told if line.startswith(("found: ", "also found: "))]
    assert [line.split(" nodes")[0].split(", ")[:2] for line in found] == [
        ["Monotonic Term", f"seed {seed}"] for seed in (7, 8, 9, 10)
    ]
    (again,) = [line.split("): ", 1)[1] for line in told if f"(raftplay {__version__}): " in line]
    assert again == (
        "raftplay explore --bug own --nodes 3..4 --mix calm --mix churn --seconds 0.5 "
        "--engine trials --first-seed 7 --seeds 1"
    )
    text = out.read_text("utf-8")
    assert "\n# Found by: raftplay explore …\n" in text
    assert f"\n# Found with: {found[0].removesuffix(' (and 3 more)')}, 0.5 s of faults\n" in text
    for other in found[1:]:
        assert f"\n# Also found: {other}\n" in text
    assert f"\n# Version: {made_by()}; backend sim, seed " in text
    assert re.search(r", options: (.*, )?bug own(, .*)?\n", text)


def test_one_seed_alone_is_tried_again_by_the_command_that_the_report_names(monkeypatch: pytest.MonkeyPatch):
    take(LiesAboutItsTerm, monkeypatch)
    search = Search(range(3, 8), bugs=(OWN,), first_seed=3, seeds=2, seconds=0.5, stops_at_finding=False)
    together = sweep(search)
    alone = sweep(replace(search, first_seed=4, seeds=1))
    assert alone.first is not None
    assert [alone.first.finding] == [other.finding for other in together.others]
    assert Search(range(3, 8), engine="both").again(5) == "raftplay explore --first-seed 5 --seeds 1"
    assert Search(range(3, 8)).again(5) == "raftplay explore --engine trials --first-seed 5 --seeds 1"
    tcp = Search(range(5, 6), backend="tcp", speed=5.0)
    assert tcp.again(0) == "raftplay explore --nodes 5 --backend tcp --speed 5 --first-seed 0 --seeds 1"


def test_of_very_many_findings_the_rest_is_counted():
    result = TrialResult(TrialPlan(4, 3, "calm"), [], 0, Finding("x", "x", 0.0), 0.0, Counter(), Counter())
    lines = other_findings("also found", [result] * 105)
    assert lines[:100] == ["also found: x, seed 4, 3 nodes, mix calm"] * 100
    assert lines[100:] == ["also found: 5 more"]
