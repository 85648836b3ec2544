"""The steps of a node's leadership transfers: what it began, sent, gave up and refused (thesis §3.10)."""

from raftplay.raft import decisions
from raftplay.raft.messages import NONE
from raftplay.watch import facts
from raftplay.watch.facts import Event, Record


class TransferSteps:
    """The last transfer of a leadership, and the last TimeoutNow that the node refused. None: there was none.

    `replaced` is the end of the transfer before it, `sent` is when TimeoutNow left, `refused` the last command
    that was refused because of the transfer.
    """

    __slots__ = ("aborted", "refused", "replaced", "sent", "started", "told")

    def __init__(self, told: Record | None = None) -> None:
        self.started: Record | None = None
        self.aborted: Record | None = None
        self.replaced: Record | None = None
        self.sent: float | None = None
        self.refused: Record | None = None
        self.told = told

    def read(self, record: Record, event: Event) -> None:
        """Read a decision, or a command of a client."""
        match event:
            case decisions.TransferStarted():
                self.replaced, self.aborted = self.aborted, None
                self.started, self.sent, self.refused = record, None, None
            case decisions.TransferAborted():
                self.aborted = record
            case decisions.TimeoutNowDecided(obeyed=False):
                self.told = record
            case facts.Submitted(successor=successor) if successor != NONE:
                self.refused = record
