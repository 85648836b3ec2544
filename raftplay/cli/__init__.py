"""The command line: options into calls, failures into exit statuses; nothing is decided here.

Exit statuses: 0 all held, 1 an expectation failed or an invariant broke, 2 the script or an option is wrong,
130 interrupted, 143 ended by SIGTERM.
"""

import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; every failure is a sentence and an exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)  # most of the start is imports, and nothing is done yet
    from raftplay.cli.entry import run  # noqa: PLC0415 - it imports all the rest

    run()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    os._exit(128 + number)
