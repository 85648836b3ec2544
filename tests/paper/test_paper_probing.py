"""A peer that refused is probed: one call at a time, until one succeeds (§5.3, "retry")."""

from support.paper import append_call, appends_to, follower, leader, settle, vote_call

from raftplay.raft import decisions
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, AppendEntriesArgs, AppendEntriesReply, RequestVoteReply


def refuse(cm: ConsensusModule, args: AppendEntriesArgs, index: int) -> None:
    cm.reply_received(1, args, AppendEntriesReply(cm.current_term, False, index, NONE), 1.0)


def accept(cm: ConsensusModule, args: AppendEntriesArgs) -> None:
    cm.reply_received(1, args, AppendEntriesReply(cm.current_term, True), 1.0)


def submitted(cm: ConsensusModule, *commands: object) -> list[AppendEntriesArgs]:
    """Submit one after the other; the calls that bring them to peer 1."""
    calls = []
    for command in commands:
        cm.submit(command)
        calls += appends_to(settle(cm), 1)
    return calls


def commands_of(calls: list[AppendEntriesArgs]) -> list[list[object]]:
    return [[entry.command for entry in args.entries] for args in calls]


def overtaken(n: int = 5) -> tuple[ConsensusModule, list[AppendEntriesArgs], AppendEntriesArgs]:
    """A leader whose second call came before its first, the three calls, and the probe that it then sends."""
    cm = leader(n, term=1)
    calls = submitted(cm, "a", "b", "c")
    assert commands_of(calls) == [["a"], ["b"], ["c"]]
    refuse(cm, calls[1], 0)
    (probe,) = appends_to(settle(cm), 1)
    assert commands_of([probe]) == [["a", "b", "c"]]
    return cm, calls, probe


def test_while_a_peer_is_probed_nothing_else_is_sent_to_it():
    cm, _, probe = overtaken()
    assert submitted(cm, "d", "e") == []
    accept(cm, probe)
    assert commands_of(appends_to(settle(cm), 1)) == [["d", "e"]]


def test_the_others_are_sent_everything_at_once_meanwhile():
    cm, _, _ = overtaken()
    cm.submit("d")
    assert commands_of(appends_to(cm.take_calls(), 2)) == [["d"]]


def test_refusals_of_calls_from_before_the_probe_change_nothing():
    told: list[decisions.Decision] = []
    cm, calls, _ = overtaken()
    cm.observe = told.append
    before = cm.next_index[1]
    refuse(cm, calls[2], 0)
    assert (cm.next_index[1], appends_to(settle(cm), 1)) == (before, [])
    assert told == [decisions.ReplyIgnored(1, calls[2], AppendEntriesReply(1, False, 0, NONE), "probed")]


def test_a_success_of_a_call_from_before_the_probe_counts_and_ends_nothing():
    cm, calls, probe = overtaken()
    accept(cm, calls[0])
    assert cm.match_index[1] == 0
    assert submitted(cm, "d") == []
    accept(cm, probe)
    assert cm.match_index[1] == 2
    assert commands_of(appends_to(settle(cm), 1)) == [["d"]]


def test_a_probe_that_is_refused_is_followed_by_one_further_back():
    cm = leader(term=6, log=(1, 1, 4, 4, 5))
    peer = follower(term=6, log=(1, 2), id=1)
    probe = append_call(6, (1, 1, 4, 4, 5), after=4, leader_id=0)
    seen = []
    while not (reply := peer.append_entries(probe)).success:
        cm.reply_received(1, probe, reply, 1.0)
        (probe,) = appends_to(settle(cm), 1)
        seen.append(probe.prev_log_index)
    assert seen == [1, 0]
    assert peer.log == cm.log


def test_a_heartbeat_takes_the_place_of_a_probe_that_was_lost():
    cm, _, probe = overtaken()
    submitted(cm, "d")
    cm.wake(cm.deadline)
    (beat,) = appends_to(settle(cm), 1)
    refuse(cm, beat, 0)
    (again,) = appends_to(settle(cm), 1)
    assert commands_of([again]) == [["a", "b", "c", "d"]]
    refuse(cm, probe, 0)  # the old one again, after all
    assert appends_to(settle(cm), 1) == []


def test_what_was_committed_while_a_peer_was_probed_is_told_to_it_at_once_after():
    cm, _, probe = overtaken(n=3)
    cm.reply_received(2, append_call_of(cm, "a", "b", "c"), AppendEntriesReply(1, True), 1.0)
    assert cm.commit_index == 2
    assert appends_to(settle(cm), 1) == []
    accept(cm, probe)
    (args,) = appends_to(settle(cm), 1)
    assert (args.entries, args.leader_commit) == ((), 2)


def test_what_was_committed_while_enough_was_under_way_is_told_with_the_next_reply():
    cm = leader(term=1)
    calls = submitted(cm, *range(9))
    cm.reply_received(2, append_call_of(cm, *range(9)), AppendEntriesReply(1, True), 1.0)
    assert appends_to(settle(cm), 1) == []  # eight calls are under way
    accept(cm, calls[0])
    (args,) = appends_to(settle(cm), 1)
    assert args.leader_commit == 8


def append_call_of(cm: ConsensusModule, *commands: object) -> AppendEntriesArgs:
    """The call that brings the whole log, which holds these commands."""
    assert [entry.command for entry in cm.log] == list(commands)
    return AppendEntriesArgs(cm.current_term, cm.id, NONE, NONE, cm.log.frozen(), NONE)


def test_a_new_leadership_probes_nobody():
    cm, _, _ = overtaken()
    cm.append_entries(append_call(2, (2,), leader_id=3), 2.0)
    cm.time_out(3.0)
    settle(cm)
    for peer in (1, 2):
        cm.reply_received(peer, vote_call(cm), RequestVoteReply(3, True), 3.1)
    assert len(appends_to(settle(cm), 1)) == 1
    assert commands_of(submitted(cm, "x")) == [["x"]]
