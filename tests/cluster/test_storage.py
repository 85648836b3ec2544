"""Storage: what a node writes, what it reads back, what it refuses to read."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import commands, disk, entries, loaded, thorough

from raftplay.raft.commands import same_command
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import MAX_NUMBER, NONE, LogEntry
from raftplay.raft.storage import MapStorage, PersistentState, Storage, StorageError


class Journal(MapStorage):
    """A storage that remembers in which order it was written."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: list[tuple[str, bytes]] = []

    def set(self, key: str, value: bytes) -> None:
        super().set(key, value)
        self.sets.append((key, value))

    def after(self, count: int) -> MapStorage:
        """What a crash after that many writes would leave."""
        left = MapStorage()
        for key, value in self.sets[:count]:
            left.set(key, value)
        return left


def storage_of(**values: bytes) -> MapStorage:
    storage = MapStorage()
    for key, value in values.items():
        storage.set(key.replace("_", "/"), value)
    return storage


# ---- MapStorage


def test_map_storage_keeps_values_by_key():
    storage = MapStorage()
    assert (storage.has_data(), storage.get("a")) == (False, None)
    storage.set("a", b"1")
    storage.set("b", b"")
    storage.set("a", b"2")
    assert (storage.has_data(), storage.get("a"), storage.get("b"), storage.get("c")) == (True, b"2", b"", None)
    assert isinstance(storage, Storage)


# ---- round trips


def test_nothing_stored_is_a_new_node():
    assert loaded(MapStorage()) == (0, NONE, ())
    cm = ConsensusModule(0, (1, 2), MapStorage())
    assert (cm.current_term, cm.voted_for, len(cm.log)) == (0, NONE, 0)


terms = st.integers(0, MAX_NUMBER)


@thorough
@given(terms, st.integers(-1, 24), st.lists(st.tuples(commands, terms), max_size=6))
def test_what_was_saved_is_loaded(term, vote, pairs):
    log = RaftLog()
    log.extend(LogEntry(command, t) for (command, _), t in zip(pairs, sorted(t for _, t in pairs), strict=True))
    term = max(term, log.last_term)
    storage = MapStorage()
    PersistentState(storage).save(term, vote, log)
    got_term, got_vote, got = loaded(storage)
    assert (got_term, got_vote, len(got)) == (term, vote, len(log))
    for kept, entry in zip(got, log, strict=True):
        assert kept.term == entry.term
        assert same_command(kept.command, entry.command)


def test_saving_what_is_there_already_writes_nothing():
    storage = Journal()
    state = PersistentState(storage)
    log = RaftLog()
    log.extend(entries((1, 2)))
    assert state.save(3, 1, log)
    written = len(storage.sets)
    assert not state.save(3, 1, log)
    again = PersistentState(storage)
    term, vote, log = again.load()
    assert not again.save(term, vote, log)
    assert len(storage.sets) == written


def test_term_and_vote_are_one_value():
    storage = Journal()
    PersistentState(storage).save(7, 2, RaftLog())
    assert storage.sets == [("vote", b"[7,2]")]


def test_a_shortened_log_loses_its_length_before_any_entry_is_overwritten():
    storage = Journal()
    state = PersistentState(storage)
    log = RaftLog()
    log.extend(entries((1, 1, 1, 1)))
    state.save(1, NONE, log)
    del storage.sets[:]
    log.truncate(1)
    log.extend(entries((2, 2), start=1))
    state.save(1, NONE, log)
    assert [key for key, _ in storage.sets] == ["length", "log/1", "log/2", "length"]
    assert [value for key, value in storage.sets if key == "length"] == [b"1", b"3"]


def test_what_a_restarted_node_cuts_off_is_cut_off_on_disk_as_well():
    storage = disk(1, (1, 1, 1, 1))
    state = PersistentState(storage)
    term, vote, log = state.load()
    log.truncate(1)
    state.save(term, vote, log)
    assert loaded(storage) == (1, NONE, entries((1,)))
    assert state.length == 1


def test_a_log_that_only_shrinks_is_one_write():
    storage = Journal()
    state = PersistentState(storage)
    log = RaftLog()
    log.extend(entries((1, 1, 1)))
    state.save(1, NONE, log)
    del storage.sets[:]
    log.truncate(2)
    state.save(1, NONE, log)
    assert storage.sets == [("length", b"2")]


@pytest.mark.parametrize("length", [0, 10, 1_000, 20_000])
def test_what_one_more_entry_costs_does_not_depend_on_the_log(length):
    storage = Journal()
    state = PersistentState(storage)
    log = RaftLog()
    log.extend(LogEntry("x", 1) for _ in range(length))
    state.save(1, 0, log)
    del storage.sets[:]
    log.append(LogEntry("x", 1))
    state.save(1, 0, log)
    assert len(storage.sets) == 2
    assert sum(len(value) for _, value in storage.sets) <= 20


