"""A walk as commands: every link is held, and each message is delivered, lost or duplicated by its number."""

from collections.abc import Iterable

from raftplay.explore.walks.bare import PAUSE
from raftplay.explore.walks.walk import WalkStep


def commands_of(steps: Iterable[WalkStep]) -> list[str]:
    """Return the commands that do what `steps` do."""
    commands, submits = ["hold all"], 0
    for kind, what in steps:
        if kind == "submit":
            submits += 1
            commands.append(f"submit {submits} to {what}")
        elif kind == "transfer":
            commands.append(f"transfer to {what}")
        elif kind == "sleep":
            commands.append(f"sleep {PAUSE * 1000:g}ms")
        else:
            commands.append(f"{kind} {what}")
    return commands
