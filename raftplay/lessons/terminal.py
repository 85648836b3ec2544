"""A lesson as it is read: words, predictions, and the events of the cluster, step by step."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.lessons.console import Console, Teller
from raftplay.lessons.course import AnswerVerdict, Do, Free, LessonRequest, Look, Paragraph, Predict, play_step
from raftplay.lessons.free import HELP_ASKED, PREVIOUS, FreePlay, Jump, Quit
from raftplay.lessons.page import wrapped
from raftplay.lessons.progress import Left, Score
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import BREACH, Lesson
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.watch.text import count, visible

STILL = "Time stands still while you read and think."


@dataclass(slots=True)
class LessonTally:
    """The results of the predictions, by the line of their question, and the fewest commands to the goal."""

    right: dict[int, bool] = field(default_factory=dict)
    commands: int = -1

    def note(self, line: int, is_right: bool) -> None:
        """Record the first prediction only: a reader who goes back knows the answer."""
        self.right.setdefault(line, is_right)

    def note_goal(self, commands: int) -> None:
        """Record that a goal was reached with `commands` commands."""
        self.commands = commands if self.commands < 0 else min(self.commands, commands)

    @property
    def score(self) -> Score:
        """Return the score."""
        return Score(sum(self.right.values()), len(self.right), self.commands)


class LessonReader:
    """A reader's run through `lesson` on a stage. `start` is where they left it the last time."""

    def __init__(self, lesson: Lesson, stage: Stage, console: Console, *, start: Left | None = None) -> None:
        self.lesson = lesson
        self.stage = stage
        self.teller = Teller(console)
        self.free = FreePlay(stage, self.teller)
        self.console = console
        self.looked: dict[str, str] = {}
        self.at = min(start.step, len(lesson.steps) - 1) if start is not None else 0
        self.tally = LessonTally(dict(start.right), start.commands) if start is not None else LessonTally()

    @property
    def session(self) -> Session:
        """Return the session that is played on."""
        return self.stage.session

    @property
    def is_over(self) -> bool:
        """Return whether all steps are behind the reader."""
        return self.at == len(self.lesson.steps)

    @property
    def left(self) -> Left | None:
        """Return where the reader is now, to go on from later; None in the first step."""
        seed = self.session.blueprint.seed if self.session.blueprint is not None else 0
        return Left(self.at, seed, self.tally.right, self.tally.commands) if self.at else None

    def play(self) -> Score | None:
        """Play all steps, up to the end or until the reader quits; return the score, None when they quit."""
        self.teller.line(f"Lesson {self.lesson.title}", "title")
        if node := self.session.harness.config.node_name:
            self.teller.line(f"node: {visible(node)}", "dim")
        self.teller.line(f"{STILL} help says what you can type.", "dim")
        total = len(self.lesson.steps)
        try:
            if self.at:
                self.teller.words(f"You go on with step {self.at + 1}; type previous for the step before.", "dim")
                self.looked = self.stage.start_over(self.lesson, self.at)
            while self.at < total:
                self._go_through()
        except (Quit, EOFError):
            self.teller.gap()
            self.teller.line(f"You left in step {self.at + 1} of {total}.")
            return None
        self.teller.paragraph(f"The end. {score_text(self.tally.score)}", "title")
        return self.tally.score

    # ---- a step

    def _go_through(self) -> None:
        """Play the next step, then set `at` to the one that follows."""
        try:
            self._heading()
            self._play_step()
            self._between()
        except (Jump, Interrupted) as jump:
            if isinstance(jump, Interrupted):
                self.teller.words("Interrupted: this step begins again.")
            self.at = max(self.at - 1, 0) if str(jump) == PREVIOUS else self.at
            self.looked = self.stage.start_over(self.lesson, self.at)
        else:
            self.at += 1

    def _play_step(self) -> None:
        steps = play_step(self.lesson.steps[self.at], self.session.harness.n)
        answer: object = None
        with suppress(StopIteration):
            while True:
                answer = self._serve(steps.send(answer))

    def _serve(self, request: LessonRequest) -> object:
        match request:
            case Paragraph():
                self.teller.paragraph(request.text)
            case Do():
                self._do(request)
            case Look():
                return self._look(request)
            case Predict():
                return self._ask(request)
            case AnswerVerdict():
                self._judge(request)
            case Free():
                self._free(request)
        return None

    def _look(self, request: Look) -> object:
        """Read a value off the session. Raises `UsageError` where the lesson asks for one that there is not."""
        try:
            return self.stage.look(request.read)
        except Failed as failure:
            raise UsageError(
                f"line {request.line} of the lesson has no answer here: {failure}; "
                "raftplay lesson --check FILE finds such lines"
            ) from None

    def _do(self, request: Do) -> None:
        """Perform a command of the lesson, and show it unless it is unseen or only keeps a value."""
        bound = request.bound
        if request.unseen or bound.name == "let":
            self.stage.do(bound)  # --check reports what fails
        else:
            self.teller.command(bound.text)
            before = self.looked.get(bound.text, "") if request.beside else ""
            is_seen = self.console.has_stage and bound.text == "status" and not before
            done = self.teller.perform(self.stage, bound, before=before, is_seen=is_seen)
            if bound.effect == "looks" and done.held:
                self.looked[bound.text] = done.answer

    def _free(self, request: Free) -> None:
        goal = request.goal.goal
        self.teller.paragraph(request.text, "question", sign=self.teller.sign("»"))
        words = "On a copy of the cluster: nothing here spoils the lesson. sleep and wait let time pass."
        if goal is not None:
            words += f" {'Violate an invariant' if goal == BREACH else 'Reach the goal'}, or go on with next."
        self.teller.words(words, "dim")
        commands = self.free.play(goal)
        if commands is not None:
            self.tally.note_goal(commands)

    def _ask(self, request: Predict) -> str:
        question = request.question
        if request.complaint:
            self.teller.words(f"{request.complaint[:1].upper()}{request.complaint[1:]}.", "dim")
        else:
            words = ("Question: " if self.console.plain else "") + request.text
            self.teller.paragraph(words, "question", sign=self.teller.sign("?"))
            for number, choice in enumerate(question.choices, start=1):
                first = f"{self.teller.before * 2}{number}  "
                fold = partial(wrapped, choice.text, first=first, rest=" " * len(first))
                self.teller.folded(fold, "question")
        prompt = f"{question.hint_for(self.session.harness.n)} > "
        while True:
            typed = self.teller.read(prompt) or ""
            if not self.free.obey(typed.strip(), HELP_ASKED) and not self.free.look(typed):
                return typed

    def _judge(self, verdict: AnswerVerdict) -> None:
        self.tally.note(verdict.line, verdict.is_right)
        answer = _in_words(verdict, verdict.truth.answer)
        facts = sentence(verdict.truth.facts)
        if verdict.is_right:
            self.teller.paragraph(f"Correct: {answer}. {facts}", "right", sign=self.teller.sign("✓"))
            return
        self.teller.paragraph(f"Incorrect: the answer is {answer}. {facts}", "wrong", sign=self.teller.sign("✗"))
        for words in (verdict.against, verdict.more):
            if words:
                self.teller.words(words)

    # ---- around steps

    def _heading(self) -> None:
        title = f"Step {self.at + 1} of {len(self.lesson.steps)}: {self.lesson.steps[self.at].title}"
        self.teller.line()
        if self.console.plain:
            self.teller.line(title, "title")
        else:
            self.teller.folded(lambda width: [f"── {title} ".ljust(width, "─")], "title")

    def _between(self) -> None:
        """Offer to play, look, and go back before the next step begins."""
        is_last = self.at + 1 == len(self.lesson.steps)
        onward = "ends the lesson" if is_last else "goes on"
        self.teller.gap()
        self.teller.words(f"Enter {onward}; again, previous, quit; or type commands to play with a copy.", "dim")
        try:
            self.free.play(ends_at_enter=True)
        except EOFError:
            if not is_last:
                raise


BEGINNINGS = ("the", "node", "nodes", "no", "there", "it", "done")
"""The words of raftplay with which facts begin."""


def score_text(score: Score) -> str:
    """Return a score in words."""
    parts = [f"{score.right} of {score.questions} predictions correct"] if score.questions else []
    if score.commands >= 0:
        parts.append(f"the goal took {count(score.commands, 'command')}")
    return sentence(", ".join(parts) or "done")


def sentence(text: str) -> str:
    """Return `text` as a sentence; a word that may be a submitted value keeps its small letter."""
    begins = text.split(" ", 1)[0] in BEGINNINGS or text[:1].isdigit()
    return f"{text[:1].upper() if begins else text[:1]}{text[1:]}." if text else ""


def _in_words(verdict: AnswerVerdict, answer: str) -> str:
    match verdict.question.kind:
        case "node":
            return f"node {answer}"
        case "choice":
            return f"{answer}, “{verdict.question.choices[int(answer) - 1].text.rstrip('.')}”"
    return answer
