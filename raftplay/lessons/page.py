"""The layout of a page: paragraphs, answers of commands, and carets below a line that was typed.

The rule of this module: input may hold anything, output is `visible`, and no line is longer than the page, unless
one word is.
"""

from itertools import zip_longest

from raftplay.language.lexer import Mistake
from raftplay.session.shown import columns, pad
from raftplay.watch.text import visible

WIDTH = 80
"""The default width of a page, in columns."""

BETWEEN = "   |   "
"""The separator of two columns."""


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Fold `text` into lines of at most `width` columns, the first after `first`, the others after `rest`."""
    lines: list[str] = []
    line, has_word = first, False
    for word in visible(" ".join(text.split())).split():
        if has_word and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line, has_word = rest, False
        line, has_word = (f"{line} {word}" if has_word else line + word), True
    return [*lines, line]


def indented(text: str, width: int, before: str) -> list[str]:
    """Return the lines of an answer, indented by `before`; what is longer than the page goes on deeper."""
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
    """Return a caret below a line that was typed from column `indent` on, and what is wrong there."""
    before = columns(visible(mistake.source[: mistake.column - 1]))
    marked = columns(visible(mistake.source[mistake.column - 1 : mistake.column - 1 + mistake.length]))
    caret = "^" + "~" * (marked - 1)
    lines = [" " * (indent + before) + caret] if indent + before + len(caret) <= width else []
    return lines + wrapped(mistake.message, width, "  ", "  ")


def beside(before: str, now: str, width: int) -> str:
    """Return two answers in columns "before" and "now", or one below the other where they are too wide."""
    left, right = (["before", *map(visible, before.split("\n"))], ["now", *map(visible, now.split("\n"))])
    room = max(map(columns, left)) + len(BETWEEN)
    if room + max(map(columns, right)) > width:
        return "\n".join([f"{left[0]}:", *left[1:], f"{right[0]}:", *right[1:]])
    pairs = zip_longest(left, right, fillvalue="")
    return "\n".join(f"{pad(one, room - len(BETWEEN))}{BETWEEN}{other}".rstrip() for one, other in pairs)
