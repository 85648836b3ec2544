"""Sends mutated frames to a live cluster: a node closes the connection or ignores the frame, and goes on.

The sender knows the cluster's secret and acts as a peer, from either end of a connection; otherwise no frame would
be read. Raft trusts its peers: a frame that a peer could send but that would deceive the others (entries of a
leader that was not elected, a vote that was not granted) is not sent. All others are, valid ones included.
"""

import contextlib
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, get_args

import msgspec

from raftplay.backends import wire
from raftplay.cluster import checks
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.explore.fuzz.mutate import Mutator
from raftplay.explore.gauge import Gauge, left_over
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    ConfirmArgs,
    InstallSnapshotArgs,
    InternalEntry,
    LogEntry,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
)
from raftplay.watch.text import count

Message = TypeVar("Message", bound=Args | Reply)

NODES = 3

BATCH = 32
"""The number of frames sent at once, each over a separate connection."""

DIALED_EVERY = 16
"""One batch in this many goes to a node that opened the connection itself."""

READINGS = 50
"""The number of times in a long run that the cluster must elect and commit, and memory is read."""

READ_EVERY = 32
"""The minimum number of batches between two readings."""

SPEED = 20.0
"""Cluster seconds per second of wall time: an election takes little wall time."""

PATIENCE = 20.0
"""Seconds of wall time that a node has to answer or to close a connection; it takes milliseconds."""

MOST_TERM = 1 << 40
"""The highest term sent: a higher one would bring the cluster near the largest possible term."""


class FrameEscaped(Exception):
    """A node, or the cluster, misbehaved; the text says how, and after which frame."""


@dataclass(slots=True)
class FrameReport:
    """The results so far. `terms`: the highest term; frames may have raised it."""

    sent: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    elapsed: float = 0.0
    terms: int = 0
    gauge: Gauge = field(default_factory=Gauge)
    interrupted: bool = False


WatchFrames = Callable[[FrameReport], None]


