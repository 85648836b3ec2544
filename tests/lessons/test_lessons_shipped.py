"""The lessons that ship: each is played with 20 seeds, and asks what it is meant to ask."""

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from support.amount import several
from support.lessons import read, session_of

from raftplay.language.table import bind
from raftplay.lessons import catalogue
from raftplay.lessons.check import SEEDS, LessonRun, play
from raftplay.lessons.command import minutes
from raftplay.lessons.progress import Left
from raftplay.lessons.steps import Ask, Lesson, Play
from raftplay.session.session import Session
from raftplay.session.shown import columns

ANY = "0 1 2 3 4"

TRUTHS = {
    "a-leader-is-elected": [
        ("Which node will start the first election?", ANY),
        ("Node 0 votes for itself, and node 1 will vote for it, too. Does node 0 become leader?", "no"),
        ("Does node 0 become leader this time?", "yes"),
        ("Nothing fails for the next two seconds. The term is {term} now. What will it be then?", "2"),
    ],
    "a-split-vote": [
        ("Each candidate has its own vote and will get one more. Which one wins term 1?", "3"),
        ("How will the tie end?", "3"),
        (
            "Three nodes of four are left, and a leader needs the votes of all three. Will they have a leader in two seconds?",
            "yes",
        ),
    ],
    "replication-and-commit": [
        ("How many logs contain x at this moment?", "1"),
        ("Is x committed?", "no"),
        ("How many logs contain x now?", "2"),
        ("Is x committed now?", "no"),
        ("Which node will be the first to commit x?", ANY),
        ("Will y be committed while node {$f} is out of reach?", "yes"),
        ("Will node {$f} get y, although no client submits anything else?", "yes"),
    ],
    "the-leader-dies": [
        ("What do the other nodes do at this moment?", "2"),
        ("Which node will start the next election?", ANY),
        ('Does the new leader have "first"?', "yes"),
        ('Node {$behind} lacks "second". It starts an election now. Will it win?', "no"),
        ('Another node will lead soon. Will it have "second"?', "yes"),
        ('Will all five nodes get "second", although no client submits anything?', "yes"),
    ],
    "a-split-that-is-no-split-brain": [
        ("Will nodes 2, 3 and 4 have a leader of their own one second from now?", "yes"),
        ("How many nodes believe at this moment that they lead?", "2"),
        ('We wait half a second. Will "kept" be committed?', "yes"),
        ('And "lost", which node 0 appended? Is it committed?', "no"),
        (
            "The links are restored. Node 0 leads term {term of 0}, node {leader} leads term {term}. What becomes of node 0?",
            "2",
        ),
        ('Nodes 0 and 1 still have "lost" in their logs, where the others have "kept". What becomes of it?', "2"),
    ],
    "log-repair": [
        ("Now node 0 comes back. How many of the five logs contain lost-1?", "1"),
        (
            "Node 0 has its own entries at the indices 1 to 3, and the leader has b at index 1. What will become of them?",
            "2",
        ),
        ("Node 4 lacks one entry and can be reached again. How long will its log be in the end?", "2"),
        (
            "Heartbeats come every 50 milliseconds. Will node 3 have all ten entries within 200 milliseconds?",
            "yes",
        ),
    ],
    "figure-8": [
        ("How many of the five logs contain x?", "3"),
        ("That is a majority. Does node 0 commit x?", "no"),
        ("Nodes 1 and 2 have x, and node 4 has not. Can node 4 win?", "yes"),
        ("What became of x?", "2"),
        ("x is on three nodes again. Does node 0 commit it this time?", "yes"),
        ("Can node 4 still win, without x?", "yes"),
        (
            '"old" is of term 1, node 1 leads term {term}, and all four live nodes have "old". Is it committed?',
            "no",
        ),
        ('Now a client submits "new". Will "old" be committed then?', "yes"),
    ],
    "what-must-be-on-disk": [
        ("In which term does node 1 start?", "1"),
        ("Node 1 has crashed since it voted for node 0. Will it vote for node 2?", "no"),
        ("Node 2 starts an election in term 1 as before. Does node 1 vote for it this time?", "yes"),
        ("How many nodes lead term 1 now?", "2"),
    ],
    "four-are-no-better-than-three": [
        ('Three of four are up. Will "two" be committed?', "yes"),
        ('Two of four are up: half of them. Will "three" be committed?', "no"),
        ("Node 0 hears from only one of its three peers. Does it stay leader?", "yes"),
        (
            "Node 0 leads on one side, and node 2 starts an election on the other. Which side can commit anything?",
            "3",
        ),
    ],
    "one-way-cuts": [
        ("Node 4 receives no heartbeats any more. What will it do?", "2"),
        ("Can node 4 win?", "no"),
        ("Nothing is wrong with node 0. Is it still in term 1?", "no"),
        ("Term {term} has a leader now. Will the cluster still be in that term three seconds from now?", "no"),
        ("Node 4 receives everything again. Will term {term} last for the next two seconds?", "yes"),
        ('The heartbeats of node 0 arrive, so no node starts an election. Will "unheard" be committed?', "no"),
    ],
    "find-the-bug": [
        ("Which bug is on?", "1 2 3 4 5 6 7"),
    ],
    "it-cannot-be-done": [
        ("Nodes 1, 2, 3 and 4 can vote. Will node 3 win?", "no"),
        ("Node 3 is a candidate in term {term of 3} now, far above the term of x. Will it win this time?", "no"),
        ("Will it win?", "yes"),
        ("A client submits y to it. How many nodes will have committed x after that?", "4"),
    ],
}
"""The questions of each lesson, in their order, by how they begin, and the answers that may be right."""

