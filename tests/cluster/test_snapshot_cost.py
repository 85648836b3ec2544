"""A snapshot reads nothing of the logs and commits when it is made, and it never changes afterwards."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from raftplay import CommitEntry, Harness, LogEntry
from raftplay.raft.log import RaftLog
from raftplay.raft.prefix import Prefix


class Counted(list[Any]):
    """A list that counts how often it is read."""

    reads = 0

    def __iter__(self) -> Iterator[Any]:
        Counted.reads += len(self)
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        Counted.reads += 1
        return super().__getitem__(index)


def filled(h: Harness, commands: range) -> int:
    leader, _ = h.check_single_leader()
    h.submit_many(leader, commands)
    h.check_until(lambda: all(len(log) == commands.stop for log in h.commits))
    return leader


@pytest.mark.parametrize("length", [100, 10_000])
def test_a_snapshot_reads_no_entry_however_many_there_are(length: int) -> None:
    with Harness(3, backend="sim", seed=1, watch=False) as h:
        filled(h, range(length))
        for id, server in enumerate(h.cluster):
            server.cm.log._entries = Counted(server.cm.log._entries)
            h.commits[id] = Counted(h.commits[id])
        Counted.reads = 0
        seen = h.snapshot()
        assert Counted.reads == 0
        assert [len(node.commits) for node in seen.nodes] == [length] * 3
        assert [entry.command for entry in seen.nodes[0].log] == list(range(length))
        assert Counted.reads > 0


def test_a_snapshot_stays_as_it_was_while_the_cluster_goes_on() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        leader = filled(h, range(5))
        seen, was = h.snapshot(), copy.deepcopy(h.snapshot())
        filled(h, range(5, 9))
        assert len(h.snapshot().nodes[leader].log) == 9
        h.crash_peer(leader)
        h.restart_peer(leader)
        h.sleep_ms(500)
        assert seen == was
        for node in seen.nodes:
            assert (len(node.log), len(node.commits)) == (5, 5)
            assert [entry.command for entry in node.commits] == list(range(5))
            assert node.log == tuple(LogEntry(command, 1) for command in range(5))


def test_a_snapshot_keeps_the_entries_that_a_new_leader_removes() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        old = filled(h, range(2))
        h.disconnect_peer(old)
        h.submit_to_server(old, "lost")
        h.sleep_ms(500)
        seen = h.snapshot()
        new, _ = h.check_single_leader()
        h.submit_to_server(new, "kept")
        h.sleep_ms(200)
        h.reconnect_peer(old)
        h.check_until(lambda: [entry.command for entry in h.commits[old]] == [0, 1, "kept"])
        assert [entry.command for entry in seen.nodes[old].log] == [0, 1, "lost"]
        assert [entry.command for entry in h.snapshot().nodes[old].log] == [0, 1, "kept"]


def test_a_prefix_is_read_as_a_tuple_is() -> None:
    items = list(range(6))
    prefix, plain = Prefix(items), tuple(items)
    items.append(6)
    assert (len(prefix), list(prefix), list(reversed(prefix))) == (6, list(plain), list(reversed(plain)))
    for index in range(-6, 6):
        assert prefix[index] == plain[index]
    for index in (-7, 6):
        with pytest.raises(IndexError):
            prefix[index]
    for start in (None, -9, -2, 0, 3, 9):
        for stop in (None, -9, -1, 0, 4, 9):
            for step in (None, -2, -1, 1, 3):
                assert prefix[start:stop:step] == plain[start:stop:step]
    assert prefix == plain
    assert plain == prefix
    assert prefix == Prefix(list(plain)) == Prefix(items, 6)
    assert prefix != Prefix(items)
    assert prefix != plain[:5]
    assert prefix != list(plain)
    assert (hash(prefix), repr(prefix), 5 in prefix, 6 in prefix) == (hash(plain), repr(plain), True, False)
    assert pickle.loads(pickle.dumps(prefix)) == copy.copy(prefix) == plain


def test_the_view_of_a_log_is_the_log_of_that_moment() -> None:
    log = RaftLog([LogEntry("a", 1), LogEntry("b", 1)])
    seen = log.view()
    log.append(LogEntry("c", 1))
    both = log.view()
    log.truncate(1)
    log.append(LogEntry("d", 2))
    assert [[e.command for e in entries] for entries in (seen, both, log.view())] == [
        ["a", "b"],
        ["a", "b", "c"],
        ["a", "d"],
    ]


def test_commits_of_a_snapshot_are_commit_entries() -> None:
    with Harness(1, backend="sim", seed=1) as h:
        filled(h, range(1))
        assert h.snapshot().nodes[0].commits == (CommitEntry(0, 0, 1),)
