"""The reference's tests of what must be on disk, and of votes, by their names."""

from support.scenarios import PATIENCE, is_exact, ring, scenario, settled_leader, submit, wait_until

from raftplay import AppendEntriesArgs, CMState, Harness, RequestVoteArgs, RequestVoteReply
from raftplay.cluster import checks
from raftplay.raft.storage import PersistentState


def on_disk(h: Harness, id: int) -> tuple[int, int]:
    """(term, vote) as node `id` would read them after a crash."""
    term, vote, _ = PersistentState(h.storage[id]).load()
    return term, vote


@scenario(3)
def test_bug_start_election_missing_persist(h: Harness) -> None:
    leader, term = settled_leader(h)
    away = ring(h, leader)[1]
    h.disconnect_peer(away)
    h.sleep_ms(1200)
    cm = h.cluster[away].cm
    with h.lock:
        assert cm.current_term >= term + 3  # 1200 ms hold three of its election timeouts
        assert on_disk(h, away) == (cm.current_term, away)
    h.crash_peer(away)
    assert on_disk(h, away) == (cm.current_term, away)


@scenario(3)
def test_bug_become_follower_missing_persist(h: Harness) -> None:
    """A deposed leader steps down by the refusals of its own heartbeats, and must remember the newer term."""
    first, first_term = settled_leader(h)
    h.disconnect_peer(first)
    h.sleep_ms(350)
    second, second_term = settled_leader(h)
    assert second_term > first_term

    h.peer_drop_calls_after_n(second, 0)
    h.reconnect_peer(first)
    deposed = h.cluster[first].cm
    limit = 0.060 if is_exact(h) else PATIENCE  # one heartbeat, its refusal, and no election in between
    wait_until(h, "the old leader steps down", lambda: deposed.state is not CMState.LEADER, limit)
    term = deposed.report().term
    assert term == second_term if is_exact(h) else term >= second_term
    h.crash_peer(first)
    assert on_disk(h, first)[0] >= term
    h.restart_peer(first)
    restarted = h.cluster[first].cm.report().term
    assert restarted == second_term if is_exact(h) else restarted >= term
    h.peer_dont_drop_calls(second)
    h.check_single_leader()


@scenario(3)
def test_become_follower_same_term_preserves_voted_for(h: Harness) -> None:
    """A candidate that hears the leader of its own term steps down, and still has voted in that term."""
    leader, _ = settled_leader(h)
    _, candidate, other = ring(h, leader)
    cm = h.cluster[candidate].cm
    with h.lock:  # its calls have not left before the leader's word is in
        cm.time_out(h.now)
        cm.persist(h.now)
        term = cm.current_term
        assert (cm.state, cm.voted_for) == (CMState.CANDIDATE, candidate)
        assert cm.append_entries(AppendEntriesArgs(term, other, -1, -1, (), -1), h.now).success
        assert (cm.state, cm.current_term, cm.voted_for) == (CMState.FOLLOWER, term, candidate)
        cm.persist(h.now)
        assert on_disk(h, candidate) == (term, candidate)
        assert not cm.request_vote(RequestVoteArgs(term, other, 99, term), h.now).vote_granted


@scenario(3)
def test_become_follower_higher_term_resets_voted_for(h: Harness) -> None:
    """In a newer term a node has not voted, by whichever message it hears of that term."""
    leader, _ = settled_leader(h)
    submit(h, leader, 1)
    wait_until(h, "all have the entry", lambda: all(len(server.cm.log) == 1 for server in h.cluster))
    _, one, other = ring(h, leader)
    cm = h.cluster[one].cm
    with h.lock:
        term = cm.current_term
        ask = RequestVoteArgs(term + 1, other, -1, -1)  # of an empty log, so it is refused
        assert not cm.request_vote(ask, h.now).vote_granted
        assert (cm.state, cm.current_term, cm.voted_for) == (CMState.FOLLOWER, term + 1, -1)
        cm.time_out(h.now)
        assert (cm.current_term, cm.voted_for) == (term + 2, one)
        ask = RequestVoteArgs(term + 2, one, 0, term)
        cm.reply_received(other, ask, RequestVoteReply(term + 3, False), h.now)
        assert (cm.state, cm.current_term, cm.voted_for) == (CMState.FOLLOWER, term + 3, -1)
        cm.persist(h.now)
        assert on_disk(h, one) == (term + 3, -1)
    h.check_single_leader()


@scenario(5)
def test_stale_vote_reply_ignored(h: Harness) -> None:
    """Votes of an election that is over do not count in the next one of the same candidate."""
    first, first_term = h.check_single_leader()
    h.disconnect_peer(first)
    h.sleep_ms(450)
    second, second_term = settled_leader(h)
    assert second_term > first_term
    h.disconnect_peer(second)
    h.sleep_ms(450)
    third, _ = settled_leader(h)
    candidate = next(id for id in range(5) if id not in (first, second, third))
    cm = h.cluster[candidate].cm
    with h.lock:
        cm.time_out(h.now)
        term = cm.current_term
        cm.time_out(h.now)
        ask = RequestVoteArgs(term, candidate, -1, -1)
        for voter in cm.peer_ids:
            cm.reply_received(voter, ask, RequestVoteReply(term, True), h.now)
        assert (cm.state, cm.current_term) == (CMState.CANDIDATE, term + 1)
        assert set(cm.votes) <= {candidate}
    h.reconnect_peer(first)
    h.reconnect_peer(second)
    h.sleep_ms(450)
    h.check_single_leader()


@scenario(3)
def test_same_term_double_vote_prevented(h: Harness) -> None:
    """A second candidate asks, over the network, a node that has voted for the leader of this term."""
    leader, term = h.check_single_leader()
    voter = next(id for id in ring(h, leader)[1:] if on_disk(h, id) == (term, leader))
    other = next(id for id in range(3) if id not in (leader, voter))
    reply = h.cluster[other].call(voter, RequestVoteArgs(term, other, -1, -1))
    assert reply == RequestVoteReply(term, False)
    assert h.cluster[voter].cm.voted_for == leader
    assert checks.leaders(h) == [leader]
