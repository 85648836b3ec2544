"""Signs of the stage beside those of `glyphs`, each in Unicode and in ASCII."""

from dataclasses import dataclass

from raftplay.tui.model.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class Border:
    """The border of a box: corners (top left, top right, bottom left, bottom right) and sides."""

    corners: str
    across: str
    down: str


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of one column each. `low`, `middle`, `high`: dots of a trail, by their height in the cell."""

    weak: str = "☆"
    asking: str = "◌"
    up: str = "▲"
    down: str = "▼"
    sand: str = "▓"
    gone: str = "░"
    high: str = "˙"
    middle: str = "·"
    low: str = "."
    torn: str = "═"
    crossed: str = "╳"
    yes: str = "✓"
    no: str = "∅"
    ask: str = "?"
    beat: str = "♥"
    times: str = "×"
    skip: str = "▸▸"
    leads: Border = Border("╔╗╚╝", "═", "║")
    runs: Border = Border("┏┓┗┛", "━", "┃")
    follows: Border = Border("╭╮╰╯", "─", "│")
    stopped: Border = Border("┌┐└┘", "╌", "╎")


UNICODE = Signs()

ASCII = Signs(
    weak="%",
    asking="~",
    up="^",
    down="v",
    sand="#",
    gone="-",
    high="'",
    middle="-",
    low=".",
    torn="=",
    crossed="X",
    yes="y",
    no="n",
    ask="?",
    beat="h",
    times="x",
    skip=">>",
    leads=Border("####", "=", "#"),
    runs=Border("????", "~", "?"),
    follows=Border("++++", "-", "|"),
    stopped=Border("....", ".", ":"),
)


def signs_of(glyphs: Glyphs) -> Signs:
    """Return the signs that go with `glyphs`."""
    return ASCII if glyphs.ascii else UNICODE
