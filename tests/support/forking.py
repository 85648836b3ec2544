"""Run by `support.command_line`: import raftplay once, then be the command line once per request, each in a fork.

A process forked here is one of its own like any other, with its own arguments, environment, folder, files, terminal
and exit status; only the imports are saved. A request is a JSON object, a socket for the answers, and the standard
files: three, or a terminal that is all of them. The answers are the id of the process, and when it has ended its
status, with the CPU seconds that were used here since the last such answer.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import sys
import threading
import time
import warnings
from contextlib import suppress

PROCESS, END = struct.Struct("!i"), struct.Struct("!id")
"""The two answers."""

_fork = os.fork  # a prelude may take it away


def import_all_of(name: str) -> None:
    """Import every module of a package, apart from those that run something then, or need an extra that is missing."""
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] == "raftplay":
                raise


class Forks:
    """The processes that run, each with the socket on which its end is awaited."""

    def __init__(self, requests: socket.socket) -> None:
        self.requests = requests
        self.running: dict[int, socket.socket] = {}
        self.told = 0.0  # the CPU seconds
        self.ended, self.ending = socket.socketpair()
        self.ending.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.ending.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Fork once per request until there are no more; return in each of the forked processes."""
        while True:
            ready = select.select([self.requests, self.ended], [], [])[0]
            if self.ended in ready:
                self.ended.recv(1 << 12)
                self.tell()
            if self.requests in ready and self.begin():
                return

    def tell(self) -> None:
        """Tell of every process that has ended."""
        while self.running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            used = sum(os.times()[:4])
            with self.running.pop(process) as answers, suppress(OSError):  # nobody may wait for it any more
                answers.sendall(END.pack(os.waitstatus_to_exitcode(status), used - self.told))
            self.told = used

    def begin(self) -> bool:
        """Fork for the next request; whether this is the forked process."""
        size, files, _, _ = socket.recv_fds(self.requests, 4, 4)
        if not size:
            for process in self.running:
                os.kill(process, signal.SIGKILL)
            os._exit(0)
        body = b""
        while len(body) < int.from_bytes(size, "big"):
            body += self.requests.recv(1 << 16)
        answers = socket.socket(fileno=files.pop(0))
        process = _fork()
        if process == 0:
            answers.close()
            self.leave()
            become(files, **json.loads(body))
            return True
        for file in files:
            os.close(file)
        self.running[process] = answers
        answers.sendall(PROCESS.pack(process))
        return False

    def leave(self) -> None:
        """Have nothing to do with the other processes any more, nor with the requests."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self.requests, self.ended, self.ending, *self.running.values()):
            each.close()


def become(
    files: list[int], arguments: list[str], variables: dict[str, str], folder: str, before: str, afresh: bool
) -> None:
    """Take the terminal or the standard files, the environment, the folder and the arguments of a request."""
    if len(files) == 1:
        os.login_tty(files[0])
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        warn_as_usual()
    else:
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    given = [os.fsdecode(argument.encode("latin-1")) for argument in arguments]
    if afresh:
        os.execv(sys.executable, [sys.executable, *given])
    sys.path[0] = folder
    sys.argv = ["raftplay", *given]
    exec(before, {})


def end_at_once(end: SystemExit) -> None:
    """End as Python does, apart from taking every module to pieces: that would copy all memory of this process.

    What cannot be written is left to Python, which says so.
    """
    if not isinstance(end.code, int | None):
        return
    end.__traceback__ = None
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()  # what nobody holds any more warns if it was not closed
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit((end.code or 0) & 0xFF)


def warn_as_usual() -> None:
    """Warn on a terminal of what Python warns of by itself: one that is interrupted may leave a file open."""
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)


if __name__ == "__main__":
    _prelude, _requests = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    sys.path[0] = os.getcwd()
    exec(_prelude)
    from raftplay.cli import main

    import_all_of("raftplay.cli" if _prelude else "raftplay")
    if not _prelude:
        importlib.import_module("typer._adapters")  # with pydantic, which typer imports to read options: 0.1 s
    gc.freeze()  # what is here now need not be looked at when a forked process ends
    gc.unfreeze = lambda: None  # nor when a screen has shown its first frame
    Forks(_requests).serve()
    try:
        main()
    except SystemExit as _end:
        end_at_once(_end)
        raise
