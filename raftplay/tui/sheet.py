"""A sheet over the screen: help, or an answer that is too long for its place."""

import re
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.markup import escape
from textual.message import Message
from textual.screen import ModalScreen, Screen

from raftplay.session.shown import columns
from raftplay.tui.boxes import Box, box_of
from raftplay.tui.model.lines import Piece, Pieces, text_of, windowed, wrapped
from raftplay.watch.text import visible

_FOLDED = re.compile(r" +[^ ]+( [^ ]+)*")
"""The rest of a folded sentence, which is words and not the cells of a table."""


class ClosesOnce(Screen[None]):
    """A screen over the screen that is closed at most once, however often and fast the key is pressed."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, if it is on top: textual closes whatever is on top then."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class HoldsTime(Screen[None]):
    """A screen over the stage while which the time of the cluster stands still."""


class Sheet(ModalScreen[None], ClosesOnce):
    """Lines to scroll through below `title`.

    `make` gives them for a width; `text` is what is copied if not these lines.
    """

    BINDINGS: ClassVar = [
        Binding("escape,q,enter,question_mark,a,ctrl+c", "dismiss", show=False),
        Binding("y", "copy", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("pageup", "scroll(-15)", show=False),
        Binding("pagedown,space", "scroll(15)", show=False),
        Binding("home", "scroll(-100000)", show=False),
        Binding("end", "scroll(100000)", show=False),
        Binding("f2", "app_key('welcome')", show=False),
    ]
    widest: ClassVar[int] = 100
    """The most columns of the sheet."""

    class Copied(Message):
        """The key that copies was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, make: Callable[[int], list[Pieces]], text: str = "", title: str = "") -> None:
        super().__init__()
        self._title = title
        self._make = make
        self._text = text
        self._top = 0

    def compose(self) -> ComposeResult:
        """The one box."""
        yield Box("sheet")

    def on_mount(self) -> None:
        """Show the beginning."""
        self.paint()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are made anew for the new width."""
        self.paint()

    def action_scroll(self, by: int) -> None:
        """Go down, or up if `by` is negative."""
        self._top = max(0, self._top + by)
        self.paint()

    def action_copy(self) -> None:
        """Ask for a copy of all of it."""
        lines = self._make(max(1, min(self.widest, self.size.width - 4) - 4))
        self.post_message(self.Copied(self._text or "\n".join(text_of(line).rstrip() for line in lines)))

    def action_app_key(self, action: str) -> None:
        """Close the sheet, and do what a key of the screen does."""
        self.dismiss()
        self.app.call_later(self.app.run_action, action)

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned."""
        event.stop()
        self.action_scroll(event.lines)

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """A click is nobody else's."""
        event.stop()

    def paint(self) -> None:
        """Show the lines that are in sight."""
        box = box_of(self)
        if box is None:
            return
        width = min(self.widest, self.size.width - 4)
        lines = self._make(width - 4)
        height = min(len(lines), self.size.height - 4)
        box.styles.width, box.styles.height = width, height + 2
        window = windowed(lines, height, self._top)
        self._top = window.top
        more = window.total - window.top - len(window.lines)
        box.border_title = escape(visible(self._title))
        box.border_subtitle = f"{more} more: down, PgDn" if more else "Esc"
        box.put(window.lines)
        box.refresh()


class Leaving(Sheet, inherit_bindings=False):
    """Asks before the screen is left: `count` commands were done, and the session is kept or not.

    `may_save`: it can be saved as a script.
    """

    BINDINGS: ClassVar = [
        Binding("q,enter,y,ctrl+c", "choose(False)", show=False),
        Binding("s", "choose(True)", show=False),
        Binding("escape,n", "dismiss", show=False),
    ]

    class QuitConfirmed(Message):
        """To leave, or to save before that."""

        def __init__(self, *, saves: bool) -> None:
            super().__init__()
            self.saves = saves

    def __init__(self, count: int, *, is_kept: bool, may_save: bool = True) -> None:
        done, it, them = (
            ("1 command was done", "it is", "it")
            if count == 1
            else (f"{count} commands were done", "they are", "them")
        )
        kept = f"kept, and raftplay tui --last opens {them} again" if is_kept else "not kept"
        text = f"Quit? {done}; {it} {kept}."
        saving = "s: save as a script   " if may_save else ""
        keys = f"q or Enter: quit   {saving}Esc: stay"
        super().__init__(lambda width: [*answer_sheet(text, width), (), (Piece(keys, "key"),)])

    def action_choose(self, saves: bool) -> None:
        """Leave, or save before that."""
        self.dismiss()
        self.app.post_message(self.QuitConfirmed(saves=saves))


def text_sheet(line: str, answer: str) -> Sheet:
    """Return a sheet with the answer of a command, which is its title."""
    return Sheet(partial(answer_sheet, answer), answer, line)


def answer_sheet(answer: str, width: int) -> list[Pieces]:
    """Return an answer as lines of `width` columns; a table keeps its columns."""
    rows: list[str] = []
    for line in _sentences(answer, width):
        indent = min(_indent(line), max(0, width - 10))
        fits = columns(line) <= width
        rows += [line] if fits else [" " * indent + row for row in wrapped(line.strip(" "), width - indent)]
    return [(Piece(row, "text"),) for row in rows]


def _sentences(answer: str, width: int) -> list[str]:
    """Return the lines of an answer; a sentence that was folded for more columns is one line again."""
    lines: list[str] = []
    indent = 0
    for line in map(visible, answer.split("\n")):
        is_more = _FOLDED.fullmatch(line) is not None and _indent(line) == indent + 4
        if is_more and lines and columns(lines[-1]) > width:
            lines[-1] += f" {line.strip(' ')}"
        else:
            indent = _indent(line)
            lines.append(line)
    return lines


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def room(width: int) -> int:
    """Return the columns that an answer has in a sheet on a screen of `width` columns."""
    return min(Sheet.widest, width - 4) - 4
