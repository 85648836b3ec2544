"""A Harness over real sockets ends at once, whatever happened, and leaves nothing behind."""

import asyncio
import builtins
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from support.amount import several, some
from support.backends import SOCKET_KINDS, elect, eventually, nothing_left_over, open_files, take_loop

from raftplay import Harness, UsageError
from raftplay.backends import files, loop_thread, sockets, tcp
from raftplay.watch.stream import ReaderFailed

CLOSES_WITHIN = 10.0
"""Seconds of wall time in which a cluster ends on any machine; what it may wait for in vain takes far longer here."""

QUICK_RUNS = several(15, least=5)
"""On each kind of loop."""


@pytest.fixture(params=SOCKET_KINDS, autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    take_loop(request.param, monkeypatch)
    monkeypatch.setattr(loop_thread, "CLOSE_LIMIT", 6 * CLOSES_WITHIN)
    monkeypatch.setattr(sockets, "HANDSHAKE_LIMIT", 3 * CLOSES_WITHIN)
    with nothing_left_over():
        yield request.param


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < CLOSES_WITHIN


def fail(*_: object) -> None:
    raise ZeroDivisionError("inside")


# ---- the end comes at once


@pytest.mark.parametrize("n", [1, 3, 5])
def test_a_cluster_that_just_began_ends_at_once(n: int) -> None:
    h = Harness(n)
    with quickly():
        h.shutdown()


def test_a_cluster_at_work_ends_at_once_and_a_second_time_in_no_time() -> None:
    h = Harness(5)
    elect(h)
    h.submit_many(0, list(range(1000)))
    with quickly():
        h.shutdown()
        h.shutdown()
    assert [str(server.state) for server in h.cluster] == ["Dead"] * 5


def test_a_cluster_ends_in_the_middle_of_an_election() -> None:
    for delay in (0, 1, 3):
        h = Harness(5)
        for id in range(5):
            h.time_out_peer(id)
        h.sleep_ms(delay)
        with quickly():
            h.shutdown()


def test_a_cluster_ends_while_it_is_paused_slow_fast_or_partly_down() -> None:
    for speed in (0.001, 100):
        h = Harness(3)
        h.set_speed(speed)
        h.crash_peer(0)
        h.freeze_peer(1)
        h.disconnect_peer(2)
        h.pause()
        with quickly():
            h.shutdown()


def test_a_node_that_crashes_as_soon_as_it_lives_leaves_nothing() -> None:
    with Harness(3) as h:
        for _ in range(20):
            h.pause()  # so that a restart does not wait
            for id in range(3):
                h.crash_peer(id)
            for id in range(3):
                h.restart_peer(id)
            h.resume()
        elect(h)
        with quickly():
            h.shutdown()


def test_an_error_in_the_block_ends_the_cluster_and_goes_on() -> None:
    with pytest.raises(KeyError, match="mine"), quickly(), Harness(3) as h:
        raise KeyError("mine")
    with pytest.raises(UsageError):
        h.sleep_ms(1)


@pytest.mark.parametrize("wait", ["sleep_ms", "wait_until", "check_single_leader"])
def test_an_interrupt_while_waiting_ends_the_cluster(wait: str) -> None:
    def interrupt() -> None:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    def work() -> None:
        with Harness(3) as h:
            h.set_speed(0.001)
            thread.start()
            match wait:
                case "sleep_ms":
                    h.sleep_ms(60_000)
                case "wait_until":
                    h.wait_until(lambda: False, 60)
                case _:
                    h.check_single_leader()

    thread = threading.Thread(target=interrupt)
    with quickly(), pytest.raises(KeyboardInterrupt):
        work()
    thread.join()


def test_the_cluster_goes_on_after_an_interrupt_that_was_caught() -> None:
    with Harness(3) as h:
        elect(h)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            h.sleep_ms(10_000)
        assert h.submit_to_server(0, "x") == 0
        assert h.wait_until(lambda: all(h.commits))


# ---- what fails inside


def test_a_callback_of_commits_that_fails_is_told_at_the_next_call() -> None:
    h = Harness(3)
    elect(h)
    h.cluster[1].applied.on_commits = fail
    h.submit_to_server(0, "x")
    with pytest.raises(ZeroDivisionError, match="inside"):
        h.sleep_ms(5000)
    with quickly():
        h.shutdown()


def test_a_reader_that_fails_is_told_and_the_cluster_ends_as_ever() -> None:
    h = Harness(3)
    h.stream.attach(fail)
    with pytest.raises(ReaderFailed, match="the reader fail of the cluster's events failed"):
        h.sleep_ms(1000)
    elect(h)
    with quickly():
        h.shutdown()


@pytest.mark.parametrize(
    "act",
    [
        lambda h: h.sleep_ms(1),
        lambda h: h.wait_until(lambda: True),
        lambda h: h.submit_to_server(0, 1),
        lambda h: h.submit_many(0, [1]),
        lambda h: h.check_no_leader(),
        lambda h: h.check_not_committed(1),
        lambda h: h.check_single_leader(),
        lambda h: h.crash_peer(0),
        lambda h: h.pause(),
        lambda h: h.step(),
        lambda h: h.shutdown(),
    ],
)
def test_what_failed_inside_is_raised_by_whichever_call_comes_next(act: Any) -> None:
    h = Harness(3)
    failed = threading.Event()
    h._backend.call_soon(lambda: (failed.set(), fail()))  # type: ignore[arg-type, func-returns-value, return-value]
    assert failed.wait(5)
    assert eventually(lambda: h._backend._kept is not None)  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError, match="inside"):
        act(h)
    with quickly():
        h.shutdown()


