"""A session that lives: commands one after another, time that goes by in between, and interrupts."""

import threading
from contextlib import suppress

import pytest
from support.session import blueprint, do, held, live, session_of, until

from raftplay.cluster.waits import Interrupted
from raftplay.commands.setup import Setup
from raftplay.language.lexer import Mistake
from raftplay.language.table import bind
from raftplay.run.live import Live
from raftplay.run.script import parse_script
from raftplay.session.errors import Failed
from raftplay.session.status import Status
from raftplay.watch.facts import Record

BACKENDS = pytest.mark.parametrize("backend", ["sim", "tcp"])


@BACKENDS
def test_commands_are_answered_and_the_cluster_lives_on_between_them(backend: str):
    with live(3, backend=backend) as lively:
        assert "leads term" in held(lively, "wait leader")
        begin = lively.view().snapshot.time
        until(lambda: lively.view().snapshot.time > begin + 0.2)
        assert held(lively, "submit x; wait committed x").startswith("x is committed at index 0")


@BACKENDS
def test_a_line_ends_at_the_first_command_that_does_not_hold(backend: str):
    with live(3, backend=backend) as lively:
        held(lively, "wait leader")
        outcomes = lively.run("now; expect no leader; crash all").result(60)
        assert [o.status for o in outcomes] == [Status.HELD, Status.FAILED]
        assert all(node.alive for node in lively.view().snapshot.nodes)


@BACKENDS
def test_mistakes_are_outcomes_with_their_place(backend: str):
    with live(3, backend=backend) as lively:
        unread = do(lively, "crash 7")
        assert unread.status is Status.MISUSED
        assert isinstance(unread.failure, Mistake)
        assert (unread.failure.column, unread.answer) == (7, "there is no node 7; the nodes are 0 to 2")
        wrong = do(lively, "restart 0")
        assert (wrong.status, wrong.answer) == (
            Status.MISUSED,
            "node 0 is alive; only a crashed node can be restarted",
        )
        assert lively.run("  # nothing").result(60) == []


@BACKENDS
def test_a_wait_can_be_cancelled_and_the_rest_of_its_line_with_it(backend: str):
    with live(3, backend=backend) as lively:
        held(lively, "wait leader")
        future = lively.run("wait no leader within 10m; crash all")
        until(lambda: lively.busy is not None)
        assert lively.cancel()
        outcomes = future.result(60)
        assert [o.status for o in outcomes] == [Status.INTERRUPTED]
        assert lively.busy is None
        assert not lively.cancel()  # nothing is under way
        assert "leads" in held(lively, "wait leader")  # and the next wait waits


@BACKENDS
def test_cancelling_again_and_again_never_ends_the_wrong_wait(backend: str):
    with live(3, backend=backend) as lively:
        held(lively, "wait leader")
        for _ in range(30):
            future = lively.run("wait no leader within 10m")
            while not future.done():
                lively.cancel()
            assert future.result(60)[0].status is Status.INTERRUPTED
            assert held(lively, "sleep 1ms") == ""


@BACKENDS
def test_a_breach_while_nobody_acts_stops_the_world_and_is_told(backend: str):
    with live(2, backend=backend, bugs=("forget-vote",)) as lively:
        until(lambda: lively.view().breach is not None)
        stopped = lively.view()
        assert stopped.snapshot.paused
        assert stopped.breach is not None
        assert held(lively, "status")  # looking works on
        assert lively.view().snapshot.time == stopped.snapshot.time


@BACKENDS
def test_closing_interrupts_what_is_under_way_and_answers_everyone(backend: str):
    with live(3, backend=backend) as lively:
        futures = [lively.run("wait leader is 2 within 10m; sleep 10m"), lively.run("status"), lively.run("now")]
        until(lambda: lively.busy is not None)
    assert all(future.done() for future in futures)
    assert lively.run("status").result(1)[0].status is Status.FAILED
    assert not [t for t in threading.enumerate() if t.name == "raftplay-session"]


def test_what_is_done_in_virtual_time_happens_at_moments_with_few_digits():
    with live(3, speed=1.0) as lively:
        for _ in range(5):
            held(lively, "freeze 0; thaw 0")
        starts = {entry.start.time for entry in lively.session.branch.journal}
        assert all(round(start, 3) == start for start in starts)
        held(lively, "speed 0.01; pause")


