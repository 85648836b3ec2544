"""The coverage of a run: it counts each decision by its rule."""

from collections import Counter

from raftplay.raft.decisions import DecisionBase
from raftplay.watch.facts import Record


class Coverage:
    """Reads the stream and counts decisions: ``VoteDecided log-shorter``, ``BecameLeader`` …"""

    def __init__(self) -> None:
        self._seen: dict[tuple[type, str], int] = {}

    def __call__(self, record: Record) -> None:
        """Count `record` if it is a node's decision."""
        event = record.event
        key = (type(event), getattr(event, "rule", ""))
        self._seen[key] = self._seen.get(key, 0) + 1

    @property
    def counts(self) -> Counter[str]:
        """Return the number of decisions by rule."""
        return Counter(
            {
                f"{kind.__name__} {rule}".strip(): n
                for (kind, rule), n in self._seen.items()
                if issubclass(kind, DecisionBase)
            }
        )
