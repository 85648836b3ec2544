"""The smallest cluster: one permanent leader, typed messages over sockets, and counted entries.

It has no storage, elections, timers, faults, locks or watchers. It lies between the floor, which does not parse
messages, and a cluster: it shows what any Raft in Python must pay for its messages alone.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from raftplay.backends import wire
from raftplay.bench.floor import FIRST
from raftplay.raft.messages import NONE, AppendEntriesArgs, AppendEntriesReply, Entry, LogEntry

TERM = 1
T = TypeVar("T")


def commit_one_by_one(nodes: int, count: int, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> list[float]:
    """Return the seconds that each of `count` commands takes, submitted one after another."""
    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(_commit_one_by_one(nodes, count))


async def _commit_one_by_one(nodes: int, count: int) -> list[float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    start = 0.0
    ended = loop.create_future()

    def submit() -> None:
        nonlocal start
        start = time.perf_counter()
        leader.submit(FIRST + len(times))

    def committed() -> None:
        times.append(time.perf_counter() - start)
        if len(times) < count:
            loop.call_soon(submit)
        else:
            ended.set_result(None)

    leader = Leader(nodes - 1, committed)
    servers = [await loop.create_server(Follower, "127.0.0.1", 0) for _ in leader.peers]
    for peer, server in zip(leader.peers, servers, strict=True):
        await loop.create_connection(partial(_as_it_is, peer), *server.sockets[0].getsockname()[:2])
    submit()
    await ended
    for peer in leader.peers:
        peer.transport.abort()
    for server in servers:
        server.close()
        await server.wait_closed()
    return times


def _as_it_is(value: T) -> T:
    return value


class BareEndpoint(asyncio.Protocol):
    """One end of a connection, which receives frames."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._reader = wire.FrameReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take complete frames."""
        for frame in self._reader.feed(data):
            self.take(frame)

    def take(self, frame: wire.Frame) -> None:
        """Handle one frame."""


class Follower(BareEndpoint):
    """Appends entries."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Entry] = []
        self.commit_index = NONE

    def take(self, frame: wire.Frame) -> None:
        """Respond to an AppendEntries request."""
        assert isinstance(frame, wire.Call)
        assert isinstance(frame.args, AppendEntriesArgs)
        args = frame.args
        fits = args.prev_log_index == len(self.log) - 1
        if fits:
            self.log.extend(args.entries)
            self.commit_index = min(args.leader_commit, len(self.log) - 1)
        self.transport.write(wire.encode(wire.Answered(frame.id, AppendEntriesReply(TERM, fits))))


class Peer(BareEndpoint):
    """The leader's end: it sends entries, and counts them when the response arrives."""

    def __init__(self, leader: "Leader") -> None:
        super().__init__()
        self.match_index = NONE
        self._leader = leader
        self._next_index = 0
        self._calls: dict[int, int] = {}

    def append(self) -> None:
        """Send all entries that were not sent yet."""
        leader, start = self._leader, self._next_index
        entries = tuple(leader.log[start:])
        args = AppendEntriesArgs(TERM, 0, start - 1, TERM if start else NONE, entries, leader.commit_index)
        self._next_index = start + len(entries)
        call_id = self._next_index
        self._calls[call_id] = self._next_index - 1
        self.transport.write(wire.encode(wire.Call(call_id, args)))

    def take(self, frame: wire.Frame) -> None:
        """Handle a response."""
        assert isinstance(frame, wire.Answered)
        self.match_index = self._calls.pop(frame.id)
        self._leader.count()


class Leader:
    """Sends each command to all peers, and calls `committed` when a majority has it."""

    def __init__(self, peers: int, committed: Callable[[], None]) -> None:
        self.log: list[Entry] = []
        self.commit_index = NONE
        self.peers = [Peer(self) for _ in range(peers)]
        self._committed = committed
        self._needed = (peers + 1) // 2

    def submit(self, command: object) -> None:
        """Append `command`, and send it to all peers."""
        self.log.append(LogEntry(command, TERM))
        for peer in self.peers:
            peer.append()
        self.count()

    def count(self) -> None:
        """Commit the entries that a majority has, this node included."""
        matches = sorted([len(self.log) - 1, *(peer.match_index for peer in self.peers)])
        index = matches[-1 - self._needed]
        if index > self.commit_index:
            self.commit_index = index
            self._committed()
