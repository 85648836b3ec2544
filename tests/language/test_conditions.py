"""Conditions: each form, when it holds and when not, what is seen, and how to wait for it."""

import re

import pytest
from msgspec import structs
from support.language import held, mistake, ran

from raftplay.language.conditions import FORMS, OPERATORS
from raftplay.past.history import History
from raftplay.raft.decisions import BecameLeader
from raftplay.run.runner import Status
from raftplay.watch.facts import Record

LED = "timeout 0; wait leader is 0; wait 1,2,3,4 is follower; sleep 10ms; "
"""Node 0 leads term 1, and everyone knows."""

SPLIT = LED + "partition 0,1 | 2,3,4; timeout 2; wait 2 is leader; "
"""Node 0 leads term 1 and node 2 leads term 2; both are connected."""


HELD_OR_NOT = [
    # leaders
    ("", "leader", False),
    ("", "one leader", False),
    ("", "no leader", True),
    (LED, "leader", True),
    (LED, "one leader", True),
    (LED, "no leader", False),
    (SPLIT, "leader", True),
    (SPLIT, "one leader", False),
    (SPLIT, "no leader", False),
    (LED + "disconnect 0; ", "no leader", True),
    (LED + "crash 0; ", "no leader", True),
    (LED, "leader is 0", True),
    (LED, "leader is n0", True),
    (LED, "leader is 1", False),
    (LED, "leader is not 1", True),
    (LED, "leader is not 0", False),
    (LED, "leader is leader", True),
    (SPLIT, "leader is 2", True),
    ("", "leader is 0", False),
    ("", "leader is not 0", False),  # a leader there must be
    ("", "leader is not leader", False),
    ("crash all; ", "leader is not follower", False),
    # states
    ("", "all is follower", True),
    (LED, "all is follower", False),
    (LED, "1,2 is follower", True),
    (LED, "followers is follower", True),
    (LED, "0 is leader", True),
    (LED, "follower is follower", True),
    ("timeout 3; ", "3 is candidate", True),
    (LED + "crash 3; ", "3 is dead", True),
    (LED + "crash 3; ", "crashed is dead", True),
    (LED + "crash 3; ", "alive is dead", False),
    (LED, "crashed is dead", False),  # of no nodes nothing holds
    (LED + "let x = 2; ", "$x is follower", True),
    (SPLIT, "0,2 is leader", True),
    # the term
    (LED, "term = 1", True),
    (LED, "term != 1", False),
    (LED, "term < 2", True),
    (LED, "term <= 1", True),
    (LED, "term > 1", False),
    (LED, "term >= 1", True),
    (LED, "term>=1", True),
    (LED, "term >=1", True),
    (LED, "term>= 1", True),
    (SPLIT, "term = 2", True),
    (SPLIT + "disconnect 2,3,4; ", "term = 1", True),
    ("crash all; ", "term >= 0", False),  # nobody is connected
    (LED + "let t = term; ", "term = $t", True),
    # one node's term, commit index and log
    (SPLIT, "term of 0 = 1", True),
    (SPLIT, "term of leader = 2", True),
    (SPLIT, "term of n2>=2", True),
    ("", "term of leader >= 0", False),
    ("", "commit of 0 = -1", True),
    (LED + "submit 1; ", "commit of 0 = -1", True),
    (LED + "submit 1; wait committed 1; ", "commit of 3 = 0", True),
    (LED + "submit 1; ", "log of 0 = 1", True),
    (LED + "submit 1; ", "log of 1 = 1", False),
    (LED + "submit 1; submit 2; wait committed 2; ", "commit of 4 = index", True),
    # committed
    (LED + "submit 1; ", "committed 1", False),
    (LED + "submit 1; wait committed 1; ", "committed 1", True),
    (LED + "submit 1; wait committed 1; ", "committed 1 on 5", True),
    (LED + "submit 1; wait committed 1; ", "committed 1 on 4", False),
    (LED + "submit 1; wait committed 1; crash 4; ", "committed 1 on 4", True),
    (LED + "submit 1; wait committed 1; crash 4; ", "committed 1", True),
    (LED + "submit 1; wait committed 1; let n = 5; ", "committed 1 on $n", True),
    (LED + "submit 1; wait committed 1; ", "committed '1'", False),  # the text is not the number
    (LED + "submit 'a b'; wait committed 'a b'; ", "committed 'a b' on 5", True),
    (LED + "submit 007; wait committed 007; ", "committed '007'", True),
    (LED + "submit 007; wait committed 007; ", "committed 7", False),
    (LED + "let v = 3; submit $v; wait committed 3; ", "committed $v", True),
    (LED, "committed 1 on 0", True),
    (LED, "not committed 1", True),
    (LED + "submit 1; wait committed 1 on 1; ", "not committed 1", False),
    (LED + "submit 1; wait committed 1; crash all; ", "committed 1", False),
    (LED + "submit 1; wait committed 1; crash all; ", "not committed 1", True),
    # elections and leaders so far
    ("", "elections = 0", True),
    ("", "leaders = 0", True),
    ("timeout 3; ", "elections = 1", True),
    ("timeout 3; ", "leaders = 0", True),
    (SPLIT, "elections = 2", True),
    (SPLIT, "elections>=3", False),
    (SPLIT, "leaders = 2", True),
    (SPLIT + "crash all; ", "leaders = 2", True),
    (LED + "let n = 1; ", "leaders = $n", True),
    # what a leader keeps for a peer
    (LED, "next of 2 at 0 = 0", True),
    (LED, "match of 2 at 0 = -1", True),
    (LED + "submit 1; wait committed 1; ", "next of 2 at leader = 1", True),
    (LED + "submit 1; wait committed 1; ", "match of 2 at leader = 0", True),
    (LED + "submit 1; wait committed 1; ", "match of 2 at leader = index", True),
    (LED, "next of 2 at 1 >= 0", False),  # it does not lead
    (LED + "crash 0; ", "match of 2 at 0 = -1", False),
    ("", "next of 2 at leader = 0", False),
    # one of several leads
    (LED, "0 or 1 leads", True),
    (LED, "1 or 0 leads", True),
    (LED, "1 or 2 leads", False),
    (LED, "1 or 2 or 0 leads", True),
    (LED, "0 leads", True),
    (LED, "1,2 or 0 leads", True),
    (LED, "followers or 4 leads", False),
    (SPLIT, "0 or 1 leads", False),  # node 2 leads a higher term
    ("", "0 or follower leads", False),
    (LED + "let x = 0; ", "$x or 4 leads", True),
    # transfers
    ("", "transfer", False),
    ("", "no transfer", True),
    (LED + "disconnect 4; transfer to 4; ", "transfer", True),
    (LED + "disconnect 4; transfer to 4; ", "no transfer", False),
    (LED + "disconnect 4; transfer to 4; crash 0; ", "no transfer", True),
    # clients
    ("", "linearizable", True),
    (LED + "put x 1; get x as bob; ", "linearizable", True),
    (LED + "put x 1; ", "not linearizable", False),
    (SPLIT + "set reads local; put x 1 to 2; get x as bob to 0; ", "not linearizable", True),
    (SPLIT + "set reads local; put x 1 to 2; get x as bob to 0; ", "linearizable", False),
    ("", "value of x = nothing", True),
    ("crash all; ", "value of x = nothing", False),
    (LED + "put x 1; wait agree; ", "value of x = 1", True),
    (LED + "put x 1; wait agree; ", "value of x = nothing", False),
    (LED + "put x 1; wait agree; ", "value of x = '1'", False),
    (LED + "put x 'a b'; wait agree; ", "value of x = 'a b' on 5", True),
    (LED + "put x 1; wait agree; ", "value of x = 1 on 4", False),
    (LED + "cut 0->4; put x 1; wait value of x = 1 on 4; ", "value of x = 1", False),
    (LED + "cut 0->4; put x 1; wait value of x = 1 on 4; ", "value of x = nothing on 1", True),
    # agreement
    ("", "agree", True),
    (LED + "submit 1; wait committed 1; ", "agree", True),
    (LED + "submit 1; wait committed 1 on 1; ", "agree", False),
    (LED + "cut 0->4; submit 1; wait committed 1 on 4; ", "agree", False),
    (LED + "cut 0->4; submit 1; wait committed 1 on 4; disconnect 4; ", "agree", True),
]
"""Commands, a condition, and whether it holds after them."""


