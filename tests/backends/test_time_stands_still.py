"""An algorithm that does endlessly much in no time ends in one sentence, everywhere; one that is only busy does not."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.backends import KINDS, backend_of, nothing_left_over, take_loop
from support.nodes import OWN, take

from raftplay import Config, ConsensusModule, Harness
from raftplay.backends import sim
from raftplay.backends.base import NodeFailed, TimeStandsStill
from raftplay.cluster import stuck
from raftplay.cluster.stuck import DidNotReturn, watchdog
from raftplay.explore.search.command import case_of
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.shrink import Shrinker
from raftplay.explore.search.sweep import Search, sweep
from raftplay.explore.search.trial import TrialPlan, rerun
from raftplay.raft.roles import Leadership
from raftplay.run.live import Live
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session.session import Session

INSTANTLY = Config(delay_min=0.0, delay_max=0.0)


class NeverRests(ConsensusModule):
    """A leader whose next heartbeat is due at once."""

    def _broadcast_heartbeat(self, leadership: Leadership) -> None:
        super()._broadcast_heartbeat(leadership)
        self.deadline = self._now


class NeverWakes(ConsensusModule):
    """A node that ignores its timer, so that it stays due."""

    def wake(self, now: float) -> None:
        pass


class AnswersAtOnce(ConsensusModule):
    """A leader that sends again as soon as it hears anything: without a delay that never ends."""

    def reply_received(self, peer_id, args, reply, now):
        super().reply_received(peer_id, args, reply, now)
        if self._leadership is not None:
            self._leadership.due.update(self._leadership.progress)


LIVELOCKS = (NeverRests, NeverWakes, AnswersAtOnce)


@pytest.fixture
def few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the events of one instant is already too much in virtual time."""
    monkeypatch.setattr(sim, "MOST_AT_ONCE", sim.MOST_AT_ONCE // 10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("module", LIVELOCKS[:2])
def test_a_wait_in_which_time_stands_still_raises(
    module: type[ConsensusModule], kind: str, monkeypatch: pytest.MonkeyPatch
):
    take_loop(kind, monkeypatch)
    take(module, monkeypatch)
    with nothing_left_over():
        harness = Harness(3, backend="sim" if kind == "sim" else "tcp", seed=1, config=Config(bugs=(OWN,)))
        with pytest.raises(TimeStandsStill) as caught:
            harness.sleep_ms(2000)
        if kind != "sim":
            assert harness.paused  # or its thread would do nothing else any more
        harness.shutdown()
    assert str(caught.value).startswith(f"time stands still: {caught.value.events:,} events at 0.")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, NodeFailed)


@pytest.mark.usefixtures("few_events")
@pytest.mark.parametrize("module", LIVELOCKS)
def test_no_event_is_lost_by_it(module: type[ConsensusModule], monkeypatch: pytest.MonkeyPatch):
    """The nodes stay as they were: the same wait ends in the same way."""
    take(module, monkeypatch)
    config = Config(delay_min=0.0, delay_max=0.0, bugs=(OWN,))
    with Harness(3, backend="sim", seed=1, config=config) as harness:
        times = []
        for _ in range(2):
            with pytest.raises(TimeStandsStill) as caught:
                harness.sleep_ms(2000)
            times.append(caught.value.time)
        assert times[0] == times[1] == harness.now


def test_a_step_that_never_comes_to_an_end_raises():
    with Harness(1, backend="sim", seed=1) as harness:
        backend = harness._backend

        def again() -> None:
            backend.call_soon(again)

        backend.run(again)
        with pytest.raises(TimeStandsStill):
            harness.step()


def test_times_that_are_nearly_the_same_are_one_instant():
    backend = backend_of("sim", pytest.MonkeyPatch())

    def again() -> None:
        backend.call_later(1e-300, again)

    backend.run(again)
    with pytest.raises(TimeStandsStill):
        backend.pass_time(1.0)
    backend.close()


def test_a_cluster_that_is_busy_without_delay_is_left_alone():
    """A long log reaches everyone in one instant: many calls, and an end."""
    entries = 20_000
    with Harness(7, backend="sim", seed=1, config=INSTANTLY, watch=False) as harness:
        leader, _ = harness.check_single_leader()
        harness.disconnect_peer((leader + 1) % 7)
        harness.submit_many(leader, [0] * entries)
        harness.sleep_ms(10)
        harness.reconnect_peer((leader + 1) % 7)
        harness.sleep_ms(1000)
        assert [len(server.cm.log) for server in harness.cluster] == [entries] * 7
        for number in range(1000):  # each in no time: many instants of one time
            assert harness.submit_to_server(leader, number) == entries + number
            assert harness.wait_until(lambda n=number: len(harness.commits[leader]) > entries + n, 0.0)


