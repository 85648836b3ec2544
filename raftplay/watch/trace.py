"""The trace of a run: a file of JSON Lines that can be read again, and watched again.

The first line says what ran:
``{"schema": "raftplay.trace/1", "version", "nodes", "seed", "backend", "configuration", "bugs"}``

Each line after it is one event, in their total order:
``{"seq", "time", "node", "incarnation", "event": "VoteDecided", "fields", "after"}``

`time` is in seconds of cluster time; `node` is -1 for what no node did; `after` is the node's state after a
decision. Calls, replies and log entries are arrays, as on the wire: the name of the message and its fields in
the order of Figure 2, or the command and its term.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from typing import Annotated, Any, BinaryIO, NamedTuple, Protocol, TypeVar

import msgspec

from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.events import Decision, NodeState
from raftplay.raft.messages import UsageError
from raftplay.version import __version__
from raftplay.watch.events import Fact, Record
from raftplay.watch.stream import Reader, Stream
from raftplay.watch.text import visible

SCHEMA = "raftplay.trace/1"

MAX_LINE_BYTES = 1 << 28
"""No longer line is read."""

MAX_NODES = 25
"""Of no more nodes is a trace read."""

Path = str | PathLike[str]
T = TypeVar("T")

EVENTS: dict[str, type[Decision] | type[Fact]] = {
    **{kind.__name__: kind for kind in Decision.__subclasses__()},
    **{kind.__name__: kind for kind in Fact.__subclasses__()},
}
"""Every kind of event by its name in a trace."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ran: with these a run in sim can be repeated."""

    schema: str
    version: str
    nodes: Annotated[int, msgspec.Meta(ge=1, le=MAX_NODES)]
    seed: int
    backend: str
    configuration: dict[str, Any]
    bugs: tuple[str, ...]


class Trace(NamedTuple):
    """A trace that was read: its header, and its records, which are read as they are taken."""

    header: Header
    records: Iterator[Record]


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    seq: int
    time: float
    node: Annotated[int, msgspec.Meta(ge=-1)]
    incarnation: Annotated[int, msgspec.Meta(ge=0)]
    event: str
    fields: msgspec.Raw
    after: NodeState | None = None


