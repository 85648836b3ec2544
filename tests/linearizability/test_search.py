"""The search for an order against brute force."""

import pytest
from support.histories import brute, tiny_history

from raftplay.linearizability.search import check


@pytest.mark.parametrize("block", range(4))
def test_the_search_agrees_with_brute_force(block: int) -> None:
    outcomes = set()
    for seed in range(2500 * block, 2500 * (block + 1)):
        history = tiny_history(seed)
        outcome = check(history).outcome
        assert outcome == ("linearizable" if brute(history) else "violated"), seed
        outcomes.add(outcome)
    assert outcomes == {"linearizable", "violated"}
