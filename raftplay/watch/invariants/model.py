"""What is known of a cluster from its events alone: each node, its disk, and what no two nodes may differ in.

Everything here is bounded, however long the cluster lives (`ClusterModel` says by what).
"""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, CMState, LogEntry
from raftplay.watch.facts import Record
from raftplay.watch.invariants.logs import EMPTY_LOG, Chain, Prefixes, Terms, fingerprint, running_hash
from raftplay.watch.invariants.names import Breach
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text

WINDOW = 65_536
"""How many running hashes of logs, and of applied commands, are kept: 8 bytes each, at most twice as many."""

MAX_TERMS = 256
"""Of how many terms the leaders, their commits and each node's votes are kept."""

MAX_APPLIED = 128
"""Of how many indices the applied command itself is kept, to be shown."""

MAX_BREACHES = 100
"""How many breaches are kept, besides the first one of each invariant."""


class NodeModel:
    """One node: what it is, its log and its disk. A term, a log and a vote outlive a crash only on disk."""

    __slots__ = (
        "accepted",
        "applied",
        "applied_hash",
        "call",
        "candidacy",
        "commit",
        "dead",
        "disk",
        "disk_term",
        "disk_vote",
        "exposed_term",
        "grants",
        "id",
        "incarnation",
        "log",
        "match",
        "role",
        "running",
        "term",
        "votes",
    )

    def __init__(self, id: int) -> None:
        self.id = id
        self.incarnation = 0
        # What its disk would give back
        self.disk_term = 0
        self.disk_vote = NONE
        self.disk = Terms()
        # What anyone else may have learned of it, and so binds it after a restart
        self.exposed_term = 0
        self.votes: dict[int, int] = {}  # term → candidate
        # What it is now
        self.log = Terms()
        self.running: int | None = EMPTY_LOG  # the running hash of its log; None when its start is forgotten
        self.term = 0
        self.begin(0)

    def begin(self, incarnation: int) -> None:
        """A new life over the old disk."""
        self.incarnation = incarnation
        self.dead = False
        self.role = CMState.FOLLOWER
        self.commit = NONE
        self.applied = NONE
        self.applied_hash = EMPTY_LOG
        self.match: dict[int, int] = {}
        self.candidacy = NONE  # the term in which it last became candidate
        self.grants: set[int] = set()  # who granted it a durable vote in that term
        self.call: tuple[int, Args] | None = None  # the call that it is handling
        self.accepted: AppendEntriesArgs | None = None  # the last AppendEntries that it accepted

    def __str__(self) -> str:
        return f"n{self.id}"


class Leadership:
    """Who won a term, when, and with which log."""

    __slots__ = ("incarnation", "last_index", "last_term", "node", "seq")

    def __init__(self, node: NodeModel, seq: int) -> None:
        self.node = node.id
        self.incarnation = node.incarnation
        self.seq = seq
        self.last_index = node.log.length - 1
        self.last_term = node.log.last_term


class ClusterModel:
    """All nodes, and what is kept about them together.

    Bounds: of every log its changes of term (`logs.MAX_RUNS`), for all logs together a window of running
    hashes (`WINDOW`), likewise of applied commands; leaders, commits and votes of the last `MAX_TERMS` terms.
    Nothing is lost by that but the exact place of a very old difference: a running hash covers all that lies
    before it, so whoever catches up is compared when it gets to the window; and terms only rise, so that a
    second vote or leader of a forgotten term is a breach of Monotonic Term or Vote Quorum.
    """

    def __init__(self, n: int, on_breach: Callable[[Breach], None] | None, watched: Iterable[str]) -> None:
        self.nodes = [NodeModel(id) for id in range(n)]
        self.majority = n // 2 + 1
        self.record: Record
        self.leaders: dict[int, Leadership] = {}  # by term
        self.newest_term = 0  # of a leader
        self.commits: dict[
            int, tuple[int, int, int]
        ] = {}  # term of the leader → index, term of the entry, by whom
        self.prefixes = Prefixes(WINDOW)
        self.chain = Chain(WINDOW)
        self.applied: dict[int, tuple[int, object]] = {}  # index → who applied it first, and which command
        self.breaches: list[Breach] = []
        self._watched = frozenset(watched)
        self._broken: set[str] = set()
        self._on_breach = on_breach

    def breach(self, invariant: str, fact: str, other: str) -> None:
        """The event under way contradicts what was known."""
        if invariant not in self._watched or (len(self.breaches) >= MAX_BREACHES and invariant in self._broken):
            return
        record = self.record
        breach = Breach(invariant, (fact, other), record.seq, record.time, record.node, describe(record))
        self._broken.add(invariant)
        self.breaches.append(breach)
        if self._on_breach is not None:
            self._on_breach(breach)

    def is_known(self, entries: tuple[LogEntry, ...]) -> bool:
        """Whether some log had exactly these entries: its running hash vouches for each of them."""
        return not entries or self.prefixes.known(len(entries) - 1, entries[-1].term) == running_hash(entries)

    def load(self, node: NodeModel, entries: tuple[LogEntry, ...]) -> None:
        """`node` begins with these entries, which are known."""
        node.log = Terms(entry.term for entry in entries)
        node.running = self.prefixes.known(len(entries) - 1, node.log.last_term) if entries else EMPTY_LOG

    def append(self, node: NodeModel, entry: LogEntry) -> bool:
        """`node` has one more entry; False when another log has that index and term with other entries."""
        log, term = node.log, entry.term
        index, previous_term = log.length, log.last_term
        log.append(term)
        if node.running is None:  # its start is forgotten: go on from what the others have here
            node.running = self.prefixes.known(index, term)
            return True
        node.running = hash((node.running, term, fingerprint(entry.command)))
        return self.prefixes.note(index, term, node.running, previous_term)

    def truncate(self, node: NodeModel, index: int) -> None:
        """`node` has lost its entries from `index` on."""
        node.log.truncate(index)
        last = node.log.length - 1
        node.running = EMPTY_LOG if last < 0 else self.prefixes.known(last, node.log.term_at(last))

    def holder_of(self, index: int, term: int, but: NodeModel) -> str:
        """In words, whose log has `term` at `index` besides that of `but`."""
        for node in self.nodes:
            if node is not but and node.log.term_at(index) == term:
                return f"the log of {node}"
        return "a log"


def drop_lowest(by_term: MutableMapping[int, Any], keep: Iterable[int] = ()) -> None:
    """Forget the lowest terms when there are many more than `MAX_TERMS`, but none of `keep`."""
    if len(by_term) > 2 * MAX_TERMS:
        kept = set(keep)
        for term in sorted(by_term)[:MAX_TERMS]:
            if term not in kept:
                del by_term[term]


def show(command: object) -> str:
    """A command in short."""
    return command_text(command, 40)
