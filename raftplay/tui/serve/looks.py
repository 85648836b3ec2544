"""The looks of signs on a terminal, read from the parameters that select them (SGR, ECMA-48 8.3.117).

The rule of this module: pure functions of looks and parameters.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

ATTRIBUTES = {"1": "b", "2": "d", "3": "i", "4": "u", "7": "r", "9": "s"}
"""The letter of each attribute: bold, dim, italic, underlined, reverse, struck."""

ENDS = {"22": "bd", "23": "i", "24": "u", "27": "r", "29": "s"}
"""The attributes that a parameter ends."""

BASIC = (
    "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5",
    "#666666", "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
)  # fmt: skip
"""The sixteen colours of a terminal."""


class SignLooks(NamedTuple):
    """The looks of a sign: "#rrggbb" or "" for front and back, and the letters of its attributes."""

    front: str = ""
    back: str = ""
    attributes: str = ""


PLAIN = SignLooks()


@lru_cache(maxsize=4096)
def changed(looks: SignLooks, parameters: str) -> SignLooks:
    """Return `looks` after parameters such as "0;1;38;2;255;0;0"; unknown ones change nothing."""
    front, back, attributes = looks
    rest = iter(parameters.split(";"))
    for code in rest:
        if code in ("", "0"):
            front, back, attributes = PLAIN
        elif code in ATTRIBUTES:
            attributes = "".join(sorted({*attributes, ATTRIBUTES[code]}))
        elif code in ENDS:
            attributes = "".join(letter for letter in attributes if letter not in ENDS[code])
        elif code == "38":
            front = _colour(rest)
        elif code == "48":
            back = _colour(rest)
        elif code == "39":
            front = ""
        elif code == "49":
            back = ""
        elif code.isdecimal() and (basic := _basic(int(code))):
            front, back = (basic, back) if int(code) % 60 < 40 else (front, basic)
    return SignLooks(front, back, attributes)


def _basic(code: int) -> str:
    """Return the colour of 30 to 37, 40 to 47, 90 to 97 and 100 to 107; "" for another code."""
    bright, code = (8, code - 60) if code >= 90 else (0, code)
    return BASIC[bright + code % 10] if code // 10 in (3, 4) and code % 10 < 8 else ""


def _colour(rest: Iterator[str]) -> str:
    """Return the colour that follows 38 or 48; "" for one that cannot be read."""
    kind = next(rest, "")
    parts = [next(rest, "") for _ in range({"5": 1, "2": 3}.get(kind, 0))]
    if not parts or not all(part.isdecimal() and int(part) < 256 for part in parts):
        return ""
    if kind == "2":
        return "#" + "".join(f"{int(part):02x}" for part in parts)
    return _indexed(int(parts[0]))


def _indexed(index: int) -> str:
    """Return one of 256 colours: the sixteen, a cube of 6 by 6 by 6, then greys."""
    if index < 16:
        return BASIC[index]
    if index < 232:
        cube = index - 16
        red, green, blue = (0 if part == 0 else 55 + 40 * part for part in (cube // 36, cube // 6 % 6, cube % 6))
    else:
        red = green = blue = 8 + 10 * (index - 232)
    return f"#{red:02x}{green:02x}{blue:02x}"
