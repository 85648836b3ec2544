"""Disks that fail in the middle of a run: at every single write, in every way; the cluster never diverges."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.disks import flipped
from support.paper import thorough

from raftplay import Harness, MapStorage, StorageError
from raftplay.cluster.storage.disk import MemoryDisk, TornWrite
from raftplay.raft import decisions
from raftplay.raft.messages import LogEntry
from raftplay.watch import facts
from raftplay.watch.facts import Record

NODES = 3


class Clock:
    """Counts the writes of all disks of a cluster, and says at which one something happens."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.writes = 0

    def strikes(self) -> bool:
        self.writes += 1
        return self.writes - 1 == self.at


class FaultyMap(MapStorage):
    """A disk without transactions. At its moment the machine goes down: with the write lost, or just on disk."""

    def __init__(self, clock: Clock, fault: str) -> None:
        super().__init__()
        self.clock, self.fault = clock, fault

    def set(self, key: str, value: bytes) -> None:
        strikes = self.clock.strikes()
        if not strikes or self.fault == "written":
            super().set(key, value)
        if strikes:
            raise TornWrite


class FaultyDisk(MemoryDisk):
    """A disk with transactions, which counts those: one is lost as it is synced, or is on disk and nobody hears."""

    def __init__(self, clock: Clock, fault: str) -> None:
        super().__init__()
        self.clock, self.fault = clock, fault

    @contextmanager
    def transaction(self) -> Iterator[None]:
        strikes = self.clock.strikes()
        with super().transaction():
            yield
            if strikes and self.fault == "lost":
                raise TornWrite
        if strikes:
            raise TornWrite


FAULTS = {
    "value lost": lambda clock: FaultyMap(clock, "lost"),
    "value written": lambda clock: FaultyMap(clock, "written"),
    "transaction lost": lambda clock: FaultyDisk(clock, "lost"),
    "transaction written": lambda clock: FaultyDisk(clock, "written"),
}


class History:
    """What any node has ever applied: a reader."""

    def __init__(self) -> None:
        self.applied: dict[int, object] = {}

    def __call__(self, record: Record) -> None:
        if isinstance(record.event, decisions.Applied):
            entry = record.event.entry
            assert self.applied.setdefault(entry.index, entry.command) == entry.command


def play(fault: str, at: int = -1, seed: int = 1) -> tuple[int, bool]:
    """One run with changes of leaders and logs that are cut; how many writes, and whether the fault struck.

    Every invariant is watched; at the end all logs hold all that was ever applied.
    """
    clock, history = Clock(at), History()
    disks = [FAULTS[fault](clock) for _ in range(NODES)]
    with Harness(NODES, backend="sim", seed=seed, storage=disks, readers=[history]) as h:
        for number in range(6):
            disturb(h, number)
            restart(h)
        writes, clock.at = clock.writes, -1
        restart(h)
        h.wait_until(lambda: h.snapshot().leader is not None, 5)
        h.sleep_ms(300)
        leader = h.snapshot().leader
        assert leader is not None
        assert h.submit_to_server(leader.id, "last") >= 0
        assert h.wait_until(lambda: all(log and log[-1].command == "last" for log in h.commits))
        for log in h.commits:
            assert {entry.index: entry.command for entry in log} == history.applied
    return writes, writes > at >= 0


def restart(h: Harness) -> None:
    for id in range(NODES):
        if not h.alive[id]:
            h.restart_peer(id)


def disturb(h: Harness, number: int) -> None:
    """Submit to the leader: as it is, cut off so that it is lost, or behind the back of a node that is down."""
    h.wait_until(lambda: h.snapshot().leader is not None, 2)
    leader = h.snapshot().leader
    if leader is None:
        return
    one, other = (id for id in range(NODES) if id != leader.id)
    if number % 3 == 1:
        h.disconnect_peer(leader.id)
    if number % 3 == 2 and h.alive[other]:
        h.crash_peer(one)
        h.time_out_peer(other)
        h.wait_until(h.cluster[other].is_leader, 1)
    for id in (leader.id, other):
        h.submit_many(id, [f"{number}a", f"{number}b"])
    h.sleep_ms(40)
    if number % 3 == 1:
        h.sleep_ms(400)
        if h.alive[leader.id]:
            h.reconnect_peer(leader.id)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crash_at_every_write_of_a_run_is_outlived(fault: str):
    writes, _ = play(fault)
    assert writes > 20
    struck = sum(play(fault, at)[1] for at in range(writes))
    assert struck == writes