def test_looking_leaves_no_trace_in_the_journal():
    with live(3) as lively:
        for line in ("status", "log", "events", "messages", "now", "help", "branches"):
            held(lively, line)
        assert lively.session.branch.journal == []


def test_while_it_is_paused_virtual_time_stands_still_and_commands_work():
    with live(3) as lively:
        held(lively, "wait leader; pause")
        moment = lively.view().snapshot.time
        held(lively, "crash 0; restart 0; submit x to 1; messages")
        assert "paused" in do(lively, "sleep 1s").answer
        assert lively.view().snapshot.time == moment
        held(lively, "resume; wait leader")


def test_a_function_runs_in_the_session_s_thread_behind_the_lines_before_it():
    with live(3) as lively:
        first = lively.run("crash 0")
        name, alive = lively.call(
            lambda: (threading.current_thread().name, lively.session.harness.snapshot().nodes[0].alive)
        ).result(60)
        assert first.done()
        assert (name, alive) == ("raftplay-session", False)
        with pytest.raises(ZeroDivisionError):
            lively.call(lambda: 1 // 0).result(60)
        assert held(lively, "now")
    with pytest.raises(Interrupted):
        lively.call(lambda: None).result(60)


def test_what_a_function_is_about_is_under_way_and_can_be_cancelled():
    with live(3) as lively:
        future = lively.call(
            lambda: lively.session.perform(bind("sleep 10m", lively.session)[0]).result(), "sleep 10m"
        )
        until(lambda: lively.busy == "sleep 10m")
        assert lively.cancel()
        with pytest.raises(Interrupted):
            future.result(60)
        assert held(lively, "sleep 1ms") == ""


def test_time_may_stand_still_between_commands_and_pass_within_them():
    session = session_of(blueprint(3))
    session.harness.set_speed(20.0)
    lively = Live(session, stands_still=True)
    try:
        assert "leads" in held(lively, "wait leader")
        then = lively.call(lambda: session.harness.now).result(60)
        assert lively.call(lambda: session.harness.now).result(60) == then
        assert not session.harness.paused
        lively.stands_still = False
        session.harness.kick()
        until(lambda: session.harness.now > then)
        lively.stands_still = True
        session.harness.kick()
        stopped = lively.call(lambda: session.harness.now).result(60)
        assert lively.call(lambda: session.harness.now).result(60) == stopped
    finally:
        lively.close()


# ---- in the middle of a wait

LOOKS = ("status", "back 5; live", "speed 5; speed 20", "pause; resume", "now", "no such command")
"""What need not come behind a wait: looks, changes of the clock, and what is wrong anyway."""


@BACKENDS
def test_looks_and_changes_of_the_clock_are_done_in_the_middle_of_a_wait(backend: str):
    with live(3, backend=backend, speed=5.0) as lively:
        held(lively, "wait leader; submit x; wait committed x")
        long = lively.run("wait no leader within 10m")
        until(lambda: lively.busy is not None)
        for line in LOOKS:
            lively.run(line).result(60)
        assert not long.done()
        assert lively.cancel()
        assert [o.status for o in long.result(60)] == [Status.INTERRUPTED]


@BACKENDS
def test_keys_act_in_the_middle_of_a_wait_and_typed_lines_come_behind_it(backend: str):
    with live(3, backend=backend, speed=5.0) as lively:
        held(lively, "wait leader")
        long = lively.run("wait no leader within 10m")
        until(lambda: lively.busy is not None)
        typed = lively.run("submit typed")
        until(lambda: lively.waiting == ("submit typed",))
        assert lively.run("submit key", by_key=True).result(60)[0].held
        assert not typed.done()
        assert not long.done()
        assert lively.run("crash all", by_key=True).result(60)[0].held
        assert long.result(60)[0].held  # it saw what the key did
        assert "there is no leader" in typed.result(60)[0].answer


def test_a_wait_stands_still_with_time_and_goes_on_with_it():
    with live(3, speed=20.0) as lively:
        held(lively, "wait leader")
        sleep = lively.run("sleep 2s")
        until(lambda: lively.busy is not None)
        held_back = lively.run("pause", by_key=True).result(60)[0]
        assert held_back.held
        then = lively.view().snapshot.time
        behind = lively.run("sleep 1ms")
        until(lambda: lively.waiting == ("sleep 1ms",))
        assert lively.view().snapshot.time == then
        assert not sleep.done()
        held(lively, "resume")
        assert sleep.result(60)[0].held
        assert behind.result(60)[0].held
        assert [e for e in lively.session.branch.journal if e.text == "sleep 2s"][-1].failure  # not done twice


def test_the_past_is_looked_at_in_the_middle_of_a_wait_and_what_acts_there_comes_behind_it():
    with live(3, speed=20.0) as lively:
        held(lively, "wait leader")
        long = lively.run("wait no leader within 10m")
        until(lambda: lively.busy is not None)
        assert lively.run("back 10", by_key=True).result(60)[0].held
        assert lively.view().rewound
        acts = lively.run("crash 0", by_key=True)
        until(lambda: lively.waiting == ("crash 0",))
        assert lively.view().rewound
        assert lively.cancel()
        assert long.result(60)[0].status is Status.INTERRUPTED
        assert acts.result(60)[0].status is Status.INTERRUPTED
        assert list(lively.session.branches) == ["main"]


@BACKENDS
def test_an_interrupt_drops_what_comes_behind(backend: str):
    with live(3, backend=backend) as lively:
        held(lively, "wait leader")
        long = lively.run("wait no leader within 10m")
        until(lambda: lively.busy is not None)
        behind = [lively.run("crash 0"), lively.run("wait leader; crash 1"), lively.run("crash 2", is_script=True)]
        assert lively.cancel()
        assert [future.result(60)[0].status for future in (long, *behind)] == [Status.INTERRUPTED] * 4
        assert all("Ctrl+C dropped it" in future.result(60)[0].answer for future in behind)
        assert all(node.alive for node in lively.view().snapshot.nodes)
        assert lively.waiting == ()
        assert held(lively, "sleep 1ms") == ""


@pytest.mark.parametrize("long", ["sleep 3s", "wait no leader within 3s", "never no leader for 3s", "restart 2"])
def test_what_was_done_in_the_middle_of_a_wait_is_saved_and_comes_to_the_same_end(long: str):
    with live(3, speed=20.0) as lively:
        held(lively, "wait leader; crash 2; speed 0.1; submit a")
        future = lively.run(long)
        until(lambda: lively.busy is not None)
        for key in (
            "submit b",
            "back 3",
            "live",
            "submit c",
            "pause",
            "status",
            "step",
            "resume",
            "speed 20",
            "heal",
        ):
            lively.run(key, by_key=True)
        future.result(60)
        held(lively, "resume; wait committed c; pause")
        session = lively.session
        text = session.script_text()
        seen = session.history.records()
        again: list[Record] = []
        session.played_again(session.branch, session.branch.mark(), [again.append])
    assert again == seen, text
    ran: list[Record] = []
    script = parse_script("again", text, Setup())
    with session_of(blueprint(3), (ran.append,)) as fresh:
        for step in script.steps:
            with suppress(Failed):
                fresh.perform(step.bound).result()
        assert ran[: len(seen)] == seen, text


def test_what_fails_inside_while_nobody_acts_is_raised_to_whoever_looks():
    lively = Live(session_of(blueprint(3)))
    try:
        lively.session.harness.wait_until = lambda *_: 1 // 0  # type: ignore[method-assign,assignment]
        lively.run("now")
        with pytest.raises(ZeroDivisionError):
            until(lambda: lively.view() is None)
        with pytest.raises(ZeroDivisionError):
            lively.run("status").result(60)
    finally:
        lively.close()


@pytest.mark.parametrize("closes", [True, False])
def test_a_line_that_nobody_waits_for_any_more_harms_no_other(closes):
    begun, may_end = threading.Event(), threading.Event()

    def blocks() -> None:
        begun.set()
        may_end.wait(60)

    with live(3) as lively:
        try:
            lively.call(blocks)
            assert begun.wait(60)
            assert lively.run("status").cancel()
            if closes:
                closing = threading.Thread(target=lively.close)
                closing.start()
                may_end.set()
                closing.join(60)
                assert not closing.is_alive()
            else:
                may_end.set()
                assert held(lively, "now")
        finally:
            may_end.set()
