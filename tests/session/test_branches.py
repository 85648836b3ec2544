"""The past of a simulated session can be played again up to any moment, and another future begin there."""

import random
from pathlib import Path

import pytest
from support.amount import several
from support.session import blueprint, do, held, live, perform, session_of, until

from raftplay.raft.decisions import TimerSet
from raftplay.run.runner import TextTranscript, opened, run_script
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
        cut = session.branch.cut_at(Mark(record.seq, record.time))
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
    assert f"n{leader.id} stops (by: crash leader)" in text
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


@pytest.mark.parametrize("seed", range(several(12)))
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


# ---- another cluster


def test_new_begins_another_cluster_and_switch_returns_to_the_one_before(tmp_path: Path):
    with live(3, seed=7) as lively:
        held(lively, "wait leader; submit x; let old = leader; sleep 50ms")
        answer = held(lively, "new nodes=5 prevote=on bug=reset-vote seed=3 heartbeat=40ms watch='Log Matching'")
        assert answer == (
            "branch b1: nodes 5, backend sim, seed 3, timing heartbeat=40ms, set prevote on, bug reset-vote, "
            "watch Log Matching; switch main returns to the cluster before"
        )
        now = lively.view().snapshot
        assert (len(now.nodes), now.seed, now.bugs, now.time < 1.0) == (5, 3, ("reset-vote",), True)
        assert do(lively, "freeze $old").status is Status.MISUSED  # a variable of the other cluster
        assert "another cluster (nodes 5, backend sim, seed 3" in held(lively, "branches")
        saved = tmp_path / "new.txt"
        assert f"{saved}: 1 command of branch b1; run" in held(lively, f"wait leader; save {saved}")
        before = lively.session.branches["main"].harness.now
        assert held(lively, "switch main") == f"branch main, at {before:.3f} s"
        held(lively, "expect committed x; freeze $old")
        assert "are clusters of different sizes" in do(lively, "diff main b1").answer
        text = saved.read_text()
        assert "nodes 5\nbackend sim\nseed 3\ntiming heartbeat=40ms\nset prevote on\nbug reset-vote\n" in text
        script = parse_script("saved", text)
        assert run_script(script, TextTranscript(lambda _: None)) is Status.HELD


def test_new_keeps_what_is_not_given_and_takes_back_what_is_said_to_be_none():
    with live(3, seed=7, bugs=("reset-vote",)) as lively:
        held(lively, "new seed=8")
        held(lively, "new bug=none noop=on watch='Log Matching'")
        held(lively, "new watch=all noop=off")
        held(lively, "new")
        plans = [branch.blueprint for branch in lively.session.branches.values()]
        assert [(p.nodes, p.seed, p.config.bugs, p.config.raft.noop, p.watched) for p in plans if p] == [
            (3, 7, ("reset-vote",), False, ()),
            (3, 8, ("reset-vote",), False, ()),
            (3, 8, (), True, ("Log Matching",)),
            (3, 8, (), False, ()),
            (3, 8, (), False, ()),
        ]
        assert held(lively, "wait leader; diff b3 b4; diff main b1").startswith("they part at")


def test_new_takes_a_number_for_snapshots_and_takes_it_back():
    session, _ = told("wait leader")
    session.is_live = True
    assert perform(session, "new snapshot=5")[0].startswith("branch b1: ")
    assert session.blueprint is not None
    assert session.blueprint.config.raft.snapshot == 5
    assert perform(session, "new snapshot=off")[0].startswith("branch b2: ")
    assert session.blueprint.config.raft.snapshot == 0
    assert "set snapshot takes a number" in perform(session, "new snapshot=on")[0]
    session.close()


def test_the_past_of_another_cluster_is_played_again_as_that_cluster():
    with live(3, seed=7) as lively:
        held(lively, "new nodes=5 seed=3; wait leader; pause")
        answer = held(lively, "goto 10ms; freeze 4; status")
        assert answer.splitlines()[5].startswith("4     Follower")
        lines = held(lively, "branches").splitlines()
        assert lines[1].startswith("  b1    another cluster (nodes 5")
        assert lines[2].startswith("* b2    from b1 at 0.010 s")


