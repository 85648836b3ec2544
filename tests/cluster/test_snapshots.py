"""Snapshots of a whole cluster: switched while it runs, and the length of logs that they bound (§7)."""

import pytest

from raftplay import Harness
from raftplay.watch import facts
from raftplay.watch.facts import Record


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_nodes_take_snapshots_from_the_moment_on_at_which_the_option_is_set(backend: str) -> None:
    seen: list[Record] = []
    with Harness(3, backend=backend, seed=1, readers=[seen.append]) as h:
        leader, _ = h.check_single_leader()
        for number in range(4):
            h.submit_to_server(leader, number)
        assert h.wait_until(lambda: all(len(commits) == 4 for commits in h.commits))
        h.set_option("snapshot", 5)
        assert [node.base_index for node in h.snapshot().nodes] == [-1, -1, -1]
        h.submit_to_server(leader, 4)
        assert h.wait_until(lambda: [node.base_index for node in h.snapshot().nodes] == [4, 4, 4])
        h.set_option("snapshot", 0)
        for number in range(5, 12):
            h.submit_to_server(leader, number)
        assert h.wait_until(lambda: all(len(commits) == 12 for commits in h.commits))
        assert [node.base_index for node in h.snapshot().nodes] == [4, 4, 4]
    told = [record.event for record in seen if isinstance(record.event, facts.OptionChanged)]
    assert [event.words for event in told] == ["setting: snapshot 5", "setting: snapshot off"]
