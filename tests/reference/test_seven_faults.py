"""Seven faults that the reference implementation still has, each shown not to be here."""

import socket
import threading

import pytest

from raftplay import CMState, ConsensusModule, Harness, MapStorage
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    LogEntry,
    RequestVoteArgs,
    RequestVoteReply,
)


def settle(cm: ConsensusModule, now: float) -> list:
    while cm.persist(now):
        pass
    return cm.take_calls()


def lead(cm: ConsensusModule, now: float) -> list:
    """Let `cm`, one of five, win its next term; the calls of the new leader."""
    cm.time_out(now)
    for peer, args in settle(cm, now)[:2]:
        assert isinstance(args, RequestVoteArgs)
        cm.reply_received(peer, args, RequestVoteReply(args.term, True), now)
    assert cm.state is CMState.LEADER
    return settle(cm, now)


@pytest.fixture
def cm() -> ConsensusModule:
    module = ConsensusModule(0, (1, 2, 3, 4), MapStorage())
    module.start(0.0)
    return module


def depose(cm: ConsensusModule, now: float, *entries: LogEntry) -> None:
    """A leader of the next term replaces the whole log of `cm`."""
    args = AppendEntriesArgs(cm.current_term + 1, 4, -1, -1, entries, -1)
    assert cm.append_entries(args, now).success
    settle(cm, now)
    assert cm.state is CMState.FOLLOWER


def test_fault_1_a_reply_of_an_earlier_leadership_counts_for_nothing_in_a_later_one(cm: ConsensusModule):
    lead(cm, 1.0)
    cm.submit("old", 1.0)
    old_calls = settle(cm, 1.0)
    depose(cm, 2.0, LogEntry("other", 2))
    lead(cm, 3.0)
    cm.submit("new", 3.0)
    settle(cm, 3.0)
    for peer, args in old_calls:
        cm.reply_received(peer, args, AppendEntriesReply(args.term, True), 3.1)
        cm.reply_received(peer, args, AppendEntriesReply(cm.current_term, True), 3.1)
    assert set(cm.match_index.values()) == {-1}
    assert cm.commit_index == -1


def test_fault_2_a_stopped_node_stays_dead_when_a_late_reply_comes_and_writes_nothing():
    storage = MapStorage()
    cm = ConsensusModule(0, (1, 2, 3, 4), storage)
    cm.start(0.0)
    calls = lead(cm, 1.0)
    before = storage.get("vote")
    cm.stop()
    for peer, args in calls:
        cm.reply_received(peer, args, AppendEntriesReply(99, False), 2.0)
    assert settle(cm, 2.0) == []
    assert (cm.state, cm.current_term, cm.deadline) == (CMState.DEAD, 1, float("inf"))
    assert storage.get("vote") == before


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_fault_3_nobody_needs_to_read_the_commits_for_the_cluster_to_go_on(backend: str):
    with Harness(3, backend=backend, seed=3) as h:
        leader, _ = h.check_single_leader()
        h.submit_many(leader, list(range(3000)))
        assert h.wait_until(lambda: all(len(commits) == 3000 for commits in h.commits), 20)
        assert h.submit_to_server(leader, "still there") == 3000
        assert h.wait_until(lambda: all(len(commits) == 3001 for commits in h.commits))


def test_fault_4_concurrent_submits_return_while_the_leader_steps_down():
    with Harness(3, backend="tcp", seed=4) as h:
        leader, term = h.check_single_leader()
        indices: list[int] = []

        def submit(worker: int) -> None:
            for at in range(200):
                indices.append(h.submit_to_server(leader, [worker, at]))

        workers = [threading.Thread(target=submit, args=(worker,), daemon=True) for worker in range(8)]
        for worker in workers:
            worker.start()
        h.disconnect_peer(leader)
        assert h.wait_until(lambda: any(s.is_leader() and s.cm.current_term > term for s in h.cluster))
        h.reconnect_peer(leader)
        assert h.wait_until(lambda: h.cluster[leader].cm.current_term > term)
        for worker in workers:
            worker.join(20)
        assert not any(worker.is_alive() for worker in workers)
        assert len(indices) == 1600
        assert h.submit_to_server(leader, "deposed") == -1 or h.cluster[leader].is_leader()


def test_fault_5_a_log_that_was_shortened_in_between_harms_no_sender(cm: ConsensusModule):
    lead(cm, 1.0)
    for command in range(5):
        cm.submit(command, 1.0)
    calls = settle(cm, 1.0)
    cm.submit("last", 1.0)  # its calls are due, but have not been made, as the log shrinks
    depose(cm, 2.0, LogEntry("only", 2))
    assert len(cm.log) == 1
    for peer, args in calls:
        cm.call_failed(peer, args, 2.1)
        cm.reply_received(peer, args, AppendEntriesReply(1, False, 3, 1), 2.1)
    assert settle(cm, 2.1) == []
    assert {args.prev_log_index for _, args in lead(cm, 3.0)} == {0}


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_fault_6_a_cluster_of_one_elects_itself_and_commits(backend: str):
    with Harness(1, backend=backend, seed=6) as h:
        assert h.check_single_leader() == (0, 1)
        assert h.submit_to_server(0, "alone") == 0
        assert h.wait_until(lambda: bool(h.commits[0]))
        assert h.check_committed("alone") == (1, 0)


def test_fault_7_nodes_listen_on_loopback_only_and_tell_a_stranger_nothing_but_a_challenge():
    with Harness(3, backend="tcp", seed=7) as h:
        h.check_single_leader()
        for server in h.cluster:
            host, port = server.listen_addr
            assert host == "127.0.0.1"
            with socket.create_connection((host, port), timeout=5) as stranger:
                challenge = stranger.recv(1024)
                stranger.sendall(b"\0" * 200)
                assert stranger.recv(1024) == b""
            assert len(challenge) < 64
            with pytest.raises(OSError, match=r".*"):
                socket.create_connection(("127.0.0.2", port), timeout=1).close()
        leader, _ = h.check_single_leader()
        assert h.submit_to_server(leader, "unharmed") == 0