def test_a_new_cluster_stands_still_if_the_one_before_does():
    with live(3) as lively:
        held(lively, "pause; new")
        assert lively.session.harness.paused
        assert lively.session.script_text().splitlines()[-1] == "pause"
        held(lively, "resume; wait leader; back; new")  # time went on before the look at the past
        assert not lively.session.harness.paused


def test_a_cluster_on_sockets_stands_still_while_another_is_played():
    with live(3, backend="tcp") as lively:
        held(lively, "wait leader; submit x; wait committed x; let old = leader")
        first = lively.session.harness
        held(lively, "new backend=sim nodes=4")
        until(lambda: first.paused)
        stopped = first.now
        held(lively, "wait leader; new backend=tcp; wait leader")
        assert first.now == stopped
        held(lively, "switch main")
        held(lively, "expect leader is $old; sleep 100ms; expect leader is $old")
        assert not first.paused
        held(lively, "pause; new; switch main")
        assert first.paused  # as it was left


def test_record_says_that_it_goes_on_with_the_new_cluster(tmp_path: Path):
    file = tmp_path / "story.txt"
    with live(3) as lively:
        held(lively, f"record {file}; wait leader")
        assert "; the file of record holds the story of b1 from now on" in held(lively, "new nodes=2")
        held(lively, "wait leader")
        assert "nodes 2" in file.read_text()


def test_the_trace_of_a_session_keeps_to_its_first_cluster(tmp_path: Path):
    setup = parse_script("x", "nodes 3\nbackend sim\nseed 7").setup
    file = tmp_path / "run.jsonl"
    with opened(setup, file) as session, session:
        session.is_live = True
        perform(session, "wait leader", "new nodes=5", "wait leader", "pause", "back 5", "freeze 0", "switch main")
        assert list(session.branches) == ["main", "b1", "b2"]
    assert '"branch"' not in file.read_text()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("new foo=1", "unknown setting 'foo'; new knows nodes, seed, backend"),
        ("new node=5", "is neither a file ending with .py nor a module"),
        ("new nodes", "the value of nodes is missing; write nodes=5"),
        ("new watch=", "the value of watch is missing; write watch=Election Safety"),
        ("new nodes=26", "it must be a whole number from 1 to 25"),
        ("new nodes=3 nodes=4", "nodes stands twice"),
        ("new bug=reset-vot", "did you mean 'reset-vote'?"),
        ("new election=1..2", "write 150..300ms"),
        ("new prevote=maybe", "use on or off"),
        ("new backend=udp", "use sim or tcp"),
    ],
)
def test_what_is_wrong_about_a_new_cluster_is_said_and_nothing_happens(line: str, answer: str):
    with live(3) as lively:
        refused = do(lively, line)
        assert refused.status is Status.MISUSED
        assert answer in refused.answer
        assert list(lively.session.branches) == ["main"]


def test_timings_of_a_new_cluster_that_cannot_work_are_told():
    with live(3) as lively:
        assert "timeouts from 50 ms: a follower's election timer can" in held(lively, "new election=50..90ms")


def test_a_data_directory_keeps_its_one_cluster(tmp_path: Path):
    setup = parse_script("x", "nodes 3\nbackend sim").setup
    with opened(setup, data_dir=tmp_path / "d") as session, session:
        session.is_live = True
        assert "a data directory keeps one cluster; leave" in perform(session, "new")[0]


# ---- timers set by hand


def test_timers_that_are_set_are_the_same_when_played_again_and_saved():
    session, seen = told(
        "timers align", "sleep 160ms", "timers spread at 30ms", "wait leader", "timers align at 5ms"
    )
    assert sum(isinstance(record.event, TimerSet) for record in seen) == 8
    again: list[Record] = []
    session.played_again(session.branch, session.branch.mark(), [again.append])
    assert again == seen
    assert "timers spread at 30ms" in session.script_text()
    session.close()
