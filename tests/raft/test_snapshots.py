"""Snapshots by hand, one input at a time: chunks, rules 6 and 7, and AppendEntries below a snapshot (§7)."""

from support.paper import entries

from raftplay import Harness
from raftplay.commands.setup import Setup
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, AppendEntriesArgs, InstallSnapshotArgs, LogEntry
from raftplay.raft.snapshots import CHUNK_BYTES
from raftplay.raft.storage import MapStorage
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import parse_script


def follower(*terms: int, commit: int = NONE) -> ConsensusModule:
    """Return a follower with entries of these terms, committed and applied up to `commit`."""
    cm = ConsensusModule(2, (0, 1), MapStorage())
    cm.start(0.0)
    cm.append_entries(AppendEntriesArgs(max(terms, default=1), 0, NONE, NONE, entries(terms), commit), 0.0)
    settle(cm)
    return cm


def settle(cm: ConsensusModule) -> None:
    cm.persist(0.0)
    cm.take_image()
    cm.take_commits()


def whole(index: int, term: int, data: bytes = b"image", leader_term: int = 2) -> InstallSnapshotArgs:
    return InstallSnapshotArgs(leader_term, 0, index, term, 0, data, True)


def test_rule_6_keeps_the_entries_after_a_snapshot_that_the_log_agrees_with():
    cm = follower(1, 1, 1, 1)
    reply = cm.install_snapshot(whole(1, 1), 0.0)
    assert (reply.done, reply.received) == (True, 5)
    assert (cm.log.base_index, list(cm.log), cm.commit_index, cm.last_applied) == (1, [*entries((1, 1), 2)], 1, 1)
    settle(cm)
    again = ConsensusModule(2, (0, 1), cm._store._storage)
    assert (again.log, again.commit_index, again.last_applied) == (cm.log, 1, 1)
    assert again.take_image() == cm.snapshot


def test_rule_7_discards_another_log():
    for cm in (follower(1, 1, 1, 1), follower(1), follower()):
        assert cm.install_snapshot(whole(2, 2), 0.0).done
        assert (cm.log.base_index, cm.log.base_term, list(cm.log)) == (2, 2, [])
        settle(cm)
        assert ConsensusModule(2, (0, 1), cm._store._storage).log == cm.log


def test_a_snapshot_of_what_is_committed_is_ignored_and_acknowledged():
    cm = follower(1, 1, 1, 1, commit=3)
    assert cm.install_snapshot(whole(2, 1), 0.0).done
    assert (cm.log.base_index, cm.last_applied, cm.take_image()) == (NONE, 3, None)
    assert cm.install_snapshot(whole(9, 1, leader_term=0), 0.0).done is False


def test_chunks_may_be_lost_repeated_and_come_from_another_leader():
    cm = follower()

    def chunk(offset: int, data: bytes, *, done: bool = False, term: int = 2) -> tuple[int, bool]:
        reply = cm.install_snapshot(InstallSnapshotArgs(term, 0, 4, 1, offset, data, done), 0.0)
        return reply.received, reply.done

    assert chunk(0, b"ab") == (2, False)
    assert chunk(0, b"ab") == (2, False)
    assert chunk(4, b"ef", done=True) == (2, False)  # bytes 2 and 3 are missing
    assert chunk(2, b"") == (2, False)  # it asks
    assert chunk(2, b"XX", term=3) == (0, False)  # another leader's bytes may differ
    assert chunk(0, b"abcd", term=3) == (4, False)
    assert chunk(4, b"ef", done=True, term=3) == (6, True)
    image = cm.take_image()
    assert image is not None
    assert (image.index, image.term, image.data) == (4, 1, b"abcdef")


def test_append_entries_below_a_snapshot_skips_what_it_covers():
    cm = follower(1, 1, 1, 1, commit=2)
    assert (cm.take_snapshot(b"image", 0.0), cm.take_snapshot(b"image", 0.0)) == (2, NONE)
    settle(cm)
    for previous in (NONE, 0, 1):  # old requests, whose entries the snapshot covers
        args = AppendEntriesArgs(1, 0, previous, NONE if previous < 0 else 1, entries((1,) * 2, previous + 1), 2)
        assert cm.append_entries(args, 0.0).success
    assert cm.append_entries(AppendEntriesArgs(1, 0, 2, 1, (), 2), 0.0).success
    assert not cm.append_entries(AppendEntriesArgs(2, 0, 2, 2, (), 2), 0.0).success
    assert (cm.log.base_index, list(cm.log)) == (2, [*entries((1,), 3)])
    new = (*entries((1, 1), 1), LogEntry("new", 2))
    assert cm.append_entries(AppendEntriesArgs(2, 0, 0, 1, new, 2), 0.0).success
    assert list(cm.log) == [LogEntry("new", 2)]


def test_a_large_snapshot_goes_in_chunks_while_the_others_go_on():
    with Harness(3, backend="sim", seed=7) as h:
        leader, _ = h.check_single_leader()
        behind, other = (leader + 1) % 3, (leader + 2) % 3
        h.crash_peer(behind)
        for number in range(20):
            h.submit_to_server(leader, f"{number} {'x' * 60_000}")
        h.wait_until(lambda: len(h.commits[leader]) == 20)
        assert h.compact_peer(leader) == 19
        snapshot = h.cluster[leader].cm.snapshot
        assert snapshot is not None
        assert len(snapshot.data) > 4 * CHUNK_BYTES
        h.restart_peer(behind)
        h.submit_to_server(leader, "meanwhile")
        assert h.wait_until(lambda: len(h.commits[other]) == 21)
        assert h.wait_until(lambda: len(h.commits[behind]) == 21)
        assert h.check_committed("meanwhile") == (3, 20)


def test_a_rejection_that_comes_after_a_lost_chunk_does_not_end_the_sending():
    """The leader probes again then, and must not wait for the answer to the chunk for ever."""
    told: list[str] = []
    script = parse_script("lost-chunk", LOST_CHUNK, Setup())
    assert run_script(script, TextTranscript(told.append)) is Status.HELD, "\n".join(told)


LOST_CHUNK = """\
nodes 3
seed 312
backend sim
set prevote on
set noop on
set snapshot 5
sleep 299.9ms
submit 1 to 0
submit 2 to 0
submit 3 to 0
hold 2->0
submit 4 to 0
sleep 5ms
cut all->2
release 2->0
heal
wait committed 4 on 3 within 3s
"""
