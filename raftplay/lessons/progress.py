"""Which lessons a user has been through, and how well; kept in a file of the user's, which may be forgotten.

A lesson never fails because of that file: what cannot be read counts as nothing, what cannot be written is said.
Several lessons may be read at once: whoever changes the file locks it, reads it, and puts another in its place.
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
    """The best that became of a lesson: right predictions of all; `commands` used to reach its goal, -1 = none."""

    right: int
    questions: int
    commands: int = -1


class Left(msgspec.Struct, frozen=True):
    """Where a reader left a lesson: the step (from 0), the seed, and what became of the predictions by then."""

    step: int
    seed: int
    right: dict[int, bool] = {}
    commands: int = -1


class Kept(msgspec.Struct, frozen=True):
    """All that is kept, by the names of lessons."""

    schema: str = "raftplay.progress/1"
    lessons: dict[str, Score] = {}
    left: dict[str, Left] = {}


def progress_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where progress is kept; where there is no home, in a place that cannot be written to."""
    return state_file("progress.json", environ) or Path(os.devnull) / "progress.json"


def kept(file: Path) -> Kept:
    """What is kept; nothing where the file is not there or not readable."""
    try:
        with open(file, "rb") as opened:
            return msgspec.json.decode(opened.read(MAX_BYTES), type=Kept)
    except (OSError, ValueError, RecursionError):  # msgspec raises ValueErrors
        return Kept()


def note(file: Path, lesson: str, score: Score) -> str:
    """Keep `score` if it is the best so far, and that nobody is in the lesson any more.

    A sentence where that cannot be kept, else nothing.
    """

    def with_score(old: Kept) -> Kept:
        known = old.lessons.get(lesson)
        best = score if known is None or _is_better(score, known) else known
        left = {name: place for name, place in old.left.items() if name != lesson}
        return Kept(lessons={**old.lessons, lesson: best}, left=left)

    return _change(file, with_score)


def note_left(file: Path, lesson: str, left: Left | None) -> str:
    """Keep where a lesson was left, None for nowhere; a sentence where that cannot be kept, else nothing."""

    def with_left(old: Kept) -> Kept:
        others = {name: place for name, place in old.left.items() if name != lesson}
        return Kept(lessons=old.lessons, left=others if left is None else {**others, lesson: left})

    if left is None and lesson not in kept(file).left:
        return ""
    return _change(file, with_left)


def forget(file: Path) -> bool:
    """Forget all progress; whether there was any. Raises `OSError`."""
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
