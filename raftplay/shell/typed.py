"""The history of typed lines, kept in a file.

The rule of this module: a history that cannot be read or written is not an error. Only the owner may read the
file, and it keeps about `MOST` lines.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from prompt_toolkit.history import History

from raftplay.locks import lock
from raftplay.places import state_file

MOST = 2_000
"""The number of lines kept."""

LONGEST = 4_096
"""The most characters of a kept line."""


def usual_place() -> Path | None:
    """Return the path of the history; None if there is no home directory."""
    return state_file("history")


class PastLines(History):
    """A history that several shells share: each adds its lines, and reads the file when it starts."""

    def __init__(self, file: Path | None) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, newest first; shorten the file if it has grown too long."""
        data: list[bytes] = []
        with _opened(self._file) as file:
            data = [] if file is None else file.read().split(b"\n")
            if file is not None and len(data) > MOST + MOST // 4:
                data = data[-MOST - 1 :]
                file.seek(0)
                file.write(b"\n".join(data))
                file.truncate()
        return [line.decode("utf-8", "replace") for line in reversed(data[-MOST - 1 :]) if line]

    def store_string(self, string: str) -> None:
        """Append the typed text, one entry per line."""
        lines = [line for line in string.split("\n") if line.strip() and len(line) <= LONGEST]
        with _opened(self._file) as file:
            if file is not None and lines:
                file.seek(0, os.SEEK_END)
                file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open the file for this process alone; yield None if that fails."""
    file = None
    with suppress(OSError, ValueError):
        file = None if path is None else _open(path)
    try:
        with suppress(OSError):
            yield file
    finally:
        if file is not None:
            with suppress(OSError):
                file.close()


def _open(path: Path) -> BinaryIO | None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
        flags |= getattr(os, name, 0)  # Windows has neither these flags nor owners
    file = os.fdopen(os.open(path, flags, 0o600), "r+b")
    status = os.fstat(file.fileno())
    is_ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    if not stat.S_ISREG(status.st_mode) or not is_ours:
        file.close()
        return None
    if status.st_mode & 0o077 and hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), 0o600)
    lock(file.fileno())
    return file
