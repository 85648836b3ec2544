"""A real terminal for tests: a program in a pseudo-terminal, and what would be on its screen."""

import os
import re
import signal
import sys
import termios
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import pexpect
import pyte

PATIENCE = 10.0
"""Far longer than anything takes that a test waits for, in seconds."""

UP, DOWN, TAB, ENTER, ESCAPE = "\x1b[A", "\x1b[B", "\t", "\r", "\x1b"
CTRL_C, CTRL_D, CTRL_R, CTRL_U, CTRL_L = "\x03", "\x04", "\x12", "\x15", "\x0c"


class Terminal:
    """`raftplay` with `arguments` in a pseudo-terminal. A context manager: the program ends with it, at the latest.

    `everything` is all that the program ever wrote, with its escape sequences.
    """

    def __init__(
        self, *arguments: str, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.screen.write_process_input = self.send  # type: ignore[method-assign]
        self._stream = pyte.ByteStream(self.screen)
        self.everything = b""
        chosen = {"TERM": "xterm-256color", "PYTHONUTF8": "1", "LINES": "", "COLUMNS": ""}
        kept = {k: v for k, v in os.environ.items() if k not in ("LINES", "COLUMNS", "NO_COLOR")}
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "raftplay.cli", *arguments],
            dimensions=(rows, columns),
            env={**kept, **{k: v for k, v in chosen.items() if v}, **(env or {})},
            timeout=PATIENCE,
        )
        self.modes = termios.tcgetattr(self.process.child_fd)
        """How the terminal was when the program began."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)

    # ---- typing

    def send(self, text: str) -> None:
        """Type."""
        self.process.send(text.encode())

    def enter(self, line: str) -> None:
        """Type a line and Enter."""
        self.send(line + ENTER)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.read()
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    # ---- looking

    def read(self, patience: float = 0.0) -> bool:
        """Take in what was written within `patience` seconds; whether there was anything."""
        try:
            data = self.process.read_nonblocking(1 << 16, timeout=patience)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.everything += data
        self._stream.feed(data)
        return True

    @property
    def lines(self) -> list[str]:
        """The screen, line by line, without the blanks behind each."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    def until(self, what: str | Callable[[], object]) -> None:
        """Wait until the screen shows a match of the pattern `what`, or `what()` holds."""
        holds = what if callable(what) else lambda: re.search(what, self.text, re.MULTILINE)
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, f"waited in vain for {what}\n{self.text}"
            if not self.read(0.05) and not self.process.isalive():
                while self.read(0.05):
                    pass
                assert holds(), f"it ended without {what}\n{self.text}"

    def find(self, pattern: str) -> re.Match[str]:
        """Wait until the screen shows a match of `pattern`: the match."""
        self.until(pattern)
        match = re.search(pattern, self.text, re.MULTILINE)
        assert match is not None
        return match

    def ended(self) -> int:
        """Wait for the end of the program: its exit status, negative for a signal."""
        give_up = time.monotonic() + PATIENCE
        while self.process.isalive():
            assert time.monotonic() < give_up, f"it does not end\n{self.text}"
            self.read(0.05)
        while self.read(0.05):
            pass
        status = self.process.exitstatus
        return -self.process.signalstatus if status is None else status

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal echoes and edits lines again as it did when the program began."""
        return termios.tcgetattr(self.process.child_fd)[:4] == self.modes[:4]
