"""Why a node leads: whose votes made it leader, and whether it still hears from a majority."""

from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.messages import Args, CMState
from raftplay.watch.facts import Record
from raftplay.why.elections import Firing, firing, vote_of
from raftplay.why.faults import NodeFaults, plight
from raftplay.why.index import EventIndex
from raftplay.why.network import Obstacle
from raftplay.why.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Ignored:
    """The last response that a node ignored in its present role: from whom, to what, when, by which rule."""

    peer: int
    args: Args
    time: float
    rule: str


@dataclass(frozen=True, slots=True)
class LeaderFacts:
    """A leader. `since` and `firing` are None where the history no longer has its election.

    `votes` are those it counted, as it counted them; `needed` is the number that it took for enough. `grants`: how
    each voter decided (None for its own vote, and where no vote for it in that term is known). `reached`: the
    others that it can send requests to and hear from; `obstacles`: what lies between it and the rest. `rival` is
    who leads a higher term, or this one too, as (node, term).
    """

    node: int
    term: int
    since: float | None
    firing: Firing | None
    votes: tuple[int, ...]
    needed: int
    grants: tuple[Verdict | None, ...]
    reached: tuple[int, ...]
    obstacles: tuple[Obstacle, ...]
    rival: tuple[int, int] | None
    ignored: Ignored | None
    plight: NodeFaults

    @property
    def has_majority(self) -> bool:
        """Return whether the leader can still hear from a majority, which it belongs to."""
        return not self.plight.frozen and len(self.reached) + 1 >= self.needed


def leader_facts(trail: EventIndex, node: NodeSnapshot) -> LeaderFacts:
    """Return why `node` leads."""
    id, term, life = node.id, node.current_term, node.incarnation
    won = trail.event(id, decisions.BecameLeader, life=life, test=lambda r: _term_of(r) == term)
    stood = trail.last(id, decisions.ElectionStarted, life=life, test=lambda r: _term_of(r) == term)
    counted = trail.event(id, decisions.VoteCounted, life=life)
    votes = node.votes if won is None else won[1].votes
    in_reach, obstacles = trail.links.around(id)
    return LeaderFacts(
        node=id,
        term=term,
        since=None if won is None else won[0].time,
        firing=None if stood is None else firing(trail, stood),
        votes=votes,
        needed=trail.majority if counted is None else counted[1].needed,
        grants=tuple(None if voter == id else vote_of(trail, voter, id, term) for voter in votes),
        reached=in_reach,
        obstacles=obstacles,
        rival=_rival(trail, node),
        ignored=last_ignored(trail, node),
        plight=plight(trail, id),
    )


def last_ignored(trail: EventIndex, node: NodeSnapshot) -> Ignored | None:
    """Return the last response that `node` ignored since it took up its role, None if there was none."""
    role = trail.last(node.id, decisions.BecameLeader, decisions.ElectionStarted, life=node.incarnation)
    found = trail.event(node.id, decisions.ReplyIgnored, life=node.incarnation)
    if found is None or (role is not None and found[0].seq < role.seq):
        return None
    return Ignored(found[1].peer, found[1].args, found[0].time, found[1].rule)


def _term_of(record: Record) -> int:
    event = record.event
    return event.term if isinstance(event, decisions.BecameLeader | decisions.ElectionStarted) else -1


def _rival(trail: EventIndex, node: NodeSnapshot) -> tuple[int, int] | None:
    leaders = [
        (other.current_term, other.id)
        for other in trail.snapshot.nodes
        if other is not node
        and other.alive
        and other.state is CMState.LEADER
        and other.current_term >= node.current_term
    ]
    return (max(leaders)[1], max(leaders)[0]) if leaders else None
