"""Runs screens, and ends them at a signal.

The rule of this module: a signal never raises in what begins or ends a screen; it ends the screen that runs, and
no other begins.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from raftplay.signals import handled
from raftplay.tui.app import RaftApp

GRACE = 3.0
"""The time that a screen has to end after a signal, and again for keeping its session, in seconds."""


class Ending:
    """Runs screens one after another; `signal` is the one that has ended them, or None."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.app: RaftApp | None = None
        """The screen that runs, or ran last."""

    def run(self, app: RaftApp) -> None:
        """Run a screen to its end."""
        self.app = app
        if self.signal is None:
            app.run()

    def end(self, number: int) -> None:
        """End the screen that runs because of a signal, and start no other."""
        self.signal = number
        if self.app is None:
            return
        self.app.ends_at_once = True
        if self.app.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self.app.loop.call_soon_threadsafe(self.app.exit)


@contextlib.contextmanager
def ending_on_signals(keep: Callable[[], object] | None) -> Iterator[Ending]:
    """End the screen at SIGTERM and SIGHUP as `q` does; at SIGINT too, which is raised after the block.

    A terminal sends SIGINT for a Ctrl-C only while no screen runs, as when one ends and the next begins. Where the
    terminal is gone, or does not read, the screen may wait for it for ever: then `keep` is called, if there is
    something to keep, and the process just ends.
    """
    ending = Ending()

    def give_up(number: int) -> None:
        if keep is not None:
            keeper = threading.Thread(target=keep, daemon=True)
            keeper.start()
            keeper.join(GRACE)
        os._exit(128 + number)

    def end(number: int, _: FrameType | None) -> None:
        if ending.signal is None:
            timer = threading.Timer(GRACE, give_up, (number,))
            timer.daemon = True
            timer.start()
        ending.end(number)

    at_interrupt = signal.getsignal(signal.SIGINT)
    heeds = at_interrupt is signal.default_int_handler
    with handled(end, needs_terminal=True):
        if heeds:
            signal.signal(signal.SIGINT, end)
        try:
            yield ending
        finally:
            if heeds:
                signal.signal(signal.SIGINT, at_interrupt)
    if ending.signal == signal.SIGINT:
        raise KeyboardInterrupt
