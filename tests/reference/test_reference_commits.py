"""The reference's tests of commits, by their names: what is committed, where, and what never is."""

from support.scenarios import (
    ALL_WEATHERS,
    after,
    agree_on,
    is_exact,
    ring,
    scenario,
    settled_leader,
    submit,
    wait_until,
)

from raftplay import Harness


@scenario(3)
def test_commit_one_command(h: Harness) -> None:
    leader, _ = settled_leader(h)
    assert h.submit_to_server(leader, 42) == 0
    after(h, 250, lambda: h.check_committed_n(42, 3))
    assert [len(log) for log in h.commits] == [1, 1, 1]


@scenario(3)
def test_commit_after_call_drops(h: Harness) -> None:
    """Two calls carry the entry to both followers; that it is committed, they learn once calls pass again."""
    leader, _ = settled_leader(h)
    h.peer_drop_calls_after_n(leader, 2)
    submit(h, leader, 99)
    h.sleep_ms(30)
    if is_exact(h):
        assert len(h.commits[leader]) == 1
        assert sum(map(len, h.commits)) == 1
    h.peer_dont_drop_calls(leader)
    after(h, 60, lambda: h.check_committed_n(99, 3))


@scenario(3)
def test_submit_non_leader_fails(h: Harness) -> None:
    leader, _ = settled_leader(h)
    for follower in ring(h, leader)[1:]:
        assert h.submit_to_server(follower, 42) == -1
    h.sleep_ms(10)
    h.check_not_committed(42)
    assert all(len(server.cm.log) == 0 for server in h.cluster)


@scenario(3)
def test_commit_multiple_commands(h: Harness) -> None:
    leader, _ = settled_leader(h)
    values = [42, 55, 81]
    for value in values:
        submit(h, leader, value)
        h.sleep_ms(100)
    after(h, 250, lambda: h.check_committed_n(81, 3))
    assert [h.check_committed(value) for value in values] == [(3, 0), (3, 1), (3, 2)]


@scenario(3)
def test_commit_with_disconnection_and_recover(h: Harness) -> None:
    leader, _ = settled_leader(h)
    submit(h, leader, 5, 6)
    after(h, 250, lambda: h.check_committed_n(6, 3))

    away = ring(h, leader)[1]
    h.disconnect_peer(away)
    h.sleep_ms(250)
    submit(h, leader, 7)
    after(h, 250, lambda: h.check_committed_n(7, 2))
    assert len(h.commits[away]) == 2

    h.reconnect_peer(away)
    h.sleep_ms(250)
    h.check_single_leader()
    after(h, 150, lambda: h.check_committed_n(7, 3))


@scenario(3)
def test_no_commit_with_no_quorum(h: Harness) -> None:
    leader, term = settled_leader(h)
    submit(h, leader, 5, 6)
    after(h, 250, lambda: h.check_committed_n(6, 3))

    _, one, other = ring(h, leader)
    h.disconnect_peer(one)
    h.disconnect_peer(other)
    h.sleep_ms(250)
    assert h.submit_to_server(leader, 8) == 2
    h.sleep_ms(250)
    h.check_not_committed(8)

    h.reconnect_peer(one)
    h.reconnect_peer(other)
    h.sleep_ms(600)
    h.check_not_committed(8)  # at best an entry of an older term (§5.4.2)
    new_leader, new_term = settled_leader(h)
    assert new_term > term
    submit(h, new_leader, 9, 10, 11)
    after(h, 350, lambda: h.check_committed_n(11, 3))
    h.check_committed_n(9, 3)
    h.check_committed_n(10, 3)


@scenario(3)
def test_disconnect_leader_briefly(h: Harness) -> None:
    """90 ms are shorter than any election timeout: where the darkness begins just after a heartbeat,
    the leader stays what it is."""
    leader, term = settled_leader(h)
    submit(h, leader, 5, 6)
    after(h, 250, lambda: h.check_committed_n(6, 3))

    cm = h.cluster[leader].cm
    beat = cm.deadline
    wait_until(h, "the leader sends a heartbeat", lambda: cm.deadline > beat)
    h.sleep_ms(6)
    h.disconnect_peer(leader)
    h.sleep_ms(90)
    h.reconnect_peer(leader)
    h.sleep_ms(200)
    if is_exact(h):
        assert h.check_single_leader() == (leader, term)
    submit(h, settled_leader(h)[0], 7)
    after(h, 250, lambda: h.check_committed_n(7, 3))


@scenario(5)
def test_commits_with_leader_disconnects(h: Harness) -> None:
    first, _ = settled_leader(h)
    submit(h, first, 5, 6)
    after(h, 250, lambda: h.check_committed_n(6, 5))

    h.disconnect_peer(first)
    h.sleep_ms(10)
    assert h.submit_to_server(first, 7) == 2
    h.sleep_ms(250)
    h.check_not_committed(7)
    second, _ = settled_leader(h)
    assert h.submit_to_server(second, 8) == 2
    after(h, 250, lambda: h.check_committed_n(8, 4))

    h.reconnect_peer(first)
    h.sleep_ms(600)
    third, _ = settled_leader(h)
    assert third != first
    submit(h, third, 9)
    after(h, 250, lambda: h.check_committed_n(9, 5))
    h.check_committed_n(8, 5)
    h.check_not_committed(7)


@scenario(5, weathers=ALL_WEATHERS, tcp_weathers=("unreliable",))
def test_commands_are_committed_in_any_weather(h: Harness) -> None:
    """The reference runs its tests under RAFT_UNRELIABLE_RPC and RAFT_FORCE_MORE_REELECTION as well."""
    indices = [agree_on(h, value, nodes=5) for value in (42, 55, 81)]
    leader, _ = h.check_single_leader()
    h.disconnect_peer(leader)
    indices.append(agree_on(h, 99, nodes=4))
    h.reconnect_peer(leader)
    indices.append(agree_on(h, 100, nodes=5))
    assert indices == sorted(set(indices))
