"""`--check`: whatever a reader would run into is found, with its line and the seed that shows it."""

import pytest
from support.lessons import lesson_of, read, session_of

from raftplay.language.table import bind
from raftplay.lessons.check import check, play
from raftplay.lessons.course import reach

GOOD = """\
step S
say The term is {term}.
ask Who? => node leader
wrong No.
timeout 1
wait leader
answer
ask Which term? => number term
answer
play Crash it. => no leader
play As you like.
"""


def problems(text: str, head: str | None = None) -> list[tuple[int, str]]:
    """(line, text) of what is wrong with a lesson."""
    lesson = lesson_of(text) if head is None else lesson_of(text, head)
    return [(problem.line, problem.text) for problem in check(lesson, range(3))]


def test_a_good_lesson_has_nothing_wrong_with_it() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("step S\nwait leader within 1s", 5, "wait leader within 1s: after 1s: no connected node leads"),
        ("step S\nunseen wait leader within 1s", 5, "after 1s: no connected node leads"),
        ("step S\nexpect leader", 5, "expect leader: no connected node leads"),
        ("step S\nrestart 0", 5, "restart 0: node 0 is alive"),
        ("step S\nask Who? => node leader\nanswer", 6, "there is no leader"),
        (
            "step S\nask Q?\nchoice A. => leader\nchoice B. => one leader\nanswer",
            8,
            "none of the answers to 'Q?' is right",
        ),
        ("step S\nsay Node {leader} leads.", 5, "there is nobody to name: Node (nobody) leads."),
        ("step S\nplay Do nothing. => no leader", 5, "the goal holds before anything is done"),
        ("step S\ntimeout 0; wait leader\nplay Do it. => leader", 6, "the goal holds before anything is done"),
    ],
)
def test_what_a_reader_would_run_into_is_found(text: str, line: int, message: str) -> None:
    ((found, words),) = problems(text)
    assert found == line
    assert message in words


def test_a_problem_that_only_some_seeds_show_is_found_with_its_seed() -> None:
    lesson = lesson_of("step S\nwait leader\nexpect leader is 0", head="# T\nnodes 3\n")
    (problem,) = check(lesson)
    assert problem.line == 5
    assert problem.seed in range(20)
    with session_of(lesson, problem.seed) as session:
        session.perform(bind("wait leader", session)[0]).result()
        leader = session.harness.snapshot().leader
        assert leader is not None
        assert leader.id != 0


def test_a_lesson_that_fixes_its_seed_is_played_with_that_one() -> None:
    lesson = lesson_of("step S\nwait leader\nexpect leader is 3", head="# T\nseed 3\n")
    assert {problem.seed for problem in check(lesson)} <= {3}


def test_an_invariant_may_break_where_a_bug_is_on_and_not_elsewhere() -> None:
    text = "step S\npartition 0,1 | 2\ntimeout 0; wait leader\ncrash 1; partition 0 | 1,2\nrestart 1; timeout 2; sleep 50ms"
    assert problems(text.replace("step S", "step S\nanew forget-vote")) == []


def test_both_right_and_wrong_answers_are_given() -> None:
    lesson = lesson_of(GOOD)
    blind = play(lesson, 0, {})
    assert blind.truths == {6: "1", 11: "1"}
    assert play(lesson, 0, blind.truths, wrong=True).problems == ()
    assert "The term is 0." in blind.words


def test_a_truth_that_changes_between_two_plays_is_a_problem() -> None:
    lesson = lesson_of(GOOD)
    (problem,) = play(lesson, 0, {6: "2", 11: "1"}).problems
    assert problem.text == "the answer changed between two plays: 1"


def test_reaching_a_step_leads_to_the_same_cluster_as_reading_up_to_it() -> None:
    lesson = lesson_of(
        "step S\nunseen wait leader\nsubmit x; wait committed x on 3\nstatus\nask A? => leader\nanswer\n"
        "step T\nanew forget-vote\ntimeout 0\nwait leader\nstep U\nstatus",
        head="# T\nnodes 3\n",
    )
    seen = []
    with session_of(lesson) as session:
        answers = reach(session, lesson, 2)
        seen.append(session.harness.snapshot())
        assert session.harness.config.bugs == ("forget-vote",)
        assert list(answers) == ["status"]
    reader, _ = read(lesson, "yes", "", "")
    with session_of(lesson) as session:
        reach(session, lesson, 2)
        seen.append(session.harness.snapshot())
    assert seen[0] == seen[1]
    assert reader.tally.score.right == 1
