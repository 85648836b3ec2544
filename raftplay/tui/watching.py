"""Agrees between a lesson's reader and its screen when the cluster is watched at a pace that a person can follow.

The rule of this module: the reader's thread asks and waits, and the thread that paints answers at each paint.
Where no paint comes, as on a terminal that does not read, the reader goes on after a while.
"""

import time
from collections.abc import Callable

PATIENCE = 2.0
"""The longest wait for a paint, in seconds."""

LONGEST = 60.0
"""The longest wait until what happened has been shown, in seconds."""

STEP = 0.01


class Watching:
    """`is_wanted`: the cluster is to be watched. `answer` is called at each paint."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.is_closed = False
        self._asked = 0
        self._answered = 0
        self._watched: object = None
        self._is_behind = False

    # ---- for the reader, in its thread

    def begin(self, branch: object) -> None:
        """Have what happens in a branch from now on watched."""
        self.is_wanted = True
        self._wait(lambda: self._watched is branch, PATIENCE)

    def end(self) -> None:
        """Leave the clock alone: what comes now is not for the eye."""
        self.is_wanted = False
        self._wait(lambda: self._watched is None, PATIENCE)

    def catch_up(self) -> None:
        """Wait until all that happened has been shown."""
        if self.is_wanted:
            self._asked += 1
            self._wait(lambda: self._answered == self._asked, PATIENCE)
            self._wait(lambda: not self._is_behind, LONGEST)

    def _wait(self, holds: Callable[[], bool], patience: float) -> None:
        give_up = time.monotonic() + patience
        while not (holds() or self.is_closed) and time.monotonic() < give_up:
            time.sleep(STEP)

    # ---- for the screen

    def answer(self, asked: int, watched: object, *, is_behind: bool) -> None:
        """Tell which branch is watched, None for none, and whether more has happened there than was shown.

        `asked` is what `asked` said before the paint.
        """
        self._watched, self._is_behind = watched, is_behind
        self._answered = asked

    @property
    def asked(self) -> int:
        """Return how often the reader has asked."""
        return self._asked

    def close(self) -> None:
        """Release all that wait."""
        self.is_closed = True