def fuzz_frames(count: int, seed: int, watch: WatchFrames = lambda report: None) -> FrameReport:
    """Send `count` mutated frames to a live cluster. Raises `FrameEscaped`, and errors of the cluster.

    Ctrl-C ends it and returns the report so far.
    """
    report = FrameReport()
    start = time.monotonic()
    with Harness(NODES, config=Config(delay_min=0, delay_max=0), seed=seed) as harness:
        harness.set_speed(SPEED)
        harness.wait_until(lambda: all(server.cm.current_term > 0 for server in harness.cluster))
        sender = _Sender(harness, random.Random(f"frames {seed}"), report.fates)
        batches = -(-count // BATCH)
        read_every = max(READ_EVERY, batches // READINGS)
        try:
            for batch in range(batches):
                size = min(BATCH, count - report.sent)
                (sender.answer if batch % DIALED_EVERY == DIALED_EVERY - 1 else sender.call)(size)
                harness.check()
                report.sent += size
                report.elapsed = time.monotonic() - start
                if batch % read_every == 0 or report.sent == count:
                    _goes_on(harness, report)
                watch(report)
        except KeyboardInterrupt:
            report.interrupted = True
    return report


def report_text(report: FrameReport) -> str:
    """Return the whole report in words."""
    ended = "interrupted after" if report.interrupted else "sent"
    rate = report.sent / max(report.elapsed, 1e-9)
    fates = ", ".join(f"{name} {times:,}" for name, times in report.fates.most_common())
    return (
        f"{ended} {report.sent:,} mutated frames in {report.elapsed:.1f} s: {rate:,.0f} a second\n"
        f"results: {fates}\n"
        f"the cluster elects and commits, in term {report.terms:,} by now\n{report.gauge.text()}"
    )


def _goes_on(harness: Harness, report: FrameReport) -> None:
    """Check that the cluster elects and commits, and keeps no tasks or connections. Raises `FrameEscaped`."""
    for id in range(harness.n):
        harness.reconnect_peer(id)
    command = report.sent

    def committed() -> bool:
        for leader in checks.leaders(harness)[:1]:
            cm = harness.cluster[leader].cm
            if not any((entry.command, entry.term) == (command, cm.current_term) for entry in cm.log):
                harness.cluster[leader].submit(command)  # one of an earlier term is not enough (§5.4.2)
        return all(log and log[-1].command == command for log in harness.commits)

    deadline = time.monotonic() + PATIENCE
    while not committed():
        if time.monotonic() > deadline:
            raise FrameEscaped(
                f"after {count(report.sent, 'frame')} the cluster does not commit any more\n{harness.snapshot()}"
            )
        harness.sleep_ms(10)
    if (left := left_over(harness)) is not None:
        raise FrameEscaped(f"after {count(report.sent, 'frame')} {left}")
    report.terms = max(server.cm.current_term for server in harness.cluster)
    report.gauge.read()


class _Sender:
    """Sends frames as a peer would, and checks how the nodes react."""

    def __init__(self, harness: Harness, dice: random.Random, fates: Counter[str]) -> None:
        self.harness = harness
        self.secret = harness.secret
        self.dice = dice
        self.fates = fates
        self.calls = [Mutator([wire.encode(frame)[4:] for frame in _corpus(peer)], dice) for peer in range(NODES)]

    def call(self, count: int) -> None:
        """Send `count` frames to a node, each over a connection that we open in the name of one of its peers."""
        node = self.dice.randrange(NODES)
        peer = self.dice.choice([id for id in range(NODES) if id != node])
        frames = [self.frame(peer, "call") for _ in range(count)]
        addr = self.harness.cluster[node].listen_addr
        with contextlib.ExitStack() as stack:
            ends = [_End(stack.enter_context(socket.create_connection(addr, PATIENCE)), data) for data in frames]
            for end in ends:
                end.answer, _ = wire.response(self.secret, end.read(wire.CHALLENGE_BYTES), peer, node)
            for end in ends:
                end.send(end.answer, self.dice)
            for end in ends:
                end.read(wire.PROOF_BYTES)
                self.see(end, peer, "call")

    def answer(self, count: int) -> None:
        """Send `count` frames to a node, each over a connection that it opened to us, taking us for a peer."""
        node = self.dice.randrange(NODES)
        peer = self.dice.choice([id for id in range(NODES) if id != node])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PATIENCE)
            for _ in range(count):
                data = self.frame(peer, "reply")
                self.harness.cluster[node].connect_to_peer(peer, listener.getsockname())
                connection, _ = listener.accept()
                with connection:
                    end = _End(connection, data)
                    challenge = wire.MAGIC + wire.new_nonce()
                    connection.sendall(challenge)
                    checked = wire.check_response(self.secret, challenge, end.read(wire.RESPONSE_BYTES), peer)
                    if checked is None:
                        raise FrameEscaped(f"node {node} does not authenticate itself")
                    end.send(checked[1], self.dice)
                    self.see(end, peer, "reply")
            self.harness.cluster[node].connect_to_peer(peer, self.harness.cluster[peer].listen_addr)

    def frame(self, peer: int, kind: str) -> bytes:
        """Return a mutated frame in the name of `peer` that deceives no node."""
        while True:
            body = self.calls[peer].text()
            length = len(body)
            if self.dice.random() < 0.05:
                length = self.dice.choice(
                    (0, length - 1, length + 1, length + 1000, 1 << 22, 1 << 24, (1 << 32) - 1)
                )
            data = max(length, 0).to_bytes(wire.LENGTH_BYTES, "big") + body
            frames, _ = _look_through(data)
            if not any(_deceives(frame, kind) for frame in frames):
                return data
            self.fates["not sent because it would deceive"] += 1

    def see(self, end: "_End", peer: int, kind: str) -> None:
        """Count the node's reaction to a frame. Raises `FrameEscaped` when it is the wrong one."""
        frames, rest = _look_through(end.data)
        proper = all(_belongs(frame, peer, kind) for frame in frames)
        if rest == "bad" or not proper:
            end.read_to_end()
            self.fates["closed the connection"] += 1
        elif rest == "unfinished":
            self.fates["never ended"] += 1
        elif kind == "reply":
            self.fates["ignored"] += 1
        else:
            end.read_replies(len(frames))
            self.fates["answered"] += 1


class _End:
    """Our end of a connection, and the frame that is sent there."""

    def __init__(self, connection: socket.socket, data: bytes) -> None:
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each piece is sent at once
        self.connection = connection
        self.data = data
        self.answer = b""

    def send(self, before: bytes, dice: random.Random) -> None:
        """Send `before` and the frame, in one piece or several; the other end may close meanwhile."""
        data = before + self.data
        cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.choice((0, 0, 1, 3))))
        with contextlib.suppress(ConnectionError):
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                self.connection.sendall(data[start:end])

    def read(self, length: int) -> bytes:
        """Read `length` bytes. Raises `FrameEscaped` when they do not come."""
        data = b""
        while len(data) < length:
            more = self._some(length - len(data))
            if not more:
                raise FrameEscaped(f"a node closes the connection too early: {self._shown()}")
            data += more
        return data

    def read_to_end(self) -> None:
        """Read until the node closes the connection. Raises `FrameEscaped` when it does not."""
        while self._some(65536):
            pass

    def read_replies(self, count: int) -> None:
        """Read `count` replies. Raises `FrameEscaped` when they do not come."""
        for _ in range(count):
            wire.decode(self.read(int.from_bytes(self.read(wire.LENGTH_BYTES), "big")))

    def _some(self, limit: int) -> bytes:
        try:
            return self.connection.recv(limit)
        except ConnectionError:
            return b""
        except TimeoutError:
            raise FrameEscaped(f"a node neither answers nor closes the connection: {self._shown()}") from None

    def _shown(self) -> str:
        return repr(self.data if len(self.data) <= 400 else self.data[:400] + b" ...")


