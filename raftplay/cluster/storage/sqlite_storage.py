"""SqliteStorage: the persistent state of a node in one SQLite file."""

import os
import sqlite3
import uuid
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from raftplay.cluster.storage import sqlite_file
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.cluster.storage.sqlite_file import About, DiskOwner, failure, row_checksum, shown
from raftplay.raft.storage import StorageError

_open_here: "weakref.WeakSet[SqliteStorage]" = weakref.WeakSet()
"""The open storages: SQLite's locks belong to the process; reading a file that is open here would drop them."""

_of_parent: list[sqlite3.Connection] = []
"""The parent's connections in a forked process: closing one would make SQLite roll back the parent's write."""


class SqliteStorage:
    """A `Storage` in one SQLite file, which outlives its process: `set` returns once the value is synced to disk.

    A `transaction` writes its values as one. A missing file at `path` is created; an existing one is checked as a
    whole before any write: it must be undamaged, of a known format, and the disk of `identity` (default: the only
    node of any cluster). It is locked against every other user until `close`. A context manager. Several threads
    must not use it at the same time.

    Raises `StorageError`, here and in every method: one sentence that says which file, and what is wrong with
    it. Then nothing was changed.
    """

    def __init__(self, path: str | os.PathLike[str], identity: DiskOwner | None = None) -> None:
        self.path = Path(path)
        self._pending: dict[str, bytes | None] | None = None
        self._is_sure = False  # a write that failed may have got to the disk or not
        self._db: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._about = About(identity or DiskOwner("", 0, 1), wiped=False, seal=0)
        if not os.path.lexists(self.path):
            sqlite_file.create(self.path, identity or DiskOwner(new_cluster_id(), 0, 1))
        self.reopen()

    @property
    def identity(self) -> DiskOwner:
        """Return the owner of this disk."""
        return self._about.identity

    @property
    def seal(self) -> int:
        """Return the sum of the checksums of all rows: its contents in one number."""
        return self._about.seal

    @property
    def is_known(self) -> bool:
        """Tell whether it is open in this process, and its contents are certain."""
        return self._is_sure and self._db is not None and self._process == os.getpid()

    @property
    def wiped(self) -> bool:
        """Tell whether the node has lost its disk, and its votes with it: it must not come back."""
        return self._about.wiped

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`; replace an earlier value."""
        if self._pending is not None:
            self._pending[key] = value
        else:
            self._write({key: value})

    def remove(self, keys: Sequence[str]) -> None:
        """Remove the values under `keys`, those that there are."""
        removed: dict[str, bytes | None] = dict.fromkeys(keys)
        if self._pending is not None:
            self._pending.update(removed)
        elif removed:
            self._write(removed)

    def get(self, key: str) -> bytes | None:
        """Return the value under `key`, or None."""
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
        """Tell whether anything was ever set."""
        db = self._open_db()
        try:
            return bool(self._pending) or db.execute("SELECT 1 FROM data LIMIT 1").fetchone() is not None
        except sqlite3.Error as error:
            raise failure(self.path, error) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write the block's values as one: at its end all of them are on disk, or, if it fails, none."""
        if self._pending is not None:  # part of the current transaction
            yield
            return
        pending: dict[str, bytes | None] = {}
        self._pending = pending
        try:
            yield
        finally:
            self._pending = None
        if pending:
            self._write(pending)

    def wipe(self, *, for_good: bool = True) -> None:
        """Empty the disk, and record that it was wiped; not `for_good`: it is as one that was never written."""
        with self._writing() as db:
            db.execute("DELETE FROM data")
            about = About(self.identity, wiped=for_good, seal=0)
            sqlite_file.write_about(db, about)
        self._about = about

    def in_memory(self) -> MemoryDisk:
        """Return a copy in memory of what is on disk now."""
        copy = MemoryDisk(wiped=self.wiped)
        try:
            for key, value in self._open_db().execute("SELECT key, value FROM data"):
                copy.set(key, value)
        except sqlite3.Error as error:
            raise failure(self.path, error) from None
        return copy

    def reopen(self) -> None:
        """Open the file again and check it, as after the crash of a process.

        Raises `StorageError` also when it does not hold the last write.
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
        """Close the file; safe to call twice."""
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

    def _write(self, values: Mapping[str, bytes | None]) -> None:
        """Write the rows (None: remove it), and the seal over all rows, in one transaction."""
        seal = self._about.seal
        with self._writing() as db:
            rows, removed = [], []
            for key, value in values.items():
                old = db.execute("SELECT checksum FROM data WHERE key = ?", (key,)).fetchone()
                seal -= 0 if old is None else old[0]
                if value is None:
                    removed.append((key,))
                else:
                    checksum = row_checksum(self._start, key, value)
                    seal += checksum
                    rows.append((key, value, checksum))
            db.executemany("INSERT OR REPLACE INTO data VALUES (?, ?, ?)", rows)
            db.executemany("DELETE FROM data WHERE key = ?", removed)
            about = self._about._replace(seal=seal)
            sqlite_file.write_about(db, about)
        self._about = about

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction of SQLite, committed and synced at its end, rolled back if anything fails."""
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
    """Return a new, unique id of a cluster."""
    return uuid.uuid4().hex


def _is_same_file(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False
