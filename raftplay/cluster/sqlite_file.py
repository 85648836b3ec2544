"""The file of a `SqliteStorage`: how it is made, checked as a whole, and opened.

The rule of this module: a file is judged before anything is written to it, and what is refused is left as it was.

A file is format 1 when its `application_id` is "raft" and its `user_version` 1. `about` has one row: the
cluster that the file belongs to, which node of how many, whether the node has lost its disk, and a seal: the
sum of the checksums of all rows of `data`, so that no row can go missing, come back or be an old one. Each
checksum is a CRC-32 over the file's identity, the key and the value.

The journal is a rollback journal, not a write-ahead log, though that would cost one sync a commit where this
one costs four. A write-ahead log holds what was committed last; if it is cut short, or one bit of it
turns, SQLite reads it up to there and says nothing, and a node would wake without votes and entries that it
has promised. With a rollback journal all that was committed lies in the database itself, under the checksums;
the journal holds only what a crash has to undo, and if that is damaged, the seal tells.
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
_DURABLE = ("synchronous = FULL", "fullfsync = ON")  # the second, where a plain sync ends in the drive's cache
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
class Identity:
    """Whose disk a file is: of which cluster (an id made with it; "" = any), which node, of how many."""

    cluster: str
    node: int
    nodes: int

    @property
    def checksum(self) -> int:
        """What the checksums of all its rows begin with."""
        return crc32(f"{self.cluster} {self.node} {self.nodes} ".encode())


class About(NamedTuple):
    """What a file says of itself."""

    identity: Identity
    wiped: bool
    seal: int


def row_checksum(start: int, key: str, value: bytes) -> int:
    """The checksum of one row, in a file whose identity has the checksum `start`."""
    return crc32(value, crc32(b"%b\0" % key.encode(), start))


def write_about(db: sqlite3.Connection, about: About) -> None:
    """Let the file say this of itself, within the transaction under way."""
    identity = about.identity
    columns = (identity.cluster, identity.node, identity.nodes, int(about.wiped), about.seal)
    db.execute(
        f"REPLACE INTO about (rowid, {_COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?)",
        (*columns, _about_checksum(columns)),
    )


def create(path: Path, identity: Identity) -> None:
    """Make a file that holds nothing yet; it is there whole, or not at all. Raises `StorageError`."""
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


def open_checked(path: Path, expected: Identity) -> tuple[sqlite3.Connection, About]:
    """The file at `path`, whole and of this identity, locked for this connection alone.

    What a crash left behind is mended on a copy first. Raises `StorageError`.
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
    """Let go of the file; no journal stays behind. The file is whole whether or not that works."""
    try:
        db.execute("PRAGMA locking_mode = NORMAL")
        db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        pass
    finally:
        db.close()


def failure(path: Path, error: sqlite3.Error) -> StorageError:
    """What went wrong with the file, in a sentence."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # none: it holds what is no text
    reason = _REASONS.get(code & 0xFF, "{path} cannot be used: {error}")
    return StorageError(reason.format(path=shown(path), error=visible(str(error))))


def reason(error: OSError | ValueError) -> str:
    """Why a path cannot be used: the system's words, or Python's where it asked nobody."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def shown(path: Path) -> str:
    """A path in a sentence."""
    return f"'{visible(str(path))}'"


def sync_directory(path: Path) -> None:
    """Let the names of new files in a directory be there after a crash, where a directory can be synced."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_header(path: Path) -> None:
    """The first bytes say whose file it is; SQLite, which mends what a crash left, sees none but our own."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise StorageError(f"{shown(path)} is no file")
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
    path: Path, expected: Identity, original: Path, settings: tuple[str, ...]
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


def _check(db: sqlite3.Connection, expected: Identity, path: Path) -> About:
    """What the file says of itself, once all of it was looked at."""
    tables = tuple(sql for (sql,) in db.execute("SELECT sql FROM sqlite_master ORDER BY name"))
    if tables != _TABLES:
        raise StorageError(f"{shown(path)} is damaged, or was changed by another program: its tables are others")
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
        raise StorageError(f"{shown(path)} is damaged: it does not know whose it is")
    cluster, node, nodes, wiped, seal, _ = rows[0]
    return About(Identity(cluster, node, nodes), bool(wiped), seal)


def _check_identity(identity: Identity, expected: Identity, path: Path) -> None:
    if identity.nodes != expected.nodes:
        of = count(identity.nodes, "node")
        raise StorageError(f"{shown(path)} belongs to a cluster of {of}, not of {expected.nodes}")
    if expected.cluster not in ("", identity.cluster):
        raise StorageError(f"{shown(path)} belongs to another cluster than the files beside it")
    if identity.node != expected.node:
        raise StorageError(f"{shown(path)} is the disk of node {identity.node}, not of node {expected.node}")


def _about_checksum(columns: tuple[object, ...]) -> int:
    return crc32(repr(columns).encode("utf-8", "surrogatepass"))
