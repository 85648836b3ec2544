"""The listeners and connections of the TCP backend.

A node sends requests to a peer over a connection that the node opened, and the replies come back over it. No
frame is read from a connection before both ends have proven that they know the cluster's secret. An invalid
frame closes only its connection.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Protocol, TypeVarTuple, cast

from raftplay.backends import files, wire
from raftplay.backends.base import CallFailed, Handle, Receiver
from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply

Ts = TypeVarTuple("Ts")

HANDSHAKE_LIMIT = 2.0
"""The time within which a connection must prove itself, in seconds of wall time."""

MAX_STRANGERS = 64
"""The number of unproven connections at one node; one more closes the oldest of them."""

MAX_UNSENT_BYTES = 32 << 20
"""The number of unsent bytes for a peer that does not read; above it, requests to it fail."""

MAX_QUEUED_CALLS = 256
"""The number of requests that wait for a connection that is being opened; further ones fail."""

REDIAL_DELAY = 0.1
"""The time until a broken connection is opened again, in seconds of wall time."""

BACKLOG = 128
"""The number of connections that may wait at a listener."""


class Host(Protocol):
    """The part of the TCP backend that an endpoint uses."""

    secret: bytes
    buffer: memoryview
    """The buffer into which the loop reads, for all connections."""

    challenges: "dict[bytes, Accepted]"
    """The accepted connections that are not proven yet, by the challenge that they sent."""

    opening: "dict[Dialed, float]"
    """The connections that requests wait for, and since when, by the wall clock."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the cluster's event loop."""

    def guard(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Run `function` under the lock, and keep its failure."""

    def spawn(self, coroutine: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run `coroutine` as a task."""

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Handle:
        """Call `function` inside, `delay` seconds of cluster time from now."""


class TcpEndpoint:
    """The network side of one server on real sockets."""

    def __init__(self, host: Host, node_id: int, receiver: Receiver) -> None:
        self.host = host
        self.node_id = node_id
        self.receiver = receiver
        self.closed = False
        self.connections: set[Connection] = set()
        self._dialed: dict[int, Dialed] = {}
        self._strangers: dict[Accepted, None] = {}
        self._files = 1 + 2 * len(receiver.peer_ids)  # a connection to each peer, and one from each
        files.reserve(self._files)
        try:
            self._socket = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        except BaseException as error:
            files.release(self._files)
            if isinstance(error, OSError) and error.errno in files.NONE_LEFT:
                raise UsageError(files.none_left_text()) from None
            raise
        self._socket.setblocking(False)
        name = self._socket.getsockname()
        self.listen_addr: tuple[str, int] = (name[0], name[1])
        self._listen()

    def connect(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Begin to open a connection to `peer_id`; requests wait until it is open."""
        self.disconnect(peer_id)
        if not self.closed:
            self._dial(Dialed(self, peer_id, addr))

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`."""
        dialed = self._dialed.pop(peer_id, None)
        if dialed is not None:
            dialed.give_up()

    def is_connected(self, peer_id: int) -> bool:
        """Tell whether a connection to `peer_id` is wanted; a broken one is opened again and again."""
        return peer_id in self._dialed

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Send a request over the connection to `peer_id`. Raises `CallFailed` when it cannot be sent."""
        dialed = self._dialed.get(peer_id)
        if dialed is None:
            raise CallFailed(f"node {self.node_id} is not connected to node {peer_id}")
        dialed.send(wire.encode(wire.Call(call_id, args)))

    def close(self) -> None:
        """Close the listener and every connection; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        files.release(self._files)
        for peer_id in list(self._dialed):
            self.disconnect(peer_id)
        for connection in list(self.connections):
            connection.abort()
        self.host.loop.remove_reader(self._socket)
        self._socket.close()

    @property
    def draining(self) -> bool:
        """Tell whether connections that were closed still exist."""
        return bool(self.connections)

    @property
    def quiet(self) -> bool:
        """Tell whether all that was sent over its connections has been read, and none is being opened."""
        return all(connection.is_idle for connection in self.connections) and not any(
            dialed.is_opening for dialed in self._dialed.values()
        )

    def redial(self, broken: "Dialed") -> None:
        """Open a broken connection again, if it is still wanted."""
        if broken.wanted and not self.closed:
            self._dial(Dialed(self, broken.peer_id, broken.addr, again=True))

    def admit(self, stranger: "Accepted") -> None:
        """Allow `stranger` to prove itself; above `MAX_STRANGERS`, close the oldest unproven connection."""
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort()
        self._strangers[stranger] = None

    def forget(self, stranger: "Accepted") -> None:
        """Remove `stranger`: it has proven itself, or is closed."""
        self._strangers.pop(stranger, None)

    def _dial(self, dialed: "Dialed") -> None:
        self._dialed[dialed.peer_id] = dialed
        dialed.task = self.host.spawn(dialed.dial())

    # asyncio's server is not used: it loses a connection that arrives while it closes.

    def _listen(self) -> None:
        if not self.closed:
            self.host.loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        """Accept the connections that wait at the listener."""
        for _ in range(BACKLOG):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # too many open files: try again later
                self.host.loop.remove_reader(self._socket)
                self.host.loop.call_later(REDIAL_DELAY, self._listen)
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio's server does
            self.host.spawn(self._welcome(accepted))

    async def _welcome(self, accepted: socket.socket) -> None:
        try:
            await self.host.loop.connect_accepted_socket(lambda: Accepted(self), accepted)
        except OSError:  # closed already
            accepted.close()


class Connection(asyncio.BufferedProtocol):
    """The common part of both directions: it reads a handshake of known length, then frames.

    `other` is the other end, once both are proven, if it belongs to this cluster. `written` and `received` count
    the bytes that this end wrote and read.
    """

    def __init__(self, endpoint: TcpEndpoint) -> None:
        self.endpoint = endpoint
        self._host = endpoint.host
        self._buffer = endpoint.host.buffer
        self.transport: asyncio.Transport | None = None
        self.proven = False
        self.other: Connection | None = None
        self.written = 0
        self.received = 0
        self._received = bytearray()
        self._reader = wire.FrameReader()
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Handle the opened connection: it must prove itself in time."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transport has the same methods
        self.endpoint.connections.add(self)
        if self.endpoint.closed:
            self.abort()
            return
        self._limit = self._host.loop.call_later(HANDSHAKE_LIMIT, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the closed connection."""
        self.endpoint.connections.discard(self)
        self._end_limit()
        self.transport = None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer for the next bytes: the loop asks when some arrived, and reports them at once."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Handle arrived bytes under the cluster's lock."""
        self.received += nbytes
        self._host.guard(self._judge, bytes(self._buffer[:nbytes]))

    def abort(self) -> None:
        """Close at once; unsent bytes are lost."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Tell whether its handshake is over, and the other end has read all that was written here.

        When one end is closed, the other has read all once it is closed too.
        """
        if self.transport is None:
            return True
        if self.transport.is_closing() or not self.proven:
            return False
        other = self.other
        return other is None or (other.transport is not None and other.received == self.written)

    def write(self, data: bytes) -> bool:
        """Send `data` unless the other end has stopped reading; return whether it was sent."""
        transport = self.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        transport.write(data)
        self.written += len(data)
        return True

    def _judge(self, data: bytes) -> None:
        if self.endpoint.closed:
            return
        try:
            if not self.proven:
                self._received += data
                data = self._shake_hands()
            if self.proven and data:
                for frame in self._reader.feed(data):
                    self._take(frame)
        except wire.BadFrame:
            self.abort()

    def _shake_hands(self) -> bytes:
        """Continue the handshake; return the bytes after it, once it is done. Raises `BadFrame`."""
        raise AssertionError("each direction overrides this")

    def _take(self, frame: wire.Frame) -> None:
        """Handle a frame. Raises `BadFrame` when it does not belong here."""
        raise AssertionError("each direction overrides this")

    def _prove(self) -> None:
        self.proven = True
        self._end_limit()

    def _cut(self, length: int) -> bytes | None:
        """Return the next `length` bytes of the handshake, or None if they have not arrived."""
        if len(self._received) < length:
            return None
        data = bytes(self._received[:length])
        del self._received[:length]
        return data

    def _end_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _too_late(self) -> None:
        self.abort()


class Dialed(Connection):
    """A connection that this node opened: requests go out, replies come in.

    `again`: an earlier one broke, so requests fail until this one is open; else they wait for it.
    """

    def __init__(self, endpoint: TcpEndpoint, peer_id: int, addr: tuple[str, int], *, again: bool = False) -> None:
        super().__init__(endpoint)
        self.peer_id = peer_id
        self.addr = addr
        self.wanted = True
        if not again:
            endpoint.host.opening[self] = time.monotonic()
        self._queue: list[bytes] = []
        self._expected = b""
        self._acceptor: Accepted | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def is_opening(self) -> bool:
        """Tell whether requests wait until it is open."""
        return self in self._host.opening

    def give_up(self) -> None:
        """Close the connection: it is not wanted any more."""
        self.wanted = False
        self._host.opening.pop(self, None)
        self.abort()
        if self.task is not None:
            self.task.cancel()

    async def dial(self) -> None:
        """Open the connection; try again while it is wanted."""
        loop = self._host.loop
        try:
            if self.wanted:
                await loop.create_connection(lambda: self, *self.addr)
        except OSError:
            self._redial_later()
        except asyncio.CancelledError:  # the loop may close the connection without telling it
            self.connection_lost(None)

    def send(self, data: bytes) -> None:
        """Send a frame, or keep it until the connection is open. Raises `CallFailed` when neither is possible."""
        if self.proven:
            if self.write(data):
                return
        elif self.is_opening and len(self._queue) < MAX_QUEUED_CALLS:
            self._queue.append(data)
            return
        raise CallFailed(f"the connection to node {self.peer_id} is broken, or its buffer is full")

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the closed connection: open it again if it is still wanted."""
        super().connection_lost(exc)
        self._redial_later()

    def _shake_hands(self) -> bytes:
        endpoint = self.endpoint
        if not self._expected:
            challenge = self._cut(wire.CHALLENGE_BYTES)
            if challenge is None:
                return b""
            if not challenge.startswith(wire.MAGIC):
                raise wire.BadFrame("the other end speaks another protocol")
            self._acceptor = endpoint.host.challenges.get(challenge)
            answer, self._expected = wire.response(endpoint.host.secret, challenge, endpoint.node_id, self.peer_id)
            self.write(answer)
        proof = self._cut(wire.PROOF_BYTES)
        if proof is None:
            return b""
        if not wire.same(proof, self._expected):
            raise wire.BadFrame("the other end does not know the secret")
        self._prove()
        if self._acceptor is not None:
            self.other, self._acceptor.other = self._acceptor, self
        self._host.opening.pop(self, None)
        queue, self._queue = self._queue, []
        for data in queue:
            self.write(data)
        return bytes(self._received)

    def _take(self, frame: wire.Frame) -> None:
        if not isinstance(frame, wire.Answered):
            raise wire.BadFrame("a call came over a connection for replies")
        if self.wanted:
            self.endpoint.receiver.reply_arrived(self.peer_id, frame.id, frame.reply)

    def _redial_later(self) -> None:
        self._host.opening.pop(self, None)
        self._queue.clear()
        if self.wanted and not self.endpoint.closed:
            self._host.loop.call_later(REDIAL_DELAY, self.endpoint.redial, self)


class Accepted(Connection):
    """A connection that a peer (or a stranger) opened: requests come in, replies go out."""

    def __init__(self, endpoint: TcpEndpoint) -> None:
        super().__init__(endpoint)
        self.peer_id = -1
        self._challenge = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send a challenge to the other end."""
        super().connection_made(transport)
        if not self.endpoint.closed:
            self.endpoint.admit(self)
            self._challenge = wire.MAGIC + wire.new_nonce()
            self._host.challenges[self._challenge] = self
            self.write(self._challenge)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the closed connection."""
        self._known()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Tell whether it is idle. An unproven connection is: a peer's own end waits for the handshake."""
        return not self.proven or super().is_idle

    def _shake_hands(self) -> bytes:
        data = self._cut(wire.RESPONSE_BYTES)
        if data is None:
            return b""
        receiver = self.endpoint.receiver
        checked = wire.check_response(self._host.secret, self._challenge, data, self.endpoint.node_id)
        if checked is None or checked[0] not in receiver.peer_ids:
            raise wire.BadFrame("a stranger")
        self.peer_id, proof = checked
        self._prove()
        self._known()
        self.write(proof)
        return bytes(self._received)

    def _known(self) -> None:
        """Remove it from the unproven connections."""
        self.endpoint.forget(self)
        self._host.challenges.pop(self._challenge, None)

    def _take(self, frame: wire.Frame) -> None:
        if not isinstance(frame, wire.Call):
            raise wire.BadFrame("a reply came over a connection for calls")
        args = frame.args
        if args.sender != self.peer_id:
            raise wire.BadFrame("a call came in the name of another node")
        self.endpoint.receiver.call_arrived(self.peer_id, frame.id, args, partial(self._answer, frame.id))

    def _answer(self, call_id: int, reply: Reply) -> bool:
        try:
            return self.write(wire.encode(wire.Answered(call_id, reply)))
        except wire.BadFrame:
            return False
