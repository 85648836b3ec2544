"""Writes the files that users get. Each is checked before the run, then written to a temporary file and renamed.

The rule of this module: a user's file is replaced only with `force`, and then atomically.
Every trace, counterexample, saved session and picture goes through `Target`.
"""

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from raftplay.errors import UsageError
from raftplay.watch.text import visible

LONGEST_NAME = 60
"""The length of a file's name that its temporary file takes over, in characters."""

FORCE = "choose another name, or replace it with --force"
"""The advice if the file already exists, for users who type options."""

_numbers = itertools.count()


def expanded(path: str) -> str:
    """Replace a leading ``~`` or ``~user`` of `path` with the home directory, as a shell does."""
    return os.path.expanduser(path)


def check_output_name(path: str) -> None:
    """Raise `UsageError` if `path` cannot name an output file."""
    if not path or "\0" in path:
        raise UsageError(f"invalid file name '{visible(path)}'")
    if path.endswith("/"):
        raise UsageError(f"'{visible(path)}' names a directory; name a file")
    if path == "-":
        raise UsageError("'-' is not a file here: nothing is written to standard output; write ./- for that name")


@dataclass(frozen=True, slots=True)
class Target:
    """A file to be written; an existing file is replaced only with `force`.

    The files in `keeps`, and in the directories in `keeps`, are never replaced. In messages, `remedy` is the
    advice if the file already exists, and `verb` the action that failed.
    """

    path: Path
    force: bool = False
    keeps: tuple[Path, ...] = ()
    remedy: str = FORCE
    verb: str = "written"

    def check(self) -> None:
        """Raise the `UsageError` that writing would raise now, if any; the folder is left unchanged."""
        self.open().discard()

    def write(self, data: bytes, *, rescues: bool = False) -> None:
        """Write the whole file, or change nothing and raise `UsageError`; `rescues` as in `Writing.finish`."""
        writing = self.open()
        try:
            writing.write(data)
            writing.finish(rescues=rescues)
        except BaseException:
            writing.discard()
            raise

    def open(self) -> "Writing":
        """Open a temporary file beside the target; `Writing.finish` renames it. Raises `UsageError`."""
        try:
            if self._is_stream():
                return Writing(self, open(self.path, "wb"), None)
            if os.path.isdir(self.path):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._check_kept()
            if self._is_there() and not self.force:
                raise self.taken()
            name = f".{self.place.name[:LONGEST_NAME]}.{os.getpid()}.{next(_numbers)}"
            beside = self.place.parent / name
            return Writing(self, open(beside, "xb"), beside)
        except UsageError:
            raise
        except (OSError, ValueError) as error:
            raise self.failed(error) from None

    def numbered(self, number: int) -> "Target":
        """Return the target of file `number`, from 1, of several: ``found.txt``, ``found-2.txt`` …"""
        if number == 1:
            return self
        return replace(self, path=self.path.with_name(f"{self.path.stem}-{number}{self.path.suffix}"))

    @property
    def name(self) -> str:
        """Return the file's name as messages show it."""
        return f"'{visible(str(self.path))}'"

    @property
    def place(self) -> Path:
        """Return the path to write; with `force`, symbolic links are resolved."""
        return Path(os.path.realpath(self.path)) if self.force else self.path

    def taken(self) -> UsageError:
        """Return the error for a file that already exists."""
        return UsageError(f"there is a file {self.name} already; {self.remedy}")

    def failed(self, error: Exception) -> UsageError:
        """Return the error for an action that failed, with the system's reason."""
        return UsageError(f"{self.name} cannot be {self.verb}: {getattr(error, 'strerror', None) or error}")

    def _is_there(self) -> bool:
        """Return whether the file exists. Raises `OSError` if the name is invalid."""
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return False
        return True

    def _is_stream(self) -> bool:
        """Return whether the path is a terminal, a pipe or a device, where nothing is overwritten."""
        if str(self.path).startswith(("/dev/std", "/dev/fd/", "/proc/self/fd/")):
            return True
        with suppress(OSError, ValueError):
            mode = os.stat(self.path).st_mode
            return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
        return False

    def _check_kept(self) -> None:
        real = Path(os.path.realpath(self.path))
        for kept in self.keeps:
            directory = Path(os.path.realpath(kept))
            if directory == real and not kept.is_file():
                raise UsageError(f"{self.name} is the data directory; name another file")
            if directory in real.parents:
                raise UsageError(f"{self.name} is in the data directory '{visible(str(kept))}'; name another file")
            inside = [kept, *kept.iterdir()] if kept.is_dir() else [kept]
            if any(_is_same(self.path, file) for file in inside):
                raise UsageError(f"{self.name} is a file that this command reads; name another")


def target_of(path: Path | Target) -> Target:
    """Return `path` as a target; a plain path becomes one that replaces no file."""
    return path if isinstance(path, Target) else Target(path, remedy="choose another name")


class Writing:
    """A temporary file that is being written; `finish` renames it to the target. Raises `UsageError`."""

    def __init__(self, target: Target, file: BinaryIO, beside: Path | None) -> None:
        self.target = target
        self._file = file
        self._beside = beside
        self._is_over = False

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._try(lambda: self._file.write(data))

    def finish(self, *, rescues: bool = True) -> None:
        """Move the written file to the target; safe to call twice.

        On failure it `rescues` the temporary file, which the error then names; else the caller discards it.
        """
        if self._is_over:
            return
        self._try(self._sync)
        if self._beside is not None:
            try:
                self._put(self._beside)
            except OSError as error:
                refusal = self.target.taken() if isinstance(error, FileExistsError) else self.target.failed(error)
                if not rescues:
                    raise refusal from None
                self._is_over = True
                where = f"what was written is in '{visible(str(self._beside))}'"
                raise UsageError(f"{refusal}; {where}") from None
        self._is_over = True

    def discard(self) -> None:
        """Delete the temporary file; does nothing after `finish`."""
        if self._is_over:
            return
        self._is_over = True
        with suppress(OSError):
            self._file.close()
        if self._beside is not None:
            with suppress(FileNotFoundError):
                self._beside.unlink()

    def _sync(self) -> None:
        self._file.flush()
        if self._beside is not None:
            os.fsync(self._file.fileno())
        self._file.close()

    def _put(self, beside: Path) -> None:
        place = self.target.place
        if not self.target.force:
            _link(beside, place)
            beside.unlink(missing_ok=True)
            return
        if place.exists():
            shutil.copymode(place, beside)
        os.replace(beside, place)

    def _try(self, function: Callable[[], object]) -> None:
        try:
            function()
        except (OSError, ValueError) as error:
            self.discard()
            raise self.target.failed(error) from None


def _link(beside: Path, place: Path) -> None:
    """Link or move `beside` to `place`. Raises `FileExistsError` if `place` exists."""
    try:
        os.link(beside, place)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(beside, place)  # whole at once, where there are no links


def _is_same(one: Path, other: Path) -> bool:
    """Return whether both paths name the same file."""
    with suppress(OSError, ValueError):
        return os.path.samefile(one, other)
    return False
