"""Processes that a test starts in a session of their own: how many there are, and whether all have ended."""

import os
import subprocess
import time
from pathlib import Path


def is_gone(group: int, *, within: float) -> bool:
    """Whether no process of the group is left; helpers of multiprocessing end a moment after the last worker."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def wait_for_processes(group: int, count: int) -> None:
    """Wait until as many processes of the group are there: the search, what multiprocessing needs, the workers."""
    end = time.monotonic() + 30
    while len(processes_of(group)) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_for_handler(pid: int, number: int) -> None:
    """Wait until the process handles the signal itself; before that it ends as any process would."""
    end = time.monotonic() + 60
    while not _handled(pid) >> (number - 1) & 1:
        assert time.monotonic() < end
        time.sleep(0.05)


def _handled(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))


def processes_of(group: int) -> list[str]:
    done = subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True, text=True, check=False)
    return done.stdout.split()
