"""The scenarios of the MIT 6.5840 lab, part 3D: logs that snapshots keep short, and nodes that need one (§7)."""

import random

from support.scenarios import agree_on, in_sim, make_unreliable, ring, settled_leader

from raftplay import Config, Harness
from raftplay.cluster import checks
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import size_of

EVERY = 10
"""How many applied entries lead to a snapshot."""

MOST_BYTES = 2000
"""How large a log may get on disk."""

SEEDS = 50
"""The seeds that the suite plays; 50 were played by hand."""

SHORT_LOGS = Config(raft=RaftConfig(snapshot=EVERY))


def check_log_sizes(h: Harness) -> None:
    """No log is larger than snapshots allow, on nodes that are down or cut off neither."""
    for id, server in enumerate(h.cluster):
        size = size_of(server.cm.log[server.cm.log.base_index + 1 :])
        assert size < MOST_BYTES, f"the log of node {id} has {size} bytes"


def submit_some(h: Harness, dice: random.Random) -> None:
    """Submit enough for a snapshot, or nearly, to whoever leads."""
    for _ in range(EVERY // 2 + dice.randrange(EVERY)):
        for id in checks.leaders(h):
            h.submit_to_server(id, dice.randrange(10**9))


def many_snapshots(h: Harness, *, cuts: bool = False, crashes: bool = False) -> None:
    """Thirty rounds of commands, in which a node, sometimes the leader, is away and comes back."""
    dice = random.Random(h.seed)

    def agree(nodes: int) -> None:
        agree_on(h, dice.randrange(10**9), nodes=nodes)

    agree(h.n)
    leader, _ = settled_leader(h)
    for round in range(30):
        victim = leader if round % 3 == 1 else ring(h, leader)[1]
        if cuts:
            h.disconnect_peer(victim)
        if crashes:
            h.crash_peer(victim)
        is_away = cuts or crashes
        if is_away:
            agree(h.n - 1)
        submit_some(h, dice)
        agree(h.n - 1 if is_away else h.n)
        check_log_sizes(h)
        if cuts:
            h.reconnect_peer(victim)
        if crashes:
            h.restart_peer(victim)
        if is_away:
            agree(h.n)
            leader, _ = settled_leader(h)
    assert checks.agree(h)
    assert all(server.cm.log.base_index >= 30 * EVERY // 2 - EVERY for server in h.cluster)


def crash_and_restart_all(h: Harness) -> None:
    for id in range(h.n):
        h.crash_peer(id)
    for id in range(h.n):
        h.restart_peer(id)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_basic(h: Harness) -> None:
    """Every node takes snapshots, and no log grows."""
    many_snapshots(h)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_install(h: Harness) -> None:
    """A node is cut off while the others compact what it lacks."""
    many_snapshots(h, cuts=True)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_install_unreliable(h: Harness) -> None:
    """So it is over links that lose, delay and duplicate."""
    make_unreliable(h)
    many_snapshots(h, cuts=True)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_install_crash(h: Harness) -> None:
    """A node is down meanwhile, and starts from its own snapshot."""
    many_snapshots(h, crashes=True)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_install_un_crash(h: Harness) -> None:
    """So it is over links that lose, delay and duplicate."""
    make_unreliable(h)
    many_snapshots(h, crashes=True)


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_all_crash(h: Harness) -> None:
    """All nodes crash and restart: indices go on from where they were."""
    dice = random.Random(h.seed)
    agree_on(h, -1, nodes=3)
    for _ in range(5):
        for _ in range(EVERY // 2 + dice.randrange(EVERY)):
            before = agree_on(h, dice.randrange(10**9), nodes=3)
        crash_and_restart_all(h)
        assert agree_on(h, dice.randrange(10**9), nodes=3) > before


@in_sim(3, seeds=SEEDS, config=SHORT_LOGS)
def test_snapshot_init(h: Harness) -> None:
    """A node that starts from a snapshot, and writes something else, still has the snapshot when it starts again."""
    for command in range(EVERY + 2):
        agree_on(h, command, nodes=3)
    for command in (100, 200):
        crash_and_restart_all(h)
        agree_on(h, command, nodes=3)
    for id in range(3):
        assert [entry.command for entry in h.commits[id]] == [*range(EVERY + 2), 100, 200]
