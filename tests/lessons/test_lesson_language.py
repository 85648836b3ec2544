"""The language of lessons: what is read, and every mistake with its line and column."""

import pytest
from support.lessons import HEAD, lesson_of, refused, session_of

from raftplay.lessons.course import reach
from raftplay.lessons.steps import Anew, Ask, Beside, ExpectedAnswer, Play, Say, Unseen
from raftplay.run.script import Step as Command

ALL = """\
step First
say One,
say and two.
say
say Three.
ask Who? => node leader
wrong Not {leader}.
timeout 0; wait leader
answer
ask Which?
choice This. => leader
choice That. => no leader
answer
unseen sleep 50ms; sleep 10ms
status
anew forget-vote
beside status
step Second
play Do it. => term >= 3
play Break it. => breach
play As you like.
"""


def test_a_lesson_has_a_title_and_steps_of_what_is_said_asked_and_done() -> None:
    lesson = lesson_of(ALL)
    assert lesson.title == "A title"
    assert [step.title for step in lesson.steps] == ["First", "Second"]
    kinds = [type(item) for item in lesson.steps[0].items]
    assert kinds == [
        Say,
        Say,
        Ask,
        Command,
        Command,
        ExpectedAnswer,
        Ask,
        ExpectedAnswer,
        Unseen,
        Unseen,
        Command,
        Anew,
        Beside,
    ]
    goals = [item.goal for item in lesson.steps[1].items if isinstance(item, Play)]
    assert goals[1:] == ["breach", None]
    assert lesson.steps[0].items[0].line == 5


def test_a_paragraph_is_the_lines_that_follow_one_another() -> None:
    lesson = lesson_of(ALL)
    with session_of(lesson) as session:
        texts = [item.text(session) for item in lesson.steps[0].items if isinstance(item, Say)]
    assert texts == ["One, and two.", "Three."]


@pytest.mark.parametrize(
    ("hole", "text"),
    [
        ("{leader}", "0"),
        ("{term}", "1"),
        ("{follower}", "1"),
        ("{log of 0}", "1"),
        ("{commit of leader}", "-1"),
        ("{copies x}", "1"),
        ("{committed x}", "0"),
        ("{$old}", "0"),
        ("{term of $old}", "1"),
        ("{elections}", "1"),
        ("{leaders}", "1"),
        ("{next of 1 at 0}", "0"),
        ("{match of 1 at leader}", "-1"),
    ],
)
def test_a_hole_is_filled_in_when_the_line_is_read_out(hole: str, text: str) -> None:
    lesson = lesson_of(
        f"step S\ntimeout 0; wait leader\nlet old = leader\nhold all; submit x\nstep T\nsay <{hole}>"
    )
    with session_of(lesson) as session:
        reach(session, lesson, 1)
        say = lesson.steps[1].items[0]
        assert isinstance(say, Say)
        assert say.text(session) == f"<{text}>"


