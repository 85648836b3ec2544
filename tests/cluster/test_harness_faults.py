"""What a Harness does to a cluster, in virtual time and over sockets: each fault does what it says, and is undone."""

from collections.abc import Iterator

import pytest
from support.backends import KINDS, elect, nothing_left_over, take_loop

from raftplay import CheckFailed, CMState, Harness, RequestVoteArgs, UsageError
from raftplay.watch import facts


@pytest.fixture(params=KINDS)
def h(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """Five nodes, led by node 0."""
    take_loop(request.param, monkeypatch)
    backend = "sim" if request.param == "sim" else "tcp"
    with nothing_left_over(), Harness(5, backend=backend, seed=11) as harness:
        elect(harness)
        yield harness


def leader_other_than(h: Harness, *ids: int) -> int:
    """The node that leads once none of `ids` is asked."""

    def found() -> list[int]:
        return [s.id for s in h.cluster if s.is_leader() and s.id not in ids]

    assert h.wait_until(lambda: bool(found()))
    with h.lock:
        return found()[0]


def commits(h: Harness, command: object, *ids: int) -> bool:
    """Whether these nodes come to commit `command`."""
    return h.wait_until(lambda: all(command in [e.command for e in h.commits[id]] for id in ids))


def _commands(h: Harness) -> list[list[object]]:
    return [[entry.command for entry in log] for log in h.commits]


# ---- crashes


def test_a_crash_forgets_commits_and_keeps_the_disk(h: Harness) -> None:
    h.submit_to_server(0, "x")
    assert commits(h, "x", 0, 1, 2, 3, 4)
    h.crash_peer(3)
    assert (h.alive[3], h.connected[3], h.commits[3]) == (False, False, [])
    assert str(h.cluster[3].state) == "Dead"
    assert h.storage[3].has_data()
    h.crash_peer(3)  # it stays down
    h.check_committed_n("x", 4)
    h.restart_peer(3)
    assert (h.alive[3], h.connected[3]) == (True, True)
    assert [entry.command for entry in h.cluster[3].cm.log] == ["x"]
    assert commits(h, "x", 3)


def test_a_live_node_cannot_be_restarted(h: Harness) -> None:
    with pytest.raises(UsageError, match="node 2 is alive; only a crashed node can be restarted"):
        h.restart_peer(2)
    h.crash_peer(2)
    h.restart_peer(2)
    with pytest.raises(UsageError, match="alive"):
        h.restart_peer(2)


def test_what_a_node_that_is_down_cannot_do(h: Harness) -> None:
    h.crash_peer(2)
    for act in (h.freeze_peer, h.thaw_peer, h.time_out_peer):
        with pytest.raises(UsageError, match="node 2 is down"):
            act(2)
    with pytest.raises(UsageError, match="node 2 is down; restart it instead"):
        h.reconnect_peer(2)
    assert h.submit_to_server(2, "x") == -1
    h.restart_peer(2)
    h.reconnect_peer(2)


def test_a_leader_that_crashes_with_replies_under_way_leaves_its_successor_alone(h: Harness) -> None:
    """Fault 2 of the reference: the dead node came to life on a late reply and wrote its successor's disk."""
    for peer in range(1, 5):
        h.set_link(peer, 0, delay=(0.2, 0.2))
    h.submit_to_server(0, "x")
    assert h.wait_until(lambda: all(len(server.cm.log) == 1 for server in h.cluster))
    dead = h.cluster[0]
    h.crash_peer(0)
    h.restart_peer(0)
    before = (dead.cm.current_term, dead.cm.commit_index, list(dead.cm.log))
    h.sleep_ms(600)
    assert (dead.cm.current_term, dead.cm.commit_index, list(dead.cm.log)) == before
    assert str(dead.state) == "Dead"
    for peer in range(1, 5):
        h.clear_link(peer, 0)
    assert h.submit_to_server(leader_other_than(h), "y") == 1
    assert commits(h, "y", 0, 1, 2, 3, 4)


def test_a_cluster_that_crashed_as_a_whole_comes_back_with_what_it_committed(h: Harness) -> None:
    h.submit_many(0, ["x", "y"])
    assert commits(h, "y", 0, 1, 2, 3, 4)
    for id in range(5):
        h.crash_peer(id)
    with pytest.raises(CheckFailed, match="none does"):
        h.check_single_leader()
    for id in range(5):
        h.restart_peer(id)
    leader = leader_other_than(h)
    assert h.submit_to_server(leader, "z") == 2
    assert commits(h, "z", 0, 1, 2, 3, 4)
    assert _commands(h) == [["x", "y", "z"]] * 5


# ---- cuts


def test_a_leader_that_is_disconnected_is_replaced_and_rejoins_as_a_follower(h: Harness) -> None:
    h.disconnect_peer(0)
    assert not h.connected[0]
    assert h.submit_to_server(0, "lost") == 0
    leader = leader_other_than(h, 0)
    assert h.submit_to_server(leader, "kept") == 0
    assert commits(h, "kept", *({1, 2, 3, 4}))
    h.check_not_committed("lost")
    h.check_committed_n("kept", 4)
    assert h.cluster[0].is_leader()  # it cannot know
    h.reconnect_peer(0)
    assert commits(h, "kept", 0)
    h.check_not_committed("lost")
    assert not h.cluster[0].is_leader()


def test_a_partition_leaves_its_nodes_connected_and_one_side_at_work(h: Harness) -> None:
    h.partition([0, 1])
    assert h.snapshot().groups == ((0, 1), (2, 3, 4))
    assert all(h.connected)
    assert h.submit_to_server(0, "minority") == 0
    leader = leader_other_than(h, 0, 1)
    assert h.submit_to_server(leader, "majority") == 0
    assert commits(h, "majority", 2, 3, 4)
    h.check_not_committed("minority")
    h.heal()
    assert h.snapshot().groups == ()
    assert commits(h, "majority", 0, 1)
    h.check_not_committed("minority")


def test_no_side_of_a_partition_without_a_majority_commits(h: Harness) -> None:
    h.partition([0, 1], [2, 3], [4])
    assert h.submit_to_server(0, "x") == 0
    h.sleep_ms(600)
    assert h.commits == [[]] * 5
    h.heal()
    assert h.wait_until(lambda: any(s.is_leader() and s.cm.current_term > 1 for s in h.cluster))


def test_a_one_way_cut_loses_calls_one_way_and_replies_the_other(h: Harness) -> None:
    h.cut(1, 2)
    seen: list[object] = []
    ask = RequestVoteArgs(0, 1, -1, -1)
    h.cluster[1].call(2, ask, seen.append)  # the call is lost
    h.cluster[2].call(1, RequestVoteArgs(0, 2, -1, -1), seen.append)  # the reply is
    h.cluster[1].call(3, ask, seen.append)  # whole
    assert h.wait_until(lambda: len(seen) == 1)
    h.sleep_ms(50)
    assert len(seen) == 1
    h.join(1, 2)
    h.cluster[1].call(2, ask, seen.append)
    assert h.wait_until(lambda: len(seen) == 2)


def test_a_leader_that_is_not_heard_is_deposed_though_it_hears_all(h: Harness) -> None:
    for peer in range(1, 5):
        h.cut(0, peer)
    leader = leader_other_than(h, 0)
    assert h.wait_until(lambda: not h.cluster[0].is_leader())  # the new one reaches it
    for peer in range(1, 5):
        h.join(0, peer)
    assert h.wait_until(lambda: any(s.is_leader() for s in h.cluster))
    assert leader != 0


def test_links_lose_delay_and_double_and_the_cluster_commits_all_the_same(h: Harness) -> None:
    for src in range(5):
        for dst in range(5):
            if src != dst:
                h.set_link(src, dst, loss=0.1, delay=(0.0, 0.02), dup=0.3)
    assert len(h.snapshot().faulty_links) == 20
    for number in range(20):
        h.submit_to_server(0, number)
        h.sleep_ms(10)
    h.heal()
    assert h.snapshot().faulty_links == ()
    assert h.wait_until(lambda: len({tuple(map(repr, log)) for log in _commands(h)}) == 1, 10)
    applied = [c for c in _commands(h)[0] if isinstance(c, int)]
    assert applied == sorted(set(applied))


def test_one_fault_of_a_link_leaves_its_others(h: Harness) -> None:
    h.set_link(1, 2, loss=0.5)
    h.set_link(1, 2, delay=(0.01, 0.02))
    h.cut(1, 2)
    ((link, faults),) = h.snapshot().faulty_links
    assert link == (1, 2)
    assert (faults.cut, faults.loss, faults.delay, faults.dup) == (True, 0.5, (0.01, 0.02), 0.0)
    h.clear_link(1, 2)
    assert h.snapshot().faulty_links == ()


# ---- frozen, dropping, timed out


def test_a_frozen_leader_is_replaced_and_steps_down_on_its_thaw(h: Harness) -> None:
    h.freeze_peer(0)
    assert h.snapshot().nodes[0].frozen
    assert h.submit_to_server(0, "refused") == -1
    leader = leader_other_than(h, 0)
    assert h.submit_to_server(leader, "x") == 0
    assert commits(h, "x", *({1, 2, 3, 4}))
    assert h.cluster[0].is_leader()
    h.thaw_peer(0)
    assert commits(h, "x", 0)
    assert not h.cluster[0].is_leader()


def test_a_frozen_follower_is_not_missed_and_catches_up(h: Harness) -> None:
    h.freeze_peer(4)
    h.submit_many(0, list(range(50)))
    assert commits(h, 49, 0, 1, 2, 3)
    assert h.commits[4] == []
    h.thaw_peer(4)
    assert commits(h, 49, 4)
    assert h.cluster[0].cm.current_term == h.cluster[4].cm.current_term == 1


def test_a_node_that_crashes_while_frozen_restarts_awake(h: Harness) -> None:
    h.freeze_peer(4)
    h.crash_peer(4)
    h.restart_peer(4)
    assert not h.snapshot().nodes[4].frozen
    h.submit_to_server(0, "x")
    assert commits(h, "x", 4)


def test_a_leader_whose_calls_are_dropped_is_replaced(h: Harness) -> None:
    h.peer_drop_calls_after_n(0, 3)
    assert h.wait_until(lambda: h.cluster[0].proxy.calls_left == 0)
    leader_other_than(h, 0)
    h.peer_dont_drop_calls(0)
    assert h.cluster[0].proxy.calls_left == -1


def test_a_timeout_makes_a_candidate_and_does_nothing_to_a_leader(h: Harness) -> None:
    h.time_out_peer(0)
    assert h.cluster[0].is_leader()
    elect(h, 3)
    assert h.cluster[3].cm.current_term >= 2
    assert not h.cluster[0].is_leader()


def test_aligned_timers_fire_together_and_the_votes_are_split(h: Harness) -> None:
    h.crash_peer(0)
    h.freeze_peer(4)
    h.sleep_ms(30)  # its last heartbeats arrive
    fires = h.align_timers(0.1)
    assert set(fires) == {1, 2, 3}  # neither the node that is down nor the frozen one
    assert len(set(fires.values())) == 1
    assert [h.snapshot().nodes[id].deadline for id in fires] == list(fires.values())
    assert h.wait_until(lambda: all(h.cluster[id].cm.state is CMState.CANDIDATE for id in fires))
    spread = h.spread_timers(0.05)
    assert list(spread.values()) == sorted(set(spread.values()))
    assert leader_other_than(h, 0) == next(iter(spread))


def test_timers_fire_when_the_first_would_unless_a_time_is_given_and_a_leader_has_none(h: Harness) -> None:
    h.pause()
    first = min(h.snapshot().nodes[id].deadline for id in range(1, 5))
    assert h.align_timers() == dict.fromkeys(h.align_timers(), first)
    assert set(h.spread_timers()) == {1, 2, 3, 4}
    assert min(h.spread_timers().values()) == first
    with pytest.raises(UsageError):
        h.align_timers(-1)
    for id in range(1, 5):
        h.crash_peer(id)
    assert h.align_timers() == {}


# ---- single messages


def test_messages_are_held_and_released_in_their_order(h: Harness) -> None:
    h.hold(0, 1)
    for number in range(5):
        h.submit_to_server(0, number)
        h.sleep_ms(1)
    assert commits(h, 4, 0, 2, 3, 4)
    assert h.wait_until(lambda: len(h.messages()) >= 1)
    held = [flight for flight in h.messages() if (flight.src, flight.dst) == (0, 1)]
    assert held
    assert h.commits[1] == []
    h.lose(held[0].id)
    with pytest.raises(UsageError, match=f"message {held[0].id} is not in flight any more"):
        h.deliver(held[0].id)
    assert h.release(0, 1) >= len(held) - 1
    assert commits(h, 4, 1)


def test_every_act_is_told_once(h: Harness) -> None:
    told: list[str] = []

    def reader(record: facts.Record) -> None:
        if isinstance(record.event, facts.Fact) and record.event.__class__.__name__ in ACTS:
            told.append(record.event.__class__.__name__)

    h._backend.run(lambda: h.stream.attach(reader))
    h.pause()
    h.disconnect_peer(1)
    h.reconnect_peer(1)
    h.crash_peer(1)
    h.crash_peer(1)
    h.restart_peer(1)
    h.partition([0], [1, 2, 3, 4])
    h.heal()
    h.freeze_peer(2)
    h.thaw_peer(2)
    h.cut(2, 3)
    h.peer_drop_calls_after_n(2, 0)
    h.time_out_peer(2)
    assert told == [
        "Disconnected",
        "Reconnected",
        "Crashed",
        "Restarted",
        "Partitioned",
        "Healed",
        "Frozen",
        "Thawed",
        "LinkChanged",
        "Dropping",
        "TimedOut",
    ]


ACTS = {
    "Disconnected",
    "Reconnected",
    "Crashed",
    "Restarted",
    "Partitioned",
    "Healed",
    "Frozen",
    "Thawed",
    "LinkChanged",
    "Dropping",
    "TimedOut",
}


@pytest.mark.parametrize("seed", ["x", "7", 1.5, True, b"7", [7], object(), float("nan"), "\x1b[31m"])
def test_a_seed_that_is_no_integer_is_refused(seed: object) -> None:
    with pytest.raises(UsageError, match="the seed must be an integer, such as 7, not ") as refused:
        Harness(3, backend="sim", seed=seed)  # type: ignore[arg-type]
    assert "\x1b" not in str(refused.value)


# ---- torn and restarted in one instant


def test_a_node_that_crashes_in_a_write_of_this_instant_can_be_restarted_in_it(h: Harness) -> None:
    commit = h.submit_to_server(0, "a")
    assert commits(h, "a", *range(5))
    h.tear_peer(0, 0)
    with h.lock:  # nothing settles in between
        assert h.submit_to_server(0, "torn") == commit + 1
    h.check_restart(0)
    assert not h.alive[0]
    h.restart_peer(0)
    with pytest.raises(UsageError, match="node 0 is alive"):
        h.check_restart(0)
    assert [entry.command for entry in h.cluster[0].cm.log] == ["a"]
    leader_other_than(h)
