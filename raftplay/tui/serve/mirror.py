"""A mirror of the terminal: what the screen has written there, as rows that a page can show.

The rule of this module: it understands what `Cells.changes` and textual write, and passes over everything else.
The screen's thread writes, the server's thread reads; each holds the lock for as long as it takes to copy a row.
"""

import re
import threading
from dataclasses import dataclass

from raftplay.tui.output.cells import signs_of
from raftplay.tui.serve.looks import PLAIN, SignLooks, changed

SEQUENCE = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<ends>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"  # a title, the clipboard and the like
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x1f\x7f]",
    re.DOTALL,
)
"""The things that are written beside signs: sequences, and single control characters."""

SignCell = tuple[str, SignLooks]
"""A sign and its looks; the second half of a wide sign is ""."""

SignRun = list[str]
"""A text, and where it is not plain its foreground, background and attributes, as a page gets them."""


@dataclass(frozen=True, slots=True)
class MirrorFrame:
    """The rows that changed since an earlier frame, by their number, and the size of the screen."""

    version: int
    size: tuple[int, int]
    rows: dict[int, list[SignRun]]


class Mirror:
    """Takes what is written to a terminal of `size` columns and lines, as a `Recorder`."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._x = self._y = 0
        self._looks = PLAIN
        self._begin(size)

    @property
    def version(self) -> int:
        """Return a number that grows with each change."""
        return self._version

    def __call__(self, text: str) -> None:
        """Take what is written now."""
        with self._lock:
            self._version += 1
            at = 0
            for found in SEQUENCE.finditer(text):
                self._put(text[at : found.start()])
                at = found.end()
                self._obey(found)
            self._put(text[at:])

    def resize(self, size: tuple[int, int]) -> None:
        """Take the columns and lines of the terminal; a terminal of another size is blank at first."""
        with self._lock:
            if size != self._size:
                self._version += 1
                self._begin(size)

    def frame(self, since: int = -1) -> MirrorFrame:
        """Return the rows that changed after the frame `since`, -1 for all rows."""
        with self._lock:
            if since < self._blank_at:
                since = -1
            rows = {y: _runs(row) for y, row in enumerate(self._rows) if self._changed[y] > since}
            return MirrorFrame(self._version, self._size, rows)

    def _begin(self, size: tuple[int, int]) -> None:
        self._size = size
        self._rows: list[list[SignCell]] = [[(" ", PLAIN)] * size[0] for _ in range(size[1])]
        self._changed = [self._version] * size[1]
        self._blank_at = self._version

    def _obey(self, found: re.Match[str]) -> None:
        parameters = found["parameters"] or ""
        match found["ends"]:
            case "m":
                self._looks = changed(self._looks, parameters)
            case "H":
                y, _, x = parameters.partition(";")
                self._y, self._x = _number(y) - 1, _number(x) - 1
            case "J":
                self._version += 1
                self._begin(self._size)

    def _put(self, text: str) -> None:
        if not text or not 0 <= self._y < len(self._rows):
            return
        row = self._rows[self._y]
        for sign in text if text.isascii() else signs_of(text):
            if self._x < len(row):
                row[self._x] = sign, self._looks
            self._x += 1
        self._changed[self._y] = self._version


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 1


def _runs(row: list[SignCell]) -> list[SignRun]:
    """Return a row as texts of equal looks."""
    runs: list[SignRun] = []
    last: SignLooks | None = None
    for sign, looks in row:
        if looks is last or looks == last:
            runs[-1][0] += sign
        else:
            runs.append([sign] if looks == PLAIN else [sign, *looks])
            last = looks
    return runs
