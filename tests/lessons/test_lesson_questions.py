"""Questions of lessons: what may be answered, and what the cluster says to it."""

import pytest
from support.lessons import lesson_of, read, session_of

from raftplay.language.table import bind
from raftplay.lessons.course import reach
from raftplay.lessons.questions import NoAnswer, Question
from raftplay.lessons.steps import Ask
from raftplay.session.errors import Failed


def question(ask: str, before: str = "", *, mystery: bool = False) -> Question:
    """The question of a line `ask`."""
    hidden = "mystery forget-vote zombie\n" if mystery else ""
    lesson = lesson_of(f"{hidden}step S\n{before}\n{ask}\nanswer")
    found = next(item for item in lesson.steps[0].items if isinstance(item, Ask))
    return found.question


CHOICES = "ask W?\nchoice A. => no leader\nchoice B. => leader"


@pytest.mark.parametrize(
    ("ask", "typed", "answer"),
    [
        ("ask W? => node leader", "2", "2"),
        ("ask W? => node leader", " n2 ", "2"),
        ("ask W? => node leader", "Node 2", "2"),
        ("ask W? => node leader", "002", "2"),
        ("ask W? => number term", "12", "12"),
        ("ask W? => number term", "-1", "-1"),
        ("ask W? => number term", "007", "7"),
        ("ask W? => leader", "Y", "yes"),
        ("ask W? => leader", "no", "no"),
        (CHOICES, "2", "2"),
    ],
)
def test_an_answer_is_understood(ask: str, typed: str, answer: str) -> None:
    assert question(ask).read(typed, 3) == answer


@pytest.mark.parametrize(
    ("ask", "typed", "message"),
    [
        ("ask W? => node leader", "3", "answer with a node, from 0 to 2"),
        ("ask W? => node leader", "-1", "answer with a node"),
        ("ask W? => node leader", "", "answer with a node"),
        ("ask W? => node leader", "٢", "answer with a node"),
        ("ask W? => node leader", "9" * 5000, "answer with a node"),
        ("ask W? => number term", "two", "answer with a whole number"),
        ("ask W? => number term", "1.5", "answer with a whole number"),
        ("ask W? => number term", "1" * 5000, "answer with a whole number"),
        ("ask W? => number term", "--1", "answer with a whole number"),
        ("ask W? => leader", "maybe", "answer with yes or no"),
        ("ask W? => leader", "ye", "answer with yes or no"),
        (CHOICES, "3", "answer with a number from 1 to 2"),
        (CHOICES, "0", "answer with a number from 1 to 2"),
        (CHOICES, "B", "answer with a number from 1 to 2"),
    ],
)
def test_what_is_no_answer_is_asked_for_again(ask: str, typed: str, message: str) -> None:
    with pytest.raises(NoAnswer, match=message):
        question(ask).read(typed, 3)


@pytest.mark.parametrize(
    ("ask", "answer", "facts"),
    [
        ("ask W? => node leader", "1", "node 1 leads term 1"),
        ("ask W? => node follower", "0", "node 1 leads term 1"),
        ("ask W? => number term", "1", "the term is 1"),
        ("ask W? => number log of 1", "1", "the log length of node 1 is 1"),
        ("ask W? => number copies x", "1", "x stands in the log of node 1"),
        ("ask W? => number copies y", "0", "y stands in the log of no node"),
        ("ask W? => number committed x", "0", "x is committed on none of the 3 connected nodes"),
        ("ask W? => leader is 1", "yes", "node 1 leads term 1"),
        ("ask W? => committed x on 2", "no", "x is committed on none of the 3 connected nodes"),
        (CHOICES, "2", "node 1 leads term 1"),
        ("ask W? => number $t", "1", "it is 1"),
    ],
)
def test_the_answer_is_read_off_the_cluster_with_the_facts(ask: str, answer: str, facts: str) -> None:
    before = "timeout 1; wait leader\nlet t = term\nhold all\nsubmit x"
    lesson = lesson_of(f"step S\n{before}\nstep T\n{ask}\nanswer")
    with session_of(lesson) as session:
        reach(session, lesson, 1)
        found = lesson.steps[1].items[0]
        assert isinstance(found, Ask)
        truth = found.question.truth(session)
    assert (truth.answer, truth.facts) == (answer, facts)


