"""The state of a node as a value: its clone and its fingerprint have every field, so that none is forgotten."""

from collections.abc import Callable
from dataclasses import fields

import pytest
from support.paper import settle

from raftplay import ConsensusModule, LogEntry, MapStorage, RequestVoteArgs, RequestVoteReply
from raftplay.explore.walks.shrink import take
from raftplay.explore.walks.walk import draw_walk, run_walk
from raftplay.raft.bugs import BUGS, module_with
from raftplay.raft.image import Image, Incoming
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, CMState
from raftplay.raft.progress import Mode, Progress
from raftplay.raft.roles import Candidacy, Leadership, PendingRead, ReadState, Rounds, Transfer
from raftplay.raft.state import ENVIRONMENT, FIELDS
from raftplay.raft.storage import PersistentState, Vote


def follower(storage: MapStorage | None = None) -> ConsensusModule:
    cm = ConsensusModule(0, (1, 2), MapStorage() if storage is None else storage)
    cm.start(0.0)
    return cm


def candidate(storage: MapStorage | None = None) -> ConsensusModule:
    cm = follower(storage)
    cm.time_out(0.0)
    settle(cm)
    return cm


def leader(storage: MapStorage | None = None) -> ConsensusModule:
    cm = candidate(storage)
    cm.reply_received(1, RequestVoteArgs(1, 0, -1, -1), RequestVoteReply(1, True), 0.0)
    cm.submit("x")
    settle(cm)
    return cm


APPEND = AppendEntriesArgs(1, 0, -1, -1, (), -1)


def _stored(cm: ConsensusModule) -> None:
    cm._store.vote = Vote(9, 2)


CHANGES: dict[str, Callable[[ConsensusModule], object]] = {
    "id": lambda cm: setattr(cm, "id", 3),
    "current_term": lambda cm: setattr(cm, "current_term", 9),
    "voted_for": lambda cm: setattr(cm, "voted_for", 2),
    "log": lambda cm: cm.log.append(LogEntry("y", 1)),
    "commit_index": lambda cm: setattr(cm, "commit_index", 0),
    "last_applied": lambda cm: setattr(cm, "last_applied", 0),
    "state": lambda cm: setattr(cm, "state", CMState.DEAD),
    "leader_id": lambda cm: setattr(cm, "leader_id", 2),
    "_candidacy": lambda cm: setattr(cm, "_candidacy", Candidacy("timeout", [0, 2])),
    "_leadership": lambda cm: setattr(cm, "_leadership", Leadership.over((1, 2), 5, 0.0)),
    "_dormant": lambda cm: setattr(cm, "_dormant", True),
    "_calls": lambda cm: cm._calls.append((1, APPEND)),
    "_store": _stored,
    "snapshot": lambda cm: setattr(cm, "snapshot", Image(0, 1, b"x")),
    "to_restore": lambda cm: vars(cm).update(snapshot=Image(0, 1, b"x"), to_restore=Image(0, 1, b"x")),
    "_keeps_log": lambda cm: vars(cm).update(snapshot=Image(0, 1, b"x"), _keeps_log=False),
    "_incoming": lambda cm: setattr(cm, "_incoming", Incoming(1, 0, 1, b"x")),
    "_reads": lambda cm: cm._reads.waiting.append(PendingRead(0, 1, 0, 0.0)),
}
"""A change of each field."""


@pytest.mark.parametrize("make", [follower, candidate, leader])
def test_every_field_of_a_node_is_in_its_fingerprint_or_known_to_be_no_state(
    make: Callable[[], ConsensusModule],
) -> None:
    assert vars(make()).keys() - {"rules"} == (FIELDS | ENVIRONMENT | ConsensusModule.time_fields) - {"rules"}
    assert make().own_fields == ()


def test_a_change_of_any_field_changes_the_fingerprint() -> None:
    assert CHANGES.keys() == FIELDS
    for name, change in CHANGES.items():
        cm = candidate() if name == "_candidacy" else leader()
        before = cm.fingerprint()
        assert cm.fingerprint() == before
        change(cm)
        assert cm.fingerprint() != before, name


PROGRESS = {"next": 7, "match": 5, "mode": Mode.PROBE, "in_flight": 3, "probe": APPEND, "unreached": True}


