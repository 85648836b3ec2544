"""A lesson in a terminal, or in a pipe: words, predictions, and what the cluster does."""

import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.conditions import Condition
from raftplay.commands.errors import Failed
from raftplay.commands.lexer import Mistake
from raftplay.commands.session import Session
from raftplay.commands.table import Bound
from raftplay.lessons.course import Do, Free, Look, Predict, Request, Verdict, Words, open_lesson, play_step, reach
from raftplay.lessons.language import BREACH, Lesson
from raftplay.lessons.progress import Score
from raftplay.raft import events as dec
from raftplay.raft.messages import UsageError
from raftplay.watch.events import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

WIDTH = 80

NEXT, AGAIN, PREVIOUS, QUIT = "next", "again", "previous", "quit"

TOLD = (dec.ElectionStarted, dec.BecameLeader, dec.LogTruncated, dec.CommitHeld)
"""The decisions that are told while commands let time pass."""


class Quit(Exception):
    """The reader leaves the lesson."""


@dataclass(frozen=True, slots=True)
class Console:
    """Where a lesson is read: `read` asks for a line after a prompt (EOFError at the end), `write` prints one.

    `plain` leaves out what only looks well.
    """

    read: Callable[[str], str]
    write: Callable[[str], None]
    plain: bool = False


