"""The command `why`: every form of its question, mistakes in place, and text of users shown visibly."""

from itertools import takewhile

import pytest
from support.language import held, mistake, ran

from raftplay import Harness
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.run.runner import Status
from raftplay.session.session import Session
from raftplay.why import why_node, why_not_committed, why_rejected

LED = "timing election=20s..40s delay=2ms\ntimeout 0; wait leader is 0; sleep 5ms; "
FORM = "; usage: why [NODE | NODE rejected | no leader | not committed INDEX | VALUE | put KEY | CLIENT]"


def head(script: str, **overrides: object) -> str:
    """The first sentence of the last answer, on one line."""
    first, *more = held(script, **overrides).answers[-1].split("\n")
    return " ".join(line.strip() for line in (first, *takewhile(lambda line: line.startswith("    "), more)))


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("why", "node 0 is leader of term 1 since 0.002 s"),
        ("why 0", "node 0 is leader of term 1"),
        ("why n1", "node 1 is follower in term 1: it follows node 0"),
        ("why leader", "node 0 is leader of term 1"),
        ("why follower", "node 1 is follower in term 1"),
        ("why $x", "node 3 is follower in term 1"),
        ("why no leader", "there is a leader: node 0 leads term 1"),
        ("why leader rejected", "node 0 has rejected nothing, and none of its requests was rejected"),
        ("why 4 rejected", "node 4 has rejected nothing, and none of its requests was rejected"),
        ("why not committed 0", "index 0 is not committed: no log has it, as every log is empty"),
        ("why not committed $x", "index 3 is not committed: no log has it, as every log is empty"),
        (
            "submit a; why not committed index",
            "index 0 is not committed: 1 of 5 nodes has it, and 3 are needed (§5.3)",
        ),
        ("'why' 'no' \"leader\"", "there is a leader"),
    ],
)
def test_every_form_is_answered(question: str, begins: str) -> None:
    assert head(f"{LED}let x = 3; {question}").startswith(begins)


def test_of_a_leader_that_there_is_not_it_is_said_why_there_is_none() -> None:
    run = held("timing election=20s..40s\nwhy leader; why leader rejected; why no leader")
    assert run.answers[0] == run.answers[1] == run.answers[2]
    assert run.answers[0].startswith(
        "no leader: no node has started an election yet; the next election timer is that of node "
    )


def test_of_a_follower_that_there_is_not_one_hears_that() -> None:
    run = ran("crash all; why follower")
    assert (run.status, run.last["reason"]) == (
        Status.MISUSED,
        "there is no follower among the connected live nodes",
    )


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("why x y2", 5, f"unknown question 'x'{FORM}"),
        ("why committed 4", 5, f"unknown question 'committed'{FORM}"),
        ("why folower", 5, "unknown question 'folower'; did you mean 'follower'?"),
        ("why nott committed 4", 5, "unknown question 'nott'; did you mean 'not'?"),
        ("why no", 7, "'leader' is missing"),
        ("why no leeder", 8, "'leeder' should be 'leader' here"),
        ("why no leader now", 15, f"unexpected argument 'now'{FORM}"),
        ("why not", 8, "'committed' is missing"),
        ("why not comitted 4", 9, "'comitted' should be 'committed' here"),
        ("why not committed", 18, "an INDEX is missing"),
        ("why not committed x", 19, "invalid log index 'x': it must be a whole number from 0 on"),
        ("why not committed -1", 19, "invalid log index '-1': it must be a whole number from 0 on"),
        ("why not committed 1 2", 21, f"unexpected argument '2'{FORM}"),
        ("why not committed $x", 19, "$x was not set before; set it with: let x = …"),
        ("why 7", 5, "there is no node 7; the nodes are 0 to 4; for the value 7 write: why value 7"),
        ("why $old", 5, "$old was not set before; set it with: let old = …"),
        ("why all", 5, "'all' may be several nodes; exactly one is needed here"),
        ("why 1,2", 5, "'1,2' may be several nodes; exactly one is needed here"),
        ("why 1 rejectd", 7, "unexpected argument 'rejectd'; did you mean 'rejected'?"),
        ("why 1 rejected 2", 16, f"unexpected argument '2'{FORM}"),
        ("why \x1b[2J", 5, "unknown node '\\x1b[2J'; write 0 to 4, leader, all …"),
        ("why \u202eno", 5, "unknown question '\\u{202e}no'; did you mean 'no'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_its_place(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


def test_an_index_that_turns_out_to_be_none_is_an_error_that_says_so() -> None:
    run = ran(LED + "let x = -1; why not committed $x")
    assert (run.status, run.last["reason"]) == (
        Status.MISUSED,
        "a log index counts from 0; there is no index -1",
    )
    assert ran("why not committed index").status is Status.FAILED


def test_who_asks_about_a_node_that_there_is_not_hears_which_there_are() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        view = Session(h, History()).view()
        for ask in (why_node, why_rejected):
            with pytest.raises(UsageError, match="there is no node 3; the nodes are 0 to 2"):
                ask(view, 3)
        with pytest.raises(UsageError, match="counts from 0"):
            why_not_committed(view, -1)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("'\x1b[2J\x07'", '"\\u001b[2J\\u0007"'),
        ("'\u202eevil'", '"\\u{202e}evil"'),
        ("'a\u200bb'", '"a\\u{200b}b"'),
        ("'" + "x" * 60 + "'", "x" * 23 + "…"),
    ],
)
def test_what_users_submitted_is_shown_visibly_and_short(value: str, shown: str) -> None:
    run = held(f"{LED}submit {value}; why not committed 0; sleep 10ms; why not committed 0")
    first, last = run.answers[-3], run.answers[-1]
    assert all(char == "\n" or char.isprintable() for char in first + last)
    assert f"the entry ({shown}, of term 1)" in first
    assert f"index 0 is committed on nodes 0 1 2 3 4 ({shown}, of term 1)" in last


def test_what_conflicts_is_shown_visibly_too() -> None:
    run = held(
        LED + "partition 0 | 1,2,3,4; submit '\x1b[31mred' to 0; timeout 1; wait leader is 1; submit '\u202e'\n"
        "wait committed '\u202e' on 4; why not committed 0"
    )
    assert 'node 0 has another entry there: "\\u001b[31mred", of term 1' in run.answers[-1]
    assert all(char == "\n" or char.isprintable() for char in run.answers[-1])


def test_the_past_is_asked_as_the_present_is() -> None:
    run = held(
        LED + "submit a; wait committed a on 5; crash 0; sleep 10ms\n"
        "goto 0.003s; why leader; why no leader; why not committed 0; why 0; live; why 0; why no leader"
    )
    past, present = run.answers[-7:-3], run.answers[-2:]
    assert past[0].startswith("node 0 is leader of term 1 since 0.002 s")
    assert past[1].startswith("there is a leader: node 0 leads term 1")
    assert past[2].startswith("index 0 is not committed: no log has it, as every log is empty")
    assert past[3] == past[0]
    assert all(answer.endswith("\n  so it was at 0.003 s") for answer in past)
    assert present[0].startswith("node 0 is down: it crashed at 0.0")
    assert present[1].startswith("no leader: ")
