"""Locks files and directories, on systems that support it.

The rule of this module: only this module imports `fcntl`, which Windows lacks.
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
    """Wait for an exclusive lock on the open file; closing the file releases it.

    Returns at once if the system or the file system has no locks.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def folder_to_ourselves(folder: Path) -> Iterator[None]:
    """Hold the lock on `folder` during the block; other callers wait for it. Raises OSError."""
    if fcntl is None:  # on Windows, a folder cannot be opened either
        yield
        return
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(opened)
        yield
    finally:
        os.close(opened)


def take_folder(folder: Path, opened: contextlib.ExitStack) -> None:
    """Lock `folder` until `opened` is closed. Raises OSError: BlockingIOError if another process holds it."""
    if fcntl is None:  # only SQLite's own locks protect the folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
