"""The coverage of a run: it counts each decision by its rule."""

from collections import Counter

from raftplay.raft.decisions import Decision, DecisionBase
from raftplay.raft.state import State
from raftplay.watch.facts import Record
from raftplay.watch.stream import Stream, Watcher


class Coverage(Watcher):
    """Reads the stream and counts decisions: ``VoteDecided log-shorter``, ``BecameLeader`` …"""

    reads_facts = False

    def __init__(self) -> None:
        self._seen: dict[tuple[type, str], int] = {}

    def observe(self, stream: Stream, node: int, incarnation: int, decision: Decision, cm: State) -> None:
        """Count a decision."""
        seen, kind = self._seen, type(decision)
        key = (kind, getattr(decision, "rule", ""))
        try:
            seen[key] += 1
        except KeyError:
            seen[key] = 1

    def __call__(self, record: Record) -> None:
        """Count the event of `record` if it is a node's decision."""
        if isinstance(record.event, DecisionBase):
            key = (type(record.event), getattr(record.event, "rule", ""))
            self._seen[key] = self._seen.get(key, 0) + 1

    @property
    def counts(self) -> Counter[str]:
        """Return the number of decisions by rule."""
        return Counter({f"{kind.__name__} {rule}".strip(): n for (kind, rule), n in self._seen.items()})
