"""The stream of events of one cluster, and its readers.

Without a reader, events are not created. A reader that raises is detached and reported; the cluster
continues.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from raftplay.errors import UsageError
from raftplay.raft.decisions import Decision, NodeState
from raftplay.raft.state import State
from raftplay.watch.facts import Event, Record

Reader = Callable[[Record], None]
T = TypeVar("T")


class Watcher(ABC):
    """A reader that gives a `Stream` a function for each node: without a `Record`, reading is cheaper.

    Watchers read an event before the readers that want a record. The number of the event is `stream.last_seq`, its
    time `stream.now()`.
    """

    def facts_of(self, stream: "Stream", node: int, incarnation: int) -> Callable[[Event], None] | None:
        """Return the function that reads the events of a node that are no decisions; None to read none."""
        return None

    @abstractmethod
    def decisions_of(self, stream: "Stream", node: int, incarnation: int, cm: State) -> Callable[[Decision], None]:
        """Return the function that reads the decisions of `cm`, which may be read and not changed."""

    @abstractmethod
    def __call__(self, record: Record) -> None:
        """Read an event as a record, as another reader does."""


class ReaderFailed(Exception):
    """An error in a reader of events, which was detached; the reader's error is the cause of this one."""


class Stream:
    """Numbers events and passes them to the readers, in the order in which the readers were attached."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._readers: list[Reader] = []
        self._watchers: tuple[Watcher, ...] = ()
        self._others: tuple[Reader, ...] = ()
        self._seq = 0
        self.failures: list[ReaderFailed] = []
        self.active = False
        """True if there is a reader; publishers check this before they create an event."""

        self.switched: Callable[[], None] | None = None
        """The function that is called when `active` changes."""

    @property
    def last_seq(self) -> int:
        """Return the number of the last published event; 0 before the first."""
        return self._seq

    def now(self) -> float:
        """Return cluster time in seconds."""
        return self._now()

    def count_at_least(self, seq: int) -> int:
        """Raise the last event number to `seq` if it is lower; return the last event number."""
        self._seq = max(self._seq, seq)
        return self._seq

    def attach(self, reader: Reader) -> None:
        """Call `reader` with every record from now on."""
        self._readers.append(reader)
        self._switch()

    def detach(self, reader: Reader) -> None:
        """Stop calling `reader`; does nothing if it is not attached."""
        self._readers = [r for r in self._readers if r != reader]
        self._switch()

    def reads(self, reader: Reader) -> bool:
        """Return whether `reader` is attached."""
        return reader in self._readers

    def first_of(self, kind: type[T]) -> T | None:
        """Return the first reader of that class; None if none is attached."""
        return next((reader for reader in self._readers if isinstance(reader, kind)), None)

    def publish(self, node: int, incarnation: int, event: Event, after: NodeState | None = None) -> None:
        """Number and time-stamp `event`, and pass it to every reader."""
        self._seq += 1
        for watcher in self._watchers:
            try:
                read = watcher.facts_of(self, node, incarnation)
                if read is not None:
                    read(event)
            except Exception as error:
                self._fail(watcher, error)
        if self._others:
            self._record(node, incarnation, event, after)

    def publisher(self, node: int, incarnation: int) -> Callable[[Event], None]:
        """Return the function that publishes each event of a node that is no decision of it."""
        readers: tuple[Watcher, ...] = ()
        functions: tuple[tuple[Callable[[Event], None], Watcher], ...] = ()

        def publish(event: Event) -> None:
            nonlocal readers, functions
            self._seq += 1
            if readers is not self._watchers:
                readers = self._watchers
                found = [(reader, reader.facts_of(self, node, incarnation)) for reader in readers]
                functions = tuple((read, reader) for reader, read in found if read is not None)
            for read, reader in functions:
                try:
                    read(event)
                except Exception as error:
                    self._fail(reader, error)
            if self._others:
                self._record(node, incarnation, event, None)

        return publish

    def observer(self, node: int, incarnation: int, cm: State) -> Callable[[Decision], None]:
        """Return the function that publishes each decision of `cm`, with the node's state after it."""
        readers: tuple[Watcher, ...] = ()
        functions: tuple[Callable[[Decision], None], ...] = ()

        def observe(decision: Decision) -> None:
            nonlocal readers, functions
            self._seq += 1
            if readers is not self._watchers:
                readers = self._watchers
                functions = tuple(reader.decisions_of(self, node, incarnation, cm) for reader in readers)
            for read in functions:
                try:
                    read(decision)
                except Exception as error:
                    self._fail(readers[functions.index(read)], error)
            if self._others:
                self._record(node, incarnation, decision, cm.node_state())

        return observe

    def _record(self, node: int, incarnation: int, event: Event, after: NodeState | None) -> None:
        record = Record(self._seq, self._now(), node, incarnation, event, after)
        for reader in self._others:
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
        self._watchers = tuple(reader for reader in self._readers if isinstance(reader, Watcher))
        self._others = tuple(reader for reader in self._readers if not isinstance(reader, Watcher))
        active = bool(self._readers)
        if active != self.active:
            self.active = active
            if self.switched is not None:
                self.switched()
