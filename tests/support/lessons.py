"""What the tests of lessons share: a lesson of a few lines, and a reader whose answers are written down."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest

from raftplay.cluster.checks import InvariantBroken
from raftplay.language.lexer import Mistake
from raftplay.lessons.console import Console
from raftplay.lessons.course import open_lesson
from raftplay.lessons.language import parse_lesson
from raftplay.lessons.progress import Left
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import Lesson
from raftplay.lessons.terminal import LessonReader
from raftplay.run.script import ScriptRefused
from raftplay.session.session import Session

HEAD = "# A title\nnodes 3\ntiming election=20s..40s delay=2ms\n"


def lesson_of(text: str, head: str = HEAD) -> Lesson:
    """The lesson in `text`, under a head of three lines."""
    return parse_lesson("lesson", head + text)


def refused(text: str, head: str = HEAD) -> list[Mistake]:
    """The mistakes for which a lesson is refused."""
    with pytest.raises(ScriptRefused) as refusal:
        lesson_of(text, head)
    return refusal.value.mistakes


@contextmanager
def session_of(lesson: Lesson, seed: int = 7) -> Iterator[Session]:
    """The session of a lesson, which ends with the block."""
    session = open_lesson(lesson, seed)
    try:
        yield session
    finally:
        with suppress(InvariantBroken):
            session.close()


class Typist:
    """Types `lines`, one after another, and keeps what is written, with the prompts and what was typed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.written: list[tuple[str, str]] = []
        self.prompts: list[str] = []

    def read(self, prompt: str, session: Session | None) -> str:
        """The next line."""
        self.prompts.append(prompt)
        typed = next(self._lines, None)
        self.write(f"{prompt}{typed or ''}", "typed")
        if typed is None:
            raise EOFError
        return typed

    def write(self, text: str, style: str) -> None:
        """A line."""
        self.written.append((text, style))

    @property
    def text(self) -> str:
        """All that was written."""
        return "\n".join(text for text, _ in self.written)

    def of(self, style: str) -> str:
        """What was written in a style, in one line."""
        return " ".join(" ".join(text for text, kind in self.written if kind == style).split())


def read(
    lesson: Lesson, *lines: str, plain: bool = False, seed: int = 7, start: Left | None = None
) -> tuple[LessonReader, Typist]:
    """Read a lesson, typing `lines`, up to its end or theirs."""
    typist = Typist(lines)
    with session_of(lesson, seed) as session:
        console = Console(typist.read, typist.write, plain)
        reader = LessonReader(lesson, Stage(session), console, start=start)
        reader.score = reader.play()  # type: ignore[attr-defined]
    return reader, typist
