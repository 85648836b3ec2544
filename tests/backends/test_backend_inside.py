"""What runs inside a backend: timers, waits, failures, and the end; in virtual time and on real sockets."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.backends import KINDS, SOCKET_KINDS, Recorder, backend_of, eventually, nothing_left_over

from raftplay import UsageError
from raftplay.backends.base import Backend, Handle
from raftplay.backends.timers import MAX_CANCELLED, Timers
from raftplay.backends.waits import is_held


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    with nothing_left_over():
        backend = backend_of(request.param, monkeypatch)
        yield backend
        backend.close()


@pytest.fixture(params=SOCKET_KINDS)
def tcp_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    with nothing_left_over():
        backend = backend_of(request.param, monkeypatch)
        yield backend
        backend.close()


# ---- timers, and what runs inside


def test_timers_fire_in_the_order_of_their_times(backend: Backend) -> None:
    fired: list[str] = []

    def plan() -> None:
        now = backend.now()
        for name, delay in (("c", 0.03), ("a", 0.01), ("b", 0.02), ("b'", 0.02), ("b''", 0.02)):
            backend.call_at(now + delay, lambda name=name: fired.append(name))

    backend.run(plan)
    backend.pass_time(0.05)
    assert fired == ["a", "b", "b'", "b''", "c"]


def test_a_cancelled_timer_does_not_fire(backend: Backend) -> None:
    fired: list[str] = []

    def plan() -> None:
        first = backend.call_later(0.01, lambda: fired.append("first"))
        backend.call_later(0.02, lambda: fired.append("second"))
        first.cancel()
        first.cancel()

    backend.run(plan)
    backend.pass_time(0.05)
    assert fired == ["second"]


def test_a_timer_may_cancel_another_that_is_due(backend: Backend) -> None:
    fired: list[str] = []

    def plan() -> None:
        when = backend.now() + 0.01
        backend.call_at(when, lambda: others.pop().cancel())
        others.append(backend.call_at(when, lambda: fired.append("other")))

    others: list[Handle] = []
    backend.run(plan)
    backend.pass_time(0.05)
    assert fired == []


def test_a_timer_for_the_past_fires_now_and_time_does_not_go_back(backend: Backend) -> None:
    backend.pass_time(0.1)
    seen: list[float] = []

    def plan() -> None:
        before = backend.now()
        backend.call_at(before - 0.09, lambda: seen.append(backend.now()))
        assert backend.now() >= before

    before = backend.run(backend.now)
    backend.run(plan)
    backend.pass_time(0.01)
    assert len(seen) == 1
    assert seen[0] >= before


def test_a_timer_may_set_timers(backend: Backend) -> None:
    fired: list[int] = []

    def again() -> None:
        fired.append(len(fired))
        if len(fired) < 10:
            backend.call_later(0.001, again)

    backend.run(lambda: backend.call_later(0.001, again))
    assert backend.wait_until(lambda: len(fired) == 10, 0.0) is False
    backend.pass_time(0.2)
    assert fired == list(range(10))


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(100 * MAX_CANCELLED):
        timers.add(1000.0, lambda: None).cancel()
    live = timers.add(5.0, lambda: None)
    assert len(timers._heap) <= 2 * MAX_CANCELLED + 2
    assert len(timers) == 1
    assert timers.pop(10.0) is live
    assert timers.next_when() == math.inf


@given(
    st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["cancel", "pop", "ask"])), max_size=60), st.randoms()
)
def test_no_timer_falls_due_before_the_time_that_is_quick_to_know(deeds: list[Any], rng: random.Random) -> None:
    timers, live = Timers(), []
    for deed in deeds:
        if isinstance(deed, int):
            live.append(timers.add(float(deed), lambda: None))
        elif deed == "cancel" and live:
            live.pop(rng.randrange(len(live))).cancel()
        elif deed == "pop" and (timer := timers.pop(rng.randrange(10))):
            live.remove(timer)
        first = min((timer.when for timer in live), default=math.inf)
        assert timers.not_before <= first
        if deed == "ask":
            assert timers.next_when() == timers.not_before == first


def test_what_runs_inside_gives_its_result_or_its_error(backend: Backend) -> None:
    assert backend.run(lambda: 42) == 42
    assert backend.run(lambda: backend.run(lambda: 43)) == 43
    with pytest.raises(ZeroDivisionError):
        backend.run(lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="its own"):
        backend.run(lambda: _raise(TimeoutError("its own")))
    assert backend.run(lambda: 44) == 44


def test_many_threads_may_run_things_inside(backend: Backend) -> None:
    counted = [0]

    def count() -> None:
        counted[0] += 1

    def work() -> None:
        for _ in range(100):
            backend.run(count)
            backend.call_soon(count)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.pass_time(0.0)
    assert backend.run(lambda: counted[0]) == 1600


def test_what_fails_inside_is_raised_outside_and_only_once(backend: Backend) -> None:
    backend.run(lambda: backend.call_later(0.01, lambda: _raise(ZeroDivisionError("inside"))))
    with pytest.raises(ZeroDivisionError, match="inside"):
        backend.pass_time(1.0)
    backend.pass_time(0.01)
    assert backend.run(lambda: 42) == 42


def test_what_fails_while_nobody_waits_is_raised_at_the_next_call(tcp_backend: Backend) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise ZeroDivisionError("inside")

    tcp_backend.run(lambda: tcp_backend.call_later(0.0, fail))
    assert failed.wait(5)
    with pytest.raises(ZeroDivisionError, match="inside"):
        eventually(lambda: tcp_backend.check() is not None)
    tcp_backend.check()


def test_a_failure_is_told_to_everyone_who_waits(tcp_backend: Backend) -> None:
    told: list[str] = []

    def wait() -> None:
        try:
            tcp_backend.pass_time(60)
        except ZeroDivisionError as error:
            told.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: len(tcp_backend._waiters) == 3)  # type: ignore[attr-defined]
    tcp_backend.call_soon(lambda: _raise(ZeroDivisionError("inside")))
    for thread in threads:
        thread.join(5)
    assert told == ["inside"] * 3
    tcp_backend.check()


def test_what_is_swallowed_by_the_loop_is_kept_too(tcp_backend: Any) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("in a task")

    tcp_backend.run(lambda: tcp_backend.spawn(fail()) and None)
    with pytest.raises(ZeroDivisionError, match="in a task"):
        tcp_backend.pass_time(5)
    tcp_backend.run(lambda: tcp_backend.loop.call_soon(_raise, ZeroDivisionError("in a callback")) and None)
    with pytest.raises(ZeroDivisionError, match="in a callback"):
        tcp_backend.pass_time(5)


# ---- waiting


def test_a_condition_that_holds_is_not_waited_for(backend: Backend) -> None:
    before = backend.run(backend.now)
    assert backend.wait_until(lambda: True, 60)
    assert backend.run(backend.now) - before < 5


def test_a_wait_ends_with_its_time(backend: Backend) -> None:
    before = backend.run(backend.now)
    assert not backend.wait_until(lambda: False, 0.05)
    assert backend.run(backend.now) - before == pytest.approx(0.05, abs=0 if backend.name == "sim" else 1)
    assert backend.run(backend.now) - before >= 0.05 - 1e-9


def test_a_condition_that_holds_only_for_a_moment_is_seen(backend: Backend) -> None:
    light = [False]

    def switch(on: bool) -> None:
        light[0] = on
        backend.changed()

    def plan() -> None:
        backend.call_later(0.01, lambda: switch(True))
        backend.call_later(0.02, lambda: switch(False))

    backend.run(plan)
    assert backend.wait_until(lambda: light[0], 5)


def test_a_condition_is_looked_at_once_more_when_the_time_is_over(backend: Backend) -> None:
    seen: list[int] = []
    backend.run(lambda: backend.call_later(0.01, lambda: seen.append(1)))  # tells nobody
    assert backend.wait_until(lambda: bool(seen), 0.05)


def test_an_error_of_the_condition_goes_to_who_waits_for_it(backend: Backend) -> None:
    armed = [False]

    def arm() -> None:
        armed[0] = True
        backend.changed()

    backend.run(lambda: backend.call_later(0.01, arm))
    with pytest.raises(ZeroDivisionError):
        backend.wait_until(lambda: armed[0] and bool(1 // 0), 5)
    backend.pass_time(0.01)


def test_what_runs_inside_cannot_wait(backend: Backend) -> None:
    errors: list[str] = []

    def wait() -> None:
        for act in (lambda: backend.pass_time(1), lambda: backend.wait_until(lambda: False, 1), backend.step):
            with pytest.raises(UsageError) as caught:
                act()
            errors.append(str(caught.value))

    backend.run(lambda: backend.call_later(0.01, wait))
    backend.pass_time(0.02)
    assert len(errors) == 3
    assert all("inside the cluster cannot wait" in error for error in errors)


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_time_passes_forward_and_for_a_while(backend: Backend, seconds: float) -> None:
    with pytest.raises(UsageError, match="time can pass for 0 s to"):
        backend.pass_time(seconds)
    with pytest.raises(UsageError, match="time can pass for 0 s to"):
        backend.wait_until(lambda: False, seconds)


def test_whoever_holds_the_lock_is_told_not_to_act(tcp_backend: Backend) -> None:
    for act in (lambda: tcp_backend.run(lambda: 1), lambda: tcp_backend.pass_time(1), tcp_backend.step):
        with tcp_backend.lock, pytest.raises(UsageError, match="can only read; release it first"):
            act()
    assert tcp_backend.run(lambda: 1) == 1


def test_a_lock_is_held_by_the_thread_that_took_it_last_and_as_often_as_it_took_it() -> None:
    lock = threading.RLock()
    owner = threading.Condition(lock)
    found: list[bool] = []
    assert not is_held(owner)
    with lock:
        with lock:
            assert is_held(owner)
        assert is_held(owner)
        other = threading.Thread(target=lambda: found.append(is_held(owner)))
        other.start()
        other.join()
    assert found == [False]
    assert not is_held(owner)


# ---- the end


def test_close_runs_the_last_thing_and_is_safe_to_call_twice(backend: Backend) -> None:
    ran: list[str] = []
    backend.close(lambda: ran.append("last"))
    backend.close(lambda: ran.append("again"))
    assert ran == ["last"]


def test_close_raises_what_the_last_thing_raised_and_closes_all_the_same(backend: Backend) -> None:
    backend.run(lambda: backend.open_endpoint(0, Recorder(backend)))
    with pytest.raises(ZeroDivisionError):
        backend.close(lambda: _raise(ZeroDivisionError()))
    with pytest.raises(UsageError, match="shut down"):
        backend.run(lambda: 1)


def test_nothing_can_be_done_with_a_closed_backend(backend: Backend) -> None:
    backend.close()
    acts: list[Callable[[], object]] = [
        lambda: backend.run(lambda: 1),
        lambda: backend.pass_time(0),
        lambda: backend.wait_until(lambda: True, 0),
        lambda: backend.set_speed(2.0),
        backend.pause,
        backend.resume,
        backend.step,
        backend.check,
    ]
    for act in acts:
        with pytest.raises(UsageError, match="the cluster is shut down"):
            act()
    backend.call_soon(lambda: None)
    assert backend.now() == backend.now()


def test_a_backend_may_be_closed_from_inside(backend: Backend) -> None:
    backend.run(lambda: backend.call_later(0.01, backend.close))
    with pytest.raises(UsageError, match="the cluster is shut down"):
        backend.pass_time(5)
    backend.close()


def test_whoever_waits_while_another_closes_is_told(tcp_backend: Backend) -> None:
    told: list[str] = []

    def wait() -> None:
        with pytest.raises(UsageError) as caught:
            tcp_backend.pass_time(60)
        told.append(str(caught.value))

    thread = threading.Thread(target=wait)
    thread.start()
    assert eventually(lambda: len(tcp_backend._waiters) == 1)  # type: ignore[attr-defined]
    tcp_backend.close()
    thread.join(5)
    assert told == ["the cluster is shut down"]


def test_many_threads_that_act_while_another_closes_all_come_to_an_end(tcp_backend: Backend) -> None:
    ended: list[str] = []

    def act() -> None:
        try:
            while True:
                tcp_backend.run(lambda: 1)
        except UsageError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    tcp_backend.close()
    for thread in threads:
        thread.join(5)
    assert ended == ["the cluster is shut down"] * 8


def _raise(error: Exception) -> None:
    raise error