def test_what_failed_inside_is_not_lost_when_the_block_ends() -> None:
    with pytest.raises(ZeroDivisionError, match="inside"), Harness(3) as h:
        h._backend.call_soon(fail)


@pytest.mark.parametrize("mine", [KeyError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_failed_inside_is_told_beside_what_failed_outside(mine: BaseException) -> None:
    def work() -> None:
        with Harness(3) as h:
            h._backend.call_soon(fail)
            raise mine

    with pytest.raises((ZeroDivisionError, KeyboardInterrupt, SystemExit)) as caught:
        work()
    if isinstance(mine, KeyError):
        assert caught.type is ZeroDivisionError
        assert caught.value.__context__ is mine
    else:  # an interrupt goes on as one
        assert caught.value is mine
        assert "ZeroDivisionError('inside')" in mine.__notes__[0]


def test_all_nodes_are_dead_after_the_end_even_if_something_failed() -> None:
    h = Harness(3)
    h._backend.call_soon(fail)
    with pytest.raises(ZeroDivisionError):
        h.shutdown()
    assert [str(server.state) for server in h.cluster] == ["Dead"] * 3


def test_no_loop_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> asyncio.AbstractEventLoop:
        raise OSError("no files left")

    monkeypatch.setattr(tcp, "new_loop", none_left)
    with quickly(), pytest.raises(OSError, match="no files left"):
        Harness(3)


def test_a_cluster_that_would_need_too_many_files_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_raise_limit", lambda _: 300)
    with pytest.raises(UsageError, match=r"the system grants this process 300 \(see ulimit -n\)"):
        Harness(25)
    Harness(3).shutdown()


def test_the_limit_of_open_files_is_raised_as_far_as_it_may() -> None:
    done = run_python(
        """
        import resource
        from raftplay.backends import files
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 2000))
        files.reserve(1000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1256, 2000)
        try:
            files.reserve(1000)
        except ValueError as error:
            print(error)
        files.release(1000)
        files.reserve(1000)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "a server needs 1000 open files, and the system grants this process 2000 (see ulimit -n), of which running "
        "servers hold 1000 and 256 are kept for the rest; shut down clusters that are not needed, use fewer nodes, or "
        'use the backend "sim"\n'
    )


def test_files_that_others_hold_are_not_blamed_on_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with Harness(1), monkeypatch.context() as patched:
        patched.setattr(socket, "create_server", none_left)
        with pytest.raises(UsageError, match="too many open files, of which clusters hold at most 1 "):
            Harness(3)
    Harness(3).shutdown()


# ---- after the end


@pytest.mark.parametrize(
    "act",
    [
        lambda h: h.sleep_ms(0),
        lambda h: h.wait_until(lambda: True),
        lambda h: h.submit_to_server(0, 1),
        lambda h: h.submit_many(0, [1]),
        lambda h: h.crash_peer(0),
        lambda h: h.restart_peer(0),
        lambda h: h.disconnect_peer(0),
        lambda h: h.reconnect_peer(0),
        lambda h: h.partition([0], [1, 2]),
        lambda h: h.heal(),
        lambda h: h.cut(0, 1),
        lambda h: h.freeze_peer(0),
        lambda h: h.time_out_peer(0),
        lambda h: h.set_speed(2),
        lambda h: h.pause(),
        lambda h: h.resume(),
        lambda h: h.step(),
        lambda h: h.check_single_leader(),
        lambda h: h.check_no_leader(),
        lambda h: h.check_committed(1),
        lambda h: h.check_committed_n(1, 1),
        lambda h: h.check_not_committed(1),
    ],
)
@pytest.mark.parametrize("backend", ["tcp", "sim"])
def test_nothing_can_be_done_with_a_cluster_that_ended(act: Any, backend: str) -> None:
    h = Harness(3, backend=backend)
    h.shutdown()
    with pytest.raises(UsageError, match="the cluster is shut down"):
        act(h)


def test_what_a_cluster_was_can_still_be_seen_after_its_end() -> None:
    with Harness(3) as h:
        elect(h)
        h.submit_to_server(0, "x")
        assert h.wait_until(lambda: all(h.commits))
        before = h.now
    assert before <= h.now == h.now
    assert [node.commits[0].command for node in h.snapshot().nodes] == ["x"] * 3
    assert [entry.command for entry in h.cluster[0].cm.log] == ["x"]
    assert h.cluster[0].submit("y") == -1


# ---- surroundings


def run_python(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


NOBODY_SHUTS_DOWN = [
    "h = Harness(3); h.check_single_leader()",
    "h = Harness(3)",
    "g = Harness(3); h = Harness(3); h.pause()",
    "h = Harness(3); h.check_single_leader(); raise SystemExit(0)",
    "h = Harness(3); import threading; threading.Thread(target=lambda: h.sleep_ms(100)).start()",
]


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        *(("uvloop", script) for script in NOBODY_SHUTS_DOWN),
        *(("asyncio", script) for script in some(NOBODY_SHUTS_DOWN)),
    ],
    indirect=["kind"],
)
def test_a_cluster_nobody_shut_down_ends_silently_with_its_process(kind: str, script: str) -> None:
    if kind == "asyncio":
        script = (
            f"import asyncio; from raftplay.backends import tcp; tcp.new_loop = asyncio.new_event_loop; {script}"
        )
    done = run_python(f"from raftplay import Harness; {script}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_cluster_works_where_an_event_loop_runs_already() -> None:
    async def cell() -> int:
        with Harness(3) as h:
            elect(h)
            h.submit_to_server(0, "x")
            assert h.wait_until(lambda: all(h.commits))
            await asyncio.sleep(0)
            return h.check_committed("x")[0]

    assert asyncio.run(cell()) == 3


def test_where_uvloop_is_absent_plain_asyncio_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def absent(name: str, *args: Any, **more: Any) -> Any:
        if name == "uvloop":
            raise ImportError(name)
        return imported(name, *args, **more)

    monkeypatch.undo()
    monkeypatch.setattr(builtins, "__import__", absent)
    with Harness(3) as h:
        assert type(h._backend.loop).__module__.startswith("asyncio")  # type: ignore[attr-defined]
        elect(h)


def test_twenty_clusters_at_once_do_not_see_each_other() -> None:
    with contextlib.ExitStack() as stack:
        clusters = [stack.enter_context(Harness(3)) for _ in range(20)]
        addresses = {server.listen_addr for h in clusters for server in h.cluster}
        assert len(addresses) == 60
        for h in clusters:
            elect(h)
        for number, h in enumerate(clusters):
            assert h.submit_to_server(h.check_single_leader()[0], number) == 0
        for number, h in enumerate(clusters):
            assert h.wait_until(lambda h=h: all(h.commits), 10)  # type: ignore[misc]
            assert [[entry.command for entry in commits] for commits in h.commits] == [[number]] * 3
        with quickly():
            stack.close()


def test_clusters_may_be_made_and_driven_from_many_threads() -> None:
    def work(number: int) -> int:
        with Harness(3) as h:
            elect(h)
            h.submit_to_server(0, number)
            assert h.wait_until(lambda: all(h.commits), 10)
            return h.check_committed(number)[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [3] * 16


def test_one_cluster_may_be_driven_from_many_threads() -> None:
    with Harness(3) as h:
        elect(h)

        def committed(command: object) -> bool:
            return command in [entry.command for entry in h.commits[0]]

        def work(number: int) -> None:
            for i in range(20):
                assert h.submit_to_server(0, [number, i]) >= 0
                h.snapshot()
                assert h.now >= 0
                assert h.wait_until(partial(committed, [number, i]), 10)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert h.wait_until(lambda: all(len(commits) == 120 for commits in h.commits))


def test_a_cluster_may_be_shut_down_from_inside_itself() -> None:
    h = Harness(3)
    h._backend.call_soon(h.shutdown)
    with pytest.raises(UsageError, match="the cluster is shut down"):
        h.sleep_ms(10_000)


def test_run_after_run_elects_and_leaves_nothing() -> None:
    before = open_files()
    for _ in range(QUICK_RUNS):
        with Harness(3) as h:
            _, term = h.check_single_leader()
            assert term >= 1
        assert open_files() <= before
    assert threading.active_count() <= 2
