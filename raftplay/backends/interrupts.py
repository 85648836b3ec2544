"""Ctrl-C while virtual time passes: it comes between two timers, so that it never tears a node in half."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """Holds back the first SIGINT while its block runs; `pending` says that one came. The second goes through.

    In threads other than the main one, and where someone else handles SIGINT, it does nothing.
    """

    __slots__ = ("_holds", "pending")

    def __init__(self) -> None:
        self.pending = False
        self._holds = False

    def __enter__(self) -> "Interrupts":
        main = threading.current_thread() is threading.main_thread()
        self._holds = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._holds:
            signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.pending and kind is None:
            raise KeyboardInterrupt

    def _came(self, signum: int, frame: FrameType | None) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True
