"""Why an entry is not committed, or how it was: who has it, who leads, and what the leader waits for."""

from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.commands import same_command
from raftplay.raft.messages import NONE, AppendEntriesArgs, CMState, CommitEntry, LogEntry
from raftplay.watch.facts import Record
from raftplay.why.calls import MOVING, Journey, journey, sent_calls
from raftplay.why.followers import LogGap, log_gap
from raftplay.why.index import UNNAMED, EventIndex
from raftplay.why.network import Obstacle

COMMIT_OLD_TERM = "commit-old-term"

EntryFate = Literal[
    "committed", "was committed", "nowhere", "no leader", "not the leader's", "older term", "not written",
    "too few", "not acknowledged",
]  # fmt: skip
"""The reasons, in the order in which they are checked."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the index by `node`: `replicas` are those that it counted (empty where the leader told it).

    `counted_to` is the index up to which it committed, `entry_term` the term of the entry there (-1 where that is
    not known), `term` the node's own. `applied` is the command that it applied for the index, None where the
    history no longer has it.
    """

    node: int
    time: float
    rule: str
    replicas: tuple[int, ...]
    counted_to: int
    entry_term: int
    term: int
    applied: CommitEntry | None

    def is_of(self, entry: LogEntry) -> bool:
        """Return whether the committed command is, as far as is known, the one of `entry`."""
        return self.applied is None or same_command(self.applied.command, entry.command)


@dataclass(frozen=True, slots=True)
class Holding:
    """The entry of a node at the index, in its log or, if it is down, on its disk; None where its log ends before.

    `commits`: the node is alive and knows that the index is committed.
    """

    node: int
    alive: bool
    entry: LogEntry | None
    length: int
    commits: bool


@dataclass(frozen=True, slots=True)
class PeerProgress:
    """The state of a follower for the leader's entry, and what keeps entry or acknowledgement away.

    `counted`: the leader knows that the follower has it. `gap` compares the two logs. `obstacle` lies between the
    two now. `journey` is the RPC with the entry, or the one whose response would confirm it, None if there was
    none.
    """

    node: int
    has: bool
    counted: bool
    gap: LogGap
    obstacle: Obstacle | None
    journey: Journey | None


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """The facts about whether `index` is committed, and why not.

    `outcome` is the first reason that holds. `entry` is what stands at the index: the entry that is committed,
    else the leader's, else that of the highest term. `holdings` are those of all nodes, `holders` the nodes that
    have `entry`. `decider`: the index that the leader must commit by counting for this one to be committed, -1
    where it has none of its own term; the index itself where it is committed. `shares` compare the others with the
    leader there. `leader` is (node, term). `pretenders` are other leaders, as (node, term). `written`: the entry
    is on the leader's own disk.
    """

    index: int
    outcome: EntryFate
    entry: LogEntry | None
    committed_on: tuple[int, ...]
    commit: Commit | None
    holdings: tuple[Holding, ...]
    holders: tuple[int, ...]
    leader: tuple[int, int] | None
    pretenders: tuple[tuple[int, int], ...]
    needed: int
    decider: int = NONE
    shares: tuple[PeerProgress, ...] = ()
    written: bool = True

    @property
    def disagree(self) -> bool:
        """Return whether nodes have committed different entries at the index."""
        committed = [holding.entry for holding in self.holdings if holding.commits]
        return any(entry != committed[0] for entry in committed)


