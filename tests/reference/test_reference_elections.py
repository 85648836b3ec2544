"""The reference's tests of elections, by their names: who leads after what was cut off and came back."""

from support.scenarios import ALL_WEATHERS, after, is_exact, ring, scenario, settled_leader, wait_until

from raftplay import CMState, Harness
from raftplay.cluster import checks


@scenario(3, weathers=ALL_WEATHERS)
def test_election_basic(h: Harness) -> None:
    leader, term = h.check_single_leader()
    assert h.cluster[leader].is_leader()
    assert term >= 1


@scenario(3, weathers=ALL_WEATHERS)
def test_election_leader_disconnect(h: Harness) -> None:
    first, first_term = h.check_single_leader()
    h.disconnect_peer(first)
    h.sleep_ms(350)
    second, second_term = h.check_single_leader()
    assert second != first
    assert second_term > first_term


@scenario(3, weathers=ALL_WEATHERS)
def test_election_leader_and_another_disconnect(h: Harness) -> None:
    leader, _ = h.check_single_leader()
    _, other, last = ring(h, leader)
    h.disconnect_peer(leader)
    h.disconnect_peer(other)
    h.sleep_ms(450)
    h.check_no_leader()
    assert h.cluster[last].state is CMState.CANDIDATE
    h.reconnect_peer(other)
    found, _ = h.check_single_leader()
    assert found in (other, last)


@scenario(3, weathers=ALL_WEATHERS)
def test_disconnect_all_then_restore(h: Harness) -> None:
    h.sleep_ms(100)
    for id in range(3):
        h.disconnect_peer(id)
    h.sleep_ms(450)
    h.check_no_leader()
    if is_exact(h):  # nobody can have won within 100 ms
        assert all(server.state is CMState.CANDIDATE for server in h.cluster)
    for id in range(3):
        h.reconnect_peer(id)
    h.check_single_leader()


@scenario(3)
def test_election_leader_disconnect_then_reconnect(h: Harness) -> None:
    first, _ = h.check_single_leader()
    h.disconnect_peer(first)
    h.sleep_ms(350)
    second, second_term = settled_leader(h)
    h.reconnect_peer(first)
    after(h, 150, lambda: expect_leader(h, second, second_term))
    assert not h.cluster[first].is_leader()


@scenario(5)
def test_election_leader_disconnect_then_reconnect5(h: Harness) -> None:
    first, _ = h.check_single_leader()
    h.disconnect_peer(first)
    h.sleep_ms(150)
    second, second_term = settled_leader(h)
    assert second != first
    h.reconnect_peer(first)
    after(h, 150, lambda: expect_leader(h, second, second_term))
    assert h.cluster[first].state is CMState.FOLLOWER


@scenario(3, weathers=("calm", "more-reelection"))
def test_election_follower_comes_back(h: Harness) -> None:
    leader, term = settled_leader(h)
    other = ring(h, leader)[1]
    h.disconnect_peer(other)
    h.sleep_ms(650)
    if is_exact(h):  # 650 ms hold two of its election timeouts, and the others noticed nothing
        assert h.cluster[other].cm.current_term >= term + 2
        assert h.check_single_leader() == (leader, term)
    h.reconnect_peer(other)
    h.sleep_ms(150)
    _, new_term = h.check_single_leader()
    assert new_term > term


@scenario(3, weathers=ALL_WEATHERS)
def test_election_disconnect_loop(h: Harness) -> None:
    for _ in range(5):
        leader, _ = h.check_single_leader()
        other = ring(h, leader)[1]
        h.disconnect_peer(leader)
        h.disconnect_peer(other)
        h.sleep_ms(310)
        h.check_no_leader()
        h.reconnect_peer(other)
        h.reconnect_peer(leader)
        h.sleep_ms(150)


@scenario(5, weathers=ALL_WEATHERS)
def test_election_safety_stress(h: Harness) -> None:
    """Every story fails with two leaders of one term; here there are many terms."""
    terms = [h.check_single_leader()[1]]
    for _ in range(8):
        leader, _ = h.check_single_leader()
        h.disconnect_peer(leader)
        wait_until(h, "another node leads", lambda: checks.leaders(h) != [])
        terms.append(h.check_single_leader()[1])
        h.reconnect_peer(leader)
        h.sleep_ms(150)
    h.sleep_ms(300)
    h.check_single_leader()
    assert terms == sorted(set(terms)), "each time another leader, of a later term"


def expect_leader(h: Harness, leader: int, term: int) -> None:
    """`leader` is the only one, still in `term`."""
    found = [(id, h.cluster[id].cm.current_term) for id in checks.leaders(h)]
    if found != [(leader, term)]:
        raise checks.fail(h, f"node {leader} should lead alone in term {term}; found {found}")