def test_a_hole_for_which_there_is_nobody_says_so() -> None:
    lesson = lesson_of("step S\nsay {leader} leads")
    with session_of(lesson) as session:
        say = lesson.steps[0].items[0]
        assert isinstance(say, Say)
        assert say.text(session) == "(nobody) leads"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("say too early", 4, 1, "a step must begin first: step TITLE"),
        ("status", 4, 1, "a step must begin first: step TITLE"),
        ("unseen status", 4, 8, "a step must begin first: step TITLE"),
        ("", 1, 1, "a lesson needs a step; begin one with: step TITLE"),
        ("step S\nask => leader\nanswer", 5, 5, "the question is missing"),
        ("step S\nask Who? => leader", 5, 1, "this question is never answered"),
        ("step S\nask A? => leader\nask B? => leader\nanswer", 5, 1, "this question is never answered"),
        ("step S\nask A? => leader\nstep T", 5, 1, "this question is never answered"),
        ("step S\nanswer", 5, 1, "there is no question to answer"),
        ("step S\nask A? => leader\nanswer yes", 6, 8, "answer takes no argument"),
        ("step S\nask Which?\nanswer", 5, 1, "needs at least two"),
        ("step S\nask Which?\nchoice One. => leader\nanswer", 5, 1, "needs at least two"),
        ("step S\nchoice One. => leader", 5, 8, "choice must follow a question"),
        ("step S\nwrong No.", 5, 7, "wrong must follow a question"),
        ("step S\nask A? => leader\nstatus\nwrong No.\nanswer", 7, 7, "wrong must follow a question"),
        ("step S\nask A?\nchoice One.\nanswer", 6, 8, "usage: ask TEXT"),
        ("step S\nask A? => leader\nchoice One. => leader\nanswer", 6, 8, "usage: ask TEXT"),
        ("step S\nask A? => ledr\nanswer", 5, 11, "unknown condition 'ledr'; did you mean 'leader'?"),
        ("step S\nask A? => leader now\nanswer", 5, 18, "unexpected argument 'now'"),
        ("step S\nask A? => leader; leader\nanswer", 5, 5, "write one thing behind =>"),
        ("step S\nask A? => node\nanswer", 5, 15, "NODE is missing"),
        ("step S\nask A? => node 7\nanswer", 5, 16, "there is no node 7"),
        ("step S\nask A? => number trem\nanswer", 5, 18, "unknown number 'trem'; did you mean 'term'?"),
        ("step S\nask A? => number log\nanswer", 5, 18, "log needs a node; write: log of NODE"),
        ("step S\nask A? => number $old\nanswer", 5, 18, "$old was not set"),
        ("step S\nask A? => bug\nanswer", 5, 5, "no bug is hidden here"),
        ("step S\nsay {ledr}", 5, 5, "in {ledr}: unknown number 'ledr'"),
        ("step S\nsay {}", 5, 5, "unknown value {}"),
        ("step S\nsay One,\nsay two {term; term}", 6, 9, "unknown value {term; term}"),
        ("step S\nplay Do. => ledr", 5, 13, "unknown condition 'ledr'; did you mean 'leader'?"),
        ("step S\nanew forgt-vote", 5, 6, "there is no bug 'forgt-vote'; did you mean 'forget-vote'?"),
        ("step S\nmystery forget-vote", 5, 9, "mystery must stand before the first step"),
        ("mystery\nstep S", 4, 1, "the names of bugs are missing"),
        ("step S\ncrush 0", 5, 1, "there is no command 'crush'; did you mean 'crash'?"),
        ("step S\nunseen crush 0", 5, 8, "there is no command 'crush'; did you mean 'crash'?"),
        ("step S\n  beside crash 0", 5, 10, "beside needs a command that only looks, and crash acts"),
        ("step S\nsave there.txt", 5, 1, "a lesson writes no files"),
        ("step S\nstatus; record there.txt", 5, 9, "a lesson writes no files"),
        ("backend tcp\nstep S", 4, 9, "a lesson is played in virtual time: backend sim"),
        ("step S\nseed 3", 5, 1, "seed must stand before the first other command"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_column(text: str, line: int, column: int, message: str) -> None:
    found = refused(text)
    assert len(found) == 1, found
    assert message in found[0].message
    assert (found[0].line, found[0].column) == (line, column)


def test_all_mistakes_are_named_and_in_the_order_of_their_lines() -> None:
    found = refused("step S\ncrush 0\nask A? => leader\nstep T\nsay {x}\nanswer")
    assert [mistake.line for mistake in found] == [5, 6, 8, 9]


def test_the_caret_of_a_mistake_behind_unseen_stands_under_its_word() -> None:
    (found,) = refused("step S\nunseen status; crush 0")
    lines = found.render("lesson").split("\n")
    assert lines[1:] == ["  unseen status; crush 0", " " * 17 + "^~~~~"]


def test_a_step_with_a_number_is_the_command_of_that_name() -> None:
    lesson = lesson_of("step One\nstep 2\nstep")
    assert [step.title for step in lesson.steps] == ["One"]
    assert len(lesson.steps[0].items) == 2


def test_hostile_text_in_a_lesson_is_made_visible() -> None:
    bad = "\x1b[31m\u202e"
    lesson = lesson_of(
        f"step {bad}\nsay {bad}\nask {bad}\nchoice {bad} => leader\nchoice b => no leader\nwrong {bad}\nanswer",
        head=f"# {bad}\n",
    )
    with session_of(lesson) as session:
        say, ask, *_ = lesson.steps[0].items
        assert isinstance(say, Say)
        assert isinstance(ask, Ask)
        assert ask.wrong is not None
        texts = [lesson.title, lesson.steps[0].title, say.text(session), ask.text(session), ask.wrong(session)]
        texts.append(ask.question.choices[0].text)
    assert all(text == "\\x1b[31m\\u{202e}" for text in texts)


def test_what_an_option_says_takes_the_place_of_a_lesson_s_seed() -> None:
    lesson = lesson_of("step S\nstatus", head="# T\nseed 5\n")
    with session_of(lesson, seed=9) as session:
        assert session.harness.seed == 9
    assert HEAD.startswith("# A title")
