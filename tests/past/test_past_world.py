"""The past, rebuilt from events alone, is what the cluster was: field by field, after every change."""

import json
import math
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.amount import several
from support.churn import Churn
from support.past import Compared, message_key
from support.why_witness import disk

from raftplay import CMState, Config, Harness, RaftConfig, scenarios
from raftplay.commands.setup import Setup
from raftplay.kv.clients import ClientOptions
from raftplay.past.history import History
from raftplay.past.world import World
from raftplay.raft import decisions
from raftplay.raft.bugs import BUGS
from raftplay.raft.bugs.durability import WRITE_DELAY
from raftplay.run.runner import TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session import branches
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.trace import replay, traced


def any_config(seed: int, bugs: tuple[str, ...] = ()) -> Config:
    """One of many configurations."""
    rng = random.Random(f"configuration {seed}")
    raft = RaftConfig(
        prevote=rng.random() < 0.3, noop=rng.random() < 0.3, force_more_reelection=rng.random() < 0.2
    )
    low, high = rng.choice(((0.0, 0.001), (0.001, 0.005), (0.0, 0.03)))
    return Config(raft, delay_min=low, delay_max=high, unreliable=rng.random() < 0.3, bugs=bugs)


# ---- in virtual time


@pytest.mark.parametrize(
    "kinds", [*Churn.MIXES[:-1], None], ids=[*["calm", "leaders", "links", "delays", "stalls", "disks"], "any"]
)
def test_the_past_is_what_was_whatever_is_broken_and_mended(kinds: tuple[str, ...] | None) -> None:
    for seed in range(several(12)):
        with Compared(5, backend="sim", seed=seed, config=any_config(seed)) as h:
            Churn(h, seed, kinds).run(2.0)
            assert h.looks > 50


@pytest.mark.parametrize(
    "kinds", [Churn.HARDWARE, Churn.OTHER_HALF, Churn.ALL], ids=["hardware", "other half", "all"]
)
def test_the_past_is_what_was_on_slow_disks_under_options_that_change(kinds: tuple[str, ...]) -> None:
    done: Counter[str] = Counter()
    for seed in range(several(8, least=6)):
        raft = RaftConfig(checkquorum=seed % 3 == 0, sticky=seed % 5 == 0, snapshot=(0, 3, 0, 1)[seed % 4])
        with Compared(5, backend="sim", seed=seed, config=Config(raft, unreliable=seed % 7 == 0)) as h:
            churn = Churn(h, seed, kinds)
            churn.run(2.0)
            done += churn.counts
            assert h.looks > 50
    assert done.keys() >= set(kinds) - {*Churn.MIXES[-1]}


def test_the_past_is_what_was_where_leaders_read_by_leases() -> None:
    raft = RaftConfig(checkquorum=True, sticky=True, lease=True)
    for seed in range(several(4, least=3)):
        bugs = ("lease-and-late-timeout-now",) if seed % 2 else ()
        config = Config(raft, clients=ClientOptions(reads="lease"), bugs=bugs)
        leases = set[float]()
        with Compared(5, backend="sim", seed=seed, config=config, watch=False) as h:
            churn = Churn(h, seed, tuple(kind for kind in Churn.OTHER_HALF if kind != "option"))
            for _ in range(10):
                churn.run(0.2)
                leases |= {node.lease_until for node in h.snapshot().nodes}
            assert h.looks > 50
        assert len(leases) > 3


def test_the_past_knows_timers_that_were_set_by_hand() -> None:
    for bugs in ((), ("torn-vote",), ("ack-before-durable",)):
        with Compared(5, backend="sim", seed=3, config=any_config(3, bugs), watch=False) as h:
            for set_timers in (h.align_timers, h.spread_timers):
                set_timers()
                h.sleep_ms(40)
                set_timers(0.01)
                h.sleep_ms(200)
            assert h.looks > 10


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_the_past_is_what_was_in_clusters_of_other_sizes(n: int) -> None:
    for seed in range(several(4)):
        with Compared(n, backend="sim", seed=seed) as h:
            Churn(h, seed, Churn.CALM + Churn.DISKS + Churn.STALLS).run(2.0)


@pytest.mark.parametrize("bug", BUGS)
def test_the_past_is_what_was_with_every_bug(bug: str) -> None:
    for seed in range(several(4)):
        with Compared(5, backend="sim", seed=seed, config=any_config(seed, (bug,)), watch=False) as h:
            Churn(h, seed, Churn.MIXES[-1]).run(1.5)


@pytest.mark.parametrize("name", [*scenarios.bug_names(), *scenarios.names()])
def test_the_past_is_what_was_in_every_scenario(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Compared] = []

    def make(*args: Any, **choices: Any) -> Compared:
        made.append(Compared(*args, **choices))
        return made[-1]

    monkeypatch.setattr(branches, "Harness", make)
    runs = (False, True) if name in scenarios.bug_names() else (False,)
    for without_bugs in runs:
        setup = Setup(seed=1, backend="sim", without_bugs=without_bugs)
        run_script(parse_script(name, scenarios.text_of(name), setup), TextTranscript(lambda _: None))
    assert len(made) == len(runs)
    assert all(h.looks > 2 for h in made)


