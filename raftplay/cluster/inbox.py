"""Messages that arrive during a process pause; they wait in the node's sockets until the process resumes."""

from collections.abc import Callable

MAX_WAITING = 10_000
"""The number of messages that the sockets of a paused process hold; further ones are lost."""


class Inbox:
    """A queue of arrivals. Each can be handled, or lost for a reason."""

    __slots__ = ("_arrivals",)

    def __init__(self) -> None:
        self._arrivals: list[tuple[Callable[[], None], Callable[[str], None]]] = []

    def __len__(self) -> int:
        return len(self._arrivals)

    def keep(self, handle: Callable[[], None], lose: Callable[[str], None]) -> bool:
        """Keep an arrival, or lose it if there is no room; return whether it was kept."""
        if len(self._arrivals) >= MAX_WAITING:
            lose("frozen")
            return False
        self._arrivals.append((handle, lose))
        return True

    def handle_all(self) -> None:
        """Handle what waited: the process resumes. Messages that arrive meanwhile are not kept here."""
        arrivals, self._arrivals = self._arrivals, []
        for handle, _ in arrivals:
            handle()

    def lose_all(self) -> None:
        """Lose what waited: the process crashed."""
        arrivals, self._arrivals = self._arrivals, []
        for _, lose in arrivals:
            lose("crash")
