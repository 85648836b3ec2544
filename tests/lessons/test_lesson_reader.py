"""Reading a lesson: words, predictions and verdicts, free play on a copy, and the ways through its steps."""

from collections.abc import Callable

import pytest
from support.lessons import Typist, lesson_of, read, session_of

from raftplay.errors import UsageError
from raftplay.lessons.console import Console
from raftplay.lessons.page import indented, wrapped
from raftplay.lessons.progress import Left
from raftplay.lessons.stage import Stage
from raftplay.lessons.terminal import LessonReader
from raftplay.session.shown import columns

LESSON = """\
step One
say Three nodes.
ask Who will lead? => node leader
wrong It is node {leader}.
timeout 1
wait leader
answer
status
step Two
let old = leader
ask Is there a leader? => leader
answer
crash $old
step Three
play Crash the rest. => no leader
"""


def test_a_right_prediction_is_told_so_with_the_facts() -> None:
    _, typist = read(lesson_of(LESSON), "1", "quit")
    assert typist.of("right") == "✓ Correct: node 1. Node 1 leads term 1."
    assert "$ wait leader" in typist.of("command")
    assert "n1 becomes leader of term 1" in typist.of("event")
    assert "It is node 1." not in typist.text


def test_a_wrong_prediction_is_told_the_facts_and_what_the_lesson_says() -> None:
    _, typist = read(lesson_of(LESSON), "0", "quit")
    assert typist.of("wrong") == "✗ Incorrect: the answer is node 1. Node 1 leads term 1."
    assert "Why node 1: node 1 is leader of term 1" in " ".join(typist.text.split())
    assert "It is node 1." in typist.text


def test_what_is_no_answer_is_asked_for_again() -> None:
    _, typist = read(lesson_of(LESSON), "seven", "7", "", "1", "quit")
    assert typist.text.count("Answer with a node, from 0 to 2.") == 3
    assert typist.of("right")


def test_the_score_counts_the_first_prediction_of_each_question() -> None:
    reader, typist = read(lesson_of(LESSON), "0", "again", "1", "", "yes", "", "crash all", "")
    assert reader.score is not None  # type: ignore[attr-defined]
    assert reader.tally.score.right == 1
    assert reader.tally.score.questions == 2
    assert "The end. 1 of 2 predictions correct, the goal took 1 command." in " ".join(typist.text.split())


def test_enter_goes_on_and_the_end_of_the_input_ends_politely() -> None:
    reader, typist = read(lesson_of(LESSON), "1", "")
    assert reader.at == 1
    assert typist.written[-1][0] == "You left in step 2 of 3."
    assert reader.left == Left(1, 7, {6: True}, -1)


def test_a_question_that_its_cluster_cannot_answer_gets_one_sentence() -> None:
    unchecked = "step One\nask Who leads? => node leader\ncrash all\nanswer\n"
    with pytest.raises(UsageError, match=r"line \d of the lesson has no answer here: there is no leader.*--check"):
        read(lesson_of(unchecked), "1")


def test_the_end_of_the_input_behind_the_last_step_is_the_end_of_the_lesson() -> None:
    reader, typist = read(lesson_of(LESSON), "1", "", "yes", "", "next")
    assert reader.is_over
    assert "The end." in typist.text


def test_a_place_where_one_left_is_gone_on_from() -> None:
    reader, typist = read(lesson_of(LESSON), "yes", "quit", start=Left(1, 7, {6: False}))
    assert "You go on with step 2" in typist.text
    assert "Step 1 of 3" not in typist.text
    assert reader.tally.score.questions == 2
    assert reader.tally.score.right == 1


# ---- back, again, previous


def test_again_and_previous_lead_to_the_very_same_cluster() -> None:
    reader, typist = read(lesson_of(LESSON), "1", "crash 0", "again", "1", "", "yes", "previous", "1", "quit")
    shown = typist.text.split("  $ status\n")[1:]
    tables = [block.split("\n\n")[0] for block in shown]
    assert len(tables) == 3
    assert len(set(tables)) == 1
    assert reader.at == 0


def test_previous_in_the_first_step_begins_it_again() -> None:
    reader, typist = read(lesson_of(LESSON), "previous", "1", "quit")
    assert typist.text.count("Step 1 of 3") == 2
    assert reader.at == 0


