"""Widgets that place lines: they decide nothing, and paint anew only the lines that changed."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from raftplay.tui.model.lines import EMPTY, Line, Target, columns, fit
from raftplay.tui.theme import style_of

DRAWN = ("tape", "moment")
"""The targets along which the mouse is drawn."""


class Looks(Protocol):
    """The parts of an app that painting needs."""

    theme: str
    colours: bool


class Box(Widget):
    """Some lines. `put` gives it new ones."""

    class Clicked(Message):
        """A piece of a line was clicked; `target` is what it means."""

        def __init__(self, box: "Box", target: Target) -> None:
            super().__init__()
            self.box = box
            self.target = target

    class Scrolled(Message):
        """The wheel was turned over a box, by `lines` lines; towards the end if positive."""

        def __init__(self, box: "Box", lines: int) -> None:
            super().__init__()
            self.box = box
            self.lines = lines

    def __init__(self, name: str, *, fills: str = "", can_focus: bool = False) -> None:
        super().__init__(id=name)
        self.can_focus = can_focus
        self.fills = fills
        self._lines: tuple[Line, ...] = ()
        self._drawn_to: Target = None

    def put(self, lines: Sequence[Line]) -> None:
        """Show `lines`; those that are as before are left alone."""
        old, self._lines = self._lines, tuple(lines)
        width, height = self.size
        for y in range(height):
            before = old[y] if y < len(old) else EMPTY
            after = self._lines[y] if y < len(self._lines) else EMPTY
            if before != after:
                self.refresh(Region(0, y, width, 1))

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines that are shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        looks = cast(Looks, self.app)
        line = self._lines[y] if y < len(self._lines) else EMPTY
        pieces = fit(line, self.size.width, self.fills)
        theme, colours = looks.theme, looks.colours
        return Strip([Segment(p.text, style_of(p.style, theme, colours)) for p in pieces], self.size.width)

    def target_at(self, x: int, y: int) -> Target:
        """Return what a place shows."""
        if not 0 <= y < len(self._lines):
            return None
        for piece in self._lines[y]:
            x -= columns(piece.text)
            if x < 0:
                return piece.target
        return None

    def on_click(self, event: events.Click) -> None:
        """Tell what was clicked."""
        event.stop()
        self.post_message(self.Clicked(self, self.target_at(event.x, event.y)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell where the mouse is drawn along the tape."""
        target = self.target_at(event.x, event.y)
        if event.button == 1 and target is not None and target[0] in DRAWN and target != self._drawn_to:
            self._drawn_to = target
            self.post_message(self.Clicked(self, target))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell that the wheel turned."""
        event.stop()
        self.post_message(self.Scrolled(self, 3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell that the wheel turned."""
        event.stop()
        self.post_message(self.Scrolled(self, -3))

    def place(self, region: Sequence[int]) -> None:
        """Stand at (x, y, width, height) of the screen; nowhere where there is no room."""
        x, y, width, height = region
        self.display = width > 0 and height > 0
        styles: Any = self.styles
        styles.offset = (x, y)
        styles.width, styles.height = max(1, width), max(1, height)
