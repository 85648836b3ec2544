"""Numbers and durations as text that reads back exactly."""

import re
import sys
from decimal import Decimal

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)")


def range_text(low: float, high: float) -> str:
    """Return a range of seconds as text that reads back exactly: ``150..300ms``, or ``50ms``."""
    if low == high:
        return exact_text(high)
    unit, scale = ("ms", 1000) if high < 1 else ("s", 1)
    start, end = f"{low * scale:g}", f"{high * scale:g}{unit}"
    if _reads_as(f"{start}{unit}", low) and _reads_as(end, high):
        return f"{start}..{end}"
    return f"{exact_text(low)}..{exact_text(high)}"


def exact_text(seconds: float) -> str:
    """Return seconds as text that reads back exactly: ``250ms``, ``0.150123456s``."""
    short = duration_text(seconds)
    if _reads_as(short, seconds):
        return short
    in_ms, in_s = (f"{Decimal(repr(number)):f}" for number in (seconds * 1000, seconds))
    return f"{in_ms}ms" if seconds < 1 and _reads_as(f"{in_ms}ms", seconds) else f"{in_s}s"


def _reads_as(text: str, seconds: float) -> bool:
    match = DURATION.fullmatch(text)
    return match is not None and float(match[1]) * UNITS[match[2]] == seconds


def duration_text(seconds: float) -> str:
    """Return seconds as a user writes them: ``250ms``, ``1.5s``."""
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"


def read_long_integers() -> None:
    """Make Python read and write every integer that can be submitted, despite PYTHONINTMAXSTRDIGITS."""
    if 0 < sys.get_int_max_str_digits() < sys.int_info.default_max_str_digits:
        sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
