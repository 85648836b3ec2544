"""The last request that a node rejected, and the last of its own that was rejected."""

from dataclasses import dataclass

from raftplay.past.index import EventIndex
from raftplay.why.facts.snapshots import SnapshotWord, ignored_snapshot
from raftplay.why.facts.transfers import ToldFacts, told_facts
from raftplay.why.facts.verdicts import Verdict, verdict_of


@dataclass(frozen=True, slots=True)
class RejectionFacts:
    """The last rejections, in both directions; None where there was none in the events that are kept.

    `by`: the last request that `node` rejected. `of`: the last request of `node` that another node rejected.
    `told`: a TimeoutNow that it refused. `snapshot`: one that it ignored. `kept_from`: the cluster time from which
    on all events are kept, None where none is forgotten.
    """

    node: int
    by: Verdict | None
    of: Verdict | None
    kept_from: float | None
    told: ToldFacts | None = None
    snapshot: SnapshotWord | None = None


def rejection_facts(trail: EventIndex, node: int) -> RejectionFacts:
    """Return the last request that `node` rejected, and the last of its own that was rejected."""
    by = trail.story(node).rejected
    others = [trail.story(peer.id) for peer in trail.snapshot.nodes if peer.id != node]
    found = [story.rejected_of[node] for story in others if node in story.rejected_of]
    of = max(found, key=lambda record: record.seq, default=None)
    return RejectionFacts(
        node,
        verdict_of(trail, by),
        verdict_of(trail, of),
        trail.kept_from,
        told_facts(trail, node),
        ignored_snapshot(trail, node),
    )
