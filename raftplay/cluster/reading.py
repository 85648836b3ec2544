"""Reading: the reads that clients wait for at one node, and those that reached its process while it was paused.

The rule of this module: it answers each read once, with the index that the node has applied, or with -1 if the
node cannot answer. A crashed process answers nobody.
"""

from collections.abc import Callable

from raftplay.cluster.node_code import NodeCode
from raftplay.raft.messages import NONE

OnRead = Callable[[int], None]
"""Is called with the index after which a node answers a read from its state; -1: it cannot."""


class Reading:
    """The reads at the node whose code is `code`."""

    def __init__(self, code: NodeCode) -> None:
        self._code = code
        self.waiting: dict[int, OnRead] = {}
        """The reads that the node has not answered, by number."""

        self._held: list[OnRead] = []

    def hold(self, on_read: OnRead) -> None:
        """Keep a read for a paused process: its socket stays open."""
        self._held.append(on_read)

    def take_held(self) -> list[OnRead]:
        """Return the reads that were kept, in order."""
        held, self._held = self._held, []
        return held

    def begin(self, on_read: OnRead, now: float) -> None:
        """Hand a read to the node."""
        number = self._code.read(now)
        if number == NONE:
            on_read(NONE)
        else:
            self.waiting[number] = on_read

    def answer(self, now: float) -> None:
        """Answer the reads that are over."""
        for number, index in self._code.take_reads(now):
            on_read = self.waiting.pop(number, None)
            if on_read is not None:
                on_read(index)
