"""The exit statuses of a run."""

import enum


class Status(enum.IntEnum):
    """Exit statuses, as docs/language.md documents them."""

    HELD = 0
    FAILED = 1
    MISUSED = 2
    INTERRUPTED = 130
