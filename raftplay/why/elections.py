"""The start of an election by a node: which timer fired, after waiting for whom, and whose votes it requested."""

import math
from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.bugs.durability import WRITE_DELAY
from raftplay.raft.decisions import Rule
from raftplay.raft.messages import NONE, CMState, RequestVoteArgs
from raftplay.watch.facts import Record
from raftplay.why.calls import MOVING, Journey, journey, not_sent, sent_calls
from raftplay.why.index import LATEST, EventIndex
from raftplay.why.network import Obstacle
from raftplay.why.verdicts import Verdict, heard_leader, ruling

TIMER_ON_REFUSAL = "timer-on-refusal"


@dataclass(frozen=True, slots=True)
class Wait:
    """The start of a wait for a leader: a request from one (`peer`), a vote for `peer`, an election, and so on."""

    kind: Literal["heard", "voted", "stood", "asked", "started", "stepped down", "refused"]
    time: float
    term: int
    peer: int = NONE


@dataclass(frozen=True, slots=True)
class Firing:
    """An election timer that fired at `time`, `by_hand` or after the wait that `since` began.

    None means forgotten. `pre_votes`: the nodes that said in between that it could win (thesis §9.6); empty
    without pre-vote.
    """

    time: float | None
    by_hand: bool
    since: Wait | None
    pre_votes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """The fate of a candidate's request to `peer`.

    `journey` is None where the history no longer has it; `obstacle` is what stands in the way now.
    """

    peer: int
    counted: bool
    journey: Journey | None
    obstacle: Obstacle | None


@dataclass(frozen=True, slots=True)
class Candidacy:
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
    asked: tuple[Asked, ...]


def firing(trail: EventIndex, record: Record) -> Firing:
    """Return the timer that began an election or pre-vote: `record` is its ElectionStarted or PreVoteStarted."""
    before = trail.before(record)
    pre_votes: tuple[int, ...] = ()
    stands = isinstance(record.event, decisions.ElectionStarted)
    if stands and before is not None and isinstance(before.event, decisions.VoteCounted) and before.event.pre_vote:
        pre_votes = before.event.votes
        asked = trail.last(record.node, decisions.PreVoteStarted, before=record.seq, life=record.incarnation)
        if asked is None:
            return Firing(None, _by_hand(record), None, pre_votes)
        record = asked
    return Firing(record.time, _by_hand(record), _wait(trail, record), pre_votes)


def _by_hand(record: Record) -> bool:
    """Return whether `timeout` made the timer fire."""
    return (
        isinstance(record.event, decisions.ElectionStarted | decisions.PreVoteStarted)
        and record.event.rule == Rule.BY_HAND
    )


def _wait(trail: EventIndex, record: Record) -> Wait | None:
    """Return what had last restarted the election timer before `record`, None where it is forgotten."""
    on_refusal = TIMER_ON_REFUSAL in trail.bugs

    def restarts(earlier: Record) -> bool:
        match earlier.event:
            case decisions.AppendDecided():
                return heard_leader(earlier)
            case decisions.VoteDecided(args=args, granted=granted):
                return not args.pre_vote and (granted or on_refusal)
            case decisions.BecameFollower(was=was):
                return was is CMState.LEADER
        return True

    kinds = (
        decisions.AppendDecided,
        decisions.VoteDecided,
        decisions.BecameFollower,
        decisions.ElectionStarted,
        decisions.PreVoteStarted,
        decisions.Started,
    )
    found = trail.last(record.node, *kinds, before=record.seq, life=record.incarnation, test=restarts)
    return None if found is None else _wait_from(found)


def _wait_from(record: Record) -> Wait:
    time, term = record.time, record.after.current_term if record.after else 0
    match record.event:
        case decisions.AppendDecided(args=args):
            return Wait("heard", time, args.term, args.leader_id)
        case decisions.VoteDecided(args=args, granted=granted):
            return Wait("voted" if granted else "refused", time, args.term, args.candidate_id)
        case decisions.BecameFollower():
            return Wait("stepped down", time, term)
        case decisions.ElectionStarted(term=term):
            return Wait("stood", time, term)
        case decisions.PreVoteStarted(term=term):
            return Wait("asked", time, term)
    return Wait("started", time, term)


