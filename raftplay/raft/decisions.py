"""What a node decided: one frozen value per decision, with the rule and the operands that decided it.

The algorithm publishes these and never formats text; narrators, invariants and logs read them. A rule is a
key of `RULES`, which gives its section in the paper and its words.
"""

import msgspec

from raftplay.raft.messages import AppendEntriesArgs, Args, CommitEntry, LogEntry, Reply, RequestVoteArgs

RULES: dict[str, tuple[str, str]] = {
    "granted": ("§5.2", "not yet voted for another in this term, and the candidate's log is up to date"),
    "pre-granted": ("thesis §9.6", "no leader heard of lately, and the candidate's log is up to date"),
    "stale-term": ("§5.1", "the request is of an older term"),
    "voted-for-other": ("§5.2", "already voted for another candidate in this term"),
    "leads": ("§5.2", "leads this term itself"),
    "log-older-term": ("§5.4.1", "the candidate's last entry is of an older term"),
    "log-shorter": ("§5.4.1", "the candidate's log is shorter, its last term the same"),
    "leader-alive": ("thesis §9.6", "a leader was heard of within the shortest election timeout"),
    "matches": ("§5.3", "the log has the entry before the new ones, with the same term"),
    "log-too-short": ("§5.3", "the log ends before the entry that should precede the new ones"),
    "term-conflict": ("§5.3", "the entry before the new ones is of another term"),
    "newer-term": ("§5.1", "a message carries a newer term"),
    "leader-heard": ("§5.2", "the leader of this term was heard of"),
    "old-call": ("§5.2", "the reply answers a call of another term or role"),
    "outdated": ("§5.3", "the refusal is older than a later success"),
    "probed": ("§5.3", "a call that tries further back is under way already"),
    "majority": ("§5.3, §5.4.2", "a majority has the entry, and it is of the leader's own term"),
    "told": ("§5.3", "the leader has committed that far"),
    "older-entry": ("§5.4.2", "a majority has the entry, but it is of an older term"),
    "timeout": ("§5.2", "the election timeout passed without word from a leader"),
    "asks-first": ("thesis §9.6", "its election timer fired, and it asks before it starts another election"),
    "by-hand": ("§5.2", "its election timer was fired by hand"),
}


def rule_words(rule: str) -> tuple[str, str]:
    """Return the section of a rule and its words; one that a node of your own has made up is its own words."""
    return RULES.get(rule, ("a rule of its own", rule))


class Decision(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of all that a node decides; `rule` is a key of `RULES` where one applies."""


class Started(Decision, frozen=True, gc=False):
    """The node runs, with what its storage gave back."""

    current_term: int
    voted_for: int
    entries: tuple[LogEntry, ...]


class Stopped(Decision, frozen=True, gc=False):
    """The node is dead for ever; a restart makes another one over the same storage."""


class PreVoteStarted(Decision, frozen=True, gc=False):
    """The election timer fired; the node asks whether it could win `term` before starting it (thesis §9.6)."""

    term: int
    rule: str = "timeout"


class ElectionStarted(Decision, frozen=True, gc=False):
    """The node became candidate in `term` and votes for itself (§5.2)."""

    term: int
    rule: str = "timeout"


class VoteDecided(Decision, frozen=True, gc=False):
    """The node answers a RequestVote."""

    args: RequestVoteArgs
    granted: bool
    rule: str


class VoteCounted(Decision, frozen=True, gc=False):
    """A granted vote was counted; `votes` are all so far, `needed` how many win."""

    voter: int
    votes: tuple[int, ...]
    needed: int
    pre_vote: bool = False


class ReplyIgnored(Decision, frozen=True, gc=False):
    """A reply changed nothing, for the reason that `rule` names."""

    peer: int
    args: Args
    reply: Reply
    rule: str


class BecameLeader(Decision, frozen=True, gc=False):
    """The node won `term` with these votes (§5.2)."""

    term: int
    votes: tuple[int, ...]


class BecameFollower(Decision, frozen=True, gc=False):
    """The node steps down, or adopts a newer term; `was` is its role before, `old_term` its term before.

    With the rule `asks-first` a candidate gives up its candidacy; its `PreVoteStarted` follows at once.
    """

    term: int
    was: str
    old_term: int
    rule: str


class PeersReset(Decision, frozen=True, gc=False):
    """A new leader knows nothing of its peers' logs yet: where it begins with each, what it takes for granted."""

    next_index: tuple[tuple[int, int], ...]
    match_index: tuple[tuple[int, int], ...]


class EntryAppended(Decision, frozen=True, gc=False):
    """The leader took a command into its log."""

    index: int
    entry: LogEntry


class AppendDecided(Decision, frozen=True, gc=False):
    """The node answers an AppendEntries; with a refusal goes the conflict hint."""

    args: AppendEntriesArgs
    success: bool
    rule: str
    conflict_index: int = -1
    conflict_term: int = -1


class LogTruncated(Decision, frozen=True, gc=False):
    """The entries from `index` on (`removed` of them) conflicted with the leader's and are gone (§5.3)."""

    index: int
    removed: int


class EntriesStored(Decision, frozen=True, gc=False):
    """The follower took `entries` into its log from `index` on."""

    index: int
    entries: tuple[LogEntry, ...]


class MatchAdvanced(Decision, frozen=True, gc=False):
    """The leader learned that `peer` has its log up to `match_index`."""

    peer: int
    match_index: int


class BackedUp(Decision, frozen=True, gc=False):
    """A refusal moved next_index of `peer` back, by the conflict hint (§5.3)."""

    peer: int
    next_index: int
    conflict_index: int
    conflict_term: int


class CommitAdvanced(Decision, frozen=True, gc=False):
    """commit_index moved to `index`; `replicas` are the nodes that the leader counted (none on a follower)."""

    index: int
    rule: str
    replicas: tuple[int, ...] = ()


class CommitHeld(Decision, frozen=True, gc=False):
    """A majority has the entry at `index`, but it is of `term`, older than the leader's (§5.4.2)."""

    index: int
    term: int
    rule: str = "older-entry"


class Applied(Decision, frozen=True, gc=False):
    """A committed entry was handed to the state machine."""

    entry: CommitEntry


class HeartbeatDue(Decision, frozen=True, gc=False):
    """The leader's timer fired, or it just won: every peer is due a call, with or without entries (§5.2)."""


class WriteDelayed(Decision, frozen=True, gc=False):
    """A write that should come before the answer waits, or (not `waits`) need not be made any more.

    No sound node does that. `write` is what waits: the "vote" or the "log".
    """

    write: str
    waits: bool


class Persisted(Decision, frozen=True, gc=False):
    """What the node's storage would now give back: its log is kept up to `start`, then `entries`, no more."""

    current_term: int
    voted_for: int
    start: int
    entries: tuple[LogEntry, ...]


class NodeState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A node after a decision: what Figure 2 calls its state, without the log itself.

    `deadline` is the cluster time at which its timer fires; None means never.
    """

    state: str
    current_term: int
    voted_for: int
    last_log_index: int
    last_log_term: int
    commit_index: int
    last_applied: int
    deadline: float | None = None
