"""The last request that a node rejected, and the last of its own that was rejected."""

from dataclasses import dataclass

from raftplay.past.index import EventIndex
from raftplay.watch.facts import Record
from raftplay.why.facts.verdicts import NodeVerdict, verdict_of


@dataclass(frozen=True, slots=True)
class RejectionFacts:
    """The last rejections, in both directions; None where there was none in the events that are kept.

    `by`: the last request that `node` rejected. `of`: the last request of `node` that another node rejected.
    `told`: a TimeoutNow that it refused. `snapshot`: one that it ignored. `kept_from`: the cluster time from which
    on all events are kept, None where none is forgotten.
    """

    node: int
    by: NodeVerdict | None
    of: NodeVerdict | None
    kept_from: float | None
    told: Record | None = None
    snapshot: Record | None = None


def rejection_facts(events: EventIndex, node: int) -> RejectionFacts:
    """Return the last request that `node` rejected, and the last of its own that was rejected."""
    story = events.story(node)
    others = [events.story(peer.id) for peer in events.snapshot.nodes if peer.id != node]
    found = [story.rejected_of[node] for story in others if node in story.rejected_of]
    by = verdict_of(events, story.rejected)
    of = verdict_of(events, max(found, key=lambda record: record.seq, default=None))
    return RejectionFacts(node, by, of, events.kept_from, story.told, story.snapshots.ignored)
