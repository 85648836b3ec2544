"""The coverage of a run: it counts each decision by its rule."""

from collections import Counter
from collections.abc import Callable

from raftplay.raft.decisions import Decision, DecisionBase
from raftplay.raft.state import State
from raftplay.watch.facts import Record
from raftplay.watch.stream import Stream, Watcher


class Coverage(Watcher):
    """Reads the stream and counts decisions: ``VoteDecided log-shorter``, ``BecameLeader`` …"""

    def __init__(self) -> None:
        self._seen: dict[tuple[type, str], int] = {}

    def decisions_of(self, stream: Stream, node: int, incarnation: int, cm: State) -> Callable[[Decision], None]:
        """Return the function that counts a decision."""
        return self._count

    def _count(self, decision: Decision) -> None:
        key = (type(decision), getattr(decision, "rule", ""))
        try:
            self._seen[key] += 1
        except KeyError:
            self._seen[key] = 1

    def __call__(self, record: Record) -> None:
        """Count the event of `record` if it is a node's decision."""
        if isinstance(record.event, DecisionBase):
            self._count(record.event)

    @property
    def counts(self) -> Counter[str]:
        """Return the number of decisions by rule."""
        return Counter({f"{kind.__name__} {rule}".strip(): n for (kind, rule), n in self._seen.items()})
