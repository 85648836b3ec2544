"""Why there is no leader: who is alive, who reaches whom, who requests votes, who voted, whose timer fires."""

import math
from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.messages import NONE, CMState
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.causes import Cause, cause_of
from raftplay.why.elections import Asked, Candidacy, candidacy, may_still_vote, timer_of
from raftplay.why.index import UNNAMED, EventIndex
from raftplay.why.network import Obstacle
from raftplay.why.verdicts import judge_log

Reason = Literal[
    "there is one", "too few live", "too few meet", "logs refused", "split vote", "election lost",
    "election under way",     "asking first", "waiting",
]  # fmt: skip
"""The reasons why there is no leader, in the order in which they are checked."""

UNJUDGED = ("no-log-check", "longer-log-wins", UNNAMED)
"""The bugs with which a log that the correct algorithm rejects may win; an unnamed one may be any."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The nodes that a live node could reach now: `meets` are the others that it can send to and hear from.

    `supporters`: those of them that do not deny it their vote for its log (§5.4.1). `obstacles` are what lies
    between it and the rest.
    """

    node: int
    meets: tuple[int, ...]
    supporters: tuple[int, ...]
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class LastLeader:
    """The last leader in the history, and how that ended: "crashed", "cut off", "stepped down", "" if it did not.

    `rule` and `cause` are those of the step down.
    """

    node: int
    term: int
    end: Literal["", "crashed", "cut off", "stepped down"]
    time: float
    rule: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class QuorumFacts:
    """The facts about whether there is a leader, and why there is none.

    `reason` is the first that holds. `leader` is (node, term) of the leader, if there is one. `pretenders` lead
    too, but are cut off or of a lower term. `alive` are the live nodes, `needed` how many are a majority. `term`
    is the highest of them, `ballot` who voted for whom in it, as (voter, candidate). `candidacies` are the
    elections in progress, pre-votes (thesis §9.6) among them. `next_timer`: (node, cluster time) of the election
    timer that fires next; None where none will, or it is not known. `forgets`: the history has forgotten its first
    events.
    """

    reason: Reason
    leader: tuple[int, int] | None
    pretenders: tuple[tuple[int, int], ...]
    alive: tuple[int, ...]
    needed: int
    standings: tuple[Standing, ...]
    term: int
    ballot: tuple[tuple[int, int], ...]
    candidacies: tuple[Candidacy, ...]
    next_timer: tuple[int, float] | None
    last_leader: LastLeader | None
    forgets: bool


def quorum_facts(trail: EventIndex) -> QuorumFacts:
    """Return whether there is a leader, and why there is none."""
    snapshot = trail.snapshot
    live = [node for node in snapshot.nodes if node.alive]
    leaders = [(node.id, node.current_term) for node in live if node.state is CMState.LEADER]
    leader = None if snapshot.leader is None else (snapshot.leader.id, snapshot.leader.current_term)
    standings = tuple(_standing(trail, node) for node in live)
    term = max((node.current_term for node in live), default=0)
    ballot = tuple((n.id, n.voted_for) for n in live if n.current_term == term and n.voted_for != NONE)
    candidacies = tuple(found for node in live if (found := candidacy(trail, node.id)) is not None)
    needed = trail.majority
    return QuorumFacts(
        reason="there is one" if leader else _reason(trail, standings, needed, ballot, candidacies),
        leader=leader,
        pretenders=tuple(found for found in leaders if found != leader),
        alive=tuple(node.id for node in live),
        needed=needed,
        standings=standings,
        term=term,
        ballot=ballot,
        candidacies=candidacies,
        next_timer=_next_timer(trail, live),
        last_leader=_last_leader(trail),
        forgets=trail.forgets,
    )


def _standing(trail: EventIndex, node: NodeSnapshot) -> Standing:
    nodes = trail.snapshot.nodes
    meets, obstacles = trail.links.around(node.id)
    return Standing(node.id, meets, tuple(peer for peer in meets if not _refuses(nodes[peer], node)), obstacles)


def _refuses(voter: NodeSnapshot, node: NodeSnapshot) -> bool:
    """Return whether `voter` would deny `node` its vote for its log (§5.4.1)."""
    return bool(judge_log(_last_term(node), len(node.log) - 1, _last_term(voter), len(voter.log) - 1))


def _last_term(node: NodeSnapshot) -> int:
    return node.log[-1].term if node.log else NONE


def _reason(
    trail: EventIndex,
    standings: tuple[Standing, ...],
    needed: int,
    ballot: tuple[tuple[int, int], ...],
    candidacies: tuple[Candidacy, ...],
) -> Reason:
    if len(standings) < needed:
        return "too few live"
    if all(len(standing.meets) + 1 < needed for standing in standings):
        return "too few meet"
    sound = not set(UNJUDGED) & set(trail.bugs)
    if sound and all(len(standing.supporters) + 1 < needed for standing in standings):
        return "logs refused"
    elections = [found for found in candidacies if not found.pre_vote]
    if not elections:
        return "asking first" if candidacies else "waiting"
    if any(_may_win(trail, election) for election in elections):
        return "election under way"
    return "split vote" if len({candidate for _, candidate in ballot}) > 1 else "election lost"


def _may_win(trail: EventIndex, election: Candidacy) -> bool:
    """Return whether the votes so far and those that may still come suffice; votes are requested once a term."""
    votes = {election.node, *election.votes}
    votes.update(a.peer for a in election.asked if _may_come(trail.snapshot.nodes[a.peer], a, election))
    return len(votes) >= election.needed


def _may_come(voter: NodeSnapshot, asked: Asked, election: Candidacy) -> bool:
    if not may_still_vote(asked):
        return False
    if asked.journey is not None and asked.journey.ruling is not None:
        return True
    if voter.current_term != election.term:
        return voter.current_term < election.term
    return voter.voted_for in (NONE, election.node)


def _next_timer(trail: EventIndex, live: list[NodeSnapshot]) -> tuple[int, float] | None:
    when, id = min(
        ((timer_of(trail, node), node.id) for node in live if not node.frozen), default=(math.inf, NONE)
    )
    return (id, when) if math.isfinite(when) else None


def _last_leader(trail: EventIndex) -> LastLeader | None:
    """Return who won an election last, and how its leadership ended."""
    won = [
        record
        for node in trail.snapshot.nodes
        if (record := trail.last(node.id, decisions.BecameLeader)) is not None
    ]
    if not won:
        return None
    last = max(won, key=lambda record: record.seq)
    event = last.event
    assert isinstance(event, decisions.BecameLeader)
    ends = trail.next(
        last.node,
        facts.Crashed,
        facts.Disconnected,
        decisions.BecameFollower,
        after=last.seq,
        test=_ends_leadership,
    )
    if ends is None:
        return LastLeader(last.node, event.term, "", last.time)
    match ends.event:
        case facts.Crashed():
            return LastLeader(last.node, event.term, "crashed", ends.time)
        case decisions.BecameFollower(rule=rule):
            return LastLeader(last.node, event.term, "stepped down", ends.time, rule, cause_of(trail, ends))
    return LastLeader(last.node, event.term, "cut off", ends.time)


def _ends_leadership(record: Record) -> bool:
    return not isinstance(record.event, decisions.BecameFollower) or record.event.was is CMState.LEADER