def candidacy(trail: EventIndex, node: int) -> Candidacy | None:
    """Return the election of `node` in progress, or its pre-vote (thesis §9.6); None if there is none."""
    now = trail.snapshot.nodes[node]
    if not now.alive:
        return None
    life = now.incarnation
    term = now.current_term
    if now.state is CMState.PRE_CANDIDATE:
        return _candidacy(trail, node, term + 1, True, trail.last(node, decisions.PreVoteStarted, life=life))
    if now.state is not CMState.CANDIDATE:
        return None
    found = trail.last(node, decisions.ElectionStarted, life=life, test=lambda r: _term_of(r) == term)
    return _candidacy(trail, node, term, False, found)


def _term_of(record: Record) -> int:
    event = record.event
    return event.term if isinstance(event, decisions.ElectionStarted) else -1


def _candidacy(trail: EventIndex, node: int, term: int, pre_vote: bool, began: Record | None) -> Candidacy:
    snapshot = trail.snapshot
    votes, needed = _votes(trail, node, began, pre_vote)
    peers = [peer.id for peer in snapshot.nodes if peer.id != node]
    asked = tuple(
        Asked(
            peer,
            peer in votes,
            None if began is None else _request(trail, node, peer, term, pre_vote, began),
            trail.links.answer_obstacle(node, peer),
        )
        for peer in peers
    )
    since = None if began is None else began.time
    fired = None if began is None else firing(trail, began)
    return Candidacy(node, term, pre_vote, since, fired, votes, needed, asked)


def _votes(trail: EventIndex, node: int, began: Record | None, pre_vote: bool) -> tuple[tuple[int, ...], int]:
    """Return the votes counted so far and how many are needed: from the events, else from the state."""
    counted = trail.event(
        node, decisions.VoteCounted, life=trail.life(node), test=lambda r: began is None or r.seq > began.seq
    )
    if counted is not None:
        return counted[1].votes, counted[1].needed
    if began is not None:
        return ((node,) if pre_vote else ()), trail.majority
    return trail.snapshot.nodes[node].votes, trail.majority


def _request(trail: EventIndex, node: int, peer: int, term: int, pre_vote: bool, began: Record) -> Journey:
    """Return the fate of the request for the vote of `peer`."""
    for record, event in sent_calls(trail, node, peer, after=began.seq):
        args = event.args
        if isinstance(args, RequestVoteArgs) and args.term == term and args.pre_vote is pre_vote:
            return journey(trail, record, event)
    return not_sent(trail, node, peer, began.seq)


def timer_of(trail: EventIndex, node: NodeSnapshot) -> float:
    """Return when the election timer of `node` fires, in cluster time; inf where none will, or it is not known."""
    if node.state is CMState.LEADER or not trail.bugs:
        return math.inf if node.state is CMState.LEADER else node.deadline
    for record in trail.backwards(node.id, decisions.WriteDelayed):  # a late write sets the deadline, too
        if record.incarnation != node.incarnation or record.time + WRITE_DELAY < node.deadline:
            break
        if math.isclose(record.time + WRITE_DELAY, node.deadline):
            return math.inf
    return node.deadline


def vote_of(trail: EventIndex, voter: int, candidate: int, term: int, *, before: int = LATEST) -> Verdict | None:
    """Return the vote of `voter` for `candidate` in `term`; None where there was none, or it is forgotten."""

    def is_it(record: Record) -> bool:
        match record.event:
            case decisions.VoteDecided(args=args, granted=True):
                return not args.pre_vote and args.term == term and args.candidate_id == candidate
        return False

    found = trail.last(voter, decisions.VoteDecided, before=before, test=is_it)
    return None if found is None else ruling(trail, found)


def refused_by(asked: Asked) -> Verdict | None:
    """Return the denial of a vote request, None where it was not denied."""
    ruled = None if asked.journey is None else asked.journey.ruling
    return ruled if ruled is not None and not ruled.yes else None


def may_still_vote(asked: Asked) -> bool:
    """Return whether a requested vote may still come: it is neither counted nor denied nor lost on the way."""
    journey = asked.journey
    if journey is None or asked.counted:
        return not asked.counted
    return journey.again or (journey.stage in MOVING and refused_by(asked) is None)