@pytest.mark.parametrize(("before", "condition", "holds"), HELD_OR_NOT)
def test_expect_looks_once(before: str, condition: str, holds: bool) -> None:
    run = ran(f"{before}expect {condition}")
    assert run.last["command"] == f"expect {condition}", run.last
    assert run.status is (Status.HELD if holds else Status.FAILED)


@pytest.mark.parametrize("form", [form for form, _ in FORMS])
def test_every_form_is_tested_here(form: str) -> None:
    words = [r"\S+" if word.isupper() else word for word in re.split(r"(\w+|\|)", form)]
    assert [condition for _, condition, _ in HELD_OR_NOT if re.fullmatch("".join(words), condition)]


@pytest.mark.parametrize("sign", OPERATORS)
def test_every_operator_compares(sign: str) -> None:
    for number in (0, 1, 2):
        holds = ran(f"{LED}expect term of 0 {sign} {number}").status is Status.HELD
        assert holds == OPERATORS[sign](1, number)


@pytest.mark.parametrize(
    ("before", "condition", "seen"),
    [
        ("", "leader", "no connected node leads"),
        (LED, "no leader", "node 0 leads term 1"),
        ("", "transfer", "no node hands its leadership over"),
        (SPLIT, "one leader", "node 2 leads term 2, node 0 leads term 1"),
        (LED, "leader is 1", "node 0 leads term 1"),
        (LED, "0,1 is leader", "node 0 is Leader, node 1 is Follower"),
        (LED, "crashed is dead", "there is no such node"),
        (LED, "term > 1", "the term is 1"),
        ("crash all; ", "term = 0", "no node is connected"),
        (LED, "commit of leader >= 0", "the commit index of node 0 is -1"),
        (LED, "elections = 0", "1 election so far"),
        ("", "leaders = 2", "no leader so far"),
        (SPLIT, "leaders > 2", "2 leaders so far"),
        (LED, "next of 2 at 0 > 0", "the next index of node 2 at node 0 is 0"),
        (LED, "next of 2 at 1 > 0", "node 1 keeps no next index of node 2, as it does not lead"),
        ("", "match of 2 at leader > 0", "there is no such node"),
        (LED, "1 or 2 leads", "node 0 leads term 1"),
        (LED, "log of 3 > 0", "the log length of node 3 is 0"),
        (LED, "committed x", "x is committed on none of the 5 connected nodes"),
        (
            LED + "submit x; wait committed x; ",
            "committed x on 4",
            "x is committed at index 0 on 5 of 5 connected nodes (0 1 2 3 4)",
        ),
        (
            LED + "submit x; wait committed x on 1; ",
            "agree",
            "committed entries: node 0 has 1, node 1 has 0, node 2 has 0, node 3 has 0, node 4 has 0",
        ),
        (LED + "cut 0<->1,2,3,4; submit x to 0; ", "commit of 0 = index", "the commit index of node 0 is -1"),
    ],
)
def test_what_does_not_hold_says_what_is_seen_instead(before: str, condition: str, seen: str) -> None:
    assert ran(f"{before}expect {condition}").last["reason"] == seen


