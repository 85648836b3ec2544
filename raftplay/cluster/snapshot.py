"""Snapshot: one immutable value with everything that a screen shows of a cluster at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftplay.cluster.client_port import values_of
from raftplay.cluster.hardware import USUAL, Hardware
from raftplay.cluster.network import LinkFaults
from raftplay.cluster.raised import FAILURES
from raftplay.cluster.timings import Timings
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, CMState, CommitEntry, Entry
from raftplay.raft.prefix import base_of
from raftplay.raft.rules import Rules
from raftplay.raft.storage import MapStorage
from raftplay.watch.facts import ITS_CODE
from raftplay.watch.text import command_text, or_dash
from raftplay.watch.words import link_text

if TYPE_CHECKING:
    from raftplay.cluster.server import DiskState, Server

NOT_KEPT = "not kept on disk"
"""The text for the commit index of a node that is down; a dash replaces it where room is short."""

RULES = Rules()
"""The rules of the correct algorithm."""

LONGEST_SHOWN = 40
"""The maximum number of characters of a command in a report."""


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """The state of one node in the terms of Figure 2, and its faults.

    For a node that is down, `current_term`, `voted_for` and `log` are what its disk holds and a restart loads;
    `commit_index` and `last_applied` are -1, as they are not kept on disk (Figure 2). `deadline` is when its
    timer fires, in cluster time (inf = never). `calls_left`: how many RPCs its proxy lets pass (-1 = all).
    `tearing`: its next write will be torn. `crash_cause`: how its disk or code failed, if that crashed it.
    `wiped`: its disk was wiped, with its votes and entries, so it must not come back. `hardware`: its disk, clock
    and own timings. `writing_since`: since when a write waits for its slow disk, in cluster time.
    `transferring_to`: the node to which it hands its leadership over (-1 = none). `lease_until`: when the lease
    ends by which it answers reads, in cluster time (0 = it has none). `log` and `commits` are
    immutable sequences, which compare equal to tuples. `store` has the values of its key-value store.
    """

    id: int
    state: CMState
    current_term: int
    voted_for: int
    log: Sequence[Entry]
    commit_index: int
    last_applied: int
    next_index: tuple[tuple[int, int], ...]
    match_index: tuple[tuple[int, int], ...]
    votes: tuple[int, ...]
    leader_id: int
    deadline: float
    alive: bool
    connected: bool
    frozen: bool
    calls_left: int
    tearing: bool
    incarnation: int
    listen_addr: tuple[str, int]
    commits: Sequence[CommitEntry]
    crash_cause: str = ""
    wiped: bool = False
    hardware: Hardware = USUAL
    writing_since: float | None = None
    transferring_to: int = NONE
    lease_until: float = 0.0
    store: Mapping[str, object] = field(default_factory=dict)

    @property
    def base_index(self) -> int:
        """Return the index of its last compacted entry (§7); -1 when there is none."""
        return base_of(self.log)[0]

    @property
    def last_index(self) -> int:
        """Return the index of its last entry; -1 when its log is empty."""
        return len(self.log) - 1

    @property
    def last_term(self) -> int:
        """Return the term of its last entry; -1 when its log is empty."""
        return self.log[-1].term if self.log else NONE

    @property
    def marks(self) -> list[str]:
        """Return the node's faults, each in a few words: "down", "cut off", "drops RPCs after 2"."""
        cause = ""
        if self.crash_cause:
            cause = ", its code failed" if self.crash_cause.startswith(ITS_CODE) else ", its disk failed"
        marks = (
            (f"down{cause}", not self.alive),
            ("wiped", self.wiped),
            ("cut off", self.alive and not self.connected),
            ("frozen", self.frozen),
            (f"drops RPCs after {self.calls_left}", self.alive and self.calls_left >= 0),
            ("next write torn", self.tearing),
        )
        successor = "" if self.transferring_to == NONE else f"hands over to {self.transferring_to}"
        since = "" if self.writing_since is None else f"a write waits since {self.writing_since:.3f} s"
        return [
            word for word, holds in (*marks, (since, since), (successor, successor)) if holds
        ] + self.hardware.words

    def __str__(self) -> str:
        first = max(len(self.log) - 8, self.base_index + 1)
        log = " ".join(f"{_cut(_shown(e.command))}@{e.term}" for e in self.log[first:])
        more = "… " if first > self.base_index + 1 else ""
        more = more if self.base_index < 0 else f"..{self.base_index} compacted; {more}"
        held = f"log of {len(self.log)} [{more}{log}]"
        kept = f"term {self.current_term}, vote {or_dash(self.voted_for)}"
        if not self.alive:
            cause = f"; crashed: {self.crash_cause}" if self.crash_cause else ""
            return f"node {self.id}: {self.state}, on disk: {kept}, {held}; commit {NOT_KEPT}{cause}"
        parts = [f"node {self.id}: {self.state}", kept, f"commit {or_dash(self.commit_index)}", held]
        return ", ".join(parts + self.marks)


