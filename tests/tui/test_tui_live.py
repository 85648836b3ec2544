"""The screen over a session that lives: time goes by, commands wait, futures branch."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from support.tui import NAMES, app_of, pressed, session_of, shown, until
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.explore.search.command import explore
from raftplay.explore.search.sweep import Search
from raftplay.run.live import Live
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.tui.app import RaftApp
from raftplay.tui.play import Player
from raftplay.watch.facts import Frozen


def lived(
    what: Callable[[RaftApp, Pilot[None]], Awaitable[Any]], *, speed: float = 1.0, paused: bool = False
) -> Any:
    """What `what` gives while the app runs over a live session in virtual time."""
    session = session_of()
    session.harness.set_speed(speed)
    if paused:
        session.harness.pause()
    driver = Live(session)
    app = app_of(driver)

    async def run() -> Any:
        async with shown(app) as pilot:
            return await what(app, pilot)

    try:
        return asyncio.run(run())
    finally:
        driver.close()


def test_time_goes_by_on_its_own_and_stands_still_when_paused() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, lambda: app.seen.snapshot.leader is not None)
        await pilot.press("space")
        await until(app, pilot, lambda: app.seen.snapshot.paused)
        frame = await pressed(pilot)
        assert "PAUSED" in frame[0]
        assert await pressed(pilot) == frame
        await pilot.press("space")
        await until(app, pilot, lambda: not app.seen.snapshot.paused)

    lived(watch)


def test_a_wait_is_shown_while_it_lasts_and_ctrl_c_ends_it() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> str:
        app.do("wait term > 100 within 1000s")
        await until(app, pilot, lambda: app.deck.busy)
        assert any("Ctrl+C ends it" in line for line in await pressed(pilot))
        await pilot.press("ctrl+c")
        await until(app, pilot, lambda: app.deck.busy is None and app.deck.outcome)
        assert app.is_running
        assert app.deck.outcome is not None
        return app.deck.outcome.answer

    assert lived(watch, speed=0.1) == "interrupted"


def test_the_answer_of_a_wait_comes_once_the_stage_has_shown_what_was_waited_for() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        app.watches, app.flight = True, 0.3
        app.paint()
        app.do("resume; wait leader", typed=True)
        await until(app, pilot, lambda: app.deck.outcome and app.deck.outcome.text == "wait leader")
        assert app.seen.snapshot.leader is not None
        app.leave_pace()

    lived(watch, paused=True)


def test_keys_work_while_a_command_waits() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        app.do("wait term > 100 within 1000s")
        await until(app, pilot, lambda: app.deck.busy)
        await pilot.press("3", "m")
        assert (app.deck.selected, app.deck.pane) == (3, "messages")
        await pilot.press("ctrl+c")
        await until(app, pilot, lambda: app.deck.busy is None)

    lived(watch, speed=0.1)


def test_keys_that_steer_and_act_are_not_deaf_while_a_command_waits() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, lambda: app.seen.snapshot.leader is not None)
        app.do("wait term > 100 within 1000s", typed=True)
        await until(app, pilot, lambda: app.deck.busy)
        await pilot.press("2", "c")
        await until(app, pilot, lambda: not app.seen.snapshot.nodes[2].alive)
        await pilot.press("[")
        await until(app, pilot, lambda: app.seen.snapshot.speed == 0.5)
        await pilot.press("space")
        await until(app, pilot, lambda: app.seen.snapshot.paused)
        assert app.deck.busy
        answers = [line for line in await pressed(pilot) if "wait term" in line or "time stands still" in line]
        assert len(answers) == 2
        await pilot.press("left")
        await until(app, pilot, lambda: app.seen.rewound)
        await pilot.press("3", "c")
        await until(app, pilot, lambda: app.deck.waiting)
        assert any("crash 3  behind `wait term > 100" in line for line in await pressed(pilot))
        assert any("(Ctrl+C ends it)" in line for line in await pressed(pilot))
        await pilot.press("ctrl+c")
        await until(app, pilot, lambda: app.deck.busy is None and not app.deck.waiting)
        assert app.seen.rewound
        assert app.seen.snapshot.nodes[3].alive

    lived(watch)


def test_a_command_in_the_past_begins_another_future_and_both_can_be_returned_to() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, lambda: app.seen.snapshot.leader is not None)
        await pilot.press("space")
        await until(app, pilot, lambda: app.seen.snapshot.paused)
        await pilot.press("shift+left")
        await until(app, pilot, lambda: app.seen.rewound)
        assert "REWOUND" in (await pressed(pilot))[0]
        await pilot.press("2", "c")
        await until(app, pilot, lambda: app.seen.branch == "b1")
        assert not app.seen.snapshot.nodes[2].alive
        assert "branch b1" in (await pressed(pilot))[0]
        app.do("switch main")
        await until(app, pilot, lambda: app.seen.branch == "main")
        assert app.seen.snapshot.nodes[2].alive

    lived(watch)


def test_another_cluster_is_begun_and_left_on_the_screen_whatever_its_size() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        app.watches, app.stops, app.flight = True, False, 0.05
        await until(app, pilot, lambda: app.seen.snapshot.leader is not None)
        app.deck.select(4)
        app.do("new nodes=3 bug=longer-log-wins watch='Log Matching'")
        await until(app, pilot, lambda: app.seen.branch == "b1")
        assert (len(app.seen.snapshot.nodes), app.deck.watched) == (3, ("Log Matching",))
        assert app.deck.selected == 2
        await pilot.press("enter", "escape")  # the menu of the selected node, which must be one of the three
        app.do("new nodes=9 watch=all")
        await until(app, pilot, lambda: app.seen.branch == "b2" and app.seen.snapshot.leader is not None)
        assert len(app.seen.snapshot.nodes) == 9
        app.do("timers align")
        await until(app, pilot, lambda: "crash it first" in app.deck.outcome.answer if app.deck.outcome else False)
        app.do("switch main")
        await until(app, pilot, lambda: app.seen.branch == "main")
        assert len(app.seen.snapshot.nodes) == 5
        assert app.deck.watched == NAMES

    lived(watch)


def test_a_session_of_keys_is_saved_as_a_script(tmp_path: Path) -> None:
    file = tmp_path / "session.txt"

    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, lambda: app.seen.snapshot.leader is not None)
        await pilot.press("s", "2", "c")
        await until(app, pilot, lambda: not app.seen.snapshot.nodes[2].alive)
        app.do(f"save {file}")
        await until(app, pilot, file.exists)

    lived(watch)
    lines = file.read_text("utf-8").split("\n")
    assert "submit 1" in lines
    assert "crash 2" in lines


def test_steps_go_message_by_message() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        before = app.seen.snapshot.time
        await pilot.press(".")
        await until(app, pilot, lambda: app.seen.snapshot.time > before and app.deck.outcome)
        assert app.seen.snapshot.paused
        assert app.deck.outcome is not None
        assert "election timer of n1" in app.deck.outcome.answer

    lived(watch, paused=True)


def test_a_counterexample_is_opened_where_it_breaks(tmp_path: Path) -> None:
    file = tmp_path / "counterexample.txt"
    search = Search(range(5, 6), seconds=4.0, bugs=("double-count-vote",), first_seed=1, seeds=200, jobs=1)
    explore(search, lambda _: None, out=file, shrink_limit=5.0, again="", watch=lambda _: None)
    script = parse_script(str(file), file.read_text("utf-8"), Setup())
    with opened(script.setup) as session:
        session.harness.set_speed(100.0)
        session.harness.pause()
        driver = Live(session)
        player = Player(script, driver, at_once=True, speed_after=0.1)
        app = app_of(driver, player=player)

        async def run() -> None:
            async with shown(app) as pilot:
                await until(app, pilot, lambda: app.seen.breach is not None and player.ended)
                await until(app, pilot, lambda: app.seen.snapshot.speed == 0.1)
                frame = "\n".join(await pressed(pilot))
                assert "BROKEN" in frame
                assert "an invariant broke" in frame, (player.ended, frame)
                assert app.deck.pane == "why"
                assert app.seen.snapshot.paused
                assert app.seen.breach is not None
                assert app.seen.records[-1].time == app.seen.breach.time  # at the guilty event
                await pilot.press("left")
                await until(app, pilot, lambda: app.seen.rewound)

        try:
            asyncio.run(run())
        finally:
            driver.close()


def test_a_mark_names_the_moment_that_is_shown_and_behind_a_deed_the_present() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        app.watches = True
        await until(app, pilot, lambda: app.playhead is not None)
        playhead, branch = app.playhead, app.driver.session.branch
        assert playhead is not None
        await until(app, pilot, lambda: playhead.is_behind)
        playhead.hold(True)
        await pilot.press(":", *"mark here", "enter")
        await until(app, pilot, lambda: "here" in branch.marks)
        assert branch.marks["here"].seq == playhead.seq < branch.history.last_seq
        assert branch.marks["here"].time == app.shown_time
        app.do("freeze 1; mark there", typed=True)
        await until(app, pilot, lambda: "there" in branch.marks)
        assert branch.marks["there"].seq > branch.marks["here"].seq
        assert isinstance(branch.history.record(branch.marks["there"].seq).event, Frozen)

    lived(watch)