def test_a_node_keeps_no_index_of_itself() -> None:
    assert ran(f"{LED}expect next of 0 at leader = 0").last["reason"] == (
        "node 0 keeps no next index of itself; name one of its peers"
    )


def test_elections_and_leaders_are_counted_although_their_events_are_forgotten() -> None:
    record = Record(1, 0.0, 0, 0, BecameLeader(1, (0, 1)))
    history = History(limit=1)
    for seq in (1, 2, 3):
        history(structs.replace(record, seq=seq))
    assert (history.leaders, history.elections, len(history)) == (3, 0, 1)


@pytest.mark.parametrize(
    ("before", "condition", "seen"),
    [
        (LED, "leader", "node 0 leads term 1"),
        ("", "agree", "5 connected nodes have committed 0 entries each"),
        ("crash all; ", "agree", "no node is connected"),
        ("", "no leader", "no connected node leads"),
    ],
)
def test_what_holds_says_what_is_seen(before: str, condition: str, seen: str) -> None:
    assert held(f"{before}expect {condition}").last["answer"] == seen


# ---- waiting, and watching


def test_wait_ends_as_soon_as_the_condition_holds() -> None:
    run = held("wait leader; wait leader")
    first, second = run.steps
    assert 0.150 < first["time"] < 0.5
    assert second["time"] == first["time"]


@pytest.mark.parametrize(("line", "end"), [("wait leader is 9", 5.0), ("wait leader is 9 within 1.5s", 1.5)])
def test_wait_waits_5_s_unless_said_otherwise(line: str, end: float) -> None:
    run = ran(f"crash 9; {line}", nodes=10)
    assert run.status is Status.FAILED
    assert run.last["time"] == end
    assert run.last["reason"].startswith(f"after {end:g}s: ")


def test_wait_waits_while_leader_or_follower_is_nobody_yet() -> None:
    assert held("wait log of leader = 0").last["time"] > 0.15


def test_never_lets_all_the_time_pass_and_fails_at_the_moment_the_condition_holds() -> None:
    assert held("never leader is 0 for 100ms").last["time"] == 0.1
    run = ran("never leader for 2s")
    assert run.status is Status.FAILED
    assert 0.150 < run.last["time"] < 0.5
    assert "leads term" in run.last["reason"]


def test_never_fails_at_once_where_the_condition_holds_already() -> None:
    run = ran("never no leader for 1s")
    assert (run.status, run.last["time"]) == (Status.FAILED, 0.0)


def test_words_that_end_a_condition_are_values_when_quoted() -> None:
    run = held(f"{LED}submit within; wait committed 'within' within 1s; never committed \"for\" on 4 for 9ms")
    assert run.answers[-1] == "not for 9ms"


# ---- mistakes


