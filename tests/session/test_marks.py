"""Moments have names: branches and saved scripts keep them, the tape shows them, completion offers them."""

import pytest
from support.session import blueprint, held, live, perform, session_of
from support.tui import view_after

from raftplay.language.completion import complete
from raftplay.run.runner import opened
from raftplay.run.script import ScriptRefused, Step, parse_script
from raftplay.session.branches import time_text
from raftplay.session.session import Session
from raftplay.tui.stage.tape import TapeRow, draw, tape_of


def marked() -> Session:
    """A session in which three moments have names: two when they were the present, one when it was past."""
    session = session_of(blueprint(3))
    perform(session, "timeout 0; wait leader is 0; mark led", "submit 1; wait committed 1; sleep 20ms; mark late")
    perform(session, "goto 5ms; mark early; live")
    return session


def times(session: Session) -> dict[str, str]:
    return {name: time_text(moment.time) for name, moment in session.branch.marks.items()}


def test_a_branch_has_the_marks_of_its_own_past():
    with marked() as session:
        end = times(session)
        perform(session, "goto led; freeze 1")
        assert session.branch.name == "b1"
        assert sorted(session.branch.marks) == ["led"] if end["led"] < end["early"] else ["early", "led"]
        assert session.branch.marks["led"] == session.branches["main"].marks["led"]
        assert perform(session, "switch main; goto late; switch b1")[1] == "this is the present"
        assert times(session)["led"] == end["led"]
        perform(session, "switch main")
        assert times(session) == end


def test_a_mark_that_another_branch_has_is_refused_with_its_name():
    with marked() as session:
        perform(session, "goto led; freeze 1")
        assert perform(session, "goto late") == ["UsageError: branch b1 has no mark 'late'"]
        assert session.moment is None


def test_a_saved_script_names_the_same_moments():
    with marked() as session:
        text, wanted = session.script_text(), times(session)
        events = session.history.last_seq
    assert [line for line in text.splitlines() if line.startswith("mark")] == [
        "mark led",
        "mark late",
        "mark early",
    ]
    script = parse_script("saved.txt", text)
    with opened(script.setup) as again, again:
        for step in (item for item in script.items if isinstance(item, Step)):
            again.perform(step.bound).result()
        assert (times(again), again.history.last_seq) == (wanted, events)


def test_on_sockets_a_saved_script_says_when_a_past_moment_was():
    with session_of(blueprint(3, backend="tcp")) as session:
        perform(session, "wait leader; back 1; mark before; live")
        when = times(session)["before"]
        assert session.script_text().endswith(f"# mark before was at {when}\n")


def test_a_mark_in_the_middle_of_a_wait_is_kept_where_it_was():
    with live(3, speed=100.0) as lively:
        waiting = lively.run("wait leader; sleep 20s")
        held(lively, "mark inside")
        assert waiting.result(60)[-1].held
        session = lively.session
        again = session.played_again(session.branch, session.branch.mark())
        assert again.marks == session.branch.marks
        assert again.history.record(again.marks["inside"].seq) == session.history.record(again.marks["inside"].seq)
        again.harness.shutdown()


def test_a_mark_that_is_set_again_says_where_it_was():
    with marked() as session:
        before = session.branch.marks["led"].time
        answer = perform(session, "mark led")[0]
        assert answer == f"led is {session.harness.now:.3f} s (it was {before:.3f} s)"


def test_a_mark_whose_events_are_forgotten_is_no_place_to_go():
    with session_of(blueprint(3), limit=100) as session:
        perform(session, "mark first; wait leader; sleep 5s")
        assert "are not kept (only the last 100 events)" in perform(session, "goto first")[0]
        assert session.moment is None


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("goto here", "there is no mark 'here'; write a time such as 250ms, or first: mark here"),
        ("mark there; goto their", "there is no mark 'their'; did you mean 'there'?"),
        ("mark 5ms", "invalid name '5ms': use letters, digits and _, such as before"),
        ("mark a b", "unexpected argument 'b'; usage: mark [NAME]"),
    ],
)
def test_a_wrong_name_is_a_mistake_before_anything_runs(line: str, mistake: str):
    with pytest.raises(ScriptRefused) as refused:
        parse_script("x", line)
    assert [str(one) for one in refused.value.mistakes] == [mistake]


def test_marks_are_offered_with_their_times():
    with marked() as session:
        offered = {found.text: found.help for found in complete("goto ", 5, session)}
        led = session.branch.marks["led"].time
        assert {"early", "late", "led"} <= set(offered)
        assert offered["led"] == f"{led:.3f} s"
        assert [found.text for found in complete("mark la", 7, session)] == ["late"]


def test_the_tape_names_marks_and_a_click_on_one_goes_there():
    view = view_after("timeout 0; wait leader is 0", "submit 1; wait committed 1; sleep 100ms", seed=3)
    tape = tape_of(view.records)
    seq = next(mark.seq for mark in tape.marks if mark.kind == "leader") + 4
    ruler = draw([TapeRow("", tape)], 100, 2, labels={seq: "@here", 1: "#1"})[1][1:]
    text = "".join(piece.text for piece in ruler)
    at = text.index("@here")
    assert {piece.target for piece in ruler[at : at + 5]} == {("tape", seq)}
    assert "#1" in text
