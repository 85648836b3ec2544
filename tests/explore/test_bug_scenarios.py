"""Every bug switch has a scenario: with the switch on the named invariant is violated, without it all holds."""

import functools
import re

import pytest
from support import own_bugs
from support.amount import THOROUGH, several, some
from support.command_line import raftplay
from support.together import named_in, together

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.raft.bugs import BUGS, LIVENESS
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import Script, parse_script

SEEDS = range(20 if THOROUGH else 3)

BROKEN = re.compile(r"^bugs/[\w-]+:\d+: .*?: (\w[\w -]*?) broke at ", re.MULTILINE)
FAILED = re.compile(r"^bugs/[\w-]+:\d+: failed at ", re.MULTILINE)


def script(bug: str, *, seed: int, backend: str | None = None, without_bugs: bool = False) -> Script:
    """The scenario of `bug`; without it, every invariant is watched, whatever the scenario says."""
    name = f"bugs/{bug}"
    found = parse_script(
        name, scenarios.text_of(name), Setup(seed=seed, backend=backend, without_bugs=without_bugs)
    )
    if without_bugs:
        found.setup.watched = []
    return found


def run(script: Script) -> tuple[Status, list[str]]:
    """How a scenario ends, and what is told."""
    told: list[str] = []
    return run_script(script, TextTranscript(told.append)), told


@functools.cache
def in_virtual_time(bug: str, seed: int, *, without_bugs: bool) -> tuple[Status, list[str]]:
    """The same, for a run that several tests here look at."""
    return run(script(bug, seed=seed, backend="sim", without_bugs=without_bugs))


def what_fell(bug: str, *, seed: int) -> str:
    """The invariant that the scenario of `bug` breaks, or "liveness" for an expectation."""
    return named_in_what_is_told(in_virtual_time(bug, seed, without_bugs=False), f"BUGS ON: {bug}")


def named_in_what_is_told(ended: tuple[Status, list[str]], about: str) -> str:
    status, told = ended
    text = "\n".join(told)
    assert status is Status.FAILED, text
    assert about in told[0]
    if broken := BROKEN.search(text):
        return broken[1]
    assert FAILED.search(text), text
    return LIVENESS


def assert_holds(ended: tuple[Status, list[str]]) -> None:
    status, told = ended
    assert status is Status.HELD, "\n".join(told)
    assert "BUGS" not in told[0]


@pytest.mark.parametrize("bug", BUGS)
def test_what_the_table_names_falls_with_any_seed(bug: str) -> None:
    for seed in SEEDS:
        assert what_fell(bug, seed=seed) in BUGS[bug].violates, f"seed {seed}"


OWN = [
    name
    for name, kind in vars(own_bugs).items()
    if isinstance(kind, type) and kind.__module__ == own_bugs.__name__
]


def test_every_bug_is_a_class_of_ones_own_too() -> None:
    assert set(OWN) == {bug.title().replace("-", "") for bug in BUGS}


@pytest.mark.parametrize("own", OWN)
def test_the_bug_as_a_class_of_ones_own_falls_as_the_switch_does(own: str) -> None:
    (bug,) = [bug for bug in BUGS if bug.title().replace("-", "") == own]
    for seed in range(several(5)):
        text = scenarios.text_of(f"bugs/{bug}").replace(f"\nbug {bug}\n", f"\nnode {own_bugs.__file__}:{own}\n")
        with_own = parse_script(f"bugs/{bug}", text, Setup(seed=seed, backend="sim"))
        assert not with_own.setup.bugs
        fell = named_in_what_is_told(run(with_own), f"node: {own_bugs.__file__}:{own}")
        assert fell == what_fell(bug, seed=seed)


@pytest.mark.parametrize("bug", BUGS)
def test_without_the_bug_all_holds_with_any_seed(bug: str) -> None:
    for seed in SEEDS:
        assert_holds(in_virtual_time(bug, seed, without_bugs=True))


@pytest.fixture(scope="module")
def fell_by_itself(request: pytest.FixtureRequest) -> dict[str, str]:
    """What fell in each scenario that is asked for, where it plays by itself; without its bug all held, in some."""

    def fell_and_held(bug: str) -> str:
        fell = named_in_what_is_told(run(script(bug, seed=1)), f"BUGS ON: {bug}")
        if bug in some(BUGS):
            assert_holds(run(script(bug, seed=1, without_bugs=True)))
        return fell

    return together(fell_and_held, named_in(request, "_plays_by_itself"))


@pytest.mark.parametrize("bug", BUGS)
def test_it_falls_and_holds_where_the_scenario_plays_by_itself(bug: str, fell_by_itself: dict[str, str]) -> None:
    assert fell_by_itself[bug] in BUGS[bug].violates


def test_figure_8_goes_all_the_way_to_two_commands_at_one_index() -> None:
    assert what_fell("commit-old-term", seed=0) == "State Machine Safety"


def test_only_what_hangs_on_exact_pauses_plays_in_virtual_time() -> None:
    """All others play over real sockets: they wait for what happens, and are in no hurry."""
    virtual = [bug for bug in BUGS if script(bug, seed=0).setup.backend == "sim"]
    assert virtual == ["timer-on-refusal"]


@pytest.mark.parametrize("bug", BUGS)
def test_a_scenario_is_over_within_three_seconds_of_cluster_time(bug: str) -> None:
    for without_bugs in (False, True):
        _, told = in_virtual_time(bug, 0, without_bugs=without_bugs)
        match = re.search(r"(?:at|in) ([\d.]+) s \(", told[-1])
        assert match, told[-1]
        assert float(match[1]) < 3.0


@pytest.mark.parametrize("bug", BUGS)
def test_a_scenario_says_what_it_shows_and_switches_on_that_bug_alone(bug: str) -> None:
    assert script(bug, seed=0).setup.bugs == [bug]
    summary = scenarios.summary_of(f"bugs/{bug}")
    assert summary.startswith(f"{bug}: ")
    assert "§" in summary or "Figure" in summary
    lines = scenarios.text_of(f"bugs/{bug}").splitlines()
    assert max(map(len, lines)) <= 115
    assert sum(line.startswith("#") for line in lines) >= 5


def test_every_bug_has_its_scenario() -> None:
    assert scenarios.bug_names() == [f"bugs/{bug}" for bug in BUGS]


def test_the_command_line_runs_one_both_ways() -> None:
    broken = raftplay("run", "bugs/zombie")
    assert broken.status == 1
    assert "Dead Is Dead broke at" in broken.out
    held = raftplay("run", "bugs/zombie", "--without-bugs")
    assert held.status == 0
    assert (broken.err, held.err) == ("", "")
