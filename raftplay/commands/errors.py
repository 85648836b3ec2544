"""What a command can end in besides its answer."""


class Failed(Exception):
    """An expectation did not hold; the text says what was seen instead."""
