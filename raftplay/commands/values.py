"""Plain values as they are written: durations, ranges, chances, numbers, and what can be submitted."""

import re

from raftplay.commands.cursor import Cursor
from raftplay.commands.lexer import Word
from raftplay.raft.messages import CommandRefused, UsageError, check_command

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?\.\.(\d+(?:\.\d+)?)(ms|s|m)")
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CHANCE = re.compile(r"(\d+(?:\.\d+)?)(%?)")

LONGEST = 24 * 3600.0
"""The longest duration, in seconds."""

MAX_INTEGER_DIGITS = 3900


def is_name(text: str) -> bool:
    """Whether `text` can name a variable."""
    return _NAME.fullmatch(text) is not None


def duration_of(text: str) -> float:
    """Seconds, from ``250ms``, ``1.5s`` or ``2m``. Raises `UsageError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no duration; write it with a unit: 250ms, 1.5s, 2m")
    seconds = float(match[1]) * UNITS[match[2]]
    if seconds > LONGEST:
        raise UsageError(f"{text!r} is too long; at most {LONGEST / 3600:g} hours")
    return seconds


def duration(cursor: Cursor, word: Word) -> float:
    """As `duration_of`. Raises `Mistake`."""
    try:
        return duration_of(word.text)
    except UsageError as error:
        raise cursor.mistake(str(error), word) from None


def duration_range(cursor: Cursor, word: Word, text: str) -> tuple[float, float]:
    """(low, high) in seconds, from ``150..300ms`` or a single duration. Raises `Mistake`."""
    single = _DURATION.fullmatch(text)
    if single is not None:
        seconds = float(single[1]) * UNITS[single[2]]
        return seconds, seconds
    match = _RANGE.fullmatch(text)
    if match is None:
        raise cursor.mistake(f"{text!r} is no range of durations; write 150..300ms", word)
    low = float(match[1]) * UNITS[match[2] or match[4]]
    high = float(match[3]) * UNITS[match[4]]
    if low > high:
        raise cursor.mistake(f"the range {text!r} runs backwards", word)
    return low, high


def chance(cursor: Cursor, word: Word, text: str) -> float:
    """From 0 to 1, from ``20%`` or ``0.2``. Raises `Mistake`."""
    match = _CHANCE.fullmatch(text)
    value = float(match[1]) / (100 if match[2] else 1) if match else 2.0
    if not 0 <= value <= 1:
        raise cursor.mistake(f"{text!r} is no chance; write 20% or 0.2", word)
    return value


def whole(cursor: Cursor, word: Word, what: str, low: int = 0, high: int = 1 << 62) -> int:
    """A whole number from `low` to `high`. Raises `Mistake`."""
    if not _INTEGER.fullmatch(word.text) or len(word.text) > 19 or not low <= int(word.text) <= high:
        limits = f"from {low} to {high}" if high < 1 << 62 else f"from {low} on"
        raise cursor.mistake(f"{word.text!r} is no {what}; it is a whole number {limits}", word)
    return int(word.text)


def submittable(cursor: Cursor, word: Word) -> object:
    """What `submit` submits: an integer where an unquoted word reads as one, else text. Raises `Mistake`."""
    if not word.quoted and _INTEGER.fullmatch(word.text) and len(word.text) <= MAX_INTEGER_DIGITS:
        return int(word.text)
    try:
        return check_command(word.text)
    except CommandRefused as refused:
        raise cursor.mistake(str(refused), word) from None


def duration_text(seconds: float) -> str:
    """A duration as one writes it: ``250ms``, ``1.5s``."""
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