SOLUTIONS = {
    "half-is-majority": "partition 0,1 | 2,3; timeout 0; timeout 2; sleep 50ms",
    "no-log-check": (
        "timeout 0; wait leader is 0; disconnect 3; submit a; wait committed a on 3; "
        "crash 0; reconnect 3; timeout 3; sleep 50ms"
    ),
    "forget-vote": (
        "partition 0,1,2 | 3; timeout 0; wait leader is 0; crash 1; "
        "partition 0 | 1,2,3; restart 1; timeout 3; sleep 50ms"
    ),
    "commit-past-new": (
        "timeout 0; wait leader is 0; sleep 60ms; disconnect 0; submit old to 0; "
        "timeout 1; wait leader is 1; submit new; wait committed new on 3; reconnect 0; sleep 200ms"
    ),
    "double-count-vote": (
        "partition 0,1 | 2,3; hold 1->0; hold 3->2; timeout 0; timeout 2; sleep 20ms; "
        "duplicate 1->0; release 1->0; duplicate 3->2; release 3->2; sleep 50ms"
    ),
    "ack-own-tail": (
        "timeout 0; wait leader is 0; sleep 60ms; disconnect 0; submit old to 0; "
        "timeout 1; wait leader is 1; reconnect 0; sleep 200ms"
    ),
    "truncate-always": (
        "timeout 0; wait leader is 0; submit a; wait committed a on 4; link 0->1 delay=2s..2s; sleep 60ms; "
        "link 0->1 clear; submit b; wait committed b on 4; sleep 3s"
    ),
}
"""One way to find each bug of lesson 11."""


@lru_cache
def lesson_named(name: str) -> Lesson:
    return catalogue.shipped(name).lesson()


@lru_cache
def played(name: str, seed: int) -> tuple[LessonRun, ...]:
    """A lesson played three times: blindly, with right answers, and with wrong ones."""
    lesson = lesson_named(name)
    blind = play(lesson, seed, {})
    return blind, play(lesson, seed, blind.truths), play(lesson, seed, blind.truths, wrong=True)


