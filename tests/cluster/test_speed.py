"""What speed rests on, counted and not timed: turns of the loop, calls and their sizes, steps per command."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import pytest

from raftplay import Harness
from raftplay.backends import wire
from raftplay.backends.tcp import TcpBackend
from raftplay.bench import memory
from raftplay.bench.clusters import leading
from raftplay.cluster.config import Config
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import AppendEntriesArgs
from raftplay.raft.progress import MAX_CALL_BYTES, MAX_CALL_ENTRIES
from raftplay.watch.facts import CallSent, Record

NO_DELAY = Config(delay_min=0.0, delay_max=0.0)
LEADER = 0
ENVELOPE = 200
"""Bytes of a frame besides its entries, at most."""


class Calls:
    """A reader of events: every AppendEntries that left, by the peer that it is for."""

    def __init__(self) -> None:
        self.sent: dict[int, list[CallSent]] = {}

    def __call__(self, record: Record) -> None:
        if isinstance(record.event, CallSent) and isinstance(record.event.args, AppendEntriesArgs):
            self.sent.setdefault(record.event.dst, []).append(record.event)

    def entries_to(self, peer: int) -> list[int]:
        return [len(call.args.entries) for call in self.sent.get(peer, []) if call.args.entries]

    def sizes_to(self, peer: int) -> list[int]:
        return [len(wire.encode(wire.Call(call.call_id, call.args))) for call in self.sent.get(peer, [])]


def sim(
    n: int = 3, *, config: Config = NO_DELAY, seed: int = 7, calls: Calls | None = None
) -> tuple[Harness, int]:
    """A cluster in virtual time whose node 0 leads."""
    h = Harness(n, backend="sim", seed=seed, config=config, watch=False, readers=[calls] if calls else [])
    h.time_out_peer(0)
    assert h.wait_until(h.cluster[0].is_leader)
    h.sleep_ms(100)
    if calls is not None:
        calls.sent.clear()
    return h


# ---- the caller's side


def test_submitting_over_sockets_makes_no_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with leading(3) as (h, leader):

        def refuse(*_: object) -> None:
            raise AssertionError("a turn of the loop's thread")

        first = len(h.commits[leader])
        monkeypatch.setattr(TcpBackend, "run", refuse)
        assert [h.submit_to_server(leader, i) for i in range(50)] == list(range(first, first + 50))
        assert h.submit_many(leader, range(50)) == list(range(first + 50, first + 100))
        monkeypatch.undo()
        assert h.wait_until(lambda: all(len(commits) == first + 100 for commits in h.commits))


def test_a_wait_over_sockets_begins_without_a_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with leading(3) as (h, leader):
        monkeypatch.setattr(TcpBackend, "run", lambda *_: pytest.fail("a turn of the loop's thread"))
        index = h.submit_to_server(leader, "x")
        assert h.wait_until(lambda: len(h.commits[leader]) == index + 1)
        monkeypatch.undo()


def test_what_is_submitted_in_a_row_wakes_the_loop_once_and_leaves_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = Calls()
    with leading(3) as (h, leader):
        h.stream.attach(calls)
        woken = []
        real = TcpBackend.call_soon
        monkeypatch.setattr(
            TcpBackend,
            "call_soon",
            lambda self, function: (woken.append(threading.get_ident()), real(self, function)),
        )
        with h.lock:
            indices = [h.submit_to_server(leader, i) for i in range(500)]
            indices += h.submit_many(leader, range(500))
        monkeypatch.undo()
        assert indices == list(range(indices[0], indices[0] + 1000))
        assert woken == [threading.get_ident()]
        assert h.wait_until(lambda: all(len(commits) == indices[-1] + 1 for commits in h.commits))
        for peer in {0, 1, 2} - {leader}:
            assert calls.entries_to(peer) == [1000]


def test_many_commands_leave_in_full_calls() -> None:
    calls = Calls()
    with sim(calls=calls) as h:
        h.submit_many(LEADER, range(5 * MAX_CALL_ENTRIES))
        assert h.wait_until(lambda: all(len(commits) == 5 * MAX_CALL_ENTRIES for commits in h.commits))
        assert calls.entries_to(1) == calls.entries_to(2) == [MAX_CALL_ENTRIES] * 5


# ---- what a command costs does not depend on the length of the log


def steps_of(act: Callable[[], object]) -> int:
    """How many calls of Python functions `act` makes, those inside it included."""
    count = 0

    def look(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_a_commit_takes_as_many_steps_in_a_long_log_as_in_a_short_one() -> None:
    counted = []
    with sim() as h:
        for length in (200, 20_000):
            h.submit_many(LEADER, range(length - len(h.commits[LEADER])))
            h.sleep_ms(60)
            assert len(h.commits[LEADER]) == length

            def commit_10(wanted: int = length + 10) -> None:
                for i in range(10):
                    h.submit_to_server(LEADER, i)
                h.wait_until(lambda: len(h.commits[LEADER]) == wanted)

            counted.append(steps_of(commit_10))
    few, many = counted
    assert many <= few + 50, counted


def test_a_batch_takes_steps_in_proportion_to_its_length() -> None:
    counted = []
    for count in (1_000, 10_000):
        with sim() as h:

            def commit(h: Harness = h, count: int = count) -> None:
                h.submit_many(LEADER, range(count))
                h.wait_until(lambda: all(len(commits) == count for commits in h.commits))

            counted.append(steps_of(commit) / count)
    few, many = counted
    assert many <= few * 1.05, counted
    assert many < 40, counted


def test_with_every_option_off_a_command_takes_no_step_for_one() -> None:
    count = 1_000
    with sim() as h:
        plain = h.session.harness  # without the journal of what Python does
        one_by_one = steps_of(lambda: [plain.submit_to_server(LEADER, i) for i in range(count)])
        plain.sleep_ms(60)
        at_once = steps_of(lambda: plain.submit_many(LEADER, range(count)))
        committed = steps_of(lambda: plain.sleep_ms(60))
        assert [len(commits) for commits in h.commits] == [2 * count] * 3
    assert one_by_one / count < 20, "a call too many for a command submitted by itself"
    assert at_once / count < 12, "a call too many for one of many commands"
    assert committed / count < 9, "a call too many for what three nodes do with a command"


def test_what_every_message_touches_has_few_enough_attributes_to_be_read_fast() -> None:
    with sim() as h:
        server = h.cluster[LEADER]
        for part in (server, server.cm):
            assert len(vars(part)) <= 30, "CPython 3.11 finds the attributes of a larger object by hashing"


def test_memory_kept_of_a_small_entry_on_each_node_is_under_400_bytes() -> None:
    (figure,) = memory.measure(3, 5_000)
    assert 100 < figure.value < 400


# ---- a follower that was away


def test_a_follower_comes_back_over_sockets_in_bounded_calls_while_the_others_commit() -> None:
    calls = Calls()
    missed = 20_000
    with leading(3, config=replace(NO_DELAY, raft=RaftConfig(prevote=True))) as (h, leader):
        away = (leader + 1) % 3
        h.disconnect_peer(away)
        last = h.submit_many(leader, range(missed))[-1]
        assert h.wait_until(lambda: len(h.commits[3 - leader - away]) > last)
        h.stream.attach(calls)
        h.reconnect_peer(away)
        more: list[int] = []
        while len(h.commits[away]) <= last:
            more.append(h.submit_to_server(leader, "more"))
            assert h.wait_until(lambda: len(h.commits[leader]) > more[-1])
        assert len(more) > 1
        assert h.wait_until(lambda: len(h.commits[away]) > more[-1])
        assert max(calls.entries_to(away)) <= MAX_CALL_ENTRIES
        assert max(calls.sizes_to(away)) <= MAX_CALL_BYTES + ENVELOPE
        assert sum(calls.entries_to(away)) < 1.2 * missed


def test_large_commands_reach_a_follower_that_was_away_in_calls_of_a_mebibyte() -> None:
    calls = Calls()
    with sim(calls=calls) as h:
        h.disconnect_peer(2)
        h.submit_many(LEADER, ["x" * 60_000] * 100)
        assert h.wait_until(lambda: len(h.commits[1]) == 100)
        h.reconnect_peer(2)
        assert h.wait_until(lambda: len(h.commits[2]) == 100)
        assert MAX_CALL_BYTES / 2 < max(calls.sizes_to(2)) <= MAX_CALL_BYTES + ENVELOPE


# ---- calls that overtake each other


@pytest.mark.parametrize("seed", range(5))
def test_with_random_delays_a_peer_is_sent_less_than_twice_the_entries(seed: int) -> None:
    calls = Calls()
    with sim(config=Config(), seed=seed, calls=calls) as h:
        for i in range(500):
            h.submit_to_server(LEADER, i)
            h.sleep_ms(1)
        assert h.wait_until(lambda: all(len(commits) == 500 for commits in h.commits))
        for peer in (1, 2):
            assert 500 <= sum(calls.entries_to(peer)) < 1000


def test_with_a_fixed_delay_a_peer_is_sent_every_entry_once() -> None:
    calls = Calls()
    with sim(config=Config(delay_min=0.003, delay_max=0.003), calls=calls) as h:
        for i in range(200):
            h.submit_to_server(LEADER, i)
            h.sleep_ms(1)
        assert h.wait_until(lambda: all(len(commits) == 200 for commits in h.commits))
        assert [sum(calls.entries_to(peer)) for peer in (1, 2)] == [200, 200]
