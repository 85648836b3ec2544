"""An older copy of one node's file in a data directory is refused, by what the manifest and the process know."""

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.backends import elect
from support.disks import contents, refused

from raftplay import Harness, SqliteStorage, StorageError
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.sqlite_file import DiskOwner

OLDER = r"node-2.sqlite' is not as it was when the cluster was shut down, but an older copy or another one"
LOWER = r"node-2.sqlite' is an older copy: it is of term \d+, and node 2 was in term \d+ when"


def live(
    directory: Path, *commands: object, wipes: bool = False, meanwhile: Callable[[], object] | None = None
) -> None:
    """One life of a cluster: elect node 0, commit these, and do something else before the end."""
    with Harness(3, backend="sim", seed=1, data_dir=directory) as h:
        elect(h)
        for command in commands:
            assert h.submit_to_server(0, command) >= 0
            h.check_until(lambda command=command: all(command in [e.command for e in log] for log in h.commits))
        if wipes:
            h.wipe_peer(2)
        if meanwhile is not None:
            meanwhile()


def goes_on(directory: Path) -> None:
    live(directory, "goes on")


def keep(directory: Path, name: str = "node-2.sqlite") -> Callable[[], object]:
    """Copy a file now; what is returned puts the copy back."""
    data = (directory / name).read_bytes()
    return lambda: (directory / name).write_bytes(data)


def test_a_copy_of_an_earlier_life_is_refused_after_a_clean_end(tmp_path: Path):
    live(tmp_path, "a")
    put_back = keep(tmp_path)
    live(tmp_path, "b")
    newest = keep(tmp_path)
    put_back()
    for _ in range(2):
        with refused(tmp_path, OLDER):
            Harness(3, backend="sim", data_dir=tmp_path)
    newest()
    goes_on(tmp_path)


def test_a_copy_that_was_made_while_the_cluster_ran_is_refused_after_a_clean_end(tmp_path: Path):
    copies: list[Callable[[], object]] = []
    with Harness(3, backend="sim", seed=1, data_dir=tmp_path) as h:
        elect(h)
        copies.append(keep(tmp_path))
        h.submit_to_server(0, "a")  # in the same term
        h.sleep_ms(100)
    copies[0]()
    with refused(tmp_path, OLDER):
        Harness(3, backend="sim", data_dir=tmp_path)


def test_a_copy_of_an_earlier_life_is_refused_after_a_kill(tmp_path: Path):
    killed = tmp_path / "killed"
    data = tmp_path / "data"
    live(data, "a")
    put_back = (data / "node-2.sqlite").read_bytes()
    live(data, "b")
    live(
        data, "c", meanwhile=lambda: shutil.copytree(data, killed)
    )  # what is there as it runs is what a kill leaves
    shutil.copytree(killed, tmp_path / "again")
    goes_on(tmp_path / "again")
    (killed / "node-2.sqlite").write_bytes(put_back)
    for journal in killed.glob("*-journal"):
        journal.unlink()  # they are empty
    with refused(tmp_path, LOWER):
        Harness(3, backend="sim", data_dir=killed)


def test_what_a_kill_leaves_at_any_moment_is_taken(tmp_path: Path):
    """No moment of the opening, of a life or of the end leaves a manifest that contradicts its disks."""
    moments = 0

    def copy() -> None:
        nonlocal moments
        shutil.copytree(tmp_path / "data", tmp_path / f"killed {moments}")
        moments += 1

    def copying(function: Callable[..., object]) -> Callable[..., object]:
        def act(*args: object) -> object:
            copy()
            result = function(*args)
            copy()
            return result

        return act

    live(tmp_path / "data", "a")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", copying(os.replace))
        patched.setattr(os, "fsync", copying(os.fsync))
        live(tmp_path / "data", "b", meanwhile=copy)
        live(tmp_path / "data", "c", wipes=True)
    assert moments >= 16
    for number in range(moments):
        directory = tmp_path / f"killed {number}"
        with Harness(3, backend="sim", seed=2, data_dir=directory) as h:
            assert sum(h.alive) >= 2


@pytest.mark.parametrize("cleanly", [True, False])
def test_a_disk_that_was_lost_does_not_come_back_from_a_copy(tmp_path: Path, cleanly: bool):
    data = tmp_path / "data"
    live(data, "a")
    put_back = keep(data)
    live(data, wipes=True)
    if not cleanly:
        killed = tmp_path / "killed"
        with Harness(3, backend="sim", data_dir=data):
            shutil.copytree(data, killed)
        (killed / "node-2.sqlite").write_bytes((put_back(), data / "node-2.sqlite")[1].read_bytes())
        data = killed
    else:
        put_back()
    with refused(
        tmp_path, OLDER if cleanly else r"node-2.sqlite' is an older copy: .* and node 2 had lost its disk"
    ):
        Harness(3, backend="sim", data_dir=data)


