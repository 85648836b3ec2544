"""The past of a cluster that takes and installs snapshots is what was, field by field."""

import pytest
from support.churn import Churn
from support.past import Compared

from raftplay import Config, RaftConfig


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_past_is_what_was_whatever_is_compacted(every: int) -> None:
    compacted = 0
    for seed in range(4):
        raft = RaftConfig(snapshot=every, prevote=seed == 1, noop=seed == 2)
        config = Config(raft, delay_max=0.02 if seed % 2 else 0.005, unreliable=seed == 3)
        with Compared(5, backend="sim", seed=seed, config=config) as h:
            Churn(h, seed, None).run(2.0)
            assert h.looks > 50
            compacted += sum(node.base_index >= 0 for node in h.snapshot().nodes)
    assert compacted > 4


def test_the_past_knows_a_node_that_was_left_behind_and_restarted() -> None:
    with Compared(3, backend="sim", seed=7) as h:
        leader, _ = h.check_single_leader()
        behind = (leader + 1) % 3
        h.crash_peer(behind)
        for number in range(12):
            h.submit_to_server(leader, number)
            h.sleep_ms(5)
        h.sleep_ms(100)
        assert h.compact_peer(leader) == 11
        assert h.compact_peer(leader) == -1
        h.restart_peer(behind)
        h.wait_until(lambda: len(h.commits[behind]) == 12)
        assert h.snapshot().nodes[behind].base_index == 11
        h.crash_peer(behind)
        assert h.snapshot().nodes[behind].base_index == 11
        h.restart_peer(behind)
        assert [entry.command for entry in h.commits[behind]] == list(range(12))
        h.submit_to_server(leader, "last")
        h.wait_until(lambda: all(len(commits) == 13 for commits in h.commits))
        assert h.check_committed("last") == (3, 12)
