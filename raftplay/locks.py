"""Locks on files and directories, where the system has them.

The rule of this module: nothing else imports `fcntl`, which Windows lacks.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def lock(descriptor: int) -> None:
    """Wait until no other process holds the open file, and hold it until it is closed.

    Where the system or the file system locks nothing, return at once.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def folder_to_ourselves(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same out of a folder; one waits for the other. Raises OSError."""
    if fcntl is None:  # and a folder cannot be opened
        yield
        return
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(opened)
        yield
    finally:
        os.close(opened)


def take_folder(folder: Path, opened: contextlib.ExitStack) -> None:
    """Hold a folder until `opened` is closed. Raises OSError: BlockingIOError where another process holds it."""
    if fcntl is None:  # SQLite's own locks must do
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
