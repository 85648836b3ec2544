"""Elections in virtual time: seconds until the first leader, and until a crashed leader is replaced.

The curves are those of Figure 16 of the paper: five nodes, about 15 ms per RPC; the leader crashes at a random
moment between two heartbeats, whose interval is half the shortest election timeout.
"""

import random
from functools import partial
from itertools import permutations

from raftplay.bench.figures import BenchStep, Curve, Figure, Measured, Options
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.cluster.timings import told_elsewhere
from raftplay.explore.search.sweep import percentile
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import CMState

NODES = 5
TRIALS = 200
LIMIT = 5.0
"""Seconds of cluster time after which a trial is abandoned."""

SETTLED = 0.5
"""Seconds of cluster time between a leader's election and its crash."""

ONE_WAY = (0.005, 0.010)
"""The delay of a request or a response in the trials of Figure 16, in seconds."""

SPREADS = ((150, 150), (150, 151), (150, 155), (150, 175), (150, 200), (150, 300))
"""Election timeouts in ms: how much randomness they need (Figure 16, top)."""

SCALES = ((12, 24), (25, 50), (50, 100), (100, 200), (150, 300))
"""Election timeouts in ms: how short they may be (Figure 16, bottom)."""


def steps(options: Options) -> list[BenchStep]:
    """Return the steps: the Go reference's timings, then the two charts of Figure 16."""
    nodes, trials = options.of(NODES), options.times(TRIALS)
    made = [BenchStep(f"{trials} elections", 2.0, partial(_measure, nodes, trials))]
    for chart, ranges in (
        ("the spread of election timeouts", SPREADS),
        ("the scale of election timeouts", SCALES),
    ):
        for low, high in ranges:
            measure = partial(_measure_curve, chart, nodes, trials, low, high)
            made.append(
                BenchStep(f"{trials} elections, timeouts {low}..{high} ms", 3.0 if low == high else 1.0, measure)
            )
    return made


def first_leader(seed: int, nodes: int, config: Config) -> float:
    """Return the seconds of cluster time until a new cluster has a leader; at most `LIMIT`."""
    with told_elsewhere(), Harness(nodes, backend="sim", seed=seed, config=config, watch=False) as harness:
        return _time_until_leader(harness)


def failover(seed: int, nodes: int, config: Config, one_way: tuple[float, float] = (0.0, 0.0)) -> float:
    """Return the seconds of cluster time from a leader's crash to the next election win; at most `LIMIT`.

    `one_way`: the delay of every message on its link, in addition to the delay of the proxies.
    """
    with told_elsewhere(), Harness(nodes, backend="sim", seed=seed, config=config, watch=False) as harness:
        for src, dst in permutations(range(nodes), 2):
            harness.set_link(src, dst, delay=one_way)
        harness.time_out_peer(0)  # this ensures a first leader, however little the timeouts differ
        moment = random.Random(f"crash {seed}").random() * config.raft.heartbeat
        harness.sleep_ms((SETTLED + moment) * 1000)
        _time_until_leader(harness)
        leader = harness.snapshot().leader
        if leader is None:
            return LIMIT
        harness.crash_peer(leader.id)
        return _time_until_leader(harness, leader.current_term)


def _time_until_leader(harness: Harness, after_term: int = 0) -> float:
    """Return the seconds until a node leads a term higher than `after_term`; at most `LIMIT`."""
    nodes = [server.cm for server in harness.cluster]
    start = harness.now
    harness.wait_until(
        lambda: any(cm.state is CMState.LEADER and cm.current_term > after_term for cm in nodes), LIMIT
    )
    return harness.now - start


def _measure(nodes: int, trials: int) -> list[Measured]:
    """Measure elections; the floor is the shortest timeout, counted from the last heartbeat."""
    config = Config(unreliable=False)
    raft = config.raft
    figures: list[Measured] = []
    for what, measure, floor in (
        ("to the first leader", first_leader, raft.election_min),
        ("from a leader's crash to the next leader", failover, raft.election_min - raft.heartbeat),
    ):
        times = [measure(seed, nodes, config) * 1e3 for seed in range(trials)]
        figures += [
            Figure("elections", f"{what}, p{share}", percentile(times, share / 100), "ms", floor * 1e3)
            for share in (50, 99)
        ]
    return figures


def _measure_curve(chart: str, nodes: int, trials: int, low: int, high: int) -> list[Measured]:
    raft = RaftConfig(election_min=low / 1000, election_max=high / 1000, heartbeat=low / 2000)
    config = Config(raft=raft, delay_min=0.0, delay_max=0.0, unreliable=False)
    times = sorted(failover(seed, nodes, config, ONE_WAY) * 1e3 for seed in range(trials))
    return [Curve(chart, f"{low}..{high} ms", tuple(times), LIMIT * 1e3)]
