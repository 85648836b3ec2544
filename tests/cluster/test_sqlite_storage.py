"""SqliteStorage: what it keeps, when it is on disk, whose it is, and what it refuses."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.disks import WHOSE, contents, read, refused, save, written
from support.paper import entries, loaded, thorough

from raftplay import SqliteStorage, Storage, StorageError
from raftplay.cluster.storage import sqlite_file
from raftplay.cluster.storage.sqlite_file import APPLICATION_ID, FORMAT, DiskOwner
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, LogEntry
from raftplay.raft.storage import PersistentState, Transactional


def change(path: Path, *statements: str) -> None:
    """Change a file behind raftplay's back."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        for statement in statements:
            db.execute(statement)


# ---- what it keeps


def test_it_keeps_values_by_key_over_its_closing(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk") as storage:
        assert isinstance(storage, Storage)
        assert isinstance(storage, Transactional)
        assert (storage.has_data(), storage.get("a")) == (False, None)
        storage.set("a", b"1")
        storage.set("b", b"")
        storage.set("a", b"2")
        assert (storage.has_data(), storage.get("a"), storage.get("b"), storage.get("c")) == (
            True,
            b"2",
            b"",
            None,
        )
    with SqliteStorage(tmp_path / "disk") as storage:
        assert (storage.has_data(), storage.get("a"), storage.get("b"), storage.get("c")) == (
            True,
            b"2",
            b"",
            None,
        )


@thorough
@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.binary(max_size=6000)),
        max_size=8,
    )
)
def test_any_key_and_any_bytes_come_back(pairs: list[tuple[str, bytes]]):
    path = Path(os.environ["PYTEST_DISK"])
    with suppress(FileNotFoundError):
        path.unlink()
    with SqliteStorage(path) as storage:
        with storage.transaction():
            for key, value in pairs:
                storage.set(key, value)
        storage.reopen()
        assert {key: storage.get(key) for key, _ in pairs} == dict(pairs)


@pytest.fixture(autouse=True)
def _one_file_for_all_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISK", str(tmp_path / "example"))


def test_a_node_finds_its_term_vote_and_log(tmp_path: Path):
    assert written(tmp_path / "disk", 7, (1, 4, 4), 2) == (7, 2, entries((1, 4, 4)))
    assert read(tmp_path / "disk") == (7, 2, entries((1, 4, 4)))


def test_it_outlives_its_thread(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk") as storage:
        thread = threading.Thread(target=lambda: storage.set("a", b"1"))
        thread.start()
        thread.join()
        assert storage.get("a") == b"1"


def test_closing_leaves_one_file_and_is_safe_to_do_twice(tmp_path: Path):
    storage = SqliteStorage(tmp_path / "disk")
    storage.set("a", b"1")
    storage.close()
    storage.close()
    assert list(contents(tmp_path)) == ["disk"]
    for use in (lambda: storage.get("a"), lambda: storage.set("a", b"2"), storage.has_data, storage.wipe):
        with pytest.raises(StorageError, match="is closed"):
            use()


def test_whoever_opens_the_file_with_sqlite_sees_the_entries(tmp_path: Path):
    written(tmp_path / "disk", 3, (1, 2), 1)
    with closing(sqlite3.connect(tmp_path / "disk")) as db:
        rows = db.execute("SELECT key, CAST(value AS TEXT) FROM data ORDER BY key").fetchall()
        assert rows == [("length", "2"), ("log/0", '["0@1",1]'), ("log/1", '["1@2",2]'), ("vote", "[3,1]")]
        assert db.execute("SELECT cluster, node, nodes, wiped FROM about").fetchall() == [("c" * 32, 1, 3, 0)]
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)


# ---- transactions


def count_transactions(storage: SqliteStorage) -> list[str]:
    """The statements that SQLite runs, as they come."""
    told: list[str] = []
    storage._open_db().set_trace_callback(told.append)
    return told


