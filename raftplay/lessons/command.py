"""`raftplay lesson`: lists the lessons, plays one in a terminal or a pipe, or checks one."""

import re
from contextlib import suppress
from pathlib import Path

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.lexer import Mistake
from raftplay.lessons import catalogue, progress
from raftplay.lessons.catalogue import LessonText
from raftplay.lessons.check import SEEDS, check
from raftplay.lessons.console import Console
from raftplay.lessons.course import open_lesson
from raftplay.lessons.progress import Left
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import Ask, Lesson, Play
from raftplay.lessons.terminal import LessonReader, score_text
from raftplay.run.transcript import Write
from raftplay.session.shown import path_text
from raftplay.session.status import Status
from raftplay.watch.text import count

WORDS_A_MINUTE = 200
FOR_QUESTION, FOR_COMMAND, FOR_PLAY, FOR_GOAL = 15, 4, 60, 120
"""Seconds to think about a question, to watch a command and read its answer, to play, to reach a goal."""


def list_lessons(file: Path) -> str:
    """Return a line for every lesson that ships: number, title, minutes, and the result so far."""
    known = progress.kept(file)
    rows = []
    for name in catalogue.names():
        text = catalogue.shipped(name)
        lesson = text.lesson()
        number, _, title = lesson.title.partition(": ")
        rows.append((number, title, f"{minutes(lesson, text.source)} min", _went(known, name, len(lesson.steps))))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    lines = [
        f"{number:>{widths[0]}}  {title:<{widths[1]}}  {length:>{widths[2]}}{went}".rstrip()
        for number, title, length, went in rows
    ]
    return "\n".join([*lines, "", "Play one with: raftplay lesson 1 (--tui shows the cluster beside the words)"])


def _went(known: progress.Kept, name: str, steps: int) -> str:
    left = known.left.get(name)
    place = f", left in step {left.step + 1} of {steps}" if left is not None else ""
    score = known.lessons.get(name)
    if score is None:
        return f"  {place.removeprefix(', ')}"
    commands = f", {count(score.commands, 'command')}" if score.commands >= 0 else ""
    return f"  {score.right}/{score.questions}{commands}{place}"


def minutes(lesson: Lesson, source: str) -> int:
    """Return about how many minutes the lesson takes."""
    said = re.findall(r"^\s*(?:say|ask|choice|wrong|play) (.*?)(?:=>.*)?$", source, re.MULTILINE)
    items = [item for step in lesson.steps for item in step.items]
    questions = sum(isinstance(item, Ask) for item in items)
    plays = sum(FOR_GOAL if item.goal is not None else FOR_PLAY for item in items if isinstance(item, Play))
    seconds = sum(len(words.split()) for words in said) * 60 / WORDS_A_MINUTE + questions * FOR_QUESTION
    return max(1, round((seconds + plays + _watched(lesson) * FOR_COMMAND) / 60))


def _watched(lesson: Lesson) -> int:
    """Return how many commands let time pass or show something for the reader to watch."""
    bound = [item.bound for step in lesson.steps for item in step.items if hasattr(item, "bound")]
    return sum(b.effect in ("passes", "looks") for b in bound)


def check_lesson(text: LessonText, overrides: Setup, write: Write) -> Status:
    """Play a lesson through, with correct and with wrong predictions, and write what is wrong with it.

    If `overrides` have a seed, only with that one. Raises `ScriptRefused` where `text` is not a lesson.
    """
    lesson = text.lesson(overrides)
    problems = check(lesson)
    lines = text.source.split("\n")
    for problem in problems:
        source = lines[problem.line - 1].removesuffix("\r")
        column = len(source) - len(source.lstrip()) + 1
        first, *more = problem.text.split("\n")
        message = f"{first} (seed {problem.seed})"
        write(Mistake(message, problem.line, column, len(source.strip()), source).render(text.name))
        for line in more:  # the lines of a user's code that raised
            write(line)
    if problems:
        return Status.FAILED
    questions = sum(isinstance(item, Ask) for step in lesson.steps for item in step.items)
    seeds = count(SEEDS, "seed") if lesson.setup.seed is None else f"seed {lesson.setup.seed}"
    write(
        f"{path_text(text.name)}: {count(len(lesson.steps), 'step')}, {count(questions, 'question')}, about "
        f"{minutes(lesson, text.source)} min; played with {seeds}, with right and with wrong answers: all is well"
    )
    return Status.HELD


def forget_progress(file: Path) -> str:
    """Forget every score. Raises `UsageError` where that fails."""
    try:
        return "your progress is forgotten" if progress.forget(file) else "there is no progress to forget"
    except OSError as error:
        raise UsageError(f"{path_text(str(file))} cannot be removed: {error.strerror or error}") from None


def read_lesson(
    text: LessonText, console: Console, overrides: Setup, *, speed: float | None, file: Path, resumes: bool
) -> Status:
    """Play a lesson on a console, with the settings that `overrides` choose.

    `resumes`: offer to go on where it was left the last time, if it was.
    """
    lesson = text.lesson(overrides)
    start = _start(text, lesson, console, file) if resumes and overrides.seed is None else None
    session = open_lesson(lesson, start.seed if start is not None else None)
    try:
        return keep(LessonReader(lesson, Stage(session, speed), console, start=start), text, file, resumes=resumes)
    finally:
        with suppress(InvariantBroken, NodeFailed):  # it was reported at once
            session.close()


def keep(reader: LessonReader, text: LessonText, file: Path, *, resumes: bool) -> Status:
    """Lead `reader` through the lesson, and keep the result."""
    complaint = ""
    try:
        score = reader.play()
        if text.key and score is not None:
            complaint = progress.note(file, text.key, score)
    finally:
        if text.key and resumes and not reader.is_over:
            complaint = progress.note_left(file, text.key, reader.left)
        if complaint:
            reader.teller.words(f"{complaint[:1].upper()}{complaint[1:]}.", "dim")
    return Status.HELD


def _start(text: LessonText, lesson: Lesson, console: Console, file: Path) -> Left | None:
    """Return where to go on, if the reader left the lesson and wants to; else None."""
    left = progress.kept(file).left.get(text.key)
    if left is None or not 0 < left.step < len(lesson.steps):
        return None
    while True:
        console.write(f"You left this lesson in step {left.step + 1} of {len(lesson.steps)}.", "")
        typed = (console.read("go on there? yes or no > ", None) or "").strip().lower()
        if typed in ("y", "yes", "n", "no", ""):
            return left if typed in ("y", "yes", "") else None


__all__ = ["check_lesson", "forget_progress", "keep", "list_lessons", "minutes", "read_lesson", "score_text"]
