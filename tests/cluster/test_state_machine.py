"""A state machine of one's own gets every committed entry once, in order; its failure is that of its node."""

import json
from typing import Any

import pytest

from raftplay import CommitEntry, Harness, NodeFailed, StateMachine, UsageError


class KeyValues:
    """Commands are [key, value]; the result is the value before."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.indices: list[int] = []

    def apply(self, entry: CommitEntry) -> object:
        self.indices.append(entry.index)
        key, value = entry.command  # type: ignore[misc]
        before = self.values.get(key)
        self.values[key] = value
        return before

    def snapshot(self) -> bytes:
        return json.dumps(self.values).encode()

    def restore(self, data: bytes) -> None:
        self.values = json.loads(data)


def machines(h: Harness) -> list[KeyValues]:
    found = [server.machine for server in h.cluster]
    assert all(isinstance(machine, KeyValues) for machine in found)
    return found  # type: ignore[return-value]


def test_every_node_applies_every_entry_once_and_a_restart_applies_them_again() -> None:
    with Harness(3, backend="sim", seed=1, state_machine=KeyValues) as h:
        leader, _ = h.check_single_leader()
        h.submit_many(leader, [["x", 1], ["y", 2], ["x", 3]])
        h.check_until(lambda: all(machine.values == {"x": 3, "y": 2} for machine in machines(h)))
        away = (leader + 1) % 3
        before = machines(h)[away]
        h.crash_peer(away)
        h.restart_peer(away)
        assert machines(h)[away] is not before
        h.submit_to_server(leader, ["z", 4])
        h.check_until(lambda: all(machine.indices == [0, 1, 2, 3] for machine in machines(h)))
        assert h.commits[away][3].command == ["z", 4]
        copy = KeyValues()
        copy.restore(machines(h)[away].snapshot())
        assert copy.values == machines(h)[leader].values
        assert isinstance(copy, StateMachine)


def test_an_exception_in_apply_crashes_the_node_and_is_told_with_node_time_and_own_lines() -> None:
    with Harness(3, backend="sim", seed=1, state_machine=KeyValues) as h:
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, "no pair")
        with pytest.raises(
            NodeFailed, match=rf"^node {leader} raised ValueError in apply at 0\.\d+ s \(entry 0\)"
        ) as e:
            h.sleep_ms(10)
        assert "key, value = entry.command" in str(e.value)
        assert (h.alive[leader], h.commits[leader]) == (False, [])
        h.sleep_ms(2000)  # the next leader knows it as committed only with an entry of its own term
        after, _ = h.check_single_leader()
        h.submit_to_server(after, ["x", 1])
        with pytest.raises(NodeFailed, match="in apply"):
            h.sleep_ms(200)


def test_a_factory_that_raises_or_makes_no_machine_is_told() -> None:
    def broken() -> StateMachine:
        raise KeyError("no")

    with pytest.raises(NodeFailed, match=r"^node 0 raised KeyError in state_machine at 0.000 s"):
        Harness(1, backend="sim", state_machine=broken)
    with pytest.raises(NodeFailed, match="no state machine"):
        Harness(1, backend="sim", state_machine=dict)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="state_machine must be a function that returns a state machine"):
        Harness(1, backend="sim", state_machine=7)  # type: ignore[arg-type]
