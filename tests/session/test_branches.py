"""The past of a simulated session can be played again up to any moment, and another future begin there."""

import random

import pytest
from support.session import blueprint, do, held, live, perform, session_of, until

from raftplay.run.runner import TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session.branches import Mark, shortest_between, time_text
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.watch.facts import Record

STORY = (
    "wait leader",
    "let old = leader",
    "submit 1; wait committed 1",
    "goto 0.5s",
    "crash $old; wait leader is not $old",
    "submit 2",
    "restart $old",
    "pause; step 5; submit 3; hold 1->2; step 3; release 1->2; resume",
    "wait no leader within 300ms",  # it fails: time passes all the same
    "partition 0 | 1,2; sleep 400ms; heal",
    "wait agree",
)
"""All kinds of commands: those that act, wait, fail, step, and take time of their own."""


def told(*lines: str, **choices: object) -> tuple[Session, list[Record]]:
    """A session in which this was done, and all that happened."""
    seen: list[Record] = []
    session = session_of(blueprint(3, **choices), (seen.append,))  # type: ignore[arg-type]
    perform(session, *lines)
    return session, seen


def test_the_whole_story_played_again_is_the_same_to_the_last_event():
    session, seen = told(*STORY)
    again: list[Record] = []
    session.played_again(session.branch, session.branch.mark(), [again.append])
    assert again == seen
    assert len(seen) > 300


def test_the_story_can_be_played_again_up_to_any_event():
    session, seen = told(*STORY)
    for record in seen[:: max(1, len(seen) // 60)]:
        again: list[Record] = []
        cut = session._cut_at(Mark(record.seq, record.time))
        branch = session.played_again(session.branch, cut, [again.append])
        assert again == seen[: len(again)]
        # What happens at one instant, and what one command does, is not divided.
        assert len(again) >= record.seq
        beyond = again[record.seq :]
        restart = [e for e in branch.journal if e.text.startswith("restart")]
        assert all(r.time == record.time for r in beyond) or restart[-1].end.seq >= record.seq
        branch.harness.shutdown()


def test_while_paused_single_commands_and_steps_are_told_apart():
    session, seen = told("wait leader; pause; freeze 0; freeze 1; step 4; thaw 0; thaw 1")
    names = [type(record.event).__name__ for record in seen]
    between = names.index("Frozen") + 1
    again: list[Record] = []
    branch = session.played_again(session.branch, Mark(between, seen[between - 1].time), [again.append])
    assert again == seen[:between]
    assert [server.frozen for server in branch.harness.cluster] == [True, False, False]
    assert branch.harness.paused
    first_step = next(at for at in range(between + 1, len(seen)) if seen[at].time > seen[between].time)
    again.clear()
    branch = session.played_again(session.branch, Mark(first_step + 1, seen[first_step].time), [again.append])
    assert again == seen[: len(again)]
    assert first_step + 1 <= len(again) < len(seen)
    assert branch.journal[-1].text.startswith("step ")


def test_a_command_in_the_past_begins_another_future_and_both_stay():
    session, seen = told("wait leader; submit 1; wait committed 1; sleep 100ms")
    leader = session.harness.snapshot().leader
    assert leader is not None
    end = session.harness.now
    perform(session, "goto 0.2s")
    assert session.moment is not None
    assert perform(session, "crash leader") == [f"branch b1 begins at 0.200 s\nnode {leader.id} crashed"]
    assert session.moment is None
    assert (session.branch.name, session.harness.now) == ("b1", 0.2)
    perform(session, "wait leader")
    assert perform(session, "branches")[0].startswith("  main  from the start, now 0.")
    assert "* b1    from main at 0.200 s" in perform(session, "branches")[0]
    assert perform(session, "switch main") == [f"branch main, at {end:.3f} s"]
    assert session.harness.alive == [True] * 3
    assert "committed at index 0 on 3 of 3" in perform(session, "expect committed 1")[0]
    text = perform(session, "diff main b1")[0]
    assert "they part at 0.2" in text
    assert f"n{leader.id} is dead (by: crash leader)" in text
    assert f"n{leader.id}: Leader of term 1" in text
    session.close()
    assert len(seen) > 0


def test_variables_are_those_of_the_moment():
    session, _ = told("wait leader; let a = 1; sleep 10ms; let a = 2; let b = 3; sleep 10ms")
    moment = session.branch.journal[1].start.time
    perform(session, f"goto {time_text(moment + 0.001)}", "freeze 0")
    assert session.branch.name == "b1"
    assert session.variables == {"a": 1}
    perform(session, "switch main")
    assert session.variables == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("restart 0", "UsageError: node 0 is alive; only a crashed node can be restarted"),
        ("submit x", "Failed: there is no leader to submit to"),
    ],
)
def test_what_comes_to_nothing_in_the_past_begins_no_future(line: str, answer: str):
    session, _ = told("wait leader; sleep 50ms")
    perform(session, "goto 0.1s")
    moment = session.moment
    assert perform(session, line) == [answer]
    assert (list(session.branches), session.moment) == (["main"], moment)
    assert session.view().rewound
    perform(session, "live")
    assert not session.harness.paused
    session.close()


def test_two_branches_in_which_the_same_was_done_do_not_differ():
    session, _ = told("wait leader; submit 1; sleep 200ms")
    perform(session, "goto 0.3s", "sleep 50ms", "switch main")
    text = perform(session, "goto 0.3s", "sleep 50ms", "diff b1 b2")[-1]
    assert text.startswith("nothing differs in what happened")
    assert "with all nodes alike" in text