@pytest.mark.parametrize("word", ["again", "previous", "quit", "help"])
def test_the_words_of_a_lesson_are_understood_at_a_question_too(word: str) -> None:
    _, typist = read(lesson_of(LESSON), word)
    shown = {"again": "Step 1 of 3", "previous": "Step 1 of 3", "quit": "You left", "help": "the previous step"}
    assert typist.text.count(shown[word]) >= (2 if shown[word].startswith("Step") else 1)


# ---- free play


def test_free_play_happens_on_a_copy_and_spoils_nothing() -> None:
    lesson = lesson_of(LESSON)
    typist = Typist(["1", "crash all; submit z to 0", "sleep 1s", "status", ""])
    with session_of(lesson) as session:
        LessonReader(lesson, Stage(session), Console(typist.read, typist.write)).play()
        snapshot = session.harness.snapshot()
        assert all(node.alive for node in snapshot.nodes)
        assert session.branches.keys() == {"main"}
        assert [entry.text for entry in session.branch.journal] == ["timeout 1", "wait leader", "let old = leader"]
    assert "Dead" in typist.text


def test_a_copy_holds_what_the_lesson_kept() -> None:
    _, typist = read(lesson_of(LESSON), "1", "", "yes", "restart $old", "quit")
    assert "restarted node 1" in typist.text


def test_the_copy_cannot_be_left_for_the_lesson_s_own_cluster() -> None:
    lesson = lesson_of(LESSON)
    typist = Typist(["new", "1", "switch main", "new nodes=7", "crash all", "status", ""])
    with session_of(lesson) as session:
        LessonReader(lesson, Stage(session), Console(typist.read, typist.write)).play()
        assert all(node.alive for node in session.harness.snapshot().nodes)
        assert session.branches.keys() == {"main"}
    assert "stays as it is; you are on a copy" in typist.text
    assert typist.text.count("A lesson keeps its own cluster; raftplay shell and raftplay tui take new.") == 2


def test_futures_that_begin_in_the_past_of_a_copy_end_with_it() -> None:
    lesson = lesson_of(LESSON)
    typist = Typist(["1", "submit x", "back 3", "crash 0", "branches", ""])
    with session_of(lesson) as session:
        LessonReader(lesson, Stage(session), Console(typist.read, typist.write)).play()
        assert session.branches.keys() == {"main"}
        assert session.moment is None


def test_a_mistake_has_a_caret_under_its_place() -> None:
    _, typist = read(lesson_of(LESSON), "1", "crush 0", "quit")
    lines = [text for text, _ in typist.written]
    at = lines.index("play > crush 0")
    assert lines[at + 1] == "       ^~~~~"
    assert "there is no command 'crush'; did you mean 'crash'?" in lines[at + 2]


def test_a_line_ends_at_the_command_that_does_not_hold() -> None:
    _, typist = read(lesson_of(LESSON), "1", "restart 0; crash all", "status", "quit")
    assert "node 0 is alive; only a crashed node can be restarted" in typist.text
    assert "Dead" not in typist.text


def test_a_goal_is_noticed_and_until_then_its_progress_is_told() -> None:
    lesson = lesson_of("step S\nunseen timeout 0; wait leader\nplay Raise it. => term >= 4\nstep T\nstatus")
    reader, typist = read(
        lesson, "timeout 1", "", "status", "timeout 1; sleep 10ms", "timeout 2; timeout 2", "quit"
    )
    assert typist.text.count("Not there yet: the term is 2.") == 1
    assert "You did it, with 6 commands." in typist.text
    assert reader.tally.commands == 6


def test_enter_does_not_end_play_that_has_a_goal_and_next_gives_up() -> None:
    lesson = lesson_of("step S\nplay Do it. => leader\nstep T\nstatus")
    reader, typist = read(lesson, "", "", "next", "quit")
    assert typist.prompts.count("play > ") == 4
    assert reader.tally.commands == -1


def test_a_breach_is_a_goal() -> None:
    lesson = lesson_of(
        "mystery half-is-majority\nstep S\nplay Break it. => breach",
        head="# T\nnodes 4\ntiming election=20s..40s\n",
    )
    _, typist = read(lesson, "partition 0,1 | 2,3", "timeout 0; timeout 2; sleep 50ms", "quit")
    assert "BROKEN: " in typist.of("broken")
    assert "Not there yet: no invariant is violated." in typist.text
    assert "You did it, with 4 commands." in typist.text