def _corpus(peer: int) -> list[wire.Frame]:
    """Return valid frames in the name of `peer`, of a term that ended long ago: some, and one of each kind."""
    entries = (LogEntry("ä\x00\n", 0), LogEntry({"a": [1, None, 1.5]}, 0), InternalEntry(0, "no-op"))
    return [
        wire.Call(1, RequestVoteArgs(0, peer, -1, -1)),
        wire.Call(2, RequestVoteArgs(0, peer, 12, 6, True)),
        wire.Call(3, AppendEntriesArgs(0, peer, -1, -1, (), -1)),
        wire.Call(4, AppendEntriesArgs(0, peer, 0, 1, entries, 0)),
        wire.Answered(0, RequestVoteReply(0, True)),
        wire.Answered(0, AppendEntriesReply(0, False, 3, 2)),
        *(wire.Call(5, example(kind, peer)) for kind in get_args(Args)),
        *(wire.Answered(0, example(kind, peer)) for kind in get_args(Reply)),
    ]


def example(kind: type[Message], peer: int) -> Message:
    """Return a message of this kind: of term 0, and, where it names its sender, from `peer`."""
    given = [_plain(field, peer) for field in msgspec.structs.fields(kind) if field.required]
    return msgspec.convert([kind.__struct_config__.tag, *given], kind)


def _plain(field: msgspec.structs.FieldInfo, peer: int) -> object:
    if field.name.endswith("_id"):
        return peer
    found = msgspec.inspect.type_info(field.type)
    match found:
        case msgspec.inspect.IntType():
            return 0
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.BytesType():
            return b"\x00{"
        case msgspec.inspect.VarTupleType():
            return ()
    raise NotImplementedError(f"no value is known for the field {field.name} of the type {found}")


def _look_through(data: bytes) -> tuple[list[wire.Frame], str]:
    """Return the frames in `data`, and "whole", or "unfinished" or "bad" if bytes are left after them."""
    frames: list[wire.Frame] = []
    while len(data) >= wire.LENGTH_BYTES:
        length = int.from_bytes(data[: wire.LENGTH_BYTES], "big")
        if length > wire.MAX_FRAME_BYTES:
            return frames, "bad"
        body, data = data[wire.LENGTH_BYTES : wire.LENGTH_BYTES + length], data[wire.LENGTH_BYTES + length :]
        if len(body) < length:
            return frames, "unfinished"
        try:
            frames.append(wire.decode(body))
        except wire.BadFrame:
            return frames, "bad"
    return frames, "unfinished" if data else "whole"


def _belongs(frame: wire.Frame, peer: int, kind: str) -> bool:
    """Return True if a peer may send this frame over this kind of connection."""
    if isinstance(frame, wire.Answered):
        return kind == "reply"
    return kind == "call" and frame.args.sender == peer


def _deceives(frame: wire.Frame, kind: str) -> bool:
    """Return True if nodes would believe a false frame: a request of a current term, or an expected reply."""
    if isinstance(frame, wire.Answered):
        return kind == "reply" and frame.id != 0
    if isinstance(frame.args, AppendEntriesArgs | ConfirmArgs | InstallSnapshotArgs | TimeoutNowArgs):
        return frame.args.term > 0
    return frame.args.term > MOST_TERM
