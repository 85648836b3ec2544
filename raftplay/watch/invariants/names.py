"""The names and statements of the invariants, and the text of a violation."""

import difflib
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from raftplay.errors import UsageError
from raftplay.watch.text import visible


class Invariant(NamedTuple):
    """A statement that must always hold, its name as users read it, and the sections that state or rely on it."""

    name: str
    statement: str
    section: str


ELECTION_SAFETY = "Election Safety"
LEADER_APPEND_ONLY = "Leader Append-Only"
LOG_MATCHING = "Log Matching"
LEADER_COMPLETENESS = "Leader Completeness"
STATE_MACHINE_SAFETY = "State Machine Safety"
ONE_VOTE_PER_TERM = "One Vote Per Term"
MONOTONIC_TERM = "Monotonic Term"
MONOTONIC_COMMIT = "Monotonic Commit"
QUORUM_LOG = "Quorum Log"
CURRENT_TERM_COMMIT = "Current-Term Commit"
VOTE_QUORUM = "Vote Quorum"
PERSIST_BEFORE_SEND = "Persist Before Send"
MATCH_TRUTH = "Match Truth"
MATCH_MONOTONIC = "Match Monotonic"
NO_COMMITTED_TRUNCATION = "No Committed Truncation"
ORDERED_APPLY = "Ordered Apply"
DEAD_IS_DEAD = "Dead Is Dead"
WELL_FORMED = "Well-Formed"
TERM_ADOPTED = "Term Adopted"
REPLY_OF_ITS_TERM = "Reply Of Its Term"
TIMER_RULES = "Timer Rules"
FOLLOWER_COMMIT = "Follower Commit"
REQUEST_TRUTH = "Request Truth"
VOTE_KEPT = "Vote Kept"
PRE_VOTE_TRUTH = "Pre-Vote Truth"
PRE_VOTE_PURITY = "Pre-Vote Purity"
NO_VOTE_IN_LEASE = "No Vote In Lease"
STEP_DOWN_BOUND = "Step-Down Bound"
SNAPSHOT_TRUTH = "Snapshot Truth"
INSTALL_EXACT = "Install Exact"
NO_GOING_BACK = "No Going Back"
STATE_IS_REPLAY = "State Is Replay"
NO_NEEDLESS_ELECTION = "No Needless Election"
QUIET_WHILE_TRANSFERRING = "Quiet While Transferring"
TRANSFER_ENDS = "Transfer Ends"
TIMEOUT_NOW_IS_EARNED = "TimeoutNow Is Earned"
FORCED_VOTE_ONLY = "Forced Vote Only"
READ_FRESHNESS = "Read Freshness"
READ_AFTER_APPLY = "Read After Apply"
READ_CONFIRMED = "Read Confirmed"
LEASE_EXCLUSION = "Lease Exclusion"
EXACTLY_ONCE = "Exactly Once"
SAME_ANSWER = "Same Answer"
SESSION_DETERMINISM = "Session Determinism"
UNKNOWN_IS_UNKNOWN = "Unknown Is Unknown"
ACKED_IS_KEPT = "Acked Is Kept"

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(ELECTION_SAFETY, "at most one leader per term, ever", "§5.2, Figure 3"),
    Invariant(LEADER_APPEND_ONLY, "while a node leads a term, its log only grows", "§5.3, Figure 3"),
    Invariant(
        LOG_MATCHING, "logs with an entry of the same index and term are identical up to there", "§5.3, Figure 3"
    ),
    Invariant(
        LEADER_COMPLETENESS,
        "an entry committed in a term is in the log of every leader of a later term",
        "§5.4, Figure 3",
    ),
    Invariant(STATE_MACHINE_SAFETY, "no two nodes ever apply different commands at one index", "§5.4.3, Figure 3"),
    Invariant(ONE_VOTE_PER_TERM, "a node votes for one candidate in a term, restarts included", "§5.2"),
    Invariant(MONOTONIC_TERM, "a node's term never decreases, nor does the one on its disk", "§5.1"),
    Invariant(
        MONOTONIC_COMMIT,
        "commit index never decreases in a node's life; applied ≤ commit ≤ last index",
        "Figure 2",
    ),
    Invariant(QUORUM_LOG, "when a leader commits an index, a majority of disks hold exactly that entry", "§5.3"),
    Invariant(CURRENT_TERM_COMMIT, "a leader commits by counting only to an entry of its own term", "§5.4.2"),
    Invariant(
        VOTE_QUORUM, "a leader holds the votes of a majority of distinct nodes, each of them durable", "§5.2"
    ),
    Invariant(
        PERSIST_BEFORE_SEND,
        "terms, granted votes and acknowledged entries are on disk before they are sent",
        "Figure 2, persistent state",
    ),
    Invariant(
        MATCH_TRUTH,
        "when a leader sets match_index of a peer, the peer's disk holds the leader's entry there",
        "§5.3",
    ),
    Invariant(
        MATCH_MONOTONIC,
        "match_index never decreases within a leadership, and begins at -1",
        "Figure 2, volatile state on leaders",
    ),
    Invariant(
        NO_COMMITTED_TRUNCATION,
        "a log is cut above commit index only, and only on a conflict of terms",
        "§5.3, §5.4.3",
    ),
    Invariant(ORDERED_APPLY, "entries are applied in order, without a gap, once in a node's life", "§5.3"),
    Invariant(DEAD_IS_DEAD, "a crashed node sends, writes and changes nothing until it is restarted", "§5.1"),
    Invariant(
        WELL_FORMED,
        "entries are contiguous, terms in order; no request claims more than its sender has",
        "§5.3, Figure 2",
    ),
    Invariant(TERM_ADOPTED, "a node is in no lower term than any request or response that it has handled", "§5.1"),
    Invariant(
        REPLY_OF_ITS_TERM,
        "a leader learns of a peer's log only from responses to requests of its own term",
        "§5.3",
    ),
    Invariant(
        TIMER_RULES,
        "an election timer restarts only on a valid leader's request, a granted vote, a start, an election, "
        "a step-down",
        "§5.2, Figure 2, followers",
    ),
    Invariant(
        FOLLOWER_COMMIT,
        "a follower commits exactly up to min(leaderCommit, last entry of the request)",
        "§5.3, rule 5 of AppendEntries",
    ),
    Invariant(
        REQUEST_TRUTH,
        "a request says of its sender's log and commit index what they are, and a reply of its term",
        "Figure 2, arguments and results of the RPCs",
    ),
    Invariant(
        VOTE_KEPT, "a node keeps its vote as long as its term, and grants it again when asked again", "§5.2, §5.5"
    ),
    Invariant(
        PRE_VOTE_TRUTH,
        "a pre-vote is granted only for a term that has not begun, and to a log as up to date as the voter's",
        "thesis §9.6",
    ),
    Invariant(
        PRE_VOTE_PURITY,
        "a pre-vote changes neither term nor vote nor log, at its voter and at who asks",
        "thesis §9.6",
    ),
    Invariant(
        NO_VOTE_IN_LEASE,
        "with sticky, a node votes for nobody within the shortest election timeout of hearing from its leader",
        "thesis §4.2.3",
    ),
    Invariant(
        STEP_DOWN_BOUND,
        "with checkquorum, a leader to which no majority replies leads for two election timeouts at most",
        "thesis §6.2",
    ),
    Invariant(
        SNAPSHOT_TRUTH,
        "a snapshot covers committed and applied entries only, and no others are purged",
        "§7, thesis §5",
    ),
    Invariant(
        INSTALL_EXACT,
        "an installed snapshot leaves the entries after it if the log has its last entry, and else none",
        "§7, rules 6 and 7 of InstallSnapshot",
    ),
    Invariant(NO_GOING_BACK, "a snapshot never takes back what a node has committed and applied", "§7, Figure 13"),
    Invariant(
        STATE_IS_REPLAY,
        "a restored state is the one that the committed entries up to there lead to",
        "§7, thesis §5",
    ),
    Invariant(
        NO_NEEDLESS_ELECTION,
        "with prevote and sticky, no node starts a term while a leader and a majority exchange heartbeats",
        "thesis §4.2.3, thesis §9.6",
    ),
    Invariant(
        QUIET_WHILE_TRANSFERRING, "a leader that hands its leadership over appends no command", "thesis §3.10"
    ),
    Invariant(
        TRANSFER_ENDS,
        "a leader that hands over is replaced, or gives up, within one election timeout",
        "thesis §3.10",
    ),
    Invariant(
        TIMEOUT_NOW_IS_EARNED,
        "a leader sends TimeoutNow only to a node that has the leader's whole log",
        "thesis §3.10",
    ),
    Invariant(
        FORCED_VOTE_ONLY,
        "a request for votes may disrupt a leader only if the leader of the term before asked for that election",
        "thesis §4.2.3",
    ),
    Invariant(READ_FRESHNESS, "a read sees at least what any node had committed before it began", "thesis §6.4"),
    Invariant(
        READ_AFTER_APPLY,
        "a node answers a read only once it has applied the index that it reads at",
        "thesis §6.4",
    ),
    Invariant(
        READ_CONFIRMED,
        "a read by ReadIndex is answered once a majority has answered what its leader asked after it began",
        "thesis §6.4",
    ),
    Invariant(
        LEASE_EXCLUSION, "while a leader has a lease, nobody commits an entry of a later term", "thesis §6.4.1"
    ),
    Invariant(EXACTLY_ONCE, "a request of a session is applied once, however often the log holds it", "§8"),
    Invariant(SAME_ANSWER, "all answers to a request of a session are the same", "§8"),
    Invariant(SESSION_DETERMINISM, "the stores of all nodes answer the entry at an index alike", "thesis §6.3"),
    Invariant(
        UNKNOWN_IS_UNKNOWN, "a request that a client was told was certainly not done is never applied", "§8"
    ),
    Invariant(
        ACKED_IS_KEPT,
        "a write that a client was told is done is a committed entry that a node has applied",
        "§5.3",
    ),
)
"""All invariants, in the order in which they are shown."""


