"""The terminal that the screen stands on: it is left for a while, its mouse and its clipboard are used.

The rule of this module: escape sequences that textual does not write by itself are written here alone.
"""

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import events
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import Notification, Notify, SeverityLevel

from raftplay.output import forced
from raftplay.tui.output.paced import PacedApp
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from textual.driver import Driver

DUMB = ("dumb", "unknown")
"""The values of TERM, in small letters, of terminals that print lines and move no cursor."""

MOUSE_MODES = (1000, 1003, 1015, 1006)
"""The private modes in which a terminal reports the mouse, in the order in which textual sets them."""


LEAST_TIME = 0.001
"""The shortest time for which a message is shown, in seconds."""


class InAscii(LineFilter):
    """Paints ASCII characters alone, whichever part of the screen they belong to; columns stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of one line."""
        return [Segment(forced(text), style, control) for text, style, control in segments]


def report_mouse(driver: "Driver | None", wanted: bool) -> None:
    """Have the terminal report the mouse, or leave the mouse to the terminal, which can select text with it."""
    if driver is not None:
        driver.write("".join(f"\x1b[?{mode}{'h' if wanted else 'l'}" for mode in MOUSE_MODES))
        driver.flush()


def can_suspend() -> bool:
    """Tell whether a shell waits for this job: one that is not part of it, and so lives on when it stops."""
    if sys.platform == "win32":
        return False
    return os.getsid(0) != os.getpgrp()


def suspend() -> None:
    """Stop this job, with whatever started it, as Ctrl+Z does; its shell goes on until `fg`."""
    os.kill(0, signal.SIGTSTP)


class ShortNotice(Notification):
    """A message that goes away by itself.

    textual reads the time that is left a moment after it has found that there is some. A timer with a negative
    time would never end there, nor let anything else run.
    """

    @property
    def time_left(self) -> float:
        """Return the time until it goes away, which is never negative."""
        return max(LEAST_TIME, super().time_left)

    @property
    def has_expired(self) -> bool:
        """Return whether its time is over."""
        return super().time_left <= 0


class TerminalApp(PacedApp, inherit_bindings=False):
    """An app on a terminal: it is suspended, leaves the mouse, fills the clipboard, and ends in good order."""

    ALLOW_SELECT = False  # boxes have clicks and drags of their own; textual fails at a widget that has just gone

    def __init__(self) -> None:
        super().__init__()
        self.failure: BaseException | None = None
        self._reports_mouse = True

    def toast(self, text: str, severity: SeverityLevel = "information") -> None:
        """A short message that goes away by itself."""
        self.notify("\n".join(map(visible, text.split("\n"))), severity=severity, markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message that goes away by itself."""
        left = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.post_message(Notify(ShortNotice(message, title, severity, left, markup=markup)))

    def copy(self, text: str) -> None:
        """Have the terminal put `text` on the clipboard (OSC 52)."""
        self.copy_to_clipboard(text)
        lines = text.count("\n")
        self.toast(f"copied: {text[:200]}" if not lines else f"copied: {lines + 1} lines")

    def action_mouse(self) -> None:
        """Leave the mouse to the terminal, whose own selection works then, or take it back."""
        self._reports_mouse = not self._reports_mouse
        report_mouse(self._driver, self._reports_mouse)
        free = "the mouse is the terminal's, which can select text with it; M takes it back"
        self.toast("the mouse is back: click and scroll" if self._reports_mouse else free)

    def action_suspend(self) -> None:
        """Stop the program, as Ctrl+Z does elsewhere; the cluster stands still until `fg`."""
        if can_suspend() and not self.is_headless:
            suspend()
        else:
            self.toast("no shell would wake raftplay up again, so it goes on", severity="warning")

    def repaint(self, _: object) -> None:
        """Paint all of a screen that something else was painted on."""
        report_mouse(self._driver, self._reports_mouse)
        self.cells.forget()
        self.refresh(repaint=True, layout=True)
        self.refresh_all()

    def refresh_all(self) -> None:
        """Paint every widget of the first screen anew."""
        for widget in self.screen_stack[0].children:
            widget.refresh()

    async def on_event(self, event: events.Event) -> None:
        """Take in an event; keys that come behind the one that ended the screen are for nobody."""
        if self.screen_stack or not isinstance(event, events.InputEvent):
            await super().on_event(event)

    def _handle_exception(self, error: Exception) -> None:
        """An error of ours: end the screen; whoever started it says so in a line."""
        if self.failure is None:
            self.failure = error
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """Print nothing: the traceback goes into a report."""
        self._exit_renderables.clear()


def settle() -> None:
    """Collect garbage now, and from now on, after the first frame.

    What there is stays, such as the graph of widgets: walking it again and again would stall the cluster. What a
    screen before this one left, such as that of a lesson, goes.
    """
    gc.enable()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
