"""The scenarios of the MIT 6.5840 lab, part 3C: what survives crashes, and what survives a bad network."""

import heapq
import random
from collections.abc import Iterator

from support.scenarios import agree_on, holders_at, in_sim, make_unreliable, ring, settled_leader, wait_until

from raftplay import Harness
from raftplay.cluster import checks

Task = Iterator[float]
"""Something that goes on beside other things: it yields for how many milliseconds it sleeps."""


def run_together(h: Harness, *tasks: Task) -> None:
    """Let the tasks go on, each at its own times, until all have ended."""
    queue = [(h.now, at, task) for at, task in enumerate(tasks)]
    while queue:
        when, at, task = heapq.heappop(queue)
        if when > h.now:
            h.sleep_ms((when - h.now) * 1000)
        pause = next(task, None)
        if pause is not None:
            heapq.heappush(queue, (h.now + pause / 1000, at, task))


def crash_and_restart(h: Harness, *ids: int) -> None:
    for id in ids:
        h.crash_peer(id)
    for id in ids:
        h.restart_peer(id)


def bring_all_back(h: Harness) -> None:
    """Every node is up and connected, and every link is whole."""
    h.heal()
    for id in range(h.n):
        if not h.alive[id]:
            h.restart_peer(id)
        elif not h.connected[id]:
            h.reconnect_peer(id)


def delay_some_links_for_long(h: Harness, dice: random.Random) -> None:
    """One link in six takes up to 2.4 s, long past the terms of which its messages speak."""
    for src in range(h.n):
        for dst in range(h.n):
            if src != dst:
                h.set_link(src, dst, delay=(0.2, 2.4) if dice.random() < 1 / 6 else (0.0, 0.026))


@in_sim(3, seeds=20)
def test_persist1(h: Harness) -> None:
    """A log outlives a crash of all, of the leader, of the next leader, and of a follower."""
    agree_on(h, 11, nodes=3)
    crash_and_restart(h, 0, 1, 2)
    agree_on(h, 12, nodes=3)

    first, _ = settled_leader(h)
    crash_and_restart(h, first)
    agree_on(h, 13, nodes=3)

    second, _ = settled_leader(h)
    h.crash_peer(second)
    agree_on(h, 14, nodes=2)
    h.restart_peer(second)
    wait_until(h, "the crashed leader has caught up", lambda: holders_at(h, 3, 14) == 3)

    third = ring(h, settled_leader(h)[0])[1]
    h.crash_peer(third)
    agree_on(h, 15, nodes=2)
    h.restart_peer(third)
    agree_on(h, 16, nodes=3)
    for id in range(3):
        assert [entry.command for entry in h.commits[id]] == [11, 12, 13, 14, 15, 16]


@in_sim(5, seeds=20)
def test_persist2(h: Harness) -> None:
    """Majorities that overlap in one restarted node only."""
    for round in range(5):
        agree_on(h, 10 + round, nodes=5)
        zero, one, two, three, four = ring(h, settled_leader(h)[0])
        h.disconnect_peer(one)
        h.disconnect_peer(two)
        agree_on(h, 20 + round, nodes=3)

        for id in (zero, three, four):
            h.disconnect_peer(id)
        crash_and_restart(h, one, two)
        h.sleep_ms(1000)
        h.check_no_leader()  # the two lack what the others agreed on, and are too few

        crash_and_restart(h, three)
        agree_on(h, 30 + round, nodes=3)
        h.reconnect_peer(four)
        h.reconnect_peer(zero)
    agree_on(h, 1000, nodes=5)
    order = dict.fromkeys(entry.command for entry in h.commits[0])
    assert list(order) == [base + round for round in range(5) for base in (10, 20, 30)] + [1000]


@in_sim(3, seeds=20)
def test_persist3(h: Harness) -> None:
    """Leader and follower crash under a partition; the leader comes back to the one that was away."""
    agree_on(h, 101, nodes=3)
    leader, follower, away = ring(h, settled_leader(h)[0])
    h.disconnect_peer(away)
    agree_on(h, 102, nodes=2)
    h.crash_peer(leader)
    h.crash_peer(follower)
    h.reconnect_peer(away)
    h.restart_peer(leader)
    agree_on(h, 103, nodes=2)
    h.restart_peer(follower)
    agree_on(h, 104, nodes=3)
    for id in range(3):
        assert [entry.command for entry in h.commits[id]] == [101, 102, 103, 104]


