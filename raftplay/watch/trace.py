"""Writes and reads the trace of a run, a file of JSON Lines that watchers can check again.

The first line is the header, the last one the number of events; each line in between is an event, or names the
branch of the next ones. `raftplay help trace` (`raftplay.watch.trace_schema`) describes all lines.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple, Protocol, TypeVar, get_args

import msgspec

from raftplay.errors import UsageError
from raftplay.files import Target, target_of
from raftplay.raft.decisions import CustomDecision, Decision, NodeState, Started
from raftplay.raft.messages import Entry
from raftplay.version import __version__
from raftplay.watch.facts import Event, Fact, Record
from raftplay.watch.stream import Reader, Stream
from raftplay.watch.text import visible

SCHEMA = "raftplay.trace/2"

OLDER = "raftplay.trace/1"
"""The old schema, without branches and end mark; its traces can still be read."""

MAIN = "main"
"""The name of a trace's first branch."""

MAX_LINE_BYTES = 1 << 28
"""The longest line of a trace that can be read, in bytes."""

MAX_NODES = 25
"""The most nodes of a trace that can be read."""

StrPath = str | PathLike[str]
T = TypeVar("T")

EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in get_args(Decision | Fact) if kind is not CustomDecision
}
"""The class of every kind of event, by its name in a trace."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The settings of a run, which suffice to repeat it in sim. `first` is the number of its first event.

    `first` is more than 1 if the trace began later than its cluster.
    """

    schema: str
    version: str
    nodes: Annotated[int, msgspec.Meta(ge=1, le=MAX_NODES)]
    seed: int
    backend: str
    configuration: dict[str, Any]
    bugs: tuple[str, ...]
    first: int = 1


