"""Widgets that place lines: they decide nothing, and paint anew only the lines that changed."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.dom import DOMNode
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from raftplay.tui.model.lines import EMPTY, ClickTarget, Pieces, columns, fit
from raftplay.tui.theme import style_of
from raftplay.watch.text import visible

DRAWN = ("tape", "moment")
"""The targets along which the mouse is drawn."""


class PaintingApp(Protocol):
    """The parts of an app that painting needs."""

    theme: str
    colours: bool


class Box(Widget):
    """Some lines. `put` gives it new ones."""

    class Clicked(Message):
        """A piece of a line was clicked; `target` is what it means, `node` the node to which the place belongs.

        `at` is the place on the screen; `dragged_from` is another node on which the button was pressed.
        """

        def __init__(
            self,
            box: "Box",
            target: ClickTarget,
            *,
            button: int = 1,
            at: tuple[int, int] = (0, 0),
            node: int | None = None,
            dragged_from: int | None = None,
        ) -> None:
            super().__init__()
            self.box = box
            self.target = target
            self.button = button
            self.at = at
            self.node = node
            self.dragged_from = dragged_from

        @property
        def on_stage(self) -> bool:
            """Return whether the stage was clicked."""
            return self.box.id == "stage"

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
        self._lines: tuple[Pieces, ...] = ()
        self._drawn_to: ClickTarget = None
        self._pressed_on: tuple[ClickTarget, int | None] = (None, None)
        self._was_drawn = False
        self.hover: Callable[[ClickTarget], str] | None = None
        """Returns what is told of a target while the mouse is over it, "" for nothing."""

        self._told = ""

    def put(self, lines: Sequence[Pieces]) -> None:
        """Show `lines`; those that are as before are left alone."""
        old, self._lines = self._lines, tuple(lines)
        width, height = self.size
        for y in range(height):
            before = old[y] if y < len(old) else EMPTY
            after = self._lines[y] if y < len(self._lines) else EMPTY
            if before != after:
                self.refresh(Region(0, y, width, 1))

    @property
    def lines(self) -> tuple[Pieces, ...]:
        """Return the lines that are shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        looks = cast(PaintingApp, self.app)
        line = self._lines[y] if y < len(self._lines) else EMPTY
        pieces = fit(line, self.size.width, self.fills)
        theme, colours = looks.theme, looks.colours
        return Strip([Segment(p.text, style_of(p.style, theme, colours)) for p in pieces], self.size.width)

    def target_at(self, x: int, y: int) -> ClickTarget:
        """Return what a place shows."""
        if not 0 <= y < len(self._lines):
            return None
        for piece in self._lines[y]:
            x -= columns(piece.text)
            if x < 0:
                return piece.target
        return None

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node to whose box a place belongs: an entry in it to the node to its left."""
        found = None
        for piece in self._lines[y] if 0 <= y < len(self._lines) else ():
            match piece.target:
                case ("node", id):
                    found = id
                case ("entry", _):
                    pass
                case _:
                    found = None
            x -= columns(piece.text)
            if x < 0:
                break
        return found

    def area_of(self, target: ClickTarget) -> tuple[int, int, int, int] | None:
        """Return the smallest area (x, y, width, height) with all that means `target`; None if nothing does."""
        rows, left, right = [], self.size.width, 0
        for y, line in enumerate(self._lines):
            x = 0
            for piece in line:
                end = x + columns(piece.text)
                if piece.target == target:
                    rows.append(y)
                    left, right = min(left, x), max(right, end)
                x = end
        return (left, rows[0], right - left, rows[-1] - rows[0] + 1) if rows else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Note what the button is pressed on."""
        self._pressed_on, self._was_drawn = self.meant_by(event), False

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Tell that the mouse was drawn from one node of the stage to another."""
        (_, start), (target, node) = self._pressed_on, self.meant_by(event)
        if self.id == "stage" and start is not None and node not in (None, start):
            self._pressed_on, self._was_drawn = (None, None), True
            self.post_message(self.Clicked(self, target, node=node, dragged_from=start))

    def on_click(self, event: events.Click) -> None:
        """Tell what was clicked, and with which button; a message moves on until the button is released."""
        event.stop()
        if self._was_drawn:
            return
        (pressed, _), (target, node) = self._pressed_on, self.meant_by(event)
        if pressed is not None and pressed[0] == "message":
            target = pressed
        at = event.screen_x, event.screen_y
        self.post_message(self.Clicked(self, target, button=event.button, at=at, node=node))

    def meant_by(self, event: events.MouseEvent) -> tuple[ClickTarget, int | None]:
        """Return what is under the mouse, and the node to which that belongs."""
        x, y = event.x - self.gutter.left, event.y - self.gutter.top
        return self.target_at(x, y), self.node_at(x, y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell where the mouse is drawn along the tape, and what it is over."""
        target = self.target_at(event.x, event.y)
        words = visible(self.hover(target)) if self.hover is not None else ""
        if words != self._told:
            self._told, self.tooltip = words, Content(words) if words else None
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
        styles = self.styles
        styles.offset = (x, y)
        styles.width, styles.height = max(1, width), max(1, height)


def box_of(screen: DOMNode) -> Box | None:
    """Return the one box of a screen; None while the screen begins or ends, when keys may come already."""
    return next(iter(screen.query(Box)), None)
