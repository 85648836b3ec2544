"""Every command that acts, looks or lets time pass, with every form of its parameters."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.language import held, mistake, ran
from support.session import blueprint, session_of

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.cursor import Scope
from raftplay.language.lexer import split_line
from raftplay.language.table import GROUPS, TABLE, parse
from raftplay.run.runner import Status
from raftplay.run.script import parse_script

LED = "timeout 0; wait leader is 0; sleep 10ms; "
"""Node 0 leads term 1, and everyone has heard of it."""


# ---- the table


@pytest.mark.parametrize("name", TABLE)
def test_every_command_has_a_group_a_help_and_an_example_that_is_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = TABLE[name]
    assert row.group in GROUPS
    assert row.help[0].isupper()
    assert row.help.endswith(".")
    assert row.usage.split()[0] == row.example.split()[0] == name
    before = "let old = leader\n" if "$" in row.example else ""
    before, after = {"repeat": ("", "; now; end"), "end": ("repeat 2; now; ", "")}.get(name, (before, ""))
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text("from raftplay import ConsensusModule\n\n\nclass MyCM(ConsensusModule):\n    pass\n")
    assert parse_script("s", before + row.example + after).name == "s"


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].setup and name != "set"])
def test_a_set_up_line_is_a_row_whose_function_changes_the_set_up_and_refuses_a_session(name: str) -> None:
    bound = parse(split_line(TABLE[name].example)[0][0], Scope(5))
    chosen = Setup()
    bound.choose(chosen)
    assert chosen != Setup()
    with (
        session_of(blueprint(3)) as session,
        pytest.raises(UsageError, match=f"^{name} can be chosen only before"),
    ):
        bound.run(session)


@pytest.mark.parametrize("name", [name for name in TABLE if not TABLE[name].parameters])
def test_a_command_without_parameters_takes_none(name: str) -> None:
    assert mistake(f"{name} x") == (len(name) + 2, f"unexpected argument 'x'; usage: {name}")


def test_quotes_around_a_command_change_nothing_as_in_a_shell() -> None:
    assert held("'now'; \"sleep\" 5ms").answers == ["0.000 s", ""]


# ---- crashes


def test_crash_and_restart() -> None:
    run = held(LED + "submit 1; wait committed 1; crash 0,1; crash all; restart crashed; restart crashed")
    said = run.answers[-4:]
    assert said[0] == "nodes 0 1 crashed"
    assert said[1] == "nodes 2 3 4 crashed; nodes 0 1 down already"
    assert said[2].startswith("restarted node 0 in term 1 with a log of 1, node 1 in term 1 with a log of 1, ")
    assert said[3] == "no node to restart"


def test_a_restart_tells_what_each_node_brings_back_from_its_disk() -> None:
    run = held(LED + "crash 1,2; submit 1; wait committed 1; submit 2; wait committed 2; restart 1,2")
    assert run.answers[-1] == "restarted node 1 in term 1 with a log of 0, node 2 in term 1 with a log of 0"


def test_the_help_of_restart_says_that_time_passes() -> None:
    assert "each restart lets 20 ms pass" in " ".join(held("help restart").answers[-1].split())


def test_restarting_a_node_that_lives_is_an_error_that_says_so() -> None:
    run = ran("now\nrestart 1")
    assert (run.status, run.last["line"]) == (Status.MISUSED, 2)
    assert run.last["reason"] == "node 1 is alive; only a crashed node can be restarted"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("restart crashed", "restarted node 0 in term 1 with a log of 0"),
        ("restart 0", "restarted node 0 in term 1 with a log of 0"),
        ("crash alive", "nodes 1 2 3 4 crashed"),
        ("crash 0", "no node crashed; node 0 down already"),
        ("disconnect alive", "nodes 1 2 3 4 cut off"),
        ("freeze alive", "nodes 1 2 3 4 frozen"),
    ],
)
def test_nodes_are_named_after_what_was_submitted_has_left(command: str, answer: str) -> None:
    """The write of the submit is torn in the very instant in which the command is given."""
    run = held(LED + f"tear 0 after 0; submit 1; {command}")
    assert run.answer(command.partition(" ")[0]) == answer


def test_messages_of_a_submit_are_there_for_the_next_command() -> None:
    run = held(LED + "submit 1; lose 0->1")
    assert re.fullmatch(r"message \d+ lost", run.answer("lose"))


def test_submits_of_one_instant_stay_one_write() -> None:
    run = held(LED + "tear 0 after 1; submit 1; let old = leader; submit 2; restart crashed")
    assert run.answer("restart") == "restarted node 0 in term 1 with a log of 0"


def test_tear_lets_a_node_crash_in_its_next_write() -> None:
    run = held(LED + "tear 1 after 0; submit 1; wait 1 is dead; restart 1; wait committed 1")
    assert run.answer("tear") == "node 1 will crash in its next write"


def test_wipe_empties_the_storage_of_a_node() -> None:
    run = ran(LED + "wipe 4; expect 4 is dead; restart 4")
    assert run.answer("wipe") == "node 4 wiped"
    assert run.status is Status.MISUSED


# ---- connections


def test_disconnect_and_reconnect() -> None:
    run = held(
        LED + "disconnect leader; expect no leader; reconnect 0; expect leader is 0; disconnect all; reconnect 0,1"
    )
    assert [a for a in run.answers if "cut off" in a] == ["node 0 cut off", "nodes 0 1 2 3 4 cut off"]
    assert run.answers[-1] == "nodes 0 1 connected"


def test_reconnecting_a_node_that_is_down_is_an_error_that_says_so() -> None:
    run = ran("crash 3; reconnect 3")
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "node 3 is down; restart it instead")


@pytest.mark.parametrize(
    ("groups", "answer"),
    [
        ("0,1 | 2,3,4", "0 1 | 2 3 4"),
        ("0,1|2,3,4", "0 1 | 2 3 4"),
        ("0, 1 | 2, 3, 4", "0 1 | 2 3 4"),
        ("0 1 | 2 3 4", "0 1 | 2 3 4"),
        ("0,1", "0 1 | 2 3 4"),
        ("0 | 1 | 2", "0 | 1 | 2 | 3 4"),
        ("leader | followers", "0 | 1 2 3 4"),
        ("leader,1", "0 1 | 2 3 4"),
        ("$x | 0", "3 | 0 | 1 2 4"),
        ("all", "one group"),
    ],
)
def test_partition_and_heal(groups: str, answer: str) -> None:
    run = held(f"{LED}let x = 3; partition {groups}; heal; wait leader is 0")
    assert run.answer("partition") == answer
    assert run.answer("heal") == "all links are whole"


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("partition", 10, "groups are missing; write partition 0,1 | 2,3,4"),
        ("partition |", 12, "groups are missing; write partition 0,1 | 2,3,4"),
        ("partition 0 |", 14, "groups are missing; write partition 0,1 | 2,3,4"),
        ("partition 0,1|1,2", 15, "1 stands in two groups"),
        ("partition 0 | 1 | n0", 19, "0 stands in two groups"),
        ("partition 0,1|9", 15, "there is no node 9; the nodes are 0 to 4"),
        ("partition , | 1", 11, "unknown node ''; write 0 to 4, leader, all …"),
    ],
)
def test_a_mistake_in_partition(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


def test_groups_that_turn_out_to_overlap_are_an_error_that_says_so() -> None:
    run = ran(LED + "partition leader | 0,1")
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "node 0 stands in two groups of the partition")


# ---- links


@pytest.mark.parametrize(
    ("link", "directions"),
    [
        ("1->3", "1->3"),
        ("n1->n3", "1->3"),
        ("1<->3", "1->3 3->1"),
        ("leader->1", "0->1"),
        ("1->2,3", "1->2 1->3"),
        ("leader->followers", "0->1 0->2 0->3 0->4"),
        ("$x<->0", "3->0 0->3"),
        ("0,1->0,1", "0->1 1->0"),
        ("all", "20 directions of links"),
        ("all->4", "0->4 1->4 2->4 3->4"),
        ("0,1<->1,0", "0->1 1->0"),
    ],
)
def test_cut_and_join_take_one_direction_or_both(link: str, directions: str) -> None:
    run = held(f"{LED}let x = 3; cut {link}; join {link}; status")
    assert run.answer("cut") == f"{directions.replace('0->1 1->0', directions)} cut"
    assert run.answer("join") == f"{directions} joined"
    assert "link" not in run.answer("status")


def test_a_cut_stops_one_direction_and_join_undoes_it() -> None:
    run = held(
        LED + "cut 0->4; submit 1; wait committed 1 on 4; expect log of 4 = 0; join 0->4; wait committed 1 on 5"
    )
    assert run.steps[-1]["time"] < 0.5


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ("loss=20%", "loss 20%"),
        ("loss=0.2", "loss 20%"),
        ("loss=0.5%", "loss 0.5%"),
        ("loss=1", "loss 100%"),
        ("delay=50..80ms", "delay 50..80ms"),
        ("delay=50ms..1s", "delay 50..1000ms"),
        ("delay=5ms", "delay 5ms"),
        ("dup=5%", "dup 5%"),
        ("loss=20% delay=50..80ms dup=5%", "loss 20%, delay 50..80ms, dup 5%"),
        ("dup=5% loss=20%", "loss 20%, dup 5%"),
        ("loss=0%", "whole"),
    ],
)
def test_link_sets_faults_and_clear_mends_them(change: str, answer: str) -> None:
    run = held(f"link 1->3 {change}; status; link all clear; status")
    assert run.answers[0] == f"1->3: {answer}"
    assert run.answers[1].split("\n")[6:] == ([] if answer == "whole" else [f"link 1->3: {answer}"])
    assert "link" not in run.answers[3]


def test_link_keeps_what_it_is_not_told_to_change() -> None:
    run = held(
        "link 1->3 loss=20%; link 1->3 dup=5%; link all delay=1ms; status; link all loss=20% dup=5%; status"
    )
    assert run.answers[1] == "1->3: loss 20%, dup 5%"
    assert run.answers[2] == "20 directions of links changed; they differ (see: status)"
    assert "link 1->3: loss 20%, delay 1ms, dup 5%" in run.answers[3]
    assert run.answers[5].split("\n")[6:] == ["every link: loss 20%, delay 1ms, dup 5%"]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("cut", 4, "a LINK is missing"),
        ("cut 1", 5, "invalid link '1': write 1->3, 1<->3 or all"),
        ("cut 1-3", 5, "invalid link '1-3': write 1->3, 1<->3 or all"),
        ("cut ->3", 5, "invalid link '->3': write 1->3, 1<->3 or all"),
        ("cut 1->", 5, "invalid link '1->': write 1->3, 1<->3 or all"),
        ("cut 1->1", 5, "a node has no link to itself"),
        ("cut 1<->9", 9, "there is no node 9; the nodes are 0 to 4"),
        ("cut 1 -> 3", 5, "invalid link '1': write 1->3, 1<->3 or all"),
        ("link 1->3", 10, "what to change is missing: loss=20% delay=50..80ms dup=5%, or clear"),
        ("link 1->3 los=1%", 11, "unknown link fault 'los=1%'; write loss=20% delay=50..80ms dup=5%, or clear"),
        ("link 1->3 loss=120%", 16, "invalid probability '120%' (0–100 %): write 20% or 0.2"),
        ("link 1->3 loss=2", 16, "invalid probability '2' (0–100 %): write 20% or 0.2"),
        ("link 1->3 loss=", 16, "invalid probability '' (0–100 %): write 20% or 0.2"),
        ("link 1->3 loss", 11, "unknown link fault 'loss'; write loss=20% delay=50..80ms dup=5%, or clear"),
        ("link 1->3 dup=-1%", 15, "invalid probability '-1%' (0–100 %): write 20% or 0.2"),
        ("link 1->3 delay=5", 17, "invalid range of durations '5': write 150..300ms"),
        ("link 1->3 delay=9..5ms", 17, "the range '9..5ms' runs backwards"),
        ("link 1->3 clear loss=1%", 17, "unexpected argument 'loss=1%'; usage: link LINK loss=20% "
         "delay=50..80ms dup=5% | clear"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_link(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


@pytest.mark.parametrize("line", ["cut all", "link all loss=1%", "hold all", "link all clear"])
def test_a_single_node_has_no_links(line: str) -> None:
    run = ran(line, nodes=1)
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "a single node has no links")


def test_a_link_that_turns_out_to_be_none_is_an_error_that_says_so() -> None:
    run = ran(LED + "cut leader->0")
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "leader->0 is not a link between two nodes")


def test_drop_and_undrop() -> None:
    run = held(
        "drop 0 after 4; timeout 0; wait leader is 0; status; undrop leader; drop leader after 0; undrop n0"
    )
    assert run.answers[0] == "RPCs of node 0 fail after 4 more"
    assert "drops RPCs after 0" in run.answers[3]
    assert run.answers[4:] == ["RPCs of node 0 pass", "RPCs of node 0 fail", "RPCs of node 0 pass"]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("drop 0", 7, "'after' is missing; usage: drop NODE after N"),
        ("drop 0 2", 8, "'2' should be 'after'; usage: drop NODE after N"),
        ("drop 0 after", 13, "N is missing"),
        ("drop 0 after -1", 14, "invalid number '-1': it must be a whole number from 0 to 1000000"),
        ("undrop", 7, "NODE is missing"),
    ],
)
def test_a_mistake_in_drop(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- processes


def test_freeze_and_thaw() -> None:
    run = held(LED + "freeze leader,1; status; timeout 1; submit 1 to 0; thaw all; thaw all")
    assert run.answer("freeze") == "nodes 0 1 frozen"
    assert run.answer("status").count("frozen") == 2
    assert run.answers[-4:] == [
        "node 1 is frozen: nothing happens",
        "node 0 is frozen: not taken",
        "nodes 0 1 thawed",
        "no node thawed",
    ]


def test_a_node_that_crashed_while_it_was_frozen_is_not_frozen() -> None:
    run = held("freeze 1; crash 1; status; thaw all; restart 1; wait 1 is follower; wait leader")
    assert "frozen" not in run.answer("status")
    assert run.answer("thaw") == "no node thawed"


@pytest.mark.parametrize("line", ["freeze 1", "timeout 1"])
def test_what_needs_a_process_says_that_the_node_is_down(line: str) -> None:
    run = ran(f"crash 1; {line}")
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "node 1 is down")


def test_with_pre_vote_timeout_says_that_the_node_asks_first() -> None:
    """Before it starts term N a node asks for pre-votes for it, and stays in its own term (thesis §9.6)."""
    run = held(
        "set prevote on\ntiming election=20s..40s\ntimeout 1; wait leader is 1; disconnect 1; timeout 2", nodes=3
    )
    assert run.answer("timeout 1") == "node 1 is Pre-candidate in term 0 and asks for pre-votes for term 1"
    assert run.answer("timeout 2") == "node 2 is Pre-candidate in term 1 and asks for pre-votes for term 2"


def test_alone_in_its_cluster_a_node_asks_nobody_first() -> None:
    run = held("set prevote on\ntiming election=20s..40s\ntimeout 0", nodes=1)
    assert run.answer("timeout 0") == "node 0 is Leader in term 1"


def test_timeout_of_a_candidate_with_pre_vote_gives_up_its_term() -> None:
    run = held(
        "set prevote on\ntiming election=20s..40s\ndrop 0 after 2; timeout 0; wait 0 is candidate; timeout 0; status",
        nodes=3,
    )
    assert run.answer("timeout 0") == "node 0 is Pre-candidate in term 1 and asks for pre-votes for term 2"


def test_timeout_chooses_who_stands() -> None:
    run = held("timeout 3; wait leader is 3; timeout 3; timeout leader")
    assert run.answers == [
        "node 3 is Candidate in term 1",
        "node 3 leads term 1",
        "node 3 is the leader and has no election timer",
        "node 3 is the leader and has no election timer",
    ]


# ---- messages in flight


def test_messages_are_listed_held_delivered_duplicated_and_lost() -> None:
    run = held(
        LED + "sleep 45ms; messages; hold 0->1; submit 7; sleep 10ms; messages; "
        "duplicate 0->1; wait log of 1 = 1 within 6ms\n"
        "lose 0->1; messages; release 0->1; messages"
    )
    listed = [step["answer"] for step in run.steps if step["command"] == "messages"]
    assert "request n0 → n1" in listed[1]
    assert "(held)" in listed[1]
    assert run.answer("hold") == "0->1 held"
    assert run.answer("duplicate").startswith("a copy of message")
    assert run.answer("lose").startswith("message")
    assert "n0 → n1" not in listed[2]
    assert run.answer("release") == "0->1 released: 0 messages delivered"


def test_links_are_released_at_once_and_what_is_sent_meanwhile_is_not_delivered_by_hand() -> None:
    told = "release leader->all; messages; release all; release 0->2"
    run = held(f"{LED}hold leader->all; submit 7; sleep 2ms; {told}")
    sent = run.answers[-3].split("\n")
    assert run.answers[-4] == "0->1 0->2 0->3 0->4 released: 4 messages delivered"
    assert len(sent) == 4  # with the commit index, as a majority has the entry
    assert all("heartbeat of term 1 (commit 0) (in " in line for line in sent)
    assert run.answers[-2] == "20 directions of links: nothing is held"
    assert run.answers[-1] == "0->2: nothing is held"


def test_release_all_names_the_links_that_were_held() -> None:
    assert held(LED + "hold 0->1; hold 1->0; release all").answers[-1] == (
        "0->1 1->0 released: 0 messages delivered"
    )


def test_in_the_past_a_message_has_its_id_if_it_is_still_in_flight() -> None:
    run = held(LED + "hold 0->1; submit 7; sleep 2ms; messages; back 1; messages")
    now, then = ([line.split() for line in answer.split("\n")] for answer in (run.answers[-3], run.answers[-1]))
    assert "(held)" in run.answers[-3]
    assert {words[0] for words in then if words[-1] == "present)"} <= {words[0] for words in now}
    assert all(words[0] == "-" for words in then if words[-1] != "present)")


def test_a_single_message_is_named_by_its_number() -> None:
    before = LED + "hold 0->1; submit 7; sleep 1ms; "
    listed = held(before + "messages").answers[-1].split("\n")
    number = next(line.split()[0] for line in listed if "(held)" in line)
    run = held(f"{before}deliver {number}; wait log of 1 = 1 within 6ms")
    assert run.answer("deliver") == f"message {number} delivered"


def test_a_message_that_is_not_in_flight_is_an_error_that_says_so() -> None:
    run = ran("deliver 99")
    assert (run.status, run.last["reason"]) == (Status.MISUSED, "no message 99 is in flight; see: messages")


def test_of_a_link_with_nothing_in_flight_nothing_is_delivered() -> None:
    assert held("deliver 0->1; lose 1->0; duplicate all").answers == [
        "no message delivered: nothing is in flight on 0->1",
        "no message lost: nothing is in flight on 1->0",
        "no copy delivered: nothing is in flight on 20 directions of links",
    ]


def test_a_mistake_in_naming_a_message() -> None:
    assert mistake("deliver x")[0] == 9
    assert mistake("deliver 0->9") == (12, "there is no node 9; the nodes are 0 to 4")
    assert mistake("lose") == (5, "an ID or a LINK is missing")


# ---- time


@pytest.mark.parametrize(
    ("duration", "seconds"), [("250ms", 0.25), ("1.5s", 1.5), ("2m", 120), ("0ms", 0), ("0.5ms", 0.0005)]
)
def test_durations_carry_a_unit(duration: str, seconds: float) -> None:
    assert held(f"sleep {duration}", nodes=1).last["time"] == seconds


@pytest.mark.parametrize("word", ["5", "5 s", "s", "1.s", ".5s", "1e3s", "1h", "1,5s", "٣s", "1S", "infs", ""])
def test_what_is_no_duration_is_refused(word: str) -> None:
    assert mistake(f"sleep '{word}'") == (
        7,
        f"invalid duration '{word}': add a unit (250ms, 1.5s, 2m)",
    )


@pytest.mark.parametrize("command", ["sleep", "goto"])
def test_a_duration_is_positive(command: str) -> None:
    assert mistake(f"{command} -1s")[1] == "invalid duration '-1s': a duration must be positive"


def test_what_is_no_link_is_said_to_be_none() -> None:
    text = "'0>1' is no message and no link; write an ID as in `messages`, or a LINK such as 1->3"
    assert mistake("hold 0>1") == (6, text)


def test_who_asks_for_the_rows_of_a_log_is_told_only_of_later_ones() -> None:
    submits = "; ".join(f"submit {value}" for value in range(130))
    run = held(f"{LED}{submits}; log 0 from 1; log 0 from 30; log 0")
    assert "left out" in run.answers[-3]
    assert "left out" not in run.answers[-2]
    assert "left out" in run.answers[-1]


def test_a_duration_is_at_most_a_day() -> None:
    assert mistake("sleep 1441m") == (7, "'1441m' is too long; at most 1440m")
    assert mistake(f"sleep {'9' * 400}s")[0] == 7


def test_now_says_the_time_and_speed_is_no_matter_in_virtual_time() -> None:
    run = held("sleep 1.5s; now; speed 0.1; sleep 1s; now")
    assert run.answers[1:] == [
        "1.500 s",
        "speed 0.1 (a script in virtual time does not wait)",
        "",
        "2.500 s",
    ]


@pytest.mark.parametrize("word", ["0", "0.0001", "101", "-1", "nan", "inf", "1_0", "fast", "1e1", "٣", "0x1"])
def test_what_is_no_speed_is_refused(word: str) -> None:
    assert mistake(f"speed {word}") == (7, f"invalid speed '{word}': it must be between 0.001 and 100")


def test_pause_step_and_resume() -> None:
    run = held("pause; submit 1 to 0; step; step 3; now; resume; wait leader")
    assert run.answers[0] == "time stands still"
    assert "the election timer of n" in run.answers[2]
    assert len(run.answers[3].split("\n")) == 3
    assert run.answers[5] == "time goes on"


@pytest.mark.parametrize("line", ["sleep 1s", "wait leader", "never leader for 1s"])
def test_nothing_can_be_waited_for_while_time_stands_still(line: str) -> None:
    run = ran(f"pause; {line}")
    assert run.status is Status.MISUSED
    assert run.last["reason"] == "time is paused, so nothing can be waited for; resume first, or step"


def test_what_needs_no_time_works_while_time_stands_still() -> None:
    run = held(
        "pause; timeout 0; crash 1; restart 1; cut 0->1; expect no leader; partition 0; heal; status; log; now"
    )
    assert run.last["time"] == 0.0


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("sleep", 6, "a DURATION is missing"),
        ("step 0", 6, "invalid number '0': it must be a whole number from 1 to 10000"),
        ("step 10001", 6, "invalid number '10001': it must be a whole number from 1 to 10000"),
        ("step two", 6, "invalid number 'two': it must be a whole number from 1 to 10000"),
        ("speed", 6, "X is missing"),
    ],
)
def test_a_mistake_about_time(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- looking


def test_status_shows_every_node_and_what_is_wrong() -> None:
    run = held(
        LED + "submit 1; wait committed 1; crash 1; disconnect 2; freeze 3; drop 4 after 7; partition 0; status"
    )
    assert run.answers[-1].split("\n") == [
        "node  state     term  vote  log  commit  applied",
        "0     Leader    1     0     1    0       0",
        "1     Dead      1     0     1    -       -        down; term, vote and log are as on disk",
        "2     Follower  1     0     1    0       0        cut off",
        "3     Follower  1     0     1    0       0        frozen",
        "4     Follower  1     0     1    0       0        drops RPCs after 7",
        "partition: 0 | 1 2 3 4",
    ]


def test_log_shows_terms_commands_and_what_is_committed() -> None:
    run = held(
        "log; "
        + LED
        + "submit 1; wait committed 1; cut 0->1; crash 2; submit 'two words'; sleep 20ms; log; log 3,1\n"
        "log crashed; log leader"
    )
    assert run.answers[0] == "every log is empty"
    table, picked, crashed, leader = run.answers[-4:]
    assert table.split("\n")[0] == "index  node 0          node 1  node 2  node 3          node 4"
    assert table.split("\n")[1].split() == [
        "0",
        "1:1*",
        "1:1*",
        "1:1",
        "1:1*",
        "1:1*",
    ]  # a dead node knows no commit
    assert table.split("\n")[2].split()[2:] == ['words"*', "·", "·", '1:"two', 'words"*', '1:"two', 'words"*']
    assert picked.split("\n")[0] == "index  node 3          node 1"
    assert crashed.split("\n")[0] == "index  node 2"
    assert leader.split("\n")[0] == "index  node 0"
    assert [table.split("\n")[-1], crashed.split("\n")[-1]] == ["on disk: node 2"] * 2


def test_logs_stay_in_their_columns_under_wide_characters() -> None:
    run = held(LED + "submit 漢字; wait committed 漢字; log 0,1")
    assert run.answers[-1].split("\n")[1] == '    0  1:"漢字"*  1:"漢字"*'
    assert run.answers[-1].split("\n")[0] == "index  node 0     node 1"


def test_events_shows_the_last_events() -> None:
    run = held(LED + "events; events 2; events 10000")
    assert len(run.answers[-3].split("\n")) == 20
    assert len(run.answers[-2].split("\n")) == 2
    assert "becomes leader of term 1" in run.answers[-1]


def test_help_explains_all_commands_one_of_them_or_the_conditions() -> None:
    run = held("help; help wait; help conditions")
    every, one, conditions = run.answers
    assert all(f"  {name}" in every for name in TABLE)
    assert one.split("\n")[0] == "wait CONDITION [within D]"
    assert "Example: wait committed 42 within 2s" in one
    assert "see: help conditions" in one
    assert "leader is not NODE" in conditions
    assert max(map(len, "\n".join(run.answers).split("\n"))) <= 100


def test_help_for_what_is_no_command_is_found_before_anything_runs() -> None:
    assert mistake("help wiat") == (6, "there is no command 'wiat'; did you mean 'wait'?")
    for option in ("sticky", "drift", "sessions", "reads"):
        assert mistake(f"help {option}") == (6, f"there is no command '{option}'; it is an option: help set")
    assert mistake("help xyzzy")[1] == "there is no command 'xyzzy'"
    assert mistake("events x")[0] == 8
    assert mistake("log 9") == (5, "there is no node 9; the nodes are 0 to 4")


@pytest.mark.parametrize("module", ["acting", "looking", "setup", "timing", "why"])
def test_the_table_has_one_order_whatever_is_imported_first(module: str) -> None:
    code = f"import raftplay.commands.{module}; from raftplay.language.table import TABLE; print(*TABLE)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == list(TABLE)
