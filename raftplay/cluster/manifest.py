"""The manifest of a data directory: what each node's disk held when the cluster was last opened or closed.

The rule of this module: a manifest never says of a disk what is not so, whenever the process dies. A file that is
whole in itself may still be an older copy, put back by someone; a node that starts over it has forgotten votes and
entries that it answered for (Figure 2, persistent state). The manifest tells, at no cost for a write:

* after a clean end, it has the seal of every disk, and any other copy is refused;
* after a kill, it has the term of every disk at the last opening, and a copy of a lower term is refused.

So it does not tell that a copy was made after the last opening, or within the same term, nor that a disk was wiped
after it, if the process was killed then.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from raftplay.cluster.sqlite_file import reason, shown, sync_directory
from raftplay.cluster.sqlite_storage import SqliteStorage
from raftplay.raft.storage import StorageError, stored_term

NAME = "cluster.json"
"""The name of the file in its data directory."""


class DiskRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One disk: its seal (see `sqlite_file`), its node's term, and whether it was wiped."""

    seal: int
    term: int
    wiped: bool


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All disks of a cluster, by node. `clean`: nothing was written to them since."""

    cluster: str
    clean: bool
    disks: tuple[DiskRecord, ...]


class Found(NamedTuple):
    """A manifest and its file."""

    path: Path
    manifest: Manifest


def of(storages: list[SqliteStorage], *, clean: bool) -> Manifest:
    """Return the manifest of these open disks."""
    return Manifest(storages[0].identity.cluster, clean, tuple(_record(disk) for disk in storages))


def read(directory: Path) -> Found | None:
    """Return the manifest of a data directory, if there is one. Raises `StorageError`."""
    path = directory / NAME
    try:
        return Found(path, msgspec.json.decode(path.read_bytes(), type=Manifest))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{shown(path)} cannot be read: {reason(error)}") from None
    except (ValueError, RecursionError):
        raise StorageError(
            f"{shown(path)} is damaged: put back the newest copy of the whole directory, or name a new directory"
        ) from None


def write(directory: Path, manifest: Manifest) -> None:
    """Put `manifest` in place of the one before; it is there whole, or not at all. Raises `StorageError`."""
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


def check(found: Found, disks: dict[int, SqliteStorage]) -> None:
    """Raise `StorageError` unless each of these disks, by node, may be what its node wrote last."""
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


def used(found: Found) -> int | None:
    """Return the first node that has ever written to its disk; None if none has."""
    return next((id for id, disk in enumerate(found.manifest.disks) if disk.seal or disk.wiped), None)


def _record(disk: SqliteStorage) -> DiskRecord:
    return DiskRecord(disk.seal, _term(disk), disk.wiped)


def _term(disk: SqliteStorage) -> int:
    """Return the term on a disk; 0 where there is none, or none that can be read: its node will refuse that."""
    try:
        return stored_term(disk)
    except StorageError:
        return 0
