"""The floor: asyncio endpoints on 127.0.0.1, two per peer, that exchange a cluster's bytes on one event loop.

They do not parse these bytes, and have a connection to each peer, as a leader does. Any time that a similar
cluster takes beyond that is its own cost.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self, TypeVar, cast

from raftplay.backends import wire
from raftplay.backends.loop_thread import new_loop
from raftplay.bench.figures import BenchStep, Figure, Measured, Options, median
from raftplay.raft.messages import AppendEntriesArgs, AppendEntriesReply, LogEntry
from raftplay.raft.progress import MAX_CALL_ENTRIES

T = TypeVar("T")

NODES = 3
COUNT = 2_000
"""The number of round trips of a single request."""

FIRST = 1_000_000
"""The first command: an integer too large for Python's cache of small ones."""

REPLY = wire.encode(wire.Answered(100_000, AppendEntriesReply(1, True)))
"""The frame of a response to AppendEntries."""


def call_with(commands: Iterable[object], first: int = 100_000) -> bytes:
    """Return the frame of an AppendEntries request with these commands, as a long log sends it."""
    entries = tuple(LogEntry(command, 1) for command in commands)
    return wire.encode(wire.Call(first, AppendEntriesArgs(1, 0, first - 1, 1, entries, first - 1)))


def calls_with(count: int) -> list[bytes]:
    """Return the frames that bring `count` small commands to one peer."""
    starts = range(0, count, MAX_CALL_ENTRIES)
    return [call_with(range(start, min(start + MAX_CALL_ENTRIES, count))) for start in starts]


def calls_of_a_commit(nodes: int) -> list[bytes]:
    """Return a leader's frames for one of many commands: its entry to each peer, and the last commit index."""
    return [call_with([FIRST])] * (nodes - 1)


