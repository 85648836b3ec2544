"""`raftplay lesson`: the list, a lesson from a pipe and in a terminal, checks, and their exit statuses."""

import re
from pathlib import Path

import pytest
from support.command_line import Ended, raftplay
from support.pages import DOCS, part
from support.terminal import CTRL_C, Terminal

from raftplay.lessons import catalogue
from raftplay.lessons.language import BESIDE, UNSEEN, WORDS

OWN = """\
# My lesson
nodes 3
step One
ask Will there be a leader? => leader
wait leader
answer
step Two
play Crash them. => no leader
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is remembered yet."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.txt"
    file.write_text(OWN)
    return str(file)


def lesson(home: dict[str, str], *args: str, stdin: str = "") -> Ended:
    """`raftplay lesson` to its end."""
    return raftplay("lesson", *args, stdin=stdin, env=home)


def test_the_list_names_every_lesson_with_its_minutes(home: dict[str, str]) -> None:
    done = lesson(home)
    assert (done.status, done.err) == (0, "")
    rows = done.out.split("\n\n")[0].split("\n")
    assert len(rows) == len(catalogue.names())
    assert [int(row.split()[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(3 <= int(re.findall(r"(\d+) min$", row)[0]) <= 8 for row in rows)
    assert max(map(len, rows)) < 80


def test_a_lesson_is_found_by_number_and_by_name(home: dict[str, str]) -> None:
    by_number = lesson(home, "2", "--seed", "7")
    by_name = lesson(home, "a-split-vote", "--seed", "7")
    assert by_number.status == by_name.status == 0
    assert by_number.out == by_name.out
    assert by_number.out.startswith("Lesson 2: A split vote")


def test_answers_are_read_from_the_pipe_and_shown(home: dict[str, str], own: str) -> None:
    done = lesson(home, own, "--seed", "7", stdin="yes\n\ncrash all\n")
    assert (done.status, done.err) == (0, "")
    assert "yes or no > yes" in done.out
    assert "You did it, with 1 command." in done.out
    assert done.out.endswith("The end. 1 of 1 predictions correct, the goal took 1 command.\n")


def test_the_end_of_the_input_ends_politely(home: dict[str, str], own: str) -> None:
    done = lesson(home, own)
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("You left in step 1 of 2.\n")


def test_the_same_seed_and_answers_give_the_same_transcript(home: dict[str, str], own: str) -> None:
    one, two = (lesson(home, own, "--seed", "3", stdin="no\n\nnext\n") for _ in range(2))
    assert one.out == two.out
    assert "Incorrect: the answer is" in one.out


def test_bytes_that_are_no_text_and_control_characters_are_shown_visibly(home: dict[str, str], own: str) -> None:
    done = raftplay("lesson", own, stdin=b"\xff\x1b[31m\n\0\r\nyes\n", env=home)
    assert (done.status, done.err) == (0, "")
    assert "yes or no > \\xff\\x1b[31m" in done.out
    assert "\x1b" not in done.out
    assert "Correct: yes." in done.out


def test_plain_reads_well_aloud(home: dict[str, str], own: str) -> None:
    done = lesson(home, own, "--plain", stdin="yes\n\nnext\n")
    assert done.status == 0
    assert "\nQuestion: Will there be a leader?\nyes or no > yes\nCommand: wait leader\n" in done.out
    assert not re.search(r"[─✓✗»]|\n ", done.out)


def test_scores_are_listed_and_can_be_forgotten(home: dict[str, str]) -> None:
    typed = "3\n\n3\n\nyes\n\nrestart crashed\n" + "timeout 0\ntimeout 1\n" * 10 + "\n\n"
    assert "The end." in lesson(home, "2", "--seed", "7", stdin=typed).out
    row = lesson(home).out.split("\n")[1]
    assert re.search(r"\d min  3/3, \d+ commands?$", row)
    assert lesson(home, "--forget").out == "your progress is forgotten\n"
    assert "3/3" not in lesson(home).out
    assert lesson(home, "--forget").out == "there is no progress to forget\n"


def test_a_lesson_of_one_s_own_leaves_no_score(home: dict[str, str], own: str) -> None:
    lesson(home, own, stdin="yes\n\ncrash all\n\n")
    assert lesson(home, "--forget").out == "there is no progress to forget\n"


def test_a_home_that_cannot_be_written_is_said_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lesson({"XDG_STATE_HOME": str(tmp_path / "file")}, "2", stdin="3\n\n3\n\nyes\n\nnext\n\n")
    assert (done.status, done.err) == (0, "")
    assert "Your progress could not be kept in" in done.out


# ---- checking


def test_a_good_lesson_is_checked_with_status_0(home: dict[str, str], own: str) -> None:
    done = lesson(home, "--check", own)
    assert (done.status, done.err) == (0, "")
    assert "2 steps, 1 question, about" in done.out
    assert "played with 20 seeds, with right and with wrong answers: all is well" in done.out
    assert "played with seed 3," in lesson(home, "--check", own, "--seed", "3").out


def test_what_a_reader_would_run_into_is_shown_with_status_1(home: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text(OWN.replace("wait leader\n", "  wait leader within 1ms\n"))
    done = lesson(home, str(file), "--check")
    assert done.status == 1
    head, source, caret = done.out.rstrip("\n").split("\n")
    assert head.startswith(
        f"{file}:5:3: error: wait leader within 1ms: after 1ms: no connected node leads (seed 0)"
    )
    assert (source, caret) == ("    wait leader within 1ms", "    ^~~~~~~~~~~~~~~~~~~~~~")


def test_a_check_shows_the_lines_of_own_code_that_raised(home: dict[str, str], own: str, tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text(
        "from raftplay import ConsensusModule\nclass Mine(ConsensusModule):\n"
        "    def request_vote(self, args, now=None):\n        return args.votes\n"
    )
    done = lesson(home, "--check", own, "--node", str(file))
    assert (done.status, done.err) == (1, "")
    lines = done.out.rstrip("\n").split("\n")
    assert " raised AttributeError in request_vote at " in lines[0]
    assert lines[3:] == [
        f'  File "{file}", line 4, in request_vote',
        "    return args.votes",
        "AttributeError: 'RequestVoteArgs' object has no attribute 'votes'",
    ]


def test_what_cannot_be_read_is_shown_with_status_2(home: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text(OWN.replace("=> leader", "=> ledr"))
    for args in ((str(file),), ("--check", str(file)), ("--tui", str(file))):
        done = lesson(home, *args)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(
            f"{file}:4:32: error: unknown condition 'ledr'; did you mean 'leader'?\n  ask Will"
        )


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("99",), f"there is no lesson '99'; the lessons are 1 to {len(catalogue.names())}; see: raftplay lesson"),
        (("0",), "there is no lesson '0'"),
        (("9" * 5000,), "there is no lesson '99999"),
        (("figure-9",), "there is no file and no lesson 'figure-9'; did you mean 'figure-8'?"),
        (("nonsense",), "there is no file and no lesson 'nonsense'; see: raftplay lesson"),
        (("/",), "/ is a directory, not a lesson"),
        (("-",), "standard input has the answers here"),
        (("\x1b[31m",), "there is no file and no lesson '\\x1b[31m'"),
        (("--check",), "which lesson? give its number, its name, or a file"),
        (("--tui",), "which lesson? give its number, its name, or a file"),
        (("1", "--forget"), "--forget erases the progress in all lessons; give no other argument with it"),
        (("1", "--tui", "--plain"), "--plain is words only, and --tui is a screen"),
        (("1", "--tui"), "standard input is no terminal"),
        (("1", "--speed", "0"), "invalid value for '--speed'"),
        (("1", "--seed", "-1"), "invalid value for '--seed'"),
        (("1", "2"), "unexpected extra argument"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(home: dict[str, str], args: tuple[str, ...], sentence: str) -> None:
    done = lesson(home, *args)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1


# ---- what is written about it


def test_the_step_in_the_page_is_what_a_reader_sees(home: dict[str, str]) -> None:
    shown = part(DOCS / "lessons.md", "lesson")
    assert shown.startswith("── Step 1 of 4: Two at once ──")
    assert shown in lesson(home, "2", "--seed", "7", stdin="1\nquit\n").out


def test_the_lesson_in_the_help_is_a_good_one_and_every_word_is_explained(
    home: dict[str, str], tmp_path: Path
) -> None:
    text = raftplay("help", "lessons").out
    text = text[text.index("A lesson is a script with additional lines") :]
    example = text.split("A complete example:\n\n")[1].split("\n\n")[0]
    (tmp_path / "it.txt").write_text("\n".join(line.strip() for line in example.split("\n")))
    done = lesson(home, "--check", str(tmp_path / "it.txt"))
    assert (done.status, done.err) == (0, "")
    words = {line.split()[0] for line in text.split("\n\n")[3].split("\n") if not line.startswith(" ")}
    assert words == {*WORDS, UNSEEN, BESIDE}
    assert max(map(len, text.split("\n"))) <= 100


# ---- in a terminal


def test_a_lesson_in_a_terminal(home: dict[str, str], own: str) -> None:
    with Terminal("lesson", own, "--seed", "7", "--speed", "5", env=home) as terminal:
        terminal.until("Will there be a leader")
        terminal.until("yes or no >$")
        terminal.enter("yes")
        terminal.until("Correct: yes")
        terminal.until("play >$")
        terminal.send("cra")
        terminal.until("lose their volatile state")  # completion
        terminal.enter("sh 0; status")
        terminal.until("Dead")
        terminal.enter("crush 0")
        terminal.until(r"^ {7}\^~~~~$")
        terminal.enter("")
        terminal.until("Step 2 of 2")
        terminal.until("play >$")
        terminal.enter("crash all")
        terminal.until("You did it, with 1 command")
        terminal.enter("")
        terminal.until("The end")
        assert terminal.ended() == 0
        assert terminal.is_as_before
        assert "\x1b[1;32m" in terminal.everything


def test_ctrl_c_leaves_with_status_130_and_the_place_is_kept(home: dict[str, str]) -> None:
    with Terminal("lesson", "2", "--seed", "7", "--speed", "5", env=home) as terminal:
        terminal.until("1 to 3 >$")
        terminal.enter("3")
        terminal.until("play >$")
        terminal.enter("")
        terminal.until("Step 2 of 4")
        terminal.until("1 to 3 >$")
        terminal.send(CTRL_C)
        assert terminal.ended() == 130
        assert terminal.is_as_before
    assert "left in step 2 of 4" in lesson(home).out
    with Terminal("lesson", "2", "--speed", "5", env=home) as terminal:
        terminal.until("You left this lesson in step 2 of 4")
        terminal.enter("yes")
        terminal.until("Step 2 of 4")
        terminal.enter("quit")
        assert terminal.ended() == 0


def test_plain_in_a_terminal_has_no_escape_sequences(home: dict[str, str], own: str) -> None:
    with Terminal("lesson", own, "--plain", "--speed", "5", env=home) as terminal:
        terminal.until("yes or no >$")
        terminal.enter("yes")
        terminal.until("Correct: yes")
        terminal.until("play >$")
        terminal.enter("quit")
        assert terminal.ended() == 0
        assert "\x1b[" not in terminal.everything