def index_facts(trail: EventIndex, index: int) -> IndexFacts:
    """Return whether `index` is committed, and why not."""
    snapshot = trail.snapshot
    leader = snapshot.leader
    holdings = tuple(_holding(node, index) for node in snapshot.nodes)
    committed_on = tuple(holding.node for holding in holdings if holding.commits)
    commit = _first_commit(trail, index)
    entry = _subject(holdings, leader)
    decider = _decider(trail, leader, index, is_committed=bool(committed_on))
    shares = () if leader is None or decider == NONE else _shares(trail, leader, decider)
    return IndexFacts(
        index=index,
        outcome=_outcome(trail, holdings, commit, decider, shares),
        entry=entry,
        committed_on=committed_on,
        commit=commit,
        holdings=holdings,
        holders=tuple(holding.node for holding in holdings if entry is not None and holding.entry == entry),
        leader=None if leader is None else (leader.id, leader.current_term),
        pretenders=_pretenders(trail, leader),
        needed=trail.majority,
        decider=decider,
        shares=shares,
        written=leader is None or decider == NONE or _is_written(trail, leader, decider),
    )


def _holding(node: NodeSnapshot, index: int) -> Holding:
    entry = node.log[index] if index < len(node.log) else None
    return Holding(node.id, node.alive, entry, len(node.log), node.alive and node.commit_index >= index)


def _subject(holdings: tuple[Holding, ...], leader: NodeSnapshot | None) -> LogEntry | None:
    """Return the entry that the answer is about."""

    def rank(holding: Holding) -> tuple[bool, bool, int, bool]:
        term = holding.entry.term if holding.entry is not None else NONE
        return holding.commits, leader is not None and holding.node == leader.id, term, holding.alive

    best = max((holding for holding in holdings if holding.entry is not None), key=rank, default=None)
    return None if best is None else best.entry


def _decider(trail: EventIndex, leader: NodeSnapshot | None, index: int, *, is_committed: bool) -> int:
    """Return the first index from `index` on at which the leader has an entry of its own term (§5.4.2)."""
    if leader is None:
        return NONE
    log = leader.log
    if is_committed or _counts_any_term(trail):
        return index if index < len(log) else NONE
    return next((at for at in range(index, len(log)) if log[at].term == leader.current_term), NONE)


def _outcome(
    trail: EventIndex,
    holdings: tuple[Holding, ...],
    commit: Commit | None,
    decider: int,
    shares: tuple[PeerProgress, ...],
) -> EntryFate:
    leader = trail.snapshot.leader
    if any(holding.commits for holding in holdings):
        return "committed"
    if commit is not None:
        return "was committed"
    if all(holding.entry is None for holding in holdings):
        return "nowhere"
    if leader is None:
        return "no leader"
    if holdings[leader.id].entry is None:
        return "not the leader's"
    having, needed = 1 + sum(share.has for share in shares), trail.majority
    if decider == NONE or (_is_older(leader, decider) and 1 + sum(share.counted for share in shares) >= needed):
        return "older term"
    if not _is_written(trail, leader, decider):
        return "not written"
    return "too few" if having < needed else "not acknowledged"


def _is_older(leader: NodeSnapshot, index: int) -> bool:
    return leader.log[index].term < leader.current_term


def _counts_any_term(trail: EventIndex) -> bool:
    """Return whether a leader may commit an entry of any term by counting, with this bug or an unnamed one."""
    return bool({COMMIT_OLD_TERM, UNNAMED} & set(trail.bugs))


def _pretenders(trail: EventIndex, leader: NodeSnapshot | None) -> tuple[tuple[int, int], ...]:
    return tuple(
        (node.id, node.current_term)
        for node in trail.snapshot.nodes
        if node.alive and node.state is CMState.LEADER and node is not leader
    )


def _is_written(trail: EventIndex, leader: NodeSnapshot, index: int) -> bool:
    """Return whether the leader's own disk has its entry: before that it does not count itself."""
    changed = trail.last(leader.id, decisions.EntryAppended, life=leader.incarnation)
    if changed is None:
        return True
    written = trail.last(leader.id, decisions.Persisted, life=leader.incarnation)
    if written is not None and written.seq > changed.seq:
        return True
    event = None if written is None else written.event
    return isinstance(event, decisions.Persisted) and index < event.start + len(event.entries)


