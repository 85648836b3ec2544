"""Lines of styled text: what a pane shows, before anything knows about a terminal.

The rule of this module: whatever is put on a line is measured in the columns of a terminal, and text of users
comes in through `visible` or `command_text`, so no line is longer than its pane and none moves a cursor.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from raftplay.session import shown

ClickTarget: TypeAlias = tuple[str, int] | None
"""The target of a click on a piece: ("node", 3), ("row", 17), ("pane", 2) …"""

ENDS = 1000
"""More than any number of a node, so that one number can stand for both ends of a link."""


def link_target(src: int, dst: int) -> tuple[str, int]:
    """Return the target that means the link from `src` to `dst`."""
    return ("link", src * ENDS + dst)


def link_of(target: tuple[str, int]) -> tuple[int, int]:
    """Return the link that a target means."""
    return divmod(target[1], ENDS)


@lru_cache(maxsize=8192)
def columns(text: str) -> int:
    """Return how many columns `text` takes; cached, as a screen repeats its texts."""
    return shown.columns(text)


class Piece(NamedTuple):
    """Some text in one style. A style is words such as "dim" or "leader bold"; `theme` gives them their looks."""

    text: str
    style: str = ""
    target: ClickTarget = None


Pieces: TypeAlias = tuple[Piece, ...]

EMPTY: Pieces = ()


def width_of(line: Pieces) -> int:
    """Return how many columns a line takes."""
    return sum(columns(piece.text) for piece in line)


def text_of(line: Pieces) -> str:
    """A line without its styles."""
    return "".join(piece.text for piece in line)


def cut(text: str, width: int, more: str = "…") -> str:
    """`text` in at most `width` columns; `more` stands where something is missing."""
    if columns(text) <= width:
        return text
    if width <= len(more):
        return more[: max(0, width)]
    room, kept = width - len(more), []
    for char in text:
        room -= columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + more


def pad(text: str, width: int, more: str = "…") -> str:
    """`text` in exactly `width` columns."""
    text = cut(text, width, more)
    return text + " " * (width - columns(text))


def fit(line: Iterable[Piece], width: int, style: str = "") -> Pieces:
    """A line cut or filled up to exactly `width` columns; what is filled in has `style`."""
    out: list[Piece] = []
    room = width
    for piece in line:
        taken = columns(piece.text)
        if taken > room:
            if room > 0:
                out.append(piece._replace(text=pad(piece.text, room)))
            return tuple(out)
        if taken:
            out.append(piece)
        room -= taken
    if room > 0:
        out.append(Piece(" " * room, style))
    return tuple(out)


def spread(left: Pieces, right: Pieces, width: int, style: str = "") -> Pieces:
    """`left` and `right` at the two ends of a line; `right` gives way where there is no room for both."""
    gap = width - width_of(left) - width_of(right)
    if gap < 1:
        return fit(left, width, style)
    return (*left, Piece(" " * gap, style), *right)


def beside(parts: Iterable[Pieces]) -> Pieces:
    """Lines one behind the other."""
    return tuple(piece for part in parts for piece in part)


def wrapped(text: str, width: int) -> list[str]:
    """`text` broken between words into lines of at most `width` columns, long words broken where they must be."""
    lines: list[str] = []
    width = max(2, width)  # a wide character takes two columns
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            piece = word
            while columns(piece) > width:  # a word that fits no line
                if line:
                    lines.append(line)
                    line = ""
                head = cut(piece, width, "")
                lines.append(head)
                piece = piece[len(head) :]
            if line and columns(line) + 1 + columns(piece) > width:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
        lines.append(line)
    return lines


class Window(NamedTuple):
    """The lines of a pane that are seen: `top` is the first of `total`, `lines` those that fit.

    `selected` is the target of the selected row, if the pane selects rows. `rows` is how many are seen of those
    that are counted, 0 if each takes one line.
    """

    lines: tuple[Pieces, ...]
    top: int = 0
    total: int = 0
    selected: ClickTarget = None
    rows: int = 0


def windowed(lines: list[Pieces], height: int, scroll: int) -> Window:
    """`height` of `lines`, `scroll` lines away from the beginning, or as near as they go."""
    top = max(0, min(scroll, len(lines) - height))
    return Window(tuple(lines[top : top + height]), top, len(lines))
