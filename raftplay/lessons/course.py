"""The course of a lesson, step by step, for every way of showing it.

A step is a generator: it yields what to show or do, and is sent the result. So the terminal, the screen and
`raftplay lesson --check` drive the same lesson, each in its own way.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from raftplay.cluster.arguments import new_seed
from raftplay.language.table import Bound
from raftplay.lessons.questions import NoAnswer, Question, Truth
from raftplay.lessons.steps import Anew, Ask, Beside, ExpectedAnswer, Lesson, LessonStep, Play, Say, Unseen
from raftplay.past.history import History
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Show a paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Do:
    """Perform a command and show it, or not if `unseen`; nothing is sent back.

    `beside`: show the answer beside the one that the same command gave the last time.
    """

    bound: Bound
    line: int
    unseen: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Read a value off the session, where it may be read; the result is sent back."""

    read: Callable[[Session], object]
    line: int


@dataclass(frozen=True, slots=True)
class Predict:
    """Ask the reader; the typed text is sent back. `complaint` says what was wrong with the text before."""

    question: Question
    text: str
    complaint: str
    line: int


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """Show the result of a prediction: whether it was correct, the truth with its facts, and what else to say.

    `against` is what the cluster says against a wrong prediction, `more` what the lesson says about it.
    """

    question: Question
    given: str
    truth: Truth
    against: str
    more: str
    line: int

    @property
    def is_right(self) -> bool:
        """Return whether the prediction was correct."""
        return self.given == self.truth.answer


@dataclass(frozen=True, slots=True)
class Free:
    """Offer free play on a copy of the cluster, up to the goal or until the reader goes on."""

    text: str
    goal: Play


LessonRequest = Paragraph | Do | Look | Predict | AnswerVerdict | Free
Steps = Generator[LessonRequest, Any, None]


def play_step(step: LessonStep, nodes: int) -> Steps:
    """Yield the requests of one step, in order."""
    given: dict[int, str] = {}
    for item in step.items:
        match item:
            case Say():
                yield Paragraph((yield Look(item.text, item.line)))
            case Ask():
                given[item.line] = yield from _predict(item, nodes)
            case ExpectedAnswer():
                ask = item.ask
                truth = yield Look(ask.question.truth, item.line)
                prediction = given[ask.line]
                against = more = ""
                if prediction != truth.answer:
                    against = yield Look(partial(ask.question.against, given=prediction, truth=truth), item.line)
                    more = (yield Look(ask.wrong, item.line)) if ask.wrong is not None else ""
                yield AnswerVerdict(ask.question, prediction, truth, against, more, ask.line)
            case Anew():
                yield Look(partial(Session.anew, changed=item.applied), item.line)
                nodes = yield Look(lambda session: session.harness.n, item.line)
            case Play():
                yield Free((yield Look(item.text, item.line)), item)
            case _:
                yield Do(item.bound, item.line, isinstance(item, Unseen), isinstance(item, Beside))


def _predict(ask: Ask, nodes: int) -> Generator[LessonRequest, Any, str]:
    text: str = yield Look(ask.text, ask.line)
    complaint = ""
    while True:
        typed: str = yield Predict(ask.question, text, complaint, ask.line)
        try:
            return ask.question.read(typed, nodes)
        except NoAnswer as error:
            complaint = str(error)


def open_lesson(lesson: Lesson, seed: int | None = None) -> Session:
    """Return a session on the lesson's cluster, in virtual time. A `seed` replaces the one of the lesson."""
    setup = lesson.setup
    assert setup.nodes is not None
    chosen = seed if seed is not None else setup.seed if setup.seed is not None else new_seed()
    config = setup.config().settled()
    if lesson.mystery:
        config = replace(config, bugs=(*config.bugs, random.Random(f"{chosen} mystery").choice(lesson.mystery)))
    blueprint = Blueprint(setup.nodes, "sim", chosen, config, tuple(setup.watched), given=tuple(setup.given))
    history = History()
    session = Session(blueprint.build((history,)), history, blueprint=blueprint)
    session.hides_bugs = bool(lesson.mystery)
    return session


def reach(session: Session, lesson: Lesson, at: int) -> dict[str, str]:
    """Perform, unseen, what the steps before step `at` (from 0) do, so that it can begin.

    Returns the last answer of each command that looks.
    """
    answers: dict[str, str] = {}
    for step in lesson.steps[:at]:
        for item in step.items:
            if isinstance(item, Anew):
                session.anew(item.applied)
            elif not isinstance(item, Say | Ask | ExpectedAnswer | Play):
                outcome = session.perform(item.bound).uninterrupted()  # a failure was shown in its step
                if outcome.held and item.bound.effect == "looks":
                    answers[item.bound.text] = outcome.answer
    return answers
