"""What comes to a frozen node: it waits in the node's sockets until the process goes on."""

from collections.abc import Callable

MAX_WAITING = 10_000
"""How much the sockets of a frozen node hold; what comes on top is lost."""


class Inbox:
    """Arrivals that wait, in order. Each can be handled, or be lost for a reason."""

    __slots__ = ("_arrivals",)

    def __init__(self) -> None:
        self._arrivals: list[tuple[Callable[[], None], Callable[[str], None]]] = []

    def __len__(self) -> int:
        return len(self._arrivals)

    def keep(self, handle: Callable[[], None], lose: Callable[[str], None]) -> bool:
        """Let an arrival wait, or be lost if there is no room; whether it waits."""
        if len(self._arrivals) >= MAX_WAITING:
            lose("frozen")
            return False
        self._arrivals.append((handle, lose))
        return True

    def handle_all(self) -> None:
        """The process goes on, and handles what waited; what comes meanwhile is not for here."""
        arrivals, self._arrivals = self._arrivals, []
        for handle, _ in arrivals:
            handle()

    def lose_all(self) -> None:
        """The process is dead."""
        arrivals, self._arrivals = self._arrivals, []
        for _, lose in arrivals:
            lose("crash")
