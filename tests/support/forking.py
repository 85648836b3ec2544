"""Run by `support.command_line`: import raftplay once, then be the command line once per request, each in a fork.

A process forked here is one of its own like any other, with its own arguments, environment, folder, files and exit
status; only the imports are saved. A request is a JSON object and the three standard files; the answer is the id of
the process, and then its status.
"""

import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
import time

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

    import_all_of("raftplay.cli" if _prelude else "raftplay")
    if not _prelude:
        importlib.import_module("typer._adapters")  # with pydantic, which typer imports to read options: 0.1 s
    gc.freeze()  # what is here now need not be looked at when a forked process ends
    serve(_requests)
    main()
