"""What the tests of storage on disk share: files to write and to look at, and the ways in which a disk fails."""

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raftplay import SqliteStorage, StorageError
from raftplay.cluster.storage import sqlite_file
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.sqlite_file import DiskOwner
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, LogEntry
from raftplay.raft.storage import PersistentState
from support.paper import entries, loaded

State = tuple[int, int, tuple[LogEntry, ...]]

WHOSE = DiskOwner("c" * 32, 1, 3)
"""The identity of the files that are made here."""


def save(storage: SqliteStorage, term: int, terms: tuple[int, ...], vote: int = NONE) -> None:
    """Let the disk hold this term, vote and log."""
    state = PersistentState(storage)
    log = RaftLog()
    if storage.has_data():
        _, _, log = state.load()
        log.truncate(0)
    log.extend(entries(terms))
    state.save(term, vote, log)


def written(path: Path, term: int = 3, terms: tuple[int, ...] = (1, 1, 2, 3), vote: int = 1) -> State:
    """A file at `path` with this on it; what it must give back."""
    with SqliteStorage(path, WHOSE) as storage:
        save(storage, term, terms, vote)
        return loaded(storage)


def read(path: Path, identity: DiskOwner = WHOSE) -> State:
    """What the disk at `path` gives back to a node that starts. Raises `StorageError`."""
    with SqliteStorage(path, identity) as storage:
        return loaded(storage)


def contents(directory: Path) -> dict[str, bytes]:
    """Every file in a directory."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@contextmanager
def refused(directory: Path, match: str) -> Iterator[None]:
    """What happens inside is a `StorageError` of one sentence, and every file stays as it was."""
    before = contents(directory)
    with pytest.raises(StorageError, match=match) as refusal:
        yield
    text = str(refusal.value)
    assert "\n" not in text
    assert text.isprintable()
    assert contents(directory) == before


def flipped(data: bytes, at: int, bit: int) -> bytes:
    """`data` with one bit turned."""
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def pages(data: bytes, size: int = 4096) -> list[bytes]:
    """The pages of a database."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Crash:
    """One transaction, seen from the disk: the database before and after it, and the journal that would undo it.

    SQLite writes the journal's pages, syncs, writes the journal's count, syncs, writes the database's pages,
    syncs, and cuts the journal off. A crash leaves any part of what was not synced yet.
    """

    def __init__(self, storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._storage = storage
        self._monkeypatch = monkeypatch
        self.before = self.after = self.unsynced = self.journal = b""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around the one transaction."""
        path = self._storage.path
        write_about = sqlite_file.write_about

        def last(*args: object) -> None:
            write_about(*args)  # type: ignore[arg-type]
            self.unsynced = Path(f"{path}-journal").read_bytes()

        self.before = path.read_bytes()
        with self._monkeypatch.context() as patched:
            patched.setattr(sqlite_file, "write_about", last)
            yield
        self.after = path.read_bytes()
        record = 4 + 4096 + 4
        count, rest = divmod(len(self.unsynced) - 512, record)
        assert (count > 0, rest, self.unsynced[:12]) == (True, 0, bytes(12))
        self.journal = bytes.fromhex("d9d505f920a163d7") + struct.pack(">I", count) + self.unsynced[12:]

    def torn(self, rng: random.Random) -> bytes:
        """The database when any of its sectors is written, and any is not."""
        length = max(len(self.before), len(self.after))
        old, new = self.before.ljust(length, b"\0"), self.after.ljust(length, b"\0")
        sectors = range(0, length, 512)
        return b"".join((old if rng.random() < 0.5 else new)[at : at + 512] for at in sectors)


def state_of(directory: Path, id: int) -> State:
    """What the file of one node in a data directory gives back."""
    with DataDir(directory, len(list(directory.glob("node-*.sqlite")))) as opened:
        return loaded(opened.storages[id])
