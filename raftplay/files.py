"""Files that users get: checked before anything runs, written beside, and put in their place whole.

The rule of this module: nothing of a user's is overwritten unless `force` says so, and then at once or not at all.
Every trace, counterexample, saved session and picture goes through `Target`.
"""

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from raftplay.errors import UsageError
from raftplay.watch.text import visible

LONGEST_NAME = 60
"""So much of a file's name goes into the name of what is written beside it, in characters."""

FORCE = "choose another name, or replace it with --force"
"""The way out where there is a file already, for one who types options."""

_numbers = itertools.count()


def expanded(path: str) -> str:
    """Return `path` with the home directory in place of a ``~`` or ``~user`` at its beginning, as a shell does."""
    return os.path.expanduser(path)


def check_output_name(path: str) -> None:
    """Raise `UsageError` for what names no file to write to."""
    if not path or "\0" in path:
        raise UsageError(f"'{visible(path)}' names no file")
    if path.endswith("/"):
        raise UsageError(f"'{visible(path)}' names a directory; name a file")
    if path == "-":
        raise UsageError(
            "'-' is no file here, as nothing is written to standard output; write ./- for such a name"
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is to be written: nothing that is there is touched, unless `force`.

    Of `keeps` nothing is ever replaced: the files named there, and all that lies in the directories named there.
    `remedy` tells in a message what to do about a file that is there already, and `verb` what cannot be done.
    """

    path: Path
    force: bool = False
    keeps: tuple[Path, ...] = ()
    remedy: str = FORCE
    verb: str = "written"

    def check(self) -> None:
        """Raise the `UsageError` that writing would raise now, if it would; the folder is as it was afterwards."""
        self.open().discard()

    def write(self, data: bytes, *, rescues: bool = False) -> None:
        """Write the whole file, or leave all as it is and raise `UsageError`; it `rescues` as `Writing.finish`."""
        writing = self.open()
        try:
            writing.write(data)
            writing.finish(rescues=rescues)
        except BaseException:
            writing.discard()
            raise

    def open(self) -> "Writing":
        """Begin to write beside the target, which is there when it is finished. Raises `UsageError`."""
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

    @property
    def name(self) -> str:
        """The file as messages name it."""
        return f"'{visible(str(self.path))}'"

    @property
    def place(self) -> Path:
        """The file itself, behind links that lead to it where it may be replaced."""
        return Path(os.path.realpath(self.path)) if self.force else self.path

    def taken(self) -> UsageError:
        """The refusal to replace what is there."""
        return UsageError(f"there is a file {self.name} already; {self.remedy}")

    def failed(self, error: Exception) -> UsageError:
        """The reason of the system, in a sentence."""
        return UsageError(f"{self.name} cannot be {self.verb}: {getattr(error, 'strerror', None) or error}")

    def _is_there(self) -> bool:
        """Whether the name is taken. Raises `OSError` for one that cannot be."""
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return False
        return True

    def _is_stream(self) -> bool:
        """Whether it is a terminal, a pipe or a device, in which nothing is overwritten."""
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
                raise UsageError(
                    f"{self.name} lies in the data directory '{visible(str(kept))}'; name another file"
                )
            inside = [kept, *kept.iterdir()] if kept.is_dir() else [kept]
            if any(_is_same(self.path, file) for file in inside):
                raise UsageError(f"{self.name} is a file that this command reads; name another")


def target_of(path: Path | Target) -> Target:
    """Return a path as a target, which then replaces nothing."""
    return path if isinstance(path, Target) else Target(path, remedy="choose another name")


class Writing:
    """A file that is being written, beside the place where `finish` puts it. Raises `UsageError`."""

    def __init__(self, target: Target, file: BinaryIO, beside: Path | None) -> None:
        self.target = target
        self._file = file
        self._beside = beside
        self._is_over = False

    def write(self, data: bytes) -> None:
        """Write some more."""
        self._try(lambda: self._file.write(data))

    def finish(self, *, rescues: bool = True) -> None:
        """Put all that was written in its place; safe to call twice.

        Where another file came there meanwhile, it is lost, or it stays beside and is named.
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
        """Leave all as it was; does nothing once it is finished."""
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
            beside.unlink()
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
    """Give the file a second name, unless that is taken, also where the file system knows no second names."""
    try:
        os.link(beside, place)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        shutil.copyfile(beside, place)


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names are of one file."""
    with suppress(OSError, ValueError):
        return os.path.samefile(one, other)
    return False
