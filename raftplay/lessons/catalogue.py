"""The lessons that ship with raftplay, and those of files: found by number, by name or by path."""

import os
from dataclasses import dataclass
from importlib import resources

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.lessons.language import parse_lesson
from raftplay.lessons.steps import Lesson
from raftplay.run.script import decode
from raftplay.session.shown import did_you_mean, path_text, quoted

SUFFIX = ".txt"


@dataclass(frozen=True, slots=True)
class LessonText:
    """The source of a lesson. Its progress is kept under `key`, which is "" for a user's file."""

    name: str
    source: str
    key: str = ""

    def lesson(self, overrides: Setup | None = None) -> Lesson:
        """Return the lesson, ready to play. Raises `ScriptRefused`."""
        return parse_lesson(self.name, self.source, overrides)


def names() -> list[str]:
    """Return the names of the lessons that ship, the first one first: ``a-leader-is-elected`` …"""
    return [name.removesuffix(SUFFIX).split("-", 1)[1] for name in _files()]


def shipped(name: str) -> LessonText:
    """Return the shipped lesson `name`. Raises `UsageError` when there is none of this name."""
    known = names()
    if name not in known:
        raise UsageError(f"there is no lesson {quoted(name)}{did_you_mean(name, known) or LIST}")
    file = _files()[known.index(name)]
    return LessonText(file.removesuffix(SUFFIX), _folder().joinpath(file).read_text("utf-8"), name)


def found(which: str) -> LessonText:
    """Return the lesson that `which` means: a number, a file, or a name. Raises `UsageError`."""
    known = names()
    if which.isascii() and which.isdecimal():
        number = int(which) if len(which) < 6 else 0
        if not 1 <= number <= len(known):
            raise UsageError(f"there is no lesson {quoted(which)}; the lessons are 1 to {len(known)}{LIST}")
        return shipped(known[number - 1])
    if which in known and not os.path.isfile(which):
        return shipped(which)
    return LessonText(which, decode(which, _read(which, known)))


LIST = "; see: raftplay lesson"


def _folder() -> "resources.abc.Traversable":
    return resources.files("raftplay.lessons").joinpath("files")


def _files() -> list[str]:
    return sorted(file.name for file in _folder().iterdir() if file.name.endswith(SUFFIX))


def _read(path: str, known: list[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_SCRIPT_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(f"{path_text(path)} is a directory, not a lesson") from None
    except (FileNotFoundError, ValueError):
        hint = did_you_mean(path, known) or LIST
        raise UsageError(f"there is no file and no lesson {quoted(path)}{hint}") from None
    except OSError as error:
        raise UsageError(f"{path_text(path)} cannot be read: {error.strerror}") from None
