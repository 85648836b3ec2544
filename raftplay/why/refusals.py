"""The last request that a node rejected, and the last of its own that was rejected."""

from dataclasses import dataclass

from raftplay.raft import decisions
from raftplay.watch.facts import Record
from raftplay.why.index import EventIndex
from raftplay.why.verdicts import Verdict, is_refusal, ruling


@dataclass(frozen=True, slots=True)
class RefusalFacts:
    """The last rejections, in both directions; None where there was none in the events that are kept.

    `by`: the last request that `node` rejected. `of`: the last request of `node` that another node rejected.
    `kept_from`: the cluster time from which on all events are kept, None where none is forgotten.
    """

    node: int
    by: Verdict | None
    of: Verdict | None
    kept_from: float | None


def refusal_facts(trail: EventIndex, node: int) -> RefusalFacts:
    """Return the last request that `node` rejected, and the last of its own that was rejected."""
    kinds = (decisions.VoteDecided, decisions.AppendDecided)
    by = trail.last(node, *kinds, test=is_refusal)
    others = [peer.id for peer in trail.snapshot.nodes if peer.id != node]
    found = [
        trail.last(peer, *kinds, test=lambda record: is_refusal(record) and _asker(record) == node)
        for peer in others
    ]
    of = max((record for record in found if record is not None), key=lambda record: record.seq, default=None)
    return RefusalFacts(
        node,
        None if by is None else ruling(trail, by),
        None if of is None else ruling(trail, of),
        trail.records[0].time if trail.forgets and trail.records else None,
    )


def _asker(record: Record) -> int:
    match record.event:
        case decisions.VoteDecided(args=args):
            return args.candidate_id
        case decisions.AppendDecided(args=args):
            return args.leader_id
    return -1
