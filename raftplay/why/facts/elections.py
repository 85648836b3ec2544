"""An election in progress: which timer began it, whose votes were requested, and what became of the requests."""

import math
from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.past.links import Obstacle
from raftplay.past.story import Election, Firing
from raftplay.raft import decisions
from raftplay.raft.messages import Args, CMState, RequestVoteArgs
from raftplay.why.facts.rpcs import MOVING, CallStage, Journey, last_journey, obstacle_then


@dataclass(frozen=True, slots=True)
class RequestFate:
    """The fate of a candidate's request to `peer`.

    `journey` is None where the history no longer has it; `obstacle` is what stands in the way now.
    """

    peer: int
    counted: bool
    journey: Journey | None
    obstacle: Obstacle | None

    @property
    def may_still_vote(self) -> bool:
        """Return whether the vote may still come: it is neither counted nor denied nor lost on the way."""
        journey = self.journey
        if journey is None or self.counted:
            return not self.counted
        denied = journey.verdict is not None and not journey.verdict.yes
        leaves_later = journey.stage is CallStage.NOT_SENT and journey.for_disk
        return journey.again or leaves_later or (journey.stage in MOVING and not denied)


@dataclass(frozen=True, slots=True)
class ElectionUnderWay:
    """An election in progress: `node` requests votes in `term`, or, with `pre_vote`, asks whether it could win.

    `since` and `firing` are None where the history no longer has its beginning. `needed`: how many votes win.
    """

    node: int
    term: int
    pre_vote: bool
    since: float | None
    firing: Firing | None
    votes: tuple[int, ...]
    needed: int
    asked: tuple[RequestFate, ...]


def candidacy(events: EventIndex, node: NodeSnapshot) -> ElectionUnderWay | None:
    """Return the election of `node` in progress, or its pre-vote (thesis §9.6); None if there is none."""
    is_asking = node.state is CMState.PRE_CANDIDATE
    if node.state is not CMState.CANDIDATE and not is_asking:
        return None
    term, story = node.current_term + is_asking, events.story(node.id)
    began = story.asking if is_asking else story.stood
    began = began if began is not None and began.term == term else None  # else that of this election is forgotten
    return ElectionUnderWay(
        node=node.id,
        term=term,
        pre_vote=is_asking,
        since=None if began is None else began.time,
        firing=None if began is None else began.firing,
        votes=node.votes,
        needed=events.needed,
        asked=tuple(_asked(events, node, peer.id, began) for peer in events.snapshot.nodes if peer is not node),
    )


def _asked(events: EventIndex, node: NodeSnapshot, peer: int, began: Election | None) -> RequestFate:
    fate = None if began is None else _request(events, node.id, peer, began)
    return RequestFate(peer, peer in node.votes, fate, events.links.answer_obstacle(node.id, peer))


def _request(events: EventIndex, node: int, peer: int, began: Election) -> Journey:
    """Return the fate of the request for the vote of `peer`."""

    def asks(args: Args) -> bool:
        return isinstance(args, RequestVoteArgs) and (args.term, args.pre_vote) == (began.term, began.pre_vote)

    sent = last_journey(events, node, peer, began, asks)
    if sent is not None:
        return sent
    gap = obstacle_then(events, node, peer, began.seq)
    own = events.snapshot.nodes[node]
    may_drop = own.calls_left >= 0 and events.kept_from is not None  # since when it does may be forgotten
    waits = gap is None and own.writing_since is not None and not may_drop
    return Journey(node, peer, CallStage.NOT_SENT, obstacle=gap, for_disk=waits)


def timer_of(events: EventIndex, node: NodeSnapshot) -> float:
    """Return when the election timer of `node` fires, in cluster time; inf where none will, or it is not known."""
    is_for_write = any(
        (record.node, record.incarnation, event.until) == (node.id, node.incarnation, node.deadline)
        for record, event in events.of_kind(decisions.WriteDelayed)
    )
    return math.inf if node.state is CMState.LEADER or is_for_write else node.deadline
