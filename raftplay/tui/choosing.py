"""A list over the screen of which one line is chosen: a story to play, a lesson to open."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding

from raftplay.tui.boxes import Box, box_of
from raftplay.tui.model.lines import Piece, Pieces, pad, wrapped
from raftplay.tui.screen_commands import CommandChoice
from raftplay.tui.sheet import HoldsTime, Sheet

ABOUT = 2
"""The lines above the list in which the selected choice is explained."""


class Chooser(Sheet, HoldsTime, inherit_bindings=False):
    """A list of `choices`; `chosen` is called with the name of the one that Enter, or a click, chooses.

    Time stands still meanwhile.
    """

    BINDINGS: ClassVar = [
        Binding("escape,q,ctrl+c", "dismiss", show=False),
        Binding("enter,space", "choose", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-10000)", show=False),
        Binding("end", "move(10000)", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[CommandChoice], chosen: Callable[[str], None]) -> None:
        super().__init__(self._lines)
        self._title = title
        self._choices = choices
        self._chosen = chosen
        self._at = 0
        self._typed = ""
        self._first = 0  # the first line of the list that is seen

    def _lines(self, width: int) -> list[Pieces]:
        most = max(len(choice.name) for choice in self._choices)
        told = [*wrapped(self._choices[self._at].about, width), *[""] * ABOUT][:ABOUT]
        lines: list[Pieces] = [(Piece(row, "text"),) for row in told]
        for at, (name, about) in enumerate(self._choices):
            style, target = (
                ("key bold selected", "text selected") if at == self._at else ("key", "dim"),
                ("row", at),
            )
            lines.append(
                (
                    Piece(f" {name:<{most}}  ", style[0], target),
                    Piece(pad(about, width - most - 3), style[1], target),
                )
            )
        return lines

    def paint(self) -> None:
        """Show the lines around the one that is selected."""
        super().paint()
        box = box_of(self)
        if box is None:
            return
        lines = self._lines(box.size.width or self.size.width)
        head, height = lines[:ABOUT], max(1, self.size.height - 4 - ABOUT)
        first = max(0, min(self._first, self._at), self._at - height + 1)
        self._first = min(first, self._at)
        below = len(self._choices) - self._first - height
        box.border_subtitle = f"{below} more: down" if below > 0 else "Esc"
        box.put([*head, *lines[ABOUT + self._first :][:height]])

    def action_move(self, by: int) -> None:
        """Select the line above or below."""
        self._at = max(0, min(len(self._choices) - 1, self._at + by))
        self.paint()

    def action_choose(self) -> None:
        """Choose the selected line."""
        if self.is_current:
            self.dismiss()
            self._chosen(self._choices[self._at].name)

    def on_key(self, event: events.Key) -> None:
        """Select the first line whose name begins with what is typed."""
        if event.character is None or not event.is_printable or event.character in " qjk":
            return
        for typed in (self._typed + event.character, event.character):
            found = [at for at, choice in enumerate(self._choices) if choice.name.startswith(typed)]
            if found:
                self._typed, self._at = typed, found[0]
                self.paint()
                return

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned."""
        event.stop()
        self.action_move(1 if event.lines > 0 else -1)

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """A line was clicked."""
        event.stop()
        if event.target is not None:
            self._at = event.target[1]
            self.action_choose()
