"""Ends a long command that is asked to end: it says how far it got, and its exit status tells the signal."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from raftplay.signals import as_interrupts

P = ParamSpec("P")


def says_how_far(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command treat SIGTERM and SIGHUP as it treats Ctrl-C; its exit status is that of the signal."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with as_interrupts() as came:
            try:
                command(*args, **kwargs)
            except (typer.Exit, KeyboardInterrupt):
                if came:
                    raise typer.Exit(128 + came[0]) from None
                raise

    return run
