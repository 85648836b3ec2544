"""The floor: two asyncio endpoints on 127.0.0.1, in one process and on one loop, that pass the bytes of a cluster.

They read nothing out of these bytes. Whatever a cluster of the same kind takes beyond that is its own.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from raftplay.backends import wire
from raftplay.backends.tcp import new_loop
from raftplay.bench.figures import Figure, Options, Step
from raftplay.explore.sweep import percentile
from raftplay.raft.consensus import MAX_CALL_ENTRIES
from raftplay.raft.messages import AppendEntriesArgs, AppendEntriesReply, LogEntry

T = TypeVar("T")

ROUND_TRIPS = 5_000
"""How often a single call goes there and back."""

REPLY = wire.encode(wire.Answered(100_000, AppendEntriesReply(1, True)))
"""The frame that answers an AppendEntries."""


def call_with(commands: Iterable[object], first: int = 100_000) -> bytes:
    """The frame of an AppendEntries that brings these commands, as a log of some length sends it."""
    entries = tuple(LogEntry(command, 1) for command in commands)
    return wire.encode(wire.Call(first, AppendEntriesArgs(1, 0, first - 1, 1, entries, first - 1)))


def calls_with(count: int) -> list[bytes]:
    """The frames that bring `count` small commands to one peer."""
    starts = range(0, count, MAX_CALL_ENTRIES)
    return [call_with(range(start, min(start + MAX_CALL_ENTRIES, count))) for start in starts]


class Floor:
    """The two endpoints, connected; a context manager. One of them sends calls, the other answers them."""

    def __init__(self) -> None:
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raftplay-floor", daemon=True)
        self._thread.start()
        self._server, self._caller, self._answerer = self._run(_connected())

    def round_trips(self, call: bytes, reply: bytes, count: int) -> list[float]:
        """How many seconds each of `count` calls took, each sent as the answer to the one before arrived."""
        return self._run(self._round_trips(call, reply, count))

    def asked_from_outside(self, call: bytes, reply: bytes, count: int) -> list[float]:
        """The same, but each call is asked for by another thread, which sleeps until the answer is there."""
        self._answerer.expect([call], reply)
        arrived = threading.Event()
        self._caller.on_reply(len(reply), arrived.set)
        times = []
        for _ in range(count):
            arrived.clear()
            start = time.perf_counter()
            self._loop.call_soon_threadsafe(self._caller.send, call)
            arrived.wait()
            times.append(time.perf_counter() - start)
        return times

    def pass_all(self, calls: list[bytes], reply: bytes) -> float:
        """Seconds until all of `calls`, sent at once, are answered."""
        return self._run(self._pass_all(calls, reply))

    def cpu_of_heartbeats(self, call: bytes, reply: bytes, peers: int, every: float, seconds: float) -> float:
        """Seconds of CPU that `peers` calls take, answered, `every` so many seconds, for `seconds`."""
        return self._run(self._heartbeats(call, reply, peers, every, seconds))

    def close(self) -> None:
        """End the loop and its thread."""
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

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _round_trips(self, call: bytes, reply: bytes, count: int) -> list[float]:
        done = self._loop.create_future()
        times: list[float] = []
        start = 0.0

        def go_on() -> None:
            nonlocal start
            now = time.perf_counter()
            times.append(now - start)
            if len(times) == count:
                done.set_result(None)
                return
            start = time.perf_counter()
            self._caller.send(call)

        self._answerer.expect([call], reply)
        self._caller.on_reply(len(reply), go_on)
        start = time.perf_counter()
        self._caller.send(call)
        await done
        return times

    async def _pass_all(self, calls: list[bytes], reply: bytes) -> float:
        done = self._loop.create_future()
        self._answerer.expect(calls, reply)
        self._caller.on_reply(len(reply) * len(calls), lambda: done.set_result(None))
        start = time.perf_counter()
        for call in calls:
            self._caller.send(call)
        await done
        return time.perf_counter() - start

    async def _heartbeats(self, call: bytes, reply: bytes, peers: int, every: float, seconds: float) -> float:
        self._answerer.expect([call], reply)
        self._caller.on_reply(len(reply), lambda: None)
        start, until = time.process_time(), time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(peers):
                self._caller.send(call)
            await asyncio.sleep(every)
        return time.process_time() - start

    async def _disconnect(self) -> None:
        self._caller.transport.abort()
        self._answerer.transport.abort()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.sleep(0)  # what was aborted is gone by the next turn of the loop


async def _connected() -> "tuple[asyncio.Server, Caller, Answerer]":
    loop = asyncio.get_running_loop()
    answerer = Answerer()
    server = await loop.create_server(lambda: answerer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    _, caller = await loop.create_connection(Caller, host, port)
    await answerer.connected.wait()
    return server, caller, answerer


class Caller(asyncio.Protocol):
    """The end that sends calls."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._size = 1
        self._got = 0
        self._go_on: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.transport = cast(asyncio.Transport, transport)

    def on_reply(self, size: int, go_on: Callable[[], None]) -> None:
        """Call `go_on` whenever `size` more bytes arrived."""
        self._size, self._got, self._go_on = size, 0, go_on

    def send(self, call: bytes) -> None:
        """Let a call leave."""
        self.transport.write(call)

    def data_received(self, data: bytes) -> None:
        """Bytes of replies."""
        self._got += len(data)
        while self._got >= self._size:
            self._got -= self._size
            self._go_on()


class Answerer(asyncio.Protocol):
    """The end that answers calls."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.connected = asyncio.Event()
        self._sizes = [1]
        self._reply = b""
        self._got = self._at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.transport = cast(asyncio.Transport, transport)
        self.connected.set()

    def expect(self, calls: list[bytes], reply: bytes) -> None:
        """From now on these calls arrive, over and over; each is answered with `reply`."""
        self._sizes, self._reply, self._got, self._at = [len(call) for call in calls], reply, 0, 0

    def data_received(self, data: bytes) -> None:
        """Bytes of calls."""
        self._got += len(data)
        while self._got >= self._sizes[self._at]:
            self._got -= self._sizes[self._at]
            self._at = (self._at + 1) % len(self._sizes)
            self.transport.write(self._reply)


def steps(options: Options) -> list[Step]:
    """The floor itself, as figures."""
    return [Step("round trips of the floor", 1.0, lambda: _measure(options.times(ROUND_TRIPS)))]


def _measure(count: int) -> list[Figure]:
    call = call_with([1_000_000])
    with Floor() as floor:
        inside = floor.round_trips(call, REPLY, count)
        outside = floor.asked_from_outside(call, REPLY, count)
        batch = calls_with(MAX_CALL_ENTRIES)
        passed = min(floor.pass_all(batch, REPLY) for _ in range(10))
    figures = []
    for what, times in (("on one loop", inside), ("asked for by another thread", outside)):
        figures += [
            Figure("floor", f"a round trip {what}, p{share}", percentile(times, share / 100) * 1e6, "µs")
            for share in (50, 99)
        ]
    what = f"{MAX_CALL_ENTRIES:,} small commands in one call, there and answered"
    return [*figures, Figure("floor", what, MAX_CALL_ENTRIES / passed, "commands/s")]
