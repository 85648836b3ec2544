"""Why a node follows: how it became a follower, whom it follows, and whom it voted for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.messages import NONE, CMState, LogEntry
from raftplay.watch.facts import Record
from raftplay.why.causes import Cause, cause_of
from raftplay.why.elections import Candidacy, candidacy, timer_of
from raftplay.why.faults import NodeFaults, plight
from raftplay.why.index import EventIndex, Test
from raftplay.why.verdicts import Verdict, came_to_pass, heard_leader, ruling


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote of a node in a term, and when it was cast (None where that is forgotten).

    `ruling` is how it decided; None for itself, or where that is forgotten. `from_disk`: the node has restarted
    since, and knows its vote from its disk.
    """

    candidate: int
    term: int
    time: float | None
    ruling: Verdict | None
    from_disk: bool = False


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A change by which a node became a follower, or a follower changed its term. `old_term` was its term before.

    `was` is its role before, None for a node that started then. `cause` is the message that did it, None where
    that is not known.
    """

    time: float
    was: CMState | None
    old_term: int
    term: int
    rule: str
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class LogGap:
    """A comparison of a log with the leader's, and the first index at which they differ.

    `own_term` and `leader_term` are the terms of the two entries there, where they conflict.
    """

    kind: Literal["same", "behind", "ahead", "conflict"]
    at: int
    own_term: int = NONE
    leader_term: int = NONE


@dataclass(frozen=True, slots=True)
class FollowerFacts:
    """A follower. `leader` is the node it follows, -1 if none; `followed_since` is since when, in this term.

    `leader_now`: that node still leads this term. `heard` is the last AppendEntries of a leader that it answered.
    `role` is how it became a follower, `entered` how it came to its term as one (the same where that was one step;
    None where it came to its term as a candidate). `vote` is its vote in this term; `lost_vote` one that it gave
    in this term and does not know of. `asking`: it asks whether it could win (thesis §9.6). `gap` compares its log
    with that of the leader it follows. `deadline` is when its timer fires, in cluster time (inf where that is not
    known).
    """

    node: int
    term: int
    leader: int
    leader_now: bool
    followed_since: float | None
    heard: Verdict | None
    role: RoleChange | None
    entered: RoleChange | None
    vote: VoteCast | None
    lost_vote: VoteCast | None
    asking: Candidacy | None
    last_index: int
    last_term: int
    commit_index: int
    gap: LogGap | None
    deadline: float
    plight: NodeFaults


def follower_facts(trail: EventIndex, node: NodeSnapshot) -> FollowerFacts:
    """Return why `node` follows."""
    id, term = node.id, node.current_term
    leader = trail.snapshot.nodes[node.leader_id] if node.leader_id != NONE else None
    leads = leader is not None and leader.alive and leader.state is CMState.LEADER and leader.current_term == term
    heard = trail.last(id, decisions.AppendDecided, life=node.incarnation, test=heard_leader)
    vote = vote_in_term(trail, node)
    return FollowerFacts(
        node=id,
        term=term,
        leader=node.leader_id,
        leader_now=leads,
        followed_since=_followed_since(trail, node),
        heard=None if heard is None else ruling(trail, heard),
        role=_turn(trail, node, _changes_role),
        entered=_entered(trail, node),
        vote=vote,
        lost_vote=_lost_vote(trail, node) if trail.bugs else None,
        asking=candidacy(trail, id),
        last_index=len(node.log) - 1,
        last_term=node.log[-1].term if node.log else NONE,
        commit_index=node.commit_index,
        gap=log_gap(node.log, leader.log) if leads and leader is not None else None,
        deadline=timer_of(trail, node),
        plight=plight(trail, id),
    )


def log_gap(own: Sequence[LogEntry], leader: Sequence[LogEntry]) -> LogGap:
    """Compare the log `own` with that of a leader."""
    for at, (one, other) in enumerate(zip(own, leader, strict=False)):
        if one is not other and one != other:
            return LogGap("conflict", at, one.term, other.term)
    if len(own) == len(leader):
        return LogGap("same", len(own))
    return LogGap("behind" if len(own) < len(leader) else "ahead", min(len(own), len(leader)))


def vote_in_term(trail: EventIndex, node: NodeSnapshot) -> VoteCast | None:
    """Return the vote of `node` in its term, as the node knows it; None if it knows of none."""
    if node.voted_for == NONE:
        return None
    found = trail.last(
        node.id,
        decisions.VoteDecided,
        decisions.ElectionStarted,
        test=lambda record: _voted_for(record, node.current_term) == node.voted_for,
    )
    vote = (
        _vote_from(trail, found) if found is not None else VoteCast(node.voted_for, node.current_term, None, None)
    )
    started = trail.event(node.id, decisions.Started, life=node.incarnation)
    known = started is not None and (started[1].current_term, started[1].voted_for) == (vote.term, vote.candidate)
    return VoteCast(vote.candidate, vote.term, vote.time, vote.ruling, from_disk=known)


def _lost_vote(trail: EventIndex, node: NodeSnapshot) -> VoteCast | None:
    """Return a vote that `node` gave in its term and no longer knows of, which takes a bug."""
    found = trail.last(
        node.id,
        decisions.VoteDecided,
        decisions.ElectionStarted,
        test=lambda r: _voted_for(r, node.current_term) not in (NONE, node.voted_for) and came_to_pass(trail, r),
    )
    return None if found is None else _vote_from(trail, found)


def _voted_for(record: Record, term: int) -> int:
    """Return for whom `record` is a vote in `term`; -1 for nobody."""
    match record.event:
        case decisions.VoteDecided(args=args, granted=True):
            return args.candidate_id if args.term == term and not args.pre_vote else NONE
        case decisions.ElectionStarted(term=own):
            return record.node if own == term else NONE
    return NONE


def _vote_from(trail: EventIndex, record: Record) -> VoteCast:
    event = record.event
    if isinstance(event, decisions.VoteDecided):
        return VoteCast(event.args.candidate_id, event.args.term, record.time, ruling(trail, record))
    assert isinstance(event, decisions.ElectionStarted)
    return VoteCast(record.node, event.term, record.time, None)


def _followed_since(trail: EventIndex, node: NodeSnapshot) -> float | None:
    """Return when `node` first heard of its leader in this term; None if it has none, or that is forgotten."""
    if node.leader_id == NONE:
        return None
    since: float | None = None
    followed: tuple[int, int] | None = None
    for record in trail.backwards(node.id, decisions.AppendDecided):
        event = record.event
        assert isinstance(event, decisions.AppendDecided)
        if record.incarnation != node.incarnation:
            return since
        if not heard_leader(record):
            continue
        followed = followed or (event.args.leader_id, event.args.term)
        if (event.args.leader_id, event.args.term) != followed:
            return since
        since = record.time
    kinds = decisions.BecameFollower, decisions.Started
    entered = trail.last(node.id, *kinds, life=node.incarnation, test=_knew_no_leader)
    return since if entered is not None else None


def _turn(trail: EventIndex, node: NodeSnapshot, fits: Test) -> RoleChange | None:
    """Return the last change to follower, or to another term, that passes the test `fits`."""
    record = trail.last(node.id, decisions.BecameFollower, decisions.Started, life=node.incarnation, test=fits)
    return None if record is None else _turn_of(trail, record)


def _entered(trail: EventIndex, node: NodeSnapshot) -> RoleChange | None:
    turn = _turn(trail, node, _changes_term)
    return turn if turn is not None and turn.term == node.current_term else None


def _knew_no_leader(record: Record) -> bool:
    """Return whether the node cannot have followed a leader of its term before; a pre-candidate may have."""
    was = record.event.was if isinstance(record.event, decisions.BecameFollower) else None
    return was is not CMState.PRE_CANDIDATE or _changes_term(record)


def _changes_role(record: Record) -> bool:
    return not isinstance(record.event, decisions.BecameFollower) or record.event.was is not CMState.FOLLOWER


def _changes_term(record: Record) -> bool:
    return not isinstance(record.event, decisions.BecameFollower) or record.event.old_term != record.event.term


def _turn_of(trail: EventIndex, record: Record) -> RoleChange:
    match record.event:
        case decisions.BecameFollower(was=was, old_term=old_term, term=term, rule=rule):
            return RoleChange(record.time, was, old_term, term, rule, cause_of(trail, record))
        case decisions.Started(current_term=term):
            return RoleChange(record.time, None, term, term, "", None)
    raise AssertionError(record)
