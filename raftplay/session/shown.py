"""Text of users as messages show it: short, visible, and measured in the columns of a terminal."""

import difflib
import shlex
import unicodedata
from collections.abc import Iterable

from raftplay.watch.text import visible

LONGEST_SHOWN = 40
LONGEST_PATH = 200

_MARKS = ("Mn", "Me")
_HANGUL_VOWELS = range(0x1160, 0x1200)
"""The characters that a terminal draws into the syllable before them."""


def short(text: str, limit: int = LONGEST_SHOWN) -> str:
    """Return `text` on one line, with invisible characters escaped, cut to `limit` characters."""
    return visible(text) if len(text) <= limit else visible(text[: limit - 1]) + "…"


def quoted(text: str) -> str:
    """Return `text` as `short` shows it, between quotation marks."""
    return f"'{short(text)}'"


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` if a known name is close to `text`, else ""."""
    by_letters = {name.lower(): name for name in known}
    close = difflib.get_close_matches(text[:LONGEST_SHOWN].lower(), list(by_letters), n=1, cutoff=0.6)
    return f"; did you mean {quoted(by_letters[close[0]])}?" if close else ""


def path_text(path: str) -> str:
    """Return a path on one line, with invisible characters escaped; of a long one its end, with the file name."""
    return visible(path) if len(path) <= LONGEST_PATH else f"…{visible(path[1 - LONGEST_PATH :])}"


def file_word(path: str) -> str:
    """Return a path as an argument in a POSIX shell: in quotes where needed, never as an option."""
    return visible(shlex.quote(f"./{path}" if path.startswith("-") and path != "-" else path))


def not_kept_text(branches: list[str], directory: str) -> str:
    """Return in words which branches the data directory does not keep."""
    names = f"branch {branches[0]} is" if len(branches) == 1 else f"branches {', '.join(branches)} are"
    return f"{names} not kept: '{visible(directory)}' holds what happened in the first branch"


def columns(text: str) -> int:
    """Return the number of terminal columns of `text`, which has passed through `visible`."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def pad(text: str, width: int) -> str:
    """Return `text` padded with spaces to `width` columns."""
    return text + " " * (width - columns(text))


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in _MARKS or ord(char) in _HANGUL_VOWELS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
