"""Which lessons a user has been through, and how well; kept in a file of the user's, which may be forgotten.

A lesson never fails because of that file: what cannot be read counts as nothing, what cannot be written is said.
"""

import contextlib
import os
from pathlib import Path

import msgspec

MAX_BYTES = 1 << 20


class Score(msgspec.Struct, frozen=True):
    """The best that became of a lesson: right predictions of all; `commands` used to reach its goal, -1 = none."""

    right: int
    questions: int
    commands: int = -1


class _Kept(msgspec.Struct):
    schema: str = "raftplay.progress/1"
    lessons: dict[str, Score] = {}


def progress_file(environ: "os._Environ[str] | dict[str, str]" = os.environ) -> Path:
    """Where progress is kept: in the user's folder for states of programs (XDG_STATE_HOME)."""
    home = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(home) / "raftplay" / "progress.json"


def scores(file: Path) -> dict[str, Score]:
    """The scores by lesson; none where the file is not there or not readable."""
    try:
        with open(file, "rb") as opened:
            return msgspec.json.decode(opened.read(MAX_BYTES), type=_Kept).lessons
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def note(file: Path, lesson: str, score: Score) -> str:
    """Keep `score` if it is the best so far; a sentence where it cannot be kept, else nothing."""
    known = scores(file)
    if lesson in known and not _is_better(score, known[lesson]):
        return ""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.encode(_Kept(lessons={**known, lesson: score})))
        os.replace(beside, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        return f"your progress could not be kept in {file}: {error.strerror or error}"
    return ""


def forget(file: Path) -> bool:
    """Forget all progress; whether there was any. Raises `OSError`."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _is_better(one: Score, other: Score) -> bool:
    if one.right != other.right:
        return one.right > other.right
    return one.commands >= 0 and (other.commands < 0 or one.commands < other.commands)
