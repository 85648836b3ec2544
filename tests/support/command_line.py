"""The command line as users have it: a process of its own, with its output and its exit status.

Nearly all of a start are imports, and they are the same each time: the processes are forked from one that has made
them (`support.forking`). What a start itself does is tested in cli/test_platforms.py, which starts afresh.
"""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from support.forking import END, PROCESS
from support.places import ROOT

COMMAND = (sys.executable, "-m", "raftplay.cli")
FORKING = Path(__file__).with_name("forking.py")
PATIENCE = 100.0
"""Far longer than any command line takes that a test runs to its end, in seconds."""


@dataclass
class Ended:
    """A command line that ended."""

    status: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.err + self.out, self.err


def environment(**changes: str) -> dict[str, str]:
    """The environment of a command line, as a user's without any of the test run's own settings."""
    kept = {name: value for name, value in os.environ.items() if not is_read_by_python(name)}
    return {**kept, "PYTHONUTF8": "1", "COLUMNS": "100", **changes}


def is_read_by_python(name: str) -> bool:
    """Whether Python reads a variable of the environment when it starts."""
    return name.startswith(("PYTHON", "LC_", "LANG"))


def raftplay(
    *args: str | bytes,
    stdin: bytes | str = b"",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    python: tuple[str, ...] = ("-W", "error"),
    prelude: str = "",
) -> Ended:
    """Run the command line to its end, with options of `python`; `prelude` runs before raftplay is imported."""
    variables = environment(**(env or {}))
    read = tuple(sorted((name, value) for name, value in variables.items() if is_read_by_python(name)))
    if (python, read) != (("-W", "error"), (("PYTHONUTF8", "1"),)):
        prelude = prelude or "pass"  # what few runs share imports the command line only
    status, out, err = starter(python, read, prelude).run(
        args,
        stdin.encode() if isinstance(stdin, str) else stdin,
        variables,
        str(cwd or Path.cwd()),
    )
    return Ended(status, out.decode(), err.decode())


class Started:
    """A process that was forked: its id, and its end."""

    spent = 0.0
    """The CPU seconds of all that were forked, and of those that fork, as far as they told by now."""

    def __init__(self, pid: int, answers: socket.socket) -> None:
        self.pid = pid
        self._answers = answers
        self._status: int | None = None

    def fileno(self) -> int:
        """The file that can be read once it has ended."""
        return self._answers.fileno()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._status is None and not select.select([self._answers], [], [], 0)[0]

    def status(self, patience: float) -> int:
        """Wait for its end: its exit status, negative for a signal. One that does not end in time is killed."""
        if self._status is None:
            self._answers.settimeout(patience)
            try:
                self._status, spent = END.unpack(self._answers.recv(END.size))
            except TimeoutError:
                self.kill()
                raise
            self._answers.close()
            Started.spent += spent
        return self._status

    def kill(self) -> None:
        """Have it end now, if it has not."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGKILL)
        self.status(PATIENCE)


class Starter:
    """A Python that has imported raftplay, and forks to run it."""

    def __init__(self, python: tuple[str, ...], read: dict[str, str], prelude: str) -> None:
        self._requests, theirs = socket.socketpair()
        self.patience = PATIENCE
        self._is_free = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *python, str(FORKING), prelude, str(theirs.fileno())],
                cwd=ROOT,
                env={**environment(), **read},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self,
        arguments: Sequence[str | bytes],
        given: bytes,
        variables: dict[str, str],
        folder: str,
        *,
        before: str = "",
    ) -> tuple[int, bytes, bytes]:
        """Run raftplay in a folder, with `given` as its input: its status, and what it wrote.

        `before` is Python that the forked process runs first.
        """
        pipes = [os.pipe() for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            process = self.start(
                [pipes[0][0], pipes[1][1], pipes[2][1]], arguments, variables, folder, before=before
            )
            pool.submit(_write, pipes[0][1], given)
            out, err = pool.submit(_read, pipes[1][0]), pool.submit(_read, pipes[2][0])
            return process.status(self.patience), out.result(), err.result()

    def start(
        self,
        files: list[int],
        arguments: Sequence[str | bytes],
        variables: dict[str, str],
        folder: str,
        *,
        before: str = "",
        afresh: bool = False,
    ) -> Started:
        """Begin to run raftplay with three files, or a terminal, which are closed here.

        `before` is Python that the forked process runs first. `afresh`: run another Python with these arguments.
        """
        asked = {
            "arguments": [os.fsencode(argument).decode("latin-1") for argument in arguments],
            "variables": variables,
            "folder": folder,
            "before": before,
            "afresh": afresh,
        }
        body = json.dumps(asked).encode()
        answers, theirs = socket.socketpair()
        with theirs, self._is_free:
            socket.send_fds(self._requests, [len(body).to_bytes(4, "big")], [theirs.fileno(), *files])
            self._requests.sendall(body)
        for file in files:
            os.close(file)
        answers.settimeout(PATIENCE)
        if not (begun := answers.recv(PROCESS.size)):
            raise AssertionError(self._process.communicate()[1].decode())
        return Started(*PROCESS.unpack(begun), answers)

    def close(self) -> None:
        """End the Python that forks."""
        self._requests.close()
        self._process.communicate(timeout=PATIENCE)


@functools.cache
def starter(python: tuple[str, ...], read: tuple[tuple[str, str], ...], prelude: str) -> Starter:
    """The one Python with these options, variables and prelude that forks for this process."""
    made = Starter(python, dict(read), prelude)
    atexit.register(made.close)
    return made


def usual() -> Starter:
    """The one Python that forks for all that needs nothing of its own."""
    return starter(("-W", "error"), (("PYTHONUTF8", "1"),), "")


def _write(file: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(file, "wb") as opened:  # the command line need not read it
        opened.write(data)


def _read(file: int) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()
