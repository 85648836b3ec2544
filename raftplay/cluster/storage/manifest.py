"""The manifest of a data directory: the state of each node's disk when the cluster was last opened or closed.

The rule of this module: a manifest is never wrong about a disk, whenever the process dies. An undamaged file may
still be an older copy that someone put back; a node that starts from it has forgotten votes and entries that it
had acknowledged (Figure 2, persistent state). The manifest detects this, at no cost for a write:

* after a clean end, it has the seal of every disk, and any other copy is rejected;
* after a kill, it has the term of every disk at the last opening, and a copy of a lower term is rejected.

After a kill, it does not detect a copy that was made after the last opening or within the same term, nor a disk
that was wiped after the last opening.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from raftplay.cluster.storage.sqlite_file import reason, shown, sync_directory
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.raft.storage import StorageError, stored_term

NAME = "cluster.json"
"""The name of the file in its data directory."""


class DiskRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of one disk: its seal (see `sqlite_file`), its node's term, and whether it was wiped."""

    seal: int
    term: int
    wiped: bool


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The disks of a cluster, by node. `clean`: nothing was written to them since."""

    cluster: str
    clean: bool
    disks: tuple[DiskRecord, ...]


class FoundManifest(NamedTuple):
    """A manifest and its file."""

    path: Path
    manifest: Manifest


def of(storages: list[SqliteStorage], *, clean: bool) -> Manifest:
    """Return the manifest of these open disks."""
    return Manifest(storages[0].identity.cluster, clean, tuple(_record(disk) for disk in storages))


def read(directory: Path) -> FoundManifest | None:
    """Return the manifest of a data directory, or None. Raises `StorageError`."""
    path = directory / NAME
    try:
        return FoundManifest(path, msgspec.json.decode(path.read_bytes(), type=Manifest))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{shown(path)} cannot be read: {reason(error)}") from None
    except (ValueError, RecursionError):
        raise StorageError(
            f"{shown(path)} is damaged: put back the newest copy of the whole directory, or name a new directory"
        ) from None


def write(directory: Path, manifest: Manifest) -> None:
    """Replace the manifest file atomically. Raises `StorageError`."""
    path = directory / NAME
    new = path.with_name(f"{NAME}.new")
    try:
        with open(new, "wb") as file:
            file.write(msgspec.json.encode(manifest))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_directory(directory)
    except OSError as error:
        raise StorageError(f"{shown(path)} cannot be written: {reason(error)}") from None


def check(found: FoundManifest, disks: dict[int, SqliteStorage]) -> None:
    """Raise `StorageError` unless each of these disks, by node, may hold its node's last write."""
    path, manifest = found
    for id, disk in disks.items():
        if disk.identity.cluster != manifest.cluster or id >= len(manifest.disks):
            raise StorageError(f"{shown(path)} belongs to another cluster than the files beside it")
        known = manifest.disks[id]
        if manifest.clean and (disk.seal, disk.wiped) != (known.seal, known.wiped):
            raise StorageError(
                f"{shown(disk.path)} is not as it was when the cluster was shut down, but an older copy or "
                "another one: put back the newest copy, or name a new directory"
            )
        if not disk.wiped and (known.wiped or _term(disk) < known.term):
            was = "had lost its disk" if known.wiped else f"was in term {known.term}"
            raise StorageError(
                f"{shown(disk.path)} is an older copy: it is of term {_term(disk)}, and node {id} {was} when the "
                "cluster was last opened; put back the newest copy, or name a new directory"
            )


def used(found: FoundManifest) -> int | None:
    """Return the first node that has ever written to its disk; None if none has."""
    return next((id for id, disk in enumerate(found.manifest.disks) if disk.seal or disk.wiped), None)


def _record(disk: SqliteStorage) -> DiskRecord:
    return DiskRecord(disk.seal, _term(disk), disk.wiped)


def _term(disk: SqliteStorage) -> int:
    """Return the term on a disk; 0 if it is missing or unreadable (then its node will raise)."""
    try:
        return stored_term(disk)
    except StorageError:
        return 0
