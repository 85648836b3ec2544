"""A storage of a user's own that raises: its node stops and is named in one sentence, the others live on."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.backends import elect, nothing_left_over

from raftplay import Harness, MapStorage, Server, StorageError
from raftplay.backends.sim import SimBackend
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.commands.looking import status_text
from raftplay.past.history import History
from raftplay.watch.facts import Crashed, Record
from raftplay.watch.narrator import describe
from raftplay.why import why_node

BACKENDS = ("sim", "tcp")

RAISED: dict[str, tuple[Callable[[], Exception], str]] = {
    "no room": (lambda: OSError(errno.ENOSPC, "No space left on device"), "OSError: [Errno 28] No space left on device"),
    "a key": (lambda: KeyError("vote"), "KeyError: 'vote'"),
    "nothing said": (TimeoutError, "TimeoutError"),
    "many lines": (lambda: ValueError("one\n\x1b[2J  two" + "x" * 999), "ValueError: one \\x1b[2J two"),
}  # fmt: skip


class Failing(MapStorage):
    """Raises in every method that `fails` names."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        super().__init__()
        self.error = error
        self.fails: tuple[str, ...] = ()

    def set(self, key: str, value: bytes) -> None:
        self._may_fail("set")
        super().set(key, value)

    def set_many(self, values: "dict[str, bytes]") -> None:  # type: ignore[override]
        self._may_fail("set_many")
        super().set_many(values)

    def get(self, key: str) -> bytes | None:
        self._may_fail("get")
        return super().get(key)

    def has_data(self) -> bool:
        self._may_fail("has_data")
        return super().has_data()

    def _may_fail(self, method: str) -> None:
        if method in self.fails:
            raise self.error()


class FailingDisk(MemoryDisk):
    """Raises as a transaction begins or ends, with nothing of it kept."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = ""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self.fails == "begin":
            raise OSError(errno.EIO, "Input/output error")
        with super().transaction():
            yield
            if self.fails == "end":
                raise OSError(errno.EIO, "Input/output error")


def commit(h: Harness, command: object) -> None:
    leader, _ = h.check_single_leader()
    assert h.submit_to_server(leader, command) >= 0
    assert h.wait_until(
        lambda: all(any(e.command == command for e in h.commits[id]) for id in range(h.n) if h.alive[id])
    )


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert text.isprintable()
    assert len(text) < 300
    return text


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("victim", [0, 2])
def test_a_node_that_cannot_write_stops_and_the_others_live_on(backend: str, name: str, victim: int):
    error, words = RAISED[name]
    disks = [Failing(error) for _ in range(3)]
    seen: list[Record] = []
    with nothing_left_over(), Harness(3, backend=backend, seed=3, storage=disks, readers=[seen.append]) as h:
        elect(h)
        commit(h, "a")
        disks[victim].fails = ("set", "set_many")
        with pytest.raises(StorageError) as failure:  # noqa: PT012 - at once, or as soon as time passes
            h.submit_to_server(0, "b")
            h.sleep_ms(3000)
        text = one_sentence(failure.value)
        assert text.startswith(f"node {victim} crashed at ")
        assert f" s: its storage raised {words}" in text
        assert [h.alive, h.connected] == [[id != victim for id in range(3)]] * 2
        crashed = [record for record in seen if isinstance(record.event, Crashed)]
        assert [r.node for r in crashed] == [victim]
        assert describe(crashed[0]).startswith(f"crashes: its storage raised {words}")
        commit(h, "c")  # raises nothing again
        disks[victim].fails = ()
        h.restart_peer(victim)
        assert h.snapshot().nodes[victim].crash_cause == ""
        commit(h, "d")
        assert [e.command for e in h.commits[victim]][-2:] == ["c", "d"]


@pytest.mark.parametrize("fails", ["begin", "end"])
def test_a_transaction_that_fails_stops_its_node_alone(fails: str):
    disks = [FailingDisk() for _ in range(3)]
    with Harness(3, backend="sim", seed=3, storage=disks) as h:
        elect(h)
        commit(h, "a")
        disks[1].fails = fails
        h.submit_to_server(0, "b")
        with pytest.raises(
            StorageError, match=r"^node 1 crashed at 0\.\d+ s: its storage raised OSError: \[Errno 5\]"
        ):
            h.sleep_ms(100)
        assert disks[1].get("log/1") is None
        commit(h, "c")
        disks[1].fails = ""
        h.restart_peer(1)
        commit(h, "d")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_action_is_done_although_a_disk_fails_just_before(backend: str):
    disks = [Failing(RAISED["no room"][0]) for _ in range(3)]
    with Harness(3, backend=backend, seed=3, storage=disks) as h:
        elect(h)
        h.pause()
        disks[0].fails = ("set", "set_many")
        with pytest.raises(StorageError, match=r"^node 0 crashed"):  # noqa: PT012 - in either call
            h.submit_to_server(0, "b")
            h.crash_peer(1)
        if h.alive[1]:  # where the first call has settled already
            h.crash_peer(1)
        assert h.alive == [False, False, True]


@pytest.mark.parametrize("method", ["has_data", "get"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_disk_that_cannot_be_read_is_named_at_start_and_at_restart(backend: str, method: str):
    disks = [Failing(RAISED["no room"][0]) for _ in range(3)]
    words = r"^node 1 cannot start: its storage raised OSError: \[Errno 28\] No space left on device$"
    with Harness(3, backend=backend, seed=3, storage=disks) as h:
        elect(h)
        commit(h, "a")
        h.crash_peer(1)
        disks[1].fails = (method,)
        for _ in range(2):
            with pytest.raises(StorageError, match=words):
                h.restart_peer(1)
        assert h.alive == [True, False, True]
        commit(h, "b")
        disks[1].fails = ()
        h.restart_peer(1)
        assert h.cluster[1].incarnation == 1
        commit(h, "c")
    disks[1].fails = (method,)
    with nothing_left_over(), pytest.raises(StorageError, match=words):
        Harness(3, backend=backend, seed=3, storage=disks)


def test_a_disk_that_cannot_say_whether_it_had_data_is_wiped_for_good():
    disks = [Failing(RAISED["a key"][0]) for _ in range(3)]
    with Harness(3, backend="sim", seed=3, storage=disks) as h:
        disks[1].fails = ("has_data",)
        h.wipe_peer(1)
        assert h.wiped == [False, True, False]


def test_why_status_and_the_past_say_which_disk_failed():
    disks = [Failing(RAISED["no room"][0]) for _ in range(3)]
    history = History()
    with Harness(3, backend="sim", seed=3, storage=disks, readers=[history]) as h:
        elect(h)
        commit(h, "a")
        disks[2].fails = ("set", "set_many")
        h.submit_to_server(0, "b")
        with pytest.raises(StorageError):
            h.sleep_ms(500)
        cause = "its storage raised OSError: [Errno 28] No space left on device"
        now = h.snapshot()
        assert f"; crashed: {cause}" in str(now)
        assert "down, its disk failed" in status_text(now)
        view = history.view(history.last_seq, now)
        assert view.snapshot.nodes[2].crash_cause == cause
        assert cause in " ".join(why_node(view, 2).text.split())


def test_a_server_without_a_harness_stops_and_raises():
    backend, disk = SimBackend(), Failing(RAISED["no room"][0])
    server = backend.run(lambda: Server(0, (), disk, backend=backend))
    disk.fails = ("set", "set_many")
    server.serve()
    with pytest.raises(StorageError, match="its storage raised OSError"):
        backend.pass_time(1)
    assert server.stopped
    backend.close()
