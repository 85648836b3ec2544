"""A real terminal for tests: a program in a pseudo-terminal, and what would be on its screen."""

import codecs
import os
import re
import select
import termios
import time
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from support.command_line import COMMAND, environment, is_read_by_python, usual

PATIENCE = 20.0
"""Far longer than anything takes that a test waits for, in seconds."""

UP, DOWN, TAB, ENTER, ESCAPE = "\x1b[A", "\x1b[B", "\t", "\r", "\x1b"
CTRL_C, CTRL_D, CTRL_L, CTRL_R, CTRL_U, CTRL_Z = "\x03", "\x04", "\x0c", "\x12", "\x15", "\x1a"

FOREIGN = re.compile(r"\x1b\[[<>=?]?[0-9;]*[upq]|\x1b\[\?[0-9;]*\$p")
"""The sequences that pyte would print."""

CUT = re.compile(r"\x1b(?:\[[<>=?]?[0-9;]*\$?)?\Z")
"""A sequence whose end is still to come."""

USUALLY_ON = {"7", "25"}
"""The modes of a terminal that are on when nothing changes them: lines wrap, and the cursor shows."""


class Terminal:
    """`raftplay` with `arguments` in a pseudo-terminal. A context manager: the program ends with it, at the latest.

    `everything` is all that the program ever wrote, with its escape sequences. The program is forked from a Python
    that has imported raftplay, and may run the code `before` first; or it starts `afresh`, as users have it.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        before: str = "",
        afresh: bool = False,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.screen.write_process_input = self.send  # type: ignore[method-assign]
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._unfed = b""
        self._is_over = False
        self._lines: dict[int, str] = {}
        self.everything = ""
        chosen = env or {}
        assert afresh or not any(map(is_read_by_python, chosen)), "Python reads it when it starts"
        variables = environment(**{"TERM": "xterm-256color", **chosen})
        for name in {"COLUMNS", "NO_COLOR"} - chosen.keys():
            variables.pop(name, None)  # the size is the terminal's
        self._file: int | None
        self._file, program = os.openpty()
        os.set_blocking(self._file, False)
        termios.tcsetwinsize(program, (rows, columns))
        self._modes = termios.tcgetattr(program)[:4]
        self.program = usual().start(
            [program],
            [*COMMAND[1:], *arguments] if afresh else arguments,
            variables,
            str(Path.cwd()),
            before=before,
            afresh=afresh,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.kill()
        self.hang_up()

    def hang_up(self) -> None:
        """Go away, as a terminal whose window is closed."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    # ---- typing

    def send(self, text: str) -> None:
        """Type; what is written meanwhile is taken in."""
        assert self._file is not None
        left = text.encode()
        while left:
            self._unfed += self._taken()  # a Ctrl-C may discard what is not read yet
            with suppress(BlockingIOError):
                left = left[os.write(self._file, left) :]
            if left:
                select.select([self._file], [self._file], [])
                self.read()

    def enter(self, line: str) -> None:
        """Type a line and Enter."""
        self.send(line + ENTER)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        assert self._file is not None
        self.read()
        self.screen.resize(rows, columns)
        termios.tcsetwinsize(self._file, (rows, columns))

    # ---- looking

    def read(self, patience: float = 0.0) -> bool:
        """Take in what was written, for which the program has `patience` seconds; whether there was anything."""
        data = self._unfed + self._taken()
        if not data and patience > 0:
            select.select([self._file, *([self.program] if self.program.is_alive else [])], [], [], patience)
            data = self._taken()
        self._unfed = b""
        text = self._decoder.decode(data)
        self.everything += text
        text = FOREIGN.sub("", self._rest + text)
        cut = CUT.search(text)
        self._rest = "" if cut is None else cut[0]
        self._stream.feed(text.removesuffix(self._rest))
        return bool(data)

    def _taken(self) -> bytes:
        assert self._file is not None
        data = b""
        try:
            while some := os.read(self._file, 1 << 16):
                data += some
        except BlockingIOError:
            pass  # there is no more yet
        except OSError:
            self._is_over = True  # there is nobody any more who could write
        return data

    @property
    def unread(self) -> int:
        """How many bytes were written and not read yet."""
        assert self._file is not None
        count = array("i", [0])
        ioctl(self._file, termios.FIONREAD, count)
        return count[0]

    @property
    def lines(self) -> list[str]:
        """The screen, line by line, without the blanks behind each."""
        for row in self.screen.dirty:  # `display` would look at every cell again
            cells = self.screen.buffer[row]
            self._lines[row] = "".join(cells[column].data for column in range(self.screen.columns)).rstrip()
        self.screen.dirty.clear()
        return [self._lines[row] for row in range(self.screen.lines)]

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    def until(self, what: str | Callable[[], object]) -> str:
        """Wait until the screen shows a match of the pattern `what`, or `what()` holds: the screen."""
        holds = what if callable(what) else lambda: re.search(what, self.text, re.MULTILINE)
        give_up = time.monotonic() + PATIENCE
        while not holds():
            left = give_up - time.monotonic()
            assert self.read(left) or holds(), f"waited in vain for {what}\n{self.text}"
        return self.text

    def find(self, pattern: str) -> re.Match[str]:
        """Wait until the screen shows a match of `pattern`: the match."""
        match = re.search(pattern, self.until(pattern), re.MULTILINE)
        assert match is not None
        return match

    def ended(self) -> int:
        """Wait for the end of the program: its exit status, negative for a signal."""
        give_up = time.monotonic() + PATIENCE
        while self.program.is_alive and self.read(give_up - time.monotonic()):
            pass
        status = self.program.status(max(1.0, give_up - time.monotonic()))
        while not self._is_over and self.read(1.0):  # the system may still be passing on what was written last
            pass
        return status

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal edits lines, and is in every mode, as when the program began."""
        assert self._file is not None
        chosen = dict(re.findall(r"\x1b\[\?(\d+)([hl])", self.everything))
        changed = {mode for mode, state in chosen.items() if (state == "h") is not (mode in USUALLY_ON)}
        modes = termios.tcgetattr(self._file)[:4]
        if changed or modes != self._modes:  # pytest shows it when a test fails
            print(f"modes {modes}, before {self._modes}; on or off still: {changed}; {self.everything[-500:]!r}")
        return not changed and modes == self._modes
