"""The driver of a terminal that says what it has to write and what it has written; not for Windows."""

import sys
from typing import TYPE_CHECKING, Any, TextIO

from textual.drivers.linux_driver import LinuxDriver

from raftplay.tui.output.line import Line

if TYPE_CHECKING:
    from textual.app import App


class Counted:
    """The file of a terminal, which tells `line` what is written."""

    def __init__(self, file: TextIO, line: Line) -> None:
        self.fileno = file.fileno
        self._file = file
        self._line = line
        self._unflushed = 0

    def write(self, text: str) -> None:
        """Write `text`; some of it may wait for `flush`."""
        self._unflushed += len(text)
        self._file.write(text)

    def flush(self) -> None:
        """Write what is left."""
        self._file.flush()
        size, self._unflushed = self._unflushed, 0
        self._line.took(size)


def counting(line: Line) -> type[LinuxDriver]:
    """Return a driver that tells `line` what it writes."""

    class CountingDriver(LinuxDriver):
        """Writes to a terminal."""

        def __init__(
            self,
            app: "App[None]",
            *,
            debug: bool = False,
            mouse: bool = True,
            size: tuple[int, int] | None = None,
        ) -> None:
            super().__init__(app, debug=debug, mouse=mouse, size=size)
            counted: Any = Counted(sys.__stderr__ or sys.stderr, line)  # it writes and flushes, as a file does
            self._file = counted

        def write(self, data: str) -> None:
            """Write `data`, when its turn comes."""
            line.hand(len(data))
            super().write(data)

    return CountingDriver