def test_what_one_saving_writes_is_one_transaction_and_each_entry_is_written_once(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk") as storage:
        state, log = PersistentState(storage), RaftLog()
        told = count_transactions(storage)
        log.extend(entries((1,) * 100))
        assert state.save(1, 0, log)
        assert told.count("COMMIT") == told.count("BEGIN IMMEDIATE") == 1
        assert sum("INSERT" in statement for statement in told) == 102
        del told[:]
        log.append(LogEntry("more", 2))
        assert state.save(2, NONE, log)
        assert told.count("COMMIT") == 1
        assert sum("INSERT" in statement for statement in told) == 3
        del told[:]
        assert not state.save(2, NONE, log)
        assert told == []


def test_a_commit_is_synced_and_what_is_committed_lies_in_the_database_itself(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk") as storage:
        db = storage._open_db()
        settings = {
            name: db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "journal_mode", "locking_mode")
        }
        assert settings == {"synchronous": 2, "journal_mode": "truncate", "locking_mode": "exclusive"}
        storage.set("a", b"needle in the file")
        assert b"needle in the file" in storage.path.read_bytes()
        assert Path(f"{storage.path}-journal").stat().st_size == 0


def test_of_a_transaction_that_fails_nothing_is_left(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk") as storage:
        storage.set("a", b"1")
        with suppress(KeyError), storage.transaction():
            storage.set("a", b"2")
            storage.set("b", b"2")
            assert (storage.get("a"), storage.get("b"), storage.has_data()) == (b"2", b"2", True)
            raise KeyError("in the middle")
        assert (storage.get("a"), storage.get("b")) == (b"1", None)
        with storage.transaction(), storage.transaction():
            storage.set("a", b"3")
        storage.reopen()
        assert (storage.get("a"), storage.get("b")) == (b"3", None)


def test_a_node_whose_write_failed_writes_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with SqliteStorage(tmp_path / "disk") as storage:
        state, log = PersistentState(storage), RaftLog()
        state.save(1, 0, log)
        log.extend(entries((2, 2)))
        with monkeypatch.context() as broken:
            broken.setattr(sqlite_file, "write_about", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                state.save(2, 1, log)
        assert loaded(storage) == (1, 0, ())
        assert (state.vote.current_term, state.length) == (1, 0)
        assert state.save(2, 1, log)
        assert loaded(storage) == (2, 1, entries((2, 2)))


# ---- whose it is


def test_a_file_knows_whose_it_is(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        assert (storage.identity, storage.wiped) == (WHOSE, False)
    assert read(tmp_path / "disk") == (0, NONE, ())
    for identity, match in (
        (DiskOwner("c" * 32, 2, 3), "is the disk of node 1, not of node 2"),
        (DiskOwner("d" * 32, 1, 3), "belongs to another cluster than the files beside it"),
        (DiskOwner("c" * 32, 1, 5), "belongs to a cluster of 3 nodes, not of 5"),
        (None, "belongs to a cluster of 3 nodes, not of 1"),
    ):
        with refused(tmp_path, match):
            SqliteStorage(tmp_path / "disk", identity)


def test_a_wiped_disk_is_empty_and_knows_it(tmp_path: Path):
    written(tmp_path / "disk")
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        storage.wipe()
        assert (storage.wiped, storage.has_data(), storage.get("vote")) == (True, False, None)
        storage.reopen()
        assert (storage.wiped, storage.has_data()) == (True, False)
        copy = storage.in_memory()
        assert (copy.wiped, copy.has_data()) == (True, False)


def test_a_page_of_another_nodes_disk_is_no_page_of_this_one(tmp_path: Path):
    written(tmp_path / "disk")
    other = DiskOwner(WHOSE.cluster, 2, 3)
    with SqliteStorage(tmp_path / "other", other) as storage:
        save(storage, 3, (1, 1, 2, 3), 1)
    mine, theirs = (tmp_path / "disk").read_bytes(), (tmp_path / "other").read_bytes()
    assert len(mine) == len(theirs) == 3 * 4096
    (tmp_path / "disk").write_bytes(mine[: 2 * 4096] + theirs[2 * 4096 :])
    with refused(tmp_path, "the checksum of '.*' is wrong"):
        read(tmp_path / "disk")


# ---- what is refused


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is damaged: it ends after 0 bytes"),
    "text": (lambda path: path.write_text("hello " * 100), "another program's file"),
    "directory": (lambda path: (path.unlink(), path.mkdir()), "is not a file"),
    "fifo": (lambda path: (path.unlink(), os.mkfifo(path)), "is not a file"),
    "dangling link": (lambda path: (path.unlink(), path.symlink_to("nowhere")), "cannot be read: No such file"),
    "another program's database": (
        lambda path: (path.unlink(), change(path, "CREATE TABLE t (a)")),
        "is another program's SQLite file",
    ),
    "newer": (
        lambda path: change(path, "PRAGMA user_version = 2"),
        "is of format 2, which a newer raftplay wrote",
    ),
    "older": (lambda path: change(path, "PRAGMA user_version = 0"), "changed by another program"),
    "write-ahead log": (lambda path: change(path, "PRAGMA journal_mode = WAL"), "changed by another program"),
    "stray log": (lambda path: Path(f"{path}-wal").write_bytes(b"x"), "changed by another program"),
    "one more table": (lambda path: change(path, "CREATE TABLE t (a)"), "its tables are wrong"),
    "trigger": (
        lambda path: change(path, "CREATE TRIGGER t AFTER INSERT ON about BEGIN DELETE FROM data; END"),
        "its tables are wrong",
    ),
    "no table": (lambda path: change(path, "DROP TABLE data"), "its tables are wrong"),
    "not about": (lambda path: change(path, "DELETE FROM about"), "its identity is missing or wrong"),
    "about twice": (
        lambda path: change(path, "INSERT INTO about SELECT * FROM about"),
        "its identity is missing or wrong",
    ),
    "about another": (lambda path: change(path, "UPDATE about SET node = 2"), "its identity is missing or wrong"),
    "no text": (
        lambda path: change(path, "UPDATE about SET cluster = CAST(x'ff' AS TEXT)"),
        "is damaged: Could not decode",
    ),
    "row gone": (
        lambda path: change(path, "DELETE FROM data WHERE key = 'log/3'"),
        "is missing, or is an old state",
    ),
    "length gone": (
        lambda path: change(path, "DELETE FROM data WHERE key = 'length'"),
        "is missing, or is an old",
    ),
    "vote gone": (
        lambda path: change(path, "DELETE FROM data WHERE key = 'vote'"),
        "is missing, or is an old state",
    ),
    "row changed": (
        lambda path: change(path, "UPDATE data SET value = x'31' WHERE key = 'length'"),
        "checksum of 'length'",
    ),
    "rows changed about": (
        lambda path: change(
            path, "UPDATE data SET value = (SELECT value FROM data WHERE key = 'log/1') WHERE key = 'log/0'"
        ),
        "checksum of 'log/0'",
    ),
    "value no bytes": (
        lambda path: change(path, "UPDATE data SET value = 'x' WHERE key = 'vote'"),
        "checksum of 'vote'",
    ),
    "key no text": (lambda path: change(path, "UPDATE data SET key = x'00' WHERE key = 'vote'"), "checksum of 'b"),
    "hostile key": (
        lambda path: change(path, "UPDATE data SET key = char(27) || '[2J' WHERE key = 'vote'"),
        "checksum of ",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_disk_of_the_node_is_refused_and_left_alone(tmp_path: Path, name: str):
    written(tmp_path / "disk")
    spoil, match = REFUSALS[name]
    spoil(tmp_path / "disk")
    with refused(tmp_path, match):
        SqliteStorage(tmp_path / "disk", WHOSE)


def test_a_log_without_its_term_and_vote_is_refused(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        for key, value in (("length", b"1"), ("log/0", b'["x",1]')):
            storage.set(key, value)
    with refused(tmp_path, "no 'vote'; its other data is useless without it"):
        read(tmp_path / "disk")


def test_a_list_of_free_pages_that_names_one_in_use_is_refused(tmp_path: Path):
    path = tmp_path / "disk"
    with SqliteStorage(path, WHOSE) as storage:
        storage.set("big", bytes(20_000))
        storage.set("big", b"small")
    data = path.read_bytes()
    assert int.from_bytes(data[36:40], "big") >= 3  # free pages; the next write takes the first of them
    path.write_bytes(data[:32] + (3).to_bytes(4, "big") + data[36:])
    with refused(tmp_path, "is damaged"):
        SqliteStorage(path, WHOSE)


def test_a_path_that_cannot_be_is_refused(tmp_path: Path):
    for path, match in (
        (tmp_path / "a" / "b", "cannot be made: No such file"),
        ("nul\0nul", "null byte"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with refused(tmp_path, match):
            SqliteStorage(path)


def test_a_disk_that_is_open_is_nobody_elses(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        storage.set("a", b"1")
        with refused(tmp_path, "is in use in this process"):
            SqliteStorage(tmp_path / "disk", WHOSE)
        (tmp_path / "link").symlink_to("disk")
        with refused(tmp_path, "is in use in this process"):
            SqliteStorage(tmp_path / "link", WHOSE)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            change(tmp_path / "disk", "DELETE FROM data")
        storage.set("a", b"2")
    change(tmp_path / "disk", "PRAGMA user_version")


def test_a_disk_that_another_program_uses_is_refused(tmp_path: Path):
    written(tmp_path / "disk")
    with closing(sqlite3.connect(tmp_path / "disk", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="is in use by another process"):
            SqliteStorage(tmp_path / "disk", WHOSE)
        db.execute("ROLLBACK")
    read(tmp_path / "disk")


def test_a_read_only_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path / "disk")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for a user who is not root
    with refused(tmp_path, "cannot be written: it is read-only"):
        SqliteStorage(tmp_path / "disk", WHOSE)


def test_a_disk_that_turns_read_only_while_it_is_open_says_so(tmp_path: Path):
    written(tmp_path / "disk")
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        storage._open_db().execute("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match="cannot be written: it is read-only"):
            storage.set("a", b"1")


def test_a_full_disk_says_so_and_keeps_what_it_has(tmp_path: Path):
    state = written(tmp_path / "disk")
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        storage._open_db().execute("PRAGMA max_page_count = 4")
        with pytest.raises(StorageError, match="cannot be written: there is no room left on the disk") as refusal:
            storage.set("big", bytes(100_000))
        assert "\n" not in str(refusal.value)
        assert loaded(storage) == state
        storage.set("small", b"1")
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        assert (loaded(storage), storage.get("small"), storage.get("big")) == (state, b"1", None)


def test_a_file_that_is_damaged_while_it_is_open_is_found_out_at_the_restart(tmp_path: Path):
    written(tmp_path / "disk")
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        data = storage.path.read_bytes()
        storage.path.write_bytes(data.replace(b'["1@1",1]', b'["1@7",1]'))
        with pytest.raises(StorageError, match="the checksum of 'log/1' is wrong"):
            storage.reopen()
        with pytest.raises(StorageError, match="is closed"):
            storage.get("vote")
        storage.path.write_bytes(data)
        storage.reopen()
        assert loaded(storage) == (3, 1, entries((1, 1, 2, 3)))


# ---- anything at all

values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
)


@thorough
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused_in_one_sentence(tail: bytes, like_ours: bool):
    path = Path(os.environ["PYTEST_DISK"])
    head = _image()[:100] if like_ours else b""
    path.write_bytes(head + tail)
    with refused(path.parent, "."):
        SqliteStorage(path, WHOSE)


@thorough
@given(
    st.lists(st.tuples(values, values, values), max_size=5, unique_by=lambda row: repr(row[0])),
    st.lists(st.tuples(*[values] * 6), max_size=2),
    st.booleans(),
)
def test_any_sqlite_file_is_refused_in_one_sentence_or_gives_what_it_holds(
    rows: list[tuple[object, ...]], about: list[tuple[object, ...]], sealed: bool
):
    path = Path(os.environ["PYTEST_DISK"])
    path.write_bytes(_image())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if not sealed:
            db.execute("DELETE FROM about")
            db.executemany("INSERT INTO about VALUES (?, ?, ?, ?, ?, ?)", about)
        for row in rows:
            with suppress(sqlite3.IntegrityError):  # no key, or one that is there
                db.execute("INSERT INTO data VALUES (?, ?, ?)", row)
        count = db.execute("SELECT count(*) FROM data").fetchone()[0]
    if (sealed, count) == (True, 0):
        assert read(path) == (0, NONE, ())
        return
    with refused(path.parent, "damaged"):
        SqliteStorage(path, WHOSE)


@thorough
@given(
    st.dictionaries(
        st.sampled_from(["vote", "length", "log/0", "log/1", "log/x", "other"]), st.binary(max_size=12)
    )
)
def test_whatever_a_whole_file_holds_gives_a_state_or_a_refusal(found: dict[str, bytes]):
    path = Path(os.environ["PYTEST_DISK"])
    path.write_bytes(_image())
    with SqliteStorage(path, WHOSE) as storage:
        with storage.transaction():
            for key, value in found.items():
                storage.set(key, value)
        storage.reopen()
        with suppress(StorageError):
            term, vote, log = loaded(storage)
            assert vote >= NONE
            assert all(entry.term <= term for entry in log)


_images: list[bytes] = []


def _image() -> bytes:
    """A new file of ours."""
    if not _images:
        path = Path(os.environ["PYTEST_DISK"] + "-new")
        SqliteStorage(path, WHOSE).close()
        _images.append(path.read_bytes())
        shutil.rmtree(path, ignore_errors=True)
        path.unlink()
    return _images[0]
