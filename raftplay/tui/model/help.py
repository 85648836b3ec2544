"""The help screen: every key, every sign, and the first steps of someone who has never seen Raft."""

from raftplay.tui.keys import KEYS
from raftplay.tui.model.glyphs import Glyphs, legend, plain
from raftplay.tui.model.lines import Line, Piece, fit, pad, wrapped

FIRST_STEPS = (
    "Each node waits for a leader. When its timer runs out, it stands for election: it starts a new term, votes "
    "for itself and asks the others. A majority of votes makes it leader of that term; its heartbeats keep the "
    "others' timers from running out.",
    "Commands go to the leader, which sends them to the others. Once a majority has an entry, it is committed and "
    "cannot be lost.",
    "Try: space to stand still and . to go on by one message at a time. Crash the leader with c and watch the "
    "next election; s submits a command. Left and right look back at what happened.",
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
    for name, about in PROMPT_KEYS:
        lines += _entry(name, "key bold", about, width, glyphs)
    lines += [(), _title("Mouse", width)]
    for name, about in MOUSE:
        lines += _entry(name, "key bold", about, width, glyphs)
    lines += [(), _title("Signs", width)]
    for sign, style, meaning in legend(glyphs):
        lines += _entry(sign, style, meaning, width, glyphs)
    return [fit(line, width) for line in lines]


PROMPT_KEYS = (
    ("Enter", "run the command and leave the prompt; the answer stands above"),
    ("Up, Down", "the commands before and after that begin as what is typed"),
    ("Ctrl+R", "search backwards for a command that contains what is typed; again: further back"),
    ("Tab", "complete; again: the next that fits"),
    ("Esc", "leave the prompt"),
)

MOUSE = (
    ("a node", "select it"),
    ("an entry", "say what it is and where"),
    ("a message", "select it"),
    ("an event", "select it; once more: go to that moment"),
    ("the wheel", "scroll a pane"),
)


def _title(text: str, width: int) -> Line:
    return (Piece(pad(text, width), "title bold"),)


def _paragraph(text: str, width: int, glyphs: Glyphs) -> list[Line]:
    return [(Piece(f"  {row}", "text"),) for row in wrapped(_plain(text, glyphs), width - 4)] + [()]


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