def test_the_first_candidate_is_known_before_anyone_has_won() -> None:
    lesson = lesson_of("step S\nask W? => node candidate\ntimeout 2\nanswer")
    for given, style, said in (
        ("2", "right", "✓ Correct: node 2. Node 2 is candidate in term 1."),
        ("0", "wrong", "✗ Incorrect: the answer is node 2. Node 2 is candidate in term 1."),
    ):
        _, typist = read(lesson, given)
        assert typist.of(style) == said


@pytest.mark.parametrize("before", ["", "timeout 0; timeout 1", "timeout 0; crash 0"])
def test_a_candidate_is_asked_for_where_there_is_exactly_one(before: str) -> None:
    with session_of(lesson_of("step S\nplay P")) as session:
        for bound in bind(before, session):
            session.perform(bound).result()
        with pytest.raises(Failed, match="exactly one candidate is expected here, not"):
            question("ask W? => node candidate").truth(session)


def test_a_wrong_first_candidate_is_told_when_its_timer_would_have_fired() -> None:
    lesson = lesson_of("step S\nask W? => node candidate\nwait term >= 1\nanswer", "# T\nnodes 5\n")
    _, typist = read(lesson, "4", seed=7)
    said = " ".join(typist.text.split())
    assert "Its timer was set to fire at 0.219 s; that of node 1 fired at 0.155 s." in said


@pytest.mark.parametrize("ask", ["ask W? => node leader", "ask W? => node follower"])
def test_a_question_about_somebody_who_is_not_there_has_no_answer(ask: str) -> None:
    lesson = lesson_of(f"step S\ncrash all\nstep T\n{ask}\nanswer")
    with session_of(lesson) as session:
        reach(session, lesson, 1)
        found = lesson.steps[1].items[0]
        assert isinstance(found, Ask)
        with pytest.raises(Failed):
            found.question.truth(session)


def test_the_hidden_bug_is_one_of_the_choices() -> None:
    asked = question("ask Which? => bug", mystery=True)
    assert [choice.text for choice in asked.choices] == ["forget-vote", "zombie"]


def test_a_wrong_node_hears_why_it_is_not_that_one_and_why_it_is_the_other() -> None:
    lesson = lesson_of("step S\nask Who? => node leader\nwait leader; sleep 60ms\nanswer", head="# T\nnodes 3\n")
    with session_of(lesson) as session:
        session.perform(bind("wait leader", session)[0]).result()
        leader = session.harness.snapshot().leader
        assert leader is not None
    other = (leader.id + 1) % 3
    _, typist = read(lesson, str(other), "quit")
    said = " ".join(typist.text.split())
    assert f"Why not node {other}: node {other} is follower in term 1" in said
    assert f"that of node {leader.id} fired at 0." in said
    assert f"Why node {leader.id}: node {leader.id} is leader of term 1 since" in said


def test_no_timer_is_spoken_of_where_an_election_was_made_to_happen() -> None:
    lesson = lesson_of("step S\nask Who? => node leader\ntimeout 1; wait leader\nanswer")
    _, typist = read(lesson, "2", "quit")
    assert "Why not node 2" in typist.text
    assert "Its timer was set" not in typist.text


def test_a_wrong_choice_hears_what_is_seen_of_it() -> None:
    lesson = lesson_of(
        "step S\nask Who?\nchoice A. => 0 is leader\nchoice B. => leader\ntimeout 1; wait leader\nanswer"
    )
    _, typist = read(lesson, "1", "quit")
    assert "does not hold: node 0 is Follower." in typist.text