class Disks:
    """A reader that folds what each node's disk holds, and finds what a node applied that its disk does not hold."""

    def __init__(self) -> None:
        self.logs: list[list[LogEntry]] = [[] for _ in range(NODES)]
        self.applied = [0] * NODES
        self.lies: list[Record] = []

    def __call__(self, record: Record) -> None:
        match record.event:
            case decisions.Started(entries=entries) | facts.OnDisk(entries=entries):
                self.logs[record.node] = list(entries)
            case decisions.Persisted(start=start, entries=entries):
                self.logs[record.node][start:] = entries
            case decisions.Applied(entry=entry):
                self.applied[record.node] += 1
                held = self.logs[record.node][entry.index : entry.index + 1]
                if [entry.command for entry in held] != [entry.command]:
                    self.lies.append(record)


@pytest.mark.parametrize("sets", range(3))
def test_a_torn_write_leaves_no_word_of_an_entry_applied_that_the_disk_does_not_hold(sets: int) -> None:
    """The call that brings a late node its entries also says that they are committed."""
    disks, seen = Disks(), [[] for _ in range(NODES)]
    with Harness(NODES, backend="sim", seed=4, readers=[disks]) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        for _ in range(3):
            h.disconnect_peer(1)
            h.submit_many(0, ["a", "b"])
            h.sleep_ms(60)
            h.reconnect_peer(1)
            seen[1] += h.commits[1]
            h.tear_peer(1, sets)
            assert h.wait_until(lambda: not h.alive[1])
            h.restart_peer(1)
            h.sleep_ms(200)
        assert disks.lies == []
        assert disks.applied[1] == len(seen[1] + h.commits[1])


# ---- damage on the disk of a node that is down


def test_no_damage_to_a_disk_makes_a_restarted_node_diverge(tmp_path: Path):
    rng = random.Random(8)
    history = History()
    outcomes = {"refused": 0, "came back": 0}
    with Harness(NODES, backend="sim", seed=2, data_dir=tmp_path, readers=[history]) as h:
        for number in range(30):
            h.wait_until(lambda: h.snapshot().leader is not None)
            leader, _ = h.check_single_leader()
            h.submit_to_server(leader, number)
            h.sleep_ms(30)
            id = rng.randrange(NODES)
            h.crash_peer(id)
            path = tmp_path / f"node-{id}.sqlite"
            good = path.read_bytes()
            path.write_bytes(damaged(good, rng))
            try:
                h.restart_peer(id)
                outcomes["came back"] += 1
            except StorageError:
                assert not h.alive[id]
                outcomes["refused"] += 1
                path.write_bytes(good)
                h.restart_peer(id)
            h.sleep_ms(300)
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, "last")
        assert h.wait_until(lambda: all(log and log[-1].command == "last" for log in h.commits))
        assert {entry.index: entry.command for entry in h.commits[0]} == history.applied
    assert all(outcomes.values()), outcomes


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A bit turned, a sector of zeros or of another place, or the end cut off."""
    at = rng.randrange(len(data))
    sector = at // 512 * 512
    match rng.randrange(4):
        case 0:
            return flipped(data, at, rng.randrange(8))
        case 1:
            return data[:sector] + bytes(512) + data[sector + 512 :]
        case 2:
            other = rng.randrange(len(data) // 512) * 512
            return data[:sector] + data[other : other + 512] + data[sector + 512 :]
    return data[:at]


# ---- anything at all

keys = st.sampled_from(["vote", "length", "log/0", "log/1", "log/2", "else"])
texts = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"[1,0]", b"[3,-1]", b"[9999999999999999999999,99]", b"[" + b"9" * 3900 + b",0]", b"[" + b"9" * 4300 + b",0]",
            b"1", b"2", b"3", b"9" * 5000, b'["x",1]', b"[null,0]", b"[{},2]", b"[[" * 200 + b"]" * 400, b'["' + b"x" * 70_000 + b'",1]',
            b"[" + b"9" * 4300 + b",1]", b"[1e999,1]",
        ]
    ),
)  # fmt: skip


@thorough
@given(st.lists(st.dictionaries(keys, texts), min_size=NODES, max_size=NODES))
def test_whatever_disks_hold_a_cluster_starts_and_commits_or_refuses_in_one_sentence(
    found: list[dict[str, bytes]],
):
    disks = [MapStorage() for _ in range(NODES)]
    for disk, values in zip(disks, found, strict=True):
        for key, value in values.items():
            disk.set(key, value)
    try:
        h = Harness(NODES, backend="sim", seed=1, storage=disks, watch=False)
    except StorageError as error:
        refusal = str(error)
    else:
        with h:
            assert h.wait_until(lambda: h.snapshot().leader is not None, 10)
            leader, _ = h.check_single_leader()
            assert h.submit_to_server(leader, "new") >= 0
            assert h.wait_until(lambda: all(log and log[-1].command == "new" for log in h.commits))
        return
    assert refusal.startswith("node ")
    assert refusal.isprintable()
    assert len(refusal) < 400
