"""The command language: every command with every form of its parameters, and every kind of mistake."""

import pytest
from support.language import held, mistake, ran, refused, transcript

from raftplay.commands.setup import Setup
from raftplay.run.runner import Status
from raftplay.run.script import MAX_MISTAKES, ScriptRefused, decode, parse_script

LED = "timeout 0; wait leader is 0; sleep 10ms; "


def setup_of(text: str, **overrides: object) -> Setup:
    return parse_script("script", text, Setup(**overrides)).setup  # type: ignore[arg-type]


# ---- lines


def test_lines_end_at_line_feeds_alone_with_or_without_a_carriage_return() -> None:
    script = parse_script("s", "submit 1\r\nsubmit 2\n\r\n# a\x0bb\u2028c\nsubmit 3\r")
    assert [step.line for step in script.steps] == [1, 2, 5]
    assert script.steps[0].bound.text == "submit 1"


@pytest.mark.parametrize("text", ["", "\n", "\n\n  \n", "# only\n# comments", "\ufeff", ";;"])
def test_a_script_may_do_nothing(text: str) -> None:
    assert held(decode("s", text.encode())).steps == []


def test_a_byte_order_mark_is_no_character_of_the_script() -> None:
    script = parse_script("s", decode("s", b"\xef\xbb\xbfnodes 3\ncrash 2"))
    assert script.setup.nodes == 3


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"\xff", 1, 1, "0xff"),
        (b"submit 1\nsubmit \xc3\xa9\xe9 x", 2, 9, "0xe9"),
        (b"\xef\xbb\xbf# \x80", 1, 3, "0x80"),
        ("submit ä".encode("latin-1"), 1, 8, "0xe4"),
        ("nodes 3".encode("utf-16"), 1, 1, "0xff"),
    ],
)
def test_bytes_that_are_no_utf_8_are_found_with_line_and_column(
    data: bytes, line: int, column: int, byte: str
) -> None:
    with pytest.raises(ScriptRefused) as refusal:
        decode("s", data)
    (found,) = refusal.value.mistakes
    assert (found.line, found.column, found.message) == (line, column, f"byte {byte} is not UTF-8 text")
    assert f"\\x{byte[2:]}" in str(refusal.value)


def test_a_script_has_at_most_1_mib() -> None:
    assert decode("s", b"\n" * (1 << 20))
    with pytest.raises(ScriptRefused, match="more than 1048576 bytes"):
        decode("s", b"\n" * ((1 << 20) + 1))


def test_a_line_that_is_too_long_is_one_mistake_among_others() -> None:
    found = refused("crush 1\nsubmit " + "x" * 70_000 + "\ncrash 9")
    assert [(m.line, m.column) for m in found] == [(1, 1), (2, 1), (3, 7)]


def test_all_mistakes_are_found_in_one_go() -> None:
    text = "submt 1\nwait ledaer; crash 9\nsubmit 'open\nsleep 5\nlet x = five\ncrash $x; crash $y\n"
    assert [(m.line, m.column) for m in refused(text)] == [
        (1, 1),
        (2, 6),
        (2, 20),
        (3, 8),
        (4, 7),
        (5, 9),
        (6, 17),
    ]


def test_a_script_of_nothing_but_mistakes_is_not_read_to_its_end() -> None:
    found = refused("x\n" * 5000)
    assert len(found) == MAX_MISTAKES + 1
    assert (found[-1].line, found[-1].message) == (101, "too many mistakes; the rest was not read")


def test_one_mistake_in_the_set_up_brings_no_others() -> None:
    assert mistake("ndes 5") == (1, "there is no command 'ndes'; did you mean 'nodes'?")
    assert [m.line for m in refused("ndes 7\nseed 3\nbackend sim\nwait leader")] == [1]
    assert [m.line for m in refused("nodes 99\ncrash 7\nwait leader is 20")] == [1]


# ---- set-up lines


