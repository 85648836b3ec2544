"""The command line: it turns options into function calls, and failures into exit statuses.

Exit statuses: 0 all held, 1 an expectation failed or an invariant was violated, 2 the script or an option is
wrong, 130 interrupted, 143 ended by SIGTERM.
"""

import gc
import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; a failure is one sentence and an exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)  # the start is mostly imports: nothing needs cleanup yet
    gc.disable()  # there is nothing to collect while modules are imported
    from raftplay.cli.entry import run  # noqa: PLC0415 - it imports everything else

    run()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    os._exit(128 + number)
