"""Snapshots on disk: written before the log is cut; a crash at any write leaves a state that the node had."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import disk, entries, thorough

from raftplay.cluster.storage.disk import Disk, MemoryDisk, TornWrite
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.raft.image import Image
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, CompactedEntry, Entry
from raftplay.raft.prefix import LogView, base_of, kept_of
from raftplay.raft.storage import MapStorage, PersistentState, Storage, StorageError

State = tuple[int, int, Sequence[Entry], bytes]


class Journal(MapStorage):
    """A storage that remembers every write and removal, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[str, bytes | None]] = []

    def set(self, key: str, value: bytes) -> None:
        super().set(key, value)
        self.done.append((key, value))

    def remove(self, keys: Sequence[str]) -> None:
        super().remove(keys)
        self.done += [(key, None) for key in keys]

    def after(self, count: int) -> MapStorage:
        """What a crash after that many writes would leave."""
        left = MapStorage()
        for key, value in self.done[:count]:
            if value is None:
                left.remove([key])
            else:
                left.set(key, value)
        return left


class Unremoving(Journal):
    """A storage that removes nothing, as a user's without `remove`."""

    def remove(self, keys: Sequence[str]) -> None:
        """Keep all values."""


def loaded(storage: Storage) -> State:
    state = PersistentState(storage)
    term, vote, log = state.load()
    assert state.base_index == log.base_index
    return term, vote, log.whole(), b"" if state.image is None else state.image.data


def long_log(storage: Storage, length: int = 6) -> tuple[PersistentState, RaftLog]:
    state, log = PersistentState(storage), RaftLog()
    log.extend(entries((1,) * length))
    state.save(1, 0, log)
    return state, log


def test_a_snapshot_replaces_the_entries_before_it():
    storage = Journal()
    state, log = long_log(storage)
    del storage.done[:]
    log.compact(3)
    assert state.save(1, 0, log, Image(3, 1, b"image"))
    assert [key for key, _ in storage.done] == ["snapshot", "length", "log/0", "log/1", "log/2", "log/3"]
    assert loaded(storage) == (1, 0, LogView(entries((1, 1), 4), 3, 1), b"image")
    assert (state.length, state.base_index, sorted(key for key, _ in storage.contents())) == (
        6,
        3,
        ["length", "log/4", "log/5", "snapshot", "vote"],
    )


def test_a_snapshot_that_is_stored_is_not_written_again():
    storage = Journal()
    state, log = long_log(storage)
    image = Image(3, 1, b"\n\x00image\n")
    log.compact(3)
    state.save(1, 0, log, image)
    written = len(storage.done)
    assert not state.save(1, 0, log, image)
    log.append(entries((1,), 6)[0])
    assert state.save(1, 0, log, image)
    assert [key for key, _ in storage.done[written:]] == ["log/6", "length"]
    assert loaded(storage)[3] == b"\n\x00image\n"


def test_a_snapshot_of_another_log_keeps_nothing_of_this_one():
    storage = Journal()
    state, log = long_log(storage)
    before = loaded(storage)
    del storage.done[:]
    first = storage.clone().contents()
    log.install(3, 2, keeps=False)
    state.save(2, NONE, log, Image(3, 2, b"other"), keeps=False)
    assert loaded(storage) == (2, NONE, LogView((), 3, 2), b"other")
    for count in range(len(storage.done) + 1):
        left = MapStorage()
        for key, value in first:
            left.set(key, value)
        for key, value in storage.done[:count]:
            left.remove([key]) if value is None else left.set(key, value)
        assert loaded(left) in (before, (2, NONE, *before[2:]), loaded(storage))


change = st.tuples(
    st.sampled_from(["append", "truncate", "compact", "install"]), st.integers(0, 9), st.integers(0, 3)
)


@thorough
@given(st.lists(change, min_size=1, max_size=9), st.booleans())
def test_after_a_crash_at_any_write_the_node_finds_a_state_that_it_had(changes, removes):
    """The same for each order of appends, conflicts, snapshots taken and snapshots installed."""
    storage = Journal() if removes else Unremoving()
    state = PersistentState(storage)
    term, log, image, keeps = 1, RaftLog(), None, True
    had: list[State] = [(0, NONE, (), b"")]

    def note() -> None:
        had.append((term, NONE, log.whole(), b"" if image is None else image.data))

    for number, (what, index, more) in enumerate(changes):
        term += more
        note()
        if what == "append":
            log.extend(entries((term,) * (more + 1), start=len(log)))
        elif what == "truncate" and log.base_index < index < len(log):
            log.truncate(index)
            note()
            log.extend(entries((term,), start=len(log)))
        elif what == "compact" and log.base_index < index < len(log):
            image, keeps = Image(index, log.term_at(index), b"taken %d" % number), True
            log.compact(index)
        elif what == "install" and index > log.base_index:
            image = Image(index, max(log.last_term, 1), b"installed %d" % number)
            keeps = log.term_at(index) == image.term
            log.install(index, image.term, keeps=keeps)
        note()
        saved_from = len(storage.done)
        state.save(term, NONE, log, image, keeps=keeps)
        for count in range(saved_from, len(storage.done) + 1):
            assert loaded(storage.after(count)) in had
        assert loaded(storage) == had[-1]
        assert state.length == len(log)
        again = PersistentState(storage.clone())
        _, _, log = again.load()
        assert len(log) == state.length