class Reader:
    """One reader's way through `lesson`. `speed` is that of the cluster; None takes no time at all."""

    def __init__(
        self, lesson: Lesson, console: Console, *, seed: int | None = None, speed: float | None = None
    ) -> None:
        self.lesson = lesson
        self.console = console
        self.speed = speed
        self.seed = seed
        self.right: dict[int, bool] = {}
        self.commands = -1
        self.session = self._open()

    def play(self) -> Score | None:
        """All steps, up to the end or until the reader quits: the score, None when they quit."""
        self._say(f"Lesson {self.lesson.title}" if self.console.plain else f"Lesson {self.lesson.title}\n")
        at = 0
        try:
            while at < len(self.lesson.steps):
                self._heading(at)
                self._play_step(at)
                match self._go_on(at):
                    case "previous":
                        at = max(at - 1, 0)
                        self._start_over(at)
                    case "again":
                        self._start_over(at)
                    case _:
                        at += 1
        except (Quit, EOFError):
            self._say(f"You left at step {at + 1} of {len(self.lesson.steps)}.")
            return None
        finally:
            with suppress(InvariantBroken):  # it was said when it came about
                self.session.close()
        score = Score(sum(self.right.values()), len(self.right), self.commands)
        self._say(f"The end. {score_text(score)}")
        return score

    # ---- a step

    def _play_step(self, at: int) -> None:
        steps = play_step(self.lesson.steps[at], self.session.harness.n)
        answer: object = None
        with suppress(StopIteration):
            while True:
                answer = self._serve(steps.send(answer))

    def _serve(self, request: Request) -> object:
        match request:
            case Words():
                self._paragraph(request.text)
            case Do():
                self._do(request.bound)
            case Look():
                return self._look(request)
            case Predict():
                return self._ask(request)
            case Verdict():
                self._judge(request)
            case Free():
                self._paragraph(request.text)
                self._free_play(request.goal.goal)
        return None

    def _look(self, request: Look) -> object:
        with self.session.harness.lock:
            return request.read(self.session)

    def _ask(self, request: Predict) -> str:
        if request.complaint:
            self._say(f"  {request.complaint}.")
        else:
            self._paragraph(("Question: " if self.console.plain else "? ") + request.text)
            for number, choice in enumerate(request.question.choices, start=1):
                self._say(f"    {number}  {choice.text}")
        typed = self.console.read(f"{request.question.hint} > ")
        if typed.strip() == QUIT:
            raise Quit
        return typed

    def _judge(self, verdict: Verdict) -> None:
        self.right[verdict.line] = verdict.is_right
        answer = _answer_text(verdict)
        facts = f"{verdict.truth.facts}." if verdict.truth.facts else ""
        if verdict.is_right:
            self._paragraph(f"Right: {answer}. {facts}")
        else:
            self._paragraph(f"Not so: it is {answer}. {facts} {verdict.more}")

    def _do(self, bound: Bound) -> None:
        """Do a command of the lesson and show what comes of it."""
        self._say(f"  $ {visible(bound.statement.text)}")
        self._perform(bound)

    def _perform(self, bound: Bound) -> bool:
        """Do a command; what happens and the answer are shown. Whether an invariant broke."""
        stream = self.session.harness.stream
        stream.attach(self._tell)
        try:
            answer = self.session.perform(bound)
        except InvariantBroken as broken:
            self._say(f"    BROKEN: {visible(str(broken.breach))}")
            return True
        except (Failed, UsageError) as error:
            self._say(f"    {visible(str(error))}")
        else:
            for line in answer.split("\n") if answer else []:
                self._say(f"    {visible(line)}")
        finally:
            stream.detach(self._tell)
        return False

    def _tell(self, record: Record) -> None:
        if isinstance(record.event, TOLD):
            self._say(f"    {record.time:8.3f}  n{record.node} {describe(record)}")

    # ---- between steps, and free play

    def _go_on(self, at: int) -> str:
        """Whether to go on, back, or through the step again; until then the reader may play."""
        last = at + 1 == len(self.lesson.steps)
        end = "the end" if last else "the next step"
        self._say("")
        self._say(f"  Enter: {end} · again · previous · quit · or any command, to play with a copy of the cluster")
        return self._free_play(None)

    def _free_play(self, goal: Condition | str | None) -> str:
        """Commands on a copy of the cluster, up to a word that goes on, or the goal; the word."""
        home = self.session.branch
        count = 0
        try:
            while True:
                typed = self.console.read("play > ").strip()
                if typed in ("", NEXT, AGAIN, PREVIOUS):
                    return typed or NEXT
                if typed == QUIT:
                    raise Quit
                if self.session.branch is home:
                    self.session.fork("play")
                broke, done = self._type(typed)
                count += done
                if (goal == BREACH and broke) or (isinstance(goal, Condition) and goal.holds(self.session)):
                    self._say(f"  You did it, with {count} command{'' if count == 1 else 's'}.")
                    self.commands = count if self.commands < 0 else min(self.commands, count)
                    return NEXT
        finally:
            if self.session.branch is not home:
                self.session.discard(home)

    def _type(self, line: str) -> tuple[bool, int]:
        """Commands that the reader typed: whether an invariant broke, and how many there were."""
        try:
            commands = self.session.bind(line)
        except Mistake as mistake:
            self._say(f"  {visible(mistake.message)}")
            return False, 0
        for count, bound in enumerate(commands, start=1):
            if self._perform(bound):
                return True, count
        return False, len(commands)

    def _start_over(self, at: int) -> None:
        """The cluster as it was when step `at` began."""
        seed = self.session.blueprint.seed if self.session.blueprint else None
        with suppress(InvariantBroken):  # it was said when it came about
            self.session.close()
        self.seed = seed
        self.session = self._open()
        reach(self.session, self.lesson, at)
        self._keep_pace()

    def _open(self) -> Session:
        session = open_lesson(self.lesson, self.seed)
        if self.speed is not None:
            session.harness.set_speed(self.speed)
        return session

    def _keep_pace(self) -> None:
        if self.speed is not None:
            self.session.harness.keep_pace()

    # ---- on paper

    def _heading(self, at: int) -> None:
        title = f"Step {at + 1} of {len(self.lesson.steps)}: {self.lesson.steps[at].title}"
        if not self.console.plain:
            title = f"\n── {title} ".ljust(WIDTH, "─")
        self._say(title)

    def _paragraph(self, text: str) -> None:
        text = " ".join(text.split())
        if self.console.plain:
            self._say(text)
        else:
            self._say("\n" + "\n".join(f"  {line}" for line in textwrap.wrap(text, WIDTH - 4)))

    def _say(self, text: str) -> None:
        self.console.write(text)


def score_text(score: Score) -> str:
    """A score in words."""
    parts = [f"{score.right} of {score.questions} predictions came true"] if score.questions else []
    parts += [f"the goal took {score.commands} command{'' if score.commands == 1 else 's'}"] * (
        score.commands >= 0
    )
    return (", ".join(parts) or "done") + "."


def _answer_text(verdict: Verdict) -> str:
    answer = verdict.truth.answer
    match verdict.question.kind:
        case "node":
            return f"node {answer}"
        case "choice":
            return f"{answer}, {verdict.question.choices[int(answer) - 1].text.rstrip('.')}"
    return answer