@pytest.mark.parametrize(
    ("condition", "column", "message"),
    [
        ("", 7, "a CONDITION is missing"),
        ("ledaer", 8, "unknown condition 'ledaer'; did you mean 'leader'?"),
        ("agreee", 8, "unknown condition 'agreee'; did you mean 'agree'?"),
        ("xyzzy", 8, "unknown condition 'xyzzy'; see help conditions"),
        ("3", 9, "'is' is missing: 3 is follower, pre-candidate, candidate, leader or dead"),
        ("one", 11, "'leader' is missing"),
        ("one follower", 12, "'follower' should be 'leader' here"),
        ("no leaders", 11, "'leaders' should be 'leader' here"),
        ("leader is", 17, "NODE is missing"),
        ("leader is not", 21, "NODE is missing"),
        ("leader is 7", 18, "there is no node 7; the nodes are 0 to 4"),
        ("leader is 1,2", 18, "'1,2' may be several nodes; exactly one is needed here"),
        ("leader is all", 18, "'all' may be several nodes; exactly one is needed here"),
        ("1,2 is", 14, "follower, pre-candidate, candidate, leader or dead is missing"),
        (
            "1,2 is folower",
            15,
            "unknown state 'folower'; did you mean 'follower'?",
        ),
        ("1 is king", 13, "unknown state 'king'; use follower, pre-candidate, candidate, leader or dead"),
        ("nobody is dead", 8, "unknown node 'nobody'; write 0 to 4, leader, all …"),
        ("term", 12, "a comparison such as >= 3 is missing"),
        ("term 3", 13, "'3' is not an operator; use one of = != < <= > >="),
        ("term == 3", 13, "unknown operator '=='; use ="),
        ("term >", 14, "a number is missing"),
        ("term>", 13, "a number is missing"),
        ("term>=x", 14, "invalid number 'x': it must be a whole number from 0 on"),
        ("term >= -1", 16, "invalid number '-1': it must be a whole number from 0 on"),
        ("log of 0 = -1", 19, "invalid number '-1': it must be a whole number from 0 on"),
        ("commit of 0 = -2", 22, "invalid number '-2': it must be a whole number from -1 on"),
        ("term >= $t", 16, "$t was not set before; set it with: let t = …"),
        ("term of", 15, "NODE is missing"),
        ("term of 9 = 1", 16, "there is no node 9; the nodes are 0 to 4"),
        ("commit 3", 15, "'3' should be 'of' here"),
        ("elections of 3 = 1", 18, "'of' is not an operator; use one of = != < <= > >="),
        ("leaders >= -1", 19, "invalid number '-1': it must be a whole number from 0 on"),
        ("next of 2 = 5", 18, "'=' should be 'at' here"),
        ("next of 2 on 0 = 5", 18, "'on' should be 'at' here"),
        ("match of 2 at 9 = 5", 22, "there is no node 9; the nodes are 0 to 4"),
        ("0 or leads", 13, "unknown node 'leads'; did you mean 'leader'?"),
        ("0 or 1", 14, "'leads' is missing"),
        ("0 or 1 lead", 15, "'lead' should be 'leads' here"),
        ("log", 11, "'of' is missing"),
        ("committed", 17, "a VALUE is missing"),
        ("committed $x", 18, "$x was not set before; set it with: let x = …"),
        ("committed 1 on", 22, "a number of nodes is missing"),
        ("committed 1 on x", 23, "invalid number of nodes 'x': it must be a whole number from 0 to 5"),
        ("committed 1 on 6", 23, "invalid number of nodes '6': it must be a whole number from 0 to 5"),
        ("committed 1 on -1", 23, "invalid number of nodes '-1': it must be a whole number from 0 to 5"),
        ("committed 1 2", 20, "unexpected argument '2'; usage: expect CONDITION"),
        ("not leader", 12, "'leader' should be 'committed' here"),
        ("not committed", 21, "a VALUE is missing"),
        ("agree now", 14, "unexpected argument 'now'; usage: expect CONDITION"),
    ],
)
def test_a_mistake_in_a_condition_is_found_before_anything_runs(condition: str, column: int, message: str) -> None:
    assert mistake(f"expect {condition}".rstrip()) == (column, message)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("wait within 3s", 6, "a CONDITION is missing"),
        ("wait leader within", 19, "a DURATION is missing"),
        ("wait leader withn 3s", 13, "unexpected argument 'withn'; did you mean 'within'?"),
        ("wait leader within 3", 20, "invalid duration '3': add a unit (250ms, 1.5s, 2m)"),
        ("never leader", 13, "'for' is missing; usage: never CONDITION for D"),
        ("never leader within 3s", 14, "'within' should be 'for'; usage: never CONDITION for D"),
        ("never leader for", 17, "a DURATION is missing"),
    ],
)
def test_a_mistake_around_a_condition_is_found_before_anything_runs(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)
