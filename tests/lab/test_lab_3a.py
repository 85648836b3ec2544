"""The scenarios of the MIT 6.5840 lab, part 3A: elections."""

import random

from support.scenarios import in_sim, ring, settled_leader

from raftplay import Harness


def terms(h: Harness) -> set[int]:
    return {server.cm.current_term for server in h.cluster}


@in_sim(3, seeds=30)
def test_initial_election(h: Harness) -> None:
    """One leader; and as long as nothing fails, no other and no other term."""
    leader, term = settled_leader(h)
    assert terms(h) == {term}
    assert term >= 1
    h.sleep_ms(2000)
    assert h.check_single_leader() == (leader, term)
    assert terms(h) == {term}


@in_sim(3, seeds=30)
def test_re_election(h: Harness) -> None:
    first, _ = settled_leader(h)
    h.disconnect_peer(first)
    second, term = settled_leader(h)

    h.reconnect_peer(first)  # the old leader disturbs nobody
    h.sleep_ms(500)
    assert h.check_single_leader() == (second, term)

    _, one, other = ring(h, second)
    h.disconnect_peer(second)
    h.disconnect_peer(one)
    for _ in range(4):
        h.sleep_ms(500)
        h.check_no_leader()

    h.reconnect_peer(one)
    third, term = settled_leader(h)
    assert third in (one, other)
    h.reconnect_peer(second)  # one more node takes nothing from a healthy leader
    h.sleep_ms(500)
    assert h.check_single_leader() == (third, term)


@in_sim(7, seeds=10)
def test_many_elections(h: Harness) -> None:
    """Three of seven are away, always others: the rest has a leader, the old one or another."""
    dice = random.Random(h.seed)
    settled_leader(h)
    for _ in range(10):
        away = dice.sample(range(7), 3)
        for id in away:
            h.disconnect_peer(id)
        h.sleep_ms(dice.uniform(0, 100))
        leader, _ = settled_leader(h)
        assert leader not in away
        for id in away:
            h.reconnect_peer(id)
    settled_leader(h)
