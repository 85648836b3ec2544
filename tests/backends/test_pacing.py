"""Virtual time at the pace of the wall clock: the same run, only slower, and others may look meanwhile."""

import random
import threading
import time

import pytest
from support.amount import several
from support.session import blueprint, perform, session_of

from raftplay import Config, Harness, InvariantBroken
from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.watch.facts import Record

SPEED = 20.0
"""Fast enough for a test, slow enough that pace must be kept."""


def paced(n: int = 3, *, seed: int = 7, speed: float = SPEED, readers: tuple = ()) -> Harness:
    h = Harness(n, backend="sim", seed=seed, readers=readers)
    h.set_speed(speed)
    h.keep_pace()
    return h


def test_what_happens_is_the_same_whether_or_not_pace_is_kept():
    runs: list[list[Record]] = []
    for keeps_pace in (False, True):
        seen: list[Record] = []
        with Harness(5, backend="sim", seed=3, readers=[seen.append]) as h:
            if keeps_pace:
                h.set_speed(SPEED)
                h.keep_pace()
            leader, _ = h.check_single_leader()
            h.submit_to_server(leader, "x")
            h.sleep_ms(300)
            h.crash_peer(leader)
            h.sleep_ms(700)
        runs.append(seen)
    assert runs[0] == runs[1]


FAULTS = (
    *("sleep 30ms", "sleep 70ms", "sleep 300ms", "wait leader within 500ms"),
    *(
        "freeze leader; sleep 200ms; thaw all",
        "freeze 1",
        "thaw all",
        "disk 0 stall",
        "disk all clear",
        "disk all delay=120ms",
    ),
    *(
        "crash leader",
        "crash 2",
        "restart crashed",
        "tear 1 after 0",
        "disconnect leader",
        "reconnect all",
        "heal",
    ),
    *("hold all", "release all", "lose all", "duplicate all", "link all loss=20% delay=1..90ms dup=10%"),
    *("clock 0 rate=3", "timeout 2", "timers align", "transfer", "drop 1 after 2", "undrop 1"),
    *("submit a", "submit b", "snapshot", "put x 1", "get x"),
)


@pytest.mark.parametrize("seed", range(several(40)))
def test_whatever_fails_happens_at_the_same_time_whether_or_not_pace_is_kept(seed: int):
    lines = ["wait leader", *random.Random(seed).choices(FAULTS, k=16)]
    runs: list[tuple[list[str], list[Record]]] = []
    for keeps_pace in (False, True):
        with session_of(blueprint(3, seed=seed)) as session:
            if keeps_pace:
                session.harness.set_speed(SPEED)
                session.harness.keep_pace()
            answers = perform(session, *lines)
            runs.append((answers, list(session.history.records())))
    assert runs[0] == runs[1], lines
    times = [record.time for record in runs[0][1]]
    assert times == sorted(times)


def test_time_passes_no_faster_than_the_wall_clock_and_the_speed_say():
    with paced() as h:
        begin = time.monotonic()
        h.sleep_ms(2000)
        assert time.monotonic() - begin >= 2.0 / SPEED
        assert h.now == 2.0


def test_whoever_looks_meanwhile_sees_time_go_on_between_two_timers():
    with Harness(1, backend="sim", seed=1) as h:  # one node: a timer every 50 ms, and nothing else
        h.sleep_ms(1000)
        h.set_speed(0.1)
        h.keep_pace()
        waiter = threading.Thread(target=h.sleep_ms, args=(40.0,))
        waiter.start()
        seen = set()
        while waiter.is_alive():
            seen.add(h.now)
            time.sleep(0.001)
        waiter.join()
        assert len(seen) > 10
        assert all(1.0 <= moment <= 1.04 for moment in seen)


def test_a_wait_ends_as_soon_as_its_condition_holds():
    with paced() as h:
        assert h.wait_until(lambda: h.snapshot().leader is not None, 5)
        assert 0.150 <= h.now < 1.0
        assert h.snapshot().leader is not None


def test_the_speed_can_be_changed_while_someone_waits():
    with paced(speed=0.001) as h:
        waiter = threading.Thread(target=h.sleep_ms, args=(500.0,))  # 500 seconds of the wall clock
        waiter.start()
        h.set_speed(100.0)
        waiter.join(20)
        assert not waiter.is_alive()
        assert h.now == 0.5


def test_an_interrupt_ends_the_wait_under_way_and_no_other():
    with paced(speed=0.01) as h:
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                h.sleep_ms(10_000)
            except BaseException as error:
                failures.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        h.interrupt()
        waiter.join(20)
        assert [type(error) for error in failures] == [Interrupted]
        h.set_speed(SPEED)
        h.sleep_ms(100)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_an_interrupt_that_comes_early_ends_the_next_wait_unless_it_is_forgotten(backend: str):
    with Harness(1, backend=backend, seed=1) as h:
        h.interrupt()
        with pytest.raises(Interrupted):
            h.sleep_ms(10_000)
        h.interrupt()
        h.forget_interrupt()
        h.sleep_ms(10)


def test_an_action_of_another_thread_happens_at_the_moment_that_it_sees():
    seen: list[Record] = []
    with paced(speed=1.0, readers=(seen.append,)) as h:
        waiter = threading.Thread(target=h.sleep_ms, args=(100.0,))
        waiter.start()
        while h.now < 0.02:
            time.sleep(0.001)
        before = h.now
        h.freeze_peer(1)
        after = h.now
        waiter.join()
        (frozen,) = (record for record in seen if type(record.event).__name__ == "Frozen")
        assert before <= frozen.time <= after


def test_pausing_ends_the_wait_of_another_thread_with_a_sentence():
    with paced(speed=0.01) as h:
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                h.sleep_ms(10_000)
            except UsageError as error:
                failures.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        while h.now == 0.0:
            time.sleep(0.001)
        h.pause()
        waiter.join(20)
        assert "time is paused" in str(failures[0])
        moment = h.now
        time.sleep(0.02)
        assert h.now == moment


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_time_can_be_passed_to_a_moment(backend: str):
    with Harness(3, backend=backend, seed=2) as h:
        h.pass_to(0.3)
        assert h.now >= 0.3
        if backend == "sim":
            assert h.now == 0.3
        h.pass_to(0.1)  # it is later already
        assert h.now >= 0.3


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_breach_can_stop_the_world_at_the_guilty_event(backend: str):
    seen: list[Record] = []
    with Harness(2, backend=backend, seed=1, config=Config(bugs=("forget-vote",)), readers=[seen.append]) as h:
        h.pauses_at_breach = True
        with pytest.raises(InvariantBroken) as broken:
            h.sleep_ms(5000)
        assert h.paused
        with h.lock:
            moment, count = h.now, len(seen)
        assert moment == pytest.approx(broken.value.breach.time, abs=0.006)
        time.sleep(0.05)
        with h.lock:
            assert (h.now, len(seen)) == (moment, count)