SECTIONS = {invariant.name: invariant.section for invariant in INVARIANTS}
"""The sections by the names of the invariants."""


def check_names(names: Collection[str]) -> list[str]:
    """Return `names` as a list. Raises `UsageError` for a name that is not exactly that of an invariant."""
    example = f"[{PERSIST_BEFORE_SEND!r}]"
    if isinstance(names, str) or not isinstance(names, Collection):
        raise UsageError(f"watch is True, False or a list of names such as {example}, not {_shown(names)}")
    known = {invariant.name.lower(): invariant.name for invariant in INVARIANTS}
    for name in names:
        if name not in known.values():
            close = difflib.get_close_matches(str(name).lower(), known, n=1)
            some = ", ".join(list(known.values())[:6])
            hint = (
                f"did you mean {known[close[0]]!r}?" if close else f"the names are: {some} … (raftplay invariants)"
            )
            raise UsageError(f"there is no invariant {_shown(name)}; {hint}")
    return list(names)


def _shown(value: object) -> str:
    text = visible(repr(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


class Breach(msgspec.Struct, frozen=True):
    """A violation of an invariant: two facts that contradict each other, and the event that violated it.

    `seq`, `time` (seconds of cluster time) and `node` are those of that event, `event` describes it.
    `note` says why Raft did not promise the invariant: a disk had come back blank.
    """

    invariant: str
    facts: tuple[str, str]
    seq: int
    time: float
    node: int
    event: str
    note: str = ""

    @property
    def excuse(self) -> str:
        """Return in words why this is no fault of the algorithm; "" if it is one."""
        return f"{self.note}; Raft promises nothing then" if self.note else ""

    @property
    def who(self) -> str:
        """Return the node of the event with a space behind it: "n2 "; "" for an event of no node."""
        return f"n{self.node} " if self.node >= 0 else ""

    def __str__(self) -> str:
        one, other = self.facts
        return (
            f"{self.invariant} broke at {self.time:.3f} s: {one}, but {other} "
            f"(event {self.seq}: {self.who}{self.event}){f'; {self.excuse}' if self.note else ''}"
        )
