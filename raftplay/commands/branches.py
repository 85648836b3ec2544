"""Futures of one cluster: each with its harness, its history, and a journal of what was done to it.

The rule of this module: in virtual time a journal gives the same run again. So the past of a branch can be
played anew up to any moment, and another future begin there, without keeping copies of anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from raftplay.cluster.config import Config
from raftplay.cluster.disk import MemoryDisk
from raftplay.cluster.harness import Harness
from raftplay.cluster.timings import told_elsewhere
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.watch.stream import Reader

if TYPE_CHECKING:
    from raftplay.commands.table import Bound

FIRST = "main"
"""The name of the branch that a session begins with."""

MAX_BRANCHES = 16

SETTLES = "now"
"""The line of a script that only looks, and so lets leave what was submitted, at any moment and while paused."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a cluster is made from: with the same one, in sim, the same cluster can be made again."""

    nodes: int
    backend: str
    seed: int
    config: Config
    watched: tuple[str, ...] = ()
    data_dir: Path | None = None

    def build(self, readers: Iterable[Reader], disks: Sequence[MemoryDisk] | None = None) -> Harness:
        """A new cluster, with `readers` from its first event on, over the data directory if there is one.

        With `disks` it is over copies of them, in memory. Raises `UsageError` and `StorageError`.
        """
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
            )


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: the last event by then, and cluster time."""

    seq: int
    time: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One command that was done: from which moment to which, and why it did not hold if it did not.

    Without a command (`bound` is None) it is a settling: what was submitted left, because somebody looked or
    because a command that was refused had settled first. The look itself is never kept.
    """

    bound: "Bound | None"
    start: Mark
    end: Mark
    failure: str = ""
    broke: bool = False
    """Whether it failed because an invariant broke: done again, it breaks it again."""

    @property
    def text(self) -> str:
        """The command as it was written; for a settling, the look that stands for any other in a script."""
        return SETTLES if self.bound is None else self.bound.statement.text

    @property
    def takes_time(self) -> bool:
        """Whether it only lets time pass, so that any part of it can be played."""
        return self.bound is not None and self.bound.command.effect == "passes"

    @property
    def can_be_done_again(self) -> bool:
        """Whether the command itself does again what it did; else only the time that it took passes again."""
        return self.broke or not self.failure

    @property
    def changed(self) -> bool:
        """Whether any event came of it."""
        return self.end.seq > self.start.seq


@dataclass(slots=True)
class Branch:
    """One future: `parent` and `since` say where it left another; `journal` is all that was done to it."""

    name: str
    harness: Harness
    history: History
    parent: str = ""
    since: Mark = Mark(0, 0.0)
    journal: list[Entry] = field(default_factory=list)
    variables: dict[str, int] = field(default_factory=dict)
    last_index: int | None = None
    traced: Reader | None = None
    """The reader that writes what happens in it to the trace, if there is one."""

    born: Mark = field(init=False)
    """The moment at which its cluster began to run."""

    def __post_init__(self) -> None:
        self.born = self.mark()

    @property
    def count(self) -> int:
        """The number of commands in the journal."""
        return sum(entry.bound is not None for entry in self.journal)

    def mark(self) -> Mark:
        """This moment."""
        with self.harness.lock:
            return Mark(self.history.last_seq, self.harness.now)


@dataclass(frozen=True, slots=True)
class Position:
    """Name the branch that is played and the moment that is looked at (None: the present), in one value.

    `branches` are all that there are, by name. `entered` is the number of the last event of `branch` by the time
    when it was entered: what comes after it is news. A session replaces the whole value at once, so that every
    thread that reads it has a branch and a moment that belong together.
    """

    branch: Branch
    moment: Mark | None
    branches: Mapping[str, Branch]
    entered: int = 0


def split(journal: Sequence[Entry], cut: Mark) -> tuple[list[Entry], Entry | None]:
    """What was done by the moment `cut`, and the command that was under way then, if one that takes time was.

    What cannot be divided counts as done when it had begun.
    """
    done: list[Entry] = []
    for entry in journal:
        if _begins_after(entry, cut):
            break
        if entry.takes_time and (entry.end.seq > cut.seq or entry.end.time > cut.time):
            return done, entry
        done.append(entry)
    return done, None


def _begins_after(entry: Entry, cut: Mark) -> bool:
    if entry.start.time > cut.time:
        return True
    changes = entry.changed or entry.takes_time
    return entry.start.seq >= cut.seq if changes else entry.start.seq > cut.seq


def time_text(seconds: float) -> str:
    """A moment as `goto` reads it back to the last bit: ``0.157s``."""
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return f"{text if float(text) == seconds else _all_digits(seconds)}s"


def _all_digits(seconds: float) -> str:
    text = repr(seconds)
    return text if "e" not in text else f"{seconds:.30f}".rstrip("0")


def shortest_between(low: float, high: float) -> float:
    """The number with the fewest decimals in low <= number < high; `low` itself when there is none so short."""
    for digits in range(3, 12):
        scale: int = 10**digits
        whole = int(low * scale)
        for candidate in (whole / scale, (whole + 1) / scale):
            if low <= candidate < high:
                return candidate
    return low


def new_name(taken: Iterable[str]) -> str:
    """A name for one more branch. Raises `UsageError` when there are enough."""
    names = set(taken)
    if len(names) >= MAX_BRANCHES:
        raise UsageError(f"there are {len(names)} branches already; no more are kept")
    return next(name for number in range(1, MAX_BRANCHES + 1) if (name := f"b{number}") not in names)