@pytest.mark.usefixtures("few_events")
@pytest.mark.parametrize("transcript", [TextTranscript, JsonTranscript])
def test_run_says_it_and_fails(transcript: type, monkeypatch: pytest.MonkeyPatch):
    take(NeverRests, monkeypatch)
    said: list[str] = []
    script = parse_script("still.txt", f"nodes 3\nbackend sim\nseed 1\nbug {OWN}\nsleep 2s\nstatus\n")
    assert run_script(script, transcript(said.append)) is Status.FAILED
    text = "\n".join(said)
    assert "sleep 2s: time stands still: 900 events at 0." in text or '"reason":"time stands still: 900 ' in text
    assert "Traceback" not in text
    assert "again: raftplay run still.txt --nodes 3" in text or '"again":"raftplay run still.txt' in text


@pytest.mark.usefixtures("few_events")
def test_a_session_that_lives_is_paused_by_it_and_lives_on(monkeypatch: pytest.MonkeyPatch):
    take(NeverRests, monkeypatch)
    news: list[str] = []
    live = Live(Session(Harness(3, backend="sim", seed=1, config=Config(bugs=(OWN,)))), news.append)
    try:
        live.session.harness.set_speed(100)
        give_up = time.monotonic() + 60
        while not live.session.harness.paused and time.monotonic() < give_up:
            time.sleep(0.01)
        assert live.session.harness.paused
        (outcome,) = live.run("status").result(timeout=30)
        assert outcome.held
        assert len(news) == 1
        assert news[0].startswith("time stands still: ")
        (outcome,) = live.run("crash 0").result(timeout=30)
        assert outcome.held
    finally:
        live.close()


@pytest.mark.usefixtures("few_events")
def test_explore_finds_it_and_shrinks_it_to_a_script_that_repeats_it(monkeypatch: pytest.MonkeyPatch):
    take(NeverRests, monkeypatch)
    report = sweep(Search(range(3, 4), bugs=(OWN,), seeds=5, jobs=1))
    assert report.first is not None
    case = case_of(report.first)
    assert case.finding.name == "time stands still"
    assert case.finding.text.startswith("time stands still: ")
    shrinker = Shrinker(case, limit=30)
    small = shrinker.shrink()
    assert len(small.commands) <= 3
    text = script_of(small)
    assert text.startswith("# Time stands still, with own switched on.\n# time stands still: ")
    assert "\n# FAILED: time stands still: " in text
    assert run_script(parse_script("found.txt", text), TextTranscript(lambda _: None)) is Status.FAILED


# ---- code that never returns


class NeverReturns(ConsensusModule):
    """A voter that thinks for ever."""

    def request_vote(self, args, now=None):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.001)


def test_explore_finds_code_that_never_returns(monkeypatch: pytest.MonkeyPatch):
    take(NeverReturns, monkeypatch)
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.1)
    result = rerun(TrialPlan(1, 3, bugs=(OWN,)), ["sleep 1s", "submit 1 to 0"], measured=False)
    assert result.finding is not None
    assert "no return" in result.finding.name
    assert result.commands == ["sleep 1s"]


def test_it_is_found_in_a_thread_as_well_where_no_alarm_rings(monkeypatch: pytest.MonkeyPatch):
    take(NeverReturns, monkeypatch)
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.1)
    plan = TrialPlan(1, 3, bugs=(OWN,))
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(rerun, plan, ["sleep 1s", "submit 1 to 0"], measured=False).result(timeout=60)
    assert result.finding is not None
    assert result.finding.name == "no return from request_vote"
    assert result.finding.text.endswith("DidNotReturn: nothing happened for 0.2 s of wall time")
    assert result.commands == ["sleep 1s"]


def test_a_watchdog_of_a_thread_ends_with_its_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.01)
    steps = 0

    def work() -> int:
        nonlocal steps
        with watchdog(lambda: steps):
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                steps += 1
        threads = [thread for thread in threading.enumerate() if thread.name == "raftplay watchdog"]
        for thread in threads:
            thread.join(60)
        return len(threads)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result(timeout=60) <= 1


def test_a_watchdog_lets_code_be_that_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.02)
    steps = 0
    with watchdog(lambda: steps):
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            steps += 1
    with pytest.raises(DidNotReturn), watchdog(lambda: steps):
        time.sleep(30)


STOPPED = """
import itertools, os, signal, sys, time
from raftplay.cluster import stuck
stuck.LOOK_EVERY, steps = 0.1, itertools.count()
with stuck.watchdog(lambda: next(steps), most=1.0):
    print(flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_process_that_was_stopped_has_not_taken_too_long():
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(signal.SIGSTOP)
        time.sleep(1.5)  # longer than it may take
        run.send_signal(signal.SIGCONT)
        _, errors = run.communicate(b"\n", timeout=30)
    assert (run.returncode, errors) == (0, b"")


def test_a_watchdog_leaves_the_alarm_as_it_was():
    heard: list[int] = []
    handler = signal.getsignal(signal.SIGALRM)
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    try:
        signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with watchdog(object):
            time.sleep(0.2)
        end = time.monotonic() + 30
        while not heard and time.monotonic() < end:
            time.sleep(0.01)
        assert heard == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left, interval)
