"""The driver of a terminal that says what it has to write and what it has written; not for Windows."""

import asyncio
import os
import signal
import sys
import termios
import threading
import time
import tty
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from textual.drivers.linux_driver import LinuxDriver

from raftplay.tui.output.line import TerminalLine

if TYPE_CHECKING:
    from textual.app import App


TO_READ = 0.03
"""The time that a terminal has for reading what was written last, in seconds."""

MOST_TO_WRITE = 1.0
"""The time that writing it may take, in seconds: a terminal may have stopped to read."""


class Counted:
    """The file of a terminal, which tells `line` what is written."""

    def __init__(self, file: TextIO, line: TerminalLine) -> None:
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


def counting(line: TerminalLine) -> type[LinuxDriver]:
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
            self._at_interrupt: Any = None
            counted: Any = Counted(sys.__stderr__ or sys.stderr, line)  # it writes and flushes, as a file does
            self._file = counted

        def write(self, data: str) -> None:
            """Write `data`, when its turn comes."""
            line.hand(len(data))
            if line.recorder is not None:
                line.recorder.resize((self._app.size.width, self._app.size.height))
                line.recorder(data)
            super().write(data)

        def stop_application_mode(self) -> None:
            """Give the terminal back, once it has read everything: a Ctrl-C would discard what it has not read.

            While the terminal is raw, a Ctrl-C is a key, which nobody reads any more; afterwards it is a signal,
            which is ignored until `close`.
            """
            if self._at_interrupt is None and threading.current_thread() is threading.main_thread():
                self._at_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
            attributes, self.attrs_before = self.attrs_before, None  # so that the terminal stays raw
            super().stop_application_mode()
            give_up = time.monotonic() + MOST_TO_WRITE
            while not line.is_free and time.monotonic() < give_up:
                time.sleep(0.001)
            if attributes is not None:
                time.sleep(TO_READ)
                with suppress(termios.error):  # the terminal went away
                    termios.tcsetattr(self.fileno, termios.TCSANOW, attributes)
            self.attrs_before = attributes

        def close(self) -> None:
            """Write what is left; a Ctrl-C comes through from then on."""
            super().close()
            if self._at_interrupt is not None:
                signal.signal(signal.SIGINT, self._at_interrupt)
                self._at_interrupt = None

        def _sigcont_application(self, *_: object) -> None:
            """Go on after SIGSTOP, which nobody can catch; textual would begin anew beside what is there still."""
            if self._must_signal_resume or not self._auto_restart:
                super()._sigcont_application()
            else:  # later: the handler may have come in the middle of a write
                asyncio.get_running_loop().call_soon_threadsafe(self._return)

        def _return(self) -> None:
            """Take the terminal again after SIGSTOP."""
            if os.tcgetpgrp(self.fileno) != os.getpgrp():
                os.kill(os.getpid(), signal.SIGSTOP)  # it went on in the background, where nothing may be painted
                return
            attributes = termios.tcgetattr(self.fileno)
            attributes[tty.LFLAG] = self._patch_lflag(attributes[tty.LFLAG])
            attributes[tty.IFLAG] = self._patch_iflag(attributes[tty.IFLAG])
            termios.tcsetattr(self.fileno, termios.TCSANOW, attributes)
            self.write("\x1b[?1049h\x1b[?25l")
            self._enable_bracketed_paste()
            self._app.post_message(self.SignalResume())

    return CountingDriver