def test_at_a_question_one_may_look_and_not_act() -> None:
    lesson = lesson_of("step S\ntimeout 0\nsubmit x to 1\nask Who? => node leader\nwait leader\nanswer")
    plain, _ = read(lesson, "0", "quit")
    reader, typist = read(lesson, "status; log", "why 0", "crash 1", "stat", "0", "quit")
    assert "every log is empty" in typist.text
    assert "node 0 is candidate in term 1" in typist.text
    assert "Answer first" in typist.text
    assert "Answer with a node" in typist.text
    assert reader.tally == plain.tally


def test_looking_does_not_change_what_happens() -> None:
    lesson = lesson_of(
        "step S\nunseen wait leader\nsubmit x\nsubmit y\nask Q? => agree\nsleep 4ms\nanswer\nevents 30",
        head="# T\n",
    )
    blind = read(lesson, "yes")[1].text.split("$ events 30")[1]
    looked = read(lesson, "log; status; messages", "yes")[1].text.split("$ events 30")[1]
    assert blind == looked


# ---- how it looks


def test_no_line_is_wider_than_the_page() -> None:
    lesson = lesson_of(LESSON.replace("Three nodes.", "漢字 and many words to come " * 20))
    _, typist = read(lesson, "0", "why leader; events", "help", "quit")
    assert max(columns(text) for text, _ in typist.written) < 80


def test_plain_has_no_signs_and_no_indents() -> None:
    _, typist = read(lesson_of(LESSON), "0", "why leader", "crush", "quit", plain=True)
    lines = [text for text, style in typist.written if style not in ("answer", "wrong")]
    assert not any(line.startswith(" ") for line in lines)
    assert not any(sign in typist.text for sign in "─✓✗»")
    assert "Question: Who will lead?" in typist.text
    assert "Command: wait leader" in typist.text
    assert "there is no command 'crush'" in typist.text


def test_hostile_text_that_is_typed_is_shown_visibly() -> None:
    bad = "\x1b[31m\u202e"
    _, typist = read(lesson_of(LESSON), bad, "1", f"submit '{bad}'; log", bad, "quit")
    shown = "\n".join(text for text, style in typist.written if style != "typed")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31m\\u{202e}" in shown


def test_two_answers_of_one_question_stand_beside_each_other() -> None:
    lesson = lesson_of("step S\ntimeout 0; wait leader\nlog\nsubmit x; sleep 10ms\nbeside log\nstep T\nstatus")
    _, typist = read(lesson, "quit")
    block = typist.text.split("$ log\n")[2].split("\n\n")[0].split("\n")
    assert block[0].split() == ["before", "|", "now"]
    assert "every log is empty   |   index  node 0  node 1  node 2" in block[1]


def test_answers_that_are_too_wide_stand_below_each_other() -> None:
    lesson = lesson_of("step S\nstatus\ntimeout 0\nbeside status", head="# T\nnodes 5\n")
    _, typist = read(lesson, "quit")
    block = typist.text.split("$ status\n")[2].split("\n\n")[0]
    assert [line.strip() for line in block.split("\n") if line.strip().endswith(":")] == ["before:", "now:"]


def test_what_was_seen_before_is_known_where_one_goes_on() -> None:
    lesson = lesson_of("step S\nlog\nstep T\ntimeout 0; wait leader\nsubmit x\nbeside log")
    _, typist = read(lesson, "quit", start=Left(1, 7))
    assert "every log is empty   |" in typist.text


@pytest.mark.parametrize("lay_out", [lambda text: wrapped(text, 40), lambda text: indented(text, 40, "  ")])
def test_a_page_shows_text_of_users_visibly(lay_out: Callable[[str], list[str]]) -> None:
    for text in ("\x1b[31m", "many words " * 10 + "\x1b[31m", "\u202e\u200b"):
        shown = "".join(lay_out(text))
        assert shown.isprintable()
        assert "\\x1b[31m" in shown or "\\u{202e}\\u{200b}" in shown
