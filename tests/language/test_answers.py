"""Expected answers under ``----``: where they may stand, what they mean, how they are compared and filled in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amount import several
from support.answers import differences, filled, parsed, told, verified, without_blocks
from support.language import held, mistake, ran, refused
from support.strange_scripts import examples, pool, readable

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.run import answers
from raftplay.run.answers import MAX_SHOWN, NO_RULE, Comparison, difference_text, written
from raftplay.run.golden import verify_script
from raftplay.run.runner import Status, TextTranscript
from raftplay.run.script import parse_script

LED = "timeout 0; wait leader is 0\n"


def expected(text: str) -> dict[int, tuple[str, ...]]:
    """What a script expects, by the number of the line of commands."""
    return {line: block.lines for line, block in parsed(text).blocks.items()}


# ---- where a block stands, and what is in it


def test_a_block_holds_the_lines_up_to_the_first_blank_one() -> None:
    text = "now\n----\n0.000 s\nmore\n\nlog # why\n----\nevery log is empty\n"
    assert expected(text) == {1: ("0.000 s", "more"), 6: ("every log is empty",)}
    assert [step.line for step in parsed(text).steps] == [1, 6]


@pytest.mark.parametrize(
    "text", ["now\n----", "now\n----\n", "now\n----\n\n", "now\n----\n \t\n", "now\n---- \r\n\r\n"]
)
def test_a_block_without_a_line_expects_no_answer(text: str) -> None:
    assert expected(text) == {1: ()}


def test_white_space_at_the_end_of_a_line_does_not_count_and_any_other_does() -> None:
    assert expected("now\r\n----\t \r\n  a  b \t\r\n \r\nnow") == {1: ("  a  b",)}
    assert expected("now\n----\na\u00a0\n\u00a0\n") == {1: ("a\u00a0", "\u00a0")}


def test_in_a_block_nothing_is_a_command_or_a_comment_or_a_mistake() -> None:
    text = "now\n----\ncrash 0\n# no comment\nnonsense 'open\n --- \nnodes 3\n"
    assert expected(text) == {1: ("crash 0", "# no comment", "nonsense 'open", " ---", "nodes 3")}
    assert [(o["kind"], o.get("line")) for o in ran(text).objects] == [("begin", None), ("step", 1), ("end", None)]


def test_a_frame_holds_blank_lines_and_single_rules() -> None:
    text = "now\n----\n----\n\n a\n----\nb\n\n----\n----\nlog\n----\n----\n----\n----\nnow"
    assert expected(text) == {1: ("", " a", "----", "b", ""), 11: ()}
    assert [step.line for step in parsed(text).steps] == [1, 11, 16]


def test_behind_a_frame_a_blank_line_is_one_of_the_script() -> None:
    assert parsed("now\n----\n----\na\n----\n----\n\nnow").blocks[1].stop == 6
    assert parsed("now\n----\na\n\nnow").blocks[1].stop == 4


NOWHERE = "---- must follow a line of commands directly; it begins their answers"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("----\n0.000 s\n", 1),
        ("now\n\n----\n", 3),
        ("now\n# between\n----\n", 3),
        ("# only\n----\n", 2),
        ("nodes 3\n----\n", 2),
        (";\n----", 2),
        ("now\n----\n\n----\nx\n", 4),
        ("now\n----\n----\nx\n----\n----\n----\nx", 7),
    ],
)
def test_a_block_that_follows_no_command_is_a_mistake_with_its_place(text: str, line: int) -> None:
    (found,) = refused(text)
    assert (found.line, found.column, found.message) == (line, 1, NOWHERE)
    assert found.render("s").endswith("\n  ----\n  ^~~~")


def test_a_frame_that_nothing_ends_is_a_mistake_where_it_begins() -> None:
    (found,) = refused("now\nnow\n----\n----\na\n----\nb\n")
    assert (found.line, found.column) == (3, 1)
    assert found.message == "the frame that begins here has no two lines ---- that end it"


@pytest.mark.parametrize("rule", ["---", "-----", " ----", "---- # x", "--", "---- x"])
def test_what_is_nearly_a_rule_is_a_mistake_that_says_what_is_one(rule: str) -> None:
    (found,) = refused(f"now\n{rule}\n")
    assert (found.line, found.column) == (2, len(rule) - len(rule.lstrip()) + 1)
    assert found.message == "to begin an answer, write ---- alone at the beginning of a line"


@pytest.mark.parametrize("line", ["crush 0", "now 'open", "nodes x", "crash 9; now"])
def test_a_mistake_above_a_block_is_one_mistake(line: str) -> None:
    assert [m.line for m in refused(f"{line}\n----\nx\n\nnow")] == [1]


def test_at_a_prompt_a_rule_is_no_command() -> None:
    assert mistake("now; ----")[0] == 6


# ---- a run passes over blocks


def test_a_run_passes_over_blocks_whatever_they_say() -> None:
    text = "# c\n" + LED + "----\nnothing of the kind\n\nsubmit 1\n----\n----\n\n----\n----\nlog\n"
    assert held(text).answers == held(without_blocks(text)).answers
    failing = ran("restart 0\n----\nerror: node 0 is alive; only a crashed node can be restarted\n\nnow")
    assert (failing.status, len(failing.steps)) == (Status.MISUSED, 1)


# ---- comparing

GOOD = (
    LED
    + "----\nnode 0 is Candidate in term 1\nnode 0 leads term 1\n\nsleep 5ms\n----\n\nnow; now\n----\n0.006 s\n0.006 s\n"
)


def test_what_is_as_expected_holds_and_the_end_says_how_much_was_compared() -> None:
    text = filled(LED + "sleep 5ms\nnow; now\nlog\n")
    assert verified(text).objects[-1] | {"time": 0} == {
        "kind": "end",
        "status": "held",
        "time": 0,
        "steps": 6,
        "compared": 4,
        "differences": 0,
    }
    assert told(text)[-1].startswith("s.txt: all held: 6 steps in 0.0")
    assert ", 4 answers as expected (" in told(text)[-1]


def test_every_difference_is_shown_with_its_line_and_the_run_goes_on() -> None:
    text = "now\n----\n1.000 s\n\nnow; log\n----\n0.000 s\nevery log is full\n\nsleep 1ms\n----\nslept\n\nlog\n----\n\nnow"
    assert told(text) == [
        "s.txt:1: another answer: now (- expected, + got)",
        "  - 1.000 s",
        "  + 0.000 s",
        "s.txt:5: another answer: now; log (- expected, + got)",
        "    0.000 s",
        "  - every log is full",
        "  + every log is empty",
        "s.txt:10: another answer: sleep 1ms (- expected, + got)",
        "  - slept",
        "s.txt:14: another answer: log (- expected, + got)",
        "  + every log is empty",
        "s.txt: failed after 6 steps, at 0.001 s, 4 of 4 answers differ (5 nodes, sim, seed 7)",
    ]
    run = verified(text)
    assert run.status is Status.FAILED
    assert run.objects[-1]["status"] == "failed"
    assert (run.objects[-1]["compared"], run.objects[-1]["differences"]) == (4, 4)
    assert [(d["line"], d["commands"], d["expected"], d["got"]) for d in differences(text)] == [
        (1, "now", ["1.000 s"], ["0.000 s"]),
        (5, "now; log", ["0.000 s", "every log is full"], ["0.000 s", "every log is empty"]),
        (10, "sleep 1ms", ["slept"], []),
        (14, "log", [], ["every log is empty"]),
    ]


def test_a_difference_stands_below_the_line_that_it_belongs_to() -> None:
    lines = told("now # why\n----\nx\n\nlog\n", quiet=False)
    assert [line.split()[0] for line in lines[1:5]] == ["0.000", "#", "s.txt:1:", "-"]


def test_lines_without_a_block_are_not_compared() -> None:
    assert verified("log\nnow\n----\n0.000 s\n").objects[-1]["compared"] == 1


def test_where_the_run_ends_early_what_differed_before_is_told_still() -> None:
    lines = told("now\n----\nx\n\nexpect leader\nnow\n----\ny\n")
    assert lines[0].startswith("s.txt:1: another answer")
    assert "s.txt:5: failed at 0.000 s: expect leader: no connected node leads" in lines
    assert lines[-1] == "s.txt: failed after 1 step, at 0.000 s, 1 of 1 answer differs (5 nodes, sim, seed 7)"


def test_a_line_whose_commands_did_not_all_answer_is_not_compared() -> None:
    run = verified("now; expect leader\n----\nx\n")
    assert (run.status, run.objects[-1]["status"]) == (Status.FAILED, "failed")
    assert "compared" not in run.objects[-1]


def test_a_script_that_expects_nothing_cannot_be_verified() -> None:
    with pytest.raises(UsageError, match=r"s\.txt expects no answers, so there is nothing to verify"):
        verified("now")


# ---- what is meant to go wrong


def test_a_block_may_say_that_a_command_goes_wrong_and_the_run_goes_on() -> None:
    text = (
        "expect leader\n----\nfailed: no connected node leads\n\n"
        "now; restart 1; now\n----\n0.000 s\nerror: node 1 is alive; only a crashed node can be restarted\n0.000 s\n\n"
        "now\n----\n0.000 s\n"
    )
    run = verified(text)
    assert run.status is Status.HELD, run.objects
    assert [step["status"] for step in run.steps] == ["held"] * 5
    assert run.steps[0]["answer"] == "failed: no connected node leads"
    assert filled(text) == text


def test_another_failure_than_the_expected_one_is_a_difference() -> None:
    right = "error: node 1 is alive; only a crashed node can be restarted"
    for wrong in ("failed: x", "error: x"):
        text = f"restart 1\n----\n{wrong}\n\nnow\n----\n0.000 s\n"
        assert [(d["expected"], d["got"]) for d in differences(text)] == [([wrong], [right])]
        assert filled(text) == text.replace(wrong, right)


def test_what_is_meant_to_go_wrong_and_does_not_is_a_difference() -> None:
    assert [(d["expected"], d["got"]) for d in differences("now\n----\nfailed: x\n")] == [
        (["failed: x"], ["0.000 s"])
    ]


@pytest.mark.parametrize(
    "block", ["", "----\n\n", "----\nno connected node leads\n\n", "----\nit failed: no connected node leads\n\n"]
)
def test_what_goes_wrong_without_being_meant_to_ends_the_run(block: str) -> None:
    run = verified(f"now\n----\n0.000 s\n\nexpect leader\n{block}now\n")
    assert (run.status, len(run.steps), run.last["status"]) == (Status.FAILED, 2, "failed")


def test_a_broken_invariant_ends_the_run_whatever_a_block_says() -> None:
    script = scenarios.text_of("bugs/half-is-majority").split("\n")
    steps = {step.line for step in parse_script("s", "\n".join(script)).steps}
    for line in sorted(steps, reverse=True):
        script[line:line] = ["----", "failed: x", ""]
    lines: list[str] = []
    breaking = parse_script("s", "\n".join(script), Setup(backend="sim", seed=1))
    assert verify_script(breaking, TextTranscript(lines.append, quiet=True)) is Status.FAILED
    assert "Election Safety broke at" in "\n".join(lines)
    assert f"failed after {len(breaking.steps)} steps" not in lines[-1]


# ---- filling in


def test_blocks_are_added_brought_up_to_date_and_left_where_they_are_right() -> None:
    text = "# c\nnodes 3\n\nnow # a\n\n  log;now\n----\nold\n\n\nsleep 1ms\nhelp\n# end\n"
    made = filled(text)
    assert made.startswith(
        "# c\nnodes 3\n\nnow # a\n----\n0.000 s\n\n\n  log;now\n----\nevery log is empty\n0.000 s\n\n\n"
        "sleep 1ms\n----\n\nhelp\n----\n----\nSetting up\n"
    )
    assert made.endswith("\n----\n----\n# end\n")
    assert verified(made).status is Status.HELD


@pytest.mark.parametrize(
    "block",
    [
        "----\n0.000 s",
        "----\n0.000 s\n",
        "----\n0.000 s\n\n",
        "---- \t\n0.000 s  \n \t\n\n",
        "----\r\n0.000 s\r\n\r\n",
        "----\n----\n0.000 s\n----\n----\n",
    ],
)
def test_a_block_that_is_right_stays_byte_for_byte_as_it_is(block: str) -> None:
    assert filled(f"now\n{block}") == f"now\n{block}"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("now", "now\n----\n0.000 s"),
        ("now\n", "now\n----\n0.000 s\n"),
        ("now\n\n", "now\n----\n0.000 s\n\n\n"),
        ("now\r\nnow\r\n", "now\r\n----\r\n0.000 s\r\n\r\nnow\r\n----\r\n0.000 s\r\n"),
        ("now\r\nnow", "now\r\n----\r\n0.000 s\r\n\r\nnow\r\n----\r\n0.000 s"),
        ("now\nnow\r\n# c", "now\n----\n0.000 s\n\nnow\r\n----\r\n0.000 s\r\n\r\n# c"),
        ("sleep 1ms", "sleep 1ms\n----"),
        ("sleep 1ms\n#", "sleep 1ms\n----\n\n#"),
        ("now\n----\nold", "now\n----\n0.000 s"),
        ("now\n----\nold\n\n", "now\n----\n0.000 s\n"),
        ("now\n----\n----\n\n----\n----\n# c", "now\n----\n0.000 s\n\n# c"),
        ("now\r\n----\nold\n\n# c", "now\r\n----\r\n0.000 s\r\n\r\n# c"),
    ],
)
def test_new_blocks_end_their_lines_as_the_script_does(text: str, made: str) -> None:
    assert filled(text) == made
    assert filled(made) == made


def test_a_line_of_an_answer_that_reads_as_a_rule_is_written_otherwise() -> None:
    assert written("a\n----\n----\nb") == ["a", NO_RULE, NO_RULE, "b"]
    assert written("") == []
    assert written("\n") == ["", ""]
    assert written("\x1b[2J \n\ta ") == ["\\x1b[2J", "\\x09a"]


lines_of_text = st.lists(
    st.one_of(st.text(max_size=6), st.sampled_from(["----", "", " ", "\r", "a "])), max_size=6
)


@settings(max_examples=several(500))
@given(lines_of_text, lines_of_text, st.sampled_from(["", "now", "\n", "# c\n"]), st.sampled_from(["\n", "\r\n"]))
def test_whatever_is_answered_is_read_as_it_was_written(
    one: list[str], other: list[str], behind: str, end: str
) -> None:
    text = f"now{end}log{end}{behind}"
    script = parsed(text)
    kept = answers.Answers({})
    for step, answer in zip(script.steps, (one, other), strict=False):
        kept.note(step.line, step.bound.text, "\n".join(answer))
    made = answers.filled_in(text, kept)
    read = {line: list(block.lines) for line, block in parsed(made).blocks.items()}
    assert list(read.values()) == list(kept.given.values())
    assert without_blocks(made) == text


def steps_of(text: str) -> list[tuple[str, str, float]]:
    """What a plain run does."""
    return [(step["command"], step["status"], step["time"]) for step in ran(text, without_bugs=True).steps]


def meant_to_fail(text: str) -> str:
    """The script with blocks that let those lines fail that do."""
    while True:
        run = ran(text, without_bugs=True) if not parsed(text).blocks else verified(text)
        if run.status is Status.HELD or run.last["status"] not in ("failed", "error"):
            return text
        lines = text.split("\n")
        at = run.last["line"]
        lines.insert(at, "----\nfailed: x" + "\n" * (at < len(lines)))
        text = "\n".join(lines)


@settings(max_examples=several(150), suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(pool, examples, st.sampled_from(["# c", "", " ", "now # c"])), min_size=3, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_filled_in_verifies_and_is_not_filled_in_twice_and_can_be_taken_out(
    lines: list[str], end: str, ended: bool
) -> None:
    kept = readable("\n".join(["let x = 1", "timeout 0", "wait leader", *lines]))
    original = end.join(line.rstrip("\r") for line in kept) + end * ended
    made = filled(meant_to_fail(original))
    assert verified(made).status is Status.HELD
    assert len(differences(made)) == 0
    assert filled(made) == made
    assert without_blocks(made).removesuffix("\r") == original.removesuffix("\r")
    assert steps_of(made) == steps_of(original)


# ---- what a difference looks like


def difference(expected: list[str], got: list[str]) -> list[str]:
    return difference_text(Comparison(1, "x", tuple(expected), tuple(got)))


def test_of_a_long_answer_what_differs_is_shown_with_two_lines_around_it() -> None:
    lines = [f"line {n}" for n in range(20)]
    other = [*lines[:5], "other", *lines[6:15], *lines[16:]]
    assert difference(lines, other) == [
        "  line 3",
        "  line 4",
        "- line 5",
        "+ other",
        "  line 6",
        "  line 7",
        "…",
        "  line 13",
        "  line 14",
        "- line 15",
        "  line 16",
        "  line 17",
    ]


def test_a_long_difference_is_cut() -> None:
    shown = difference([f"a{n}" for n in range(3000)], [f"b{n}" for n in range(3000)])
    assert shown == [*(f"- a{n}" for n in range(MAX_SHOWN)), "… and more"]


def test_a_difference_far_down_a_long_answer_is_found() -> None:
    lines = [f"a{n}" for n in range(20_000)]
    assert difference(lines, [*lines, "x"]) == ["  a19998", "  a19999", "+ x"]
    assert difference(lines, [*lines[:9000], "x", *lines[9001:]])[:4] == ["  a8998", "  a8999", "- a9000", "+ x"]


def test_answers_of_few_lines_that_come_again_and_again_are_compared_in_no_time() -> None:
    assert len(difference([f"x{n % 150}" for n in range(200_000)], [f"x{n % 149}" for n in range(20_000)])) > 9


def test_nothing_of_a_difference_reaches_a_terminal_raw() -> None:
    assert difference(["\x1b[2J\u202e", "\u200b"], ["a"]) == ["- \\x1b[2J\\u{202e}", "- \\u{200b}", "+ a"]


def test_what_looks_the_same_and_is_not_is_shown_so_that_one_sees_it() -> None:
    assert difference(["a\u00a0b", "e\u0301"], ["a b", "é"]) == ["- a\\xa0b", "- e\\u0301", "+ a b", "+ \\xe9"]
    assert difference(["\x1b"], ["\\x1b"]) == ["- \\x1b", "+ \\\\x1b"]
    assert difference(["漢 字"], ["漢 子"]) == ["- 漢 字", "+ 漢 子"]
