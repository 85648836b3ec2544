"""The help screen: every key, every sign, and the first steps of someone who has never seen Raft."""

from raftplay.tui.keys import COMPARE_KEYS, KEYS, PROMPT_KEYS
from raftplay.tui.model.glyphs import Glyphs, legend, plain
from raftplay.tui.model.lines import Line, Piece, fit, pad, wrapped

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


def help_lines(width: int, glyphs: Glyphs) -> list[Line]:
    """All of it, as lines of `width` columns."""
    lines: list[Line] = [_title("What you see", width)]
    for text in FIRST_STEPS:
        lines += _paragraph(text, width, glyphs)
    lines += [(), _title("Keys, while the prompt is left", width)]
    for key in KEYS:
        lines += _entry(_ascii(key.shown, glyphs), "key bold", key.help, width, glyphs)
    lines += [(), _title("In the prompt", width)]
    for key in PROMPT_KEYS:
        lines += _entry(key.shown, "key bold", key.help, width, glyphs)
    lines += [(), _title("While two branches are compared", width), *compare_help(width, glyphs)]
    lines += [(), _title("Mouse", width)]
    for name, about in MOUSE:
        lines += _entry(name, "key bold", about, width, glyphs)
    lines += [(), _title("Signs", width)]
    for sign, style, meaning in legend(glyphs):
        lines += _entry(sign, style, meaning, width, glyphs)
    return [fit(line, width) for line in lines]


def compare_help(width: int, glyphs: Glyphs) -> list[Line]:
    """The keys while two branches are compared."""
    lines: list[Line] = []
    for key in COMPARE_KEYS:
        lines += _entry(_ascii(key.shown, glyphs), "key bold", key.help, width, glyphs)
    return lines


MOUSE = (
    ("a node", "select it"),
    ("a pane", "let the keys act on it; its name brings it to the front"),
    ("an entry", "select it, and say what it is and which nodes have it"),
    ("a message", "select it: its line or its head"),
    ("an event", "select it; once more: go to that moment"),
    ("the wheel", "scroll a pane"),
)


def _title(text: str, width: int) -> Line:
    return (Piece(pad(text, width), "title bold"),)


def _paragraph(text: str, width: int, glyphs: Glyphs) -> list[Line]:
    return [(Piece(f"  {row}", "text"),) for row in wrapped(_plain(_ascii(text, glyphs), glyphs), width - 4)] + [
        ()
    ]


def _entry(name: str, style: str, about: str, width: int, glyphs: Glyphs) -> list[Line]:
    rows = wrapped(_plain(about, glyphs), width - 15)
    head: Line = (Piece("  "), Piece(name, style), Piece(" " * (11 - len(name))), Piece(rows[0], "text"))
    return [head, *((Piece(" " * 13), Piece(row, "text")) for row in rows[1:])]


def _plain(text: str, glyphs: Glyphs) -> str:
    return plain(text) if glyphs.ascii else text


def _ascii(text: str, glyphs: Glyphs) -> str:
    if not glyphs.ascii:
        return text
    return text.replace("←", "left").replace("→", "right").replace("↑", "up").replace("↓", "down")