def node_snapshot(
    server: "Server",
    kept: "DiskState",
    *,
    connected: bool,
    commits: Sequence[CommitEntry],
    crash_cause: str,
    wiped: bool,
    hardware: Hardware,
) -> NodeSnapshot:
    """Return the state of a node: of its disk, `kept`, if it is down; a blank one if its code has damaged it."""

    def state_of(cm: ConsensusModule) -> NodeSnapshot:
        numbers = (cm.current_term, cm.voted_for, cm.commit_index, cm.last_applied, cm.leader_id)
        if not (isinstance(cm.state, CMState) and all(isinstance(number, int) for number in numbers)):
            raise TypeError("a node's state is not what Figure 2 says")
        alive = not server.stopped
        current_term, voted_for, log = (cm.current_term, cm.voted_for, cm.log.view()) if alive else kept
        return NodeSnapshot(
            id=server.id,
            state=cm.state,
            current_term=current_term,
            voted_for=voted_for,
            log=log,
            commit_index=cm.commit_index if alive else NONE,
            last_applied=cm.last_applied if alive else NONE,
            next_index=tuple(cm.next_index.items()) if alive else (),
            match_index=tuple(cm.match_index.items()) if alive else (),
            votes=tuple(cm.votes) if alive else (),
            leader_id=cm.leader_id if alive else NONE,
            transferring_to=cm.transferring_to if alive else NONE,
            lease_until=cm.lease_until if alive else 0.0,
            deadline=cm.deadline,
            alive=alive,
            connected=connected,
            frozen=server.frozen,
            calls_left=server.proxy.calls_left,
            tearing=alive and server.disk.armed,
            incarnation=server.incarnation,
            listen_addr=server.listen_addr,
            commits=commits,
            crash_cause=crash_cause,
            wiped=wiped,
            hardware=hardware,
            writing_since=server.writing_since if alive else None,
            store=dict(values_of(server.machine)) if alive else {},
        )

    try:
        return state_of(server.cm)
    except FAILURES:
        blank = ConsensusModule(server.id, server.peer_ids, MapStorage())
        blank.state = CMState.DEAD
        return state_of(blank)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A cluster at one moment. `held_links`: directions that are held; `bugs`: the bugs that are switched on.
    `held_kinds`: directions that hold messages of a kind, with the kind.

    `node`: the class of the nodes, as `Config.node_name` gives it; `rules`: the rules that they ask. `timings`:
    the timings of elections; None when they are not known.
    """

    time: float
    backend: str
    seed: int
    speed: float
    paused: bool
    nodes: tuple[NodeSnapshot, ...]
    groups: tuple[tuple[int, ...], ...]
    faulty_links: tuple[tuple[tuple[int, int], LinkFaults], ...]
    held_links: tuple[tuple[int, int], ...] = ()
    held_kinds: tuple[tuple[int, int, str], ...] = ()
    bugs: tuple[str, ...] = ()
    node: str = ""
    rules: Rules = field(default=RULES, compare=False)
    timings: Timings | None = None

    @property
    def leader(self) -> NodeSnapshot | None:
        """Return the leader of the highest term among connected live nodes, or None."""
        leaders = [n for n in self.nodes if n.alive and n.connected and n.state is CMState.LEADER]
        return max(leaders, key=lambda n: n.current_term, default=None)

    @property
    def majority(self) -> int:
        """Return the number of nodes that are a majority (§5.2), by the rules that the nodes ask."""
        ids = range(len(self.nodes))
        try:
            return self.rules.quorum(ids).needed
        except FAILURES:  # rules of a user, whose nodes crash by this
            return RULES.quorum(ids).needed

    def __str__(self) -> str:
        lines = [*map(str, self.nodes), *network_lines(self)]
        return "\n".join((f"at {self.time:.3f} s:", *(f"  {line}" for line in lines)))

    def _repr_html_(self) -> str:
        from raftplay.html import table  # noqa: PLC0415 - only a notebook needs it

        rows = [
            (
                *(node.id, node.state, node.current_term, or_dash(node.voted_for), len(node.log)),
                *(or_dash(node.commit_index), ", ".join(node.marks)),
            )
            for node in self.nodes
        ]
        about = "; ".join((f"at {self.time:.3f} s", *network_lines(self)))
        heads = ("node", "state", "term", "vote", "log", "commit", "")
        return table(heads, rows, caption=about, numbers=(0, 2, 3, 4, 5))


def network_lines(snapshot: Snapshot) -> list[str]:
    """Return lines about the partition, and about links that have the same faults."""
    lines = []
    if snapshot.groups:
        lines.append("partition: " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups))
    by_words: dict[str, list[str]] = {}
    for (src, dst), faults in snapshot.faulty_links:
        by_words.setdefault(link_text(faults), []).append(f"{src}->{dst}")
    if snapshot.held_links:
        by_words["held"] = [f"{src}->{dst}" for src, dst in snapshot.held_links]
    for src, dst, kind in snapshot.held_kinds:
        by_words.setdefault(f"{kind} held", []).append(f"{src}->{dst}")
    for words, links in by_words.items():
        every = len(links) == len(snapshot.nodes) * (len(snapshot.nodes) - 1)
        lines.append(f"{'every link' if every else 'link ' + ' '.join(links)}: {words}")
    return lines


def _shown(command: object) -> str:
    """Return a command of the key-value store as users type it, another one as Python writes it."""
    return command_text(command) if isinstance(command, dict) and "kv" in command else repr(command)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
