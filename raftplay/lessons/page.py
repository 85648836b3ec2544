"""Words on a page of some columns: paragraphs, answers of commands, and places in a line that was typed.

The rule of this module: what comes in may hold anything, what goes out is `visible`, and no line is longer than
the page, unless one word is.
"""

from itertools import zip_longest

from raftplay.commands.lexer import Mistake
from raftplay.commands.shown import columns, pad
from raftplay.watch.text import visible

WIDTH = 80
"""Columns of a page unless said otherwise."""

BETWEEN = "   |   "
"""What stands between two columns."""


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """`text` in lines of at most `width` columns, broken between words; `first` and `rest` stand before them."""
    lines: list[str] = []
    line, has_word = first, False
    for word in visible(" ".join(text.split())).split():
        if has_word and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line, has_word = rest, False
        line, has_word = (f"{line} {word}" if has_word else line + word), True
    return [*lines, line]


def indented(text: str, width: int, before: str) -> list[str]:
    """The lines of an answer, each set in by `before`; what is longer than the page goes on deeper."""
    lines: list[str] = []
    for line in text.split("\n"):
        shown = visible(line)
        if columns(before) + columns(shown) <= width:
            lines.append(before + shown)
            continue
        blanks = before + shown[: len(shown) - len(shown.lstrip())]
        lines += wrapped(shown, width, blanks, blanks + "  ")
    return lines


def pointed(mistake: Mistake, indent: int, width: int) -> list[str]:
    """A caret below a line that was typed from column `indent` on, and what is wrong there."""
    before = columns(visible(mistake.source[: mistake.column - 1]))
    marked = columns(visible(mistake.source[mistake.column - 1 : mistake.column - 1 + mistake.length]))
    caret = "^" + "~" * (marked - 1)
    lines = [" " * (indent + before) + caret] if indent + before + len(caret) <= width else []
    return lines + wrapped(mistake.message, width, "  ", "  ")


def beside(before: str, now: str, width: int) -> str:
    """Two answers in two columns under "before" and "now", or one below the other where they are too wide."""
    left, right = (["before", *map(visible, before.split("\n"))], ["now", *map(visible, now.split("\n"))])
    room = max(map(columns, left)) + len(BETWEEN)
    if room + max(map(columns, right)) > width:
        return "\n".join([f"{left[0]}:", *left[1:], f"{right[0]}:", *right[1:]])
    pairs = zip_longest(left, right, fillvalue="")
    return "\n".join(f"{pad(one, room - len(BETWEEN))}{BETWEEN}{other}".rstrip() for one, other in pairs)
