"""The watcher's model of a cluster, built from events only: each node, its disk, and the shared history.

Its memory is bounded, however long the cluster runs (see `ClusterModel`).
"""

import math
from collections.abc import Callable, Iterable, MutableMapping
from typing import TypeVar

import msgspec

from raftplay.raft.decisions import Configured, TransferStarted
from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, CMState, CommitEntry, Entry, RequestVoteArgs
from raftplay.raft.state import State
from raftplay.watch.facts import Event, Record
from raftplay.watch.invariants.logs import EMPTY_LOG, Chain, Prefixes, Terms, fingerprint, running_hash
from raftplay.watch.invariants.names import Breach
from raftplay.watch.invariants.requests import Requests
from raftplay.watch.narrator import describe
from raftplay.watch.stream import Stream
from raftplay.watch.text import command_text

T = TypeVar("T")

WINDOW = 65_536
"""The number of running hashes kept for logs, and for applied commands: 8 bytes each, at most twice as many."""

MAX_TERMS = 256
"""The number of terms for which leaders, their commits and each node's votes are kept."""

MAX_APPLIED = 128
"""The number of indices for which the applied command itself is kept, for messages."""

MAX_USER_CALLS = 1024
"""The number of requests made by users whose replies are told from those to nodes."""

MAX_BREACHES = 100
"""The number of violations kept, besides the first one of each invariant."""


SeenEvent = tuple[Stream, int, int, Event, State | None]
"""An event as a `Watcher` sees it: the stream, the node, its incarnation, the event, and who decided it."""


class VoteRequested(msgspec.Struct, frozen=True, gc=False):
    """A request for a vote, and what its receiver was when it arrived.

    `heard`: when it had heard from the leader of its term (inf: it leads itself). `is_again`: the candidate has
    its vote already.
    """

    args: RequestVoteArgs
    term: int
    handled_term: int
    heard: float
    is_again: bool


class Begun(msgspec.Struct, frozen=True, gc=False):
    """A read when it began: the number of its event, who vouches for it, in which term, and what was committed.

    `committed`: the highest index that any node had committed, `by` whom; `newest_term`: the highest term of a
    committed entry.
    """

    seq: int
    leader: int
    term: int
    committed: int
    by: int
    newest_term: int


class NodeModel:
    """One node: its state, log and disk. Term, log and vote survive a crash only on disk."""

    __slots__ = (
        "accepted",
        "answered",
        "applied",
        "applied_hash",
        "arrived",
        "asked",
        "call",
        "candidacy",
        "commit",
        "confirmed",
        "dead",
        "deadline",
        "delays_writes",
        "disk",
        "disk_term",
        "disk_vote",
        "exposed_term",
        "first_append",
        "forced_term",
        "grants",
        "handled_term",
        "heard",
        "heard_since",
        "heard_term",
        "id",
        "incarnation",
        "is_asked_first",
        "is_overdue",
        "lease_until",
        "led_since",
        "log",
        "match",
        "options",
        "quorum_since",
        "reads",
        "replies",
        "role",
        "running",
        "snapshot",
        "term",
        "transfer",
        "votes",
        "wondered",
        "wondered_term",
    )

    def __init__(self, id: int) -> None:
        self.id = id
        self.incarnation = 0
        # The state on its disk
        self.disk_term = 0
        self.disk_vote = NONE
        self.disk = Terms()
        # What it sent to others, and must not contradict after a restart
        self.exposed_term = 0
        self.votes: dict[int, int] = {}  # term → candidate
        # Its current state
        self.log = Terms()
        self.running: int | None = EMPTY_LOG  # running hash of its log; None if the start is forgotten
        self.term = 0
        self.begin(0)

    def begin(self, incarnation: int) -> None:
        """Start a new incarnation with the old disk."""
        self.incarnation = incarnation
        self.dead = False
        self.role = CMState.FOLLOWER
        self.commit = NONE
        self.applied = NONE
        self.applied_hash = EMPTY_LOG
        self.snapshot = NONE  # the last index of its snapshot
        self.match: dict[int, int] = {}
        self.candidacy = NONE  # the term in which it last became candidate
        self.grants: set[int] = set()  # the voters with a durable vote for it in that term
        self.call: tuple[int, Args] | None = None  # the request that it is handling
        self.accepted: AppendEntriesArgs | None = None  # the last AppendEntries that it accepted
        self.handled_term = 0  # the highest term of a message that it has handled
        self.first_append = NONE  # the number of the first AppendEntries of its leadership
        self.answered = NONE  # the number of the AppendEntries whose reply it is handling
        self.deadline = math.nan  # when its timer fires, inf: never; NaN before its first decision
        self.delays_writes = False  # its timer is for delayed writes too
        # Whom it hears, in times of the cluster; kept only for a node that has told its options
        self.options: Configured | None = None
        self.asked: VoteRequested | None = None  # the request for a vote that it is handling
        self.arrived = self.heard = -math.inf  # when the last AppendEntries came; when the last valid one did
        self.heard_since = math.inf  # since when it has heard from that leader without a gap
        self.heard_term = NONE  # the term of that leader
        self.replies: dict[int, float] = {}  # when it, as leader, last heard from each peer
        self.led_since = self.quorum_since = 0.0  # since when it leads; from when on its replies count
        self.wondered, self.wondered_term = math.nan, NONE  # when it first asked for pre-votes for that term
        self.transfer: TransferStarted | None = None  # the transfer of its leadership that is under way
        self.is_overdue = False  # it had sent a heartbeat when that should have been over
        self.forced_term = NONE  # the term of the election that a leader told it to start
        self.is_asked_first = False  # its last decision was about a pre-vote
        # Reads without the log
        self.reads: dict[int, Begun] = {}  # those that wait for an answer, by number
        self.confirmed: dict[int, tuple[int, int]] = {}  # by peer: (term, event) of the newest question answered
        self.lease_until = 0.0  # when its lease ends, as it believes

    def __str__(self) -> str:
        return f"n{self.id}"


