"""A screen as an SVG picture, still or moving, that any monospaced font shows in the same columns.

The rule of this module: each run of characters says where it begins and how long it is, signs of other fonts
stand alone in their columns, and Braille, which many fonts lack, is drawn as dots. Nothing outside of the file is
needed: no font, no script. Equal screens make equal files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from rich.color import blend_rgb
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME

from raftplay.tui.model.lines import columns

COLUMN, ROW = 12, 23
"""The width of a column and the height of a row, in pixels: as wide as letters of most fonts."""

EDGE = 14
"""The pixels around the screen."""

FONTS = '"Fira Code","DejaVu Sans Mono",Menlo,Consolas,"Liberation Mono",monospace'

RUNS = re.compile(
    r"[!-~]+(?: [!-~]+)*|[\u2500-\u259f]+|[\u2801-\u28ff]+|[^ \u2800][\u0300-\u036f\u20d0-\u20ff\ufe0f]*"
)
"""A run of characters with one place and one length: words of ASCII, lines of boxes, or a sign alone."""

DOTS = ((3, 3), (3, 8), (3, 13), (8, 3), (8, 8), (8, 13), (3, 18), (8, 18))
"""The places of the eight dots of Braille in their cell, in pixels, in the order of Unicode."""

SegmentRow = Sequence[Segment]
"""The segments of one row of the screen."""


@dataclass(frozen=True, slots=True)
class SvgFrame:
    """A screen of a moving picture, and the seconds for which it is shown."""

    rows: tuple[SegmentRow, ...]
    seconds: float


@dataclass(slots=True)
class _Markup:
    """The rows of a picture as SVG elements, and the style rules that they need."""

    ground: str
    rules: dict[str, str] = field(default_factory=dict)

    def row(self, row: SegmentRow) -> str:
        """Return the elements of one row, which stands at the top."""
        backs: list[tuple[str, int, int]] = []
        texts: list[str] = []
        x = 0
        for segment in row:
            wide = columns(segment.text)
            front, back, more = looks(segment.style or Style())
            if back != self.ground and wide:
                backs.append((back, x, wide))
            name = self._class(f"fill:{front}{more}")
            for run in RUNS.finditer(segment.text):
                texts.append(_text(run.group(), x + columns(segment.text[: run.start()]), name))
            x += wide
        return "".join((*_merged(backs), *texts))

    def _class(self, rule: str) -> str:
        return self.rules.setdefault(rule, f"c{len(self.rules)}")

    def style(self) -> str:
        """Return the style sheet."""
        rules = (f".{name}{{{rule}}}" for rule, name in self.rules.items())
        font = f"text{{font:20px {FONTS};font-variant-ligatures:none;white-space:pre}}"
        return "\n".join((font, *rules))


def still(rows: Sequence[SegmentRow], title: str, ground: str = "") -> str:
    """Return a picture of a screen, on `ground`, by default the colour that most of it has."""
    markup = _Markup(ground or _ground(rows))
    body = "\n".join(
        f'<g transform="translate(0,{at * ROW})">{drawn}</g>'
        for at, row in enumerate(rows)
        if (drawn := markup.row(row))
    )
    return _document(rows, title, markup.ground, markup.style(), "", body)


def moving(moments: Sequence[SvgFrame], title: str, resting: int) -> str:
    """Return a picture that shows `moments` one after another, again and again.

    It is a strip of all screens that is moved on. Where motion is not wanted, it shows the moment `resting` alone.
    """
    markup = _Markup(_ground(moments[0].rows))
    names: dict[str, str] = {}
    screens = []
    for moment in moments:
        uses = []
        for at, row in enumerate(moment.rows):
            if drawn := markup.row(row):
                uses.append(f'<use href="#{names.setdefault(drawn, f"r{len(names)}")}" y="{at * ROW}"/>')
        screens.append("".join(uses))
    width = _width(moments[0].rows) * COLUMN + 2 * EDGE
    strip = "\n".join(f'<g transform="translate({at * width},0)">{uses}</g>' for at, uses in enumerate(screens))
    kept = "\n".join(f'<g id="{name}">{drawn}</g>' for drawn, name in names.items())
    body = f'<g class="strip">\n{strip}\n</g>'
    style = f"{markup.style()}\n{_motion([moment.seconds for moment in moments], width, resting)}"
    return _document(moments[0].rows, title, markup.ground, style, f"<defs>\n{kept}\n</defs>\n", body)


def _motion(seconds: Sequence[float], width: int, resting: int) -> str:
    """Return the rules that move the strip on by one screen after another."""
    whole, passed, steps = sum(seconds), 0.0, []
    for at, shown in enumerate(seconds):
        steps.append(f"{100 * passed / whole:.3f}%{{transform:translateX({-at * width}px)}}")
        passed += shown
    return (
        f".strip{{animation:strip {whole:.2f}s step-end infinite;transform:translateX({-resting * width}px)}}\n"
        f"@keyframes strip{{{''.join(steps)}}}\n"
        "@media (prefers-reduced-motion:reduce){.strip{animation:none}}"
    )


def _document(rows: Sequence[SegmentRow], title: str, ground: str, style: str, before: str, body: str) -> str:
    wide, high = _width(rows) * COLUMN, len(rows) * ROW
    width, height = wide + 2 * EDGE, high + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}\n</style>\n{before}"
        f'<clipPath id="screen"><rect width="{wide}" height="{high}"/></clipPath>\n'
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{ground}" stroke="#808080" '
        'stroke-opacity=".5"/>\n'
        f'<g transform="translate({EDGE},{EDGE})" clip-path="url(#screen)">\n{body}\n</g>\n</svg>\n'
    )


def _text(run: str, x: int, name: str) -> str:
    """Return a run of characters that begins in column `x`."""
    if "\u2801" <= run[0] <= "\u28ff":
        return f'<path class="{name}" d="{_dots(run, x * COLUMN)}"/>'
    is_one = len(run) == 1 and run.isascii()
    length = "" if is_one or not columns(run) else f' textLength="{columns(run) * COLUMN}"'
    stretched = "" if run.isascii() or not length else ' lengthAdjust="spacingAndGlyphs"'
    return f'<text class="{name}" x="{x * COLUMN}" y="17"{length}{stretched}>{escape(run, quote=False)}</text>'


def _dots(run: str, x: int) -> str:
    """Return the dots of a run of Braille that begins at the pixel `x`."""
    return "".join(
        f"M{x + at * COLUMN + left} {top}h2v2h-2z"
        for at, sign in enumerate(run)
        for number, (left, top) in enumerate(DOTS)
        if ord(sign) >> number & 1
    )


def _merged(backs: Iterable[tuple[str, int, int]]) -> Iterable[str]:
    """Return the grounds of a row; neighbours in one colour are one rectangle."""
    colour, begin, end = "", 0, 0
    for back, x, wide in (*backs, ("", 0, 0)):
        if back == colour and x == end:
            end += wide
            continue
        if colour:
            yield f'<rect fill="{colour}" x="{begin * COLUMN}" width="{(end - begin) * COLUMN}" height="{ROW}.4"/>'
        colour, begin, end = back, x, x + wide


def looks(style: Style) -> tuple[str, str, str]:
    """Return the colours of the text and of its ground, and more rules for the text."""
    theme = SVG_EXPORT_THEME
    front, back = theme.foreground_color, theme.background_color
    if style.color is not None and not style.color.is_default:
        front = style.color.get_truecolor(theme)
    if style.bgcolor is not None and not style.bgcolor.is_default:
        back = style.bgcolor.get_truecolor(theme)
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = blend_rgb(front, back, 0.4)
    rules = (
        (style.bold, ";font-weight:bold"),
        (style.italic, ";font-style:italic"),
        (style.underline, ";text-decoration:underline"),
    )
    return front.hex, back.hex, "".join(rule for wanted, rule in rules if wanted)


def _ground(rows: Sequence[SegmentRow]) -> str:
    """Return the colour that most of the screen stands on."""
    found: Counter[str] = Counter()
    for segment in (segment for row in rows for segment in row):
        found[looks(segment.style or Style())[1]] += len(segment.text)
    return found.most_common(1)[0][0] if found else "#000000"


def _width(rows: Sequence[SegmentRow]) -> int:
    return max((sum(columns(segment.text) for segment in row) for row in rows), default=0)
