"""Errors that every part of raftplay raises."""


class UsageError(ValueError):
    """What a user did wrong, in one sentence: what, where, and what would be right."""
