"""Branches of one cluster's history: each with its harness, its history, and a journal of its commands.

The rule of this module: in virtual time the replay of a journal is bit-for-bit identical. So the past of a branch
can be replayed up to any moment, and a new branch can begin there, without any copies of the past.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from raftplay.cluster.config import Config
from raftplay.cluster.given import Given, disks_of
from raftplay.cluster.harness import Harness
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.cluster.timings import told_elsewhere
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.watch.stream import Reader

FIRST = "main"
"""The name of a session's first branch."""

MAX_BRANCHES = 16

SETTLES = "now"
"""A script line that only looks, and so sends what was submitted, at any moment and while paused."""


Effect = Literal["acts", "passes", "looks", "checks", "clock"]
"""The effect of a command on a session: it acts on the cluster, lets time pass, only looks, checks the present,
or changes the clock. The journal does not keep a look, only that it sent what was submitted. A command that acts
or lets time pass ends a look at the past."""


class Deed(Protocol):
    """A command, as it was written, that a session can run."""

    @property
    def name(self) -> str:
        """Return the name of the command."""

    @property
    def group(self) -> str:
        """Return the group of the command."""

    @property
    def effect(self) -> Effect:
        """Return the effect of the command."""

    @property
    def text(self) -> str:
        """Return the command as it was written."""

    def run(self, session: Any) -> str:
        """Run the command in a `Session` and return its answer."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parameters of a cluster: in sim, equal blueprints build equal clusters."""

    nodes: int
    backend: str
    seed: int
    config: Config
    watched: tuple[str, ...] = ()
    data_dir: Path | None = None
    given: tuple[Given, ...] = ()
    """The disks that hold something before the start."""

    state_machine: MachineFactory | None = None
    """The function that creates a node's state machine; None for the key-value store."""

    def build(
        self, readers: Iterable[Reader], disks: Sequence[MemoryDisk] | None = None, *, begins: bool = True
    ) -> Harness:
        """Build a cluster, with `readers` from its first event on, over the data directory if there is one.

        With `disks` the cluster uses in-memory copies of them. Unless it `begins`, time stands still until
        somebody steers it. Raises `UsageError` and `StorageError`.
        """
        disks = disks_of(self.nodes, self.given) if disks is None and self.given else disks
        with told_elsewhere():
            return Harness(
                self.nodes,
                backend=self.backend,
                seed=self.seed,
                config=self.config,
                watch=self.watched or True,
                readers=readers,
                data_dir=self.data_dir if disks is None else None,
                storage=None if disks is None else [disk.copy() for disk in disks],
                state_machine=self.state_machine,
                begins=begins,
            )


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: the number of the last event by then, and cluster time in seconds."""

    seq: int
    time: float


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One command that ran: its first and last moment, and its failure if it failed.

    Without a command (`bound` is None) it is a settling: submitted values were sent because of a look, or because
    a command that was rejected had settled first. The journal never keeps the look.
    """

    bound: Deed | None
    start: Mark
    end: Mark
    failure: str = ""
    broke: bool = False
    """True if it failed because an invariant was violated: a replay violates it again."""

    @property
    def text(self) -> str:
        """Return the command as it was written; for a settling, the look `SETTLES`."""
        return SETTLES if self.bound is None else self.bound.text

    @property
    def takes_time(self) -> bool:
        """Return whether it only lets time pass, so that a part of it can be replayed."""
        return self.bound is not None and self.bound.effect == "passes"

    @property
    def can_be_done_again(self) -> bool:
        """Return whether a replay runs the command; else only the time that it took passes."""
        return self.broke or not self.failure

    @property
    def changed(self) -> bool:
        """Return whether it caused any event."""
        return self.end.seq > self.start.seq


@dataclass(slots=True)
class Branch:
    """One branch: `parent` and `since` say where it began; `journal` holds all its commands."""

    name: str
    harness: Harness
    history: History
    parent: str = ""
    since: Mark = Mark(0, 0.0)
    journal: list[JournalEntry] = field(default_factory=list)
    variables: dict[str, int] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """The moments that `mark` named. Replaced as a whole, as any thread may read it."""

    last_index: int | None = None
    blueprint: Blueprint | None = None
    """The parameters of its cluster; None if they are not known, so that it cannot be built again."""

    rests: bool = False
    """True if its cluster, on sockets, was halted when another branch was entered."""

    traced: Reader | None = None
    """The reader that writes its events to the trace, if there is one."""

    born: Mark = field(init=False)
    """The moment at which its cluster began to run."""

    def __post_init__(self) -> None:
        self.born = self.mark()

    @property
    def count(self) -> int:
        """Return the number of commands in the journal."""
        return sum(entry.bound is not None for entry in self.journal)

    def mark(self) -> Mark:
        """Return the present moment of the branch."""
        with self.harness.lock:
            return Mark(self.history.last_seq, self.harness.now)

    def cut_at(self, moment: Mark) -> Mark:
        """Return `moment` as a branch's beginning: its time in the fewest digits that precede the next event."""
        later = next((r.time for r in self.history.after(moment.seq) if r.time > moment.time), self.harness.now)
        return Mark(moment.seq, shortest_between(moment.time, later))


@dataclass(frozen=True, slots=True)
class Position:
    """The current branch and the moment that is looked at (None: the present), in one value.

    `branches` holds all branches by name. `entered` is the number of the last event of `branch` when it was
    entered: later events are news. A session replaces the whole value at once, so that every thread reads a branch
    and a moment that belong together.
    """

    branch: Branch
    moment: Mark | None
    branches: Mapping[str, Branch]
    entered: int = 0


class Shown(NamedTuple):
    """The moment of a branch that a screen shows."""

    branch: Branch
    moment: Mark


def split(journal: Sequence[JournalEntry], cut: Mark) -> tuple[list[JournalEntry], JournalEntry | None]:
    """Return the entries done by the moment `cut`, and the one that takes time and was running then, if any.

    An entry that cannot be divided counts as done once it has begun.
    """
    done: list[JournalEntry] = []
    for entry in journal:
        if _begins_after(entry, cut):
            break
        if entry.takes_time and (entry.end.seq > cut.seq or entry.end.time > cut.time):
            return done, entry
        done.append(entry)
    return done, None


def _begins_after(entry: JournalEntry, cut: Mark) -> bool:
    if entry.start.time > cut.time:
        return True
    changes = entry.changed or entry.takes_time
    return entry.start.seq >= cut.seq if changes else entry.start.seq > cut.seq


def time_text(seconds: float) -> str:
    """Return `seconds` as text that `goto` reads back exactly: ``0.157s``."""
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return f"{text if float(text) == seconds else _all_digits(seconds)}s"


def _all_digits(seconds: float) -> str:
    text = repr(seconds)
    return text if "e" not in text else f"{seconds:.30f}".rstrip("0")


def shortest_between(low: float, high: float) -> float:
    """Return the number in low <= number < high with the fewest decimals (3 to 11), else `low`."""
    for digits in range(3, 12):
        scale: int = 10**digits
        whole = int(low * scale)
        for candidate in (whole / scale, (whole + 1) / scale):
            if low <= candidate < high:
                return candidate
    return low


def new_name(taken: Iterable[str]) -> str:
    """Return a name for one more branch. Raises `UsageError` if there are `MAX_BRANCHES` already."""
    names = set(taken)
    if len(names) >= MAX_BRANCHES:
        raise UsageError(f"there are {len(names)} branches already, the maximum")
    return next(name for number in range(1, MAX_BRANCHES + 1) if (name := f"b{number}") not in names)