class ElectionWon:
    """The winner of a term, with the event's number and the log it won with."""

    __slots__ = ("incarnation", "last_index", "last_term", "node", "seq")

    def __init__(self, node: NodeModel, seq: int) -> None:
        self.node = node.id
        self.incarnation = node.incarnation
        self.seq = seq
        self.last_index = node.log.length - 1
        self.last_term = node.log.last_term


class ClusterModel:
    """All nodes, and the data about all of them together.

    Bounds: for every log its term changes (`logs.MAX_RUNS`); for all logs together a window of running hashes
    (`WINDOW`), likewise for applied commands; leaders, commits and votes of the last `MAX_TERMS` terms.
    The bounds lose only the exact place of a very old difference: a running hash covers all entries before it, so
    a node that catches up is compared when it reaches the window. Terms only rise, so a second vote or leader of
    a forgotten term violates Monotonic Term or Vote Quorum.
    """

    def __init__(self, n: int, on_breach: Callable[[Breach], None] | None, watched: Iterable[str]) -> None:
        self.nodes = [NodeModel(id) for id in range(n)]
        self.majority = n // 2 + 1
        self.seen: Record | SeenEvent
        """The event that is checked: a record, or what makes one."""

        self.leaders: dict[int, ElectionWon] = {}  # by term
        self.newest_term = 0  # the highest term of a leader
        self.commits: dict[int, tuple[int, int, int]] = {}  # term of the leader → index, term of the entry, node
        self.prefixes = Prefixes(WINDOW)
        self.chain = Chain(WINDOW)
        self.told: dict[
            int, dict[int, int]
        ] = {}  # term → the node that was told to start an election → who told it
        self.user_calls: dict[int, None] = {}  # the numbers of requests that users made, the last `MAX_USER_CALLS`
        self.applied: dict[int, tuple[int, CommitEntry]] = {}  # index → the first node that applied it, the entry
        self.blank_disks: list[tuple[int, float]] = []
        """The nodes whose disks came back blank, and when, in cluster time."""

        self.requests = Requests()
        """The requests of clients, as far as they are known."""

        self.digests: dict[int, tuple[int, str]] = {}  # index → node, hash of its state machine after that entry
        self.committed = self.committed_by = NONE  # the highest index that any node has committed, and who did
        self.committed_term = 0  # the highest term of a committed entry
        self.asked: dict[int, tuple[int, int]] = {}  # call of a Confirm → (its event, its term)
        self.breaches: list[Breach] = []
        self._watched = frozenset(watched)
        self._broken: set[str] = set()
        self._on_breach = on_breach

    @property
    def time(self) -> float:
        """Return the cluster time of the event that is checked, or one a little later."""
        return self.seen.time if isinstance(self.seen, Record) else self.seen[0].now()

    @property
    def seq(self) -> int:
        """Return the number of the event that is checked."""
        return self.seen.seq if isinstance(self.seen, Record) else self.seen[0].last_seq

    @property
    def record(self) -> Record:
        """Return the record of the event that is checked."""
        seen = self.seen
        if isinstance(seen, Record):
            return seen
        stream, node, incarnation, event, cm = seen
        after = None if cm is None else cm.node_state()
        return Record(stream.last_seq, stream.now(), node, incarnation, event, after)

    def breach(self, invariant: str, fact: str, other: str) -> None:
        """Record a violation of `invariant`: the current event's `fact` contradicts the `other` one."""
        if invariant not in self._watched or (len(self.breaches) >= MAX_BREACHES and invariant in self._broken):
            return
        record = self.record
        event, note = describe(record), self._note()
        breach = Breach(invariant, (fact, other), record.seq, record.time, record.node, event, note)
        self._broken.add(invariant)
        self.breaches.append(breach)
        if self._on_breach is not None:
            self._on_breach(breach)

    def _note(self) -> str:
        """Return what excuses the algorithm: a disk that came back blank."""
        blank = self.blank_disks[:3]
        return ", ".join(f"the disk of n{node} came back blank at {time:.3f} s" for node, time in blank)

    def begin_log(self, node: NodeModel, base_index: int, base_term: int) -> None:
        """Set the log of `node` to one without entries after a snapshot up to `base_index`; -1: without any."""
        node.log, node.running = Terms(), EMPTY_LOG
        if base_index != NONE:
            node.log.install(base_index, base_term)
            node.running = self.prefixes.known(base_index, base_term)

    def is_known(self, entries: tuple[Entry, ...]) -> bool:
        """Return whether some log had exactly these entries, by its running hash."""
        return not entries or self.prefixes.known(len(entries) - 1, entries[-1].term) == running_hash(entries)

    def load(self, node: NodeModel, entries: tuple[Entry, ...]) -> None:
        """Set the log of `node` to `entries`, which `is_known` accepts."""
        node.log = Terms(entry.term for entry in entries)
        node.running = self.prefixes.known(len(entries) - 1, node.log.last_term) if entries else EMPTY_LOG

    def append(self, node: NodeModel, entry: Entry) -> bool:
        """Append `entry` to the log of `node`; return False if another log with that index and term differs."""
        log, term = node.log, entry.term
        index, previous_term = log.length, log.last_term
        log.append(term)
        if node.running is None:  # the start is forgotten: use the hash of the others
            node.running = self.prefixes.known(index, term)
            return True
        node.running = hash((node.running, term, fingerprint(entry)))
        return self.prefixes.note(index, term, node.running, previous_term)

    def truncate(self, node: NodeModel, index: int) -> None:
        """Delete the entries of `node` from `index` on."""
        node.log.truncate(index)
        last = node.log.length - 1
        node.running = EMPTY_LOG if last < 0 else self.prefixes.known(last, node.log.term_at(last))

    def holder_of(self, index: int, term: int, but: NodeModel) -> str:
        """Name a log other than that of `but` that has `term` at `index`."""
        for node in self.nodes:
            if node is not but and node.log.term_at(index) == term:
                return f"the log of {node}"
        return "a log"


def drop_lowest(by_term: MutableMapping[int, T], keep: Iterable[int] = ()) -> None:
    """Delete the lowest terms, except those in `keep`, once there are more than twice `MAX_TERMS`."""
    if len(by_term) > 2 * MAX_TERMS:
        kept = set(keep)
        for term in sorted(by_term)[:MAX_TERMS]:
            if term not in kept:
                del by_term[term]


def show(command: object) -> str:
    """Return a command as text of at most 40 characters."""
    return command_text(command, 40)
