"""Why a node is in its state: whose votes made it leader, whom it follows, what its disk holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.past.links import Obstacle
from raftplay.past.story import Firing, Ignored, RoleChange, Story, VoteCast
from raftplay.past.transfers import PastTransfer
from raftplay.raft import decisions
from raftplay.raft.decisions import NodeState
from raftplay.raft.messages import NONE, CMState, CompactedEntry, Entry
from raftplay.watch.facts import Record
from raftplay.why.facts.elections import ElectionUnderWay, candidacy, timer_of
from raftplay.why.facts.snapshots import KeptFacts, SendingFacts, incoming, kept_facts, sendings
from raftplay.why.facts.verdicts import NodeVerdict, verdict_of


@dataclass(frozen=True, slots=True)
class NodeFaults:
    """The faults of a live node; the times are None where the history no longer has them.

    `group` is its group of a partition, empty without one. `earlier_life`: when an earlier process of the node
    last acted, though it had crashed; None where none did. `write` is its write that waits for its disk.
    """

    frozen_since: float | None
    cut_off_since: float | None
    group: tuple[int, ...]
    earlier_life: float | None
    write: Record | None = None


@dataclass(frozen=True, slots=True)
class LeaderFacts:
    """A leader. `since` and `firing` are None where the history no longer has its election.

    `needed` is the number of votes that is enough. `grants`: how each whose vote it counted decided (None for its
    own vote, and where no vote for it in that term is known). `reached`: the others that it can send requests to
    and hear from; `obstacles`: what lies between it and the rest. `rival` is who leads a higher term, or this one
    too, as (node, term). `patience`: with checkquorum, the seconds for which it leads on without a majority's
    replies. `transfer` is that of its leadership, under way or the last one. `kept` is the snapshot before its
    log, `sendings` are those that it sends.
    """

    now: NodeSnapshot
    since: float | None
    firing: Firing | None
    needed: int
    grants: tuple[NodeVerdict | None, ...]
    reached: tuple[int, ...]
    obstacles: tuple[Obstacle, ...]
    rival: tuple[int, int] | None
    ignored: Ignored | None
    faults: NodeFaults
    patience: float | None
    transfer: PastTransfer | None
    kept: KeptFacts | None
    sendings: tuple[SendingFacts, ...]

    @property
    def has_majority(self) -> bool:
        """Return whether the leader can still hear from a majority, which it belongs to."""
        return not self.now.frozen and len(self.reached) + 1 >= self.needed


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """A candidate. `deadline`: when its timer fires again, in cluster time (inf where that is not known)."""

    now: NodeSnapshot
    candidacy: ElectionUnderWay
    ignored: Ignored | None
    deadline: float
    faults: NodeFaults


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
    """A follower. `followed_since`: since when it follows its leader, in this term.

    `leader_now`: that node still leads this term. `heard` is the last AppendEntries of a leader that it answered,
    or the record of the last part of a snapshot that came from one. `role` is how it became a follower, `entered`
    how it came to its term as one (None where it came to its term as a candidate). `vote` is its vote in this
    term, with its `verdict`; `lost_vote` one that it gave in this term and does not know of. `asking`: it asks
    whether it could win (thesis §9.6). `gap` compares its log with that of its leader. `deadline` is when its
    timer fires, in cluster time (inf where that is not known). `told` is a TimeoutNow that it refused. `kept` is
    the snapshot before its log, `incoming` one that it has a part of, `ignored` one that it ignored.
    """

    now: NodeSnapshot
    leader_now: bool
    followed_since: float | None
    heard: NodeVerdict | Record | None
    role: RoleChange | None
    entered: RoleChange | None
    vote: VoteCast | None
    verdict: NodeVerdict | None
    lost_vote: VoteCast | None
    asking: ElectionUnderWay | None
    gap: LogGap | None
    deadline: float
    faults: NodeFaults
    told: Record | None
    kept: KeptFacts | None
    incoming: Record | None
    ignored: Record | None


@dataclass(frozen=True, slots=True)
class DownFacts:
    """A node that is down since `since` (None: forgotten); `disk` shows what its disk holds.

    `was` is its state before, None if that is forgotten. `torn`: it crashed in the middle of a write, of which the
    disk may hold a part. `acts`: when its process last acted after it had crashed, which it must not.
    """

    since: float | None
    was: NodeState | None
    disk: NodeSnapshot
    torn: bool
    acts: float | None


NodeFacts = LeaderFacts | CandidateFacts | FollowerFacts | DownFacts


def node_facts(events: EventIndex, node: NodeSnapshot) -> NodeFacts:
    """Return why `node` is in its state."""
    story, asking = events.story(node.id), candidacy(events, node)
    if not node.alive:
        torn = story.is_tearing and story.is_changed and not node.wiped
        return DownFacts(story.crashed, story.was, node, torn, story.acted)
    if node.state is CMState.LEADER:
        return leader_facts(events, node)
    if asking is None or asking.pre_vote:
        return _follower(events, node, story, asking)
    return CandidateFacts(node, asking, story.ignored, timer_of(events, node), _faults(events, node))


def leader_facts(events: EventIndex, node: NodeSnapshot) -> LeaderFacts:
    """Return why `node` leads."""
    term, story = node.current_term, events.story(node.id)
    led, stood = story.leadership, story.stood
    in_reach, obstacles = events.links.around(node.id)
    rivals = [
        (other.current_term, other.id)
        for other in events.snapshot.nodes
        if other is not node and other.alive and other.state is CMState.LEADER and other.current_term >= term
    ]
    return LeaderFacts(
        now=node,
        since=led.time if led is not None and led.term == term else None,
        firing=stood.firing if stood is not None and stood.term == term else None,
        needed=events.needed,
        grants=tuple(_grant(events, voter, node.id, term) for voter in node.votes),
        reached=in_reach,
        obstacles=obstacles,
        rival=(max(rivals)[1], max(rivals)[0]) if rivals else None,
        ignored=story.ignored,
        faults=_faults(events, node),
        patience=story.options.election_min if story.options is not None and story.options.checkquorum else None,
        transfer=_transfer(node, story),
        kept=kept_facts(events, node),
        sendings=sendings(events, node),
    )


def _transfer(node: NodeSnapshot, story: Story) -> PastTransfer | None:
    """Return the transfer under way at a leader, or the last one of its leadership; None if there was none."""
    known, target = story.transfer, node.transferring_to
    if target == NONE:
        return None if known is None or known.ended is None else known
    known = known if known is not None and known.target == target else PastTransfer(target)
    return replace(known, ended=None, rule="")


def _grant(events: EventIndex, voter: int, candidate: int, term: int) -> NodeVerdict | None:
    """Return the vote for `candidate` in `term`; None where there was none, or it is forgotten."""
    votes = [vote for vote in events.story(voter).votes[term] if vote.candidate == candidate]
    return verdict_of(events, votes[-1].decided) if votes else None


def _follower(
    events: EventIndex, node: NodeSnapshot, story: Story, asking: ElectionUnderWay | None
) -> FollowerFacts:
    term = node.current_term
    leader = events.snapshot.nodes[node.leader_id] if node.leader_id != NONE else None
    leads = leader is not None and leader.alive and leader.state is CMState.LEADER and leader.current_term == term
    entered, vote = story.entered, _vote(node, story)
    return FollowerFacts(
        now=node,
        leader_now=leads,
        followed_since=None if leader is None else story.followed_since,
        heard=_heard(events, story),
        role=story.role,
        entered=entered if entered is not None and entered.term == term else None,
        vote=vote,
        verdict=None if vote is None else verdict_of(events, vote.decided),
        lost_vote=_lost_vote(node, story),
        asking=asking,
        gap=log_gap(node.log, leader.log) if leads and leader is not None else None,
        deadline=timer_of(events, node),
        faults=_faults(events, node),
        told=story.told,
        kept=kept_facts(events, node),
        incoming=incoming(events, node),
        ignored=story.snapshots.ignored,
    )


def _heard(events: EventIndex, story: Story) -> NodeVerdict | Record | None:
    record = story.heard
    if record is None or isinstance(record.event, decisions.AppendDecided | decisions.ConfirmDecided):
        return verdict_of(events, record)
    return record


def _vote(node: NodeSnapshot, story: Story) -> VoteCast | None:
    """Return the vote of `node` in its term, as the node knows it; None if it knows of none."""
    if node.voted_for == NONE:
        return None
    cast = [vote for vote in story.votes[node.current_term] if vote.candidate == node.voted_for]
    vote = cast[-1] if cast else VoteCast(node.voted_for, node.current_term)
    started = story.started
    known = started is not None and (started.current_term, started.voted_for) == (vote.term, vote.candidate)
    return replace(vote, from_disk=known)


def _lost_vote(node: NodeSnapshot, story: Story) -> VoteCast | None:
    """Return a vote that `node` gave in its term and no longer knows of, which must not be."""
    votes = story.votes[node.current_term]
    lost = [vote for vote in votes if vote.happened and vote.candidate != node.voted_for]
    return lost[-1] if lost else None


def log_gap(own: Sequence[Entry], leader: Sequence[Entry]) -> LogGap:
    """Compare the log `own` with that of a leader, as far as both still have their entries."""
    for at, (one, other) in enumerate(zip(own, leader, strict=False)):
        if isinstance(one, CompactedEntry) or isinstance(other, CompactedEntry):
            continue
        if one is not other and one != other:
            return LogGap("conflict", at, one.term, other.term)
    if len(own) == len(leader):
        return LogGap("same", len(own))
    return LogGap("behind" if len(own) < len(leader) else "ahead", min(len(own), len(leader)))


def _faults(events: EventIndex, node: NodeSnapshot) -> NodeFaults:
    story = events.story(node.id)
    group = next((group for group in events.snapshot.groups if node.id in group), ())
    return NodeFaults(story.frozen_since, story.cut_off_since, group, story.earlier_life, story.write)
