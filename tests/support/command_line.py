"""The command line as users have it: a process of its own, with its output and its exit status.

Nearly all of a start are imports, and they are the same each time: the processes are forked from one that has made
them (`support.forking`). What a start itself does is tested in cli/test_platforms.py, which starts afresh.
"""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
    status, out, err = starter(python, read, prelude).run(
        [os.fsencode(arg).decode("latin-1") for arg in args],
        stdin.encode() if isinstance(stdin, str) else stdin,
        variables,
        str(cwd or Path.cwd()),
    )
    return Ended(status, out.decode(), err.decode())


class Starter:
    """A Python that has imported raftplay, and forks to run it."""

    def __init__(self, python: tuple[str, ...], read: dict[str, str], prelude: str) -> None:
        self._requests, theirs = socket.socketpair()
        self._requests.settimeout(PATIENCE)
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
        self, arguments: list[str], given: bytes, variables: dict[str, str], folder: str
    ) -> tuple[int, bytes, bytes]:
        """Run raftplay in a folder, with `given` as its input: its status, and what it wrote."""
        body = json.dumps({"arguments": arguments, "variables": variables, "folder": folder}).encode()
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        with self._is_free, ThreadPoolExecutor(3) as pool:
            socket.send_fds(self._requests, [len(body).to_bytes(4, "big")], theirs)
            self._requests.sendall(body)
            for file in theirs:
                os.close(file)
            pool.submit(_write, pipes[0][1], given)
            out, err = pool.submit(_read, pipes[1][0]), pool.submit(_read, pipes[2][0])
            process = self._number()
            try:
                self._requests.settimeout(self.patience)
                status = self._number()
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                self._requests.settimeout(None)
                self._number()  # its status, or the next run would take it for an answer to its own request
                raise
            finally:
                self._requests.settimeout(PATIENCE)
            return status, out.result(), err.result()

    def _number(self) -> int:
        data = self._requests.recv(4)
        if not data:
            raise AssertionError(self._process.communicate()[1].decode())
        return int.from_bytes(data, "big", signed=True)

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


def _write(file: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(file, "wb") as opened:  # the command line need not read it
        opened.write(data)


def _read(file: int) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()
