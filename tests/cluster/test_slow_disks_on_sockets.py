"""Slow, stalled and failing disks, and clocks, over real sockets."""

import pytest

from raftplay import Harness


@pytest.fixture
def h():
    """A cluster of three nodes, led by node 0."""
    with Harness(3, backend="tcp", seed=3) as harness:
        harness.time_out_peer(0)
        assert harness.wait_until(harness.cluster[0].is_leader)
        assert harness.submit_to_server(0, "first") == 0
        assert harness.wait_until(lambda: all(len(log) == 1 for log in harness.commits))
        yield harness


def test_a_leader_with_a_stalled_disk_leads_on_and_commits_once_it_is_good(h: Harness) -> None:
    h.set_disk(0, stall=True)
    assert h.submit_to_server(0, "x") == 1
    assert h.wait_until(lambda: h.cluster[0].writing_since is not None)
    since = h.cluster[0].writing_since
    assert not h.wait_until(lambda: any(len(log) > 1 for log in h.commits), 0.4)
    assert h.cluster[0].writing_since == since
    assert h.cluster[0].is_leader()
    h.clear_disk(0)
    assert h.wait_until(lambda: all(len(log) == 2 for log in h.commits))


def test_a_slow_write_lasts_as_long_as_it_should(h: Harness) -> None:
    for id in (1, 2):
        h.set_disk(id, delay=0.1)
    begin = h.now
    h.submit_to_server(0, "x")
    assert h.wait_until(lambda: len(h.commits[0]) == 2)
    assert h.now - begin >= 0.1


def test_a_failing_write_crashes_its_node(h: Harness) -> None:
    h.set_disk(1, fail=True)
    h.submit_to_server(0, "x")
    assert h.wait_until(lambda: not h.alive[1])
    h.restart_peer(1)
    assert h.wait_until(lambda: len(h.commits[1]) == 2)


def test_a_fast_clock_is_the_first_to_start_an_election(h: Harness) -> None:
    h.set_timing(2, election=(20, 30))
    h.set_clock(1, 10)
    h.crash_peer(0)
    assert h.wait_until(h.cluster[1].is_leader)
