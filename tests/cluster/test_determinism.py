"""The same inputs and the same seed give the same run in virtual time: every event, in order, at its time."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.amount import several

from raftplay import Config, Harness, RaftConfig
from raftplay.watch.facts import Record

HERE = Path(__file__).parent


def calm(h: Harness) -> None:
    leader, _ = h.check_single_leader()
    for number in range(20):
        h.submit_to_server(leader, {"b": number, "a": [number]})
        h.sleep_ms(7)
    h.sleep_ms(300)


def crashes(h: Harness) -> None:
    for round in range(4):
        leader, _ = h.check_single_leader()
        h.submit_many(leader, [f"{round}.{i}" for i in range(5)])
        h.sleep_ms(3)
        h.crash_peer(leader)
        h.sleep_ms(700)
        h.restart_peer(leader)
    h.sleep_ms(500)


def partitions(h: Harness) -> None:
    for split in ([0], [1, 2], [0, 3]):
        h.partition(split)
        for id in range(h.n):
            h.submit_to_server(id, [split, id])
        h.sleep_ms(800)
        h.heal()
        h.sleep_ms(300)


def weather(h: Harness) -> None:
    for src in range(h.n):
        for dst in range(h.n):
            if src != dst:
                h.set_link(src, dst, loss=0.1, delay=(0.001, 0.060), dup=0.2)
    for number in range(30):
        h.submit_to_server(number % h.n, number)
        h.sleep_ms(60)
    h.freeze_peer(1)
    h.sleep_ms(400)
    h.thaw_peer(1)
    h.disconnect_peer(2)
    h.sleep_ms(400)
    h.reconnect_peer(2)
    h.peer_drop_calls_after_n(0, 5)
    h.sleep_ms(400)
    h.peer_dont_drop_calls(0)
    h.wait_until(lambda: len(h.commits[0]) > 5, 2)


def steps(h: Harness) -> None:
    for _ in range(200):
        h.step()
    h.time_out_peer(3)
    for _ in range(200):
        h.step()
    h.resume()
    h.sleep_ms(100)


STORIES: dict[str, Callable[[Harness], None]] = {
    story.__name__: story for story in (calm, crashes, partitions, weather, steps)
}
CONFIGS = {
    "plain": Config(),
    "unreliable": Config(unreliable=True),
    "options": Config(raft=RaftConfig(prevote=True, noop=True, force_more_reelection=True)),
}


def trace(story: str, seed: int, config: str = "plain") -> list[str]:
    records: list[Record] = []
    with Harness(5, backend="sim", seed=seed, config=CONFIGS[config]) as h:
        h.stream.attach(records.append)
        STORIES[story](h)
        text = [repr(record) for record in records]
        text.append(str(h.snapshot()))
    return text


def digest(story: str, seed: int, config: str) -> str:
    return hashlib.sha256("\n".join(trace(story, seed, config)).encode()).hexdigest()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("story", STORIES)
def test_two_runs_are_the_same_to_the_last_event(story: str, config: str) -> None:
    first, second = trace(story, 7, config), trace(story, 7, config)
    assert len(first) > 100
    assert first == second


@pytest.mark.parametrize("story", STORIES)
def test_another_seed_is_another_run(story: str) -> None:
    assert trace(story, 7) != trace(story, 8)


def test_the_hash_seed_of_the_interpreter_changes_nothing() -> None:
    expected = [digest(story, 1, config) for story in STORIES for config in CONFIGS]
    script = (
        "from test_determinism import CONFIGS, STORIES, digest\n"
        "print(*(digest(story, 1, config) for story in STORIES for config in CONFIGS))"
    )
    for hash_seed in ("0", "1", "4242", "random")[: several(4)]:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=HERE,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(HERE.parent)},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        assert done.stdout.split() == expected


def test_whoever_watches_changes_nothing() -> None:
    def run(readers: int) -> str:
        with Harness(5, backend="sim", seed=3) as h:
            for _ in range(readers):
                h.stream.attach([].append)
            crashes(h)
            return str(h.snapshot())

    assert run(0) == run(1) == run(3)


def test_how_long_one_waits_at_a_time_changes_nothing() -> None:
    def run(slice_ms: float) -> str:
        with Harness(5, backend="sim", seed=3) as h:
            for _ in range(round(2000 / slice_ms)):
                h.sleep_ms(slice_ms)
            h.submit_many(h.check_single_leader()[0], [1, 2, 3])
            for _ in range(round(500 / slice_ms)):
                h.sleep_ms(slice_ms)
            return "\n".join(str(node) for node in h.snapshot().nodes)

    assert run(500) == run(250) == run(0.5)
