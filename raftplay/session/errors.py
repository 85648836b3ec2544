"""The error of a command whose expectation does not hold."""


class Failed(Exception):
    """The failure of an expectation; its text says what was seen instead."""
