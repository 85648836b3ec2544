"""Nodes to test the algorithm with: in a given role, term and log, driven by hand, one input at a time.

A log is written as its terms: (1, 1, 4) is three entries. Index and term name the command, so two logs made
here hold the same entry wherever they agree on its index and term, as Log Matching demands.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import Decision
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    Args,
    CMState,
    CommitEntry,
    LogEntry,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.storage import MapStorage, PersistentState, Storage
from support.amount import several

Terms = Sequence[int]

thorough = settings(derandomize=True, database=None, max_examples=several(100, least=40))
"""How hypothesis runs here: the same examples each time, however slow the machine, and all of them when asked."""


def entry(index: int, term: int) -> LogEntry:
    return LogEntry(f"{index}@{term}", term)


def entries(terms: Terms, start: int = 0) -> tuple[LogEntry, ...]:
    return tuple(entry(start + at, term) for at, term in enumerate(terms))


def terms_of(cm: ConsensusModule) -> tuple[int, ...]:
    return tuple(e.term for e in cm.log)


def disk(term: int, log: Terms = (), vote: int = NONE) -> MapStorage:
    """What a node of this term, vote and log left behind."""
    storage = MapStorage()
    kept = RaftLog()
    kept.extend(entries(log))
    PersistentState(storage).save(term, vote, kept)
    return storage


def loaded(storage: Storage) -> tuple[int, int, tuple[LogEntry, ...]]:
    """Term, vote and entries as a restart would find them."""
    term, vote, log = PersistentState(storage).load()
    return term, vote, log.frozen()


def on_disk(cm: ConsensusModule) -> tuple[int, int, tuple[LogEntry, ...]]:
    return loaded(cm._store._storage)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False, allow_infinity=False),
    text,
)
commands = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5), max_leaves=20
)
"""Any JSON value that is not too large."""


@st.composite
def diverging_logs(draw: st.DrawFn) -> tuple[Terms, Terms, int]:
    """Two logs that could stand in one cluster, and the length up to which they agree.

    Behind that each term belongs to one of them, as each term has but one leader.
    """
    agreed = sorted(draw(st.lists(st.integers(1, 3), max_size=6)))
    logs: tuple[list[int], list[int]] = (list(agreed), list(agreed))
    runs = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), max_size=6))
    for term, (owner, count) in enumerate(runs, start=4):
        logs[owner].extend([term] * count)
    return tuple(logs[0]), tuple(logs[1]), len(agreed)


def majority(n: int) -> int:
    return n // 2 + 1


def settle(cm: ConsensusModule) -> list[tuple[int, Args]]:
    """What a Server does after each input: storage first, then what must leave."""
    writes = 0
    while cm.persist():
        writes += 1
        assert writes < 5, "what is on disk is written again and again"
    return cm.take_calls()


def follower(
    n: int = 3,
    *,
    term: int = 1,
    log: Terms = (),
    vote: int = NONE,
    id: int = 0,
    storage: Storage | None = None,
    seed: int = 0,
    now: float = 0.0,
    told: list[Decision] | None = None,
    module: type[ConsensusModule] = ConsensusModule,
    **options: Any,
) -> ConsensusModule:
    """Node `id` of `n`, just started; `told` collects its decisions, `options` are those of RaftConfig."""
    cm = module(
        id,
        [peer for peer in range(n) if peer != id],
        disk(term, log, vote) if storage is None else storage,
        config=RaftConfig(**options),
        rng=random.Random(seed),
        observe=None if told is None else told.append,
    )
    cm.start(now)
    return cm


def candidate(n: int = 3, *, term: int = 1, log: Terms = (), **more: Any) -> ConsensusModule:
    """A node whose election timer has just fired for `term`; its RequestVotes have left."""
    cm = follower(n, term=term - 1, log=log, **more)
    cm.wake(cm.deadline)
    settle(cm)
    return cm


def leader(n: int = 3, *, term: int = 1, log: Terms = (), **more: Any) -> ConsensusModule:
    """A node that has just won `term`; its first heartbeats have left."""
    cm = candidate(n, term=term, log=log, **more)
    for peer in cm.peer_ids[: majority(n) - 1]:
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(term, True), 1.0)
    settle(cm)
    assert cm.state is CMState.LEADER
    return cm


ROLES = {"follower": follower, "candidate": candidate, "leader": leader}


def vote_call(cm: ConsensusModule, *, pre_vote: bool = False) -> RequestVoteArgs:
    """What `cm` asks its peers in its present term."""
    return RequestVoteArgs(cm.current_term + pre_vote, cm.id, cm.log.last_index, cm.log.last_term, pre_vote)


def append_call(
    term: int, log: Terms = (), *, after: int = NONE, commit: int = NONE, leader_id: int = 1
) -> AppendEntriesArgs:
    """What a leader of `term` with this log sends to a peer whose next_index is `after` + 1."""
    prev_term = log[after] if after >= 0 else NONE
    return AppendEntriesArgs(term, leader_id, after, prev_term, entries(log[after + 1 :], after + 1), commit)


def appends_to(calls: list[tuple[int, Args]], peer: int) -> list[AppendEntriesArgs]:
    return [args for to, args in calls if to == peer and isinstance(args, AppendEntriesArgs)]


def picture(cm: ConsensusModule) -> tuple[object, ...]:
    """All that can be seen of a node, to show that something changed nothing."""
    return (
        cm.node_state(),
        cm.log.frozen(),
        cm.leader_id,
        dict(cm.next_index),
        dict(cm.match_index),
        tuple(cm.votes),
        cm.deadline,
        cm.durable_vote,
        cm.has_output,
    )


@dataclass(eq=False)
class Message:
    """A call under way, or (with `reply`) the answer to it under way back."""

    src: int
    dst: int
    args: Args
    reply: Reply | None = None


class Torn(Exception):
    """A node crashes in the middle of writing."""


class Disk(MapStorage):
    """A storage that can be told to fail, as a crash would have it, after so many more values."""

    sets_left = math.inf

    def set(self, key: str, value: bytes) -> None:
        if self.sets_left <= 0:
            raise Torn
        self.sets_left -= 1
        super().set(key, value)


@dataclass(eq=False)
class ByHand:
    """A cluster in which nothing happens by itself: messages wait until they are delivered or lost."""

    disks: Sequence[Storage]
    options: dict[str, Any] = field(default_factory=dict)
    nodes: list[ConsensusModule] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    commits: list[list[CommitEntry]] = field(default_factory=list)
    now: float = 0.0
    restarts: int = 0

    def __post_init__(self) -> None:
        self.commits = [[] for _ in self.disks]
        for id in range(len(self.disks)):
            self.nodes.append(self._new_node(id))

    def _new_node(self, id: int) -> ConsensusModule:
        self.restarts += 1
        disks = self.disks
        return follower(len(disks), id=id, storage=disks[id], seed=self.restarts, now=self.now, **self.options)

    def alive(self, id: int) -> bool:
        return self.nodes[id].state is not CMState.DEAD

    def settle(self, id: int) -> bool:
        """Storage first, then what must leave; whether the node came through it alive."""
        cm = self.nodes[id]
        try:
            calls = settle(cm)
        except Torn:
            self.crash(id)
            return False
        self.messages += [Message(id, dst, args) for dst, args in calls]
        self.commits[id] += cm.take_commits()
        return self.alive(id)

    def time_out(self, id: int) -> None:
        """The election timer of node `id` fires, or the heartbeat timer of a leader."""
        cm = self.nodes[id]
        if self.alive(id):
            self.now = max(self.now, cm.deadline)
            cm.wake(self.now)
            self.settle(id)

    def submit(self, id: int, command: object) -> int:
        index = self.nodes[id].submit(command, self.now)
        self.settle(id)
        return index

    def deliver(self, message: Message) -> None:
        """Deliver a call or a reply; who wants it to arrive no second time takes it out of `messages`."""
        cm = self.nodes[message.dst]
        args = message.args
        if message.reply is not None:
            cm.reply_received(message.src, args, message.reply, self.now)
            self.settle(message.dst)
            return
        reply: Reply
        if isinstance(args, RequestVoteArgs):
            reply = cm.request_vote(args, self.now)
        else:
            reply = cm.append_entries(args, self.now)
        if self.settle(message.dst):
            self.messages.append(Message(message.dst, message.src, args, reply))

    def exchange(self, *ids: int) -> list[Message]:
        """Deliver all between these nodes until nothing is left, lose all else; what was delivered."""
        delivered: list[Message] = []
        while self.messages:
            assert len(delivered) < 5000, "they talk without end"
            message = self.messages.pop(0)
            if message.src in ids and message.dst in ids:
                self.deliver(message)
                delivered.append(message)
        return delivered

    def campaign(self, id: int, *voters: int) -> bool:
        """One election of node `id`, in which only `voters` hear it; whether it won. All else is lost."""
        self.time_out(id)
        calls = [m for m in self.messages if m.src == id and m.dst in voters]
        self.messages = []
        for call in calls:
            self.deliver(call)
        replies, self.messages = self.messages, []
        for reply in replies:
            self.deliver(reply)
        self.messages = []
        return self.nodes[id].state is CMState.LEADER

    def elect(self, id: int, *voters: int) -> None:
        """Let node `id` lead; its first attempts may only bring the voters' newer term to it."""
        assert any(self.campaign(id, *voters) for _ in range(5))

    def crash(self, id: int) -> None:
        self.nodes[id].stop()
        self.commits[id] = []

    def restart(self, id: int) -> None:
        self.nodes[id] = self._new_node(id)