# ---- crashes in the middle of writing

change = st.tuples(
    st.integers(0, 3),  # by how much the term grows
    st.integers(-1, 4),  # the vote
    st.integers(0, 8),  # where the log is cut, if it reaches so far
    st.integers(0, 3),  # how many entries follow
)


@thorough
@given(st.lists(change, min_size=1, max_size=6))
def test_after_a_crash_at_any_write_the_node_finds_a_state_that_it_had(changes):
    storage = Journal()
    state = PersistentState(storage)
    term, vote, log = 0, NONE, RaftLog()
    had = [(0, NONE, ())]
    for more, new_vote, cut, added in changes:
        if more:
            term, vote = term + more, new_vote
            had.append((term, vote, log.frozen()))
        if added and cut < len(log) and log.last_term < term:
            log.truncate(cut)
            had.append((term, vote, log.frozen()))
        log.extend(entries((term,) * added, start=len(log)))
        had.append((term, vote, log.frozen()))
        saved_from = len(storage.sets)
        state.save(term, vote, log)
        for count in range(saved_from, len(storage.sets) + 1):
            assert loaded(storage.after(count)) in had
        assert loaded(storage) == had[-1]


# ---- what cannot be a node's state

GARBAGE = [
    b"",
    b"nonsense",
    b"null",
    b"{}",
    b"[",
    b"[]",
    b"[1]",
    b"[1,-2]",
    b"[-1,-1]",
    b"[1.0,-1]",
    b"[true,-1]",
    b'["1",-1]',
    b"[1,-1,0]",
    b"[1,-1] ",
    b"[1,-1]]",
    b"\xff\xfe",
    b'["\xff",1]',
    b"[" * 100_000,
]
UNREADABLE = [data for data in GARBAGE if data != b"[1,-1] "]  # blanks around JSON mean nothing


def test_a_log_without_a_vote_is_refused():
    storage = disk(3, (1, 2), 1)
    headless = MapStorage()
    for key in ("length", "log/0", "log/1"):
        headless.set(key, storage.get(key))
    with pytest.raises(StorageError, match="'vote'"):
        loaded(headless)
    with pytest.raises(StorageError, match="'vote'"):
        ConsensusModule(0, (1, 2), headless)


def test_a_missing_entry_is_refused():
    with pytest.raises(StorageError, match="'log/1'"):
        loaded(storage_of(vote=b"[3,0]", length=b"2", log_0=b'["x",1]'))


@pytest.mark.parametrize("data", UNREADABLE)
def test_an_unreadable_vote_is_refused(data):
    with pytest.raises(StorageError, match="'vote' cannot be read"):
        loaded(storage_of(vote=data))


@pytest.mark.parametrize("data", [*UNREADABLE, b'["x",-1]', b'["x",1,2]', b"[NaN,1]", b'["\\ud800x",1'])
def test_an_unreadable_entry_is_refused(data):
    with pytest.raises(StorageError, match="'log/0' cannot be read"):
        loaded(storage_of(vote=b"[3,-1]", length=b"1", log_0=data))


@pytest.mark.parametrize("data", [b"-1", b"1.5", b'"1"', b"[1]", b"", b"x"])
def test_an_unreadable_length_is_refused(data):
    with pytest.raises(StorageError, match="'length' cannot be read"):
        loaded(storage_of(vote=b"[3,-1]", length=data, log_0=b'["x",1]'))


def test_an_absurd_length_is_refused_without_ado():
    with pytest.raises(StorageError, match="'log/1'"):
        loaded(storage_of(vote=b"[3,-1]", length=b"9" * 18, log_0=b'["x",1]'))


@pytest.mark.parametrize(("current_term", "log"), [(3, (2, 1)), (3, (4,)), (1, (1, 1, 2)), (0, (1,))])
def test_terms_that_no_log_can_have_are_refused(current_term, log):
    values = {f"log_{i}": b'["x",%d]' % term for i, term in enumerate(log)}
    with pytest.raises(StorageError, match="cannot follow"):
        loaded(storage_of(vote=b"[%d,-1]" % current_term, length=b"%d" % len(log), **values))


@thorough
@given(st.sampled_from(["vote", "length", "log/0", "log/1"]), st.binary(max_size=12))
def test_any_garbage_gives_a_state_or_a_storage_error_and_nothing_else(key, data):
    storage = disk(3, (1, 2), 1)
    storage.set(key, data)
    with suppress(StorageError):
        term, vote, log = loaded(storage)
        assert all(e.term <= term for e in log)
        assert vote >= NONE
