"""Persistent state (Figure 2): "Updated on stable storage before responding to RPCs", and what that costs."""

import random

import pytest
from support.paper import ROLES, append_call, disk, entries, follower, leader, loaded, on_disk, settle, vote_call

from raftplay import Config, ConsensusModule, Harness, Server
from raftplay.backends.sim import SimBackend
from raftplay.cluster.network import Network
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    InternalEntry,
    LogEntry,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.storage import MapStorage
from raftplay.watch import facts
from raftplay.watch.stream import Stream


class Counting(MapStorage):
    """A storage that notes each write, in one list with whatever else is noted there."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes
        self.bytes = 0

    def set(self, key: str, value: bytes) -> None:
        super().set(key, value)
        self.notes.append(f"set {key}")
        self.bytes += len(value)


# ---- what is written

INPUTS = {
    "its election timer fires": (lambda cm: cm.wake(cm.deadline), (4, 0)),
    "it votes": (lambda cm: cm.request_vote(RequestVoteArgs(4, 2, 5, 3)), (4, 2)),
    "it refuses its vote in a newer term": (lambda cm: cm.request_vote(RequestVoteArgs(7, 2, -1, -1)), (7, NONE)),
    "it hears a newer leader": (lambda cm: cm.append_entries(append_call(6)), (6, NONE)),
    "it is told a newer term": (
        lambda cm: cm.reply_received(1, vote_call(cm), RequestVoteReply(9, False), 1.0),
        (9, NONE),
    ),
}


@pytest.mark.parametrize("what", INPUTS)
def test_term_and_vote_are_on_disk_before_anything_leaves_figure_2(what):
    cm = follower(term=3, log=(1, 3))
    act, expected = INPUTS[what]
    act(cm)
    assert cm.persist()
    assert on_disk(cm) == (*expected, entries((1, 3)))
    assert (cm.durable_vote.current_term, cm.durable_vote.voted_for) == expected
    assert not cm.persist()


def test_what_follows_from_a_write_is_written_with_it_figure_2():
    """A node alone leads as soon as its own vote is on disk; the no-op of its term is there then too."""
    cm = ConsensusModule(0, (), MapStorage(), config=RaftConfig(noop=True))
    cm.start(0.0)
    cm.time_out(1.0)
    assert cm.persist(1.0)
    assert (cm.state, cm.commit_index) == (CMState.LEADER, 0)
    assert on_disk(cm) == (1, 0, (InternalEntry(1, "no-op"),))
    assert not cm.persist(1.0)


def test_stepping_down_within_a_term_keeps_the_vote_on_disk_figure_2():
    for role in ("candidate", "leader"):
        cm = ROLES[role](term=3)
        cm.append_entries(append_call(3))
        settle(cm)
        assert on_disk(cm)[:2] == (3, 0)


def test_entries_are_on_disk_on_both_sides_before_they_count_figure_2():
    cm = leader(term=2)
    cm.submit("x")
    calls = settle(cm)
    assert on_disk(cm) == (2, 0, (LogEntry("x", 2),))
    peer = follower(term=1, id=1)
    assert peer.append_entries(calls[0][1]).success
    settle(peer)
    assert on_disk(peer) == (2, NONE, (LogEntry("x", 2),))


def test_what_is_volatile_is_gone_after_a_restart_and_the_rest_is_not_figure_2():
    storage = disk(0)
    cm = leader(1, term=1, storage=storage)
    cm.submit("x")
    settle(cm)
    assert (cm.state, cm.commit_index) == (CMState.LEADER, 0)
    again = follower(1, storage=storage)
    assert (again.state, again.commit_index, again.last_applied) == (CMState.FOLLOWER, NONE, NONE)
    assert (again.current_term, again.voted_for, again.log) == (1, 0, cm.log)
    assert (again.next_index, again.match_index, again.votes) == ({}, {}, [])


# ---- what it costs


@pytest.mark.parametrize("length", [0, 1_000, 20_000])
@pytest.mark.parametrize("commands", [1, 50])
def test_the_cost_of_a_submit_does_not_depend_on_the_length_of_the_log(length, commands):
    storage = Counting([])
    cm = leader(1, term=1, storage=storage)
    for _ in range(length):
        cm.submit("x")
    settle(cm)
    storage.notes.clear()
    before = storage.bytes
    for _ in range(commands):
        cm.submit("x")
    settle(cm)
    assert storage.notes == [*(f"set log/{length + i}" for i in range(commands)), "set length"]
    assert storage.bytes - before <= 10 * commands + 6


def test_heartbeats_refusals_and_old_messages_cost_no_write():
    notes = []
    storage = Counting(notes)
    cm = follower(storage=storage)
    cm.append_entries(append_call(3, (1, 2)))
    settle(cm)
    notes.clear()
    for act in (
        lambda: cm.append_entries(append_call(3, (1, 2), after=1, commit=1)),
        lambda: cm.append_entries(append_call(3, (1, 2))),
        lambda: cm.append_entries(append_call(3, (1, 2, 3, 3), after=2)),
        lambda: cm.append_entries(append_call(2, (1, 1))),
        lambda: cm.request_vote(RequestVoteArgs(3, 2, -1, -1)),
        lambda: cm.request_vote(RequestVoteArgs(9, 2, 5, 5, pre_vote=True)),
        lambda: cm.submit("not the leader"),
        lambda: cm.wake(0.0),
    ):
        act()
        settle(cm)
    assert notes == []


# ---- the order in which a Server lets things out


class Alone:
    """One Server of three whose peers do not exist; what it writes, sends and answers is noted in order."""

    def __init__(self, seed: int = 1, **bugs: object) -> None:
        self.notes: list[str] = []
        self.backend = SimBackend()
        self.storage = Counting(self.notes)
        stream = Stream(self.backend.now)
        stream.attach(self.note)
        self.server = Server(
            0,
            (1, 2),
            self.storage,
            backend=self.backend,
            network=Network(range(3), random.Random(seed)),
            config=Config(**bugs),
            seed=str(seed),
            stream=stream,
            on_commits=lambda commits: self.notes.append(f"commit {len(commits)}"),
        )
        for peer in (1, 2):
            self.server.connect_to_peer(peer, ("sim", 1000 + peer))

    def note(self, record: facts.Record) -> None:
        match record.event:
            case facts.CallSent(dst=dst, args=args):
                self.notes.append(f"{type(args).__name__} to {dst}")

    def ask(self, args) -> list[str]:
        """Hand a call to the server; what happened from then on."""
        self.notes.clear()
        proxy = self.server.proxy
        receive = proxy.request_vote if isinstance(args, RequestVoteArgs) else proxy.append_entries
        receive(args, lambda reply: self.notes.append(f"answer {reply.term}"))
        self.backend.pass_time(0.02)  # longer than a proxy delays a request
        return self.notes

    def lead(self) -> None:
        self.server.serve()
        self.server.time_out()
        term = self.server.cm.current_term
        self.server.cm.reply_received(1, vote_call(self.server.cm), RequestVoteReply(term, True), 0.0)
        self.backend.pass_time(0.001)
        self.notes.clear()


def test_a_vote_is_written_before_it_is_answered_figure_2():
    assert Alone().ask(RequestVoteArgs(1, 1, -1, -1)) == ["set vote", "answer 1"]


def test_entries_are_written_before_they_are_acknowledged_figure_2():
    assert Alone().ask(append_call(1, (1, 1), commit=0)) == [
        "set vote",
        "set log/0",
        "set log/1",
        "set length",
        "commit 1",
        "answer 1",
    ]


def test_a_log_is_shortened_on_disk_before_it_grows_again_figure_2():
    server = Alone()
    server.ask(append_call(1, (1, 1, 1)))
    assert server.ask(append_call(2, (1, 2, 2))) == [
        "set vote",
        "set length",
        "set log/1",
        "set log/2",
        "set length",
        "answer 2",
    ]
    assert loaded(server.storage) == (2, NONE, entries((1, 2, 2)))


def test_a_candidate_writes_its_term_and_vote_before_it_asks_figure_2():
    server = Alone()
    server.server.serve()
    server.server.time_out()
    assert server.notes == ["set vote", "RequestVoteArgs to 1", "RequestVoteArgs to 2"]


def test_a_leader_writes_an_entry_before_it_sends_it_figure_2():
    server = Alone()
    server.lead()
    assert [server.server.submit(command) for command in ("x", "y")] == [0, 1]
    server.backend.pass_time(0.0)
    assert server.notes == [
        "set log/0",
        "set log/1",
        "set length",
        "AppendEntriesArgs to 1",
        "AppendEntriesArgs to 2",
    ]


class Auditor:
    """Reads the stream of a cluster; at each message that leaves it looks into the sender's storage."""

    def __init__(self) -> None:
        self.harness: Harness | None = None
        self.calls: dict[int, object] = {}
        self.seen = 0
        self.breaches: list[tuple[str, object]] = []

    def __call__(self, record: facts.Record) -> None:
        match record.event:
            case facts.CallSent(call_id=call_id, src=src, args=args):
                self.calls[call_id] = args
                self._audit("call", record.event, self._call_is_covered(src, args))
            case facts.ReplySent(call_id=call_id, src=src, reply=reply):
                covered = self._reply_is_covered(src, self.calls[call_id], reply)
                self._audit("reply", record.event, covered)

    def _audit(self, what, event, covered):
        self.seen += 1
        if not covered:
            self.breaches.append((what, event))

    def _call_is_covered(self, src, args):
        term, vote, log = loaded(self.harness.storage[src])
        match args:
            case RequestVoteArgs():
                return (term, vote) == (args.term, src)
            case AppendEntriesArgs(prev_log_index=previous, entries=sent):
                return term == args.term and log[previous + 1 :][: len(sent)] == sent

    def _reply_is_covered(self, src, args, reply):
        term, vote, log = loaded(self.harness.storage[src])
        match reply:
            case RequestVoteReply(vote_granted=True):
                return (term, vote) == (args.term, args.candidate_id)
            case AppendEntriesReply(success=True):
                return term == reply.term and log[args.prev_log_index + 1 :][: len(args.entries)] == args.entries
        return term == reply.term


