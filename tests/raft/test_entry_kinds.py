"""A no-op is an entry of its own kind: no command, not even null, which a client may submit."""

from pathlib import Path

import msgspec
import pytest
from support.stories import led

from raftplay import CommitEntry, Config, ConsensusModule, Harness, LogEntry, MapStorage, RaftConfig, StorageError
from raftplay.backends import wire
from raftplay.past.history import History
from raftplay.raft import decisions
from raftplay.raft.commands import MAX_COMMAND_DEPTH
from raftplay.raft.messages import AppendEntriesArgs, Entry, InternalEntry
from raftplay.watch import facts
from raftplay.watch.invariants import Invariants
from raftplay.watch.narrator import describe
from raftplay.watch.trace import read_trace, traced

NOOP = InternalEntry(3, "no-op")
NULL = LogEntry(None, 3)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (LogEntry("x", 3), b'["x",3]'),
        (NULL, b"[null,3]"),
        (NOOP, b'{"term":3,"kind":"no-op","command":null}'),
        (InternalEntry(3, "configuration", [0, 1]), b'{"term":3,"kind":"configuration","command":[0,1]}'),
    ],
)
def test_the_kind_of_a_command_is_not_written_and_every_kind_is_read_as_it_was(entry: Entry, text: bytes) -> None:
    assert msgspec.json.encode(entry) == text
    frame = wire.Call(1, AppendEntriesArgs(3, 0, -1, -1, (entry,), -1))
    assert wire.decode(wire.encode(frame)[wire.LENGTH_BYTES :]) == frame
    storage = MapStorage()
    for key, value in (("vote", b"[3,0]"), ("log/0", text), ("length", b"1")):
        storage.set(key, value)
    assert ConsensusModule(0, (1,), storage).log == [entry]


@pytest.mark.parametrize(
    "text",
    [
        b'["x",3,"no-op"]',
        b'{"term":3,"kind":"command","command":"x"}',
        b'{"term":3,"command":null}',
        b'{"term":-1,"kind":"no-op"}',
        b'{"kind":"no-op"}',
        b'{"term":3,"kind":"configuration","command":%b}' % (b"[" * 999 + b"]" * 999),
    ],
)
def test_an_entry_of_no_kind_is_refused(text: bytes) -> None:
    with pytest.raises(wire.BadFrame):
        wire.decode(b'["call",1,["AppendEntries",3,0,-1,-1,[%b],-1]]' % text)
    storage = MapStorage()
    for key, value in (("vote", b"[3,0]"), ("log/0", text), ("length", b"1")):
        storage.set(key, value)
    with pytest.raises(StorageError):
        ConsensusModule(0, (1,), storage)


def test_a_configuration_may_be_nested_as_deeply_as_a_command() -> None:
    text = b'{"term":3,"kind":"configuration","command":%b}' % (
        b"[" * MAX_COMMAND_DEPTH + b"]" * MAX_COMMAND_DEPTH
    )
    assert wire.decode(b'["call",1,["AppendEntries",3,0,-1,-1,[%b],-1]]' % text)


def test_a_leader_with_noop_appends_a_no_op_and_a_submitted_null_is_a_command() -> None:
    cm = ConsensusModule(0, (), MapStorage(), config=RaftConfig(noop=True))
    cm.start(0.0)
    cm.time_out(1.0)
    cm.persist(1.0)
    cm.submit(None)
    cm.persist(1.0)
    assert cm.log == [InternalEntry(1, "no-op"), LogEntry(None, 1)]
    assert cm.take_commits() == [CommitEntry(None, 0, 1, "no-op"), CommitEntry(None, 1, 1)]


def test_a_no_op_is_no_committed_null_live_in_a_trace_and_in_the_past(tmp_path: Path) -> None:
    config = Config(raft=RaftConfig(noop=True))
    history = History()
    with (
        Harness(3, backend="sim", seed=1, config=config, readers=[history]) as h,
        traced(h, tmp_path / "trace"),
    ):
        leader, term = h.check_single_leader()
        assert h.wait_until(lambda: all(len(commits) == 1 for commits in h.commits))
        h.check_not_committed(None)
        assert h.submit_to_server(leader, None) == 1
        assert h.wait_until(lambda: all(len(commits) == 2 for commits in h.commits))
        assert h.check_committed(None) == (3, 1)
        expected = [InternalEntry(term, "no-op"), LogEntry(None, term)]
        assert all(server.cm.log == expected for server in h.cluster)
        then = history.view(history.last_seq, h.snapshot()).snapshot
        assert [node.log[:] for node in then.nodes] == [tuple(expected)] * 3
    records = list(read_trace(tmp_path / "trace").records)
    watcher = Invariants(3)
    for record in records:
        watcher(record)
    assert not watcher.breaches
    applied = [r for r in records if isinstance(r.event, decisions.Applied) and r.node == 0]
    assert [r.event.entry.kind for r in applied if isinstance(r.event, decisions.Applied)] == ["no-op", "command"]
    assert [describe(r) for r in applied] == ["applies null at index 0", "applies null at index 1"]


def test_a_no_op_that_an_older_version_stored_stays_the_null_that_it_looks_like() -> None:
    storage = MapStorage()
    for key, value in (("vote", b"[1,0]"), ("log/0", b"[null,1]"), ("length", b"1")):
        storage.set(key, value)
    assert ConsensusModule(0, (1,), storage).log == [LogEntry(None, 1)]


def test_a_no_op_and_a_null_at_one_index_of_one_term_violate_log_matching() -> None:
    story = led(3, "a")
    story.tell(0, decisions.EntryAppended(1, InternalEntry(1, "no-op")))
    story.tell(1, decisions.EntriesStored(1, (LogEntry(None, 1),)))
    assert "Log Matching" in story.broken


def test_a_no_op_and_a_null_applied_at_one_index_violate_state_machine_safety() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 0)
    story.tell(0, decisions.CommitAdvanced(1, "majority"))
    story.commit[0] = 1
    call, args = story.send(0, 1, 2)
    story.tell(1, facts.CallDelivered(call, 0, 1, args))
    story.tell(1, decisions.AppendDecided(args, True, "matches"))
    story.tell(1, decisions.CommitAdvanced(1, "told"))
    story.tell(1, decisions.Applied(CommitEntry("a", 0, 1)))
    story.tell(0, decisions.Applied(CommitEntry(None, 1, 1, "no-op")))
    assert story.broken == []
    story.tell(1, decisions.Applied(CommitEntry(None, 1, 1)))
    assert story.broken == ["State Machine Safety"]
