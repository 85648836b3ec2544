"""What the tests of the backends share: three kinds of backend, someone who listens, what may not be left.

The third kind is the TCP backend on plain asyncio, as it runs where uvloop does not install.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from raftplay import Harness
from raftplay.backends import tcp
from raftplay.backends.base import Backend, SendReply
from raftplay.backends.sim import SimBackend
from raftplay.raft.messages import Args, Reply, RequestVoteArgs, RequestVoteReply

KINDS = ("sim", "uvloop", "asyncio")
SOCKET_KINDS = ("uvloop", "asyncio")

PATIENCE = 10.0
"""Seconds of wall time after which what should have happened is taken not to happen."""


def backend_of(kind: str, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A running backend of this kind."""
    if kind == "sim":
        return SimBackend()
    take_loop(kind, monkeypatch)
    return tcp.TcpBackend()


def take_loop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TCP backends made from now on run on plain asyncio, if that is the kind."""
    if kind == "asyncio":
        monkeypatch.setattr(tcp, "new_loop", asyncio.new_event_loop)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether `holds` comes true within so many seconds of wall time."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.001)
    return True


def open_files() -> set[str]:
    """What this process has open."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{fd} {os.readlink(f'/proc/self/fd/{fd}')}")
        except FileNotFoundError:
            continue  # the directory itself, gone again
    return found


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """What is open and what runs afterwards is what was before."""
    _open_what_stays_open()
    files, threads = open_files(), set(threading.enumerate())
    yield
    assert eventually(lambda: set(threading.enumerate()) <= threads), threading.enumerate()
    assert eventually(lambda: open_files() <= files), open_files() - files


@cache
def _open_what_stays_open() -> None:
    """libuv opens a pipe for signals once in a process."""
    tcp.new_loop().close()


class Recorder:
    """A receiver that writes down what arrives, and answers calls at once unless `holds` is set."""

    def __init__(self, backend: Backend, peer_ids: tuple[int, ...] = (0, 1, 2)) -> None:
        self.backend = backend
        self.peer_ids = peer_ids
        self.holds = False
        self.calls: list[tuple[int, int, Args]] = []
        self.answers: list[SendReply] = []
        self.replies: list[tuple[int, int, Reply]] = []

    def call_arrived(self, peer_id: int, call_id: int, args: Args, answer: SendReply) -> None:
        self.calls.append((peer_id, call_id, args))
        if self.holds:
            self.answers.append(answer)
        else:
            answer(vote(args.term))
        self.backend.changed()

    def reply_arrived(self, peer_id: int, call_id: int, reply: Reply) -> None:
        self.replies.append((peer_id, call_id, reply))
        self.backend.changed()


def ask(term: int, candidate_id: int = 0) -> RequestVoteArgs:
    """A call by which its term tells it apart."""
    return RequestVoteArgs(term, candidate_id, -1, -1)


def vote(term: int) -> RequestVoteReply:
    """A reply by which its term tells it apart."""
    return RequestVoteReply(term, True)


def elect(h: Harness, id: int = 0) -> None:
    """Let node `id` lead all others, without waiting for a timer; again, if another one comes in between."""
    for _ in range(10):
        h.time_out_peer(id)
        if h.wait_until(lambda: all(server.cm.leader_id == id for server in h.cluster), 0.5):
            return
    raise AssertionError(f"node {id} does not win\n{h.snapshot()}")
