"""Recordings: a run as every export reads it, of a script, a trace, a cluster, a session or a view.

The rule of this module: a recording has all that a file will show, so a format looks at nothing else, and equal
recordings make equal files.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
from raftplay.session.branches import Branch
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.watch.facts import Crashed, Record
from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.text import visible
from raftplay.watch.trace import Header, TracedRun, read_trace


@dataclass(frozen=True, slots=True)
class SideText:
    """A text that stands beside a run after its event `seq`: a caption of its script, or a command."""

    seq: int
    text: str
    chapter: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run: its events in `history`, and `now`, the cluster after the last one.

    `name` is that of its script or trace. `captions` and `commands` are those of its script; `failure` says how
    the run failed, if it did. Where the run has several branches, this is the one that is named `branch`, which
    left `parent` after `since` seconds, and `others` has the others.
    """

    name: str
    history: History
    now: Snapshot
    breach: Breach | None = None
    captions: tuple[SideText, ...] = ()
    commands: tuple[SideText, ...] = ()
    failure: str = ""
    branch: str = ""
    parent: str = ""
    since: float = 0.0
    others: tuple["Recording", ...] = ()

    @property
    def branches(self) -> list[str]:
        """Return the names of all branches, this one first; none where there is only one."""
        return [one.branch for one in (self, *self.others)] if self.others else []

    def of_branch(self, name: str) -> "Recording":
        """Return the recording of another branch of the same run. Raises `UsageError`."""
        return _chosen((self, *self.others), name)

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
    beside: dict[str, _Beside] = {}
    failure = ""
    with opened(script.setup) as session, session:
        for at, part in enumerate(parts):
            seq = session.history.last_seq if at else 0
            here, moment = _beside(session.branch, beside), session.moment
            said = [caption for caption in captions if caption.part == at]
            if part.step is None:
                here.say(seq, said)
                continue
            outcome = session.perform(part.step.bound).uninterrupted()
            if moment is not None and session.branch.name not in beside:  # it begins a branch there
                here, seq = _beside(session.branch, beside), moment.seq
            here.say(seq, said)
            if part.step.bound.effect not in ("looks", "clock"):
                here.commands.append(SideText(seq, part.step.bound.text))
            if outcome.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            if not outcome.held:
                failure = f"line {part.step.line}, {part.step.bound.text}: {outcome.answer}"
                break
        recording = of_session(session, os.path.basename(script.name) if script.name != "-" else "")
        told = {branch.name: _beside(branch, beside) for branch in session.branches.values()}
        last = session.branch.name
    runs = [
        replace(
            one,
            captions=tuple(caption for caption in told[name].captions if caption.text or caption.chapter),
            commands=tuple(told[name].commands),
            failure=failure if name == last else "",
        )
        for one in (recording, *recording.others)
        if (name := one.branch or last)
    ]
    return replace(runs[0], others=tuple(runs[1:]))


@dataclass(slots=True)
class _Beside:
    """The captions and the commands of one branch of a script."""

    captions: list[SideText] = field(default_factory=list)
    commands: list[SideText] = field(default_factory=list)

    def say(self, seq: int, captions: Sequence[Caption]) -> None:
        """Keep captions of the moment after the event `seq`."""
        self.captions += [SideText(seq, _words(caption), caption.chapter) for caption in captions]

    def until(self, seq: int) -> "_Beside":
        """Return those of a branch that leaves this one after the event `seq`."""
        return _Beside(
            [told for told in self.captions if told.seq <= seq], [told for told in self.commands if told.seq < seq]
        )


def _beside(branch: Branch, beside: dict[str, _Beside]) -> _Beside:
    """Return what stands beside `branch`; one that is new has the past of its parent."""
    if branch.name not in beside:
        parent = beside.get(branch.parent)
        beside[branch.name] = _Beside() if parent is None else parent.until(branch.since.seq)
    return beside[branch.name]


def of_session(session: Session, name: str = "") -> Recording:
    """Return the recording of the current branch of a session, up to its present, with its other branches."""
    return _chosen([_of_branch(branch, name) for branch in session.branches.values()], session.branch.name)


def _of_branch(branch: Branch, name: str) -> Recording:
    with branch.harness.lock:
        now = branch.harness.snapshot()
        return Recording(
            name,
            _copied(branch.history),
            now,
            branch.harness.breach,
            branch=branch.name,
            parent=branch.parent,
            since=branch.since.time,
        )


def _chosen(runs: Sequence[Recording], name: str) -> Recording:
    """Return the branch of that name, with the others beside it. Raises `UsageError`."""
    if all(run.branch != name for run in runs):
        known = ", ".join(run.branch for run in runs)
        there_are = f"the branches are {known}" if known else "the run has only one"
        raise UsageError(f"there is no branch '{visible(name)}'; {there_are}")
    if len(runs) == 1:
        return replace(runs[0], branch="")
    [chosen] = [run for run in runs if run.branch == name]
    others = tuple(replace(run, others=()) for run in runs if run is not chosen)
    return replace(chosen, others=others)


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
    """Return the recording of the first branch of the trace at `path`, with the others. Raises `UsageError`."""
    trace = read_trace(path)
    name = os.path.basename(os.fsdecode(path))
    return _chosen([_of_traced(run, trace.header, name) for run in trace.runs], trace.runs[0].branch)


def _of_traced(run: TracedRun, header: Header, name: str) -> Recording:
    breaches: list[Breach] = []
    invariants = Invariants(header.nodes, on_breach=breaches.append)
    history = History(world=_before(header))
    for record in _without_end(list(run.records)):
        history(record)
        invariants(record)
    return Recording(
        name,
        history,
        _now(header, history),
        breaches[0] if breaches else None,
        branch=run.branch,
        parent=run.parent,
        since=history.time_of(run.since) if run.parent else 0.0,
    )


def is_trace(path: str | os.PathLike[str]) -> bool:
    """Return whether the file at `path` begins as a trace does."""
    with suppress(OSError, ValueError), open(path, "rb") as file:
        return file.read(40).startswith(b'{"schema":"raftplay.trace/')
    return False


def _words(caption: Caption) -> str:
    return "\n".join(caption.paragraphs)


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
