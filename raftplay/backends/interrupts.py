"""Ctrl-C: while virtual time passes it comes between two timers, so that no node is torn in half; none is lost."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

AGAIN_AFTER = 0.01
"""Seconds after which a Ctrl-C that was lost is sent again."""


def resend_lost_interrupts() -> None:
    """From now on, in this process, send a Ctrl-C again that came where Python lets no exception out.

    That is where it clears up after an object: it would print a traceback, and go on as if nothing had come.
    """
    others: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook

    def lost(what: "sys.UnraisableHookArgs") -> None:
        if what.exc_type is KeyboardInterrupt:
            again = threading.Timer(AGAIN_AFTER, _interrupt)
            again.daemon = True
            again.start()
        else:
            others(what)

    sys.unraisablehook = lost


def _interrupt() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


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