def test_a_change_of_any_field_of_a_role_changes_the_fingerprint() -> None:
    sent = {"image": Image(0, 1, b"x"), "offset": 1, "awaits_chunk": True, "asks": True}
    assert {field.name for field in fields(Progress)} == {*PROGRESS, *sent, "heard"}  # a time
    for name, value in (PROGRESS | sent).items():
        one, other = Progress(1), Progress(1)
        if name in sent and name != "image":
            one.image = other.image = Image(0, 1, b"x")
        setattr(other, name, value)
        assert one.fingerprint(int) != other.fingerprint(int), name
    assert {field.name for field in fields(Leadership)} == {
        *("progress", "due", "held_index", "transfer", "has_handed_over", "rounds")
    }
    held, due, moves, asks, told, both = (Leadership.over((1, 2), 1, 0.0) for _ in range(6))
    asks.rounds.start(1, 0, 0.0)
    told.has_handed_over = True
    moves.transfer = Transfer(2, 0.5)
    held.held_index = 0
    due.due[2] = due.progress[2]
    assert len({each.fingerprint(int) for each in (held, due, moves, asks, told, both)}) == 6
    rounds = [
        Rounds(2),
        Rounds(3),
        Rounds(3, confirmed=1),
        Rounds(3, acknowledged={1: 1}),
        Rounds(3, asked={1: 1}),
    ]
    assert len({each.fingerprint(int) for each in rounds}) == 5
    assert {field.name for field in fields(Rounds)} - {"newest", "lease_until", "started"} == {
        *("number", "confirmed", "acknowledged", "asked")
    }
    reads = [
        PendingRead(0, 1, 0, 0.0),
        PendingRead(0, 1, 0, 0.0, 4, True, 1),
        PendingRead(0, 1, 0, 0.0, is_refused=True),
    ]
    assert len({each.fingerprint(int) for each in reads}) == 3
    of_reads = [ReadState(), ReadState(reads), ReadState(next_number=7), ReadState(confirmed=(1, 7))]
    assert {field.name for field in fields(ReadState)} == {"waiting", "next_number", "confirmed"}
    assert len({each.fingerprint(int) for each in of_reads}) == 4
    for each in of_reads:
        assert each.clone().fingerprint(int) == each.fingerprint(int)
        each.clone().waiting.append(reads[0])  # the copy's, so that nothing changes here
    assert [len(each.waiting) for each in of_reads] == [0, 3, 0, 0]
    transfers = (Transfer(1, 0.5), Transfer(2, 0.5), Transfer(2, 0.5, sent=True))
    assert len({each.fingerprint(int) for each in transfers}) == 3
    assert {field.name for field in fields(Candidacy)} == {"votes", "pre_vote", "rule"}
    votes = (Candidacy("r", [0]), Candidacy("r", [0, 1]), Candidacy("r", [0], pre_vote=True))
    assert len({each.fingerprint(int) for each in votes}) == 3
    assert Candidacy("r", [0, 1]).fingerprint(int) == Candidacy("by-hand", [1, 0]).fingerprint(int)


def test_the_slots_of_a_log_and_the_fields_of_a_store_are_all_copied() -> None:
    ends = {"last_index", "last_term"}  # they follow from the entries and the base
    assert set(RaftLog.__slots__) - ends == {"_entries", "_frozen", "base_index", "base_term", "changed_from"}
    assert vars(PersistentState(MapStorage())).keys() == {
        "_storage",
        "_transaction",
        "_set_many",
        "_remove",
        "vote",
        "image",
        "_length",
        "_removed",
    }
    log = RaftLog([LogEntry("a", 1), LogEntry("b", 1)])
    log.compact(0)
    log.append(LogEntry("c", 2))
    other = log.clone()
    assert (other, other.changed_from, other.base_index) == (log, 2, 0)
    assert (other.last_index, other.last_term) == (log.last_index, log.last_term) == (2, 2)
    other.truncate(1)
    assert (len(log), len(other)) == (3, 1)
    assert (log.last_index, other.last_index) == (2, 0)


@pytest.mark.parametrize("bug", [None, *BUGS])
def test_a_clone_acts_as_its_original_would_and_apart_from_it(bug: str | None) -> None:
    module = module_with([] if bug is None else [bug])
    for make in (follower, candidate, leader):
        storage = MapStorage()
        made = make(storage)
        cm = made if bug is None else module(0, (1, 2), storage)
        if bug is not None:
            cm.start(0.0)
            vars(cm).update({name: value for name, value in vars(made).items() if name in FIELDS - {"_store"}})
        copies = storage.clone()
        clone = cm.clone(copies)
        before, disk = cm.fingerprint(), storage.contents()
        assert clone.fingerprint() == before
        inputs: list[Callable[[ConsensusModule], object]] = [
            lambda each: each.append_entries(AppendEntriesArgs(3, 1, NONE, NONE, (LogEntry("n", 3),), 0), 1.0),
            lambda each: each.request_vote(RequestVoteArgs(4, 2, 9, 9), 1.0),
            lambda each: each.time_out(1.0),
        ]
        answers = []
        for act in inputs:
            answers.append(act(clone))
            settle(clone)
        assert (cm.fingerprint(), storage.contents()) == (before, disk)
        for act, answer in zip(inputs, answers, strict=True):
            assert act(cm) == answer
            settle(cm)
        assert cm.fingerprint() == clone.fingerprint()
        assert storage.contents() == copies.contents()


def test_the_nodes_of_a_walk_and_their_clones_have_one_fingerprint_and_ids_can_be_renamed() -> None:
    swapped = (2, 1, 0).__getitem__
    for seed in range(10):
        walk = run_walk(draw_walk(seed, 3), most=150)
        cluster = walk.plan.cluster()
        for kind, what in walk.steps:
            take(cluster, kind, what, next((message for message in cluster.bag if message.id == what), None))
        for node in cluster.nodes:
            one = node.cm.fingerprint()
            assert node.cm.clone(node.storage.clone()).fingerprint() == one
            assert hash(one) == hash(node.cm.fingerprint())
            assert node.cm.fingerprint(swapped)[0] == 2 - node.id
            assert node.cm.fingerprint(lambda id: swapped(swapped(id))) == one


class Odd(ConsensusModule):
    """A node with a field of a kind that nobody knows how to copy."""

    def start(self, now: float) -> None:
        super().start(now)
        self.odd = bytearray(2)


def test_a_field_that_cannot_be_copied_or_compared_is_refused() -> None:
    cm = Odd(0, (1, 2), MapStorage())
    cm.start(0.0)
    assert cm.own_fields == ("odd",)
    with pytest.raises(TypeError, match="a bytearray in the state of a node needs a method clone"):
        cm.clone(MapStorage())
    with pytest.raises(TypeError, match="a bytearray in the state of a node needs a method fingerprint"):
        cm.fingerprint()