def test_set_up_lines_choose_the_cluster() -> None:
    setup = setup_of(
        "nodes 7\nseed 9\nbackend sim\ntiming election=100..200ms heartbeat=20ms\ntiming delay=0ms\n"
        "set prevote on; set noop off\nbug forget-vote; bug torn-vote\nwatch Election Safety, log matching\nwait leader"
    )
    config = setup.config()
    assert (setup.nodes, setup.seed, setup.backend) == (7, 9, "sim")
    assert (config.raft.election_min, config.raft.election_max, config.raft.heartbeat) == (0.1, 0.2, 0.02)
    assert (config.delay_min, config.delay_max) == (0.0, 0.0)
    assert (config.raft.prevote, config.raft.noop) == (True, False)
    assert config.bugs == ("forget-vote", "torn-vote")
    assert setup.watched == ["Election Safety", "Log Matching"]


def test_without_set_up_lines_there_are_five_nodes_over_tcp() -> None:
    setup = setup_of("wait leader")
    assert (setup.nodes, setup.seed, setup.backend) == (5, None, "tcp")


def test_options_of_the_command_line_override_set_up_lines() -> None:
    text = "nodes 7\nseed 9\nbackend tcp\ntiming election=100..200ms heartbeat=20ms\nset prevote on\nbug forget-vote\n"
    setup = setup_of(
        text,
        nodes=3,
        seed=1,
        backend="sim",
        timings={"election": (1.0, 2.0)},
        switches={"prevote": False},
        bugs=["torn-vote"],
    )
    assert (setup.nodes, setup.seed, setup.backend) == (3, 1, "sim")
    assert setup.timings == {"election": (1.0, 2.0), "heartbeat": (0.02, 0.02)}
    assert setup.switches == {"prevote": False}
    assert setup.bugs == ["forget-vote", "torn-vote"]
    assert setup_of(text, without_bugs=True).bugs == []


