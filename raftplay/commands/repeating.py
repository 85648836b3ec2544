"""The commands that repeat others; language/repeats.py unrolls them before anything runs."""

from typing import Annotated

from raftplay.errors import UsageError
from raftplay.language import kinds
from raftplay.language.repeats import END, REPEAT
from raftplay.language.table import command
from raftplay.session.session import Session

ALONE = "in one line: repeat 3; submit x; sleep 50ms; end"


@command("Time", "repeat 3")
def repeat(session: Session, count: Annotated[int, kinds.COUNT]) -> str:
    """Repeat the commands up to its `end` N times, at most 4 deep; the screen and lessons take it in one line."""
    raise UsageError(f"{REPEAT} stands before commands and {END}, {ALONE}")


@command("Time", "end")
def end(session: Session) -> str:
    """End a repeat."""
    raise UsageError(f"{END} stands behind {REPEAT} and commands, {ALONE}")
