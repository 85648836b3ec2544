"""What the scenario suites share: how a story is played on both backends, how it waits and submits.

A story is a function of a running `Harness`. In sim it is played once per seed, and time is exact: `after`
looks at the very millisecond. Over tcp, and in bad weather, `after` waits for the condition instead.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import pytest

from raftplay import AppendEntriesArgs, CheckFailed, Config, Harness
from raftplay.cluster import checks
from raftplay.cluster.config import MORE_REELECTION, UNRELIABLE
from raftplay.watch import facts
from support.amount import several

SEEDS = range(several(50))

PATIENCE = 5.0
"""How long a wait may take where time is not exact, in seconds of cluster time."""

WEATHERS = {"calm": None, "unreliable": UNRELIABLE, "more-reelection": MORE_REELECTION}
ALL_WEATHERS = tuple(WEATHERS)

Story = Callable[[Harness], None]


class CallCounter:
    """Reads a cluster's events, and counts the calls that its nodes send."""

    def __init__(self, h: Harness) -> None:
        self.calls = 0
        self.entries_sent: Counter[int] = Counter()  # per receiver
        self.bytes_sent = 0
        h.stream.attach(self)

    def __call__(self, record: facts.Record) -> None:
        match record.event:
            case facts.CallSent(dst=dst, args=AppendEntriesArgs(entries=entries)) if entries:
                self.calls += 1
                self.entries_sent[dst] += len(entries)
                self.bytes_sent += len(msgspec.json.encode(entries))
            case facts.CallSent():
                self.calls += 1


# ---- playing a story


def scenario(
    nodes: int, weathers: Iterable[str] = ("calm",), tcp_weathers: Iterable[str] = ("calm",)
) -> Callable[[Story], Callable[..., None]]:
    """Make a test of a story: in sim with every seed, over tcp once; in each of the weathers."""
    places = [("sim", weather) for weather in weathers] + [("tcp", weather) for weather in tcp_weathers]

    def make_test(story: Story) -> Callable[..., None]:
        @pytest.mark.parametrize(("backend", "weather"), places)
        def test(backend: str, weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
            if (variable := WEATHERS[weather]) is not None:
                monkeypatch.setenv(variable, "1")
            for seed in SEEDS if backend == "sim" else SEEDS[:1]:
                play(story, nodes, backend=backend, seed=seed)

        test.__name__, test.__qualname__, test.__doc__ = story.__name__, story.__qualname__, story.__doc__
        return test

    return make_test


def in_sim(nodes: int, seeds: int, config: Config | None = None) -> Callable[[Story], Callable[[], None]]:
    """Make a test of a story: in sim, with each of so many seeds (a part of them, unless all are asked for)."""

    def make_test(story: Story) -> Callable[[], None]:
        def test() -> None:
            for seed in range(several(seeds, least=2)):
                play(story, nodes, seed=seed, config=config)

        test.__name__, test.__qualname__, test.__doc__ = story.__name__, story.__qualname__, story.__doc__
        return test

    return make_test


def play(
    story: Callable[..., None], nodes: int, *, backend: str = "sim", seed: int = 0, config: Config | None = None
) -> None:
    """Play `story` once; a failure names the seed, and nothing of the cluster is left behind.

    The harness watches every invariant of Raft meanwhile, and a breach fails the story.
    """
    threads = set(threading.enumerate())
    with _failures_name(f"{nodes} nodes, backend {backend}, seed {seed}"):
        with Harness(nodes, backend=backend, seed=seed, config=config) as h:
            story(h)
        assert set(threading.enumerate()) <= threads


@contextmanager
def _failures_name(where: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(where)
        raise


# ---- waiting


def is_exact(h: Harness) -> bool:
    """Whether the cluster keeps the reference's timings to the millisecond."""
    return h.backend == "sim" and not h.config.unreliable and not h.config.raft.force_more_reelection


def after(h: Harness, ms: float, check: Callable[[], object]) -> None:
    """`check` passes `ms` milliseconds from now; where time is not exact, it comes to pass in time."""
    if is_exact(h):
        h.sleep_ms(ms)
    else:
        h.wait_until(lambda: passes(check), PATIENCE)
    check()


def passes(check: Callable[[], object]) -> bool:
    """Whether `check` holds now."""
    with suppress(CheckFailed):
        check()
        return True
    return False


def wait_until(h: Harness, what: str, predicate: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Let time pass until `predicate` holds; `what` says in words what did not come."""
    if not h.wait_until(predicate, seconds):
        raise checks.fail(h, f"within {seconds:g} s it should have come to pass that {what}")


def settled_leader(h: Harness, *, other_than: int = -1) -> tuple[int, int]:
    """(id, term) of a leader whom all connected nodes follow: none of them will start an election."""
    found = (-1, -1)

    def settled() -> bool:
        nonlocal found
        nodes = [h.cluster[id].cm for id in checks.connected(h)]
        leaders = checks.leaders(h)
        if len(leaders) != 1:
            return False
        found = (leaders[0], h.cluster[leaders[0]].cm.current_term)
        return found[0] != other_than and all((cm.leader_id, cm.current_term) == found for cm in nodes)

    wait_until(h, "all connected nodes follow one leader", settled)
    return found


# ---- submitting


def submit(h: Harness, leader: int, *commands: int) -> None:
    """Submit `commands` to `leader`, which must take them."""
    for command in commands:
        assert h.submit_to_server(leader, command) >= 0, f"node {leader} does not lead\n{h.snapshot()}"


def holders_at(h: Harness, index: int, command: object) -> int:
    """How many nodes, connected or not, have committed `command` at `index`."""
    return sum(len(log) > index and log[index].command == command for log in h.commits)


def agree_on(h: Harness, command: object, nodes: int, seconds: float = 10.0) -> int:
    """Submit `command` to whoever leads, again where a leader lost it, until `nodes` nodes have committed it.

    The index at which they have.
    """
    end = h.now + seconds
    while h.now < end:
        indices = (h.submit_to_server(id, command) for id in checks.leaders(h))
        index = next((index for index in indices if index >= 0), -1)
        if index < 0:
            h.sleep_ms(20)
        elif h.wait_until(lambda at=index: holders_at(h, at, command) >= nodes, min(2.0, end - h.now)):
            return index
    raise checks.fail(h, f"within {seconds:g} s {command!r} should have been committed by {nodes} nodes")


def make_unreliable(h: Harness) -> None:
    """Every link loses, delays, duplicates and thereby reorders, calls and replies alike."""
    for src in range(h.n):
        for dst in range(h.n):
            if src != dst:
                h.set_link(src, dst, loss=0.1, delay=(0.0, 0.026), dup=0.05)


def ring(h: Harness, start: int) -> list[int]:
    """All nodes, counted from `start` on."""
    return [(start + step) % h.n for step in range(h.n)]


def spread_unacknowledged(h: Harness, leader: int, command: int) -> None:
    """Submit `command` so that it comes to every node, and no acknowledgement to the leader.

    The reference waits 1 ms, within which no call can be answered; where time is not exact, nothing gets from
    the others to the leader. In sim the entry is still under way afterwards.
    """
    others = [id for id in range(h.n) if id != leader]
    if is_exact(h):
        submit(h, leader, command)
        h.sleep_ms(1)
        return
    for id in others:
        h.cut(id, leader)
    submit(h, leader, command)
    wait_until(h, "every node has the entry", lambda: all(len(server.cm.log) > 0 for server in h.cluster))