class Floor:
    """Pairs of connected endpoints, one per peer: one end sends requests, the other responds. A context manager.

    The event loop is of the same kind as a cluster's, unless `make_loop` makes another.
    """

    def __init__(self, peers: int, make_loop: Callable[[], asyncio.AbstractEventLoop] = new_loop) -> None:
        self._loop = make_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raftplay-floor", daemon=True)
        self._thread.start()
        self._pairs = [self._run(_connected()) for _ in range(peers)]

    def inside(self, calls: list[bytes], count: int) -> list[float]:
        """Return the seconds until all `calls` are answered, for each of `count` rounds, one after the other."""
        return self._run(self._repeat(calls, count))

    def from_outside(self, calls: list[bytes], count: int) -> list[float]:
        """Measure as `inside`, but from another thread, which sleeps until the last response."""
        arrived = threading.Event()
        times = []
        for _ in range(count):
            arrived.clear()
            start = time.perf_counter()
            self._loop.call_soon_threadsafe(self._pass, calls, arrived.set)
            arrived.wait()
            times.append(time.perf_counter() - start)
        return times

    def cpu_of_heartbeats(self, every: float, seconds: float) -> float:
        """Return the CPU seconds of empty requests to all peers, and responses, sent at the interval `every`."""
        return self._run(self._heartbeats([call_with(())] * len(self._pairs), every, seconds))

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._run(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, coroutine: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _pass(self, calls: list[bytes], done: Callable[[], object]) -> None:
        """Send `calls` to the peers in turn; call `done` when all are answered."""
        pairs = self._pairs[: len(calls)]
        missing = len(pairs)

        def answered() -> None:
            nonlocal missing
            missing -= 1
            if missing == 0:
                done()

        for at, pair in enumerate(pairs):
            pair.pass_calls(calls[at :: len(pairs)], answered)

    async def _repeat(self, calls: list[bytes], count: int) -> list[float]:
        ended = self._loop.create_future()
        times: list[float] = []
        start = time.perf_counter()

        def go_on() -> None:
            nonlocal start
            now = time.perf_counter()
            times.append(now - start)
            if len(times) == count:
                ended.set_result(None)
                return
            start = now
            self._loop.call_soon(self._pass, calls, go_on)

        self._pass(calls, go_on)
        await ended
        return times

    async def _heartbeats(self, calls: list[bytes], every: float, seconds: float) -> float:
        start, until = time.process_time(), time.monotonic() + seconds
        while time.monotonic() < until:
            self._pass(calls, lambda: None)
            await asyncio.sleep(every)
        return time.process_time() - start

    async def _disconnect(self) -> None:
        for pair in self._pairs:
            await pair.disconnect()
        await asyncio.sleep(0)  # aborted transports close in the next turn of the loop


async def _connected() -> "EndpointPair":
    loop = asyncio.get_running_loop()
    answerer = Answerer()
    server = await loop.create_server(lambda: answerer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    _, caller = await loop.create_connection(Caller, host, port)
    await answerer.connected.wait()
    return EndpointPair(server, caller, answerer)


class EndpointPair(NamedTuple):
    """Two connected endpoints, and the server that accepted the second."""

    server: asyncio.Server
    caller: "Caller"
    answerer: "Answerer"

    def pass_calls(self, calls: list[bytes], answered: Callable[[], None]) -> None:
        """Send these requests; call `answered` when all are answered."""
        self.answerer.expect(calls)
        self.caller.send(calls, answered)

    async def disconnect(self) -> None:
        """Close everything."""
        self.caller.transport.abort()
        self.answerer.transport.abort()
        self.server.close()
        await self.server.wait_closed()


class FloorEndpoint(asyncio.Protocol):
    """The common part of both ends."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)


class Caller(FloorEndpoint):
    """The end that sends requests."""

    def __init__(self) -> None:
        super().__init__()
        self._missing = 0
        self._answered: Callable[[], None] = lambda: None

    def send(self, calls: list[bytes], answered: Callable[[], None]) -> None:
        """Send these requests; call `answered` when all are answered."""
        self._missing, self._answered = len(calls) * len(REPLY), answered
        for call in calls:
            self.transport.write(call)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of responses."""
        self._missing -= len(data)
        if self._missing == 0:
            self._answered()


class Answerer(FloorEndpoint):
    """The end that responds."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = asyncio.Event()
        self._sizes: deque[int] = deque()
        self._got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report the connection."""
        super().connection_made(transport)
        self.connected.set()

    def expect(self, calls: list[bytes]) -> None:
        """Expect these requests; respond to each with `REPLY` when it has arrived."""
        self._sizes.extend(map(len, calls))

    def data_received(self, data: bytes) -> None:
        """Respond to complete requests."""
        self._got += len(data)
        while self._sizes and self._got >= self._sizes[0]:
            self._got -= self._sizes.popleft()
            self.transport.write(REPLY)


def steps(options: Options) -> list[BenchStep]:
    """Return the step that measures the floor itself."""
    measure = partial(_measure, options.of(NODES), options.times(COUNT))
    return [BenchStep("the floor", 2.0, measure)]


def _measure(nodes: int, count: int) -> list[Measured]:
    loops = {"": new_loop, ", asyncio's loop": asyncio.new_event_loop}
    call, commit, batch = [call_with([FIRST])], calls_of_a_commit(nodes), calls_with(MAX_CALL_ENTRIES)
    found: list[Measured] = []
    for words, make_loop in loops.items():
        with Floor(max(nodes - 1, 1), make_loop) as floor:
            found += [
                _microseconds(f"a call and its reply{words}, p50", floor.inside(call, count)),
                _microseconds(f"asked for by another thread{words}, p50", floor.from_outside(call, count)),
                Figure(
                    "floor",
                    f"{MAX_CALL_ENTRIES:,} commands in one call{words}",
                    MAX_CALL_ENTRIES / min(floor.inside(batch, 50)),
                    "commands/s",
                ),
            ]
            if commit:
                what = f"all messages of one commit{words}, p50"
                found.append(_microseconds(what, floor.inside(commit, count)))
    return found


def _microseconds(what: str, times: list[float]) -> Figure:
    return Figure("floor", what, median(times) * 1e6, "µs")