def test_each_has_its_table() -> None:
    assert catalogue.names() == list(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_a_lesson_can_be_played_with_right_and_with_wrong_answers(name: str) -> None:
    for seed in range(several(SEEDS)):
        for playing in played(name, seed):
            assert playing.problems == (), seed


@pytest.mark.parametrize("name", TRUTHS)
def test_its_questions_have_the_answers_that_are_meant(name: str) -> None:
    source = catalogue.shipped(name).source.split("\n")
    asks = [item for step in lesson_named(name).steps for item in step.items if isinstance(item, Ask)]
    assert len(asks) == len(TRUTHS[name])
    for ask, (begins, allowed) in zip(asks, TRUTHS[name], strict=True):
        assert source[ask.line - 1].startswith(f"ask {begins}")
        found = {played(name, seed)[0].truths[ask.line] for seed in range(several(SEEDS))}
        assert found <= set(allowed.split()), begins
        assert len(found) > 1 or " " not in allowed, begins


@pytest.mark.parametrize("name", TRUTHS)
def test_every_step_asks_something_or_lets_one_play(name: str) -> None:
    for step in lesson_named(name).steps:
        assert any(isinstance(item, Ask | Play) for item in step.items), step.title
    assert all(
        ask.wrong is not None for step in lesson_named(name).steps for ask in step.items if isinstance(ask, Ask)
    )


@pytest.mark.parametrize("name", TRUTHS)
def test_it_takes_three_to_eight_minutes_and_names_its_section(name: str) -> None:
    text = catalogue.shipped(name)
    assert 3 <= minutes(text.lesson(), text.source) <= 8
    assert re.search(r"§\d|raftplay bugs", text.source)


@pytest.mark.parametrize("name", TRUTHS)
def test_every_line_of_it_fits_80_columns(name: str) -> None:
    lesson = lesson_named(name)
    for answers in (played(name, 3)[0].truths, {}):
        reader, typist = read(lesson, *typed(lesson, answers), seed=3)
        assert reader.is_over
        wide = [text for text, style in typist.written if columns(text) >= 80 and style != "typed"]
        assert wide == []


def typed(lesson: Lesson, truths: dict[int, str]) -> list[str]:
    """What leads through a lesson: the answers in `truths`, or some answer."""
    some = {"node": "0", "number": "0", "yes": "no", "choice": "1"}
    lines = []
    for step in lesson.steps:
        for item in step.items:
            if isinstance(item, Ask):
                lines.append(truths.get(item.line, some[item.question.kind]))
            elif isinstance(item, Play):
                lines.append("next")
        lines.append("next")
    return lines


@pytest.mark.parametrize(
    ("commands", "is_reached"),
    [
        ("timeout 2; wait leader is 2; submit new; sleep 50ms", False),
        ("timeout 2; wait leader is 2; submit new; restart 1; sleep 200ms", True),
    ],
)
def test_the_goal_of_log_repair_is_a_repair(commands: str, is_reached: bool) -> None:
    _, typist = read(lesson_named("log-repair"), commands, "quit", start=Left(4, 5, {}))
    assert ("You did it" in typist.text) is is_reached
    assert ("Not there yet: the log length of node 1 is 12 on disk (it is down)." in typist.text) is not is_reached


def test_figure_8_shows_both_logs_beside_each_other() -> None:
    _, typist = read(lesson_named("figure-8"), *typed(lesson_named("figure-8"), {}), seed=3)
    assert re.search(r"before +\| +now", typist.text)
    assert "BROKEN: State Machine Safety" in typist.of("broken")


# ---- lesson 11


def solve(session: Session, bug: str) -> list[str]:
    """What the commands that find a bug answer; the last answer is what broke."""
    said = []
    for bound in bind(SOLUTIONS[bug], session):
        outcome = session.perform(bound)
        if outcome.breach is not None:
            return [*said, f"BROKEN: {outcome.answer}"]
        said.append(outcome.result())
    return said


@pytest.mark.parametrize("bug", SOLUTIONS)
def test_each_bug_of_the_mystery_can_be_found(bug: str) -> None:
    lesson = lesson_named("find-the-bug")
    assert bug in lesson.mystery
    for seed in range(5):
        with session_of(replace(lesson, mystery=(bug,)), seed) as session:
            assert solve(session, bug)[-1].startswith("BROKEN")


@pytest.mark.parametrize("bug", SOLUTIONS)
def test_without_the_bug_nothing_breaks_that_way(bug: str) -> None:
    lesson = replace(lesson_named("find-the-bug"), mystery=())
    with session_of(lesson, 1) as session:
        assert not solve(session, bug)[-1].startswith("BROKEN")


@pytest.mark.parametrize("bug", SOLUTIONS)
def test_nothing_names_the_bug_that_is_to_be_found(bug: str, tmp_path: Path) -> None:
    lesson = replace(lesson_named("find-the-bug"), mystery=(bug,))
    with session_of(lesson) as session:
        session.is_live = True
        said = []
        looks = ["status", "log", "events 500", "messages", "why", "why no leader", "why not committed 0"]
        looks += [f"why {node}{rejected}" for node in range(4) for rejected in ("", " rejected")]
        looks += ["branches", "now", "help", f"save {tmp_path}/before.txt"]
        for line in looks:
            said += [session.perform(bound).result() for bound in bind(line, session)]
        assert session.view().snapshot.bugs == ("unnamed",)
        said += solve(session, bug)
        for line in looks[:-1]:
            said.append(session.perform(bind(line, session)[0]).result())
        session.perform(bind(f"save {tmp_path}/after.txt", session)[0]).result()
    said += [file.read_text() for file in tmp_path.iterdir()]
    assert len(list(tmp_path.iterdir())) == 2
    assert not [text for text in said if bug in text]
    assert "a bug was on that the reader is to find" in said[-1]


def test_the_commands_that_were_used_are_the_score() -> None:
    lesson = replace(lesson_named("find-the-bug"), mystery=("half-is-majority",))
    reader, typist = read(lesson, "status", *SOLUTIONS["half-is-majority"].split("; "), "", "1", "")
    assert reader.is_over
    assert "You did it, with 5 commands." in typist.text
    assert reader.tally.score.commands == 5
    assert "half-is-majority" not in typist.text.split("play > status")[1].split("Step 2 of 2")[0]