def test_an_older_copy_of_the_whole_directory_or_of_all_files_is_taken(tmp_path: Path):
    data = tmp_path / "data"
    live(data, "a")
    shutil.copytree(data, tmp_path / "older")
    live(data, "b")
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "older", data)
    goes_on(data)
    (tmp_path / "older" / "cluster.json").unlink()
    goes_on(tmp_path / "older")


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_node_does_not_restart_over_an_older_copy(tmp_path: Path, backend: str):
    with Harness(3, backend=backend, seed=1, data_dir=tmp_path) as h:
        elect(h)
        put_back = keep(tmp_path)
        h.submit_to_server(0, "a")
        h.check_until(lambda: all(h.commits))
        h.crash_peer(2)
        newest = keep(tmp_path)
        put_back()
        for _ in range(2):
            with pytest.raises(
                StorageError, match=r"node-2.sqlite' does not hold what node 2 wrote last: it is an older"
            ):
                h.restart_peer(2)
        assert not h.alive[2]
        newest()
        h.restart_peer(2)
        h.check_until(lambda: all(h.commits))


def test_a_write_that_failed_leaves_open_which_copy_is_the_newest(tmp_path: Path):
    with SqliteStorage(tmp_path / "disk", DiskOwner("c", 0, 1)) as disk:
        disk.set("vote", b"[1,0]")
        before = keep(tmp_path, "disk")
        disk._open_db().execute("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match="read-only"):
            disk.set("vote", b"[2,0]")
        before()
        disk.reopen()
        assert disk.get("vote") == b"[1,0]"


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda d: (d / "cluster.json").write_text('{"clean": tr'), "cluster.json' is damaged: put back"),
    "empty": (lambda d: (d / "cluster.json").write_text(""), "cluster.json' is damaged"),
    "deep": (lambda d: (d / "cluster.json").write_text("[" * 100_000), "cluster.json' is damaged"),
    "no text": (lambda d: (d / "cluster.json").write_bytes(b"\xff"), "cluster.json' is damaged"),
    "a directory": (
        lambda d: ((d / "cluster.json").unlink(), (d / "cluster.json").mkdir()),
        "cluster.json' cannot be read: Is a directory",
    ),
    "of another cluster": (lambda d: edit(d, cluster="other"), "cluster.json' belongs to another cluster than"),
    "of fewer nodes": (lambda d: edit(d, disks=[]), "cluster.json' belongs to another cluster than"),
    "without any file": (
        lambda d: [path.unlink() for path in d.glob("node-*")],
        "node-0.sqlite' is missing, and the cluster that it belongs to has run",
    ),
}


def edit(directory: Path, **changes: object) -> None:
    path = directory / "cluster.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("name", REFUSED)
def test_a_manifest_that_does_not_fit_is_refused_and_left_alone(tmp_path: Path, name: str):
    live(tmp_path, "a")
    spoil, match = REFUSED[name]
    spoil(tmp_path)
    with refused(tmp_path, match):
        Harness(3, backend="sim", data_dir=tmp_path)


def test_no_damage_to_a_manifest_is_more_than_a_refusal(tmp_path: Path):
    rng = random.Random(4)
    live(tmp_path, "a")
    good = (tmp_path / "cluster.json").read_bytes()
    for _ in range(60):
        at = rng.randrange(len(good))
        bad = good[:at] + bytes([good[at] ^ (1 << rng.randrange(8))]) + good[at + 1 :]
        (tmp_path / "cluster.json").write_bytes(bad)
        with contextlib.suppress(StorageError):
            DataDir(tmp_path, 3).close()
    (tmp_path / "cluster.json").write_bytes(good)
    goes_on(tmp_path)


def test_a_manifest_that_cannot_be_written_at_the_end_is_the_one_of_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    live(tmp_path, "a")
    with monkeypatch.context() as patched:
        live(tmp_path, "b", meanwhile=lambda: patched.setattr(os, "replace", full))
        assert json.loads((tmp_path / "cluster.json").read_text())["clean"] is False
        with pytest.raises(StorageError, match=r"cluster.json' cannot be written: No space left on device"):
            Harness(3, backend="sim", data_dir=tmp_path)
    goes_on(tmp_path)
    assert sorted(contents(tmp_path)) == ["cluster.json", "node-0.sqlite", "node-1.sqlite", "node-2.sqlite"]
    assert json.loads((tmp_path / "cluster.json").read_text())["clean"] is True
