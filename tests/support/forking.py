"""Run by `support.command_line`: import raftplay once, then be the command line once per request, each in a fork.

A process forked here is one of its own like any other, with its own arguments, environment, folder, files and exit
status; only the imports are saved. A request is a JSON object and the three standard files; the answer is the id of
the process, and then its status.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import NoReturn

_fork = os.fork  # a prelude may take it away


def import_everything() -> None:
    """Import every module of raftplay, apart from those that run something when they are imported."""
    raftplay = importlib.import_module("raftplay")
    for module in pkgutil.walk_packages(raftplay.__path__, "raftplay."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def import_what_libraries_import_late(main: Callable[[], NoReturn]) -> None:
    """Import what a process has imported at the end that was the command line once."""
    reader, writer = os.pipe()
    if (child := _fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv = ["raftplay", "--version"]
        with contextlib.suppress(SystemExit):
            main()
        with open(writer, "w") as file:
            file.write(" ".join(sys.modules))
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        names = file.read().split()
    os.waitpid(child, 0)
    for name in names:
        if name not in sys.modules:
            importlib.import_module(name)


def serve(requests: socket.socket) -> None:
    """Fork once per request until there are no more; return in each of the forked processes."""
    while True:
        size, files, _, _ = socket.recv_fds(requests, 4, 3)
        if not size:
            os._exit(0)
        body = b""
        while len(body) < int.from_bytes(size, "big"):
            body += requests.recv(1 << 16)
        child = _fork()
        if child == 0:
            requests.close()
            become(files, **json.loads(body))
            return
        for file in files:
            os.close(file)
        requests.sendall(child.to_bytes(4, "big"))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        requests.sendall(status.to_bytes(4, "big", signed=True))


def become(files: list[int], arguments: list[str], variables: dict[str, str], folder: str) -> None:
    """Take the arguments, the environment, the folder and the standard files of a request."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = ["raftplay", *(os.fsdecode(argument.encode("latin-1")) for argument in arguments)]


if __name__ == "__main__":
    _prelude, _requests = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    sys.path[0] = os.getcwd()
    exec(_prelude)
    from raftplay.cli import main

    if not _prelude:
        import_everything()
        import_what_libraries_import_late(main)
    gc.freeze()  # what is here now need not be looked at when a forked process ends
    serve(_requests)
    main()
