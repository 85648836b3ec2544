"""Trials with clients: what they were told is checked, and a violation is a finding that a script repeats."""

from dataclasses import replace

import pytest

from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.options import Setting
from raftplay.explore.search.shrink import Case
from raftplay.explore.search.trial import LINEARIZABILITY, TrialPlan, load_of, run_trial
from raftplay.kv import machine
from raftplay.kv.commands import Get, Result

PLAN = TrialPlan(3, 5, "churn", 2.0, setting=Setting(clients=True))


def test_a_trial_with_clients_begins_with_their_load_and_counts_the_verdict() -> None:
    result = run_trial(PLAN)
    assert result.commands[0] == load_of(PLAN)
    assert result.finding is None
    assert result.rules["history-linearizable"] == 1
    without = run_trial(replace(PLAN, setting=Setting()))
    assert not any(name.startswith("history") for name in without.rules)


def test_a_store_that_forgets_is_found_and_its_script_says_what_nothing_explains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = machine.KeyValueStore._changed

    def forgetful(store: machine.KeyValueStore, request: object) -> Result:
        if isinstance(request, Get) and len(store.sessions) > 2:
            return Result("ok")
        return original(store, request)  # type: ignore[arg-type]

    monkeypatch.setattr(machine.KeyValueStore, "_changed", forgetful)
    result = run_trial(PLAN)
    assert result.finding is not None
    assert result.finding.name == LINEARIZABILITY
    assert result.finding.text.startswith("not linearizable (key k")
    case = Case(result.plan, tuple(result.commands[: result.disturbing]), result.finding)
    script = script_of(case)
    assert "# FAILED: " in script
    assert "expect linearizable" in script
