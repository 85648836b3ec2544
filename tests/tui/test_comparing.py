"""Comparing branches on the screen: it is opened by key or command, moved by keys and mouse, and left as it was."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.tui import app_of, done, played, pressed, session_of, still
from textual.geometry import Offset
from textual.pilot import Pilot

from raftplay.cluster.harness import Harness
from raftplay.past.history import History
from raftplay.run.live import Live
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session
from raftplay.tui import comparing, picture
from raftplay.tui.app import Main, RaftApp
from raftplay.tui.boxes import Box
from raftplay.tui.comparing import Comparing
from raftplay.tui.driver import Still
from raftplay.tui.keys import COMPARE_KEYS
from raftplay.tui.playhead import Playhead
from raftplay.tui.sheet import Sheet

STORY = (
    "wait leader; submit 1; wait committed 1 on 5",
    "sleep 400ms",
    "goto 0.17s",
    "crash leader",
    "sleep 500ms",
)

TITLE = " ◀ main and b1 "


def comparing_of(app: RaftApp) -> Comparing:
    screen = app.screen
    assert isinstance(screen, Comparing), screen
    return screen


async def typed(pilot: Pilot[None], line: str) -> list[str]:
    return await pressed(pilot, "colon", *("space" if char == " " else char for char in line), "enter")


def another_cluster(driver: Still) -> None:
    driver.session.is_live = True
    done(driver, "new nodes=3")


def on(app: RaftApp, what: Callable[[Pilot[None]], Any], size: tuple[int, int] = (120, 40)) -> Any:
    return played(app, what, size)


def test_d_compares_where_one_was_and_esc_goes_back_there() -> None:
    with still(*STORY, "back 40") as driver:
        app = app_of(driver)

        async def look(pilot: Pilot[None]) -> None:
            before = picture.frame(app)
            assert "[D] compare" in before[-1]
            where = driver.session.position
            assert (await pressed(pilot, "D"))[0].startswith(TITLE)
            await pressed(pilot, "left", "left", "shift+left", "right")
            assert driver.session.position == where
            assert await pressed(pilot, "escape") == before
            assert isinstance(app.screen, Main)

        on(app, look)


@pytest.mark.parametrize(
    ("line", "names"),
    [("diff main b1", "main and b1"), ("diff main", "b1 and main"), ("diff b1 main", "b1 and main")],
)
def test_a_typed_diff_opens_it(line: str, names: str) -> None:
    with still(*STORY) as driver:
        app = app_of(driver)
        lines = on(app, lambda pilot: typed(pilot, line))
    assert lines[0].startswith(f" ◀ {names} ")
    assert "in b1, crash leader" in lines[0]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("diff main b7", "there is no branch 'b7'"),
        ("diff b1", "b1 is b1"),
        ("diff main b2", "main and b2 are clusters of different sizes"),
    ],
)
def test_branches_that_cannot_be_compared_are_refused_in_a_sentence(line: str, answer: str) -> None:
    with still(*STORY) as driver:
        another_cluster(driver)
        done(driver, "switch b1")
        app = app_of(driver)
        lines = on(app, lambda pilot: typed(pilot, line))
    assert any(answer in text for text in lines), lines[-6:]


def test_without_another_branch_the_key_says_so_and_is_not_at_the_foot() -> None:
    with still("wait leader") as driver:
        app = app_of(driver)
        lines = on(app, lambda pilot: pressed(pilot, "D"), (200, 50))
        assert "[D]" not in lines[-1]
        assert any("there is no other branch of so many nodes" in line for line in lines)
    with still(*STORY) as driver:
        assert "[D] compare" in on(app_of(driver), pressed, (200, 50))[-1]


MOVES = {
    "left": lambda pair, at: pair.at == at - 1,
    "right": lambda pair, at: pair.at == at + 1,
    "shift+left": lambda pair, at: pair.at == at - 20,
    "shift+right": lambda pair, at: pair.at == at + 20,
    "ctrl+left": lambda pair, at: pair.at < at and is_marked(pair),
    "ctrl+right": lambda pair, at: pair.at > at and is_marked(pair),
    "home": lambda pair, _: pair.at == pair.parting,
    "end": lambda pair, _: pair.at == len(pair.steps) - 1,
}
"""Keys that move, and what holds then of the pair that was at a step."""


def is_marked(pair: Any) -> bool:
    return any(
        seq in {mark.seq for mark in side.tape.marks} for seq, side in zip(pair.step.seqs, pair.sides, strict=True)
    )


def test_every_key_moves_both_or_does_what_it_says() -> None:
    with still(*STORY) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> None:
            await pressed(pilot, "D")
            screen = comparing_of(app)
            for key, holds in MOVES.items():
                screen.pair.part()
                screen.pair.move(30)
                at = screen.pair.at
                await pressed(pilot, key)
                assert holds(screen.pair, at), key
            await pressed(pilot, "3")
            assert screen._selected == 3
            await pressed(pilot, "question_mark")
            assert isinstance(app.screen, Sheet)
            await pressed(pilot, "escape", "D")  # there is only one pair
            assert comparing_of(app)._names == ("main", "b1")
            await pressed(pilot, "tab")
            assert screen._front == 0

        on(app, press)
    others = {"tab", "D", "a", "question_mark", "escape"}
    assert {key.key for key in COMPARE_KEYS} == {*MOVES, *others}


def test_on_a_small_screen_tab_shows_the_other_side() -> None:
    with still(*STORY) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> tuple[list[str], list[str]]:
            return await pressed(pilot, "D"), await pressed(pilot, "tab")

        one, other = on(app, press, (80, 24))
    assert (one[1].split()[:2], other[1].split()[:2]) == (["main", "▸b1"], ["▸main", "b1"])
    assert one[-6:] == other[-6:]


def test_d_goes_on_to_the_next_branch() -> None:
    with still(*STORY, "goto 0.3s", "crash 1", "sleep 50ms") as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> list[str]:
            return [(await pressed(pilot, "D"))[0][:16] for _ in range(3)]

        assert on(app, press) == [" ◀ b1 and b2  0.", " ◀ main and b2  ", " ◀ b1 and b2  0."]


def test_the_text_of_diff_is_a_sheet_with_a_title() -> None:
    with still(*STORY) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> list[str]:
            await pressed(pilot, "D", "a")
            await pilot.app.workers.wait_for_complete()
            return await pressed(pilot)

        lines = on(app, press)
        (answer,) = (outcome.answer for outcome in done(driver, "diff main b1"))
    assert any("diff main b1" in line and "╭" in line for line in lines)
    assert any(answer.split("\n")[0] in line for line in lines)


def test_a_click_on_the_tape_and_a_drag_along_it_move_both() -> None:
    with still(*STORY) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> None:
            await pressed(pilot, "D")
            screen = comparing_of(app)
            box = screen.query_one(Box)
            row = 36
            await pilot.click(Box, offset=Offset(8, row))
            assert screen.pair.is_common
            first = screen.pair.at
            await pilot.mouse_down(Box, offset=Offset(8, row))
            await pilot.hover(Box, offset=Offset(40, row))
            target = box.target_at(40, row)
            assert target is not None
            box.post_message(Box.Clicked(box, target))  # pilot's hover has no button
            await pilot.pause()
            assert screen.pair.at == target[1] > first
            await pilot.click(Box, offset=Offset(2, 39))
            await pilot.pause()
            assert isinstance(app.screen, Main)  # [Esc] at the foot

        on(app, press)


def test_a_picture_of_it_is_called_by_its_moment(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with still(*STORY) as driver:
        played(app_of(driver), lambda pilot: pressed(pilot, "D", "home", "ctrl+s"))
    (file,) = tmp_path.iterdir()
    assert file.name == "raftplay-0.170s.svg"
    assert "parted at 0.170 s" in file.read_text("utf-8")


# ---- while time passes


def live_session(backend: str) -> Session:
    if backend == "sim":
        return session_of(seed=3)
    history = History()
    harness = Harness(5, backend="tcp", seed=3, readers=(history,))
    blueprint = Blueprint(5, "tcp", 3, harness.config.settled())
    harness.set_speed(1.0)
    return Session(harness, history, blueprint=blueprint)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
@pytest.mark.parametrize("watches", [True, False])
def test_time_stands_still_meanwhile_and_goes_on_afterwards(backend: str, watches: bool) -> None:
    live = Live(live_session(backend))
    app = app_of(live)
    app.watches, app.stops = watches, False

    async def watch(pilot: Pilot[None]) -> None:
        async def until(holds: Callable[[], bool]) -> None:
            give_up = time.monotonic() + 30
            while not holds():
                assert time.monotonic() < give_up
                await asyncio.sleep(0.01)

        lines = ("sleep 50ms", "new seed=8") if backend == "tcp" else ("sleep 50ms", "back 2", "crash 0")
        for line in lines:
            await asyncio.wrap_future(live.run(line))
        assert len(live.session.branches) == 2
        harness = live.session.harness
        await pressed(pilot, "D")
        assert picture.frame(app)[0].startswith(TITLE)
        await asyncio.wrap_future(live.call(lambda: None))
        now = harness.now
        pair = comparing_of(app).pair
        await asyncio.sleep(0.15)
        assert harness.now == now
        assert comparing_of(app).pair is pair
        await pressed(pilot, "home", "right", "left", "escape")
        await until(lambda: harness.now > now)

    try:
        played(app, watch)
    finally:
        app.leave_pace()
        live.close()


def test_pairs_begin_with_the_parent_and_leave_out_other_sizes() -> None:
    with still(*STORY, "goto 0.3s", "crash 1") as driver:
        another_cluster(driver)
        session = driver.session
        assert comparing.pairs_of(session) == []
        done(driver, "switch b2")
        assert comparing.pairs_of(session) == [("b1", "b2"), ("main", "b2")]
        done(driver, "switch main")
        assert comparing.pairs_of(session) == [("main", "b1"), ("main", "b2")]


def test_two_clusters_share_no_past_even_if_they_began_alike() -> None:
    with still("wait leader; sleep 100ms") as driver:
        driver.session.is_live = True
        done(driver, "new seed=7")
        done(driver, "sleep 200ms")
        lines = on(app_of(driver), lambda pilot: pressed(pilot, "D", "home"))
    assert lines[0].rstrip().endswith("two clusters, which share no past")
    assert any(line.startswith(" Nothing differs between main and b1 at this moment.") for line in lines)
    assert "parted" not in "\n".join(lines)
    assert [line[6] for line in lines if line.startswith((" main ├", " main │", " b1   ├", " b1   │"))] == [
        "├",
        "├",
    ]


def test_the_tape_has_a_row_for_a_branch_as_soon_as_it_is_entered() -> None:
    with still("wait leader; sleep 400ms") as driver:
        app = app_of(driver)

        async def act(pilot: Pilot[None]) -> list[str]:
            done(driver, "goto 0.17s")
            done(driver, "crash leader")
            return await pressed(pilot)

        lines = on(app, act)
    assert [line[:6] for line in lines if line.startswith((" b1   ", " main "))] == [" b1   ", " main "]


def test_a_new_playhead_takes_over_a_clock_that_something_else_held() -> None:
    with still("wait leader; sleep 400ms") as driver:
        harness = driver.session.harness
        harness.steer(0.0)
        steered: list[float] = []
        harness.steer = steered.append  # type: ignore[method-assign]
        playhead = Playhead(driver.session.branch)
        playhead.tick(0.0, driver.view())
        assert steered == [1.0]
        playhead.close()
