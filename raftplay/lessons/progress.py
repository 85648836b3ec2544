"""The lessons that a user has been through, and how well; kept in a file that the user may delete.

A lesson never fails because of that file: an unreadable file counts as empty, a failed write is reported. Several
lessons may be read at once: each change locks the file, reads it, and replaces it.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from raftplay.locks import folder_to_ourselves
from raftplay.places import state_file

MAX_BYTES = 1 << 20


class Score(msgspec.Struct, frozen=True):
    """The best result of a lesson: correct predictions of all; `commands` used to reach its goal, -1 = none."""

    right: int
    questions: int
    commands: int = -1


class Left(msgspec.Struct, frozen=True):
    """The place where a reader left a lesson: the step (from 0), the seed, and the results of the predictions."""

    step: int
    seed: int
    right: dict[int, bool] = {}
    commands: int = -1


class Kept(msgspec.Struct, frozen=True):
    """The contents of the file, by the names of lessons."""

    schema: str = "raftplay.progress/1"
    lessons: dict[str, Score] = {}
    left: dict[str, Left] = {}


def progress_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the progress file; without a home, one that cannot be written to."""
    return state_file("progress.json", environ) or Path(os.devnull) / "progress.json"


def kept(file: Path) -> Kept:
    """Return what is kept; nothing where the file is not there or not readable."""
    try:
        with open(file, "rb") as opened:
            return msgspec.json.decode(opened.read(MAX_BYTES), type=Kept)
    except (OSError, ValueError, RecursionError):  # msgspec raises subclasses of ValueError
        return Kept()


def note(file: Path, lesson: str, score: Score) -> str:
    """Keep `score` if it is the best so far, and that the reader has left the lesson nowhere.

    Returns a sentence where that fails, else "".
    """

    def with_score(old: Kept) -> Kept:
        known = old.lessons.get(lesson)
        best = score if known is None or _is_better(score, known) else known
        left = {name: place for name, place in old.left.items() if name != lesson}
        return Kept(lessons={**old.lessons, lesson: best}, left=left)

    return _change(file, with_score)


def note_left(file: Path, lesson: str, left: Left | None) -> str:
    """Keep where a lesson was left, None for nowhere; return a sentence where that fails, else ""."""

    def with_left(old: Kept) -> Kept:
        others = {name: place for name, place in old.left.items() if name != lesson}
        return Kept(lessons=old.lessons, left=others if left is None else {**others, lesson: left})

    if left is None and lesson not in kept(file).left:
        return ""
    return _change(file, with_left)


def forget(file: Path) -> bool:
    """Forget all progress; return whether there was any. Raises `OSError`."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _change(file: Path, change: Callable[[Kept], Kept]) -> str:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with folder_to_ourselves(file.parent):
            try:
                beside.write_bytes(msgspec.json.encode(change(kept(file))))
                os.replace(beside, file)
            except OSError:
                with contextlib.suppress(OSError):
                    beside.unlink()
                raise
    except OSError as error:
        return f"your progress could not be kept in {file}: {error.strerror or error}"
    return ""


def _is_better(one: Score, other: Score) -> bool:
    if one.right != other.right:
        return one.right > other.right
    return one.commands >= 0 and (other.commands < 0 or one.commands < other.commands)