class _Written(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """As `_Line`, with the event itself in place of its text."""

    seq: int
    time: float
    node: int
    incarnation: int
    event: str
    fields: Decision | Fact
    after: NodeState | None = None


class _Schema(msgspec.Struct):
    schema: str


_encoder = msgspec.json.Encoder()
_schema_decoder = msgspec.json.Decoder(_Schema)
_header_decoder = msgspec.json.Decoder(Header)
_line_decoder = msgspec.json.Decoder(_Line)
_decoders: dict[str, msgspec.json.Decoder[Decision | Fact]] = {
    name: msgspec.json.Decoder(kind) for name, kind in EVENTS.items()
}


class TraceWriter:
    """A reader of a `Stream` that writes every record to the file at `path`, in place of what was there.

    Raises `UsageError` when the file cannot be opened, or not be written to its end.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        try:
            self._file: BinaryIO = open(path, "wb")  # noqa: SIM115 - it stays open until `close`
        except OSError as error:
            raise UsageError(f"the trace {_shown(path)} cannot be written: {error.strerror}") from None
        self._write(header)

    def __call__(self, record: Record) -> None:
        """Write one record."""
        event = record.event
        self._write(
            _Written(
                record.seq, record.time, record.node, record.incarnation, type(event).__name__, event, record.after
            )
        )

    def close(self) -> None:
        """Write out what waits, and close the file; safe to call twice."""
        try:
            self._file.close()
        except OSError as error:
            raise UsageError(f"the trace {_shown(self.path)} is not complete: {error.strerror}") from None

    def _write(self, value: object) -> None:
        self._file.write(_encoder.encode(value) + b"\n")


class Traced(Protocol):
    """What is to be known of a cluster to trace it: a Harness."""

    n: int
    seed: int
    stream: Stream

    @property
    def backend(self) -> str:
        """The backend's name."""

    @property
    def config(self) -> Any:
        """Its configuration: a dataclass, with the names of the `bugs` that are switched on."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while readers come and go."""


def header_of(harness: Traced) -> Header:
    """What the trace of `harness` begins with."""
    return new_header(harness.n, harness.seed, harness.backend, harness.config)


def new_header(n: int, seed: int, backend: str, config: Any) -> Header:
    """The header of a trace that begins before its cluster: `config` is the configuration as it is settled."""
    configuration = msgspec.to_builtins(config, enc_hook=_name_of)
    bugs = tuple(configuration.pop("bugs", ()))
    if configuration.get("node") == _name_of(ConsensusModule):
        del configuration["node"]
    return Header(SCHEMA, __version__, n, seed, backend, configuration, bugs)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


@contextmanager
def traced(harness: Traced, path: Path) -> Iterator[TraceWriter]:
    """Write all that happens to `harness` from here to the end of the block to the trace at `path`.

    Begin it right after the making of the harness: a watcher that reads the trace must see all elections.
    """
    writer = TraceWriter(path, header_of(harness))
    with harness.lock:
        harness.stream.attach(writer)
    try:
        yield writer
    finally:
        with harness.lock:
            harness.stream.detach(writer)
            writer.close()


def read_trace(path: Path) -> Trace:
    """The trace at `path`. Raises `UsageError`, here or while records are taken, that names the bad line."""
    with _opened(path) as file:
        first = _read_line(file, path, 1)
    if first is None:
        raise UsageError(f"{_shown(path)}:1: the file is empty, and no trace")
    schema = _decode(_schema_decoder.decode, first, path, 1).schema
    if schema != SCHEMA:
        raise UsageError(f"{_shown(path)}:1: the schema is {schema[:40]!r}; {SCHEMA!r} is what can be read here")
    header = _decode(_header_decoder.decode, first, path, 1)
    return Trace(header, _records(path, header.nodes))


def replay(path: Path, readers: Iterable[Reader]) -> Header:
    """Hand every record of the trace at `path` to every reader, as the stream did. Raises `UsageError`."""
    header, records = read_trace(path)
    readers = list(readers)
    for record in records:
        for reader in readers:
            reader(record)
    return header


def _records(path: Path, nodes: int) -> Iterator[Record]:
    seq, time = 0, 0.0
    with _opened(path) as file:
        _read_line(file, path, 1)
        at = 2
        while (text := _read_line(file, path, at)) is not None:
            record = _record(text, path, at, nodes)
            if record.seq <= seq or record.time < time:
                raise UsageError(f"{_shown(path)}:{at}: the event is not later than the one before it")
            seq, time = record.seq, record.time
            yield record
            at += 1


def _record(text: bytes, path: Path, at: int, nodes: int) -> Record:
    line = _decode(_line_decoder.decode, text, path, at)
    decoder = _decoders.get(line.event)
    if decoder is None:
        raise UsageError(f"{_shown(path)}:{at}: there is no event {line.event[:40]!r}")
    event = _decode(decoder.decode, line.fields, path, at)
    for node in (line.node, *(getattr(event, name, 0) for name in ("src", "dst", "peer", "voter"))):
        if not -1 <= node < nodes:
            raise UsageError(f"{_shown(path)}:{at}: there is no node {node}; the nodes are 0 to {nodes - 1}")
    return Record(line.seq, line.time, line.node, line.incarnation, event, line.after)


def _decode(decode: Callable[[bytes], T], text: bytes | msgspec.Raw, path: Path, at: int) -> T:
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{_shown(path)}:{at}: this is no line of a trace: {visible(str(error))}") from None


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"the trace {_shown(path)} cannot be read: {error.strerror}") from None


def _read_line(file: BinaryIO, path: Path, at: int) -> bytes | None:
    try:
        line = file.readline(MAX_LINE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{_shown(path)}:{at}: the trace cannot be read: {error.strerror}") from None
    if len(line) > MAX_LINE_BYTES:
        raise UsageError(f"{_shown(path)}:{at}: the line is longer than {MAX_LINE_BYTES} bytes")
    return line or None


def _shown(path: Path) -> str:
    return visible(os.fsdecode(path))
