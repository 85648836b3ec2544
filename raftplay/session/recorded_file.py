"""The file to which `record` writes the session as a script, after each command."""

from collections.abc import Callable
from pathlib import Path

from raftplay.session.journal import write_new


class RecordedFile:
    """The file of `record`, if there is one; `script_in` returns the script of the session for a folder."""

    def __init__(self, script_in: Callable[[Path], str]) -> None:
        self.file: Path | None = None
        self._script_in = script_in

    def move_to(self, file: Path) -> Path | None:
        """Write to this existing file from now on; return the one before, if there was one."""
        before, self.file = self.file, file
        return before

    def keep(self) -> None:
        """Write the script as it is now. Raises `UsageError` once if the file cannot be written."""
        file = self.file
        if file is not None:
            self.file = None  # report a file that cannot be written only once
            write_new(file, self._script_in(file.parent), replaces=True)
            self.file = file
