"""Processes that a test starts in a session of their own: how many there are, and whether all have ended."""

import os
import subprocess
import time


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


def processes_of(group: int) -> list[str]:
    done = subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True, text=True, check=False)
    return done.stdout.split()
