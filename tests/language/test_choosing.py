"""Messages of a kind, `others`, and the events that `events` lists: what they choose, and their mistakes."""

import pytest
from support.language import held, mistake, ran

from raftplay.language.listed import KINDS
from raftplay.raft.message_kinds import MESSAGE_KINDS
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    LogEntry,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowReply,
)
from raftplay.run.runner import Status

SLOW = "timing election=10s..20s delay=5ms\n"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (RequestVoteArgs(1, 0, -1, -1), "votes"),
        (RequestVoteArgs(1, 0, -1, -1, pre_vote=True), "votes"),
        (AppendEntriesArgs(1, 0, -1, -1, (LogEntry("x", 1),), -1), "appends"),
        (AppendEntriesArgs(1, 0, -1, -1, (), -1), "heartbeats"),
        (RequestVoteReply(1, True), "replies"),
        (AppendEntriesReply(1, True), "replies"),
        (TimeoutNowReply(1, True), "replies"),
    ],
)
def test_every_message_is_of_one_kind(message: Args | Reply, kind: str) -> None:
    assert [name for name, fits in MESSAGE_KINDS.items() if fits(message)] == [kind]


def test_only_messages_of_the_kind_are_lost() -> None:
    run = held(f"{SLOW}timeout 0; lose 0->1 replies; lose 0->1 votes; lose 0->2 votes; messages", nodes=3)
    assert run.answers[1:] == [
        "no message lost: nothing of that kind is in flight on 0->1", "message 1 lost", "message 2 lost", "nothing is in flight",
    ]  # fmt: skip


def test_others_are_the_nodes_that_the_command_does_not_name() -> None:
    run = held("let old = 3\npartition $old | others; heal; cut others->2; heal; cut 0<->others; heal; "
               "partition others | 1,2")  # fmt: skip
    assert run.answers[1] == "3 | 0 1 2 4"
    assert run.answer("cut others") == "0->2 1->2 3->2 4->2 cut"
    assert run.answer("cut 0") == "8 directions of links cut"
    assert run.answers[-1] == "0 3 4 | 1 2"


def test_where_a_command_names_every_node_there_are_no_others() -> None:
    assert ran("partition 0,1 | 2 | others", nodes=3).last["reason"] == (
        "there are no others: the command names every node"
    )


def test_events_of_a_kind_and_of_a_node() -> None:
    run = held("timeout 0; wait leader is 0; events elections of 0 2; events faults; events of 1 1")
    assert [line.split()[1] for line in run.answers[2].splitlines()] == ["n0", "n0"]
    assert "becomes leader" in run.answers[2]
    assert "fired by hand" in run.answers[3]
    assert len(run.answers[4].splitlines()) == 1


def test_every_kind_of_events_can_be_listed() -> None:
    for kind in KINDS:
        assert ran(f"wait leader; events {kind}").status is Status.HELD


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("lose 0->1 vote", 11, "unknown kind of messages 'vote'; did you mean 'votes'?"),
        (
            "lose 3 votes",
            8,
            f"unexpected argument 'votes'; usage: lose ID|LINK [{'|'.join(MESSAGE_KINDS)}]",
        ),
        ("partition 0,others | 1", 11, "unknown node 'others'; write 0 to 4, leader, all …"),
        ("partition others | others", 20, "others stands in two groups"),
        ("partition 0 others | 1", 13, "others stands alone in its group"),
        ("crash others", 7, "unknown node 'others'; write 0 to 4, leader, all …"),
        ("cut others->others", 5, "a node has no link to itself"),
        ("events election", 8, "unknown kind of events 'election'; did you mean 'elections'?"),
        ("events of", 10, "NODE is missing"),
        ("events 0", 8, "invalid number '0': it must be a whole number from 1 to 10000"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)
