"""Why an entry is not committed, or how it was: who has it, who leads, and what the leader waits for."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from raftplay.cluster.commits import FORGOTTEN
from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.past.links import Obstacle
from raftplay.raft import decisions
from raftplay.raft.commands import same_content
from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, CommitEntry, CompactedEntry, Entry
from raftplay.watch.facts import Record
from raftplay.why.facts.nodes import LogGap, log_gap
from raftplay.why.facts.rpcs import Journey, last_journey
from raftplay.why.facts.snapshots import SendingFacts, sending

EntryFate = Literal[
    "committed", "was committed", "nowhere", "no leader", "not the leader's", "older term", "not written",
    "too few", "not acknowledged",
]  # fmt: skip
"""The reasons, in the order in which they are checked."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the index, as `record` tells it: by which node, by which rule, up to which index.

    `entry_term` is the term of the entry up to which the node committed (-1 where that is not known). `applied` is
    the command that it applied for the index, None where the history no longer has it.
    """

    record: Record
    event: decisions.CommitAdvanced
    entry_term: int
    applied: CommitEntry | None = None

    def is_of(self, entry: Entry) -> bool:
        """Return whether the committed command is, as far as is known, the one of `entry`."""
        return self.applied is None or isinstance(entry, CompactedEntry) or same_content(self.applied, entry)


@dataclass(frozen=True, slots=True)
class PeerProgress:
    """The state of a follower for the leader's entry, and what keeps entry or acknowledgement away.

    `counted`: the leader knows that the follower has it. `gap` compares the two logs. `obstacle` lies between the
    two now. `journey` is the RPC with the entry, or the one whose response would confirm it, None if there was
    none. `sending` is a snapshot that the leader must send first, as its log has not what the follower needs next.
    """

    node: int
    has: bool
    counted: bool
    gap: LogGap
    obstacle: Obstacle | None
    journey: Journey | None
    sending: SendingFacts | None = None


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """The facts about whether `index` is committed, and why not.

    `outcome` is the first reason that holds. `entries` are those of the nodes at the index, in the log or, of a
    node that is down, on the disk; None where that ends before. `entry` is what stands there: the entry that is
    committed, else the leader's, else that of the highest term. `committed_on` are the live nodes that know that
    it is committed. `decider`: the index that the leader must commit by counting for this one to be committed, -1
    where it has none of its own term; the index itself where it is committed. `shares` compare the others with the
    leader there.
    """

    index: int
    outcome: EntryFate
    entry: Entry | None
    commit: Commit | None
    entries: tuple[Entry | None, ...]
    committed_on: tuple[int, ...]
    needed: int
    decider: int
    shares: tuple[PeerProgress, ...]

    @property
    def holders(self) -> tuple[int, ...]:
        """Return the nodes that have `entry`."""
        return tuple(id for id, entry in enumerate(self.entries) if entry is not None and entry == self.entry)

    @property
    def disagree(self) -> bool:
        """Return whether nodes have committed different entries at the index."""
        return any(self.entries[id] != self.entries[self.committed_on[0]] for id in self.committed_on)


class ForgottenEntry(CompactedEntry, frozen=True, gc=False):
    """A compacted entry whose command the list of commits no longer has, either."""


def index_facts(events: EventIndex, index: int) -> IndexFacts:
    """Return whether `index` is committed, and why not."""
    nodes, leader = events.snapshot.nodes, events.snapshot.leader
    entries = entries_at(nodes, index)
    committed_on = tuple(node.id for node in nodes if node.alive and node.commit_index >= index)
    decider = NONE if leader is None else _decider(events, leader, index, is_committed=bool(committed_on))
    shares: tuple[PeerProgress, ...] = ()
    if leader is not None and decider != NONE:
        shares = tuple(_share(events, leader, peer, decider) for peer in nodes if peer is not leader)
    commit = _first_commit(events, index)
    return IndexFacts(
        index=index,
        outcome="committed" if committed_on else _outcome(events, entries, commit, decider, shares),
        entry=_subject(events, entries, committed_on),
        commit=commit,
        entries=tuple(entries),
        committed_on=committed_on,
        needed=events.needed,
        decider=decider,
        shares=shares,
    )


def entries_at(nodes: Sequence[NodeSnapshot], index: int) -> list[Entry | None]:
    """Return the entry of each node at `index`; for a compacted one, the entry that the node has applied there."""
    found = [node.log[index] if index < len(node.log) else None for node in nodes]
    kept = [entry for entry in found if entry is not None and not isinstance(entry, CompactedEntry)]
    return [
        _applied(node, index, kept) if isinstance(entry, CompactedEntry) else entry
        for node, entry in zip(nodes, found, strict=True)
    ]


def _applied(node: NodeSnapshot, index: int, kept: list[Entry]) -> Entry:
    """Return what `node` has applied at `index`: one of `kept`, or else a command whose term is not known (-1).

    A node that is down has applied what others have. A live one may have compacted, by a bug, what it has not
    applied: then its command is not known either.
    """
    applied = node.commits[index] if index < len(node.commits) else None
    kept = [] if applied is None and node.alive else kept
    is_forgotten = applied is not None and applied.kind == FORGOTTEN.kind
    same = [entry for entry in kept if applied is None or is_forgotten or same_content(applied, entry)]
    unknown = CompactedEntry(None if applied is None else applied.command, NONE)
    if is_forgotten:
        unknown = ForgottenEntry(None, NONE)
    return max(same, key=lambda entry: entry.term, default=unknown)


def _subject(events: EventIndex, entries: list[Entry | None], committed_on: tuple[int, ...]) -> Entry | None:
    """Return the entry that the answer is about."""

    def rank(node: NodeSnapshot) -> tuple[bool, bool, int, bool]:
        entry = entries[node.id]
        term = NONE if entry is None else entry.term
        return node.id in committed_on, node is events.snapshot.leader, term, node.alive

    having = (node for node in events.snapshot.nodes if entries[node.id] is not None)
    return entries[max(having, key=rank, default=events.snapshot.nodes[0]).id]


def _decider(events: EventIndex, leader: NodeSnapshot, index: int, *, is_committed: bool) -> int:
    """Return the first index from `index` on that the leader may commit by counting (§5.4.2)."""
    log, term, may_commit = leader.log, leader.current_term, events.rules.may_commit
    any_term = is_committed or events.snapshot.node  # a user's own node may count entries of any term
    return next((at for at in range(index, len(log)) if any_term or may_commit(log[at].term, term)), NONE)


def _outcome(
    events: EventIndex,
    entries: list[Entry | None],
    commit: Commit | None,
    decider: int,
    shares: tuple[PeerProgress, ...],
) -> EntryFate:
    """Return the first reason of `EntryFate` that holds while no live node knows that the index is committed."""
    leader, needed = events.snapshot.leader, events.needed
    if commit is not None:
        return "was committed"
    if all(entry is None for entry in entries):
        return "nowhere"
    if leader is None:
        return "no leader"
    if entries[leader.id] is None:
        return "not the leader's"
    counted = 1 + sum(share.counted for share in shares)
    if decider == NONE or (leader.log[decider].term < leader.current_term and counted >= needed):
        return "older term"
    story = events.story(leader.id)
    if story.has_unwritten and decider >= (story.written or 0):
        return "not written"  # on its own disk: before that a leader does not count itself
    return "too few" if 1 + sum(share.has for share in shares) < needed else "not acknowledged"


def _first_commit(events: EventIndex, index: int) -> Commit | None:
    """Return the first commit of the index by any node, as far as the history goes."""
    commits = [one for one in events.of_kind(decisions.CommitAdvanced) if one[1].index >= index]
    if not commits:
        return None
    record, event = commits[0]
    applied = (
        one.entry
        for each, one in events.of_kind(decisions.Applied)
        if each.node == record.node and each.seq > record.seq and one.entry.index == index
    )
    return Commit(record, event, _term_before(events, record, event.index), next(applied, None))


def _term_before(events: EventIndex, record: Record, index: int) -> int:
    """Return the term of the entry that a node had at `index` before `record`; -1 where that is forgotten."""
    earlier = events.of(record.node)
    for each in reversed(earlier[: bisect_left(earlier, record.seq, key=attrgetter("seq"))]):
        event: object = each.event
        match event:
            case decisions.EntryAppended(index=at, entry=entry) if at == index:
                return entry.term
            case decisions.EntriesStored(index=start, entries=entries) if start <= index < start + len(entries):
                return entries[index - start].term
            case decisions.Started(entries=entries, base_index=base):
                return entries[index - base - 1].term if base < index <= base + len(entries) else NONE
    return NONE


# ---- the leader and the others


def _share(events: EventIndex, leader: NodeSnapshot, peer: NodeSnapshot, index: int) -> PeerProgress:
    own, other = entries_at((peer, leader), index)
    has = own == other or (own is not None and (_is_unknown(own) or _is_unknown(other)))
    counted = dict(leader.match_index).get(peer.id, NONE) >= index
    return PeerProgress(
        node=peer.id,
        has=has,
        counted=counted,
        gap=log_gap(peer.log, leader.log),
        obstacle=events.links.answer_obstacle(leader.id, peer.id),
        journey=None if counted else _append_under_way(events, leader, peer.id, index, has=has),
        sending=None if counted else sending(events, leader, peer),
    )


def _is_unknown(entry: Entry | None) -> bool:
    """Return whether an entry is compacted on a node that is down, or, by a bug, before it was applied."""
    return isinstance(entry, CompactedEntry) and entry.command is None


def _append_under_way(
    events: EventIndex, leader: NodeSnapshot, peer: int, index: int, *, has: bool
) -> Journey | None:
    """Return the RPC that brings the entry, or, where `peer` has it, one whose success would confirm it."""

    def brings(args: Args) -> bool:
        return (
            isinstance(args, AppendEntriesArgs)
            and args.term == leader.current_term
            and index <= args.prev_log_index + len(args.entries)
            and (has or args.prev_log_index < index)
        )

    return last_journey(events, leader.id, peer, events.story(leader.id).leadership, brings)
