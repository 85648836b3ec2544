"""Steps of lessons as recordings: their paragraphs are captions, their questions are left out."""

from contextlib import suppress
from dataclasses import replace

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.export.recording import Recording, SideText, of_session
from raftplay.lessons.catalogue import found
from raftplay.lessons.course import open_lesson
from raftplay.lessons.steps import Anew, Ask, ExpectedAnswer, LessonStep, Play, Say
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.watch.text import count, visible

BEGINNING = "lessons/"
"""The beginning of a source that is a step of a lesson: ``lessons/a-split-vote:2``."""


def of_lesson(source: str, overrides: Setup, seed: int) -> Recording:
    """Return the recording of the step that `source` names, by default the last one. Raises `UsageError`.

    `seed` is that of a lesson that fixes none.
    """
    which, _, number = source.removeprefix(BEGINNING).partition(":")
    lesson = found(which).lesson(overrides)
    last = len(lesson.steps)
    if number and not (number.isascii() and number.isdecimal() and 1 <= int(number[:6]) <= last):
        raise UsageError(f"there is no step '{visible(number)}' in {visible(which)}: it has {count(last, 'step')}")
    steps = lesson.steps[: int(number) if number else last]
    session = open_lesson(lesson, lesson.setup.seed if lesson.setup.seed is not None else seed)
    try:
        captions: list[SideText] = []
        commands: list[SideText] = []
        for at, step in enumerate(steps, 1):
            _play(step, f"Step {at} of {last}: {step.title}", session, captions, commands)
        recording = of_session(session, f"{lesson.title}, step {len(steps)}")
    finally:
        with suppress(InvariantBroken, NodeFailed):  # a lesson may have a bug on
            session.close()
    return replace(recording, captions=tuple(captions), commands=tuple(commands))


def _say(told: SideText, captions: list[SideText]) -> None:
    """Keep a paragraph; it goes on with the one before if nothing happened since."""
    if captions and (captions[-1].seq, captions[-1].chapter) == (told.seq, told.chapter):
        told = replace(told, text=f"{captions.pop().text}\n{told.text}")
    captions.append(told)


def _play(
    step: LessonStep, chapter: str, session: Session, captions: list[SideText], commands: list[SideText]
) -> None:
    """Do what a step does, and keep what it says beside the events."""
    for item in step.items:
        seq = session.history.last_seq
        match item:
            case Say():
                with suppress(Failed, UsageError):  # it names what is not there
                    _say(SideText(seq, item.text(session), chapter), captions)
            case Anew():
                session.anew(item.applied)  # another cluster: what was told of the one before is over
                captions.clear()
                commands.clear()
            case Ask() | ExpectedAnswer() | Play():
                pass
            case _:
                if item.bound.effect not in ("looks", "clock"):
                    commands.append(SideText(seq, item.bound.text))
                session.perform(item.bound).uninterrupted()
