"""The decisions of a node: one frozen value per decision, with its rule and the operands.

The algorithm publishes decisions and never formats text; narrators, invariants and logs read them.
"""

from typing import TypeAlias, get_args

import msgspec

from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    Args,
    CMState,
    CommitEntry,
    ConfirmArgs,
    Entry,
    ReadIndexArgs,
    Reply,
    RequestVoteArgs,
    TimeoutNowArgs,
)
from raftplay.raft.rule_names import Rule


class DecisionBase(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base class of a node's decisions; `rule`, if there is one, is a `Rule` or a custom node's words."""

    group = "node"
    """The topic of the event: "node", "election", "log" or "routine"."""


class CustomDecision(DecisionBase, frozen=True, gc=False):
    """The base class of events that a custom node defines; they are shown as they are, and not traced."""


class Started(DecisionBase, frozen=True, gc=False, omit_defaults=True):
    """The node started with this state from its storage; its log begins after a snapshot if it has a base."""

    current_term: int
    voted_for: int
    entries: tuple[Entry, ...]
    base_index: int = NONE
    base_term: int = NONE


class Stopped(DecisionBase, frozen=True, gc=False):
    """The node stopped for good; a restart makes a new node with the same storage."""


class PreVoteStarted(DecisionBase, frozen=True, gc=False):
    """The election timer fired; the node becomes pre-candidate: it asks for pre-votes for `term` (thesis §9.6)."""

    term: int
    rule: str = Rule.TIMEOUT


class ElectionStarted(DecisionBase, frozen=True, gc=False):
    """The node became candidate in `term` and votes for itself (§5.2)."""

    term: int
    rule: str = Rule.TIMEOUT


class VoteDecided(DecisionBase, frozen=True, gc=False):
    """The node replies to a RequestVote, or (IN_LEASE) ignores it: then it sends no reply."""

    args: RequestVoteArgs
    granted: bool
    rule: str


class VoteCounted(DecisionBase, frozen=True, gc=False):
    """The node counted a granted vote; `votes` are the voters so far, `needed` is the size of a majority."""

    voter: int
    votes: tuple[int, ...]
    needed: int
    pre_vote: bool = False


class ReplyIgnored(DecisionBase, frozen=True, gc=False):
    """The node ignored a reply, for the reason that `rule` names."""

    peer: int
    args: Args
    reply: Reply
    rule: str


class BecameLeader(DecisionBase, frozen=True, gc=False):
    """The node won `term` with these votes (§5.2)."""

    term: int
    votes: tuple[int, ...]


class BecameFollower(DecisionBase, frozen=True, gc=False):
    """The node steps down, or adopts a higher term; `was` is its role before, `old_term` its term before."""

    term: int
    was: CMState
    old_term: int
    rule: str


class PeersReset(DecisionBase, frozen=True, gc=False):
    """A new leader initializes next_index and match_index of each peer, as (peer, index) pairs."""

    next_index: tuple[tuple[int, int], ...]
    match_index: tuple[tuple[int, int], ...]


class EntryAppended(DecisionBase, frozen=True, gc=False):
    """The leader appended a command to its log."""

    index: int
    entry: Entry


class AppendDecided(DecisionBase, frozen=True, gc=False):
    """The node replies to an AppendEntries; a rejection carries the conflict hint."""

    args: AppendEntriesArgs
    success: bool
    rule: str
    conflict_index: int = -1
    conflict_term: int = -1


class LogTruncated(DecisionBase, frozen=True, gc=False):
    """The node deleted its entries from `index` on (`removed` of them): they conflict with the leader's (§5.3)."""

    index: int
    removed: int


class EntriesStored(DecisionBase, frozen=True, gc=False):
    """The follower stored `entries` in its log from `index` on."""

    index: int
    entries: tuple[Entry, ...]


class MatchAdvanced(DecisionBase, frozen=True, gc=False):
    """The leader learned that `peer` has the leader's log up to `match_index`."""

    peer: int
    match_index: int


class BackedUp(DecisionBase, frozen=True, gc=False):
    """The leader moved next_index of `peer` back after a rejection, by the conflict hint (§5.3)."""

    peer: int
    next_index: int
    conflict_index: int
    conflict_term: int


class CommitAdvanced(DecisionBase, frozen=True, gc=False):
    """The node moved commit_index to `index`; a leader counted `replicas` (none on a follower)."""

    index: int
    rule: str
    replicas: tuple[int, ...] = ()


class CommitHeld(DecisionBase, frozen=True, gc=False):
    """The leader does not commit the entry at `index`: a majority has it, but its `term` is lower (§5.4.2)."""

    index: int
    term: int
    rule: str = Rule.OLDER_ENTRY


class Applied(DecisionBase, frozen=True, gc=False):
    """The node applied a committed entry to the state machine."""

    entry: CommitEntry


class SnapshotTaken(DecisionBase, frozen=True, gc=False):
    """The node has an image of its state machine, of `size` bytes, in place of its entries up to `index` (§7)."""

    index: int
    term: int
    size: int


class SnapshotSent(DecisionBase, frozen=True, gc=False):
    """The leader begins to send its snapshot to `peer`: its log no longer has entry `next_index` (§7)."""

    peer: int
    next_index: int
    index: int
    term: int
    size: int


class SnapshotInstalled(DecisionBase, frozen=True, gc=False):
    """The node replaced its state by a snapshot up to `index`; `keeps`: its later entries stay (Figure 13)."""

    index: int
    term: int
    size: int
    keeps: bool


class ChunkReceived(DecisionBase, frozen=True, gc=False):
    """The node has `received` bytes of the snapshot up to `index` of its `leader`; `size` are new (Figure 13)."""

    leader: int
    index: int
    term: int
    size: int
    received: int


class SnapshotIgnored(DecisionBase, frozen=True, gc=False):
    """The node ignored a snapshot of `leader` up to `index`, for the reason that `rule` names."""

    leader: int
    index: int
    term: int
    rule: str


class LogCompacted(DecisionBase, frozen=True, gc=False):
    """The node has its snapshot on disk, in place of the entries up to `index` (`keeps`: not of all entries)."""

    index: int
    term: int
    keeps: bool


class HeartbeatDue(DecisionBase, frozen=True, gc=False):
    """The leader sends an AppendEntries to every peer: its timer fired, or it just won (§5.2)."""


class TransferStarted(DecisionBase, frozen=True, gc=False, omit_defaults=True):
    """The leader begins to hand its leadership over to `target` (thesis §3.10).

    It takes no commands until `until`, in cluster time, or until the transfer is over. The target needs the log up
    to `last_index`, and has it up to `match_index`. `lease_until`: when the lease ends by which it reads
    meanwhile; the correct rules allow none (thesis §6.4.1).
    """

    target: int
    last_index: int
    match_index: int
    until: float
    lease_until: float = 0.0


class TransferAborted(DecisionBase, frozen=True, gc=False, omit_defaults=True):
    """The leader gives up the transfer to `target`, and takes commands again; `rule` is the reason.

    `lease_until`: when the lease ends by which it may read again, 0 if it has none.
    """

    target: int
    rule: str
    lease_until: float = 0.0


class TimeoutNowDecided(DecisionBase, frozen=True, gc=False):
    """The node replies to a TimeoutNow: it starts an election at once, or refuses (thesis §3.10)."""

    args: TimeoutNowArgs
    obeyed: bool
    rule: str


class ReadStarted(DecisionBase, frozen=True, gc=False):
    """The node began to handle read `number`, for which `leader` vouches: the node itself, or whom it follows."""

    number: int
    leader: int


class RoundStarted(DecisionBase, frozen=True, gc=False):
    """The leader asks every peer whether it still leads: a round of Confirm (thesis §6.4)."""

    round: int


class ConfirmDecided(DecisionBase, frozen=True, gc=False):
    """The node replies to a Confirm: it follows that leader, or rejects a lower term."""

    args: ConfirmArgs
    success: bool
    rule: str


class RoundConfirmed(DecisionBase, frozen=True, gc=False):
    """A majority, the nodes `by`, has answered a round; `lease_until`: when the lease ends, 0 if it has none."""

    round: int
    by: tuple[int, ...]
    lease_until: float = 0.0


class ReadIndexDecided(DecisionBase, frozen=True, gc=False):
    """The node replies to a ReadIndex: the asker may answer at `index`, once `round` is confirmed (0: at once)."""

    args: ReadIndexArgs
    success: bool
    rule: str
    index: int = NONE
    round: int = 0


class ReadAnswered(DecisionBase, frozen=True, gc=False):
    """The node answers read `number` from the state after `index` or a later one."""

    number: int
    index: int
    rule: str


class ReadRefused(DecisionBase, frozen=True, gc=False):
    """The node cannot answer read `number`; its client asks again."""

    number: int
    rule: str


class Configured(DecisionBase, frozen=True, gc=False, omit_defaults=True):
    """The node has these options from now on; told at its start only if it checks quorums or is sticky.

    `election_min` is in seconds of cluster time: a fast clock counts them sooner. `promise`: how long it keeps a
    leader that it has heard, where leaders read by leases, else 0; `lease_until`: when its own lease ends, if any.
    """

    election_min: float
    prevote: bool
    checkquorum: bool
    sticky: bool
    promise: float = 0.0
    lease_until: float = 0.0


class WriteDelayed(DecisionBase, frozen=True, gc=False):
    """The node delays a write that should precede its reply, or (not `waits`) no longer needs it.

    A correct node never delays a write. `write` is "vote" or "log", `until` the cluster time to which it waits.
    """

    write: str
    waits: bool
    until: float = 0.0


class TimerSet(DecisionBase, frozen=True, gc=False):
    """The node's election timer was set by hand: it fires at `deadline`, in cluster time, unless restarted."""

    deadline: float


class Persisted(DecisionBase, frozen=True, gc=False):
    """The node wrote its state to storage: the stored log is the old one before `start`, then `entries`."""

    current_term: int
    voted_for: int
    start: int
    entries: tuple[Entry, ...]


ElectionDecision: TypeAlias = (
    PreVoteStarted | ElectionStarted | VoteDecided | VoteCounted | BecameLeader | BecameFollower
)
TransferDecision: TypeAlias = TransferStarted | TransferAborted | TimeoutNowDecided
LogDecision: TypeAlias = (
    EntryAppended
    | AppendDecided
    | LogTruncated
    | EntriesStored
    | MatchAdvanced
    | BackedUp
    | CommitAdvanced
    | CommitHeld
    | Applied
)
SnapshotDecision: TypeAlias = (
    SnapshotTaken | SnapshotSent | ChunkReceived | SnapshotInstalled | SnapshotIgnored | LogCompacted
)
RoundDecision: TypeAlias = RoundStarted | ConfirmDecided | RoundConfirmed
ReadDecision: TypeAlias = RoundDecision | ReadStarted | ReadIndexDecided | ReadAnswered | ReadRefused
CommitDecision: TypeAlias = CommitAdvanced | CommitHeld
RoutineDecision: TypeAlias = HeartbeatDue | Persisted
NodeDecision: TypeAlias = (
    Started | Stopped | Configured | ReplyIgnored | PeersReset | WriteDelayed | TimerSet | CustomDecision
)

Decision: TypeAlias = (
    ElectionDecision
    | TransferDecision
    | LogDecision
    | SnapshotDecision
    | ReadDecision
    | RoutineDecision
    | NodeDecision
)
"""All decisions. A `match` on it ends with `assert_never`: mypy then names the places that a new one concerns."""

for name, union in (
    ("election", ElectionDecision | TransferDecision),
    ("log", LogDecision | SnapshotDecision | ReadDecision),
    ("routine", RoutineDecision | RoundDecision),
):
    for kind in get_args(union):
        kind.group = name


class NodeState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The state of a node after a decision, as in Figure 2, without the log itself.

    `deadline` is the cluster time in seconds at which its timer fires; None means never.
    """

    state: CMState
    current_term: int
    voted_for: int
    last_log_index: int
    last_log_term: int
    commit_index: int
    last_applied: int
    deadline: float | None = None
