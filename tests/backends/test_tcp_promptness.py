"""Over real sockets, what leaves a node is on its way at once, and no call is sent that could be spared."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from support.backends import SOCKET_KINDS, backend_of, elect, eventually, nothing_left_over, take_loop

from raftplay import Config, Harness
from raftplay.backends import waits
from raftplay.backends.tcp import TcpBackend
from raftplay.cluster.server import Server
from raftplay.raft import decisions
from raftplay.raft.messages import AppendEntriesArgs, CommitEntry
from raftplay.watch import facts

LONG = 20.0
"""Seconds that no test here would wait in vain."""

QUICKLY = 5.0
"""Seconds in which what does not wait for anything surely happens."""

COMMANDS = 200


@pytest.fixture(params=SOCKET_KINDS, autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    take_loop(request.param, monkeypatch)
    with nothing_left_over():
        yield request.param


@pytest.fixture
def backend(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TcpBackend]:
    backend = backend_of(kind, monkeypatch)
    assert isinstance(backend, TcpBackend)
    yield backend
    backend.close()


def test_no_byte_waits_for_the_one_before_it_to_be_acknowledged() -> None:
    with Harness(3) as h:
        elect(h)
        ends = [end for server in h.cluster for end in server._endpoint.connections]
        assert len(ends) == 12  # one to each peer, one from each, at three nodes
        sockets = [end.transport.get_extra_info("socket") for end in ends]
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)


class Calls:
    """Counts the leader's AppendEntries: those that a heartbeat asks for, and others without entries."""

    def __init__(self) -> None:
        self.empty = 0
        self.heartbeats = 0

    def __call__(self, record: facts.Record) -> None:
        match record.event:
            case facts.CallSent(args=AppendEntriesArgs(entries=())):
                self.empty += 1
            case decisions.HeartbeatDue():
                self.heartbeats += 1


def test_word_of_a_commit_shares_the_call_of_the_command_that_comes_next() -> None:
    calls = Calls()
    with Harness(3, config=Config(delay_min=0.0, delay_max=0.0), readers=[calls]) as h:
        elect(h)
        server, done = h.cluster[0], threading.Event()
        calls.empty = calls.heartbeats = 0
        _submit_one_after_the_other(h, server, done)
        assert done.wait(LONG)
        assert h.wait_until(lambda: all(len(commits) == COMMANDS for commits in h.commits))
    # besides heartbeats, word of the last commit alone comes without an entry
    assert calls.empty <= 2 * (calls.heartbeats + 1)


def _submit_one_after_the_other(h: Harness, server: Server, done: threading.Event) -> None:
    """Inside: each command is submitted as soon as the one before is committed."""

    def committed(_: list[CommitEntry]) -> None:
        if len(h.commits[0]) < COMMANDS:
            server._backend.call_soon(partial(server.submit, len(h.commits[0])))
        else:
            done.set()

    server.applied.on_commits = committed
    server.submit(0)


def test_followers_hear_of_a_commit_although_nobody_submits_again() -> None:
    with Harness(3) as h:
        elect(h)
        h.submit_to_server(0, 1)
        assert h.wait_until(lambda: bool(h.commits[0]))
        assert eventually(lambda: all(h.commits))  # without another wait, which would let the cluster go on


# ---- room for those whose wait is over


def let_go(backend: TcpBackend, then: Callable[[], None]) -> list[bool]:
    """Inside, soon: end the wait of whoever waits for the list that this gives; then something comes after waits."""
    held: list[bool] = []

    def inside() -> None:
        held.append(True)
        backend.changed()
        backend.call_after_waits(then)

    threading.Timer(0.01, lambda: backend.call_soon(inside)).start()
    return held


def test_who_waits_no_longer_may_act_before_the_cluster_goes_on(
    backend: TcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "ROOM", LONG)
    order: list[str] = []

    def go_on() -> None:
        order.append("went on")
        backend.changed()

    held = let_go(backend, go_on)
    assert backend.wait_until(lambda: bool(held), QUICKLY)
    time.sleep(0.05)
    order.append("acted")
    assert backend.wait_until(lambda: len(order) == 2, QUICKLY)
    assert order == ["acted", "went on"]


def test_what_is_done_inside_does_not_wait_for_the_room_to_end(
    backend: TcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "ROOM", LONG)
    held = let_go(backend, lambda: None)
    assert backend.wait_until(lambda: bool(held), QUICKLY)
    start = time.monotonic()
    backend.run(lambda: None)
    assert time.monotonic() - start < QUICKLY


def test_a_command_that_is_submitted_then_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "ROOM", LONG)
    with Harness(3) as h:
        elect(h)
        for command in range(20):
            h.submit_to_server(0, command)
            assert h.wait_until(lambda command=command: len(h.commits[0]) > command)
        h.submit_to_server(0, "last")
        assert eventually(lambda: len(h.commits[1]) == 21)  # nothing else is asked of the cluster meanwhile


def test_the_cluster_goes_on_although_nobody_waits_again(backend: TcpBackend) -> None:
    order: list[str] = []
    held = let_go(backend, lambda: order.append("went on"))
    assert backend.wait_until(lambda: bool(held), QUICKLY)
    assert eventually(lambda: order == ["went on"])


def test_where_no_wait_is_over_nothing_is_waited_for(backend: TcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "ROOM", LONG)
    order: list[str] = []

    def go_on() -> None:
        order.append("went on")
        backend.changed()

    let_go(backend, go_on)
    assert backend.wait_until(lambda: bool(order), QUICKLY)


def test_many_may_wait_and_act_at_once(backend: TcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "ROOM", 0.001)
    count: list[int] = []

    def add() -> None:
        count.append(1)
        backend.changed()
        backend.call_after_waits(lambda: None)

    def client() -> None:
        for _ in range(50):
            wanted = len(count) + 1
            backend.call_soon(add)
            assert backend.wait_until(lambda wanted=wanted: len(count) >= wanted, LONG)

    threads = [threading.Thread(target=client) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)
    assert eventually(lambda: len(count) == 300)
