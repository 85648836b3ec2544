"""A grid of cells, each with a character, a style and a click target, which becomes lines.

The rule of this module: a canvas of any size takes text at any place; what lies outside is cut off, and every line
is exactly as wide as the canvas, wide characters included.
"""

from itertools import groupby

from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, columns

FREE, TRAIL, TEAR, WORD, SOLID = range(5)
"""The contents of a cell: nothing, a trail, a torn line, words or a head, what nothing may cover."""

Looks = tuple[str, ClickTarget]
"""The style and the click target of a cell."""

NOTHING: Looks = ("", None)


class Canvas:
    """The cells of `width` times `height` columns and rows; what is drawn later covers what was drawn before."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._signs = [[" "] * width for _ in range(height)]
        self._looks: list[list[Looks]] = [[NOTHING] * width for _ in range(height)]
        self._taken = [bytearray(width) for _ in range(height)]
        self._used = [False] * height

    def put(
        self,
        x: int,
        y: int,
        text: str,
        style: str = "",
        target: ClickTarget = None,
        taken: int = WORD,
        room: int = 0,
    ) -> int:
        """Write `text` at column `x` of row `y`, in at most `room` columns if that is given; return the next x."""
        if not 0 <= y < self.height:
            return x
        end = self.width if not room else min(self.width, x + room)
        signs, looks = self._signs[y], (style, target)
        if text.isascii() or columns(text) == len(text):
            first = max(0, -x)
            text = text[first : max(first, end - x)]
            start, x = x + first, x + first + len(text)
            if not text:
                return x
            self._break(y, start, x)
            signs[start:x] = text
        else:
            start = max(0, x)
            for char in text:
                wide = columns(char)
                if x < 0 or x + wide > end:
                    break
                self._break(y, x, x + wide)
                if wide:
                    signs[x : x + wide] = [char, *[""] * (wide - 1)]
                elif x > start:
                    signs[x - 1] += char
                x += wide
        if x > start:
            self._looks[y][start:x] = [looks] * (x - start)
            self._taken[y][start:x] = bytes((taken,)) * (x - start)
            self._used[y] = True
        return x

    def row_of(self, x: int, y: int, line: Pieces, taken: int = WORD) -> None:
        """Write the pieces of `line` one behind the other."""
        text = "".join([piece.text for piece in line])
        width = len(text)
        if not (0 <= y < self.height and 0 <= x <= self.width - width) or columns(text) != width:
            for piece in line:
                x = self.put(x, y, piece.text, piece.style, piece.target, taken)
            return
        looks: list[Looks] = []
        for piece in line:
            looks += [(piece.style, piece.target)] * len(piece.text)
        self._break(y, x, x + width)
        self._signs[y][x : x + width] = text
        self._looks[y][x : x + width] = looks
        self._taken[y][x : x + width] = bytes((taken,)) * width
        self._used[y] = True

    def dot(self, x: int, y: int, sign: str, style: str, target: ClickTarget = None) -> None:
        """Write one sign of a trail where nothing is but trails."""
        if 0 <= x < self.width and 0 <= y < self.height and self._taken[y][x] <= TRAIL:
            self._signs[y][x] = sign
            self._looks[y][x] = (style, target)
            self._taken[y][x] = TRAIL
            self._used[y] = True

    def is_free(self, x: int, y: int, length: int, up_to: int = TRAIL) -> bool:
        """Return whether `length` cells are on the canvas and hold nothing beyond `up_to`."""
        if length < 1 or x < 0 or x + length > self.width or not 0 <= y < self.height:
            return False
        return max(self._taken[y][x : x + length]) <= up_to

    def taken(self, x: int, y: int) -> int:
        """Return what a cell holds; `SOLID` outside of the canvas."""
        return self._taken[y][x] if 0 <= x < self.width and 0 <= y < self.height else SOLID

    def lines(self) -> tuple[Pieces, ...]:
        """Return the rows as lines; neighbours with the same looks are one piece."""
        empty: Pieces = (Piece(" " * self.width),) if self.width else ()
        rows = zip(self._used, self._signs, self._looks, strict=True)
        return tuple(_line(signs, looks) if used else empty for used, signs, looks in rows)

    def _break(self, y: int, start: int, end: int) -> None:
        """Blank the other halves of wide characters that the cells from `start` to `end` cover in part."""
        signs = self._signs[y]
        if start < end and signs[start] == "":
            signs[start - 1] = " "
        if end < self.width and signs[end] == "":
            signs[end] = " "


def _line(signs: list[str], looks: list[Looks]) -> Pieces:
    pieces = []
    at = 0
    for (style, target), group in groupby(looks):
        end = at + len(list(group))
        pieces.append(Piece("".join(signs[at:end]), style, target))
        at = end
    return tuple(pieces)
