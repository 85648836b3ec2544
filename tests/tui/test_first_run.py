"""The first run: the card, the tour through the first election, the coach marks, and what is remembered of them.

The frames are in `first/`; RAFTPLAY_FRAMES=write pytest tests/tui/test_first_run.py writes them anew.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.tui import NAMES, done, played, pressed, session_of, still, until
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.run.live import Live
from raftplay.run.script import parse_script
from raftplay.tui import command, picture
from raftplay.tui.app import RaftApp
from raftplay.tui.coach import MARKS, Coach
from raftplay.tui.driver import SessionLike
from raftplay.tui.first import COMMAND, Card, card_lines
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.model.lines import text_of
from raftplay.tui.playhead import Milestone
from raftplay.tui.settings import Settings, load
from raftplay.tui.state import ScreenState

FOLDER = Path(__file__).parent / "first"
SIZES = ((60, 16), (80, 24), (120, 40))
SHORT = ((60, 12), (59, 8), (40, 6))
"""Screens on which the cluster has no room."""

QUICK = 0.04
"""The time of a flight in tests, in seconds."""

Watch = Callable[[RaftApp, Pilot[None]], Awaitable[Any]]


def app_on(
    driver: SessionLike,
    settings: Settings | None = None,
    *,
    greets: bool = True,
    watches: bool = False,
    **options: Any,
) -> RaftApp:
    """The app as a newcomer starts it, or with what `settings` remember."""
    ascii = options.pop("ascii", False)
    deck = ScreenState(watched=NAMES, nodes=driver.session.harness.n, glyphs=ASCII if ascii else UNICODE)
    app = RaftApp(driver, deck, settings=settings or Settings(), greets=greets, watches=watches, **options)
    app.flight = QUICK
    return app


def live_played(watch: Watch, settings: Settings, *, greets: bool = True, size: tuple[int, int] = (80, 24)) -> Any:
    """What `watch` gives while a cluster that begins paused is on the screen at pace watch."""
    session = session_of(seed=7)
    session.harness.pause()
    live = Live(session)
    app = app_on(live, settings, greets=greets, watches=True)

    async def run() -> Any:
        async with app.run_test(size=size, notifications=True) as pilot:
            return await watch(app, pilot)

    try:
        return asyncio.run(run())
    finally:
        app.leave_pace()
        live.close()


def golden(name: str, frame: list[str]) -> None:
    """Compare a frame, but for the footer, with the one that was read last."""
    text, file = "\n".join(frame[:-1]) + "\n", FOLDER / f"{name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def kept_at(path: Path, **settings: Any) -> Settings:
    return Settings(path=str(path / "raftplay" / "screen.json"), **settings)


# ---- the card


@pytest.mark.parametrize("size", [*SIZES, *SHORT], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_card_stands_over_a_dimmed_stage(size: tuple[int, int]) -> None:
    with still("pause") as driver:
        frame = played(app_on(driver), pressed, size)
    golden(f"card-{size[0]}x{size[1]}", frame)


def test_the_card_keeps_to_ascii() -> None:
    with still("pause") as driver:
        frame = played(app_on(driver, ascii=True), pressed, (80, 24))
    assert "".join(frame).isascii()
    assert any("Five servers" in line for line in frame)


@pytest.mark.parametrize("nodes", [2, 5, 9, 25])
def test_the_card_counts_the_servers(nodes: int) -> None:
    word = {2: "Two", 5: "Five", 9: "Nine", 25: "25"}[nodes]
    assert text_of(card_lines(nodes, 60, 24)[0]).startswith(f"{word} servers must agree on one list.")


@pytest.mark.parametrize("width", [10, 20, 38, 52, 60])
@pytest.mark.parametrize("height", [3, 9, 14, 24])
def test_every_choice_can_be_clicked_at_every_height(width: int, height: int) -> None:
    targets = {piece.target for line in card_lines(5, width, height) for piece in line}
    assert ("card", 0) in targets
    assert width < 38 or {("card", at) for at in range(4)} <= targets


@pytest.mark.parametrize("key", ["3", "escape"])
def test_leave_me_alone_is_for_good(key: str, tmp_path: Path) -> None:
    settings = kept_at(tmp_path)
    with still("pause") as driver:
        app = app_on(driver, settings)

        async def watch(pilot: Pilot[None]) -> list[str]:
            return await pressed(pilot, key)

        frame = played(app, watch, (80, 24))
        assert not driver.view().snapshot.paused
    assert not any("servers must agree" in line for line in frame)
    kept = json.loads(Path(str(settings.path)).read_text("utf-8"))
    assert (kept["greeted"], kept["marks"]) == (True, len(MARKS))


def test_the_card_is_clicked(tmp_path: Path) -> None:
    settings = kept_at(tmp_path)
    with still("pause") as driver:
        app = app_on(driver, settings)

        async def watch(pilot: Pilot[None]) -> list[str]:
            box = app.screen.query_one("#sheet")
            at = next(y for y, line in enumerate(box.lines) if "leave me alone" in text_of(line))  # type: ignore[attr-defined]
            await pilot.click(box, offset=(12, at + 1))
            return await pressed(pilot)

        frame = played(app, watch, (80, 24))
    assert not any("servers must agree" in line for line in frame)
    assert settings.greeted


def test_another_key_puts_the_card_away_for_now_and_does_what_it_always_does(tmp_path: Path) -> None:
    settings = kept_at(tmp_path)
    with still("pause") as driver:
        app = app_on(driver, settings)

        async def watch(pilot: Pilot[None]) -> list[str]:
            return await pressed(pilot, "2", "escape", "colon", *"wait leader", "enter")

        frame = played(app, watch, (80, 24))
        assert driver.view().snapshot.leader is not None
    assert not any("servers must agree" in line for line in frame)
    assert not settings.greeted


@pytest.mark.parametrize("key", ["space", "s", "question_mark", "f1"])
def test_the_cluster_goes_on_behind_a_card_that_was_put_away(key: str) -> None:
    with still("pause") as driver:
        app = app_on(driver)

        async def watch(pilot: Pilot[None]) -> bool:
            await pressed(pilot, key)
            return any(isinstance(screen, Card) for screen in app.screen_stack)

        assert not played(app, watch, (80, 24))
        assert not driver.view().snapshot.paused


def test_f2_and_the_help_bring_the_card_back() -> None:
    with still("wait leader") as driver:
        app = app_on(driver, Settings(greeted=True), greets=False)

        async def watch(pilot: Pilot[None]) -> list[bool]:
            found = []
            for keys in (("f2",), ("escape", "question_mark", "f2")):
                await pressed(pilot, *keys)
                found.append(isinstance(app.screen, Card) and driver.view().snapshot.paused)
            return found

        assert played(app, watch, (80, 24)) == [True, True]


def test_a_card_over_a_cluster_that_has_run_watches_another_one() -> None:
    with still("wait leader") as driver:
        driver.session.is_live = True
        app = app_on(driver, Settings(greeted=True), greets=False)
        played(app, lambda pilot: pressed(pilot, "f2", "enter"), (80, 24))
        assert len(driver.session.branches) == 2
        assert driver.view().snapshot.leader is None


def test_the_card_is_for_a_plain_first_start_only() -> None:
    plain = command.Wanted(parse_script("screen", "", Setup(nodes=5)))
    assert command.is_first(plain, Settings(), nodes=5)
    assert not command.is_first(plain, Settings(greeted=True), nodes=5)
    assert not command.is_first(plain, Settings(), nodes=1)
    script = parse_script("story", "wait leader", Setup(nodes=5))
    assert not command.is_first(command.Wanted(script, plays=True), Settings(), nodes=5)
    assert not command.is_first(command.Wanted(script, greeting="the last session"), Settings(), nodes=5)


# ---- the tour


def test_the_first_election_is_watched_step_by_step(tmp_path: Path) -> None:
    settings = kept_at(tmp_path)

    async def watch(app: RaftApp, pilot: Pilot[None]) -> list[str]:
        told = []
        await pilot.press("enter")
        for _ in range(12):
            await until(app, pilot, lambda: app.first.coach.stop)
            app.paint()
            await pilot.pause()
            assert app.seen.snapshot.paused
            frame = picture.frame(app)
            told.append(next(line for line in frame if line.startswith(" NOW")))
            assert any("[space]" in line for line in frame)
            is_last, steps = app.first.coach.stop == "leader", app.first.coach.steps
            await pilot.press("space" if len(told) % 2 else "enter")
            if is_last:
                break
            await until(app, pilot, lambda steps=steps: app.first.coach.steps > steps)
        await until(app, pilot, lambda: "C: crash the leader" in text_of(app.first.line))
        assert not app.first.is_touring
        return told

    told = live_played(watch, settings)
    assert "asks for votes in term 1" in told[0]
    assert "votes for" in told[-2]
    assert "it leads term 1" in told[-1]
    assert 4 <= len(told) <= 8
    assert settings.greeted


def test_esc_ends_the_tour_and_the_cluster_goes_on(tmp_path: Path) -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(app, pilot, lambda: app.first.coach.stop)
        await pilot.press("escape")
        await until(app, pilot, lambda: not app.first.is_touring and app.seen.snapshot.leader is not None)
        assert app.settings.marks == 0

    live_played(watch, kept_at(tmp_path, stops=False))


# ---- the marks


def test_each_mark_is_gone_when_it_was_done(tmp_path: Path) -> None:
    settings = kept_at(tmp_path, greeted=True, stops=False)

    async def watch(app: RaftApp, pilot: Pilot[None]) -> list[str]:
        told = []

        async def says(text: str) -> None:
            await until(app, pilot, lambda: text in text_of(app.first.line))
            told.append(text_of(app.first.line).strip())

        await pilot.press("space")
        await says("C: crash the leader")
        await pilot.press("C")
        await says("w: why?")
        assert load_from(settings)["marks"] == 1
        await says("s: give it a command")
        await pilot.press("s")
        await says("p: split the network")
        await pilot.press("w")
        await until(app, pilot, lambda: "why" not in text_of(app.first.line))
        await pilot.press("escape", "p")
        await says("w: why?")
        await pilot.press("w")
        await until(app, pilot, lambda: not app.first.line)
        assert load_from(settings)["marks"] == len(MARKS)
        return told

    told = live_played(watch, settings, greets=False)
    assert told[0] == "▸ C: crash the leader   Esc: no more hints"


def load_from(settings: Settings) -> Any:
    return json.loads(Path(str(settings.path)).read_text("utf-8"))


def test_esc_dismisses_the_marks_for_good_and_says_so(tmp_path: Path) -> None:
    settings = kept_at(tmp_path, greeted=True)
    with still("wait leader") as driver:
        app = app_on(driver, settings, greets=False)

        async def watch(pilot: Pilot[None]) -> None:
            await pressed(pilot, "l", "escape")  # first the drawer
            assert app.first.line
            await pressed(pilot, "escape")
            assert not app.first.line
            assert any("no more hints" in note.message for note in app._notifications)

        played(app, watch, (80, 24))
    assert load_from(settings)["marks"] == len(MARKS)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("done_marks", range(len(MARKS)))
def test_a_mark_stands_in_one_line_and_hides_nothing(done_marks: int, size: tuple[int, int]) -> None:
    lines = ("wait leader; pause",)
    with still(*lines) as driver:
        bare = played(app_on(driver, greets=False), pressed, size)
    with still(*lines) as driver:
        app = app_on(driver, Settings(greeted=True, marks=done_marks), greets=False)
        app.first.coach.asks_why = done_marks > 0
        frame = played(app, pressed, size)
    different = [at for at, (one, other) in enumerate(zip(bare, frame, strict=True)) if one != other]
    assert different == [size[1] - 2]  # the line of the prompt, which is a key away
    assert MARKS[done_marks].text in frame[-2]
    golden(f"mark-{MARKS[done_marks].command}-{size[0]}x{size[1]}", frame)


def test_a_mark_is_clicked_and_gives_way_to_the_prompt() -> None:
    with still("wait leader") as driver:
        app = app_on(driver, Settings(greeted=True), greets=False)

        async def watch(pilot: Pilot[None]) -> None:
            await pressed(pilot, "colon")
            assert not app.first.line
            assert app.prompt.size.width == 80 - 2  # all of its line but the blanks at its ends
            await pressed(pilot, "escape")
            assert app.first.line
            await pilot.click("#coach", offset=(4, 0))
            await pressed(pilot)
            assert driver.view().snapshot.leader is None
            assert "w: why?" in text_of(app.first.line)

        played(app, watch, (80, 24))


def test_marks_are_silent_in_the_past_and_without_a_leader() -> None:
    with still() as driver:
        app = app_on(driver, Settings(greeted=True), greets=False)

        async def watch(pilot: Pilot[None]) -> None:
            await pressed(pilot)
            assert not app.first.line
            done(driver, "wait leader")
            await pressed(pilot)
            assert app.first.line
            await pressed(pilot, "left")
            assert not app.first.line

        played(app, watch, (80, 24))


def test_a_command_of_another_mark_does_not_end_this_one() -> None:
    coach = Coach()
    assert not coach.note("submit 1")
    assert not coach.note("crashed")
    assert coach.note("crash leader")
    assert coach.mark == MARKS[1]
    coach.begin_tour()
    assert not coach.note("submit 1")  # the tour has no marks
    coach.dismiss()
    assert coach.mark == MARKS[1]
    coach.dismiss()
    assert coach.mark is None


def test_a_mark_beside_why_fits_into_the_smallest_screen() -> None:
    for has_leader in (True, False):
        for done_marks in range(len(MARKS)):
            coach = Coach(done=done_marks, asks_why=True)
            line = text_of(coach.line(60 - COMMAND, UNICODE, has_leader=has_leader))
            assert "…" not in line
            assert "Esc: off" in line


def test_what_lets_the_cluster_go_on_never_comes_after_an_automatic_stop() -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, lambda: app.playhead is not None)
        playhead, free = app.playhead, Event()
        assert playhead is not None
        app.driver.call(free.wait)  # type: ignore[attr-defined] # the session's thread is late
        app.do("resume")
        playhead.milestones.append(Milestone(0, "candidate"))
        app.paint()
        assert not playhead.held
        free.set()
        await until(app, pilot, lambda: playhead.held and app.seen.snapshot.paused)

    live_played(watch, Settings(greeted=True, marks=3), greets=False)


# ---- what is remembered


@pytest.mark.parametrize(
    ("text", "light", "greeted", "marks"),
    [
        ("", False, False, 0),
        ("{", False, False, 0),
        ("[1, 2]", False, False, 0),
        ('{"light": true}', True, False, 0),
        ('{"light": true, "greeted": 1, "marks": true}', True, False, 0),
        ('{"light": "yes", "greeted": true, "marks": 2, "more": {}}', False, True, 2),
        ("[" * 100_000, False, False, 0),
    ],
)
def test_settings_that_cannot_be_read_are_the_usual_ones(
    text: str, light: bool, greeted: bool, marks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "raftplay").mkdir()
    (tmp_path / "raftplay" / "screen.json").write_text(text, "utf-8")
    settings = load()
    assert (settings.light, settings.greeted, settings.marks) == (light, greeted, marks)
    settings.marks = 3
    assert settings.save() == ""
    assert load().marks == 3


def test_the_number_of_marks_may_be_any() -> None:
    for marks in (-5, 99):
        assert Coach(done=marks).mark in (*MARKS, None)


def test_a_home_that_cannot_be_written_to_is_said_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raftplay").write_text("a file where the folder would be", "utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = load()
    assert not settings.greeted
    with still("pause") as driver:
        app = app_on(driver, settings)

        async def watch(pilot: Pilot[None]) -> list[str]:
            await pressed(pilot, "3")
            return [note.message for note in app._notifications]

        assert sum("cannot be remembered" in text for text in played(app, watch, (80, 24))) == 1


def test_no_frame_is_left_over() -> None:
    cards = {f"card-{width}x{height}" for width, height in (*SIZES, *SHORT)}
    marks = {f"mark-{mark.command}-{width}x{height}" for mark in MARKS for width, height in SIZES}
    assert {file.stem for file in FOLDER.glob("*.txt")} == cards | marks
