"""Handles the signals that ask a process to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

TO_END = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""SIGTERM, and SIGHUP on systems that have it; Windows does not."""


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object], *, needs_terminal: bool = False) -> Iterator[None]:
    """Call `handler` for each signal that asks the process to end, while the block runs.

    A signal that was ignored stays ignored, as under `nohup`, unless the block `needs_terminal`.
    """
    before = {number: signal.getsignal(number) for number in TO_END}
    if not needs_terminal:
        before = {number: earlier for number, earlier in before.items() if earlier is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            with suppress(TypeError):  # Python did not install the earlier handler
                signal.signal(number, earlier)


def end(number: int, _: FrameType | None = None) -> NoReturn:
    """Raise SystemExit with the status that a shell reports for signal `number`, so that the cleanup runs."""
    raise SystemExit(128 + number)


@contextmanager
def as_interrupts() -> Iterator[list[int]]:
    """Treat each signal that asks the process to end as a Ctrl-C while the block runs; yield those that came.

    So a long work says how far it got, whoever ends it.
    """
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.append(number)
        heed = signal.getsignal(signal.SIGINT)
        if not callable(heed):  # Ctrl-C is ignored
            raise KeyboardInterrupt
        heed(signal.SIGINT, frame)

    with handled(interrupt):
        yield came
