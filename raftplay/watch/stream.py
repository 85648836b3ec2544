"""The stream of events of one cluster, and who reads it.

With no reader, nothing is made and nothing is called. A reader that raises is detached and named; the
cluster goes on.
"""

from collections.abc import Callable

from raftplay.errors import UsageError
from raftplay.raft.decisions import Decision, NodeState
from raftplay.watch.facts import Fact, Record

Reader = Callable[[Record], None]


class ReaderFailed(Exception):
    """A reader of events raised; it was detached, and its own error is the cause of this one."""


class Stream:
    """Numbers events and hands them to the readers, in the order in which they were attached."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._readers: list[Reader] = []
        self._seq = 0
        self.failures: list[ReaderFailed] = []
        self.active = False
        """Whether anyone reads; whoever publishes looks here before making an event."""

        self.switched: Callable[[], None] | None = None
        """Called when `active` changed."""

    @property
    def last_seq(self) -> int:
        """The number of the last event that was published; 0 before the first."""
        return self._seq

    def count_at_least(self, seq: int) -> int:
        """Have events numbered from `seq` on at least; the last number given, which is then `seq` or more."""
        self._seq = max(self._seq, seq)
        return self._seq

    def attach(self, reader: Reader) -> None:
        """Let `reader` be called with every record from now on."""
        self._readers.append(reader)
        self._switch()

    def detach(self, reader: Reader) -> None:
        """Let `reader` be called no more; one that is not attached is left in peace."""
        self._readers = [r for r in self._readers if r != reader]
        self._switch()

    def reads(self, reader: Reader) -> bool:
        """Whether `reader` is attached."""
        return reader in self._readers

    def publish(self, node: int, incarnation: int, event: Decision | Fact, after: NodeState | None = None) -> None:
        """Give `event` its number and time, and hand it to every reader."""
        self._seq += 1
        record = Record(self._seq, self._now(), node, incarnation, event, after)
        for reader in self._readers:
            try:
                reader(record)
            except Exception as error:
                self._fail(reader, error)

    def _fail(self, reader: Reader, error: Exception) -> None:
        self.detach(reader)
        name = getattr(reader, "__qualname__", None) or type(reader).__name__
        is_said = isinstance(error, UsageError)  # such as a trace that cannot be written
        failure = ReaderFailed(
            str(error) if is_said else f"the reader {name} of the cluster's events failed: {error!r}"
        )
        failure.__cause__ = error
        self.failures.append(failure)

    def _switch(self) -> None:
        active = bool(self._readers)
        if active != self.active:
            self.active = active
            if self.switched is not None:
                self.switched()
