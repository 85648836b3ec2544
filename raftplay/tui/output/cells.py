"""The cells of the terminal: those that it shows, those that it is to show, and the text that changes the ones
into the others.

The rule of this module: a cell is written only if it differs from what the terminal shows, and a colour only if it
differs from that of the cell before.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

GAP = 4
"""The most unchanged cells that are written again between two that changed: cheaper than to move the cursor."""


class CellLooks(NamedTuple):
    """The looks of a cell as parameters of an escape sequence: bold and the like, foreground, background."""

    attributes: tuple[str, ...] = ()
    front: str = ""
    back: str = ""


PLAIN = CellLooks()

Cell = tuple[str, CellLooks]
"""A sign and its looks; the second half of a wide sign is ""."""

CellRow = list[Cell]

ATTRIBUTES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7", "strike": "9"}
"""The parameter that begins each attribute."""

ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "7": "27", "9": "29"}
"""The parameter that ends what another one began."""

SEEN_ON_BLANKS = frozenset("479")
"""The attributes that a blank shows, too."""


@lru_cache(maxsize=4096)
def looks_of(style: Style | None, system: ColorSystem | None) -> CellLooks:
    """Return the looks of `style` on a terminal with that many colours, None for none."""
    if style is None:
        return PLAIN
    attributes = tuple(code for name, code in ATTRIBUTES.items() if getattr(style, name))
    if system is None:
        return CellLooks(attributes)
    front = style.color.downgrade(system).get_ansi_codes() if style.color else ()
    back = style.bgcolor.downgrade(system).get_ansi_codes(foreground=False) if style.bgcolor else ()
    return CellLooks(attributes, ";".join(front), ";".join(back))


@lru_cache(maxsize=8192)
def signs_of(text: str) -> tuple[str, ...]:
    """Return `text` cell by cell; what takes no room belongs to the sign before."""
    signs: list[str] = []
    for sign in text:
        width = cell_len(sign)
        if width:
            signs += [sign, *[""] * (width - 1)]
        elif signs:
            at = -1 if signs[-1] else -2
            signs[at] += sign
    return tuple(signs)


def row_of(segments: Iterable[Segment], system: ColorSystem | None) -> CellRow:
    """Return the cells of segments that stand one behind the other."""
    row: CellRow = []
    for text, style, control in segments:
        if control:
            continue
        looks = looks_of(style, system)
        blank = looks if SEEN_ON_BLANKS.intersection(looks.attributes) else CellLooks(back=looks.back)
        row += [(sign, blank if sign == " " else looks) for sign in (text if text.isascii() else signs_of(text))]
    return row


class Cells:
    """The cells of a terminal. `put` says what it is to show, `changes` returns the text that makes it so."""

    def __init__(self) -> None:
        self.wanted: list[CellRow] = []
        self._shown: list[CellRow | None] = []
        self._dirty: set[int] = set()

    def forget(self) -> None:
        """Take nothing for shown: something else wrote on the terminal."""
        self._shown = [None] * len(self.wanted)
        self._dirty = set(range(len(self.wanted)))

    def resize(self, width: int, height: int) -> None:
        """Have so many columns and rows; if their number changes, nothing is taken for shown."""
        if len(self.wanted) != height or (height and len(self.wanted[0]) != width):
            self.wanted = [[(" ", PLAIN)] * width for _ in range(height)]
            self.forget()

    def put(self, x: int, y: int, row: Sequence[Cell]) -> None:
        """Have `row` stand at column `x` of row `y`; what lies outside is cut off."""
        if 0 <= y < len(self.wanted):
            line = self.wanted[y]
            room = len(line) - x
            line[x : x + min(len(row), room)] = row[:room]
            self._dirty.add(y)

    def changes(self) -> str:
        """Return the text that changes what the terminal shows into what it is to show, and take it for shown."""
        out: list[str] = []
        looks: CellLooks | None = None
        for y in sorted(self._dirty):
            shown, wanted = self._shown[y], self.wanted[y]
            for begin, end in _runs(shown, wanted):
                out.append(f"\x1b[{y + 1};{begin + 1}H")
                for sign, wished in wanted[begin:end]:
                    if wished is not looks:
                        change, looks = _change(looks, wished, is_blank=sign == " ")
                        out.append(change)
                    out.append(sign)
            self._shown[y] = wanted.copy()
        self._dirty.clear()
        if looks is not None:
            out.append("\x1b[0m")
        return "".join(out)


def _runs(shown: CellRow | None, wanted: CellRow) -> list[tuple[int, int]]:
    """Return the stretches of columns that are to be written."""
    if shown is None:
        return [(0, len(wanted))]
    if shown == wanted:
        return []
    runs: list[tuple[int, int]] = []
    for x, (before, after) in enumerate(zip(shown, wanted, strict=True)):
        if before == after:
            continue
        if runs and x - runs[-1][1] <= GAP:
            runs[-1] = runs[-1][0], x + 1
        else:
            runs.append((x, x + 1))
    return [_whole(begin, end, shown, wanted) for begin, end in runs]


def _whole(begin: int, end: int, shown: CellRow, wanted: CellRow) -> tuple[int, int]:
    """Return a stretch made longer, so that it cuts no wide sign in two."""
    while begin > 0 and (wanted[begin][0] == "" or shown[begin][0] == ""):
        begin -= 1
    while end < len(wanted) and (wanted[end][0] == "" or shown[end][0] == ""):
        end += 1
    return begin, end


def _change(before: CellLooks | None, after: CellLooks, *, is_blank: bool) -> tuple[str, CellLooks]:
    """Return the sequence that changes the looks of what is written next, and the looks that it leads to.

    A blank shows its background alone, unless it is underlined or the like.
    """
    is_blank = is_blank and not SEEN_ON_BLANKS.intersection(after.attributes)
    if before is None or (before.front and not after.front and not is_blank) or (before.back and not after.back):
        return f"\x1b[{';'.join(('0', *after.attributes, *filter(None, after[1:])))}m", after
    if is_blank:
        kept = tuple(code for code in before.attributes if code not in SEEN_ON_BLANKS)
        after = CellLooks(kept, before.front, after.back)
    gone = {ENDS[code] for code in before.attributes if code not in after.attributes}
    new = [code for code in after.attributes if code not in before.attributes or ENDS[code] in gone]
    new += [wished for was, wished in zip(before[1:], after[1:], strict=True) if was != wished and wished]
    return (f"\x1b[{';'.join((*sorted(gone), *new))}m" if gone or new else ""), after