def test_nodes_are_counted_by_the_option_where_there_is_one() -> None:
    assert mistake("nodes 5\ncrash 4", nodes=3) == (7, "there is no node 4; the nodes are 0 to 2")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("nodes", 6, "N is missing"),
        ("nodes 0", 7, "invalid number of nodes '0': it must be a whole number from 1 to 25"),
        ("nodes 26", 7, "invalid number of nodes '26': it must be a whole number from 1 to 25"),
        ("nodes five", 7, "invalid number of nodes 'five': it must be a whole number from 1 to 25"),
        ("nodes ٣", 7, "invalid number of nodes '٣': it must be a whole number from 1 to 25"),
        ("nodes 5 6", 9, "unexpected argument '6'; usage: nodes N"),
        ("seed -1", 6, "invalid seed '-1': it must be a whole number from 0 to 9223372036854775807"),
        (
            "seed 9223372036854775808",
            6,
            "invalid seed '9223372036854775808': it must be a whole number from 0 to 9223372036854775807",
        ),
        ("backend tpc", 9, "unknown backend 'tpc'; did you mean 'tcp'?"),
        ("backend udp2", 9, "unknown backend 'udp2'; use sim or tcp"),
        ("backend", 8, "sim or tcp is missing"),
        ("timing", 7, "timings are missing: election=150..300ms heartbeat=50ms delay=1..5ms"),
        ("timing electon=1s", 8, "unknown timing 'electon'; did you mean 'election'?"),
        ("timing election", 8, "the value of election is missing; write election=50ms"),
        ("timing x=1s", 8, "unknown timing 'x'; use one of election, heartbeat, delay"),
        ("timing election=5", 17, "invalid range of durations '5': write 150..300ms"),
        ("timing election=", 17, "invalid range of durations '': write 150..300ms"),
        ("timing election=300..150ms", 17, "the range '300..150ms' runs backwards"),
        ("timing election=0..1ms", 17, "election must be at least 1ms"),
        ("timing heartbeat=0.5ms", 18, "heartbeat must be at least 1ms"),
        ("timing heartbeat=10..20ms", 18, "the heartbeat is one duration, such as 50ms"),
        ("timing delay=1..1441m", 14, "'1..1441m' is too long; at most 1440m"),
        (
            "set",
            4,
            "prevote, checkquorum, sticky, noop, more-reelection, unreliable, snapshot, drift, sessions or reads is missing",
        ),
        ("set prevot on", 5, "unknown option 'prevot'; did you mean 'prevote'?"),
        ("set prevote", 12, "on or off is missing"),
        ("set prevote yes", 13, "unknown setting 'yes'; use on or off"),
        ("set prevote=on", 5, "no = stands between an option and its setting; write set prevote on"),
        ("set snapshot", 13, "a number of entries, or off is missing"),
        (
            "set snapshot -5",
            14,
            "invalid setting '-5': write a number of entries, or off, such as set snapshot 100",
        ),
        ("set drift x", 11, "invalid setting 'x': write a number of percent, such as set drift 20"),
        ("bug", 4, "the NAME of a bug is missing"),
        ("bug forgetvote", 5, "there is no bug 'forgetvote'; did you mean 'forget-vote'?"),
        ("watch", 6, "the NAME of an invariant is missing"),
        ("watch on", 1, "watch on is for a shell; a script watches invariants by their NAME"),
        ("now; watch off", 6, "watch must stand before the first other command"),
        ("nodes 3\nnodes 3", 1, "nodes was chosen before"),
        ("wait leader\nnodes 3", 1, "nodes must stand before the first other command"),
        ("now\nbug forget-vote", 1, "bug must stand before the first other command"),
    ],
)
def test_a_mistake_in_a_set_up_line(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- naming nodes


@pytest.mark.parametrize(
    ("selector", "nodes"),
    [
        ("2", "node 2"),
        ("n2", "node 2"),
        ("0,2", "nodes 0 2"),
        ("n4,0,n4", "nodes 4 0"),
        ("leader", "node 0"),
        ("follower", "node 2"),
        ("followers", "nodes 2 3"),
        ("all", "nodes 0 1 2 3 4"),
        ("alive", "nodes 0 2 3 4"),
        ("crashed", "node 1"),
        ("leader,crashed", "nodes 0 1"),
        ("$old", "node 3"),
        ("$old,leader", "nodes 3 0"),
    ],
)
def test_a_selector_names_the_nodes_of_the_moment(selector: str, nodes: str) -> None:
    run = held(f"{LED}crash 1; disconnect 4; let old = 3; disconnect {selector}")
    assert run.answers[-1] == f"{nodes} cut off"


def test_a_selector_is_resolved_when_its_line_runs() -> None:
    run = held(
        LED + "let old = leader; crash leader; wait leader is not $old; timeout follower; crash $old; restart $old"
    )
    assert run.answer("crash $old") == "no node crashed; node 0 down already"
    assert "restarted node 0 in term" in run.answers[-1]


def test_of_two_leaders_the_one_of_the_highest_term_is_meant() -> None:
    run = held(LED + "partition 0,1 | 2,3,4; timeout 2; wait 2 is leader; let l = leader; submit x")
    assert run.answers[-2:] == ["$l = 2", "index 0 of node 2, term 2"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("crash leader", "there is no leader among the connected live nodes"),
        ("disconnect all; crash follower", "there is no follower among the connected live nodes"),
        ("let old = leader", "there is no leader among the connected live nodes"),
        ("submit 1", "there is no leader to submit to"),
        ("let i = index", "nothing has been submitted to a leader yet, so there is no index"),
        ("crash all; let t = term", "no node is connected, so there is no term"),
    ],
)
def test_what_is_nobody_fails_as_an_expectation_does(text: str, reason: str) -> None:
    run = ran(text)
    assert (run.status, run.last["reason"]) == (Status.FAILED, reason)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("crash", 6, "NODES is missing"),
        ("crash 5", 7, "there is no node 5; the nodes are 0 to 4"),
        ("crash n5", 7, "there is no node 5; the nodes are 0 to 4"),
        ("crash 0,", 7, "unknown node ''; write 0 to 4, leader, all …"),
        ("crash 0 1", 9, "unexpected argument '1'; usage: crash NODES"),
        ("crash leadr", 7, "unknown node 'leadr'; did you mean 'leader'?"),
        ("crash -1", 7, "unknown node '-1'; write 0 to 4, leader, all …"),
        ("crash ١", 7, "unknown node '١'; write 0 to 4, leader, all …"),
        ("crash $old", 7, "$old was not set before; set it with: let old = …"),
        ("let old = 1; crash $odl", 20, "$odl was not set before; did you mean '$old'?"),
        ("drop all after 1", 6, "'all' may be several nodes; exactly one is needed here"),
        ("timeout 0,1", 9, "'0,1' may be several nodes; exactly one is needed here"),
        ("CRASH 1", 1, "there is no command 'CRASH'; did you mean 'crash'?"),
        ("xyzzy", 1, "there is no command 'xyzzy'; see: raftplay help"),
    ],
)
def test_a_mistake_in_naming_nodes(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- variables


def test_let_keeps_a_node_a_term_an_index_or_a_number() -> None:
    run = held(
        LED
        + "let a = leader; let b = follower; let c = term; submit 1; submit 2; let d = index; let e = 42; let f = -1;"
        "let g = $e; let tight=7; let half= 8; let other =9"
    )
    lets = [step["answer"] for step in run.steps if step["command"].startswith("let")]
    assert lets == [
        "$a = 0", "$b = 1", "$c = 1", "$d = 1", "$e = 42", "$f = -1", "$g = 42", "$tight = 7", "$half = 8", "$other = 9"
    ]  # fmt: skip


def test_the_term_that_let_keeps_is_the_highest_among_connected_live_nodes() -> None:
    run = held(LED + "disconnect 4; timeout 4; let t = term; reconnect 4; let u = term")
    assert run.answers[-3] == "$t = 1"
    assert run.answers[-1] == "$u = 2"


def test_a_variable_that_names_no_node_is_found_when_its_line_runs() -> None:
    run = ran("let x = 9\ncrash $x")
    assert (run.status, run.last["status"], run.last["line"]) == (Status.MISUSED, "error", 2)
    assert run.last["reason"] == "$x is 9, which is not a node; the nodes are 0 to 4"


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("let", 4, "NAME is missing"),
        ("let 1x = 2", 5, "invalid name '1x': use letters, digits and _, such as old"),
        ("let x", 6, "'=' is missing; usage: let NAME = leader|follower|term|index|NUMBER"),
        ("let x leader", 7, "'leader' should be '='; usage: let NAME = leader|follower|term|index|NUMBER"),
        ("let x =", 8, "leader, follower, term, index or a number is missing"),
        ("let x = lots", 9, "invalid number 'lots': it must be a whole number from -1 on"),
        ("let x = 1.5", 9, "invalid number '1.5': it must be a whole number from -1 on"),
        ("let x = $x2", 9, "$x2 was not set before; set it with: let x2 = …"),
        ("let x = $x", 9, "$x was not set before; set it with: let x = …"),
        ("let x=$x", 7, "$x was not set before; set it with: let x = …"),
        ("submit $x", 8, "$x was not set before; set it with: let x = …"),
        ("submit $", 8, "$ was not set before; set it with: let NAME = …"),
    ],
)
def test_a_mistake_with_variables(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- submit


@pytest.mark.parametrize(
    ("word", "log"),
    [
        ("42", [1, 42]),
        ("-7", [1, -7]),
        ("0", [1, 0]),
        ("007", [1, "007"]),
        ("1.5", [1, "1.5"]),
        ("+1", [1, "+1"]),
        ("1٣", [1, "1٣"]),
        ("text", [1, "text"]),
        ("'42'", [1, "42"]),
        ("'two words'", [1, "two words"]),
        ("''", [1, ""]),
        ("'$x'", [1, "$x"]),
        ("9" * 3900, [1, int("9" * 3900)]),
        ("漢字", [1, "漢字"]),
    ],
)
def test_submit_takes_an_integer_where_the_word_reads_as_one_else_text(word: str, log: list[object]) -> None:
    run = ran(f"{LED}submit {word}; expect no leader")  # a failure shows every log
    assert run.last["state"]["nodes"][0]["log"] == [log]


def test_submit_says_the_index_or_that_the_node_does_not_lead() -> None:
    run = held(
        LED + "let x = 4; submit 1; submit 2 to leader; submit 3 to n1; submit 4 to $x; freeze 2; submit 5 to 2;"
        "crash 3; submit 6 to 3"
    )
    said = [step["answer"] for step in run.steps if step["command"].startswith("submit")]
    assert said == [
        "index 0 of node 0, term 1",
        "index 1 of node 0, term 1",
        "node 1 is not the leader: not taken; it follows node 0 (§8)",
        "node 4 is not the leader: not taken; it follows node 0 (§8)",
        "node 2 is frozen: not taken",
        "node 3 is down: not taken",
    ]


def test_submit_to_a_node_that_knows_of_no_leader_says_so() -> None:
    """A candidate follows nobody; a leader that was cut off is still followed by those who have not heard more."""
    run = held(
        "timing election=20s..40s\nsubmit 1 to 2; timeout 0; wait leader is 0; sleep 10ms; partition 0,1 | 2,3,4;"
        "timeout 2; wait leader is 2; sleep 10ms; submit 2 to 1; submit 3 to 3; cut 3<->all; timeout 3; submit 4 to 3"
    )
    said = [step["answer"] for step in run.steps if step["command"].startswith("submit")]
    assert said == [
        "node 2 is not the leader: not taken; it knows of no leader",
        "node 1 is not the leader: not taken; it follows node 0 (§8)",
        "node 3 is not the leader: not taken; it follows node 2 (§8)",
        "node 3 is not the leader: not taken; it knows of no leader",
    ]


def test_what_the_cluster_cannot_carry_is_refused_before_anything_runs() -> None:
    column, message = mistake(f"submit {'9' * 3901}")
    assert (column, message) == (8, "an integer of 3901 digits is too long; at most 3900 (in quotes it is text)")
    column, message = mistake("submit '" + "\x01" * 20_000 + "'")
    assert "takes 120002 bytes as JSON; at most 65536 are carried" in message


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("submit", 7, "VALUE is missing"),
        ("submit 1 2", 10, "unexpected argument '2'; usage: submit VALUE [to NODE]"),
        ("submit 1 to", 12, "NODE is missing"),
        ("submit 1 to all", 13, "'all' may be several nodes; exactly one is needed here"),
        ("submit 1 to 2 3", 15, "unexpected argument '3'; usage: submit VALUE [to NODE]"),
    ],
)
def test_a_mistake_in_submit(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


def test_a_lease_without_what_it_needs_is_refused_at_the_line_that_asks_for_it() -> None:
    (found,) = refused("nodes 3\nset reads lease\nset sticky on\nwait leader")
    assert (found.line, found.column) == (2, 5)
    assert found.message.startswith("reads by lease need set checkquorum on and set sticky on: ")


def test_a_failure_shows_the_commands_of_the_store_as_they_are_typed() -> None:
    text = "\n".join(transcript("wait leader\nput x 1\nsubmit 'two words'\nexpect no leader"))
    assert "log of 3 [open session of main@1 put x 1@1 'two words'@1]" in text
    assert "'kv'" not in text