def audited(seed, bugs=()):
    """Five seconds of churn under the eyes of an auditor."""
    auditor = Auditor()
    with Harness(3, backend="sim", seed=seed, config=Config(bugs=bugs), watch=False) as h:
        auditor.harness = h
        h.stream.attach(auditor)
        rng = random.Random(seed)
        for step in range(100):
            for id in range(3):
                h.submit_to_server(id, step)
            h.sleep_ms(50)
            id = rng.randrange(3)
            chance = rng.randrange(16)
            if not h.alive[id]:
                h.restart_peer(id)
            elif chance == 0:
                h.crash_peer(id)
            elif chance == 1:
                h.tear_peer(id, rng.randrange(4))
            elif chance == 2:
                h.partition([id])
            elif chance < 6:
                h.heal()
            elif chance == 6:
                h.time_out_peer(id)
    return auditor


@pytest.mark.parametrize("seed", range(8))
def test_no_message_leaves_a_server_that_its_disk_does_not_cover_figure_2(seed):
    auditor = audited(seed)
    assert auditor.breaches == []
    assert auditor.seen > 400


@pytest.mark.parametrize("bug", ["forget-vote", "forget-term", "ack-before-durable"])
def test_the_auditor_sees_what_leaves_too_early(bug):
    assert any(audited(seed, (bug,)).breaches for seed in range(4))
