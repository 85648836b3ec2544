"""asciicast v2: a run as a recording of the screen, which asciinema and its player show.

The screen is that of `raftplay tui` without its drawers; the pace is that of pace.py. A frame follows each event
of which something is seen, and while a message that matters is on its way. There is no date in the file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from raftplay.export.mail import LOST, MailedMessage, mail_of
from raftplay.export.pace import pace_of
from raftplay.export.recording import Recording, SideText
from raftplay.tui.film import rows_of
from raftplay.tui.model.lines import wrapped
from raftplay.tui.output.cast import header, output
from raftplay.tui.stage.scene import Moving, Scene
from raftplay.tui.stage.tape import Tape
from raftplay.tui.state import ScreenState
from raftplay.tui.svg import SegmentRow
from raftplay.tui.theme import DARK, style_of
from raftplay.watch.facts import Record
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.text import visible

WIDTH, HEIGHT = 80, 36
"""The size of the screen, in columns and rows."""

CAPTION = 4
"""The rows for the caption of a script."""

FRAMES = 8
"""The most frames per second while a message is on its way."""

REST = 3.0
"""The seconds for which the last frame stays."""

LOST_FOR = 0.6
"""The seconds for which a loss is seen."""


@dataclass(frozen=True, slots=True)
class CastFrame:
    """A screen, and the second of play at which it is shown."""

    time: float
    rows: tuple[SegmentRow, ...]


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    return "".join(_lines(recording)).encode("utf-8", "backslashreplace")


def frames_of(recording: Recording) -> Iterator[CastFrame]:
    """Yield the screens of a run, each of which differs from the one before; the last one again at its end."""
    deck = ScreenState(
        WIDTH, HEIGHT - CAPTION, watched=tuple(each.name for each in INVARIANTS), nodes=recording.size
    )
    deck.drawers, deck.pace, deck.selected, deck.is_picture = False, "replay", -1, True
    before, last = None, 0.0
    for last, scene, caption in _scenes(recording):
        rows = (*rows_of(deck, scene), *_caption(caption))
        if rows != before:
            yield CastFrame(last, rows)
            before = rows
    if before is not None:
        yield CastFrame(last + REST, before)


def _caption(text: str) -> list[SegmentRow]:
    """Return the rows of a caption, with an empty one before it."""
    folded = [row for line in text.split("\n") for row in wrapped(visible(line), WIDTH - 2)]
    style = style_of("dim", DARK.name, True)
    return [(Segment(f" {row}", style),) for row in ["", *folded][: CAPTION + 1]]


def _lines(recording: Recording) -> Iterator[str]:
    yield header(WIDTH, HEIGHT, recording.name or "raftplay")
    shown: list[str] = []
    for number, frame in enumerate(frames_of(recording)):
        rows = [_ansi(row) for row in frame.rows[:HEIGHT]]
        rows += [""] * (HEIGHT - len(rows))
        shown += [""] * (HEIGHT - len(shown))
        changed = [f"\x1b[{at + 1};1H{row}\x1b[0m\x1b[K" for at, row in enumerate(rows) if row != shown[at]]
        yield output(frame.time, ("" if number else "\x1b[?25l\x1b[2J") + "".join(changed))
        shown = rows


def _ansi(row: SegmentRow) -> str:
    return "".join(_rendered(segment) for segment in row).rstrip()


def _rendered(segment: Segment) -> str:
    return (segment.style or Style()).render(segment.text, color_system=ColorSystem.TRUECOLOR)


def _scenes(recording: Recording) -> Iterator[tuple[float, Scene, str]]:
    """Yield what is seen at each frame: the second of play, the scene, and the caption."""
    records = recording.records
    messages, _ = mail_of(records)
    shown = _pace(recording, records, messages)
    weighty = [message for message in messages if not message.is_quiet]
    first = recording.history.first_seq
    for time, event in _times(shown, weighty):
        seq = first + event - 1
        moving = tuple(_moving(weighty, shown, event, time))
        view = recording.history.view(seq, recording.now, breach=recording.breach)
        yield time, Scene(replace(view, rewound=False), moving, -1), _beside(recording.captions, seq)


def _pace(recording: Recording, records: Sequence[Record], messages: Sequence[MailedMessage]) -> list[float]:
    tape = Tape()
    tape.read(records, recording.breach)
    first = recording.history.first_seq
    marked = frozenset(mark.seq - first + 1 for mark in tape.marks)
    told = {at for at, record in enumerate(records, 1) if record.event.group in ("election", "log", "fault")}
    return pace_of(records, messages, frozenset(told | marked), marked)


def _times(shown: Sequence[float], weighty: Sequence[MailedMessage]) -> Iterator[tuple[float, int]]:
    """Yield the seconds at which a frame is drawn, and the last event by then."""
    step = 1 / FRAMES
    ticks: set[int] = set()
    for message in weighty:
        if message.end:
            ticks.update(range(int(shown[message.sent] / step) + 1, int(shown[message.end] / step) + 1))
    ends = {round(when / step) for when in shown}
    event = 0
    for tick in sorted(ticks | ends):
        while event + 1 < len(shown) and shown[event + 1] <= tick * step + step / 2:
            event += 1
        if event:
            yield tick * step, event


def _moving(weighty: Sequence[MailedMessage], shown: Sequence[float], event: int, time: float) -> Iterator[Moving]:
    """Yield the messages on their way, and those that were lost just now."""
    for message in weighty:
        if message.sent > event or not message.end:
            continue
        is_over = message.end <= event
        if is_over and (message.fate != LOST or time > shown[message.end] + LOST_FOR):
            continue
        begun, over = shown[message.sent], shown[message.end]
        way = 1.0 if is_over else min(1.0, max(0.0, (time - begun) / max(0.001, over - begun)))
        end: Literal["lost", "flying"] = "lost" if message.fate == LOST else "flying"
        yield Moving(
            message.key, message.src, message.dst, message.content, way, end, message.reason, message.index
        )


def _beside(told: Sequence[SideText], seq: int) -> str:
    """Return the caption that stands beside an event."""
    return next((one.text for one in reversed(told) if one.seq < seq), "")
