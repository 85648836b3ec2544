"""Recordings: a run as every export reads it, of a script, a trace, a cluster, a session or a view.

The rule of this module: a recording has all that a file will show, so a format looks at nothing else, and equal
recordings make equal files.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec

from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.cluster.snapshot import RULES, Snapshot
from raftplay.cluster.timings import Timings, told_elsewhere
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.past.node import PastNode
from raftplay.past.view import View
from raftplay.past.world import World
from raftplay.raft.bugs import module_with
from raftplay.raft.config import RaftConfig
from raftplay.raft.decisions import Stopped
from raftplay.run.captions import Caption, captions_of, parts_of
from raftplay.run.runner import opened
from raftplay.run.script import Script
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.watch.facts import Crashed, Record
from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.trace import Header, read_trace


@dataclass(frozen=True, slots=True)
class Told:
    """A text that stands beside a run after its event `seq`: a caption of its script, or a command."""

    seq: int
    text: str
    chapter: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run: its events in `history`, and `now`, the cluster after the last one.

    `name` is that of its script or trace. `captions` and `commands` are those of its script; `failure` says how
    the run failed, if it did.
    """

    name: str
    history: History
    now: Snapshot
    breach: Breach | None = None
    captions: tuple[Told, ...] = ()
    commands: tuple[Told, ...] = ()
    failure: str = ""

    @property
    def records(self) -> list[Record]:
        """Return the events, oldest first."""
        return self.history.records()

    @property
    def size(self) -> int:
        """Return the number of nodes."""
        return len(self.now.nodes)

    def world(self) -> World:
        """Return the cluster before the first event that is kept, to fold the events into."""
        return self.history.at(self.history.earliest)


Source: TypeAlias = "Recording | Script | Session | Harness | View | str | os.PathLike[str]"
"""The things that can be exported; a path is that of a trace."""


def recording_of(source: Source, name: str = "") -> Recording:
    """Return the recording of `source`. Raises `UsageError` where its events are not known."""
    match source:
        case Recording():
            return source
        case Script():
            return of_script(source)
        case Session():
            return of_session(source, name)
        case Harness():
            return of_harness(source, name)
        case View():
            return of_view(source, name)
        case _:
            return of_trace(source)


def of_script(script: Script) -> Recording:
    """Run `script` and return its recording, up to where it fails if it does. Raises `UsageError`."""
    parts = parts_of(script)
    captions = captions_of(parts)
    told: list[Told] = []
    commands: list[Told] = []
    failure = ""
    with opened(script.setup) as session, session:
        for at, part in enumerate(parts):
            seq = session.history.last_seq if at else 0
            _forget_after(seq, told, commands)
            told += [Told(seq, _words(caption), caption.chapter) for caption in captions if caption.part == at]
            if part.step is None:
                continue
            if part.step.bound.effect not in ("looks", "clock"):
                commands.append(Told(seq, part.step.bound.text))
            outcome = session.perform(part.step.bound).uninterrupted()
            if outcome.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            if not outcome.held:
                failure = f"line {part.step.line}, {part.step.bound.text}: {outcome.answer}"
                break
        recording = of_session(session, os.path.basename(script.name) if script.name != "-" else "")
    return replace(
        recording,
        captions=tuple(caption for caption in told if caption.text or caption.chapter),
        commands=tuple(commands),
        failure=failure,
    )


def of_session(session: Session, name: str = "") -> Recording:
    """Return the recording of the current branch of a session, up to its present."""
    with session.harness.lock:
        now = session.harness.snapshot()
        return Recording(name, _copied(session.history), now, session.harness.breach)


def of_harness(harness: Harness, name: str = "") -> Recording:
    """Return the recording of a cluster that has a `History` among its readers. Raises `UsageError`."""
    with harness.lock:
        history = harness.stream.first_of(History)
        if history is None:
            raise UsageError(
                "the events of this cluster are not kept; make it with readers=[raftplay.History()] to export it"
            )
        return Recording(name, _copied(history), harness.snapshot(), harness.breach)


def of_view(view: View, name: str = "") -> Recording:
    """Return the recording of a view up to its moment. Raises `UsageError` if events are forgotten."""
    if view.forgotten:
        raise UsageError(f"the first {view.forgotten} events are forgotten, so the view cannot be exported")
    history = History(max(1, len(view.records)))
    for record in view.records:
        history(record)
    return Recording(name, history, view.snapshot, view.breach)


def of_trace(path: str | os.PathLike[str]) -> Recording:
    """Return the recording of the first branch of the trace at `path`. Raises `UsageError`."""
    trace = read_trace(path)
    header = trace.header
    breaches: list[Breach] = []
    invariants = Invariants(header.nodes, on_breach=breaches.append)
    history = History(world=_before(header))
    for record in _without_end(list(trace.records)):
        history(record)
        invariants(record)
    name = os.path.basename(os.fsdecode(path))
    return Recording(name, history, _now(header, history), breaches[0] if breaches else None)


def is_trace(path: str | os.PathLike[str]) -> bool:
    """Return whether the file at `path` begins as a trace does."""
    with suppress(OSError, ValueError), open(path, "rb") as file:
        return file.read(40).startswith(b'{"schema":"raftplay.trace/')
    return False


def _words(caption: Caption) -> str:
    return "\n".join(caption.paragraphs)


def _forget_after(seq: int, *lists: list[Told]) -> None:
    """Drop what was told of a future that the script went back from."""
    for told in lists:
        while told and told[-1].seq > seq:
            told.pop()


def _copied(history: History) -> History:
    """Return a copy that stays as it is while the cluster goes on."""
    copy = History(max(1, len(history)), history.at(history.earliest))
    for record in history.records():
        copy(record)
    return copy


def _without_end(records: list[Record]) -> list[Record]:
    """Return the events without those of the end of the run, when all nodes stop and none crashes."""
    last = len(records)
    while last and isinstance(records[last - 1].event, Stopped):
        last -= 1
    if last and isinstance(records[last - 1].event, Crashed):
        last += 1
    return records[:last]


def _before(header: Header) -> World:
    """Return the world before the first event of a trace."""
    world = World()
    world.seq = header.first - 1
    for id in range(header.nodes):
        world.node(id)
    return world


def _now(header: Header, history: History) -> Snapshot:
    """Return the cluster after the last event of a trace; what no event carries is that of its header."""
    config = _config_of(header)
    usual = Snapshot(
        time=0.0,
        backend=header.backend,
        seed=header.seed,
        speed=1.0,
        paused=False,
        nodes=tuple(PastNode(id).snapshot(("", 0)) for id in range(header.nodes)),
        groups=(),
        faulty_links=(),
        bugs=header.bugs,
        node=str(header.configuration.get("node", "")),
        rules=RULES if config is None else module_with(config.bugs).rules,
        timings=None if config is None else Timings.of(config),
    )
    return history.at(history.last_seq).snapshot(usual)


def _config_of(header: Header) -> Config | None:
    """Return the settings of a trace without its class of nodes; None where this version does not know them."""
    known = {key: header.configuration[key] for key in ("delay_min", "delay_max") if key in header.configuration}
    with suppress(UsageError, TypeError, ValueError, msgspec.ValidationError), told_elsewhere():
        raft = msgspec.convert(header.configuration.get("raft", {}), RaftConfig)
        return Config(raft=raft, bugs=header.bugs, **known)
    return None
