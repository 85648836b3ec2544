"""The shrinker, exactly: what it tries and takes on small schedules, whose runs are pure functions here."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from raftplay.explore.search import shrink
from raftplay.explore.search.shrink import (
    SEEDS_TRIED,
    Attempt,
    Case,
    Shrinker,
    as_trial,
    merge_sleeps,
    numbered_anew,
    simplifications,
    slept,
)
from raftplay.explore.search.trial import LIVENESS, Finding, TrialPlan, rerun

FOUND = Finding("Log Matching", "", 0.0)


def case_of(*commands: str, nodes: int = 2, seed: int = 7) -> Case:
    return Case(TrialPlan(seed, nodes), commands, FOUND)


def taking(
    fits: Callable[[TrialPlan, list[str]], bool], tried: list[tuple[TrialPlan, list[str]]] | None = None
) -> Attempt:
    """An attempt that finds the same as long as a plan and commands fit."""

    def attempt(plan: TrialPlan, commands: list[str]) -> Case | None:
        if tried is not None:
            tried.append((plan, commands))
        return Case(plan, tuple(commands), FOUND) if fits(plan, commands) else None

    return attempt


def shrunk(case: Case, fits: Callable[[TrialPlan, list[str]], bool], seeds: int = 1) -> Case:
    return Shrinker(case, attempt=taking(fits), seeds=seeds).shrink()


def test_commands_that_are_not_needed_go_and_the_others_stay_in_order():
    commands = [f"submit {letter} to 0" for letter in "abcdefghij"]
    needed = {commands[2], commands[7], commands[9]}
    small = shrunk(case_of(*commands), lambda _, left: needed <= set(left))
    assert small.commands == (commands[2], commands[7], commands[9])
    assert small.plan == TrialPlan(7, 2)


@pytest.mark.parametrize("at", range(5))
def test_one_command_that_is_needed_is_found_wherever_it_stands(at: int):
    commands = [f"crash {id}" for id in range(5)]
    small = shrunk(case_of(*commands, nodes=5), lambda plan, left: plan.nodes == 5 and commands[at] in left)
    assert small.commands == (commands[at],)


def test_halves_go_first_then_quarters_then_single_commands():
    tried: list[tuple[TrialPlan, list[str]]] = []
    commands = [f"submit {letter} to 0" for letter in "abcd"]
    Shrinker(case_of(*commands), attempt=taking(lambda *_: False, tried), seeds=1).shrink()
    a, b, c, d = commands
    assert [left for _, left in tried] == [[c, d], [a, b], [b, c, d], [a, c, d], [a, b, d], [a, b, c], commands]


@pytest.mark.parametrize(("fewest", "left"), [(1, 2), (2, 2), (3, 3), (5, 5)])
def test_nodes_go_down_to_two_as_far_as_it_is_found(fewest: int, left: int):
    small = shrunk(case_of("crash 0", nodes=5), lambda plan, commands: plan.nodes >= fewest and bool(commands))
    assert small.plan.nodes == left


def test_the_highest_node_goes_first_and_commands_about_it_with_it():
    tried: list[tuple[TrialPlan, list[str]]] = []
    Shrinker(
        case_of("crash 0", "crash 2", "heal", nodes=3), attempt=taking(lambda *_: False, tried), seeds=1
    )._fewer_nodes()
    assert [(plan.nodes, left) for plan, left in tried] == [
        (2, ["crash 0", "heal"]),
        (2, ["crash 0", "crash 1", "heal"]),
        (2, ["crash 1", "heal"]),
    ]


@pytest.mark.parametrize(("needed", "left"), [(1.0, "sleep 12.5ms"), (30.0, "sleep 50ms"), (99.0, "sleep 100ms")])
def test_a_wait_gets_as_short_as_it_may(needed: float, left: str):
    shrinker = Shrinker(case_of("sleep 100ms"), attempt=taking(lambda _, c: (slept(c[0]) or 0) >= needed), seeds=1)
    shrinker._shorter_waits()
    assert shrinker.case.commands == (left,)


def test_the_lengths_of_a_wait_are_tried_from_the_shortest_on_and_never_longer_ones():
    tried: list[tuple[TrialPlan, list[str]]] = []
    shrinker = Shrinker(case_of("heal", "sleep 123.4ms"), attempt=taking(lambda *_: False, tried), seeds=1)
    shrinker._shorter_waits()
    assert [left[1] for _, left in tried] == [
        "sleep 15.4ms", "sleep 61.7ms", "sleep 100ms", "sleep 120ms", "sleep 123ms",
    ]  # fmt: skip
    assert all(left[0] == "heal" for _, left in tried)


def test_a_command_becomes_a_simpler_one_if_that_does_it_too():
    small = shrunk(case_of("tear 1 after 3"), lambda _, left: left == ["crash 1"])
    assert small.commands == ("crash 1",)
    small = shrunk(case_of("submit 5 to 0", "submit 9 to 0"), lambda _, left: len(left) == 2)
    assert small.commands == ("submit 1 to 0", "submit 2 to 0")


def test_simpler_commands_are_exactly_these():
    assert simplifications("drop 1 after 2") == ["drop 1 after 0"]
    assert simplifications("drop 1 after 0") == []
    assert simplifications("tear 1 after 2") == ["tear 1 after 0", "crash 1"]
    assert simplifications("tear 1 after 0") == []
    assert simplifications("link 0->1 loss=10% dup=20%") == ["link 0->1 loss=10%", "link 0->1 dup=20%"]
    assert simplifications("link 0->1 loss=10%") == []
    assert simplifications("crash 1") == []


def test_sleeps_and_gotos_beside_each_other_become_one_and_now_goes():
    assert merge_sleeps(["sleep 1ms", "sleep 2.5ms", "now", "sleep 1ms"]) == ["sleep 4.5ms"]
    assert merge_sleeps(["sleep 1ms", "heal", "sleep 1ms"]) == ["sleep 1ms", "heal", "sleep 1ms"]
    assert merge_sleeps(["goto 1s", "goto 2s", "heal", "goto 3s"]) == ["goto 2s", "heal", "goto 3s"]
    assert merge_sleeps(["goto 1s", "sleep 2ms"]) == ["goto 1s", "sleep 2ms"]
    assert merge_sleeps(["now"]) == []


def test_what_a_sleep_lasts_and_how_large_a_case_is():
    assert (slept("sleep 1.5s"), slept("sleep 2ms"), slept("heal")) == (1500, 2, None)
    assert case_of("sleep 2ms", "heal", "sleep 1s", nodes=4).size == (3, 4, 1002)


def test_integers_are_counted_from_one_and_other_values_stay():
    assert numbered_anew(("submit 9", "submit x", "heal", "submit 4 to 1", "submit $t")) == [
        "submit 1", "submit x", "heal", "submit 2 to 1", "submit $t",
    ]  # fmt: skip


# ---- seeds, time, and what is taken


def test_a_candidate_is_tried_with_its_own_seed_first_and_then_with_others():
    tried: list[tuple[TrialPlan, list[str]]] = []
    shrinker = Shrinker(case_of("heal"), attempt=taking(lambda *_: False, tried))
    assert not shrinker._try(["crash 0"])
    seeds = [plan.seed for plan, _ in tried]
    assert (len(seeds), seeds[0], shrinker.runs) == (SEEDS_TRIED, 7, SEEDS_TRIED)
    assert all(1 <= seed < 1000 for seed in seeds[1:])
    again: list[tuple[TrialPlan, list[str]]] = []
    Shrinker(case_of("heal"), attempt=taking(lambda *_: False, again))._try(["crash 0"])
    assert again == tried


def test_the_first_seed_that_finds_it_is_kept():
    tried: list[tuple[TrialPlan, list[str]]] = []
    seen: list[tuple[int, int]] = []
    shrinker = Shrinker(
        case_of("heal", "crash 0"),
        attempt=taking(lambda plan, _: plan.seed != 7, tried),
        progress=lambda runs, size: seen.append((runs, size)),
    )
    assert shrinker._try(["heal"])
    assert shrinker.case.plan.seed == tried[1][0].seed != 7
    assert (len(tried), seen) == (2, [(2, 1)])


def test_a_candidate_that_is_larger_or_the_same_is_not_taken():
    for kept, is_taken in (
        (("heal", "crash 0"), False),
        (("heal",), False),
        (("crash 0",), True),
        ((), True),
    ):
        shrinker = Shrinker(case_of("heal"), attempt=lambda plan, _, kept=kept: Case(plan, kept, FOUND), seeds=1)
        assert shrinker._try(["crash 1"]) is is_taken
        assert shrinker.case.commands == (kept if is_taken else ("heal",))


def test_nothing_is_tried_when_time_has_run_out(monkeypatch: pytest.MonkeyPatch):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(shrink, "time", clock)
    tried: list[tuple[TrialPlan, list[str]]] = []

    def attempt(plan: TrialPlan, commands: list[str]) -> Case | None:
        tried.append((plan, commands))
        clock.now += 1.0
        return None

    case = case_of("heal", "crash 0", "crash 1")
    whole = Shrinker(case, limit=100.0, attempt=attempt, seeds=1)
    assert (whole.shrink(), whole.ran_out) == (case, False)
    tried.clear()
    short = Shrinker(case, limit=2.0, attempt=attempt, seeds=1)
    assert (short.shrink(), short.ran_out, len(tried)) == (case, True, 3)  # exactly at the limit is in time
    clock.now += 1.0
    late = Shrinker(case, limit=-1.0, attempt=attempt, seeds=1)
    assert (late.shrink(), late.ran_out, late.runs) == (case, True, 0)


# ---- as a trial


def test_as_a_trial_only_the_same_finding_counts():
    plan = TrialPlan(1, 4, bugs=("half-is-majority",))
    commands = ["sleep 300ms", "partition 0,1 | 2,3", "timeout 0", "sleep 5ms"]
    finding = rerun(plan, commands, measured=False).finding
    assert finding is not None
    found = as_trial(finding.name)(plan, commands)
    assert found is not None
    assert (found.finding.name, found.plan) == (finding.name, plan)
    assert set(found.commands) <= set(commands)
    assert as_trial("Log Matching")(plan, commands) is None
    assert as_trial(finding.name)(plan.correct, commands) is None


def test_a_loss_of_liveness_counts_only_if_the_correct_algorithm_recovers(monkeypatch: pytest.MonkeyPatch):
    fails: dict[bool, bool] = {}

    def run(plan: TrialPlan, commands: list[str], *, measured: bool) -> object:
        assert measured
        finding = Finding(LIVENESS, "", 0.0) if fails[plan.deviates] else None
        return SimpleNamespace(plan=plan, commands=[*commands, "expect leader"], disturbing=1, finding=finding)

    monkeypatch.setattr(shrink, "rerun", run)
    attempt = as_trial(LIVENESS)
    plan = TrialPlan(1, 3, bugs=("forget-vote",))
    for with_bug, without, is_taken in ((True, False, True), (True, True, False), (False, False, False)):
        fails.update({True: with_bug, False: without})
        found = attempt(plan, ["heal"])
        assert (found is not None) is is_taken
        assert found is None or found.commands == ("heal",)
    fails[False] = True
    assert attempt(plan.correct, ["heal"]) is not None
