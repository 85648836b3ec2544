"""Every bug switch has a scenario: with the switch on the named invariant falls, without it all holds."""

import re

import pytest
from support import own_bugs
from support.amount import several
from support.command_line import raftplay
from support.together import named_in, together

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.raft.bugs import BUGS, LIVENESS
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import Script, parse_script

SEEDS = range(several(20))

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


def what_fell(bug: str, *, seed: int, backend: str | None = None) -> str:
    """The invariant that the scenario of `bug` breaks, or "liveness" for an expectation."""
    return what_it_tells(script(bug, seed=seed, backend=backend), f"BUGS ON: {bug}")


def what_it_tells(script: Script, about: str) -> str:
    told: list[str] = []
    status = run_script(script, TextTranscript(told.append))
    text = "\n".join(told)
    assert status is Status.FAILED, text
    assert about in told[0]
    if broken := BROKEN.search(text):
        return broken[1]
    assert FAILED.search(text), text
    return LIVENESS


def assert_holds(bug: str, *, seed: int, backend: str | None = None) -> None:
    told: list[str] = []
    sound = script(bug, seed=seed, backend=backend, without_bugs=True)
    assert run_script(sound, TextTranscript(told.append)) is Status.HELD, "\n".join(told)
    assert "BUGS" not in told[0]


@pytest.mark.parametrize("bug", BUGS)
def test_what_the_table_names_falls_with_any_seed(bug: str) -> None:
    for seed in SEEDS:
        assert what_fell(bug, seed=seed, backend="sim") in BUGS[bug].falls, f"seed {seed}"


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
    for seed in range(several(5, least=2)):
        text = scenarios.text_of(f"bugs/{bug}").replace(f"\nbug {bug}\n", f"\nnode {own_bugs.__file__}:{own}\n")
        with_own = parse_script(f"bugs/{bug}", text, Setup(seed=seed, backend="sim"))
        assert not with_own.setup.bugs
        fell = what_it_tells(with_own, f"node: {own_bugs.__file__}:{own}")
        assert fell == what_fell(bug, seed=seed, backend="sim")


@pytest.mark.parametrize("bug", BUGS)
def test_without_the_bug_all_holds_with_any_seed(bug: str) -> None:
    for seed in SEEDS:
        assert_holds(bug, seed=seed, backend="sim")


@pytest.fixture(scope="module")
def fell_by_itself(request: pytest.FixtureRequest) -> dict[str, str]:
    """What fell in each scenario that is asked for, where it plays by itself; without its bug all held there."""

    def fell_and_held(bug: str) -> str:
        fell = what_fell(bug, seed=1)
        assert_holds(bug, seed=1)
        return fell

    return together(fell_and_held, named_in(request, "_plays_by_itself"))


@pytest.mark.parametrize("bug", BUGS)
def test_it_falls_and_holds_where_the_scenario_plays_by_itself(bug: str, fell_by_itself: dict[str, str]) -> None:
    assert fell_by_itself[bug] in BUGS[bug].falls


def test_figure_8_goes_all_the_way_to_two_commands_at_one_index() -> None:
    assert what_fell("commit-old-term", seed=0, backend="sim") == "State Machine Safety"


def test_only_what_hangs_on_exact_pauses_plays_in_virtual_time() -> None:
    """All others play over real sockets: they wait for what happens, and are in no hurry."""
    virtual = [bug for bug in BUGS if script(bug, seed=0).setup.backend == "sim"]
    assert virtual == ["timer-on-refusal"]


@pytest.mark.parametrize("bug", BUGS)
def test_a_scenario_is_over_within_three_seconds_of_cluster_time(bug: str) -> None:
    for without_bugs in (False, True):
        told: list[str] = []
        run_script(script(bug, seed=0, backend="sim", without_bugs=without_bugs), TextTranscript(told.append))
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
