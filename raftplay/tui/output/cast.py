"""Recordings of a terminal in asciicast v2: a line of JSON for the terminal, then one for each piece of output."""

import json
import time
from collections.abc import Callable

from raftplay.files import Target


def header(width: int, height: int, title: str) -> str:
    """Return the first line of a recording."""
    about = {"version": 2, "width": width, "height": height, "title": title, "env": {"TERM": "xterm-256color"}}
    return f"{json.dumps(about, ensure_ascii=False)}\n"


def output(seconds: float, text: str) -> str:
    """Return the line of what is written to the terminal, so many seconds after the beginning."""
    return f'[{seconds:.6f}, "o", {json.dumps(text, ensure_ascii=False)}]\n'


class CastRecorder:
    """Records what a screen writes to its terminal in the file `target`. Raises `UsageError`.

    The file is there once the recording is closed.
    """

    def __init__(
        self, target: Target, size: tuple[int, int], title: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._writing = target.open()
        self._clock = clock
        self._begun = clock()
        self._size = size
        self._write(header(*size, title))

    def __call__(self, text: str) -> None:
        """Record what is written now."""
        self._write(output(self._clock() - self._begun, text))

    def resize(self, size: tuple[int, int]) -> None:
        """Record that the terminal has another size now."""
        if size != self._size:
            self._size = size
            self._write(f'[{self._clock() - self._begun:.6f}, "r", "{size[0]}x{size[1]}"]\n')

    def close(self) -> None:
        """Complete the file."""
        self._writing.finish()

    def _write(self, line: str) -> None:
        self._writing.write(line.encode("utf-8", "backslashreplace"))
