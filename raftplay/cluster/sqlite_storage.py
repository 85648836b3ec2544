"""SqliteStorage: what a node must not forget, in one SQLite file."""

import os
import sqlite3
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from raftplay.cluster import sqlite_file
from raftplay.cluster.disk import MemoryDisk
from raftplay.cluster.sqlite_file import About, Identity, failure, row_checksum, shown
from raftplay.raft.storage import StorageError

_open_here: "weakref.WeakSet[SqliteStorage]" = weakref.WeakSet()
"""SQLite's locks are the whole process's; reading a file that is open here would drop them."""

_of_parent: list[sqlite3.Connection] = []
"""In a process that was forked: never closed here, or SQLite would roll back a write of the parent's."""


class SqliteStorage:
    """A `Storage` in one SQLite file, which outlives its process: what was set is on disk, synced, on return.

    What is set inside `transaction` is written as one. The file at `path` is made when it is not there; when it
    is, it is checked as a whole before anything is written: it must be undamaged, of a format that is known, and
    the disk of `identity`, the one of the only node of a cluster of its own unless said otherwise. It is locked
    against every other user until `close`. A context manager. Whoever calls from several threads sees to it
    that they take turns.

    Raises `StorageError`, here and in every method: one sentence that says which file, and what is wrong with
    it. Then nothing was changed.
    """

    def __init__(self, path: str | os.PathLike[str], identity: Identity | None = None) -> None:
        self.path = Path(path)
        self._pending: dict[str, bytes] | None = None
        self._is_sure = False  # a write that failed may have got to the disk or not
        self._db: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._about = About(identity or Identity("", 0, 1), wiped=False, seal=0)
        if not os.path.lexists(self.path):
            sqlite_file.create(self.path, identity or Identity(new_cluster_id(), 0, 1))
        self.reopen()

    @property
    def identity(self) -> Identity:
        """Whose disk this is."""
        return self._about.identity

    @property
    def seal(self) -> int:
        """What it holds, in one number: the sum of the checksums of all that was set."""
        return self._about.seal

    @property
    def is_known(self) -> bool:
        """Whether it is open in this process, and holds for sure what it says of itself."""
        return self._is_sure and self._db is not None and self._process == os.getpid()

    @property
    def wiped(self) -> bool:
        """Whether the node has lost its disk, and its votes with it: it must not come back."""
        return self._about.wiped

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`, in place of what was there."""
        if self._pending is not None:
            self._pending[key] = value
        else:
            self._write({key: value})

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or None."""
        if self._pending is not None and key in self._pending:
            return self._pending[key]
        db = self._open_db()
        try:
            row = db.execute("SELECT value, checksum FROM data WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise failure(self.path, error) from None
        if row is None:
            return None
        value, checksum = row
        if type(value) is not bytes or checksum != row_checksum(self._start, key, value):
            raise StorageError(f"{shown(self.path)} is damaged: the checksum of '{key}' is wrong")
        return value

    def has_data(self) -> bool:
        """Whether anything was ever set."""
        db = self._open_db()
        try:
            return bool(self._pending) or db.execute("SELECT 1 FROM data LIMIT 1").fetchone() is not None
        except sqlite3.Error as error:
            raise failure(self.path, error) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Around what is written as one: all of it is on disk when this ends, or, where it fails, none."""
        if self._pending is not None:  # part of the one that is under way
            yield
            return
        pending = self._pending = {}
        try:
            yield
        finally:
            self._pending = None
        if pending:
            self._write(pending)

    def wipe(self) -> None:
        """Empty the disk, and keep in mind that it was."""
        with self._writing() as db:
            db.execute("DELETE FROM data")
            about = About(self.identity, wiped=True, seal=0)
            sqlite_file.write_about(db, about)
        self._about = about

    def in_memory(self) -> MemoryDisk:
        """A copy of what is on disk now."""
        copy = MemoryDisk(wiped=self.wiped)
        try:
            for key, value in self._open_db().execute("SELECT key, value FROM data"):
                copy.set(key, value)
        except sqlite3.Error as error:
            raise failure(self.path, error) from None
        return copy

    def reopen(self) -> None:
        """Open the file anew, and check it, as after the crash of a process.

        Raises `StorageError` also when it does not hold what was written last.
        """
        self.close()
        if any(_is_same_file(self.path, other.path) for other in _open_here):
            raise StorageError(f"{shown(self.path)} is in use in this process")
        self._process = os.getpid()
        self._db, about = sqlite_file.open_checked(self.path, self.identity)
        if self._is_sure and (about.seal, about.wiped) != (self.seal, self.wiped):
            self.close()
            raise StorageError(
                f"{shown(self.path)} does not hold what node {self.identity.node} wrote last: it is an older "
                "copy, or another one; put back the newest copy"
            )
        self._about, self._is_sure = about, True
        self._start = self.identity.checksum
        _open_here.add(self)

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        db, self._db = self._db, None
        _open_here.discard(self)
        if db is None:
            return
        if self._process == os.getpid():
            sqlite_file.close(db)
        else:
            _of_parent.append(db)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SqliteStorage {shown(self.path)}>"

    def _write(self, values: dict[str, bytes]) -> None:
        """One transaction: the rows, and the seal over all rows."""
        seal = self._about.seal
        with self._writing() as db:
            rows = []
            for key, value in values.items():
                checksum = row_checksum(self._start, key, value)
                old = db.execute("SELECT checksum FROM data WHERE key = ?", (key,)).fetchone()
                seal += checksum - (0 if old is None else old[0])
                rows.append((key, value, checksum))
            db.executemany("INSERT OR REPLACE INTO data VALUES (?, ?, ?)", rows)
            about = self._about._replace(seal=seal)
            sqlite_file.write_about(db, about)
        self._about = about

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of SQLite's, committed and synced at its end; whatever fails, it never was."""
        db = self._open_db()
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                self._is_sure = False
                raise failure(self.path, error) from None
            raise

    def _open_db(self) -> sqlite3.Connection:
        if self._db is None:
            raise StorageError(f"{shown(self.path)} is closed")
        if self._process != os.getpid():
            raise StorageError(f"{shown(self.path)} is in use by the process from which this one was forked")
        return self._db


def new_cluster_id() -> str:
    """An id that no other cluster has."""
    return uuid.uuid4().hex


def _is_same_file(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False
