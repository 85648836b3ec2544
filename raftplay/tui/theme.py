"""Palettes of styles: for dark screens, for light ones, and without colours.

The model writes styles as words ("leader bold", "t3 solid"); here they become colours. What must be told apart
without colours differs by signs, and besides by bold, reverse and underlined.
"""

from dataclasses import dataclass
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
        ("leader", "#7fd88f"),
        ("candidate", "#ffb454"),
        ("follower", "#6cb2f5"),
        ("down", "#818999"),
        ("cut", "#ff8f6b"),
        ("timer", "#54c8d4"),
        ("warn", "#e6b450"),
        ("bad", "#ff6d6d"),
        ("ok", "#7fd88f"),
        ("fault", "#ff9e64"),
        ("key", "#8ab8ff"),
        ("append", "#8ab8ff"),
        ("beat", "#7b8aa0"),
        ("reply", "#7a8aa1"),
        ("past", "#c9a2ff"),
        ("paused", "#e6b450"),
        ("running", "#7fd88f"),
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
        ("leader", "#147834"),
        ("candidate", "#a25200"),
        ("follower", "#0b5fc0"),
        ("down", "#63696f"),
        ("cut", "#b83a12"),
        ("timer", "#00727f"),
        ("warn", "#855f00"),
        ("bad", "#c4202b"),
        ("ok", "#147834"),
        ("fault", "#a84300"),
        ("key", "#0b5fc0"),
        ("append", "#0b5fc0"),
        ("beat", "#626970"),
        ("reply", "#626970"),
        ("past", "#6f35b8"),
        ("paused", "#855f00"),
        ("running", "#147834"),
        ("select", "#000000"),
        ("title", "#4a525a"),
        ("line", "#979076"),
    ),
    terms=("#b1441a", "#007182", "#487200", "#846200", "#b02a6f", "#7a3fb0", "#2f5fc4"),
)

PALETTES = {palette.name: palette for palette in (DARK, LIGHT)}


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
    if "solid" in words or "badge" in words:
        front, back = palette.ground, front
    return Style(color=front, bgcolor=back, bold="bold" in words or "badge" in words, underline="hollow" in words)


def _plain(words: list[str]) -> Style:
    return Style(
        bold=any(word in words for word in ("bold", "bad", "leader", "select", "badge")),
        dim=any(word in words for word in ("dim", "faint", "beat", "reply", "line")),
        reverse=any(word in words for word in ("solid", "badge", "selected", "bar")),
        underline="hollow" in words,
    )
