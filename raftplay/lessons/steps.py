"""A lesson as a value: its steps, with what each of them says, asks and does."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from raftplay.commands.setup import Setup
from raftplay.language.conditions import Condition
from raftplay.language.table import Bound
from raftplay.lessons.questions import Question
from raftplay.run.script import Script
from raftplay.run.script import Step as Command
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session

BREACH = "breach"
"""The goal of free play that an invariant is violated."""

FilledText = Callable[[Session], str]
"""A function that returns a text, with its holes filled in from a session."""


@dataclass(frozen=True, slots=True)
class Say:
    """A paragraph for the reader."""

    text: FilledText
    line: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. `text` returns it with its holes filled in; `wrong` is shown after a wrong prediction."""

    question: Question
    text: FilledText
    wrong: FilledText | None
    line: int


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """The point at which the prediction is compared with the facts."""

    ask: Ask
    line: int


@dataclass(frozen=True, slots=True)
class Play:
    """Free play, until `goal` holds (an invariant is violated if it is "breach") or the reader goes on."""

    text: FilledText
    goal: Condition | str | None
    line: int


@dataclass(frozen=True, slots=True)
class Anew:
    """The replacement of the cluster by that of the set-up with these changes, and with no bugs but theirs."""

    changes: Setup
    line: int

    def applied(self, first: Blueprint) -> Blueprint:
        """Return the parameters of the new cluster, given those of the set-up."""
        config = replace(self.changes.config(first.config), bugs=tuple(self.changes.bugs)).settled()
        nodes = self.changes.nodes or first.nodes
        seed = first.seed if self.changes.seed is None else self.changes.seed
        given = tuple(disk for disk in first.given if disk.node < nodes)
        watched = tuple(self.changes.watched) or first.watched
        return replace(first, nodes=nodes, seed=seed, config=config, given=given, watched=watched)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A command that is performed without being shown."""

    bound: Bound
    line: int


@dataclass(frozen=True, slots=True)
class Beside:
    """A command that looks: its answer is shown beside the one that it gave the last time."""

    bound: Bound
    line: int


LessonItem = Say | Ask | ExpectedAnswer | Play | Anew | Unseen | Beside | Command


@dataclass(frozen=True, slots=True)
class LessonStep:
    """A step: its words, questions and commands, in order."""

    title: str
    items: tuple[LessonItem, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson that can be played. `mystery` names the bugs of which the seed picks one."""

    name: str
    title: str
    script: Script
    steps: tuple[LessonStep, ...]
    mystery: tuple[str, ...] = ()

    @property
    def setup(self) -> Setup:
        """Return the set-up of the cluster that the lesson is played on."""
        return self.script.setup