class BranchMark(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The mark before events of `branch`. The branch begins here if there is a `parent`.

    Its past is then that of the parent, up to and including event `since`.
    """

    branch: str
    parent: str = ""
    since: int = 0


class EndMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line of a complete trace, which holds `end` events."""

    end: int


class TracedRun(NamedTuple):
    """One branch of a trace as a run from the first event on; `records` reads the file lazily."""

    branch: str
    parent: str
    since: int
    records: Iterator[Record]


class Trace(NamedTuple):
    """A trace from a file: its header, and the run of each branch, `main` first."""

    header: Header
    runs: tuple[TracedRun, ...]

    @property
    def records(self) -> Iterator[Record]:
        """Return the records of the first branch."""
        return self.runs[0].records


class EventLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One event: `event` is its name, `fields` its fields, `after` its node's state if it is a decision."""

    seq: int
    time: float
    node: Annotated[int, msgspec.Meta(ge=-1)]
    incarnation: Annotated[int, msgspec.Meta(ge=0)]
    event: str
    fields: msgspec.Raw
    after: NodeState | None = None


class _Written(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An `EventLine` that holds the event itself, not its JSON text."""

    seq: int
    time: float
    node: int
    incarnation: int
    event: str
    fields: Event
    after: NodeState | None = None


class _Schema(msgspec.Struct):
    schema: str


_encoder = msgspec.json.Encoder()
_schema_decoder = msgspec.json.Decoder(_Schema)
_header_decoder = msgspec.json.Decoder(Header)
_line_decoder = msgspec.json.Decoder(EventLine)
_branch_decoder = msgspec.json.Decoder(BranchMark)
_end_decoder = msgspec.json.Decoder(EndMark)
_decoders: dict[str, msgspec.json.Decoder[Event]] = {
    name: msgspec.json.Decoder(kind) for name, kind in EVENTS.items()
}


class TraceWriter:
    """A reader of a `Stream` that writes every record to the file at `path`; `close` completes the file.

    Raises `UsageError` if the file cannot be written. Only a `Target` with `force` replaces an existing file.
    """

    def __init__(self, path: StrPath | Target, header: Header) -> None:
        target = path if isinstance(path, Target) else target_of(Path(path))
        self._writing = target.open()
        self._branch: object = self
        self._count = 0
        self._write(header)

    def __call__(self, record: Record) -> None:
        """Write one record of the first branch."""
        if self._branch is not self:
            self._turn_to(self, BranchMark(MAIN))
        self._put(record)

    def of_branch(self, name: str, parent: str, since: int) -> Reader:
        """Return a reader for the events of another branch, which left `parent` after its event `since`."""
        mark = BranchMark(name, parent, since)

        def write(record: Record) -> None:
            nonlocal mark
            if self._branch is not write:
                self._turn_to(write, mark)
                mark = BranchMark(name)
            self._put(record)

        return write

    def close(self) -> None:
        """Write the end mark and complete the file; safe to call twice."""
        if not self._is_closed:
            self._write(EndMark(self._count))
            self._is_closed = True
            self._writing.finish()

    def discard(self) -> None:
        """Delete the unfinished trace."""
        self._is_closed = True
        self._writing.discard()

    _is_closed = False

    def _turn_to(self, branch: object, mark: BranchMark) -> None:
        self._branch = branch
        self._write(mark)

    def _put(self, record: Record) -> None:
        event = record.event
        self._count += 1
        self._write(
            _Written(
                record.seq, record.time, record.node, record.incarnation, type(event).__name__, event, record.after
            )
        )

    def _write(self, value: object) -> None:
        """Write a line; a trace that could not be written to here is given up, which is said once."""
        if self._is_closed:
            return
        try:
            self._writing.write(_encoder.encode(value) + b"\n")
        except UsageError:
            self._is_closed = True
            raise


class _Log(Protocol):
    def frozen(self) -> tuple[Entry, ...]:
        """Return the entries of the log."""


class _Module(Protocol):
    current_term: int
    voted_for: int

    @property
    def log(self) -> _Log:
        """Return the node's log."""

    def node_state(self) -> NodeState:
        """Return the node's current state."""


class _Server(Protocol):
    id: int
    incarnation: int

    @property
    def cm(self) -> _Module:
        """Return the server's `ConsensusModule`."""


class Configuration(Protocol):
    """A configuration: a dataclass, with the names of the active `bugs`."""

    @property
    def node_name(self) -> str:
        """Return the name of the class of nodes, "" for the usual one."""


class Traced(Protocol):
    """The interface of a cluster that can be traced: a Harness."""

    n: int
    seed: int
    stream: Stream

    @property
    def backend(self) -> str:
        """Return the backend's name."""

    @property
    def config(self) -> Configuration:
        """Return the configuration."""

    @property
    def cluster(self) -> Sequence[_Server]:
        """Return the servers, by node."""

    @property
    def alive(self) -> Sequence[bool]:
        """Return whether each server runs, by node."""

    @property
    def now(self) -> float:
        """Return the cluster time in seconds."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock that is held while readers are attached and detached."""


def header_of(harness: Traced) -> Header:
    """Return the header of the trace of `harness`."""
    return new_header(harness.n, harness.seed, harness.backend, harness.config)


def new_header(n: int, seed: int, backend: str, config: Configuration) -> Header:
    """Return the header of a trace that begins before its cluster, with the final configuration `config`."""
    configuration = msgspec.to_builtins(config, enc_hook=lambda _: config.node_name)
    bugs = tuple(configuration.pop("bugs", ()))
    if not configuration["node"]:
        del configuration["node"]
    return Header(SCHEMA, __version__, n, seed, backend, configuration, bugs)


@contextmanager
def traced(harness: Traced, path: StrPath, *, force: bool = False) -> Iterator[TraceWriter]:
    """Write the events of `harness` during the block to the trace at `path`.

    The trace begins with a `Started` of each running node, with its current state. Start the trace right after
    creating the harness: a watcher that reads the trace must see all elections. An existing file is replaced only
    with `force`, at the end of the block. Raises `UsageError`.
    """
    target = Target(Path(path), force=force, remedy="choose another name, or give force=True")
    with harness.lock:
        begun = _started(harness)
        header = header_of(harness)
        writer = TraceWriter(target, msgspec.structs.replace(header, first=begun[0].seq) if begun else header)
        for record in begun:
            writer(record)
        harness.stream.attach(writer)
    try:
        yield writer
    finally:
        with harness.lock:
            harness.stream.detach(writer)
            writer.close()


def _started(harness: Traced) -> list[Record]:
    """Return the first records of a trace that begins now: a `Started` of each running node."""
    running = [server for server, alive in zip(harness.cluster, harness.alive, strict=True) if alive]
    last = harness.stream.count_at_least(len(running))
    now = harness.now
    return [
        Record(seq, now, server.id, server.incarnation, _start_of(server.cm), server.cm.node_state())
        for seq, server in enumerate(running, last - len(running) + 1)
    ]


def _start_of(module: _Module) -> Started:
    return Started(module.current_term, module.voted_for, module.log.frozen())


def read_trace(path: StrPath) -> Trace:
    """Read the trace at `path`. Raises `UsageError`, now or while records are read, that names the bad line."""
    with _opened(path) as file:
        first = _read_line(file, path, 1)
    if first is None:
        raise UsageError(f"{_shown(path)}:1: the file is empty, not a trace")
    schema = _decode(_schema_decoder.decode, first, path, 1).schema
    if schema not in (SCHEMA, OLDER):
        raise UsageError(f"{_shown(path)}:1: the schema is {schema[:40]!r}; this version reads {SCHEMA!r}")
    header = _decode(_header_decoder.decode, first, path, 1)
    sections = _sections(path, is_older=schema == OLDER)
    begun = [number for number, section in enumerate(sections) if section.begun == number]
    return Trace(header, tuple(_run(path, header, sections, number) for number in begun))


def replay(path: StrPath, readers: Iterable[Reader]) -> Header:
    """Pass every record of the trace at `path` to every reader, as the stream did. Raises `UsageError`.

    If the trace has branches, only the records of the first one are passed.
    """
    trace = read_trace(path)
    readers = list(readers)
    for record in trace.records:
        for reader in readers:
            reader(record)
    return trace.header


class _Section(NamedTuple):
    """The lines from a mark to the next one. Their branch began with section `begun`.

    It left the branch that began with section `origin`.
    """

    mark: BranchMark
    begun: int
    origin: int


def _sections(path: StrPath, *, is_older: bool) -> list[_Section]:
    """Return the sections of a trace, which must be complete. Raises `UsageError`."""
    sections = [_Section(BranchMark(MAIN), 0, 0)]
    begun = {MAIN: 0}
    events, end = 0, None
    marked = -1  # how many events there were at the last mark
    for at, text in _lines(path):
        if end is not None:
            raise UsageError(f"{_shown(path)}:{at}: there is a line after the end mark")
        if _is_mark(text):
            if marked == events:
                raise UsageError(f"{_shown(path)}:{at}: there is no event since the branch mark before this one")
            marked = events
            mark = _decode(_branch_decoder.decode, text, path, at)
            origin = mark.parent or mark.branch
            if origin not in begun:
                raise UsageError(f"{_shown(path)}:{at}: branch {origin[:40]!r} did not begin before")
            left = begun[origin]
            if mark.parent:
                begun[mark.branch] = len(sections)
            sections.append(_Section(mark, begun[mark.branch], left))
        elif text.startswith(b'{"end"'):
            end = _decode(_end_decoder.decode, text, path, at).end
        else:
            if not text.startswith(b'{"seq"'):
                _decode(_line_decoder.decode, text, path, at)  # as the writer does not write it
            events += 1
    if end is None and not is_older:
        raise UsageError(f"{_shown(path)}: the trace is not complete: its end mark is missing")
    if end is not None and end != events:
        raise UsageError(f"{_shown(path)}: the trace is not complete: it holds {events} of {end} events")
    return sections


def _is_mark(text: bytes) -> bool:
    return text.startswith(b'{"branch"')


def _run(path: StrPath, header: Header, sections: Sequence[_Section], number: int) -> TracedRun:
    """Return the branch that begins with section `number` as a run."""
    mark = sections[number].mark
    limits = {number: math.inf}  # first section of a branch → the branch's last event in this run
    while number:
        limit = min(limits[number], sections[number].mark.since)
        number = sections[number].origin
        limits[number] = limit
    return TracedRun(mark.branch, mark.parent, mark.since, _records(path, header, sections, limits))


def _records(
    path: StrPath, header: Header, sections: Sequence[_Section], limits: Mapping[int, float]
) -> Iterator[Record]:
    """Yield the records of a run, and check their order. Raises `UsageError`."""
    seq, time = header.first - 1, 0.0
    section = 0
    for at, text in _lines(path):
        if _is_mark(text):
            section += 1
            continue
        limit = limits.get(sections[section].begun)
        if limit is None or text.startswith(b'{"end"'):
            continue
        record = _record(text, path, at, header.nodes)
        if record.seq > limit:
            continue
        if record.seq <= seq or record.time < time:
            raise UsageError(f"{_shown(path)}:{at}: the event is not later than the one before it")
        if record.seq > seq + 1 and header.schema != OLDER:
            raise UsageError(f"{_shown(path)}:{at}: event {seq + 1} is missing before event {record.seq}")
        seq, time = record.seq, record.time
        yield record


def _lines(path: StrPath) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each line after the header."""
    with _opened(path) as file:
        _read_line(file, path, 1)
        at = 2
        while (text := _read_line(file, path, at)) is not None:
            yield at, text
            at += 1


def _record(text: bytes, path: StrPath, at: int, nodes: int) -> Record:
    line = _decode(_line_decoder.decode, text, path, at)
    decoder = _decoders.get(line.event)
    if decoder is None:
        raise UsageError(f"{_shown(path)}:{at}: unknown event {line.event[:40]!r}")
    event = _decode(decoder.decode, line.fields, path, at)
    for node in (line.node, *(getattr(event, name, 0) for name in ("src", "dst", "peer", "voter"))):
        if not -1 <= node < nodes:
            raise UsageError(f"{_shown(path)}:{at}: there is no node {node}; the nodes are 0 to {nodes - 1}")
    return Record(line.seq, line.time, line.node, line.incarnation, event, line.after)


def _decode(decode: Callable[[bytes], T], text: bytes | msgspec.Raw, path: StrPath, at: int) -> T:
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{_shown(path)}:{at}: this is not a line of a trace: {visible(str(error))}") from None


def _opened(path: StrPath) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"the trace {_shown(path)} cannot be read: {error.strerror}") from None


def _read_line(file: BinaryIO, path: StrPath, at: int) -> bytes | None:
    try:
        line = file.readline(MAX_LINE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{_shown(path)}:{at}: the trace cannot be read: {error.strerror}") from None
    if len(line) > MAX_LINE_BYTES:
        raise UsageError(f"{_shown(path)}:{at}: the line is longer than {MAX_LINE_BYTES} bytes")
    return line or None


def _shown(path: StrPath) -> str:
    return visible(os.fsdecode(path))