def test_calls_that_cannot_leave_move_next_index_with_bug_match_not_reset() -> None:
    """Then match_index of a new leader may lie beyond its log, and a call that fails takes it at its word."""
    with Compared(5, backend="sim", seed=1, watch=False, config=Config(bugs=("match-not-reset",))) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.partition([0, 1], [2, 3, 4])
        h.submit_many(0, [1, 2, 3])
        h.sleep_ms(60)
        h.disconnect_peer(1)
        h.time_out_peer(2)
        assert h.wait_until(h.cluster[2].is_leader)
        h.submit_to_server(2, "x")
        h.sleep_ms(60)
        h.heal()
        h.sleep_ms(70)
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.sleep_ms(100)
        leader = h.cluster[0].cm
        assert len(leader.log) == 1 < leader.match_index[1] < leader.next_index[1]


@pytest.mark.parametrize("is_back", [False, True])
def test_what_a_dead_process_does_with_bug_zombie_shows_as_long_as_no_other_has_its_place(is_back: bool) -> None:
    applied: list[Record] = []

    def note(record: Record) -> None:
        if isinstance(record.event, decisions.Applied) and record.node == 0:
            applied.append(record)

    config = Config(bugs=("zombie",), delay_min=0.005)
    with Compared(3, backend="sim", seed=1, watch=False, config=config, readers=[note]) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.sleep_ms(10)
        h.submit_to_server(0, "x")
        h.sleep_ms(1)
        h.crash_peer(0)
        if is_back:
            h.restart_peer(0)
        h.sleep_ms(10)
        assert [record.incarnation for record in applied] == [0]
        node = h.snapshot().nodes[0]
        assert (node.state, node.commit_index) == (CMState.FOLLOWER if is_back else CMState.LEADER, -1)
        assert h.commits[0] == []


def test_a_node_that_crashes_while_a_write_waits_waits_for_nothing_any_more() -> None:
    with Compared(3, backend="sim", seed=1, watch=False, config=Config(bugs=("torn-vote",))) as h:
        h.time_out_peer(0)
        h.sleep_ms(10)
        assert h.now < h.snapshot().nodes[1].deadline < h.now + WRITE_DELAY
        h.crash_peer(1)
        assert h.snapshot().nodes[1].deadline == math.inf


@pytest.mark.parametrize("bugs", [(), ("zombie",), ("torn-vote",)])
def test_a_node_is_down_in_the_past_from_the_event_on_with_which_it_is_dead(bugs: tuple[str, ...]) -> None:
    downs = 0

    def look(record: Record) -> None:
        nonlocal downs
        if isinstance(record.event, decisions.Stopped):
            stopping.add(record.node)
        elif isinstance(record.event, facts.Crashed | facts.Restarted):
            stopping.discard(record.node)
        for id in stopping:
            downs += 1
            seen = h.world.node(id).snapshot(("", 0))
            assert seen.state is CMState.DEAD
            assert (seen.alive, seen.connected, seen.frozen, seen.tearing) == (False,) * 4
            assert (seen.current_term, seen.voted_for, list(seen.log)) == disk(h, id)
            assert (seen.commit_index, seen.last_applied, seen.leader_id, seen.commits) == (-1, -1, -1, ())

    stopping: set[int] = set()
    for seed in range(several(6, least=2)):
        stopping.clear()
        config = Config(bugs=bugs)
        with Compared(5, backend="sim", seed=seed, config=config, watch=not bugs) as h:
            h.stream.attach(look)
            Churn(h, seed, Churn.MIXES[-1]).run(2.0)
    assert downs > 20


def test_the_past_can_begin_at_any_snapshot() -> None:
    for seed in range(several(6, least=2)):
        with Compared(5, backend="sim", seed=seed) as h:
            churn = Churn(h, seed)
            churn.run(1.0)
            late = World.of(h.snapshot(), h.stream.last_seq)
            h.stream.attach(late)
            churn.run(1.0)
            assert late.snapshot(h.snapshot(), h.now) == h.snapshot()


def test_a_world_and_its_copy_go_on_apart() -> None:
    with Compared(3, backend="sim", seed=3) as h:
        h.sleep_ms(500)
        before = h.snapshot()
        kept = h.world.copy()
        Churn(h, 3, Churn.CALM).run(1.0)
        again = h.world.copy()
        assert kept.snapshot(before, before.time) == before
        Churn(h, 4, Churn.DISKS).run(1.0)
        assert kept.snapshot(before, before.time) == before
        assert again.snapshot(before) != before


# ---- single messages, copies and frozen receivers


ACTS = (
    "link", "hold", "release", "step", "step", "step", "lose", "lose", "duplicate", "duplicate", "deliver",
    "freeze", "thaw", "down",
)  # fmt: skip