def _first_commit(trail: EventIndex, index: int) -> Commit | None:
    """Return the first commit of the index by any node, as far as the history goes."""
    found: Record | None = None
    for node in trail.snapshot.nodes:
        record = trail.next(node.id, decisions.CommitAdvanced, after=0, test=lambda r: _commits_to(r) >= index)
        if record is not None and (found is None or record.seq < found.seq):
            found = record
    if found is None:
        return None
    event = found.event
    assert isinstance(event, decisions.CommitAdvanced)
    applied = trail.next(found.node, decisions.Applied, after=found.seq, test=lambda r: _applies(r) == index)
    return Commit(
        node=found.node,
        time=found.time,
        rule=event.rule,
        replicas=event.replicas,
        counted_to=event.index,
        entry_term=_term_at(trail, found, event.index),
        term=found.after.current_term if found.after is not None else NONE,
        applied=applied.event.entry
        if applied is not None and isinstance(applied.event, decisions.Applied)
        else None,
    )


def _term_at(trail: EventIndex, committed: Record, index: int) -> int:
    """Return the term of the entry at `index` in the log of the node that had `committed` it; -1 if forgotten."""

    def covers(record: Record) -> bool:
        match record.event:
            case decisions.EntryAppended(index=at):
                return at == index
            case decisions.EntriesStored(index=start, entries=entries):
                return start <= index < start + len(entries)
            case decisions.Started(entries=entries):
                return index < len(entries)
        return False

    kinds = (decisions.EntryAppended, decisions.EntriesStored, decisions.Started)
    record = trail.last(committed.node, *kinds, before=committed.seq, life=committed.incarnation, test=covers)
    match None if record is None else record.event:
        case decisions.EntryAppended(entry=entry):
            return entry.term
        case decisions.EntriesStored(index=start, entries=entries):
            return entries[index - start].term
        case decisions.Started(entries=entries):
            return entries[index].term
    return NONE


def _applies(record: Record) -> int:
    return record.event.entry.index if isinstance(record.event, decisions.Applied) else NONE


def _commits_to(record: Record) -> int:
    return record.event.index if isinstance(record.event, decisions.CommitAdvanced) else NONE


# ---- the leader and the others


def _shares(trail: EventIndex, leader: NodeSnapshot, index: int) -> tuple[PeerProgress, ...]:
    matched = dict(leader.match_index)
    return tuple(
        _share(trail, leader, peer, index, matched.get(peer.id, NONE))
        for peer in trail.snapshot.nodes
        if peer.id != leader.id
    )


def _share(trail: EventIndex, leader: NodeSnapshot, peer: NodeSnapshot, index: int, matched: int) -> PeerProgress:
    has = index < len(peer.log) and peer.log[index] == leader.log[index]
    return PeerProgress(
        node=peer.id,
        has=has,
        counted=matched >= index,
        gap=log_gap(peer.log, leader.log),
        obstacle=trail.links.answer_obstacle(leader.id, peer.id),
        journey=None if matched >= index else _append_under_way(trail, leader, peer, index, has=has),
    )


def _append_under_way(
    trail: EventIndex, leader: NodeSnapshot, peer: NodeSnapshot, index: int, *, has: bool
) -> Journey | None:
    """Return the RPC that brings the entry, or, where `peer` has it, one whose success would confirm it.

    An RPC that may still proceed comes before the last one.
    """
    led = trail.last(leader.id, decisions.BecameLeader, life=leader.incarnation)
    after = 0 if led is None else led.seq
    latest: Journey | None = None
    for record, event in sent_calls(trail, leader.id, peer.id, after=after):
        if not isinstance(event.args, AppendEntriesArgs) or not _vouches_for(event.args, leader, index):
            continue
        if not has and event.args.prev_log_index >= index:
            continue
        if latest is None or trail.flights(event.call_id):
            found = journey(trail, record, event)
            if found.stage in MOVING:
                return found
            latest = latest or found
    return latest


def _vouches_for(args: AppendEntriesArgs, leader: NodeSnapshot, index: int) -> bool:
    return args.term == leader.current_term and args.prev_log_index + len(args.entries) >= index
