"""Large text for an audience: bold, and with a space after each letter where there is room for that."""

from collections.abc import Sequence

from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, fit, wrapped
from raftplay.watch.text import visible

MARGIN = 2
"""The columns that stay free on both sides."""


def large_lines(paragraphs: Sequence[str], width: int, most: int, glyphs: Glyphs) -> list[Pieces]:
    """Return the text in at most `most` lines: all of it large, or its first sentence, or none of it."""
    texts = [_in_glyphs(text, glyphs) for text in paragraphs if text]
    if not texts:
        return []
    room = width - 2 * MARGIN
    head, rest = _first_sentence(texts[0])
    rows = [row for text in texts for row in _spaced(text, room)]
    if len(rows) > most:
        rows = [*_spaced(head, room), *(row for text in (rest, *texts[1:]) if text for row in wrapped(text, room))]
    if len(rows) > most:
        rows = [row for text in texts for row in wrapped(text, room)]
    if len(rows) > most:
        rows = [*rows[: most - 1], glyphs.more]
    return [fit((Piece(" " * MARGIN), Piece(row, "text bold")), width) for row in rows]


def _spaced(text: str, room: int) -> list[str]:
    """Return the rows of a text with a space after each letter, three between two words."""
    return [" ".join(row) for row in wrapped(text, (room + 1) // 2)]


def _first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence, and the rest."""
    for at, char in enumerate(text):
        if char in ".:!?;" and text[at + 1 : at + 2] == " ":
            return text[: at + 1], text[at + 2 :]
    return text, ""


def _in_glyphs(text: str, glyphs: Glyphs) -> str:
    return visible(plain(text) if glyphs.ascii else text)
