"""The process of one visitor: a screen over a cluster in virtual time, without files, sockets or a terminal.

The rule of this module: the server gives it a plan and bytes on standard input, and takes what it paints from
standard output. It keeps nothing, and it ends by itself when the server is gone.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import msgspec

from raftplay import scenarios
from raftplay.language.table import TOUCHES
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.tui.command import Wanted, show
from raftplay.tui.visits.rules import VisitPlan

LOOKS = 1.0
"""The time between two looks for the server, in seconds."""

GRACE = 30.0
"""The time by which a process may outlive its visit, in seconds: the server has long ended it by then."""

NICE = 10
"""The niceness of a visitor's process: the server comes first."""


def main(words: Sequence[str]) -> int:
    """Show a cluster as the plan in `words` says, until its visitor leaves; return the exit status."""
    plan = msgspec.json.decode(words[0], type=VisitPlan)
    bound(plan)
    threading.Thread(target=_end_with, args=(os.getppid(), plan.seconds + GRACE), daemon=True).start()
    name = plan.script if plan.script is not None else "screen"
    played = parse_script(name, _text_of(plan.script), plan.setup)
    with opened(played.setup) as session:
        session.barred = frozenset(TOUCHES)
        return int(show(Wanted(played, plays=plan.script is not None), session))


def bound(plan: VisitPlan) -> None:
    """Bound what this process may use: memory, computing time, and no byte of any file. Windows has no bounds."""
    with suppress(ImportError):
        resource = import_module("resource")
        limits = {
            resource.RLIMIT_AS: plan.memory << 20,
            resource.RLIMIT_CPU: plan.cpu,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_CORE: 0,
        }
        for limit, most in limits.items():
            with suppress(OSError, ValueError):  # it is lower already
                resource.setrlimit(limit, (most, most))
        os.nice(NICE)


def _end_with(server: int, seconds: float) -> None:
    """End this process once its parent is no longer the server, or when its time is long over."""
    end = time.monotonic() + seconds
    while os.getppid() == server and time.monotonic() < end:
        time.sleep(LOOKS)
    os._exit(1)


def _text_of(script: str | None) -> str:
    if script is None:
        return ""
    return scenarios.text_of(script) if script in scenarios.all_names() else Path(script).read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
