"""Elections in virtual time: how long until a first leader, and until a crashed leader is replaced.

The curves are those of Figure 16 of the extended paper: five nodes, a broadcast takes about 15 ms, the leader
crashes at a random moment between two heartbeats, and heartbeats are half a shortest election timeout apart.
"""

import random
from functools import partial

from raftplay.bench.figures import Curve, Figure, Found, Options, Step
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.explore.sweep import percentile
from raftplay.raft.config import RaftConfig

NODES = 5
TRIALS = 200
LIMIT = 5.0
"""Seconds of cluster time after which a trial is given up."""

SETTLED = 0.5
"""Seconds of cluster time after its election at which a leader is crashed."""

BROADCAST = (0.013, 0.017)
"""How long a call takes in the trials of Figure 16, in seconds."""

SPREADS = ((150, 150), (150, 151), (150, 155), (150, 175), (150, 200), (150, 300))
"""Election timeouts in ms: how much randomness they need (Figure 16, top)."""

SCALES = ((12, 24), (25, 50), (50, 100), (100, 200), (150, 300))
"""Election timeouts in ms: how short they may be (Figure 16, bottom)."""


def steps(options: Options) -> list[Step]:
    """The reference's timings as figures, then the two charts of Figure 16."""
    nodes, trials = options.of(NODES), options.times(TRIALS)
    made = [Step(f"{trials} elections", 2.0, partial(_measure, nodes, trials))]
    for chart, ranges in (
        ("the spread of election timeouts", SPREADS),
        ("the scale of election timeouts", SCALES),
    ):
        for low, high in ranges:
            measure = partial(_measure_curve, chart, nodes, trials, low, high)
            made.append(
                Step(f"{trials} elections, timeouts {low}..{high} ms", 3.0 if low == high else 1.0, measure)
            )
    return made


def trial(seed: int, nodes: int, config: Config) -> tuple[float, float]:
    """Seconds of cluster time until the first leader, and from its crash to the next one's election."""
    with Harness(nodes, backend="sim", seed=seed, config=config, watch=False) as harness:
        first = _time_until_leader(harness)
        moment = random.Random(f"crash {seed}").random() * config.raft.heartbeat
        harness.sleep_ms((SETTLED + moment) * 1000)
        leader = next((id for id in range(nodes) if harness.cluster[id].is_leader()), 0)
        harness.crash_peer(leader)
        return first, _time_until_leader(harness)


def _time_until_leader(harness: Harness) -> float:
    start = harness.now
    harness.wait_until(lambda: any(server.is_leader() for server in harness.cluster), LIMIT)
    return harness.now - start


def _measure(nodes: int, trials: int) -> list[Found]:
    """The floor: no election begins before the shortest timeout, counted from the last heartbeat."""
    config = Config(unreliable=False)
    pairs = [trial(seed, nodes, config) for seed in range(trials)]
    raft = config.raft
    figures: list[Found] = []
    for what, times, floor in (
        ("to the first leader", [first for first, _ in pairs], raft.election_min),
        (
            "from a leader's crash to the next leader",
            [next for _, next in pairs],
            raft.election_min - raft.heartbeat,
        ),
    ):
        figures += [
            Figure("elections", f"{what}, p{share}", percentile(times, share / 100) * 1e3, "ms", floor * 1e3)
            for share in (50, 99)
        ]
    return figures


def _measure_curve(chart: str, nodes: int, trials: int, low: int, high: int) -> list[Found]:
    raft = RaftConfig(election_min=low / 1000, election_max=high / 1000, heartbeat=low / 2000)
    config = Config(raft=raft, delay_min=BROADCAST[0], delay_max=BROADCAST[1], unreliable=False)
    times = sorted(trial(seed, nodes, config)[1] * 1e3 for seed in range(trials))
    return [Curve(chart, f"{low}..{high} ms", tuple(times), LIMIT * 1e3)]
