"""Disks that are slow, stall or fail, clocks that run fast or slow, timings of single nodes, and blank disks."""

import random

import pytest
from support.past import Compared

from raftplay import CMState, Harness, InvariantBroken, UsageError
from raftplay.cluster.hardware import USUAL, Hardware
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.raft import decisions
from raftplay.raft.config import RaftConfig
from raftplay.watch import facts
from raftplay.watch.facts import Record


class Told:
    """A reader that keeps all events."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)


def led(h: Harness) -> int:
    """The leader, once there is one and everybody knows it."""
    assert h.wait_until(lambda: h.snapshot().leader is not None, 5)
    h.sleep_ms(100)
    return h.check_single_leader()[0]


def follower_of(leader: int) -> int:
    return (leader + 1) % 3


# ---- slow disks


def test_a_reply_leaves_after_the_write_and_not_before() -> None:
    told = Told()
    with Compared(3, backend="sim", seed=5, readers=[told]) as h:
        leader = led(h)
        slow = follower_of(leader)
        h.set_disk(slow, delay=0.2)
        del told.records[:]
        h.submit_to_server(leader, "x")
        h.sleep_ms(400)
        mine = [r for r in told.records if r.node == slow]
        begins = next(r for r in mine if r.event == facts.WriteWaits(True, 0, 1, False))
        ends = next(r for r in mine if r.event == facts.WriteWaits(False, 0, 1, False))
        written = next(r for r in mine if isinstance(r.event, decisions.Persisted))
        assert ends.time == written.time == pytest.approx(begins.time + 0.2)
        assert ends.seq < written.seq
        acts = [r for r in mine if begins.time <= r.time < ends.time and isinstance(r.event, facts.ReplySent)]
        assert acts == []
        assert any(isinstance(r.event, facts.KeptWaiting) for r in mine)
        h.check_committed_n("x", 3)


def test_a_vote_is_sent_once_it_is_on_the_slow_disk() -> None:
    told = Told()
    with Compared(3, backend="sim", seed=5, readers=[told]) as h:
        leader = led(h)
        voter, other = follower_of(leader), 3 - leader - follower_of(leader)
        h.crash_peer(leader)
        h.set_disk(voter, delay=(0.05, 0.1))
        del told.records[:]
        h.time_out_peer(other)
        assert h.wait_until(lambda: h.cluster[voter].writing_since is not None)
        assert not h.cluster[other].is_leader()
        assert h.wait_until(h.cluster[other].is_leader)
        mine = [record for record in told.records if record.node == voter]
        granted = next(record.time for record in mine if isinstance(record.event, decisions.VoteDecided))
        sent = next(record.time for record in mine if isinstance(record.event, facts.ReplySent))
        assert 0.05 <= sent - granted <= 0.1


def test_a_leader_whose_disk_stalls_goes_on_leading_and_commits_nothing() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        term = h.cluster[leader].cm.current_term
        h.set_disk(leader, stall=True)
        assert h.submit_to_server(leader, "stuck") == 0
        h.sleep_ms(3000)
        assert h.check_single_leader() == (leader, term)
        assert all(len(server.cm.log) == (server.id == leader) for server in h.cluster)
        assert h.submit_to_server(leader, "too") == 1
        h.sleep_ms(100)
        h.check_not_committed("stuck")
        h.clear_disk(leader)
        h.sleep_ms(200)
        h.check_committed_n("stuck", 3)
        h.check_committed_n("too", 3)


def test_a_leader_whose_disk_stalls_is_heard_by_a_node_that_needs_its_snapshot() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        term, away = h.cluster[leader].cm.current_term, follower_of(leader)
        h.crash_peer(away)
        for command in range(5):
            h.submit_to_server(leader, command)
        h.sleep_ms(100)
        assert h.compact_peer(leader) == 4
        h.set_disk(leader, stall=True)
        h.submit_to_server(leader, "stuck")
        h.restart_peer(away)
        h.sleep_ms(3000)
        assert h.check_single_leader() == (leader, term)
        assert (h.cluster[away].cm.leader_id, h.cluster[away].cm.current_term) == (leader, term)
        assert h.snapshot().nodes[away].commit_index == -1
        h.clear_disk(leader)
        h.sleep_ms(300)
        h.check_committed_n("stuck", 3)


def test_a_crash_while_a_write_waits_loses_it() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        h.set_disk(leader, stall=True)
        h.submit_to_server(leader, "lost")
        h.sleep_ms(500)
        h.crash_peer(leader)
        assert list(h.snapshot().nodes[leader].log) == []
        assert h.hardware[leader].stalls
        h.restart_peer(leader)
        h.sleep_ms(500)
        assert list(h.snapshot().nodes[leader].log) == []
        h.clear_disk(leader)
        h.sleep_ms(1000)
        h.check_not_committed("lost")


def test_a_write_that_waited_can_still_be_torn() -> None:
    with Compared(3, backend="sim", seed=5, storage=[MemoryDisk() for _ in range(3)]) as h:
        leader = led(h)
        h.set_disk(leader, delay=0.1)
        h.tear_peer(leader, 1)
        h.submit_to_server(leader, "torn")
        h.sleep_ms(50)
        assert h.alive[leader]
        h.sleep_ms(100)
        assert not h.alive[leader]


@pytest.mark.parametrize("waits", [False, True])
def test_a_write_fails_and_the_node_crashes(waits: bool) -> None:
    with Harness(3, backend="sim", seed=5) as h:
        leader = led(h)
        if waits:
            h.set_disk(leader, stall=True)
            h.submit_to_server(leader, "x")
            h.sleep_ms(300)
            h.set_disk(leader, fail=True)
        else:
            h.set_disk(leader, fail=True)
            assert "next write fails" in h.snapshot().nodes[leader].marks
            h.submit_to_server(leader, "x")
        h.sleep_ms(100)
        assert not h.alive[leader]
        assert h.snapshot().nodes[leader].crash_cause.startswith("its disk failed a write")
        h.clear_disk(leader)
        h.restart_peer(leader)
        h.sleep_ms(500)
        h.submit_to_server(h.check_single_leader()[0], "y")
        h.sleep_ms(300)
        h.check_committed_n("y", 3)


def test_a_read_that_waits_for_a_paused_process_does_not_overtake_its_write() -> None:
    told = Told()
    with Harness(3, backend="sim", seed=7, readers=[told]) as h:
        leader = led(h)
        slow, index = follower_of(leader), []
        h.set_disk(slow, delay=0.05)
        del told.records[:]
        h.submit_to_server(leader, "x")
        h.wait_until(lambda: h.snapshot().nodes[slow].writing_since is not None, 1)
        h.freeze_peer(slow)
        h.cluster[slow].read(index.append)
        h.sleep_ms(400)  # the write is over, and heartbeats wait
        h.thaw_peer(slow)
        h.sleep_ms(400)
        writes = [r.event.waits for r in told.records if r.node == slow and isinstance(r.event, facts.WriteWaits)]
        assert writes == [True, False]
        assert index == [0]
        h.check_committed_n("x", 3)


def test_a_process_that_freezes_while_its_write_waits_goes_on_with_it_when_it_thaws() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        slow = follower_of(leader)
        h.set_disk(slow, delay=0.1)
        h.submit_to_server(leader, "x")
        h.sleep_ms(50)
        h.freeze_peer(slow)
        h.sleep_ms(200)
        assert list(h.cluster[slow].on_disk()[2]) == []
        h.thaw_peer(slow)
        h.sleep_ms(20)
        assert len(h.cluster[slow].on_disk()[2]) == 1
        h.sleep_ms(300)
        h.check_committed_n("x", 3)


def test_an_election_that_is_started_by_hand_while_a_write_waits_comes_after_it() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        slow = follower_of(leader)
        h.set_disk(slow, delay=0.1)
        h.submit_to_server(leader, "x")
        h.sleep_ms(50)
        h.time_out_peer(slow)
        assert h.cluster[slow].state is CMState.FOLLOWER
        h.sleep_ms(80)
        assert h.cluster[slow].state is CMState.CANDIDATE


def test_hardware_is_what_it_should_be() -> None:
    with Harness(3, backend="sim", seed=5) as h:
        for wrong in (lambda: h.set_disk(0, delay=-1), lambda: h.set_clock(0, 0.05), lambda: h.set_clock(0, 11)):
            with pytest.raises(UsageError):
                wrong()
        with pytest.raises(UsageError, match="rate must be a number"):
            h.set_clock(0, "fast")  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            h.set_timing(0, election=(0.2, 0.1))
        with pytest.raises(UsageError):
            h.set_timing(0, heartbeat=0.0001)
        assert h.hardware == [USUAL] * 3


# ---- clocks and timings


def test_a_fast_clock_makes_every_timer_shorter_and_a_restart_changes_nothing_of_it() -> None:
    with Compared(3, backend="sim", seed=5) as h:
        leader = led(h)
        fast = follower_of(leader)
        before = h.snapshot()
        left = before.nodes[fast].deadline - before.time
        h.set_clock(fast, 4)
        assert h.snapshot().nodes[fast].deadline - before.time == pytest.approx(left / 4)
        h.crash_peer(fast)
        h.restart_peer(fast)
        assert h.cluster[fast].cm.config.election_max == pytest.approx(0.3 / 4)
        assert "clock at 4 times the speed" in h.snapshot().nodes[fast].marks
        h.set_clock(fast, 1)
        assert h.cluster[fast].cm.config == h.config.raft


def test_an_impatient_node_is_the_one_that_starts_elections() -> None:
    told = Told()
    with Compared(3, backend="sim", seed=11, readers=[told]) as h:
        h.set_timing(2, election=(0.05, 0.06))
        h.sleep_ms(1000)
        started = {r.node for r in told.records if isinstance(r.event, decisions.ElectionStarted)}
        assert started == {2}
        h.set_timing(2, heartbeat=0.01)
        assert h.hardware[2] == Hardware(election=(0.05, 0.06), heartbeat=0.01)


def test_timings_by_a_clock() -> None:
    usual = RaftConfig()
    assert USUAL.timings(usual) is usual
    assert Hardware(rate=2).timings(usual).election_min == pytest.approx(0.075)
    assert Hardware(rate=10, election=(0.005, 0.01)).timings(usual).election_min == 0.001


# ---- blank disks


def blank(h: Harness) -> None:
    """X is committed by 1 and 2; 2 gets a blank disk; 0, which lacks x, is elected by 0 and 2."""
    h.wait_until(lambda: False, 0.0)
    h.time_out_peer(1)
    assert h.wait_until(h.cluster[1].is_leader)
    h.disconnect_peer(0)
    h.submit_to_server(1, "x")
    assert h.wait_until(lambda: len(h.commits[2]) == 1)
    h.crash_peer(2)
    h.disconnect_peer(1)
    h.restart_peer(2, empty=True)
    h.reconnect_peer(0)
    h.time_out_peer(0)
    h.sleep_ms(300)


def test_a_blank_disk_loses_a_committed_entry_and_the_text_says_that_raft_promises_nothing() -> None:
    with Harness(3, backend="sim", seed=5) as h:
        with pytest.raises(InvariantBroken) as broken:
            blank(h)
        assert broken.value.breach.invariant == "Leader Completeness"
        assert "the disk of n2 came back blank" in str(broken.value)
        assert "Raft promises nothing then" in str(broken.value)


def test_the_past_knows_a_blank_disk() -> None:
    with Compared(3, backend="sim", seed=5, watch=False) as h:
        blank(h)
        assert h.check_single_leader()[0] == 0


def test_a_wiped_node_may_come_back_empty_only(tmp_path: object) -> None:
    for choices in ({}, {"data_dir": tmp_path}):
        with Harness(3, backend="sim", seed=5, **choices) as h:  # type: ignore[arg-type]
            leader = led(h)
            h.wipe_peer(leader)
            with pytest.raises(UsageError, match=r"restart . empty"):
                h.restart_peer(leader)
            h.restart_peer(leader, empty=True)
            assert h.wiped == [False] * 3
            h.sleep_ms(500)
            assert h.snapshot().leader is not None
    with Harness(3, backend="sim", seed=6, data_dir=tmp_path) as h:  # type: ignore[arg-type]
        assert h.wiped == [False] * 3


# ---- everything at once


def disturb(h: Harness, dice: random.Random, id: int, number: int) -> None:
    """One fault or repair of node `id`, or a command to it."""
    acts = {
        lambda: h.set_disk(id, delay=(0.0, dice.choice((0.01, 0.1, 0.4)))): 3,
        lambda: h.set_disk(id, stall=True): 1,
        lambda: h.clear_disk(id): 2,
        lambda: h.set_clock(id, dice.choice((0.2, 0.5, 1, 2, 5))): 2,
        lambda: h.submit_to_server(id, number): 8,
        lambda: h.crash_peer(id): 1,
        lambda: h.alive[id] or h.restart_peer(id): 4,
        lambda: not h.alive[id] or h.freeze_peer(id): 0.5,
        lambda: not h.alive[id] or h.thaw_peer(id): 1,
        lambda: not h.alive[id] or h.time_out_peer(id): 2,
        lambda: not h.alive[id] or h.tear_peer(id, dice.randrange(3)): 0.5,
    }
    dice.choices(list(acts), list(acts.values()))[0]()


@pytest.mark.parametrize("seed", range(12))
def test_slow_disks_and_wrong_clocks_break_nothing(seed: int) -> None:
    dice = random.Random(seed)
    with Compared(5, backend="sim", seed=seed) as h:
        for number in range(60):
            disturb(h, dice, dice.randrange(5), number)
            h.sleep_ms(dice.choice((0, 5, 30, 80)))
        for id in range(5):
            h.clear_disk(id)
            h.set_clock(id, 1)
            if h.alive[id] and h.cluster[id].disk.armed:
                h.crash_peer(id)
            if not h.alive[id]:
                h.restart_peer(id)
            h.thaw_peer(id)
        h.sleep_ms(3000)
        leader = h.check_single_leader()[0]
        h.submit_to_server(leader, "last")
        h.sleep_ms(300)
        h.check_committed_n("last", 5)
