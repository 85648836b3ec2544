"""The scenarios of the MIT 6.5840 lab, part 3B: agreement, and what it may cost."""

import random
from concurrent.futures import ThreadPoolExecutor

from support.scenarios import (
    CallCounter,
    agree_on,
    holders_at,
    in_sim,
    ring,
    settled_leader,
    submit,
    wait_until,
)

from raftplay import AppendEntriesReply, Config, Harness
from raftplay.cluster import checks
from raftplay.watch import facts


@in_sim(3, seeds=20)
def test_basic_agree(h: Harness) -> None:
    for index in range(3):
        assert all(len(log) == index for log in h.commits)
        assert agree_on(h, 100 * index, nodes=3) == index


def agree_on_long_commands(h: Harness) -> tuple[CallCounter, int]:
    """Ten commands of 5,000 bytes, one after the other; what they cost, and how many bytes they are."""
    settled_leader(h)
    counter = CallCounter(h)
    commands = [f"{number:05}" * 1000 for number in range(10)]
    for index, command in enumerate(commands):
        assert agree_on(h, command, nodes=3) == index
    h.sleep_ms(100)
    return counter, sum(map(len, commands))


@in_sim(3, seeds=20)
def test_rpc_bytes(h: Harness) -> None:
    """Each command goes to each peer about once."""
    counter, payload = agree_on_long_commands(h)
    assert 2 * payload <= counter.bytes_sent <= 3 * payload + 50_000


@in_sim(3, seeds=20, config=Config(delay_min=0.003, delay_max=0.003))
def test_rpc_bytes_where_no_call_overtakes_another(h: Harness) -> None:
    """Each command goes to each peer exactly once."""
    counter, payload = agree_on_long_commands(h)
    leader, _ = h.check_single_leader()
    assert dict(counter.entries_sent) == dict.fromkeys(ring(h, leader)[1:], 10)
    assert 2 * payload <= counter.bytes_sent <= 2 * payload + 20 * 50


@in_sim(3, seeds=20)
def test_follower_failure(h: Harness) -> None:
    agree_on(h, 101, nodes=3)
    leader, _ = settled_leader(h)
    _, one, other = ring(h, leader)
    h.disconnect_peer(one)
    agree_on(h, 102, nodes=2)
    h.sleep_ms(1000)
    assert agree_on(h, 103, nodes=2) == 2

    h.disconnect_peer(other)
    assert h.submit_to_server(leader, 104) == 3
    h.sleep_ms(2000)
    assert holders_at(h, 3, 104) == 0


@in_sim(3, seeds=20)
def test_leader_failure(h: Harness) -> None:
    agree_on(h, 101, nodes=3)
    h.disconnect_peer(settled_leader(h)[0])
    agree_on(h, 102, nodes=2)
    h.sleep_ms(1000)
    assert agree_on(h, 103, nodes=2) == 2

    h.disconnect_peer(settled_leader(h)[0])
    for id in range(3):
        h.submit_to_server(id, 104)
    h.sleep_ms(2000)
    assert all(104 not in [entry.command for entry in log] for log in h.commits)


@in_sim(3, seeds=20)
def test_fail_agree(h: Harness) -> None:
    """A follower that was away for a while catches up and takes part again."""
    agree_on(h, 101, nodes=3)
    away = ring(h, settled_leader(h)[0])[1]
    h.disconnect_peer(away)
    for command in (102, 103):
        agree_on(h, command, nodes=2)
    h.sleep_ms(1000)
    for command in (104, 105):
        agree_on(h, command, nodes=2)

    h.reconnect_peer(away)
    agree_on(h, 106, nodes=3)
    h.sleep_ms(1000)
    agree_on(h, 107, nodes=3)
    order = dict.fromkeys(entry.command for entry in h.commits[away])  # 106 may have been submitted twice
    assert list(order) == [101, 102, 103, 104, 105, 106, 107]


@in_sim(5, seeds=20)
def test_fail_no_agree(h: Harness) -> None:
    """With three of five away nothing is agreed on; with them back, everything new is."""
    agree_on(h, 10, nodes=5)
    leader, _ = settled_leader(h)
    away = ring(h, leader)[1:4]
    for id in away:
        h.disconnect_peer(id)
    assert h.submit_to_server(leader, 20) == 1
    h.sleep_ms(2000)
    assert holders_at(h, 1, 20) == 0

    for id in away:
        h.reconnect_peer(id)
    leader, _ = settled_leader(h)
    assert h.submit_to_server(leader, 30) in (1, 2)  # 20 is lost, or waits before it
    agree_on(h, 1000, nodes=5)


