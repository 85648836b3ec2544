"""``repeat N`` … ``end``: what it unrolls into, where it may stand, and its mistakes."""

import pytest
from support.language import held, mistake, ran, refused
from support.lessons import lesson_of
from support.lessons import refused as lesson_refused
from support.session import blueprint, perform, session_of

from raftplay.language.repeats import MAX_UNROLLED
from raftplay.language.table import bind
from raftplay.lessons.steps import Unseen
from raftplay.run.captions import captions_of, parts_of
from raftplay.run.runner import Status
from raftplay.run.script import parse_script


def commands(text: str) -> list[str]:
    return [step.bound.text for step in parse_script("script", text).steps]


def test_a_repeat_becomes_its_commands_as_often_as_it_says() -> None:
    assert commands("repeat 3\nsubmit a\nstep\nend\nnow") == ["submit a", "step"] * 3 + ["now"]
    assert commands("repeat 2; repeat 2; step; end; now; end") == ["step", "step", "now"] * 2


def test_the_transcript_counts_the_rounds() -> None:
    run = held("repeat 2\n# Again.\nnow\nend")
    assert [(o["kind"], o.get("text", o.get("command"))) for o in run.objects[1:-1]] == [
        ("comment", "round 1 of 2"), ("comment", "Again."), ("step", "now"),
        ("comment", "round 2 of 2"), ("step", "now"),
    ]  # fmt: skip


def test_a_failure_ends_all_rounds() -> None:
    run = ran("repeat 3\nexpect leader\nend")
    assert (run.status, len(run.steps)) == (Status.FAILED, 1)


def test_a_presentation_shows_the_rounds_as_captions() -> None:
    parts = parts_of(parse_script("script", "repeat 2\n# Again.\nnow\nend"))
    assert [caption.lines for caption in captions_of(parts)] == [("round 1 of 2", "Again."), ("round 2 of 2",)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("repeat 3\nnow", 1, "this repeat has no end; write `end` after its last command"),
        ("now\nend", 2, "end has no repeat before it; write: repeat N … end"),
        ("repeat 3\nend", 2, "nothing stands between repeat and end"),
        ("repeat 2;" * 5 + "now" + ";end" * 4, 1, "repeats may stand at most 4 deep"),
        ("repeat 0; now; end", 1, "invalid number '0': it must be a whole number from 1 to 10000"),
        ("repeat 2\nnodes 3\nnow\nend", 2, "nodes must stand before the first other command"),
        ("repeat 200; repeat 200; now; end; end", 1,
         f"with this repeat there are more than {MAX_UNROLLED} commands; repeat fewer times"),
    ],
)  # fmt: skip
def test_wrong_nesting_is_one_sentence_with_its_line(text: str, line: int, message: str) -> None:
    found = refused(text)[0]
    assert (found.line, found.message) == (line, message)


def test_a_typed_line_repeats_too_and_the_journal_keeps_every_command() -> None:
    with session_of(blueprint(3)) as session:
        for bound in bind("repeat 3; submit x to 0; end", session):
            session.perform(bound).result()
        assert session.script_text().count("submit x to 0") == 3
        perform(session, "now")


def test_a_lesson_repeats_within_one_line_also_where_nobody_sees_it() -> None:
    lesson = lesson_of("step S\nunseen repeat 3; step; end\nsay Here.")
    assert sum(isinstance(item, Unseen) for item in lesson.steps[0].items) == 3
    messages = [found.message for found in lesson_refused("step S\nrepeat 3\nstep\nend\nsay Here.")]
    assert messages[0] == "in a lesson, a repeat stands in one line: repeat 3; submit x; end"


def test_a_mistake_in_a_repeat_is_named_once() -> None:
    assert mistake("repeat 3; crush; end") == (11, "there is no command 'crush'; did you mean 'crash'?")
