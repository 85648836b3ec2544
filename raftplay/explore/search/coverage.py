"""The coverage of a run: it counts each decision by its rule."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter

from raftplay.raft.decisions import Decision, DecisionBase
from raftplay.raft.state import State
from raftplay.watch.facts import Record
from raftplay.watch.stream import Stream, Watcher

MOST_KEPT = 4096
"""The number of decisions that are kept before they are counted."""

_rule_of = attrgetter("rule")


class Coverage(Watcher):
    """Reads the stream and counts decisions: ``VoteDecided log-shorter``, ``BecameLeader`` …

    It keeps them, and counts many at once, which is faster; `count_if_many` bounds their number.
    """

    def __init__(self) -> None:
        self._kept: list[DecisionBase] = []
        self._seen = Counter[str]()

    def decisions_of(self, stream: Stream, node: int, incarnation: int, cm: State) -> Callable[[Decision], None]:
        """Return the function that keeps a decision."""
        return self._kept.append

    def __call__(self, record: Record) -> None:
        """Keep the event of `record` if it is a node's decision."""
        if isinstance(record.event, DecisionBase):
            self._kept.append(record.event)

    def count_if_many(self) -> None:
        """Count the decisions that are kept, if there are many."""
        if len(self._kept) >= MOST_KEPT:
            self._count()

    @property
    def counts(self) -> Counter[str]:
        """Return the number of decisions by rule."""
        self._count()
        return self._seen

    def _count(self) -> None:
        plain = Counter(map(type, self._kept))
        have_rules = {kind for kind in plain if hasattr(kind, "rule")}
        ruled = [decision for decision in self._kept if type(decision) in have_rules]
        by_rule = Counter(zip(map(type, ruled), map(_rule_of, ruled), strict=True))
        for (kind, rule), n in by_rule.items():
            self._seen[f"{kind.__name__} {rule}".strip()] += n
            plain[kind] -= n
        for kind, n in plain.items():
            if n:
                self._seen[kind.__name__] += n
        self._kept.clear()
