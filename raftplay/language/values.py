"""Reading plain values: durations, ranges, probabilities, numbers, and values to submit."""

import re
import sys

from raftplay.errors import UsageError
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Word
from raftplay.raft.commands import CommandRefused, check_command
from raftplay.session.shown import did_you_mean, quoted
from raftplay.session.units import DURATION, UNITS

_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)?\.\.([0-9]+(?:\.[0-9]+)?)(ms|s|m)")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_CHANCE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(%?)")

LONGEST = 24 * 3600.0
"""The longest duration, in seconds."""

MAX_INTEGER_DIGITS = 3900

ENDLESS = 1 << 64
"""The upper limit (exclusive) of numbers, except those that are submitted."""

MAX_DIGITS = 19
"""The maximum number of digits of numbers, except those that are submitted."""


def is_integer(text: str) -> bool:
    """Return whether an unquoted word reads as an integer."""
    return _INTEGER.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Return whether `text` can name a variable."""
    return _NAME.fullmatch(text) is not None


def duration_of(text: str) -> float:
    """Return a duration in seconds, from ``250ms``, ``1.5s`` or ``2m``. Raises `UsageError`."""
    match = DURATION.fullmatch(text)
    if match is None and DURATION.fullmatch(text.removeprefix("-")):
        raise UsageError(f"invalid duration {quoted(text)}: a duration must be positive")
    if match is None:
        raise UsageError(f"invalid duration {quoted(text)}: add a unit (250ms, 1.5s, 2m)")
    return _seconds(match[1], match[2], text)


def _seconds(number: str, unit: str, text: str) -> float:
    seconds = float(number) * UNITS[unit]
    if seconds > LONGEST:
        raise UsageError(f"{quoted(text)} is too long; at most {LONGEST / 60:g}m")
    return seconds


def duration(cursor: Cursor, word: Word) -> float:
    """Return the duration of a word in seconds, as `duration_of` reads it. Raises `Mistake`."""
    try:
        return duration_of(word.text)
    except UsageError as error:
        raise cursor.mistake(str(error), word) from None


def duration_range(cursor: Cursor, word: Word, text: str) -> tuple[float, float]:
    """Return (low, high) in seconds, from ``150..300ms`` or a single duration. Raises `Mistake`."""
    if DURATION.fullmatch(text):
        seconds = duration(cursor, Word(text, word.column, word.length))
        return seconds, seconds
    match = _RANGE.fullmatch(text)
    if match is None:
        raise cursor.mistake(f"invalid range of durations {quoted(text)}: write 150..300ms", word)
    try:
        low = _seconds(match[1], match[2] or match[4], text)
        high = _seconds(match[3], match[4], text)
    except UsageError as error:
        raise cursor.mistake(str(error), word) from None
    if low > high:
        raise cursor.mistake(f"the range {quoted(text)} runs backwards", word)
    return low, high


def chance(cursor: Cursor, word: Word, text: str) -> float:
    """Return a probability from 0 to 1, from ``20%`` or ``0.2``. Raises `Mistake`."""
    match = _CHANCE.fullmatch(text)
    value = float(match[1]) / (100 if match[2] else 1) if match else 2.0
    if not 0 <= value <= 1:
        raise cursor.mistake(f"invalid probability {quoted(text)} (0–100 %): write 20% or 0.2", word)
    return value


def whole(cursor: Cursor, word: Word, what: str, low: int = 0, high: int = ENDLESS) -> int:
    """Return a whole number from `low` to `high`; `what` names it. Raises `Mistake`."""
    is_long = len(word.text) > MAX_DIGITS
    if is_long and _INTEGER.fullmatch(word.text) and high >= ENDLESS:
        text = f"{quoted(word.text)} is too large a number; at most {MAX_DIGITS} digits are read"
        raise cursor.mistake(text, word)
    if is_long or not _INTEGER.fullmatch(word.text) or not low <= int(word.text) <= high:
        raise cursor.mistake(f"invalid {what} {quoted(word.text)}: it must be {limits_text(low, high)}", word)
    return int(word.text)


def limits_text(low: int, high: int) -> str:
    """Return the limits of `whole` in words."""
    return f"a whole number from {low} to {high}" if high < ENDLESS else f"a whole number from {low} on"


def decimal(cursor: Cursor, word: Word, what: str, low: float, high: float) -> float:
    """Return a number such as ``0.1``, from `low` to `high`; `what` names it. Raises `Mistake`."""
    value = float(word.text) if _NUMBER.fullmatch(word.text) else -1.0
    if not low <= value <= high:
        raise cursor.mistake(f"invalid {what} {quoted(word.text)}: it must be between {low:g} and {high:g}", word)
    return value


def submittable(cursor: Cursor, word: Word) -> object:
    """Return the value to submit: an integer if an unquoted word reads as one, else text. Raises `Mistake`."""
    if not word.quoted and is_integer(word.text):
        if len(word.text) > MAX_INTEGER_DIGITS:
            text = f"an integer of {len(word.text)} digits is too long; at most {MAX_INTEGER_DIGITS}"
            raise cursor.mistake(f"{text} (in quotes it is text)", word)
        digits = sys.get_int_max_str_digits()
        if 0 < digits < len(word.text.lstrip("-")):
            text = f"an integer of {len(word.text)} digits is too long here, as Python reads at most {digits}"
            raise cursor.mistake(f"{text} (see PYTHONINTMAXSTRDIGITS; in quotes it is text)", word)
        return int(word.text)
    try:
        return check_command(word.text)
    except CommandRefused as refused:
        raise cursor.mistake(str(refused), word) from None


def one_of(cursor: Cursor, word: Word, known: tuple[str, ...], what: str) -> str:
    """Return the text of `word`, which must be one of the `known` ones."""
    if word.text not in known:
        hint = did_you_mean(word.text, known) or f"; use {' or '.join(known)}"
        raise cursor.mistake(f"unknown {what} {quoted(word.text)}{hint}", word)
    return word.text
