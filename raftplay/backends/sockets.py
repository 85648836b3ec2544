"""Listeners and connections of the TCP backend.

A node's calls to a peer leave over a connection that the node opened, and their replies come back over it.
Nothing is read from a connection before both ends have proven that they know the cluster's secret, and what
is no frame closes its connection and nothing else.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVarTuple, cast

from raftplay.backends import files, wire
from raftplay.backends.base import CallFailed, Handle, Receiver
from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply, RequestVoteArgs

Ts = TypeVarTuple("Ts")

HANDSHAKE_LIMIT = 2.0
"""Seconds of wall time that a connection has to prove itself."""

MAX_STRANGERS = 64
"""How many connections may be unproven at once at one node; one more closes the oldest of them."""

MAX_UNSENT_BYTES = 32 << 20
"""A peer that does not read holds at most this much of what is for it; further calls to it fail."""

MAX_QUEUED_CALLS = 256
"""How many calls wait for a connection that is being opened; further ones fail."""

REDIAL_DELAY = 0.1
"""Seconds of wall time until a connection that broke is opened again."""

BACKLOG = 128
"""How many connections may wait at a listener."""


class Host(Protocol):
    """What an endpoint needs of the TCP backend."""

    secret: bytes
    buffer: memoryview
    """Where the loop puts what it reads, for whichever connection."""

    challenges: "dict[bytes, Accepted]"
    """Who takes in a connection that is not proven yet, by the challenge that it sent."""

    opening: "dict[Dialed, float]"
    """The connections that calls wait for, and since when, by the wall clock."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The cluster's event loop."""

    def guard(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Run `function` under the lock, its failure kept."""

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
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
        """Begin to open a connection to `peer_id`; calls wait until it stands."""
        self.disconnect(peer_id)
        if not self.closed:
            self._dial(Dialed(self, peer_id, addr))

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`."""
        dialed = self._dialed.pop(peer_id, None)
        if dialed is not None:
            dialed.give_up()

    def is_connected(self, peer_id: int) -> bool:
        """Whether there is to be a connection to `peer_id`; one that broke is opened again and again."""
        return peer_id in self._dialed

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Send a call over the connection to `peer_id`."""
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
        """Whether connections that were closed are not gone yet."""
        return bool(self.connections)

    @property
    def quiet(self) -> bool:
        """Whether all that was sent over its connections has been read, and none is being opened."""
        return all(connection.is_idle for connection in self.connections) and not any(
            dialed.is_opening for dialed in self._dialed.values()
        )

    def redial(self, broken: "Dialed") -> None:
        """Open a connection that broke again, unless it is not wanted any more."""
        if broken.wanted and not self.closed:
            self._dial(Dialed(self, broken.peer_id, broken.addr, again=True))

    def admit(self, stranger: "Accepted") -> None:
        """`stranger` may prove itself; where too many already may, the one who had the most time must go."""
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort()
        self._strangers[stranger] = None

    def forget(self, stranger: "Accepted") -> None:
        """`stranger` has proven itself, or is gone."""
        self._strangers.pop(stranger, None)

    def _dial(self, dialed: "Dialed") -> None:
        self._dialed[dialed.peer_id] = dialed
        dialed.task = self.host.spawn(dialed.dial())

    # Not asyncio's own server: it loses a connection that comes in while it closes.

    def _listen(self) -> None:
        if not self.closed:
            self.host.loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        """Take in whoever waits at the listener."""
        for _ in range(BACKLOG):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no more files may be open: see whether that passes
                self.host.loop.remove_reader(self._socket)
                self.host.loop.call_later(REDIAL_DELAY, self._listen)
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio does for its own
            self.host.spawn(self._welcome(accepted))

    async def _welcome(self, accepted: socket.socket) -> None:
        try:
            await self.host.loop.connect_accepted_socket(lambda: Accepted(self), accepted)
        except OSError:  # gone already
            accepted.close()


class Connection(asyncio.BufferedProtocol):
    """What both directions share: bytes come in pieces, first a handshake of known length, then frames.

    `other` is the other end, once both are proven, if it is one of this cluster; of the bytes that were `written`
    here, it has `received` so many.
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
        """The connection stands; it must prove itself in time."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self.endpoint.connections.add(self)
        if self.endpoint.closed:
            self.abort()
            return
        self._limit = self._host.loop.call_later(HANDSHAKE_LIMIT, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.endpoint.connections.discard(self)
        self._end_limit()
        self.transport = None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts the next bytes: it asks when there are some, and tells of them at once."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived; what they are is judged under the cluster's lock."""
        self.received += nbytes
        self._host.guard(self._judge, bytes(self._buffer[:nbytes]))

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether its handshake is over, and the other end has read all that was written here.

        When one end is gone, the other has read all once it is gone too.
        """
        if self.transport is None:
            return True
        if self.transport.is_closing() or not self.proven:
            return False
        other = self.other
        return other is None or (other.transport is not None and other.received == self.written)

    def write(self, data: bytes) -> bool:
        """Send `data` unless the other end has stopped reading; whether it was sent."""
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
        """Go on with the handshake; what is left over once it is done. Raises `BadFrame`."""
        raise AssertionError("each direction has its own")

    def _take(self, frame: wire.Frame) -> None:
        """Take a frame. Raises `BadFrame` when it does not belong here."""
        raise AssertionError("each direction has its own")

    def _prove(self) -> None:
        self.proven = True
        self._end_limit()

    def _cut(self, length: int) -> bytes | None:
        """The next `length` bytes of the handshake, once they are there."""
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
    """A connection that this node opened: its calls go out, their replies come in.

    `again`: an earlier one broke, so calls fail until this one stands; else they wait for it.
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
        """Whether calls wait until it stands."""
        return self in self._host.opening

    def give_up(self) -> None:
        """It is not wanted any more."""
        self.wanted = False
        self._host.opening.pop(self, None)
        self.abort()
        if self.task is not None:
            self.task.cancel()

    async def dial(self) -> None:
        """Open the connection; one that cannot be opened is tried again as long as it is wanted."""
        loop = self._host.loop
        try:
            if self.wanted:
                await loop.create_connection(lambda: self, *self.addr)
        except OSError:
            self._redial_later()
        except asyncio.CancelledError:  # the loop may close what it made and never say so
            self.connection_lost(None)

    def send(self, data: bytes) -> None:
        """Send a frame, or keep it until the connection stands. Raises `CallFailed` when it cannot be."""
        if self.proven:
            if self.write(data):
                return
        elif self.is_opening and len(self._queue) < MAX_QUEUED_CALLS:
            self._queue.append(data)
            return
        raise CallFailed(f"the connection to node {self.peer_id} is broken, or takes no more")

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that is still wanted is opened again."""
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
    """A connection that a peer opened, or a stranger: calls come in, replies go out."""

    def __init__(self, endpoint: TcpEndpoint) -> None:
        super().__init__(endpoint)
        self.peer_id = -1
        self._challenge = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Challenge whoever it is."""
        super().connection_made(transport)
        if not self.endpoint.closed:
            self.endpoint.admit(self)
            self._challenge = wire.MAGIC + wire.new_nonce()
            self._host.challenges[self._challenge] = self
            self.write(self._challenge)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._known()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """As of every connection; but a stranger counts for nothing: a peer's own end waits for the handshake."""
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
        """It is no stranger any more."""
        self.endpoint.forget(self)
        self._host.challenges.pop(self._challenge, None)

    def _take(self, frame: wire.Frame) -> None:
        if not isinstance(frame, wire.Call):
            raise wire.BadFrame("a reply came over a connection for calls")
        args = frame.args
        sender = args.candidate_id if isinstance(args, RequestVoteArgs) else args.leader_id
        if sender != self.peer_id:
            raise wire.BadFrame("a call came in the name of another node")
        self.endpoint.receiver.call_arrived(self.peer_id, frame.id, args, partial(self._answer, frame.id))

    def _answer(self, call_id: int, reply: Reply) -> bool:
        try:
            return self.write(wire.encode(wire.Answered(call_id, reply)))
        except wire.BadFrame:
            return False
