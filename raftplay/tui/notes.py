"""The screen of `raftplay notes`: the notes of the caption that a presentation in another terminal shows."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from raftplay.run.captions import Caption
from raftplay.run.notes import NotesPosition
from raftplay.session.status import Status
from raftplay.tui.boxes import Box
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, fit, spread, wrapped
from raftplay.tui.settings import Settings
from raftplay.tui.terminal import InAscii, TerminalApp
from raftplay.tui.theme import DARK, LIGHT, PALETTES
from raftplay.watch.text import visible

LOOK_EVERY = 0.25
"""The interval of looks at the presentation, in seconds."""

LOWER = 3
"""The next caption with its notes gets one of so many parts of the screen."""


def notes_lines(
    captions: Sequence[Caption],
    at: int,
    size: tuple[int, int],
    glyphs: Glyphs,
    *,
    elapsed: float | None = None,
    follows: bool = False,
    scroll: int = 0,
) -> list[Pieces]:
    """Return a page of notes: those of the caption `at`, and below them the next caption with its notes.

    `elapsed` is the time since a presentation began, in seconds, None if there is none; `follows`: the page turns
    with it.
    """
    width, height = size
    lower = max(3, height // LOWER)
    upper = max(1, height - lower - 2)
    page = _page(captions[at], width, glyphs, is_now=True)
    top = max(0, min(scroll, len(page) - upper))
    shown = page[top : top + upper]
    if top + upper < len(page):
        shown[-1] = (Piece(f"  {glyphs.more} down: more", "dim"),)
    shown += [()] * (upper - len(shown))
    rule: Pieces = (Piece(glyphs.rule * width, "line"),)
    below: list[Pieces] = [(Piece(" the end", "dim"),)]
    if at + 1 < len(captions):
        below = _page(captions[at + 1], width, glyphs, is_now=False)
        if len(below) > lower:
            below = [*below[: lower - 1], (Piece(f"  {glyphs.more}", "dim"),)]
    lines = [_head(captions, at, width, elapsed, follows=follows), *shown, rule, *below]
    return [fit(line, width) for line in lines[:height]]


def _head(captions: Sequence[Caption], at: int, width: int, elapsed: float | None, *, follows: bool) -> Pieces:
    """Return the position, the chapter, and how long the presentation has taken."""
    left = (
        Piece(f" {at + 1}/{len(captions)} ", "key bold"),
        Piece(f" {visible(captions[at].chapter)}", "title bold"),
    )
    if elapsed is None:
        return spread(left, (Piece("no presentation: PgDn, PgUp ", "dim"),), width)
    minutes, seconds = divmod(max(0, int(elapsed)), 60)
    what = "follows " if follows else "End: follow again "
    return spread(left, (Piece(what, "dim"), Piece(f" {minutes}:{seconds:02} ", "text bold")), width)


def _page(caption: Caption, width: int, glyphs: Glyphs, *, is_now: bool) -> list[Pieces]:
    """Return a caption and its notes; those of the next one are dimmed."""
    head = "" if is_now else " next: "
    style, dim = ("text bold", "text") if is_now else ("text", "dim")
    lines: list[Pieces] = [] if is_now else [(Piece(head, "dim"),)]
    for text in caption.paragraphs or (caption.chapter or "(no caption)",):
        lines += [(Piece(f" {row}", style),) for row in wrapped(_shown(text, glyphs), width - 2)]
    for note in caption.notes:
        lines += [()] if is_now else []
        first, *rest = wrapped(_shown(note, glyphs), width - 6)
        lines.append((Piece("   * ", "key"), Piece(first, dim)))
        lines += [(Piece("     "), Piece(row, dim)) for row in rest]
    if not caption.notes:
        lines.append((Piece("   (no notes)", "dim"),))
    return lines


def _shown(text: str, glyphs: Glyphs) -> str:
    return visible(plain(text) if glyphs.ascii else text)


class Pages(Screen[None], inherit_bindings=False):
    """The one screen."""

    AUTO_FOCUS = ""


class NotesApp(TerminalApp, inherit_bindings=False):
    """Shows the notes of `captions`; `position` says where the presentation is, None while there is none."""

    TITLE = "raftplay notes"
    CSS = "Pages { overflow: hidden; } #notes { width: 100%; height: 100%; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown,right,space,enter", "turn(1)", show=False),
        Binding("pageup,left,backspace", "turn(-1)", show=False),
        Binding("home", "turn(-100000)", show=False),
        Binding("end", "follow", show=False),
        Binding("down,j", "scroll_by(1)", show=False),
        Binding("up,k", "scroll_by(-1)", show=False),
        Binding("q,escape", "leave", show=False),
        Binding("ctrl+c", "interrupt", show=False),
        Binding("ctrl+z", "suspend", show=False),
    ]

    def __init__(
        self,
        captions: Sequence[Caption],
        position: Callable[[], NotesPosition | None],
        glyphs: Glyphs,
        *,
        settings: Settings | None = None,
        colours: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.captions = captions
        self.colours = colours
        self.status = Status.HELD
        self.glyphs = glyphs
        self._position = position
        self._now = now
        self._at = 0
        self._followed: int | None = None  # the caption of the presentation when it was looked at last
        self._scroll = 0
        self._loop_here: asyncio.AbstractEventLoop | None = None
        self._box = Box("notes")
        if glyphs.ascii:
            self._filters.append(InAscii())
        for palette in PALETTES.values():
            self.register_theme(palette.textual())
        self.theme = LIGHT.name if settings is not None and settings.light else DARK.name

    def get_default_screen(self) -> Screen[None]:
        """Return the one screen."""
        return Pages()

    def compose(self) -> ComposeResult:
        """Yield the one box."""
        yield self._box

    def on_mount(self) -> None:
        """Show the first page, and look for a presentation from then on."""
        self._loop_here = asyncio.get_running_loop()
        self.paint()
        self.set_interval(LOOK_EVERY, self.paint)
        self.app_resume_signal.subscribe(self.screen, self.repaint)

    def on_resize(self, _: events.Resize) -> None:
        """Lines are made anew."""
        self.call_later(self.paint)

    def paint(self) -> None:
        """Turn to the page of the caption that is shown, if that is another one than before."""
        if not self.screen_stack or not self.is_running:
            return
        position = self._position()
        shown = None if position is None else max(0, min(position.caption, len(self.captions) - 1))
        if shown is not None and shown != self._followed:
            self._at, self._scroll = shown, 0
        self._followed = shown
        elapsed = None if position is None else self._now() - position.begun
        width, height = self.size
        lines = notes_lines(
            self.captions,
            self._at,
            (width, height),
            self.glyphs,
            elapsed=elapsed,
            follows=self._at == shown,
            scroll=self._scroll,
        )
        self._box.put(lines)

    def action_turn(self, by: int) -> None:
        """Turn to another page; the next caption of the presentation turns back."""
        self._at, self._scroll = max(0, min(len(self.captions) - 1, self._at + by)), 0
        self.paint()

    def action_follow(self) -> None:
        """Turn to the page of the caption that is shown."""
        self._followed = None
        self.paint()

    def action_scroll_by(self, by: int) -> None:
        """Scroll the notes of the caption."""
        self._scroll = max(0, self._scroll + by)
        self.paint()

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned."""
        self.action_scroll_by(event.lines)

    def end_soon(self) -> None:
        """Leave because of a signal."""
        if self._loop_here is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop_here.call_soon_threadsafe(self.exit)

    def action_leave(self) -> None:
        """Leave."""
        self.exit()

    def action_interrupt(self) -> None:
        """Leave, with the exit status of an interrupt."""
        self.status = Status.INTERRUPTED
        self.exit()
