"""The end of a trial: its faults are removed, and the cluster must recover in time, perhaps without a minority."""

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from raftplay.cluster import checks
from raftplay.cluster.harness import Harness
from raftplay.explore.search.mixes import HARDWARE_ENDS, PROCESS_ENDS, Ends
from raftplay.explore.search.options import Setting

ELECTION_TIMEOUTS = 10
"""Election timeouts (the longest) after the last fault within which a leader must be elected."""

REST_MS = 50
"""Time in ms, besides the longest election timeout, that a healed cluster has before its leader is checked."""

ASK_EVERY = 0.1
"""Seconds between two elections of a node that cannot win."""


class Planned(Protocol):
    """The facts that a recovery needs of the plan of a trial."""

    @property
    def seed(self) -> int:
        """Return its seed."""

    @property
    def setting(self) -> Setting:
        """Return its options."""


class Run(Protocol):
    """A cluster that receives commands, and the commands so far."""

    commands: list[str]

    def do(self, text: str) -> str:
        """Run one command, and record it."""


def mend(run: Run, harness: Harness, plan: Planned) -> list[int]:
    """Remove every fault that is in force, except those of a minority; return the nodes that must recover."""
    minority = minority_of(plan, harness)
    is_down = plan.setting.minority == "down"
    run.do("heal")
    for id in range(harness.n):
        _end_faults(run, harness, id, HARDWARE_ENDS)
    for src, dst in harness.flights.held_links:
        run.do(f"release {src}->{dst}")
    for id in range(harness.n):
        if harness.alive[id]:
            if harness.cluster[id].disk.armed or (is_down and id in minority):
                run.do(f"crash {id}")
                continue
            _end_faults(run, harness, id, PROCESS_ENDS)
    for id in range(harness.n):
        if harness.alive[id] and not harness.connected[id]:
            run.do(f"reconnect {id}")
        if not harness.alive[id] and not harness.wiped[id] and not (is_down and id in minority):
            run.do(f"restart {id}")
    if not is_down:
        for id in minority:
            run.do(f"cut {id}->all")
    return [id for id in range(harness.n) if harness.alive[id] and id not in minority]


def _end_faults(run: Run, harness: Harness, id: int, ends: Ends) -> None:
    """End those faults of node `id` that are in force."""
    for command, in_force in ends:
        if in_force(harness, id):
            run.do(command.format(id=id))


def minority_of(plan: Planned, harness: Harness) -> list[int]:
    """Draw the nodes that stay down or mute; with those that lost their disk, they are fewer than a majority."""
    able = [id for id in range(harness.n) if not harness.wiped[id]]
    most = (harness.n - 1) // 2 - sum(harness.wiped)
    if not plan.setting.minority or most <= 0:
        return []
    dice = random.Random(f"minority {plan.seed}")
    return sorted(dice.sample(able, dice.randint(1, most)))


def measure(run: Run, harness: Harness, plan: Planned, rest: Sequence[int], liveness: dict[str, float]) -> None:
    """Measure the promises to the nodes of `rest`. Raises `Failed` for one that is not kept."""
    longest = harness.config.raft.election_max
    patience = ELECTION_TIMEOUTS * longest
    is_mute = len(rest) < sum(harness.alive)
    start = harness.now
    liveness["leader"] = _wait_settled(harness, rest, start, patience)
    pause = _wait_a_moment(harness, rest, start, patience)
    run.commands.append(f"sleep {pause:g}ms")
    run.do("expect one leader")
    if plan.setting.unreliable:
        return  # a leader may be deposed at any time
    if not is_mute:  # the term of a node that nobody hears rises
        run.do("let t = term")
    start = harness.now
    run.do("submit last to leader")
    run.do(f"wait committed last on {len(rest)} within {patience:g}s")
    liveness["commit"] = harness.now - start
    if is_mute:
        run.do(f"never no leader for {2 * longest * 1000:g}ms")
        return
    run.do(f"wait agree within {patience:g}s")
    liveness["agreement"] = harness.now - start
    run.do(f"never term > $t for {2 * longest * 1000:g}ms")
    if plan.setting.asks and len(rest) - 1 > harness.n // 2:
        _ask(run, harness, plan, patience)


def _ask(run: Run, harness: Harness, plan: Planned, patience: float) -> None:
    """Crash the leader while a node that lacks an entry asks for votes all the time: another one must be elected.

    The node raises the term of the others, but it must not keep their timers from firing (§5.2).
    """
    leader = checks.leaders(harness)[0]
    up = [id for id in range(harness.n) if harness.alive[id]]
    asker = random.Random(f"asker {plan.seed}").choice([id for id in up if id != leader])
    others = ",".join(str(id) for id in range(harness.n) if id != asker)
    run.do(f"partition {asker} | {others}")
    run.do("submit more to leader")
    run.do(f"wait committed more on {len(up) - 1} within {patience:g}s")
    run.do(f"crash {leader}")
    run.do("heal")
    for _ in range(int(patience / ASK_EVERY)):
        run.do(f"timeout {asker}")
        if harness.wait_until(lambda: bool(checks.leaders(harness)), ASK_EVERY):
            run.commands.append(f"wait leader within {ASK_EVERY * 1000:g}ms")
            return
        run.commands.append(f"sleep {ASK_EVERY * 1000:g}ms")
    run.do("expect leader")


def _wait_settled(harness: Harness, rest: Sequence[int], start: float, patience: float) -> float:
    """Wait for a leader that lasts; return the seconds from `start` until it was elected.

    During a rest after the last fault, old timers fire and late messages arrive: a leader that still leads at its
    end does not lead by chance.
    """
    settled: Callable[[], bool] = lambda: _settled(harness, rest)  # noqa: E731
    harness.wait_until(settled, patience)
    stood = harness.now - start
    rest_ms = harness.config.raft.election_max * 1000 + REST_MS
    harness.sleep_ms(max(0.0, rest_ms - stood * 1000))
    if not settled():
        harness.wait_until(settled, patience - (harness.now - start))
        stood = harness.now - start
    return stood


def _wait_a_moment(harness: Harness, rest: Sequence[int], start: float, patience: float) -> float:
    """Wait for a moment that a script can name at which the cluster is settled; return its ms since `start`."""
    while True:
        ms = _tenth_of_ms_up(harness.now - start)
        harness.pass_to(max(harness.now, start + ms / 1000))
        if _settled(harness, rest) or harness.now - start >= patience:
            return ms
        harness.wait_until(lambda: _settled(harness, rest), patience - (harness.now - start))


def _settled(harness: Harness, rest: Sequence[int]) -> bool:
    """Return True if exactly one node leads, one of `rest`, and all of them follow it in its term.

    A leader that nobody hears may lead on until it hears of the next one.
    """
    leaders = checks.leaders(harness)
    if len(leaders) != 1 or leaders[0] not in rest:
        return False
    leader, servers = leaders[0], harness.cluster
    term = servers[leader].cm.current_term
    nodes = [servers[id].cm for id in rest]
    return all(cm.current_term == term and cm.leader_id == leader for cm in nodes)


def _tenth_of_ms_up(seconds: float) -> float:
    """Convert seconds to ms, rounded up to what a script's `sleep` can express."""
    return int(seconds * 10_000 + 1) / 10
