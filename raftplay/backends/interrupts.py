"""Ctrl-C: in virtual time it takes effect between two timers, so that no node stops halfway; none is lost."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType, TracebackType
from typing import ClassVar

AGAIN_AFTER = 0.01
"""Seconds after which a Ctrl-C that was lost is sent again."""

_quick = import_module("_signal")
"""The functions of `signal` without its enums, which cost more than a short wait in virtual time."""

_SIGINT = int(signal.SIGINT)


def resend_lost_interrupts() -> None:
    """Send a Ctrl-C again, from now on in this process, if it came where Python discards exceptions.

    Python does so while it finalizes an object: it prints a traceback and continues.
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
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:
        signal.pthread_kill(main, signal.SIGINT)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold a Ctrl-C back until the block ends; processes that the block starts never receive one."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Interrupts:
    """A block that holds back the first SIGINT; `pending` says that one came. The second one is not held back.

    In threads other than the main thread, and if another handler of SIGINT is set, it does nothing. A block inside
    another one of the same thread costs next to nothing: it is held back by the outer one, and raises at its end.
    """

    __slots__ = ("_holds", "_outer", "_thread", "pending")

    _current: "ClassVar[Interrupts | None]" = None

    def __init__(self) -> None:
        self.pending = False
        self._holds = False
        self._outer: Interrupts | None = None
        self._thread = threading.get_ident()

    def __enter__(self) -> "Interrupts":
        outer = Interrupts._current
        if outer is not None and outer._thread == self._thread:
            self._outer = outer
            return outer
        main = self._thread == threading.main_thread().ident
        self._holds = main and _quick.getsignal(_SIGINT) is signal.default_int_handler
        if self._holds:
            _quick.signal(_SIGINT, self._came)
        if main:
            Interrupts._current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outer = self._outer
        if outer is not None:
            if outer.pending and kind is None:
                outer.pending = False
                raise KeyboardInterrupt
            return
        if Interrupts._current is self:
            Interrupts._current = None
        if self._holds:
            _quick.signal(_SIGINT, signal.default_int_handler)
        if self.pending and kind is None:
            raise KeyboardInterrupt

    def _came(self, signum: int, frame: FrameType | None) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True
