"""The file of a `SqliteStorage`: it is created, checked as a whole, and opened here.

The rule of this module: a file is checked before anything is written to it, and a rejected file is not changed.

A file is format 1 when its `application_id` is "raft" and its `user_version` 1. `about` has one row: the file's
cluster, its node, the number of nodes, whether the node has lost its disk, and a seal. The seal is the sum of
the checksums of all rows of `data`; it detects a row that is missing, came back or is old. Each checksum is a
CRC-32 over the file's identity, the key and the value.

The journal is a rollback journal, which costs four syncs a commit; a write-ahead log would cost one. But a
write-ahead log holds the latest commits; if it is truncated, or one of its bits flips, SQLite reads it up to
that point and reports nothing, and a node would restart without votes and entries that it has acknowledged.
With a rollback journal, all commits are in the database itself, under the checksums; the journal holds only
what a crash has to undo, and the seal detects damage to it.
"""

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from raftplay.raft.storage import StorageError
from raftplay.watch.text import count, visible

FORMAT = 1
"""The format that is written, and the newest one that is read."""

APPLICATION_ID = int.from_bytes(b"raft", "big")

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_ROLLBACK_JOURNAL = b"\x01\x01"

_COLUMNS = "cluster, node, nodes, wiped, seal, checksum"
_TABLES = (
    f"CREATE TABLE about ({_COLUMNS})",
    "CREATE TABLE data (key PRIMARY KEY, value, checksum) WITHOUT ROWID",
)

_SETTINGS = ("trusted_schema = OFF", "cell_size_check = ON", "locking_mode = EXCLUSIVE")
_DURABLE = ("synchronous = FULL", "fullfsync = ON")  # the second: where a plain sync ends in the drive's cache
_PASSING = ("synchronous = OFF",)

_REASONS = {
    sqlite3.SQLITE_FULL: "{path} cannot be written: there is no room left on the disk",
    sqlite3.SQLITE_BUSY: "{path} is in use by another process",
    sqlite3.SQLITE_LOCKED: "{path} is in use by another process",
    sqlite3.SQLITE_READONLY: "{path} cannot be written: it is read-only",
    sqlite3.SQLITE_PERM: "{path} cannot be written: that is not permitted",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be written: its journal cannot be opened",
    sqlite3.SQLITE_IOERR: "{path} cannot be read or written: the disk fails ({error})",
    sqlite3.SQLITE_NOTADB: "{path} is damaged: {error}",
    sqlite3.SQLITE_CORRUPT: "{path} is damaged: {error}",
}


@dataclass(frozen=True, slots=True)
class DiskOwner:
    """The owner of a disk: cluster (an id made with it; "" = any), node, and number of nodes."""

    cluster: str
    node: int
    nodes: int

    @property
    def checksum(self) -> int:
        """Return the start value of the checksums of all its rows."""
        return crc32(f"{self.cluster} {self.node} {self.nodes} ".encode())


class About(NamedTuple):
    """The file's description of itself."""

    identity: DiskOwner
    wiped: bool
    seal: int


def row_checksum(start: int, key: str, value: bytes) -> int:
    """Return the checksum of one row, in a file whose identity has the checksum `start`."""
    return crc32(value, crc32(b"%b\0" % key.encode(), start))


def write_about(db: sqlite3.Connection, about: About) -> None:
    """Write `about` to the file, within the current transaction."""
    identity = about.identity
    columns = (identity.cluster, identity.node, identity.nodes, int(about.wiped), about.seal)
    db.execute(
        f"REPLACE INTO about (rowid, {_COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?)",
        (*columns, _about_checksum(columns)),
    )


def create(path: Path, identity: DiskOwner) -> None:
    """Create an empty file atomically. Raises `StorageError`."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        for table in _TABLES:
            db.execute(table)
        write_about(db, About(identity, wiped=False, seal=0))
        image = db.serialize()
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_directory(path.parent)
    except (OSError, ValueError) as error:
        raise StorageError(f"{shown(path)} cannot be made: {reason(error)}") from None


def open_checked(path: Path, expected: DiskOwner) -> tuple[sqlite3.Connection, About]:
    """Open the file at `path` with an exclusive lock, once it is undamaged and has this identity.

    Recovery after a crash is tried on a copy first. Raises `StorageError`.
    """
    try:
        _check_header(path)
        journal = path.with_name(path.name + "-journal")
        if journal.exists() and journal.stat().st_size > 0:
            with tempfile.TemporaryDirectory(prefix="raftplay-") as directory:
                copy = Path(shutil.copy(path, directory))
                shutil.copy(journal, directory)
                _open(copy, expected, path, _PASSING)[0].close()
        return _open(path, expected, path, _DURABLE)
    except (OSError, ValueError) as error:
        raise StorageError(f"{shown(path)} cannot be read: {reason(error)}") from None


def close(db: sqlite3.Connection) -> None:
    """Close the file and remove its journal. The file is whole even if that fails."""
    try:
        db.execute("PRAGMA locking_mode = NORMAL")
        db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        pass
    finally:
        db.close()


def failure(path: Path, error: sqlite3.Error) -> StorageError:
    """Return the failure of the file, as one sentence."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # no code: the file holds invalid text
    reason = _REASONS.get(code & 0xFF, "{path} cannot be used: {error}")
    return StorageError(reason.format(path=shown(path), error=visible(str(error))))