@in_sim(5, seeds=10)
def test_figure8(h: Harness) -> None:
    """Leaders crash soon after they took an entry that none, some or all of the others got, a thousand times."""
    dice = random.Random(h.seed)
    agree_on(h, -1, nodes=5)
    for command in range(1000):
        for leader in checks.leaders(h):
            h.peer_drop_calls_after_n(leader, dice.randrange(5))
        took = [id for id in range(5) if h.alive[id] and h.submit_to_server(id, command) >= 0]
        h.sleep_ms(dice.uniform(0, 500) if dice.random() < 0.1 else dice.uniform(0, 13))
        if took:
            h.crash_peer(took[-1])
        if sum(h.alive) < 3:
            h.restart_peer(dice.choice([id for id in range(5) if not h.alive[id]]))
    bring_all_back(h)
    agree_on(h, 1000, nodes=5)
    assert checks.agree(h)


@in_sim(5, seeds=5)
def test_unreliable_agree(h: Harness) -> None:
    """Five clients at once over a bad network, fifty rounds."""
    make_unreliable(h)

    def client(me: int) -> Task:
        for round in range(50):
            yield from submit_until_committed(h, 100 * round + me, nodes=3)

    run_together(h, *(client(me) for me in range(5)))
    h.heal()
    agree_on(h, 100_000, nodes=5)
    committed = {entry.command for entry in h.commits[0]}
    assert committed == {100 * round + me for round in range(50) for me in range(5)} | {100_000}


def submit_until_committed(h: Harness, command: int, nodes: int) -> Task:
    """A client that does not give up: it submits again where two seconds brought no commit."""
    while True:
        index = next((index for id in checks.leaders(h) if (index := h.submit_to_server(id, command)) >= 0), -1)
        for _ in range(100 if index >= 0 else 1):
            yield 20
            if index >= 0 and holders_at(h, index, command) >= nodes:
                return


@in_sim(5, seeds=6)
def test_figure8_unreliable(h: Harness) -> None:
    """As in Figure 8, but leaders are cut off instead of crashed, and messages arrive late and out of order."""
    dice = random.Random(h.seed)
    make_unreliable(h)
    agree_on(h, -1, nodes=1)
    for command in range(1000):
        if command >= 200 and command % 50 == 0:
            delay_some_links_for_long(h, dice)
        for id in range(5):
            h.submit_to_server(id, command)
        h.sleep_ms(dice.uniform(0, 500) if dice.random() < 0.1 else dice.uniform(0, 13))
        leaders = checks.leaders(h)
        if leaders and dice.random() < 0.5:
            h.disconnect_peer(leaders[0])
        if sum(h.connected) < 3:
            h.reconnect_peer(dice.choice([id for id in range(5) if not h.connected[id]]))
    bring_all_back(h)
    agree_on(h, 1000, nodes=5)
    assert checks.agree(h)


class Churn:
    """Three clients that submit to whom they can, while nodes crash, come back and are cut off."""

    def __init__(self, h: Harness) -> None:
        self.h = h
        self.over = False
        self.acknowledged: list[int] = []

    def client(self, me: int) -> Task:
        """Submit one command after the other; what is found committed where it was taken, is acknowledged."""
        h, number = self.h, 0
        while not self.over:
            number += 1
            command = 10 * number + me
            took = [index for id in range(h.n) if (index := h.submit_to_server(id, command)) >= 0]
            if not took:
                yield 80 + 17 * me
                continue
            for pause in (30, 50, 100, 200):
                yield pause
                if holders_at(h, took[-1], command) > 0:
                    self.acknowledged.append(command)
                    break

    def trouble(self, dice: random.Random) -> Task:
        """Twenty times: perhaps cut one off, perhaps bring one back, perhaps crash one; often the leader."""
        h = self.h

        def victim() -> int:
            return dice.choice([dice.randrange(h.n), *checks.leaders(h)])

        for _ in range(20):
            if dice.random() < 0.2:
                h.disconnect_peer(victim())
            if dice.random() < 0.5:
                back = dice.randrange(h.n)
                if h.alive[back]:
                    h.reconnect_peer(back)
                else:
                    h.restart_peer(back)
            if dice.random() < 0.2:
                h.crash_peer(victim())
            yield 700
        self.over = True

    def run(self) -> None:
        """Let it all go on, then mend everything: nothing that was acknowledged may be lost."""
        h = self.h
        run_together(h, self.trouble(random.Random(h.seed)), *(self.client(me) for me in range(3)))
        bring_all_back(h)
        agree_on(h, -1, nodes=5)
        assert len(self.acknowledged) > 10
        assert set(self.acknowledged) <= {entry.command for entry in h.commits[0]}
        assert checks.agree(h)


@in_sim(5, seeds=6)
def test_reliable_churn(h: Harness) -> None:
    Churn(h).run()


@in_sim(5, seeds=6)
def test_unreliable_churn(h: Harness) -> None:
    make_unreliable(h)
    Churn(h).run()