def test_entries_that_a_crash_kept_are_removed_with_the_next_snapshot():
    storage = Journal()
    state, log = long_log(storage)
    log.compact(3)
    state.save(1, 0, log, Image(3, 1, b"image"))
    left = storage.after(len(storage.done) - 2)  # of four removals, two
    assert left.get("log/2") is not None
    again = PersistentState(left)
    _, _, log = again.load()
    log.compact(4)
    again.save(1, 0, log, Image(4, 1, b"next"))
    assert [key for key, _ in left.contents()] == ["length", "log/5", "snapshot", "vote"]


def test_a_torn_snapshot_changes_nothing_where_a_write_is_a_transaction(tmp_path: Path):
    for number, below in enumerate((MemoryDisk(), SqliteStorage(tmp_path / "disk"))):
        over = Disk(below)
        state, log = long_log(over)
        before = loaded(over)
        for sets in range(3):
            over.tear_after(sets)
            log.compact(3)
            with pytest.raises(TornWrite):
                state.save(1, 0, log, Image(3, 1, b"image"))
            over.tear_after(-1)
            assert loaded(over) == before, (number, sets)
            assert state.base_index == NONE
        state.save(1, 0, log, Image(3, 1, b"image"))
        assert loaded(over)[2:] == (LogView(entries((1, 1), 4), 3, 1), b"image")
        assert over.get("log/3") is None
        if isinstance(below, SqliteStorage):
            below.reopen()
            assert loaded(below) == loaded(over)
            below.remove(["log/4", "nothing"])
            below.reopen()
            assert (below.get("log/4"), below.get("log/5")) == (None, b'["5@1",1]')
            below.close()


def test_a_storage_that_removes_nothing_keeps_its_entries_and_loads():
    storage = Unremoving()
    state, log = long_log(storage)
    log.compact(3)
    state.save(1, 0, log, Image(3, 1, b"image"))
    assert storage.get("log/0") is not None
    assert loaded(storage)[2] == LogView(entries((1, 1), 4), 3, 1)


def test_a_file_without_a_snapshot_loads_as_before():
    assert loaded(disk(2, (1, 2))) == (2, NONE, entries((1, 2)), b"")


@pytest.mark.parametrize("stored", [b"", b"image", b"[3,1]\n", b"[-1,1,true]\n", b"[3,1,1]\nx", b"\xff\n"])
def test_an_unreadable_snapshot_is_refused(stored):
    storage = disk(2, (1, 2))
    storage.set("snapshot", stored)
    with pytest.raises(StorageError, match="'snapshot' cannot be read"):
        loaded(storage)


def test_a_snapshot_that_cannot_be_the_nodes_is_refused():
    storage = disk(2, (1, 2))
    storage.set("snapshot", b"[1,3,true]\nx")
    with pytest.raises(StorageError, match="the stored snapshot is of term 3, but the node is in term 2"):
        loaded(storage)
    storage.set("snapshot", b"[0,2,true]\nx")
    storage.set("log/1", b'["x",1]')
    with pytest.raises(StorageError, match="entry 1 is of term 1, which cannot follow term 2"):
        loaded(storage)


def test_a_lost_snapshot_is_noticed():
    storage = disk(2, (1, 2))
    storage.set("length", b"[2,0]")
    with pytest.raises(StorageError, match="goes on after a snapshot up to entry 0, which is missing"):
        loaded(storage)


def test_a_view_of_a_log_has_a_place_for_each_compacted_entry():
    view = LogView(entries((2, 3), 2), 1, 2)
    assert (len(view), base_of(view), kept_of(view)) == (4, (1, 2), entries((2, 3), 2))
    compacted = CompactedEntry(None, 2)
    assert list(view) == [compacted, compacted, *entries((2, 3), 2)]
    assert (view[0], view[3], view[-1], view[1:3]) == (compacted, view.kept[1], view.kept[1], (compacted, view[2]))
    assert compacted.kind == "compacted"
    assert view == LogView(list(entries((2, 3), 2)), 1, 2)
    assert view != LogView(entries((2, 3), 2), 1, 1)
    assert view != tuple(view)
    assert (base_of(()), kept_of(())) == ((NONE, NONE), ())
    with pytest.raises(IndexError):
        view[4]
