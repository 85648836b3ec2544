"""A cluster over a data directory goes on where it was, on both backends; what cannot be, is refused as it was."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.backends import elect, nothing_left_over
from support.disks import contents, refused, state_of
from support.session import blueprint, perform, session_of

from raftplay import Config, Harness, MapStorage, RaftConfig, SqliteStorage, StorageError, UsageError
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.sqlite_file import DiskOwner
from raftplay.past.history import History
from raftplay.session.branches import Blueprint
from raftplay.watch.facts import Record
from raftplay.why.answers import why_node

BACKENDS = ("sim", "tcp")
NOOP = Config(raft=RaftConfig(noop=True))


def commit(h: Harness, *commands: object) -> None:
    """Have these committed by every live node, by whichever leads."""
    for command in commands:
        leader, _ = h.check_single_leader()
        assert h.submit_to_server(leader, command) >= 0
        assert h.wait_until(lambda command=command: all(_has(h, id, command) for id in range(h.n) if h.alive[id]))


def _has(h: Harness, id: int, command: object) -> bool:
    return any(entry.command == command for entry in h.commits[id])


def run(directory: Path, *commands: object, backend: str = "sim", n: int = 3, seed: int = 1) -> list[object]:
    """One life of the cluster over `directory`: elect node 0, commit these; what node 0 has committed by then."""
    with Harness(n, backend=backend, seed=seed, data_dir=directory) as h:
        elect(h)
        commit(h, *commands)
        return [entry.command for entry in h.commits[0]]


# ---- going on


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cluster_that_is_opened_again_goes_on_where_it_was(tmp_path: Path, backend: str):
    directory = tmp_path / "deep" / "data"
    with nothing_left_over():
        assert run(directory, "a", "b", backend=backend) == ["a", "b"]
    assert sorted(contents(directory)) == ["cluster.json", "node-0.sqlite", "node-1.sqlite", "node-2.sqlite"]
    before = [state_of(directory, id) for id in range(3)]
    assert all([entry.command for entry in log] == ["a", "b"] for _, _, log in before)
    with nothing_left_over(), Harness(3, backend=backend, data_dir=directory) as h:
        h.pause()
        assert [
            (s.cm.current_term, s.cm.voted_for, s.cm.log.frozen()) for s in h.cluster
        ] == before or backend == "tcp"
        h.resume()
        elect(h)
        term = h.cluster[0].cm.current_term
        assert term > max(term for term, _, _ in before)
        commit(h, "c")
        assert [entry.command for entry in h.commits[2]] == ["a", "b", "c"]
    assert all(state_of(directory, id)[0] >= term for id in range(3))


def test_what_was_committed_is_committed_again_with_the_first_entry_of_the_new_term(tmp_path: Path):
    run(tmp_path, "a", "b")
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        h.sleep_ms(500)
        assert h.commits == [[], [], []]  # §5.4.2: not by counting
    with Harness(3, backend="sim", data_dir=tmp_path, config=NOOP) as h:
        elect(h)
        assert h.wait_until(lambda: all(len(log) == 3 for log in h.commits))
        assert [entry.command for entry in h.commits[0]] == ["a", "b", None]


def test_a_cluster_moves_between_virtual_time_and_sockets(tmp_path: Path):
    for number, backend in enumerate(("sim", "tcp", "sim", "tcp")):
        assert run(tmp_path, number, backend=backend) == list(range(number + 1))


def records_of(directory: Path | None, seed: int) -> list[Record]:
    seen: list[Record] = []
    with Harness(3, backend="sim", seed=seed, data_dir=directory, readers=[seen.append]) as h:
        for number in range(4):
            h.sleep_ms(400)
            leader, _ = h.check_single_leader()
            h.submit_to_server(leader, number)
            h.crash_peer(leader)
            h.sleep_ms(400)
            h.restart_peer(leader)
    return seen


def test_the_seed_and_what_the_directory_holds_decide_a_simulated_run(tmp_path: Path):
    first = records_of(tmp_path / "one", 7)
    assert first == records_of(None, 7)  # an empty disk is an empty disk
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    second = records_of(tmp_path / "one", 7)
    assert second != first
    assert second == records_of(tmp_path / "two", 7)


# ---- crashes over the file


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_crashed_node_comes_back_from_its_file(tmp_path: Path, backend: str):
    with Harness(3, backend=backend, data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        h.crash_peer(2)
        commit(h, "b")
        h.restart_peer(2)
        commit(h, "c")
        assert [entry.command for entry in h.commits[2]] == ["a", "b", "c"]


@pytest.mark.parametrize("sets", range(4))
def test_a_write_that_is_torn_leaves_nothing_in_the_file(tmp_path: Path, sets: int):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        before = h.storage[2].get("length"), h.storage[2].get("vote")
        h.tear_peer(2, sets)
        for command in ("b", "c"):
            h.submit_to_server(0, command)
            h.sleep_ms(20)
        assert not h.alive[2]
        done = sets // 2  # an entry and the length are two parts
        assert h.storage[2].get("length") == b"%d" % (1 + done)
        assert h.storage[2].get(f"log/{1 + done}") is None
        assert (before[0], h.storage[2].get("vote")) == (b"1", before[1])
        h.restart_peer(2)
        commit(h, "d")
        assert [entry.command for entry in h.commits[2]] == ["a", "b", "c", "d"]


def test_a_restarted_node_does_not_start_over_a_damaged_file(tmp_path: Path):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        h.crash_peer(2)
        path = tmp_path / "node-2.sqlite"
        good = path.read_bytes()
        path.write_bytes(good.replace(b'["a",', b'["z",'))
        with pytest.raises(StorageError, match=r"node-2.sqlite' is damaged: the checksum of 'log/0' is wrong"):
            h.restart_peer(2)
        assert not h.alive[2]
        commit(h, "b")
        path.write_bytes(good)
        h.restart_peer(2)
        commit(h, "c")


# ---- lost disks


def test_a_node_that_was_wiped_stays_down_for_ever(tmp_path: Path):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        h.wipe_peer(2)
    for backend in BACKENDS:
        with Harness(3, backend=backend, data_dir=tmp_path) as h:
            assert (h.alive, h.wiped, h.connected) == (
                [True, True, False],
                [False, False, True],
                [True, True, False],
            )
            with pytest.raises(UsageError, match="has lost its disk"):
                h.restart_peer(2)
            h.wait_until(lambda h=h: any(s.is_leader() for s in h.cluster))
            commit(h, backend)
            assert h.snapshot().nodes[2].log == ()


def test_a_reopened_cluster_says_that_a_node_was_wiped(tmp_path: Path):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        h.wipe_peer(2)
    history = History()
    with Harness(3, backend="sim", data_dir=tmp_path, readers=[history]) as h:
        assert h.snapshot().nodes[2].marks == ["down", "wiped"]
        h.sleep_ms(10)
        view = history.view(history.last_seq, h.snapshot())
        assert view.snapshot.nodes[2].wiped
        text = str(why_node(view, 2))
        assert "its disk is empty, as it was wiped" in text
        assert "a restart brings back" not in text


def test_a_node_that_had_nothing_to_lose_comes_back(tmp_path: Path):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        h.wipe_peer(2)
        h.restart_peer(2)
        elect(h)
        commit(h, "a")


# ---- a disk that fails


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_node_whose_disk_is_full_stops_and_says_so_once(tmp_path: Path, backend: str):
    with nothing_left_over(), Harness(3, backend=backend, data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        disk = h.storage[2]
        assert isinstance(disk, SqliteStorage)
        h._backend.run(lambda: disk._open_db().execute("PRAGMA max_page_count = 3"))
        h.submit_many(0, ["x" * 1000] * 20)
        with pytest.raises(
            StorageError, match=r"node-2.sqlite' cannot be written: there is no room left on the disk"
        ):
            h.sleep_ms(2000)
        assert h.alive == [True, True, False]
        commit(h, "b")
        h.restart_peer(2)  # there is room again
        commit(h, "c")
        assert len(h.commits[2]) == 23


def test_a_leader_whose_disk_fails_has_sent_nothing_that_it_had_not_written(tmp_path: Path):
    with Harness(3, backend="sim", data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        disk = h.storage[0]
        assert isinstance(disk, SqliteStorage)
        disk._open_db().execute("PRAGMA max_page_count = 3")
        h.submit_many(0, ["x" * 1000] * 20)
        with pytest.raises(StorageError, match="no room"):
            h.sleep_ms(100)
        assert h.alive == [False, True, True]
        assert [len(h.cluster[id].cm.log) for id in (1, 2)] == [1, 1]
        commit(h, "b")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_disk_that_fails_at_the_very_end_keeps_nothing_open(tmp_path: Path, backend: str):
    with nothing_left_over():
        h = Harness(3, backend=backend, data_dir=tmp_path)
        elect(h)
        h.pause()
        h._backend.run(lambda: h.storage[0]._db.execute("PRAGMA query_only = ON"))  # type: ignore[attr-defined]
        with h.lock:
            h.cluster[0].submit("x")
            h.cluster[0]._settle_due = True  # not settled yet, as when the end comes right behind it
        with pytest.raises(StorageError, match="read-only"):
            h.shutdown()
    run(tmp_path, "a")


# ---- what a directory must be


def make(directory: Path, *commands: object, n: int = 3) -> Path:
    run(directory, *commands, n=n)
    return directory


def swap(one: Path, other: Path) -> None:
    one.rename(f"{one}.x")
    other.rename(one)
    Path(f"{one}.x").rename(other)


def patch(path: Path, at: int, data: bytes) -> None:
    old = path.read_bytes()
    path.write_bytes(old[:at] + data + old[at + len(data) :])


def without_vote(directory: Path) -> None:
    with_log = directory / "node-1.sqlite"
    with SqliteStorage(with_log, _identity(with_log)) as storage:
        log = {key: storage.get(key) for key in ("length", "log/0")}
        identity = storage.identity
    with_log.unlink()
    with SqliteStorage(with_log, identity) as storage:
        for key, value in log.items():
            assert value is not None
            storage.set(key, value)
    (directory / "cluster.json").unlink()
    DataDir(directory, 3).close()


def _identity(path: Path) -> DiskOwner:
    with DataDir(path.parent, 3) as opened:
        return opened.storages[1].identity


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file": (lambda d: (shutil.rmtree(d), d.write_text("hello")), "is not a directory"),
    "other files": (
        lambda d: (shutil.rmtree(d), d.mkdir(), (d / "notes\x1b.txt").touch()),
        r"holds no cluster, but 'notes\\x1b.txt'; name a new",
    ),
    "fewer nodes": (lambda d: (shutil.rmtree(d), make(d, "a", n=1)), "belongs to a cluster of 1 node, not of 3"),
    "more nodes": (lambda d: (shutil.rmtree(d), make(d, "a", n=5)), "belongs to a cluster of 5 nodes, not of 3"),
    "first missing": (lambda d: (d / "node-0.sqlite").unlink(), "node-0.sqlite' is missing"),
    "last missing": (
        lambda d: (d / "node-2.sqlite").unlink(),
        "node-2.sqlite' is missing, and the cluster that it belongs to has run",
    ),
    "swapped": (
        lambda d: swap(d / "node-1.sqlite", d / "node-2.sqlite"),
        "node-1.sqlite' is the disk of node 2, not of node 1",
    ),
    "of another cluster": (
        lambda d: (make(d / "other", "a"), (d / "other" / "node-1.sqlite").replace(d / "node-1.sqlite")),
        "node-1.sqlite' belongs to another cluster than the files beside it",
    ),
    "cut short": (lambda d: os.truncate(d / "node-2.sqlite", 5000), "node-2.sqlite' is damaged"),
    "newer": (lambda d: patch(d / "node-2.sqlite", 60, b"\0\0\0\x02"), "node-2.sqlite' is of format 2"),
    "without a vote": (without_vote, "node 1 cannot start: the storage has no 'vote'; its other data is useless"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_directory_that_cannot_be_used_is_refused_and_left_alone(tmp_path: Path, name: str):
    directory = make(tmp_path / "data", "a")
    spoil, match = REFUSALS[name]
    spoil(directory)
    with nothing_left_over(), refused(tmp_path, match):
        Harness(3, backend="sim", data_dir=directory)


def test_a_directory_is_one_clusters_at_a_time(tmp_path: Path):
    with Harness(3, backend="tcp", data_dir=tmp_path) as h:
        elect(h)
        commit(h, "a")
        with pytest.raises(StorageError, match=r"the data directory '.*' is in use by another cluster"):
            Harness(3, backend="tcp", data_dir=tmp_path)
        code = "import sys; from raftplay import Harness; Harness(3, backend='sim', data_dir=sys.argv[1])"
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert "is in use by another cluster" in other.stderr
        commit(h, "b")
    run(tmp_path, "c")


def test_a_read_only_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    directory = make(tmp_path / "data", "a")
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for a user who is not root
    for path in (directory, tmp_path / "new"):
        with refused(tmp_path, "cannot be written: it is read-only"):
            Harness(3, backend="sim", data_dir=path)


def test_the_making_of_a_directory_that_was_interrupted_is_finished(tmp_path: Path):
    DataDir(tmp_path, 3).close()
    (tmp_path / "node-1.sqlite").unlink()
    (tmp_path / "node-2.sqlite").rename(tmp_path / "node-2.sqlite.new")
    os.truncate(tmp_path / "node-2.sqlite.new", 3000)
    assert run(tmp_path, "a") == ["a"]
    assert sorted(contents(tmp_path)) == ["cluster.json", "node-0.sqlite", "node-1.sqlite", "node-2.sqlite"]
    (tmp_path / "cluster.json").unlink()
    for id in range(3):
        (tmp_path / f"node-{id}.sqlite").rename(tmp_path / f"node-{id}.sqlite.new")
    assert run(tmp_path, "b") == ["b"]  # none was made: it never ran


def test_a_harness_takes_a_directory_or_storages_of_ones_own(tmp_path: Path):
    disks = [MapStorage() for _ in range(3)]
    with Harness(3, backend="sim", storage=disks) as h:
        elect(h)
        commit(h, "a")
    with Harness(3, backend="sim", storage=disks) as h:
        assert h.storage == disks
        assert len(h.cluster[0].cm.log) == 1
    for storage in (disks[:2], [*disks, MapStorage()]):
        with pytest.raises(UsageError, match="a storage for each of its 3 nodes"):
            Harness(3, backend="sim", storage=storage)
    with pytest.raises(UsageError, match="either a data directory or"):
        Harness(3, backend="sim", storage=disks, data_dir=tmp_path)
    with nothing_left_over(), pytest.raises(UsageError, match="the backend must be"):
        Harness(3, backend="udp", data_dir=tmp_path)


# ---- sessions over a data directory

STORY = (
    "wait leader",
    "let old = leader",
    "submit 1; submit 2; wait committed 2",
    "tear $old after 1; submit 3; wait leader is not $old",
    "restart $old; wait agree",
    "wipe $old; wait leader; submit 4; sleep 100ms",
)


def test_the_past_of_a_session_is_played_again_without_touching_the_directory(tmp_path: Path):
    for _ in range(2):  # over an empty directory, and over one where a node has lost its disk
        seen: list[Record] = []
        base = blueprint(5)
        plan = Blueprint(base.nodes, base.backend, base.seed, base.config, data_dir=tmp_path)
        session = session_of(plan, (seen.append,))
        with session:
            perform(session, *STORY)
            held = contents(tmp_path)
            again: list[Record] = []
            branch = session.played_again(session.branch, session.branch.mark(), [again.append])
            assert again == seen
            branch.harness.shutdown()
            assert contents(tmp_path) == held
            assert f"# over the data directory {tmp_path}, as it was then" in session.script_text()
        assert len(seen) > 100
