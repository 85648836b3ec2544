"""The check of a lesson: it is played with many seeds, once with correct predictions and once with wrong ones.

The rule of this module: every problem that a reader could meet is found here first. A failed command, a question
without an answer, a goal reached before anybody acts: each is named with its line and seed.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.errors import UsageError
from raftplay.language.conditions import Condition
from raftplay.lessons.course import (
    AnswerVerdict,
    Do,
    Free,
    LessonRequest,
    Look,
    Paragraph,
    Predict,
    Steps,
    open_lesson,
    play_step,
)
from raftplay.lessons.steps import Lesson
from raftplay.session.errors import Failed
from raftplay.session.session import Session

SEEDS = 20
"""The number of seeds with which a lesson is played."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that a reader would meet: its line, its seed, and what is wrong."""

    line: int
    seed: int
    text: str


@dataclass(frozen=True, slots=True)
class LessonRun:
    """One run of a lesson: the problems, the truths by the line of their question, the words read."""

    problems: tuple[Problem, ...]
    truths: dict[int, str]
    words: tuple[str, ...]


def check(lesson: Lesson, seeds: Iterable[int] = range(SEEDS)) -> list[Problem]:
    """Return the first problem of each line of `lesson`, which is played with its seed only, if it fixes one."""
    found: dict[int, Problem] = {}
    for seed in seeds if lesson.setup.seed is None else (lesson.setup.seed,):
        blind = play(lesson, seed, {})
        for playing in (blind, play(lesson, seed, blind.truths), play(lesson, seed, blind.truths, wrong=True)):
            for problem in playing.problems:
                found.setdefault(problem.line, problem)
    return sorted(found.values(), key=lambda problem: problem.line)


def play(lesson: Lesson, seed: int, truths: dict[int, str], *, wrong: bool = False) -> LessonRun:
    """Play all steps, with predictions that `truths` has by the line of their question, or with `wrong` ones."""
    session = open_lesson(lesson, seed)
    player = _Player(session, seed, truths, wrong)
    try:
        for step in lesson.steps:
            player.play(play_step(step, session.harness.n))
    except _Stuck:
        pass
    finally:
        with suppress(InvariantBroken, NodeFailed):  # the lesson has a bug on
            session.close()
    return LessonRun(tuple(player.problems), player.found, tuple(player.words))


class _Stuck(Exception):
    """The lesson cannot go on."""


class _Player:
    """Serves the requests of one run of a lesson."""

    def __init__(self, session: Session, seed: int, truths: dict[int, str], wrong: bool) -> None:
        self.session = session
        self.seed = seed
        self.truths = truths
        self.wrong = wrong
        self.problems: list[Problem] = []
        self.found: dict[int, str] = {}
        self.words: list[str] = []

    def play(self, steps: Steps) -> None:
        """Serve all requests of one step."""
        answer: object = None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration:
                return
            answer = self.serve(request)

    def serve(self, request: LessonRequest) -> object:
        """Return what a reader, and the cluster, would give."""
        match request:
            case Paragraph():
                self.words.append(request.text)
            case Do():
                self.do(request)
            case Look():
                return self.look(request)
            case Predict():
                return self.predict(request)
            case AnswerVerdict():
                self.judge(request)
            case Free():
                self.words.append(request.text)
                self.try_goal(request)
        return None

    def do(self, request: Do) -> None:
        """Perform a command, which must succeed; an invariant may be violated where a bug is on."""
        outcome = self.session.perform(request.bound).uninterrupted()
        is_meant = outcome.breach is not None and bool(self.session.harness.config.bugs)
        if not (outcome.held or is_meant):
            self.stuck(request.line, f"{request.bound.text}: {outcome.answer}")

    def look(self, request: Look) -> object:
        """Read a value off the session, where it must be."""
        try:
            found = request.read(self.session)
        except (Failed, UsageError) as error:
            self.stuck(request.line, str(error))
        if isinstance(found, str) and "(nobody)" in found:
            self.note(request.line, f"there is nobody to name: {found}")
        return found

    def predict(self, request: Predict) -> str:
        """Return the prediction that this run needs."""
        question, n = request.question, self.session.harness.n
        if request.complaint:
            self.stuck(request.line, f"an answer of the right form was refused: {request.complaint}")
        truth = self.truths.get(request.line)
        if truth is None:
            return "yes" if question.kind == "yes" else "1" if question.kind == "choice" else "0"
        if not self.wrong:
            return truth
        others = question.others(truth, n)
        if not others:
            self.stuck(request.line, "there is no wrong answer")
        return others[self.seed % len(others)]

    def judge(self, verdict: AnswerVerdict) -> None:
        """Check that the verdict is the intended one, and has facts."""
        self.found[verdict.line] = verdict.truth.answer
        if self.truths and verdict.is_right == self.wrong:
            self.note(verdict.line, f"the answer changed between two plays: {verdict.truth.answer}")
        if not verdict.truth.facts:
            self.note(verdict.line, "no facts explain the answer")

    def try_goal(self, request: Free) -> None:
        """Check that the goal does not hold before anybody acts."""
        goal = request.goal.goal
        if isinstance(goal, Condition) and goal.holds(self.session):
            self.note(request.goal.line, "the goal holds before anything is done")

    def note(self, line: int, text: str) -> None:
        """Record a problem after which the lesson can go on."""
        self.problems.append(Problem(line, self.seed, text))

    def stuck(self, line: int, text: str) -> NoReturn:
        """Record a problem after which the lesson cannot go on. Raises `_Stuck`."""
        self.note(line, text)
        raise _Stuck
