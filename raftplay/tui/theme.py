"""Palettes of styles: for dark screens, for light ones, and without colours.

The model writes styles as words ("leader bold", "t3 solid"); here they become colours. What must be told apart
without colours differs by signs, and besides by bold, reverse and underlined.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from rich.style import Style
from textual.theme import Theme


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, by the word that means them."""

    name: str
    dark: bool
    ground: str
    bar: str
    chosen: str
    line: str
    colours: tuple[tuple[str, str], ...]
    terms: tuple[str, ...]
    """Seven hues, for terms modulo 7."""

    is_few: bool = False
    """True if its colours are those of a terminal that has 16."""

    def textual(self) -> Theme:
        """The same colours for the parts of the screen that are textual's own."""
        colour = dict(self.colours)
        return Theme(
            name=self.name,
            primary=colour["key"],
            secondary=colour["follower"],
            warning=colour["warn"],
            error=colour["bad"],
            success=colour["ok"],
            accent=colour["candidate"],
            foreground=colour["text"],
            background=self.ground,
            surface=self.bar,
            panel=self.bar,
            dark=self.dark,
            variables={
                "input-cursor-background": colour["text"],
                "input-selection-background": self.chosen,
                "text-muted": colour["dim"],
                "text-disabled": colour["dim"],
            },
        )


DARK = Palette(
    "raftplay-dark",
    True,
    ground="#10141b",
    bar="#1a212c",
    chosen="#26344b",
    line="#52647f",
    colours=(
        ("text", "#d5dbe5"),
        ("dim", "#8894a6"),
        ("faint", "#7a8aa1"),
        ("leader", "#d5dbe5"),
        ("candidate", "#d5dbe5"),
        ("follower", "#aab6c8"),
        ("down", "#818999"),
        ("cut", "#e6b450"),
        ("timer", "#aab6c8"),
        ("warn", "#e6b450"),
        ("bad", "#ff6d6d"),
        ("ok", "#d5dbe5"),
        ("fault", "#e6b450"),
        ("key", "#8ab8ff"),
        ("append", "#d5dbe5"),
        ("beat", "#7b8aa0"),
        ("reply", "#7a8aa1"),
        ("past", "#c9a2ff"),
        ("paused", "#e6b450"),
        ("running", "#aab6c8"),
        ("select", "#ffffff"),
        ("title", "#aab6c8"),
        ("line", "#52647f"),
    ),
    terms=("#f78c6c", "#5ccfe6", "#a5d46a", "#ffd166", "#f07ab4", "#c792ea", "#82aaff"),
)

LIGHT = Palette(
    "raftplay-light",
    False,
    ground="#fbfaf6",
    bar="#eceae1",
    chosen="#dfe9f8",
    line="#979076",
    colours=(
        ("text", "#23292f"),
        ("dim", "#596169"),
        ("faint", "#6c695a"),
        ("leader", "#23292f"),
        ("candidate", "#23292f"),
        ("follower", "#4a525a"),
        ("down", "#63696f"),
        ("cut", "#855f00"),
        ("timer", "#4a525a"),
        ("warn", "#855f00"),
        ("bad", "#c4202b"),
        ("ok", "#23292f"),
        ("fault", "#855f00"),
        ("key", "#0b5fc0"),
        ("append", "#23292f"),
        ("beat", "#626970"),
        ("reply", "#626970"),
        ("past", "#6f35b8"),
        ("paused", "#855f00"),
        ("running", "#4a525a"),
        ("select", "#000000"),
        ("title", "#4a525a"),
        ("line", "#979076"),
    ),
    terms=("#b1441a", "#007182", "#487200", "#846200", "#b02a6f", "#7a3fb0", "#2f5fc4"),
)

_QUIET_WORDS = ("dim", "faint", "down", "beat", "reply", "title", "line")


def _few(palette: Palette, ground: str, text: str, quiet: str, chosen: str, bad: str, terms: str) -> Palette:
    """Return a palette of colours that a terminal with 16 of them has; roles differ by their signs and words."""
    front = {word: _SIXTEEN[quiet if word in _QUIET_WORDS else text] for word, _ in palette.colours}
    front |= {"bad": _SIXTEEN[bad]}
    return replace(
        palette,
        name=f"{palette.name}-16",
        ground=_SIXTEEN[ground],
        bar=_SIXTEEN[ground],
        chosen=_SIXTEEN[chosen],
        line=_SIXTEEN[quiet],
        colours=tuple(front.items()),
        terms=tuple(_SIXTEEN[name] for name in terms.split()),
        is_few=True,
    )


_SIXTEEN = {
    "black": "#000000", "green": "#00aa00", "brown": "#aa5500", "blue": "#0000aa", "magenta": "#aa00aa",
    "cyan": "#00aaaa", "grey": "#aaaaaa", "dark-grey": "#555555", "red": "#aa0000", "light-red": "#ff5555",
    "light-green": "#55ff55", "yellow": "#ffff55", "light-blue": "#5555ff", "light-magenta": "#ff55ff",
    "light-cyan": "#55ffff", "white": "#ffffff",
}  # fmt: skip
"""The colours of such terminals as rich knows them: each is painted as itself."""

DARK_FEW = _few(
    DARK, "black", "white", "grey", "blue", "light-red",
    "light-cyan yellow light-magenta light-green cyan light-magenta yellow",
)  # fmt: skip
LIGHT_FEW = _few(
    LIGHT, "white", "black", "dark-grey", "yellow", "red", "blue brown magenta dark-grey blue brown magenta"
)

PALETTES = {palette.name: palette for palette in (DARK, LIGHT, DARK_FEW, LIGHT_FEW)}


def theme_name(*, light: bool, few: bool) -> str:
    """Return the name of the theme; `few`: the terminal has 16 colours."""
    return ((LIGHT_FEW if few else LIGHT) if light else (DARK_FEW if few else DARK)).name


QUIET = frozenset(("dim", "faint", "down", "beat", "reply", "line"))
"""The quiet styles, which are too hard to read on the ground of a selection."""


@lru_cache(maxsize=4096)
def style_of(words: str, theme: str, colours: bool) -> Style:
    """The looks of a style, which is words with spaces between them."""
    palette = PALETTES[theme]
    return _coloured(words.split(), palette) if colours else _plain(words.split())


def _coloured(words: list[str], palette: Palette) -> Style:
    known = dict(palette.colours)
    front, back = known["text"], palette.ground
    for word in words:
        if word in known:
            front = known[word]
        elif word[0] == "t" and word[1:].isdecimal():
            front = palette.terms[int(word[1:]) % 7]
    if "bad" in words:
        front = known["bad"]
    if "bar" in words:
        back = palette.bar
    if "selected" in words:
        back = palette.chosen
        if QUIET.intersection(words):
            front = known["text"]
    stands_out = palette.is_few and "bad" in words and "selected" in words  # red on blue is hard to read
    if "solid" in words or "badge" in words or stands_out:
        front, back = palette.ground, front
    return Style(color=front, bgcolor=back, bold="bold" in words or "badge" in words, underline="hollow" in words)


def _plain(words: list[str]) -> Style:
    return Style(
        bold=any(word in words for word in ("bold", "bad", "leader", "select", "badge")),
        dim=any(word in words for word in ("dim", "faint", "beat", "reply", "line")),
        reverse=any(word in words for word in ("solid", "badge", "selected", "bar")),
        underline="hollow" in words,
    )