def reason(error: OSError | ValueError) -> str:
    """Return why a path cannot be used: the system's words, or Python's if there are none."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def shown(path: Path) -> str:
    """Return a path as a sentence shows it."""
    return f"'{visible(str(path))}'"


def sync_directory(path: Path) -> None:
    """Sync the directory `path`, where the system can, so that new file names survive a crash."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_header(path: Path) -> None:
    """Check the first bytes, so that SQLite, which recovers files after a crash, opens only raftplay's files."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise StorageError(f"{shown(path)} is not a file")
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        raise StorageError(f"{shown(path)} is damaged: it ends after {len(header)} bytes")
    if not header.startswith(_MAGIC):
        raise StorageError(f"{shown(path)} is another program's file, not one that raftplay made")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StorageError(f"{shown(path)} is another program's SQLite file, not one that raftplay made")
    version = int.from_bytes(header[60:64], "big", signed=True)
    if version > FORMAT:
        raise StorageError(
            f"{shown(path)} is of format {version}, which a newer raftplay wrote; this one reads format {FORMAT}"
        )
    if version < FORMAT or header[18:20] != _ROLLBACK_JOURNAL or os.path.lexists(f"{path}-wal"):
        raise StorageError(f"{shown(path)} has been changed by another program")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise StorageError(f"{shown(path)} cannot be written: it is read-only")


def _open(
    path: Path, expected: DiskOwner, original: Path, settings: tuple[str, ...]
) -> tuple[sqlite3.Connection, About]:
    db = None
    try:
        uri = path.absolute().as_uri() + "?mode=rw"
        db = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        for setting in (*_SETTINGS, *settings):
            db.execute(f"PRAGMA {setting}")
        db.execute("BEGIN EXCLUSIVE")
        about = _check(db, expected, original)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = TRUNCATE")
    except BaseException as error:
        if db is not None:
            db.close()
        if isinstance(error, sqlite3.Error):
            raise failure(original, error) from None
        raise
    return db, about


def _check(db: sqlite3.Connection, expected: DiskOwner, path: Path) -> About:
    """Check the whole file; return what it says of itself."""
    tables = tuple(sql for (sql,) in db.execute("SELECT sql FROM sqlite_master ORDER BY name"))
    if tables != _TABLES:
        raise StorageError(f"{shown(path)} is damaged, or was changed by another program: its tables are wrong")
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise StorageError(f"{shown(path)} is damaged: {visible(' '.join(found.split()))}")
    about = _read_about(db, path)
    _check_identity(about.identity, expected, path)
    seal, start = 0, about.identity.checksum
    for key, value, checksum in db.execute("SELECT key, value, checksum FROM data"):
        if type(key) is not str or type(value) is not bytes or checksum != row_checksum(start, key, value):
            raise StorageError(f"{shown(path)} is damaged: the checksum of '{visible(str(key)[:40])}' is wrong")
        seal += checksum
    if seal != about.seal:
        raise StorageError(f"{shown(path)} is damaged: something that was stored is missing, or is an old state")
    return about


def _read_about(db: sqlite3.Connection, path: Path) -> About:
    rows = db.execute(f"SELECT {_COLUMNS} FROM about").fetchall()
    if len(rows) != 1 or rows[0][-1] != _about_checksum(rows[0][:-1]):
        raise StorageError(f"{shown(path)} is damaged: its identity is missing or wrong")
    cluster, node, nodes, wiped, seal, _ = rows[0]
    return About(DiskOwner(cluster, node, nodes), bool(wiped), seal)


def _check_identity(identity: DiskOwner, expected: DiskOwner, path: Path) -> None:
    if identity.nodes != expected.nodes:
        of = count(identity.nodes, "node")
        raise StorageError(f"{shown(path)} belongs to a cluster of {of}, not of {expected.nodes}")
    if expected.cluster not in ("", identity.cluster):
        raise StorageError(f"{shown(path)} belongs to another cluster than the files beside it")
    if identity.node != expected.node:
        raise StorageError(f"{shown(path)} is the disk of node {identity.node}, not of node {expected.node}")


def _about_checksum(columns: tuple[object, ...]) -> int:
    return crc32(repr(columns).encode("utf-8", "surrogatepass"))
