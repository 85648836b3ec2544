"""The search for an order against brute force, and how far it must look."""

from collections.abc import Callable

import pytest
from support.amount import several
from support.histories import brute, long_history, tiny_history, unsure_history

from raftplay.linearizability import search
from raftplay.linearizability.operations import ClientAnswer, Operation
from raftplay.linearizability.search import check


def agrees(made: Callable[[int], list[Operation]], seeds: range) -> None:
    outcomes = set()
    for seed in seeds:
        history = made(seed)
        outcome = check(history).outcome
        assert outcome == ("linearizable" if brute(history) else "violated"), seed
        outcomes.add(outcome)
    assert outcomes == {"linearizable", "violated"}


@pytest.mark.parametrize("block", range(4))
def test_the_search_agrees_with_brute_force(block: int) -> None:
    agrees(tiny_history, range(2500 * block, 2500 * block + several(2500)))


def test_it_agrees_where_half_of_the_outcomes_are_unknown() -> None:
    agrees(unsure_history, range(several(3000)))


def test_it_agrees_where_it_looks_for_impossible_values_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", 0)
    agrees(tiny_history, range(several(1000)))
    agrees(unsure_history, range(several(1000)))


@pytest.mark.parametrize("unknown", [0, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("wrong", [None, "never", "stale"])
def test_a_thousand_operations_need_few_states(unknown: float, wrong: str | None) -> None:
    found = [check(long_history(seed, unknown, wrong), states=20_000) for seed in range(3)]
    assert all(verdict.outcome != "undecided" for verdict in found)
    assert max(verdict.states for verdict in found) < 20_000
    if wrong != "stale":  # an operation of unknown outcome may explain an old value
        expected = "violated" if wrong else "linearizable"
        assert all(verdict.outcome == expected for verdict in found)


def test_a_value_that_appends_can_make_is_not_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", 0)
    for first, more, whole in (('"a"', '"b"', '"ab"'), ("[1]", '"b"', '[1,"b"]'), ("[]", "[2]", "[[2]]")):
        history = [
            Operation("c", "x", "put", first, None, 0, 1, ClientAnswer()),
            Operation("c", "x", "append", more, None, 2),
            Operation("c", "x", "get", None, None, 3, 4, ClientAnswer(whole)),
        ]
        assert check(history).outcome == "linearizable", whole


def test_a_budget_ends_the_search_among_operations_of_unknown_outcome_too() -> None:
    appends = [Operation("c", "x", "append", f'"{number % 9}{number}"', None, 0) for number in range(200)]
    seen = "".join(f"{number % 9}{number}" for number in range(200))
    history = [*appends, Operation("c", "x", "get", None, None, 1, 2, ClientAnswer(f'"{seen}9"'))]
    verdict = check([*history, *history], states=30)
    assert verdict.outcome == "undecided"
    assert verdict.states < 400  # one look ahead, not all of a chain
