"""Why there is no leader: who is alive, who reaches whom, who requests votes, who voted, whose timer fires."""

import math
from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.past.links import Obstacle
from raftplay.past.story import PastLeadership
from raftplay.raft import decisions
from raftplay.raft.messages import NONE, RequestVoteArgs
from raftplay.why.facts.elections import ElectionUnderWay, RequestFate, candidacy, timer_of
from raftplay.why.facts.verdicts import LogEnd

Reason = Literal[
    "there is one", "too few live", "too few meet", "logs refused", "split vote", "election lost",
    "election under way", "asking first", "waiting",
]  # fmt: skip
"""The reasons why there is no leader, in the order in which they are checked."""


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
class QuorumFacts:
    """The facts about whether there is a leader, and why there is none.

    `reason` is the first that holds. `leader` is (node, term) of the leader, if there is one. `alive` are the live
    nodes, `needed` how many are a majority. `term` is the highest of them, `ballot` who voted for whom in it, as
    (voter, candidate). `candidacies` are the elections in progress, pre-votes (thesis §9.6) among them.
    `next_timer`: (node, cluster time) of the election timer that fires next; None where none will, or it is not
    known. `forgets`: the history has forgotten its first events.
    """

    reason: Reason
    leader: tuple[int, int] | None
    alive: tuple[int, ...]
    needed: int
    standings: tuple[Standing, ...]
    term: int
    ballot: tuple[tuple[int, int], ...]
    candidacies: tuple[ElectionUnderWay, ...]
    next_timer: tuple[int, float] | None
    last_leader: PastLeadership | None
    forgets: bool


def quorum_facts(events: EventIndex) -> QuorumFacts:
    """Return whether there is a leader, and why there is none."""
    snapshot = events.snapshot
    live = [node for node in snapshot.nodes if node.alive]
    leader = None if snapshot.leader is None else (snapshot.leader.id, snapshot.leader.current_term)
    standings = tuple(_standing(events, node) for node in live)
    term = max((node.current_term for node in live), default=0)
    ballot = tuple((n.id, n.voted_for) for n in live if n.current_term == term and n.voted_for != NONE)
    candidacies = tuple(found for node in live if (found := candidacy(events, node)) is not None)
    timers = [(timer_of(events, node), node.id) for node in live if not node.frozen]
    when, next_node = min(timers, default=(math.inf, NONE))
    return QuorumFacts(
        reason="there is one" if leader else _reason(events, standings, ballot, candidacies),
        leader=leader,
        alive=tuple(node.id for node in live),
        needed=events.needed,
        standings=standings,
        term=term,
        ballot=ballot,
        candidacies=candidacies,
        next_timer=(next_node, when) if math.isfinite(when) else None,
        last_leader=_last_leader(events),
        forgets=events.view.forgotten > 0,
    )


def _last_leader(events: EventIndex) -> PastLeadership | None:
    for record, _ in reversed(events.of_kind(decisions.BecameLeader)):
        led = events.story(record.node).leadership
        if led is not None and led.seq == record.seq:  # else a process that had crashed led
            return led
    return None


def _standing(events: EventIndex, node: NodeSnapshot) -> Standing:
    meets, obstacles = events.links.around(node.id)
    args = RequestVoteArgs(node.current_term, node.id, node.last_index, node.last_term)
    voters = [events.snapshot.nodes[peer] for peer in meets]
    is_up_to_date = events.rules.is_up_to_date
    supporters = [v.id for v in voters if is_up_to_date(args, LogEnd(v.last_index, v.last_term))]
    return Standing(node.id, meets, tuple(supporters), obstacles)


def _reason(
    events: EventIndex,
    standings: tuple[Standing, ...],
    ballot: tuple[tuple[int, int], ...],
    candidacies: tuple[ElectionUnderWay, ...],
) -> Reason:
    if len(standings) < events.needed:
        return "too few live"
    if all(len(standing.meets) + 1 < events.needed for standing in standings):
        return "too few meet"
    if not events.snapshot.node and all(len(standing.supporters) + 1 < events.needed for standing in standings):
        return "logs refused"
    elections = [found for found in candidacies if not found.pre_vote]
    if not elections:
        return "asking first" if candidacies else "waiting"
    if any(_may_win(events, election) for election in elections):
        return "election under way"
    return "split vote" if len({candidate for _, candidate in ballot}) > 1 else "election lost"


def _may_win(events: EventIndex, election: ElectionUnderWay) -> bool:
    """Return whether the votes so far and those that may still come suffice; votes are requested once a term."""
    votes = {election.node, *election.votes}
    votes.update(asked.peer for asked in election.asked if _may_come(events, asked, election))
    return len(votes) >= election.needed


def _may_come(events: EventIndex, asked: RequestFate, election: ElectionUnderWay) -> bool:
    voter = events.snapshot.nodes[asked.peer]
    if not asked.may_still_vote or (asked.journey is not None and asked.journey.verdict is not None):
        return asked.may_still_vote
    is_free = events.rules.may_vote_for(election.node, voter.voted_for)
    return voter.current_term < election.term or (voter.current_term == election.term and is_free)
