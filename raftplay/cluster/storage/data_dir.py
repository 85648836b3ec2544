"""A data directory: one file per node with its disk, used by one process at a time."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from raftplay.cluster.storage import manifest
from raftplay.cluster.storage.manifest import FoundManifest, Manifest
from raftplay.cluster.storage.sqlite_file import DiskOwner, reason, shown
from raftplay.cluster.storage.sqlite_storage import SqliteStorage, new_cluster_id
from raftplay.locks import take_folder
from raftplay.raft.storage import StorageError
from raftplay.watch.text import visible


class DataDir:
    """The storages of a cluster of `n` nodes, in files under `path`, open until `close`.

    A missing directory is created, and an empty one gets new files. Existing files are checked before any write:
    each is undamaged, all belong together, and none is an older copy (as far as the manifest tells). Raises
    `StorageError`, one sentence that says what is wrong; then nothing was changed. A context manager.
    """

    def __init__(self, path: str | os.PathLike[str], n: int) -> None:
        self.path = Path(path)
        self.storages: list[SqliteStorage] = []
        self._last: Manifest | None = None
        with ExitStack() as opened:
            self._lock(opened)
            opened.callback(self._write_last)
            self._open_files(n, opened)
            manifest.write(self.path, manifest.of(self.storages, clean=False))
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close all files; the manifest describes them from now on. Safe to call twice."""
        if all(disk.is_known for disk in self.storages):
            self._last = manifest.of(self.storages, clean=True)
        self._opened.close()

    def _write_last(self) -> None:
        """Write the manifest of the closed files. If that fails, the manifest of the opening still holds."""
        if self._last is not None:
            with suppress(StorageError):
                manifest.write(self.path, self._last)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self, opened: ExitStack) -> None:
        """Create the directory and lock it against other clusters."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            take_folder(self.path, opened)
        except BlockingIOError:
            raise StorageError(f"the data directory {shown(self.path)} is in use by another cluster") from None
        except FileExistsError:
            raise StorageError(f"the data directory {shown(self.path)} is not a directory") from None
        except (OSError, ValueError) as error:
            raise StorageError(f"the data directory {shown(self.path)} cannot be used: {reason(error)}") from None

    def _open_files(self, n: int, opened: ExitStack) -> None:
        paths = [self.path / f"node-{id}.sqlite" for id in range(n)]
        there = {id: path for id, path in enumerate(paths) if os.path.lexists(path)}
        found: dict[int, SqliteStorage] = {}
        cluster = ""
        for id, path in there.items():
            found[id] = opened.enter_context(SqliteStorage(path, DiskOwner(cluster, id, n)))
            cluster = found[id].identity.cluster
        known = manifest.read(self.path)
        self._check_room(paths, found, known)
        if known is not None:
            manifest.check(known, found)
        cluster = cluster or new_cluster_id()
        for id, path in enumerate(paths):
            if id not in found:
                found[id] = opened.enter_context(SqliteStorage(path, DiskOwner(cluster, id, n)))
        self.storages = [found[id] for id in range(n)]

    def _check_room(self, paths: list[Path], found: dict[int, SqliteStorage], known: FoundManifest | None) -> None:
        """Raise `StorageError` unless missing files may be created, as the cluster has not run yet."""
        missing = [path for id, path in enumerate(paths) if id not in found]
        if not missing:
            return
        used = next((disk for disk in found.values() if disk.wiped or disk.has_data()), None)
        if used is not None or (known is not None and manifest.used(known) is not None):
            raise StorageError(f"{shown(missing[0])} is missing, and the cluster that it belongs to has run")
        made = {name for path in (*paths, Path(manifest.NAME)) for name in (path.name, f"{path.name}.new")}
        other = next((name for name in sorted(os.listdir(self.path)) if name not in made), None)
        if other is not None and not found:
            raise StorageError(
                f"the data directory {shown(self.path)} holds no cluster, but '{visible(other)}'; "
                "name a new directory, or an empty one"
            )
        if not os.access(self.path, os.W_OK):
            raise StorageError(f"the data directory {shown(self.path)} cannot be written: it is read-only")
