"""Every scenario that ships holds, whatever the seed, on both backends."""

import pytest
from support.amount import THOROUGH
from support.together import named_in, together

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.raft.bugs import BUGS
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import parse_script

SEEDS = 50 if THOROUGH else 5
INCIDENT_SEEDS = 20 if THOROUGH else 3


def play(name: str, overrides: Setup) -> tuple[Status, str]:
    lines: list[str] = []
    script = parse_script(name, scenarios.text_of(name), overrides)
    return run_script(script, TextTranscript(lines.append)), "\n".join(lines)


def test_at_least_eight_scenarios_ship_each_with_a_line_about_it():
    assert len(scenarios.names()) >= 8
    for name in scenarios.all_names():
        assert len(scenarios.summary_of(name)) > 20, name
        assert "DRAFT" not in scenarios.text_of(name), name


def test_an_incident_names_its_source_has_chapters_and_three_notes():
    assert len(scenarios.incident_names()) >= 8
    for name in scenarios.incident_names():
        text = scenarios.text_of(name)
        assert "#! Source: https://" in text, name
        assert text.count("\n## ") >= 2, name
        assert text.count("\n#! ") >= 3, name
        assert "\nexpect " in text, name


@pytest.mark.parametrize("name", scenarios.incident_names())
def test_an_incident_holds_in_virtual_time_with_any_seed(name: str):
    for seed in range(INCIDENT_SEEDS):
        status, text = play(name, Setup(backend="sim", seed=seed))
        assert status is Status.HELD, text


@pytest.fixture(scope="module")
def on_sockets(request: pytest.FixtureRequest) -> dict[str, tuple[Status, str]]:
    """What each story that is asked for gave on sockets: they were played side by side, as they mostly wait."""
    return together(lambda name: play(name, Setup(backend="tcp")), named_in(request, "_on_sockets"))


@pytest.mark.parametrize("name", scenarios.incident_names())
def test_an_incident_holds_on_sockets(name: str, on_sockets: dict[str, tuple[Status, str]]):
    status, text = on_sockets[name]
    assert status is Status.HELD, text


def test_every_bug_has_its_scenario():
    assert scenarios.bug_names() == [f"bugs/{name}" for name in BUGS]


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_holds_in_virtual_time_with_any_seed(name: str):
    for seed in range(SEEDS):
        status, text = play(name, Setup(backend="sim", seed=seed))
        assert status is Status.HELD, text


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_holds_on_sockets(name: str, on_sockets: dict[str, tuple[Status, str]]):
    status, text = on_sockets[name]
    assert status is Status.HELD, text
