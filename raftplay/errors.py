"""Errors that every part of raftplay raises."""


class UsageError(ValueError):
    """An error of the user: one sentence says what is wrong, where, and what to write instead."""

    lines: tuple[str, ...] = ()
    """The text below the sentence: the lines of the user's code that raised, if any did."""
