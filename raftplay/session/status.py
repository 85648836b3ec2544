"""How a command or a run ends, and the exit statuses that say so."""

import enum


class Status(enum.IntEnum):
    """How a command or a run ended: its exit status, as docs/language.md documents them."""

    HELD = 0
    FAILED = 1
    MISUSED = 2
    INTERRUPTED = 130