def play_with_messages(h: Compared, rng: random.Random) -> None:
    """Do one thing to the messages, their links or the nodes that they are for."""
    src, dst = rng.sample(range(h.n), 2)
    match rng.choice(ACTS):
        case "link":
            h.set_link(
                src, dst, dup=rng.choice((0, 0.5, 1)), loss=rng.choice((0, 0.3)), delay=(0, rng.choice((0, 0.05)))
            )
        case "hold":
            for link in (
                [(src, dst)] if rng.random() < 0.7 else [(a, b) for a in range(h.n) for b in range(h.n) if a != b]
            ):
                h.hold(*link)
        case "release":
            h.release(src, dst)
        case "step":
            h.step()
        case "lose" | "duplicate" | "deliver" as act:
            if messages := h.messages():
                getattr(h, act)(rng.choice(messages).id)
        case "freeze" if h.alive[dst]:
            h.freeze_peer(dst)
        case "thaw" if h.alive[dst]:
            h.thaw_peer(dst)
        case "down":
            h.crash_peer(dst) if h.alive[dst] else h.restart_peer(dst)


@pytest.mark.parametrize("seeds", [range(several(25)), range(25, 25 + several(50))], ids=str)
def test_the_past_knows_each_copy_of_a_message_whatever_becomes_of_it(seeds: range) -> None:
    """A copy may wait at a frozen node while another one is lost, held or on its way."""
    for seed in seeds:
        rng, history, moments = random.Random(seed), History(), {}
        with Compared(3, backend="sim", seed=seed, watch=False, readers=[history]) as h:
            h.pause()
            for _ in range(150):
                play_with_messages(h, rng)
                h.compare()
                moments[history.last_seq] = h.now, Counter(map(message_key, h.messages()))
            for seq, (time, flying) in moments.items():
                assert Counter(map(message_key, history.view(seq, h.snapshot(), time).messages)) == flying, (
                    seed,
                    seq,
                )


# ---- over sockets

BY_CHANCE = ("duplicate", "deliver", "lose", "tear")
"""Over sockets a message may have landed by the time it is named, and a node have crashed in a write."""


@pytest.mark.parametrize(
    "kinds",
    [Churn.CALM + Churn.LEADERS, Churn.LINKS + Churn.DELAYS, Churn.STALLS + Churn.DISKS],
    ids=["crashes", "links", "stalls"],
)
def test_the_past_of_a_cluster_on_sockets_is_what_was(kinds: tuple[str, ...]) -> None:
    with Compared(5, seed=5) as h:
        Churn(h, 5, tuple(kind for kind in kinds if kind not in BY_CHANCE)).run(1.2)
        assert h.looks > 10


def test_the_past_on_sockets_knows_single_messages_and_torn_writes() -> None:
    with Compared(3, seed=5) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.hold(0, 1)
        assert h.wait_until(lambda: sum(f.due is None for f in h.flights.everything()) >= 3)
        for act in (h.duplicate, h.deliver, h.lose):
            act(next(message.id for message in h.messages() if message.due is None))
        h.sleep_ms(30)
        h.release(0, 1)
        h.tear_peer(2, 0)
        h.time_out_peer(2)
        assert h.wait_until(lambda: not h.alive[2])
        h.sleep_ms(30)


@pytest.mark.parametrize("bug", ["zombie", "torn-vote"])
def test_the_past_on_sockets_is_what_was_with_a_bug(bug: str) -> None:
    with Compared(3, seed=2, watch=False, config=Config(bugs=(bug,))) as h:
        Churn(h, 2, Churn.LEADERS).run(1.0)


# ---- traces


def test_a_trace_gives_the_past_of_its_run(tmp_path: Path) -> None:
    with Compared(5, backend="sim", seed=2) as h:
        start = World.of(h.snapshot(), h.stream.last_seq)
        with traced(h, tmp_path / "run"):
            Churn(h, 2).run(2.0)
        replay(tmp_path / "run", [start])
        assert start.snapshot(h.snapshot(), h.now) == h.snapshot()


def test_a_trace_from_before_deadlines_were_told_gives_all_but_them(tmp_path: Path) -> None:
    with Harness(5, backend="sim", seed=2) as h:
        start = World.of(h.snapshot(), h.stream.last_seq)
        with traced(h, tmp_path / "run"):
            Churn(h, 2, Churn.CALM).run(2.0)
        now = h.snapshot()
    head, *lines, _ = (tmp_path / "run").read_text().splitlines()
    old = [head.replace("raftplay.trace/2", "raftplay.trace/1")]
    for line in map(json.loads, lines):
        line.get("after", {}).pop("deadline", None)
        line["fields"].pop("copies", None)
        if line["event"] not in ("HeartbeatDue", "WriteDelayed", "Duplicated", "KeptWaiting"):
            old.append(json.dumps(line))
    assert len(old) < len(lines)
    (tmp_path / "old").write_text("\n".join(old) + "\n")
    replay(tmp_path / "old", [start])
    then = start.snapshot(now, now.time)
    assert {node.deadline for node in then.nodes if node.state is not CMState.DEAD} == {math.inf}
    assert replace(then, nodes=()) == replace(now, nodes=())
    for one, other in zip(then.nodes, now.nodes, strict=True):
        assert replace(one, deadline=other.deadline) == other
