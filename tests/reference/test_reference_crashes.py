"""The reference's tests of crashes and lost entries, by their names: what a disk keeps, and what is replaced."""

from support.scenarios import (
    ALL_WEATHERS,
    after,
    agree_on,
    ring,
    scenario,
    settled_leader,
    spread_unacknowledged,
    submit,
)

from raftplay import CMState, Harness


def commit_three(h: Harness) -> int:
    """5, 6 and 7 are committed on all three nodes; the leader."""
    leader, _ = settled_leader(h)
    submit(h, leader, 5, 6, 7)
    after(h, 350, lambda: h.check_committed_n(7, 3))
    check_three(h, 3)
    return leader


def check_three(h: Harness, n: int) -> None:
    """5, 6 and 7 are committed on exactly `n` connected nodes."""
    for value in (5, 6, 7):
        h.check_committed_n(value, n)


@scenario(3)
def test_crash_follower(h: Harness) -> None:
    leader, _ = settled_leader(h)
    submit(h, leader, 5)
    after(h, 350, lambda: h.check_committed_n(5, 3))
    follower = ring(h, leader)[1]
    h.crash_peer(follower)
    assert h.cluster[follower].state is CMState.DEAD
    assert h.commits[follower] == []
    h.sleep_ms(350)
    h.check_committed_n(5, 2)
    assert h.check_single_leader()[0] == leader


@scenario(3)
def test_crash_then_restart_follower(h: Harness) -> None:
    follower = ring(h, commit_three(h))[1]
    h.crash_peer(follower)
    h.sleep_ms(350)
    check_three(h, 2)
    h.restart_peer(follower)
    after(h, 650, lambda: check_three(h, 3))


@scenario(3)
def test_crash_then_restart_leader(h: Harness) -> None:
    leader = commit_three(h)
    h.crash_peer(leader)
    h.sleep_ms(350)
    check_three(h, 2)
    h.restart_peer(leader)
    after(h, 550, lambda: check_three(h, 3))


@scenario(3)
def test_crash_then_restart_all(h: Harness) -> None:
    leader = commit_three(h)
    for id in ring(h, leader):
        h.crash_peer(id)
    h.sleep_ms(350)
    assert [server.state for server in h.cluster] == [CMState.DEAD] * 3
    for id in ring(h, leader):
        h.restart_peer(id)
    h.sleep_ms(150)
    new_leader, _ = settled_leader(h)
    h.check_not_committed(5)  # none knows yet that its entries are: nothing of the new term is committed
    assert h.submit_to_server(new_leader, 8) == 3
    after(h, 250, lambda: h.check_committed_n(8, 3))
    check_three(h, 3)


@scenario(3)
def test_replace_multiple_log_entries(h: Harness) -> None:
    first, _ = settled_leader(h)
    submit(h, first, 5, 6)
    after(h, 250, lambda: h.check_committed_n(6, 3))

    h.disconnect_peer(first)
    h.sleep_ms(10)
    for value in (21, 22, 23, 24):
        submit(h, first, value)
        h.sleep_ms(5)
    second, _ = settled_leader(h)
    for value in (8, 9, 10):
        submit(h, second, value)
        h.sleep_ms(5)
    after(h, 250, lambda: h.check_committed_n(10, 2))
    h.check_not_committed(21)

    # The leader that comes now knows nothing of the first one's log and has to find out where it went astray.
    h.crash_peer(second)
    h.sleep_ms(60)
    h.restart_peer(second)
    h.sleep_ms(100)
    settled_leader(h)
    h.reconnect_peer(first)
    h.sleep_ms(400)
    third, _ = settled_leader(h)
    submit(h, third, 11)
    after(h, 250, lambda: h.check_committed_n(11, 3))
    h.check_committed_n(10, 3)
    h.check_not_committed(21)
    assert [entry.command for entry in h.cluster[first].cm.log] == [5, 6, 8, 9, 10, 11]


@scenario(3)
def test_crash_after_submit(h: Harness) -> None:
    leader, _ = settled_leader(h)
    spread_unacknowledged(h, leader, 5)
    h.crash_peer(leader)
    expect_held_back(h, leader)
    h.heal()
    h.restart_peer(leader)
    expect_committed_with_the_next(h)


@scenario(3)
def test_disconnect_after_submit(h: Harness) -> None:
    leader, _ = settled_leader(h)
    spread_unacknowledged(h, leader, 5)
    h.disconnect_peer(leader)
    expect_held_back(h, leader)
    assert h.commits[leader] == []
    h.heal()
    h.reconnect_peer(leader)
    expect_committed_with_the_next(h)


def expect_held_back(h: Harness, gone: int) -> None:
    """The others have the entry 5, and elect a leader; it is of an older term, so nobody commits it (§5.4.2)."""
    h.sleep_ms(10)
    leader, _ = h.check_single_leader()
    assert leader != gone
    h.sleep_ms(300)
    assert [entry.command for entry in h.cluster[leader].cm.log] == [5]
    h.check_not_committed(5)


def expect_committed_with_the_next(h: Harness) -> None:
    """With the leader back, 5 still waits; an entry of the new term takes it along."""
    h.sleep_ms(150)
    leader, _ = settled_leader(h)
    h.check_not_committed(5)
    submit(h, leader, 6)
    after(h, 100, lambda: h.check_committed_n(6, 3))
    h.check_committed_n(5, 3)


@scenario(3, weathers=ALL_WEATHERS, tcp_weathers=("unreliable", "more-reelection"))
def test_crashes_lose_nothing_in_any_weather(h: Harness) -> None:
    agree_on(h, 5, nodes=3)
    for round, value in enumerate((6, 7)):
        leader, _ = h.check_single_leader()
        h.crash_peer(leader)
        agree_on(h, value, nodes=2)
        h.restart_peer(leader)
        agree_on(h, 10 + round, nodes=3)
    for id in range(3):
        h.crash_peer(id)
    for id in range(3):
        h.restart_peer(id)
    agree_on(h, 8, nodes=3)
    for value in (5, 6, 7, 8, 10, 11):
        h.check_committed_n(value, 3)
