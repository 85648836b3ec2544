"""The messages of Raft: log entries, the RPCs and their replies.

Every message is a frozen, typed value; the wire and the storage decode into exactly these types and reject
everything else. Log indices count from 0, and -1 means "none" for an index or a node id.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

import msgspec

NONE = -1
"""The value for "none": ``voted_for`` before any vote, ``prev_log_index`` of the first entry, and so on."""

MAX_NUMBER = 1 << 62
"""The highest term, index or RPC number in a message; the limit leaves room to count on from it."""

Term: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]

Index: TypeAlias = Annotated[int, msgspec.Meta(ge=-1, le=MAX_NUMBER)]

NodeId: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class CMState(Enum):
    """The state of a node: the three roles of §5.1, and Dead after a crash or `ConsensusModule.stop`.

    A pre-candidate asks for pre-votes before it becomes candidate in a new term (thesis §9.6).
    """

    FOLLOWER = "Follower"
    PRE_CANDIDATE = "Pre-candidate"
    CANDIDATE = "Candidate"
    LEADER = "Leader"
    DEAD = "Dead"

    def __str__(self) -> str:
        return self.value

    def fits(self, role: "CMState") -> bool:
        """Return whether a node in this state has that role: a pre-candidate is a follower that asks first."""
        return self is role or (role is CMState.FOLLOWER and self is CMState.PRE_CANDIDATE)


FOLLOWER, CANDIDATE, LEADER, DEAD = CMState.FOLLOWER, CMState.CANDIDATE, CMState.LEADER, CMState.DEAD
"""The roles for code that runs for every message: Python 3.11 takes ten times as long for a member of an enum."""

EntryKind: TypeAlias = Literal["command", "no-op", "configuration", "compacted"]
"""The kind of a log entry. Only a command is for the state machine; no log contains a compacted entry."""


class LogEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A log entry: a command for the state machine, and the term in which a leader received it."""

    command: Any
    term: Term
    kind: ClassVar[EntryKind] = "command"


class CompactedEntry(LogEntry, frozen=True, gc=False):
    """The place of an entry that a snapshot replaced (§7), in what shows a log; its command is not known.

    Its term is that of the last compacted entry.
    """

    kind: ClassVar[EntryKind] = "compacted"


@dataclass(frozen=True, slots=True)
class InternalEntry:
    """A log entry that no client submitted: a no-op (§8), or a configuration of the cluster (§6), in `command`.

    It is a JSON object, and a `LogEntry` is an array: so commands are stored and sent without a kind.
    """

    term: Term
    kind: Literal["no-op", "configuration"]
    command: Any = None


Entry: TypeAlias = LogEntry | InternalEntry
"""A log entry of any kind; every kind has `command`, `term` and `kind`."""


