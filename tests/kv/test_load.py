"""A load of clients: the seed decides it, it ends in time, and its settings are checked."""

import pytest

from raftplay import Harness, UsageError
from raftplay.kv.load import LOADS, Load, summary


def run(seed: int) -> list[tuple[str, float, str | None]]:
    with Harness(3, backend="sim", seed=seed) as h:
        end = h.load(Load(clients=3, rate=100, keys=2, seconds=1.0))
        h.sleep_ms(1500)
        calls = h.clients.calls
        assert end == 1.0
        assert all(call.began < end + 0.6 for call in calls)
        assert all(call.is_over for call in calls)
        assert h.clients.verdict().outcome == "linearizable"
        assert summary(calls, h.now).startswith(f"{len(calls)} requests, ")
        return [(call.client, call.began, call.ending) for call in calls]


def test_equal_seeds_make_equal_loads() -> None:
    first = run(1)
    assert len(first) > 40
    assert {client for client, _, _ in first} == {"c0", "c1", "c2"}
    assert run(1) == first
    assert run(2) != first


@pytest.mark.parametrize("name", LOADS)
def test_settings_out_of_range_are_refused(name: str) -> None:
    for value in (LOADS[name][0] - 1, LOADS[name][1] + 1):
        with pytest.raises(UsageError, match=f"{name} must be between"):
            Load(**{name: value})


def test_the_last_second_is_told_beside_the_whole_time() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        h.client("a").put("x", 1)
        before = h.clients.calls[0].ended
        assert "(" not in summary(h.clients.calls, before + 0.1), "all of it was in the last second"
        assert ", 0 answered a second (0 now), " in summary(h.clients.calls, before + 3.0)
        h.sleep_ms(4000)
        h.load(Load(clients=2, rate=50, keys=2, seconds=1.0))
        h.sleep_ms(1000)
        answered = sum(call.ending in ("ok", "no") and call.ended > h.now - 1.0 for call in h.clients.calls)
        assert answered > 20
        assert f" ({answered} now), " in summary(h.clients.calls, h.now)
