"""The text shared by a lesson's reader and the screen: the words that were written, and what is typed.

The reader writes and asks in a thread of its own; the screen shows the words as wide as there is room for.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from raftplay.lessons.console import Console, Fold
from raftplay.session.session import Session
from raftplay.tui.watching import Watching
from raftplay.watch.text import visible

MORE = "Enter: more"


class LessonPlace:
    """The state that the reader's thread and the screen share: the lines written, and the question asked."""

    def __init__(self) -> None:
        self.console = Console(self.read, self.write, keep=self.keep, has_stage=True)
        self.asked = ""
        """The prompt of what is asked for; "" while nothing is."""

        self.is_play = False
        self.questions = 0
        """The number of questions so far, without the requests for commands."""

        self.page = 1_000
        """The number of lines that are read at a stretch."""

        self.is_tight = False
        """True if there is no room for blank lines."""

        self.watching: Watching | None = None
        self.goes_by: Callable[[], bool] = lambda: False
        self._written: list[tuple[Fold, str]] = []
        self._folded: tuple[tuple[int, bool], int, list[tuple[str, str]]] = ((0, False), 0, [])
        self._typed: SimpleQueue[str] = SimpleQueue()
        self._unread = 0
        self._reader = threading.current_thread()
        self._is_closed = False
        self._has_left = False
        self.has_failed = False

    # ---- for the reader, in its thread

    def begin(self) -> None:
        """The thread that calls this is the reader's."""
        self._reader = threading.current_thread()

    def read(self, prompt: str, session: Session | None) -> str | None:
        """Return what is typed at the prompt, or None from time to time. Raises EOFError once closed."""
        self._unread, self.is_play, self.asked = 0, session is not None, prompt
        self.questions += not self.is_play
        try:
            while True:
                try:
                    typed = self._typed.get(timeout=0.2)
                except Empty:
                    if self.goes_by():
                        return None
                    continue
                self._check_open()
                self._written.append((_line(f"{prompt}{visible(typed)}"), "dim"))
                return typed
        finally:
            self.asked = ""

    def fail(self) -> None:
        """The reader cannot go on."""
        self.has_failed = True

    def write(self, text: str, style: str) -> None:
        """A line, behind those before; a full box must be read before more is shown. EOFError once closed."""
        self.keep(_line(text), style)

    def keep(self, fold: Fold, style: str) -> None:
        """Take words, behind those before: they are broken into lines when they are shown."""
        if threading.current_thread() is self._reader and not self._has_left:
            self._check_open()
            self._turn_pages(len(self._rows(fold)))
        self._written.append((fold, style))

    def _rows(self, fold: Fold) -> list[str]:
        """Return the lines of some words; without blank ones where there is no room for them."""
        return [row for row in fold(max(1, self.console.width - 1)) if row or not self.is_tight]

    def _turn_pages(self, rows: int) -> None:
        self._unread += rows
        if self._unread > self.page and self._unread > rows:
            self.asked, self.is_play, self._unread = MORE, False, rows
            self.questions += 1
            self._typed.get()
            self.asked = ""
            self._check_open()

    def _check_open(self) -> None:
        """Send the reader away, once; what it says on its way out is heard."""
        if self._is_closed and not self._has_left:
            self._has_left = True
            raise EOFError

    # ---- for the screen

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Return all lines that were written, each with its style, as wide as there is room for now."""
        room = self.console.width, self.is_tight
        folded_for, count, lines = self._folded
        if folded_for != room:
            count, lines = 0, []
        new = self._written[count:]
        lines = [*lines, *((row, style) for fold, style in new for row in self._rows(fold))] if new else lines
        self._folded = room, count + len(new), lines
        return lines

    def type(self, line: str) -> bool:
        """Type a line, if one is asked for; whether it was."""
        if not self.asked:
            return False
        self.asked = ""
        self._typed.put(line)
        return True

    def close(self) -> None:
        """End all reading: `read` raises EOFError from now on."""
        self._is_closed = True
        if self.watching is not None:
            self.watching.close()
        self._typed.put("")


def _line(text: str) -> Fold:
    """Return the words of one line, which is never broken."""
    return lambda _: [text]
