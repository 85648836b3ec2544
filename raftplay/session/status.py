"""The ends of a command or a run, and the exit statuses that say so."""

import enum


class Status(enum.IntEnum):
    """The end of a command or a run: its exit status, as docs/language.md documents them."""

    HELD = 0
    FAILED = 1
    MISUSED = 2
    INTERRUPTED = 130