@in_sim(3, seeds=10)
def test_concurrent_starts(h: Harness) -> None:
    """Commands that come at once, from several threads, each get an index of their own, and are committed."""
    leader, term = settled_leader(h)
    commands = range(100, 105)
    with ThreadPoolExecutor(5) as threads:
        indices = list(threads.map(lambda command: h.submit_to_server(leader, command), commands))
    assert sorted(indices) == [0, 1, 2, 3, 4]
    wait_until(h, "all five are committed by all", lambda: all(len(log) == 5 for log in h.commits))
    for index, command in zip(indices, commands, strict=True):
        assert h.check_committed(command) == (3, index)
    assert h.check_single_leader() == (leader, term)


@in_sim(3, seeds=20)
def test_rejoin(h: Harness) -> None:
    """Two deposed leaders come back one after the other; what only they had is gone."""
    agree_on(h, 101, nodes=3)
    first, _ = settled_leader(h)
    h.disconnect_peer(first)
    submit(h, first, 201, 202, 203)
    agree_on(h, 103, nodes=2)

    second, _ = settled_leader(h)
    h.disconnect_peer(second)
    h.reconnect_peer(first)
    agree_on(h, 104, nodes=2)

    h.reconnect_peer(second)
    agree_on(h, 105, nodes=3)
    for id in range(3):
        assert [entry.command for entry in h.commits[id]] == [101, 103, 104, 105]


class Refusals:
    """How many AppendEntries were refused for what the log before them holds."""

    def __init__(self, h: Harness) -> None:
        self.count = 0
        h.stream.attach(self)

    def __call__(self, record: facts.Record) -> None:
        match record.event:
            case facts.ReplyDelivered(reply=AppendEntriesReply(success=False, conflict_index=at)) if at >= 0:
                self.count += 1


@in_sim(5, seeds=20)
def test_backup(h: Harness) -> None:
    """Leaders whose logs diverge by fifty entries, twice; a new leader backs up over them in few steps (§5.3)."""
    refusals = Refusals(h)
    commands = iter(range(1000, 9000))

    lost = set()

    def submit_fifty(leader: int) -> None:
        fifty = [next(commands) for _ in range(50)]
        submit(h, leader, *fifty)
        lost.update(fifty)
        h.sleep_ms(500)

    def agree_on_fifty() -> None:
        for _ in range(50):
            agree_on(h, next(commands), nodes=3)

    agree_on(h, next(commands), nodes=5)
    first, _ = settled_leader(h)
    _, companion, *others = ring(h, first)
    for id in others:
        h.disconnect_peer(id)
    submit_fifty(first)  # kept by two of five

    h.disconnect_peer(first)
    h.disconnect_peer(companion)
    for id in others:
        h.reconnect_peer(id)
    agree_on_fifty()

    second, _ = settled_leader(h)
    gone = next(id for id in others if id != second)
    h.disconnect_peer(gone)
    submit_fifty(second)  # kept by two of five again

    for id in others:
        h.disconnect_peer(id)
    for id in (first, companion, gone):
        h.reconnect_peer(id)
    agree_on_fifty()

    for id in range(5):
        if not h.connected[id]:
            h.reconnect_peer(id)
    agree_on(h, next(commands), nodes=5)
    assert checks.agree(h)
    assert len(lost) == 100
    assert lost.isdisjoint(entry.command for entry in h.commits[0])
    assert refusals.count <= 25  # one step an entry would be hundreds


@in_sim(3, seeds=20)
def test_count(h: Harness) -> None:
    """What an election, ten entries and an idle second may cost, in calls."""
    counter = CallCounter(h)
    h.sleep_ms(500)
    leader, term = settled_leader(h)
    assert 1 <= counter.calls <= 30

    before = counter.calls
    commands = [random.Random(h.seed).randrange(1 << 30) + number for number in range(10)]
    submit(h, leader, *commands)
    wait_until(h, "all ten are committed by all", lambda: all(len(log) == 10 for log in h.commits))
    assert counter.calls - before <= (10 + 1 + 3) * 3

    before = counter.calls
    h.sleep_ms(1000)
    assert 1 <= counter.calls - before <= 3 * 20
    assert h.check_single_leader() == (leader, term)
