"""Files that are written whole or not at all."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

LONGEST_NAME = 60
"""So much of a file's name goes into the name of what is written beside it, in characters."""


def write_whole(file: Path, data: bytes, *, replaces: bool = False) -> None:
    """Write `file` at once, or leave what is there as it is: a file that is there stays, unless `replaces`.

    A file that is replaced keeps its mode, and a link that leads to it. Raises `OSError`.
    """
    target = Path(os.path.realpath(file)) if replaces else file
    beside = target.parent / f".{target.name[:LONGEST_NAME]}.{os.getpid()}"
    try:
        with open(beside, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if not replaces:
            os.link(beside, target)
            return
        if target.exists():
            shutil.copymode(target, beside)
        os.replace(beside, target)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
