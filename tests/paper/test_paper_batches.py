"""Bounds: how much one AppendEntries carries, how many are under way, and how a node far behind catches up."""

import msgspec
import pytest
from support.paper import ByHand, appends_to, disk, entries, leader, settle

from raftplay.raft.commands import MAX_COMMAND_BYTES
from raftplay.raft.messages import AppendEntriesReply, LogEntry
from raftplay.raft.progress import MAX_CALL_BYTES, MAX_CALL_ENTRIES, MAX_IN_FLIGHT, PROBE_ENTRIES
from raftplay.raft.storage import MapStorage


def rounds(cm, peer):
    """Answer call after call as `peer` would that takes them all; the calls."""
    calls = []
    todo = appends_to(settle(cm), peer)
    while todo:
        args = todo.pop(0)
        calls.append(args)
        cm.reply_received(peer, args, AppendEntriesReply(args.term, True), 1.0)
        todo += appends_to(settle(cm), peer)
    return calls


BIG = ["x" * 60_000, "é" * 30_000, "\0" * 10_000, [1.5] * 15_000, {"k": [None, True] * 5_000}, 10**3900]


@pytest.mark.parametrize("command", BIG, ids=["text", "accents", "escapes", "floats", "object", "integer"])
def test_no_call_carries_more_than_a_mebibyte_of_entries(command):
    cm = leader(term=1)
    copies = 2 * MAX_CALL_BYTES // len(msgspec.json.encode(command))
    for _ in range(copies):
        cm.submit(command)
    calls = rounds(cm, 1)
    assert sum(len(args.entries) for args in calls) == copies
    sizes = [len(msgspec.json.encode(args.entries)) for args in calls if args.entries]
    assert max(sizes) <= MAX_CALL_BYTES
    assert len(sizes) <= 4


def test_the_largest_command_travels_alone_or_with_others():
    cm = leader(term=1)
    largest = "x" * (MAX_COMMAND_BYTES - 2)
    for _ in range(50):
        cm.submit(largest)
    calls = [args for args in rounds(cm, 1) if args.entries]
    assert [len(args.entries) for args in calls] == [15, 15, 15, 5]
    assert cm.match_index[1] == 49


def test_no_call_carries_more_than_1024_entries():
    assert MAX_CALL_ENTRIES == 1024
    cm = leader(5, term=1)  # of five: that one has them commits nothing, which would be told at once
    for i in range(2 * MAX_CALL_ENTRIES + 1):
        cm.submit(i)
    calls = [args for args in rounds(cm, 1) if args.entries]
    assert [len(args.entries) for args in calls] == [MAX_CALL_ENTRIES, MAX_CALL_ENTRIES, 1]


def test_a_silent_peer_gets_few_calls_with_entries_between_two_heartbeats():
    cm = leader(term=1)
    sent = []
    for i in range(100):
        cm.submit(i)
        sent += appends_to(settle(cm), 1)
    assert len(sent) == MAX_IN_FLIGHT
    cm.wake(cm.deadline)
    (beat,) = appends_to(settle(cm), 1)
    assert [e.command for e in beat.entries] == list(range(MAX_IN_FLIGHT, 100))


def test_each_reply_makes_room_for_the_next_call():
    cm = leader(term=1)
    for i in range(MAX_IN_FLIGHT):
        cm.submit(i)
        (first, *_) = appends_to(settle(cm), 1)
    cm.submit("waits")
    assert appends_to(settle(cm), 1) == []
    cm.reply_received(1, first, AppendEntriesReply(1, True), 1.0)
    (args,) = appends_to(settle(cm), 1)
    assert [e.command for e in args.entries] == ["waits"]


def test_a_peer_known_to_be_unreached_is_probed_with_few_entries_at_a_time():
    cm = leader(term=1)
    for i in range(1000):
        cm.submit(i)
    (first,) = appends_to(settle(cm), 1)
    cm.call_failed(1, first, 1.0)
    cm.wake(cm.deadline)
    (probe,) = appends_to(settle(cm), 1)
    assert len(probe.entries) == PROBE_ENTRIES
    cm.reply_received(1, probe, AppendEntriesReply(1, True), 1.1)
    (rest,) = appends_to(settle(cm), 1)
    assert len(rest.entries) == 1000 - PROBE_ENTRIES


def test_a_follower_100_000_entries_behind_catches_up_in_bounded_calls():
    behind = 100_000
    cluster = ByHand([disk(1) for _ in range(3)])
    cluster.elect(0, 1, 2)
    for i in range(behind):
        cluster.nodes[0].submit(i)
    cluster.settle(0)
    cluster.messages.clear()  # all lost
    cluster.time_out(0)
    delivered = cluster.exchange(0, 2)
    calls = [m.args for m in delivered if m.reply is None]
    assert max(len(args.entries) for args in calls) == MAX_CALL_ENTRIES
    assert len(calls) <= behind // MAX_CALL_ENTRIES + 8
    assert sum(len(args.entries) for args in calls) <= behind + MAX_CALL_ENTRIES  # the first is refused
    assert cluster.nodes[2].log == cluster.nodes[0].log
    assert [c.command for c in cluster.commits[2]] == list(range(behind))


def test_a_leader_with_a_long_log_does_not_send_it_to_those_who_have_it():
    log = (1,) * 5000
    cluster = ByHand([disk(1, log) for _ in range(3)])
    cluster.elect(0, 1, 2)
    cluster.time_out(0)
    delivered = cluster.exchange(0, 1, 2)
    assert all(m.args.entries == () for m in delivered)
    cluster.submit(0, "new")
    sent = [m.args.entries for m in cluster.exchange(0, 1, 2) if m.reply is None]
    assert [e for e in sent if e] == [(LogEntry("new", 2),)] * 2


def test_an_empty_log_is_filled_from_its_first_entry():
    cluster = ByHand([disk(3, (1, 2, 3)), MapStorage(), disk(3, (1, 2, 3))])
    cluster.elect(0, 2)
    cluster.time_out(0)
    cluster.exchange(0, 1)
    assert cluster.nodes[1].log == list(entries((1, 2, 3)))
