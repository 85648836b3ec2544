"""The failures inside a cluster. The next call from outside raises it, once."""

from raftplay.backends.base import Backend
from raftplay.cluster.raised import NodeRaised
from raftplay.raft.storage import StorageError
from raftplay.watch.invariants import Breach
from raftplay.watch.stream import Stream


class Failures:
    """The failures that were not raised yet: `disks`, the code of `nodes`, `readers` of events, an invariant.

    `pauses_at_breach`: time pauses at the first violation.
    """

    def __init__(self, backend: Backend, stream: Stream) -> None:
        self.disks: list[StorageError] = []
        self.nodes: list[NodeRaised] = []
        self.readers = stream.failures
        self.pauses_at_breach = False
        self._backend = backend
        self._seen_breach = False
        self.breach: Breach | None = None

    def add_breach(self, breach: Breach) -> None:
        """Keep the first violation of an invariant, and pause time there, if it is to be paused."""
        if not self._seen_breach:
            self._seen_breach = True
            self.breach = breach
            if self.pauses_at_breach:
                self._backend.halt()
        self._backend.changed()

    def __bool__(self) -> bool:
        return self.breach is not None or bool(self.readers or self.disks or self.nodes)

    def take(self) -> Exception | Breach | None:
        """Return once the failure of a reader or a disk, or else the violation, or else the failure of a node."""
        failures = self.readers or self.disks
        if failures:
            return failures.pop(0)
        if self.breach is not None:
            breach, self.breach = self.breach, None
            return breach
        return self.nodes.pop(0) if self.nodes else None
