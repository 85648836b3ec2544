"""The terminal that the screen stands on: it is left for a while, its mouse and its clipboard are used.

The rule of this module: escape sequences that textual does not write by itself are written here alone.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from raftplay.output import forced

if TYPE_CHECKING:
    from textual.driver import Driver

DUMB = ("dumb", "unknown")
"""The values of TERM, in small letters, of terminals that print lines and move no cursor."""

MOUSE_MODES = (1000, 1003, 1015, 1006)
"""The private modes in which a terminal reports the mouse, in the order in which textual sets them."""


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