def test_there_is_a_limit_to_branches_and_it_is_said():
    session, _ = told("wait leader; sleep 50ms")
    for _ in range(15):
        perform(session, "switch main", "back", "freeze 0")
    perform(session, "switch main", "back")
    assert perform(session, "freeze 0")[0].startswith("UsageError: there are 16 branches already")
    assert session.moment is not None
    session.close()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("switch b9", "there is no branch 'b9'"),
        ("diff main b9", "there is no branch 'b9'"),
        ("diff main main", "main is main"),
        ("forward", "this is the present"),
        ("live", "this is the present"),
    ],
)
def test_what_is_wrong_about_branches_is_said(line: str, answer: str):
    session, _ = told("wait leader")
    assert answer in perform(session, line)[0]
    session.close()


def test_on_sockets_the_past_can_only_be_looked_at():
    with live(3, backend="tcp") as lively:
        held(lively, "wait leader; back 5")
        refused = do(lively, "crash 0")
        assert (refused.status, refused.answer) == (
            Status.MISUSED,
            "the past of a cluster on sockets can only be looked at; live brings you back",
        )
        assert do(lively, "expect leader").status is Status.MISUSED
        held(lively, "live; crash 0")


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_time_stands_still_while_the_past_is_looked_at_and_goes_on_after(backend: str):
    with live(3, backend=backend) as lively:
        held(lively, "wait leader; back 3")
        moment = lively.session.harness.now
        held(lively, "status; events; back; forward; back 2")
        assert lively.session.harness.now == moment
        assert lively.view().rewound
        held(lively, "live")
        held(lively, "sleep 50ms")
        held(lively, "pause; back; live")
        assert lively.session.harness.paused  # as it was before


def test_a_resume_in_the_past_leads_back_to_the_present():
    with live(3) as lively:
        held(lively, "wait leader; back 3; resume")
        assert not lively.view().rewound
        assert not lively.session.harness.paused


@pytest.mark.parametrize("seed", range(12))
def test_what_was_done_saved_and_run_comes_to_the_same_end(seed: int):
    rng = random.Random(seed)
    with live(3, seed=seed, speed=30.0) as lively:
        for _ in range(25):
            lively.run(rng.choice(ACTS)).result(60)
        held(lively, "pause")
        session = lively.session
        text = session.script_text()
        end = session.harness.snapshot()
        session.harness.resume()
    lines: list[str] = []
    ends = []

    class Ending(TextTranscript):
        def step(self, step, time, answer):  # type: ignore[no-untyped-def]
            ends.append(self.harness.snapshot())

        def begin(self, script, harness):  # type: ignore[no-untyped-def]
            self.harness = harness

    run_script(parse_script("saved", text), Ending(lines.append))
    assert ends[-1].nodes == end.nodes
    assert ends[-1].time == end.time


ACTS = (
    "wait leader",
    "wait leader within 80ms",
    "submit x",
    "submit y to 1",
    "crash 0",
    "restart crashed",
    "restart 0,1",
    "crash leader",
    "pause",
    "step",
    "step 4",
    "resume",
    "sleep 30ms",
    "partition 0 | 1,2",
    "heal",
    "hold 0->1,2",
    "release all",
    "duplicate all",
    "lose all",
    "timeout 2",
    "speed 50",
    "speed 25",
    "expect no leader",
    "freeze 1",
    "thaw all",
    "link all loss=20% delay=1..9ms dup=10%",
    "disconnect leader",
    "reconnect 0,2",
    "let x = leader; submit z to $x",
)


@pytest.mark.parametrize("number", [0.0, 0.1, 0.15732498234, 1e-9, 123456.789, 1 / 3, 2e-17])
def test_a_moment_reads_back_as_it_was(number: float):
    text = time_text(number)
    assert float(text.removesuffix("s")) == number
    assert "e" not in text


@pytest.mark.parametrize(
    ("low", "high", "number"),
    [
        (0.1234, 0.2, 0.124),
        (0.12341, 0.12342, 0.12341),
        (0.5, 0.5, 0.5),
        (0.5, 0.7, 0.5),
        (0.1234567, 0.1235, 0.12346),
    ],
)
def test_the_shortest_number_between_two(low: float, high: float, number: float):
    assert shortest_between(low, high) == number


def test_what_was_submitted_is_under_way_for_whoever_looks_and_that_is_kept():
    session, seen = told("wait leader; submit 1")
    assert "entry 0 [1]" in perform(session, "messages")[0]
    perform(session, "submit 2; status; log; submit 3; sleep 1ms")
    again: list[Record] = []
    session.played_again(session.branch, session.branch.mark(), [again.append])
    assert again == seen
    assert [entry.text for entry in session.branch.journal] == [
        "wait leader",
        "submit 1",
        "now",
        "submit 2",
        "now",
        "submit 3",
        "sleep 1ms",
    ]


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_while_time_stands_still_a_submit_is_under_way_at_once(backend: str):
    session = session_of(blueprint(3, backend=backend))
    perform(session, "wait leader; pause; submit 1")

    def sent() -> int:
        return sum(bool(getattr(flight.message, "entries", ())) for flight in session.view().messages)

    until(lambda: sent() == 2)  # on sockets they are in the system's hands for a moment
    session.close()
