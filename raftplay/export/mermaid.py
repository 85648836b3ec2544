"""Mermaid: a run as a sequence diagram, which many readers of Markdown draw.

Rounds of heartbeats that tell nothing new are folded into a note. A message is drawn where it arrives, or is lost.
"""

from raftplay.export.mail import ARRIVED, LOST, MailedMessage, mail_of
from raftplay.export.recording import Recording
from raftplay.tui.stage.tape import Tape, TapeMark

MOST_MESSAGES = 200
"""The most messages of a diagram: a larger one is hard to read, and slow to draw."""

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,?!'()+-_=/→…×§✓")
"""The characters that mean only themselves in a diagram; others are written as their numbers."""

TOLD = ("candidate", "asks", "leader", "down", "up", "cut", "heal", "commit", "breach")


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    return "\n".join(_lines(recording)).encode() + b"\n"


def plain(text: str, longest: int = 60) -> str:
    """Return `text` so that Mermaid reads nothing in it."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(char if char in PLAIN else f"#{ord(char)};" for char in cut)


def _lines(recording: Recording) -> list[str]:
    records = recording.records
    messages, told = mail_of(records)
    tape = Tape()
    tape.read(records, recording.breach)
    marks = {mark.seq: mark for mark in tape.marks if mark.kind in TOLD}
    across = "n0" if recording.size == 1 else f"n0,n{recording.size - 1}"
    lines = ["sequenceDiagram", *(f"    participant n{id}" for id in range(recording.size))]
    drawn, folded, left = 0, 0, 0
    for at, record in enumerate(records, 1):
        message = messages[told[at]] if at in told else None
        ended = message is not None and message.end == at and message.fate in (ARRIVED, LOST)
        mark = marks.get(record.seq)
        if message is not None and ended and message.is_quiet:
            folded += not message.is_reply
        elif (message is not None and ended) or mark is not None:
            if drawn == MOST_MESSAGES:
                left += message is not None
                continue
            if folded:
                lines.append(f"    Note over {across}: heartbeats ×{folded}")
                folded = 0
            if mark is not None:
                lines.append(_note(mark, across, record.time))
            if message is not None and ended:
                lines.append(_arrow(message))
                drawn += 1
    if folded and not left:
        lines.append(f"    Note over {across}: heartbeats ×{folded}")
    if left:
        lines.append(f"    Note over {across}: {left} more messages are left out")
    return lines


def _note(mark: TapeMark, across: str, time: float) -> str:
    over = f"n{mark.node}" if mark.node >= 0 else across
    words = f"{mark.text} is committed" if mark.kind == "commit" else mark.text
    words = f"{words}, term {mark.term}" if mark.kind in ("leader", "candidate") else words
    return f"    Note over {over}: {plain(f'{words} ({time:.3f} s)')}"


def _arrow(message: MailedMessage) -> str:
    line = "--" if message.is_reply else "-"
    head = "x" if message.fate == LOST else ">>"
    lost = f" lost, {message.reason}" if message.fate == LOST else ""
    return f"    n{message.src}{line}{head}n{message.dst}: {plain(message.words.texts[0] + lost)}"
