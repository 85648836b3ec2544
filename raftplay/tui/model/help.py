"""The help screen: every key by its purpose, beside the legend of the stage; then Raft in three paragraphs."""

from itertools import zip_longest

from raftplay.tui.keys import COMPARE_KEYS, MENU_KEYS, PROMPT_KEYS, of_group
from raftplay.tui.model.glyphs import Glyphs, legend, plain, plain_keys
from raftplay.tui.model.key import GROUPS
from raftplay.tui.model.lines import EMPTY, Piece, Pieces, fit, pad, wrapped
from raftplay.tui.stage.legend import sections

FIRST_STEPS = (
    "Each node waits for a leader. When its election timer runs out, it starts an election: it begins a new term, "
    "votes for itself and asks the others for their votes. A majority of votes makes it leader of that term; its "
    "heartbeats restart the timers of the others.",
    "Commands go to the leader, which sends them to the others. An entry of the leader's own term is committed "
    "once a majority has it, and the entries before it are committed with it (§5.4.2). A committed entry is never "
    "lost.",
    "Try: space stops time, and . goes on by one message or timer. Select the leader by its number, crash it with "
    "c, and watch the next election; s submits a command to the leader. ← looks back at what happened, → goes "
    "forward.",
)


BESIDE = 66
"""The columns from which on the legend stands beside the keys; else below them."""

GAP = 2
"""The columns between keys and legend."""

NAME, NAME_IN_ASCII = 10, 12
"""The columns of the name of a key; in ASCII arrows are words."""

SAMPLE = 9
"""The columns of a sample in the legend."""

MOUSE = (
    ("a node", "select it; once more, or the right button: its menu"),
    ("a message", "select it, by its head, its words or its trail; the right button: its menu"),
    ("a link", "the menu of a cut link, of a cell of the network, or of a torn line"),
    ("drawn", "from one node to another: cut their link, or join it again"),
    ("an entry", "select it, and say what it is and which nodes have it"),
    ("an event", "select it; once more: go to that moment"),
    ("the tape", "go to that moment"),
    ("a pane", "let the keys act on it; its name brings it to the front"),
    ("a key", "at the foot of the screen: press it"),
    ("the wheel", "scroll a pane"),
)


def help_lines(width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return all of it, as lines of `width` columns: the keys by their purpose, and the legend beside them."""
    if width < BESIDE:
        lines = [*key_lines(width, glyphs), *legend_lines(width, glyphs)]
    else:
        right = max(28, min(44, width * 2 // 5))
        keys, signs = key_lines(width - right - GAP, glyphs), legend_lines(right, glyphs)
        rows = zip_longest(keys, signs, fillvalue=EMPTY)
        lines = [(*fit(left, width - right), *beside) for left, beside in rows]
    lines.append(_title("Raft in short", width))
    for text in FIRST_STEPS:
        lines += _paragraph(text, width, glyphs)
    return [fit(line, width) for line in lines]


def key_lines(width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return every key once, by its purpose; then those of the prompt and of menus, and the mouse."""
    lines: list[Pieces] = []
    parts = [(group, [(key.shown, key.help) for key in of_group(group)]) for group in GROUPS]
    parts.append(("At the prompt", [(key.shown, key.help) for key in PROMPT_KEYS]))
    parts.append(("In a menu", [(key.shown, key.help) for key in MENU_KEYS]))
    parts.append(("While two branches are compared", [(key.shown, key.help) for key in COMPARE_KEYS]))
    parts.append(("With the mouse", list(MOUSE)))
    for title, entries in parts:
        lines.append(_title(title, width))
        for name, about in entries:
            lines += _entry(name, about, width, glyphs)
        lines.append(())
    return lines


def compare_help(width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return the keys while two branches are compared."""
    return [line for key in COMPARE_KEYS for line in _entry(key.shown, key.help, width, glyphs)]


def legend_lines(width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return every sign of the stage with its meaning, as it is painted; then those of the drawers alone."""
    lines: list[Pieces] = []
    for title, entries in sections(glyphs):
        lines.append(_title(title, width))
        for entry in entries:
            lines += _explained(entry.sample, entry.meaning, width, glyphs)
        lines.append(())
    lines.append(_title("In drawers", width))
    for sign, style, meaning in legend(glyphs):
        lines += _explained(((Piece(sign, style),),), meaning, width, glyphs)
    return [*lines, ()]


def _explained(sample: tuple[Pieces, ...], meaning: str, width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return a sample with its meaning beside it; beside a box of three lines, from the second on."""
    words = wrapped(_plain(meaning, glyphs), max(10, width - SAMPLE - 1))
    if len(sample) > len(words) + 1:
        words = ["", *words]
    rows = zip_longest(sample, words, fillvalue=None)
    return [(Piece(" "), *fit(row or EMPTY, SAMPLE), Piece(text or "", "text")) for row, text in rows]


def _title(text: str, width: int) -> Pieces:
    return (Piece(pad(text, width), "title bold"),)


def _paragraph(text: str, width: int, glyphs: Glyphs) -> list[Pieces]:
    return [
        (Piece(f"  {row}", "text"),) for row in wrapped(_plain(plain_keys(text, glyphs), glyphs), width - 4)
    ] + [()]


def _entry(name: str, about: str, width: int, glyphs: Glyphs) -> list[Pieces]:
    room = NAME_IN_ASCII if glyphs.ascii else NAME
    rows = wrapped(_plain(about, glyphs), max(10, width - room - 1))
    head: Pieces = (Piece(" "), Piece(pad(plain_keys(name, glyphs), room), "key bold"), Piece(rows[0], "text"))
    return [head, *((Piece(" " * (room + 1)), Piece(row, "text")) for row in rows[1:])]


def _plain(text: str, glyphs: Glyphs) -> str:
    return plain(text) if glyphs.ascii else text