class RPCRequest(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The base class of requests."""

    @property
    def sender(self) -> int:
        """Return the node that the request says it is from."""
        raise NotImplementedError


class RPCReply(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The base class of replies."""

    @property
    def yes(self) -> bool:
        """Return whether the receiver did what the request asked for; True if it cannot refuse."""
        return True


class RequestVoteArgs(RPCRequest, frozen=True, tag="RequestVote", gc=False):
    """The RequestVote request (Figure 2, §5.2, §5.4); with `pre_vote` it starts no term (thesis §9.6)."""

    term: Term
    candidate_id: NodeId
    last_log_index: Index
    last_log_term: Index
    pre_vote: bool = False
    disrupt: ClassVar[bool] = False
    """True if voters must consider the request although they have a leader: see `DisruptiveVoteArgs`."""

    @property
    def sender(self) -> int:
        """Return the candidate."""
        return self.candidate_id


class DisruptiveVoteArgs(RequestVoteArgs, frozen=True, tag="DisruptiveVote", gc=False):
    """A RequestVote with the permission to disrupt a leader, who has asked for the election (thesis §4.2.3).

    It is a message of its own, so that a usual RequestVote is sent as before.
    """

    disrupt: ClassVar[bool] = True


class RequestVoteReply(RPCReply, frozen=True, tag="Vote", gc=False):
    """The RequestVote response: the voter's term, and whether it grants its vote."""

    term: Term
    vote_granted: bool

    @property
    def yes(self) -> bool:
        """Return whether the vote is granted."""
        return self.vote_granted


class AppendEntriesArgs(RPCRequest, frozen=True, tag="AppendEntries", gc=False):
    """The AppendEntries request (Figure 2, §5.3); without entries it is a heartbeat."""

    term: Term
    leader_id: NodeId
    prev_log_index: Index
    prev_log_term: Index
    entries: tuple[Entry, ...]
    leader_commit: Index

    @property
    def sender(self) -> int:
        """Return the leader."""
        return self.leader_id


class AppendEntriesReply(RPCReply, frozen=True, tag="Appended", gc=False):
    """The AppendEntries response, with the conflict hint of the end of §5.3 (-1 = none)."""

    term: Term
    success: bool
    conflict_index: Index = NONE
    conflict_term: Index = NONE

    @property
    def yes(self) -> bool:
        """Return whether the log matched and the entries are stored."""
        return self.success


class TimeoutNowArgs(RPCRequest, frozen=True, tag="TimeoutNow", gc=False):
    """The TimeoutNow request: the leader asks a node to start an election at once (thesis §3.10)."""

    term: Term
    leader_id: NodeId

    @property
    def sender(self) -> int:
        """Return the leader."""
        return self.leader_id


class TimeoutNowReply(RPCReply, frozen=True, tag="TimedOut", gc=False):
    """The TimeoutNow response: the receiver's term, a new one if it obeyed."""

    term: Term
    success: bool

    @property
    def yes(self) -> bool:
        """Return whether the receiver has started an election."""
        return self.success


NO_VOTE_REPLY = RequestVoteReply(0, False)
NO_APPEND_REPLY = AppendEntriesReply(0, False)
"""The result for a request that a node ignores: nothing is sent for these two values (see `is_sent`)."""


class InstallSnapshotArgs(RPCRequest, frozen=True, tag="InstallSnapshot", gc=False):
    """The InstallSnapshot request (Figure 13, §7): one chunk of the leader's snapshot, from byte `offset` on.

    Snapshots are told apart by `last_index` and `last_term`. An empty chunk that is not `done` asks how much of it
    the receiver has.
    """

    term: Term
    leader_id: NodeId
    last_index: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
    last_term: Term
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
    data: bytes
    done: bool

    @property
    def sender(self) -> int:
        """Return the leader."""
        return self.leader_id


class InstallSnapshotReply(RPCReply, frozen=True, tag="Installed", gc=False):
    """The InstallSnapshot response: the receiver's term, and how many bytes of the snapshot it has.

    `done`: it needs no more of them, because it has installed the snapshot, or has all that it covers.
    """

    term: Term
    received: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)] = 0
    done: bool = False


Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class ConfirmArgs(RPCRequest, frozen=True, tag="Confirm", gc=False):
    """The Confirm request: a leader asks, in a numbered round, whether it still leads (thesis §6.4).

    `confirmed` is the newest round that a majority has answered: a node that waits for it may answer its reads.
    """

    term: Term
    leader_id: NodeId
    round: Count
    confirmed: Count

    @property
    def sender(self) -> int:
        """Return the leader."""
        return self.leader_id


class ConfirmReply(RPCReply, frozen=True, tag="Confirmed", gc=False):
    """The Confirm response: the receiver's term, and whether it follows the leader in that."""

    term: Term
    success: bool

    @property
    def yes(self) -> bool:
        """Return whether the receiver follows the leader."""
        return self.success


class ReadIndexArgs(RPCRequest, frozen=True, tag="ReadIndex", gc=False):
    """The ReadIndex request: a follower asks its leader up to where it must apply for its own `read`."""

    term: Term
    node_id: NodeId
    read: Count

    @property
    def sender(self) -> int:
        """Return the follower."""
        return self.node_id


class ReadIndexReply(RPCReply, frozen=True, tag="ReadAt", gc=False):
    """The ReadIndex response: the follower answers from the state after `index`, once `round` is confirmed.

    Round 0 needs no confirmation: the leader has a lease.
    """

    term: Term
    success: bool
    index: Index = NONE
    round: Count = 0

    @property
    def yes(self) -> bool:
        """Return whether the receiver leads, and has an index."""
        return self.success


class CommitEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, repr_omit_defaults=True):
    """A committed entry that a node reports: its command, log index and kind, and the node's term at that time."""

    command: Any
    index: int
    term: int
    kind: EntryKind = "command"


class Report(NamedTuple):
    """The result of `ConsensusModule.report`: the node's id, its term, and whether it believes that it leads."""

    id: int
    term: int
    is_leader: bool


Args: TypeAlias = (
    RequestVoteArgs
    | DisruptiveVoteArgs
    | AppendEntriesArgs
    | TimeoutNowArgs
    | InstallSnapshotArgs
    | ConfirmArgs
    | ReadIndexArgs
)

Reply: TypeAlias = (
    RequestVoteReply | AppendEntriesReply | TimeoutNowReply | InstallSnapshotReply | ConfirmReply | ReadIndexReply
)


def is_sent(reply: Reply) -> bool:
    """Return whether a reply that a node returned is sent: False for a request that it ignored."""
    return reply is not NO_VOTE_REPLY and reply is not NO_APPEND_REPLY


def size_of(entries: list[Entry]) -> int:
    """Return the size of these entries in a frame, in bytes."""
    return len(msgspec.json.encode(entries))
