"""Presenter mode: captions by the keys of a clicker, the past without another branch, black, zoom, spotlight."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.tui import NAMES, app_of, done, played, pressed, session_of
from textual.notifications import Notification
from textual.pilot import Pilot
from textual.timer import Timer
from textual.widgets._toast import Toast

from raftplay.commands.setup import Setup
from raftplay.run.script import parse_script
from raftplay.tui.app import RaftApp
from raftplay.tui.driver import Still
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.model.large import large_lines
from raftplay.tui.model.lines import text_of
from raftplay.tui.play import Player
from raftplay.tui.present import Black, Presentation
from raftplay.tui.settings import Settings
from raftplay.tui.state import ScreenState
from raftplay.tui.terminal import ShortNotice

FRAMES = Path(__file__).parent / "presented"

TALK = """# Five servers agree on one list.
#! Welcome.
## Electing
timeout 0
wait leader is 0
# The leader takes a command.
submit x
wait committed x on 5
## Losing
# It crashes.
crash 0
timeout 2
wait leader is 2
# That was it.
"""

CLOCK_STEP = 0.1


class Talk:
    """A talk on a screen whose wall clock passes when the test says so."""

    def __init__(self, text: str = TALK, *, watches: bool = False) -> None:
        script = parse_script("talk.txt", text, Setup(nodes=5, seed=7, backend="sim"))
        self.driver = Still(session_of())
        self.driver.session.harness.pause()
        self.player = Player(script, self.driver)
        deck = ScreenState(watched=NAMES, nodes=5, glyphs=UNICODE)
        self.app = RaftApp(
            self.driver, deck, settings=Settings(), player=self.player, watches=watches, presents=True
        )

    def play(self, what, size: tuple[int, int] = (120, 40)):  # type: ignore[no-untyped-def]
        try:
            return played(self.app, what, size)
        finally:
            self.app.leave_pace()
            self.driver.close()

    @property
    def seq(self) -> int:
        return self.app.seen.records[-1].seq if self.app.seen.records else 0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall clock that goes on by a tenth of a second at each look."""
    now = 1000.0

    def monotonic() -> float:
        nonlocal now
        now += CLOCK_STEP
        return now

    for module in ("app", "reel"):
        monkeypatch.setattr(f"raftplay.tui.{module}.time", SimpleNamespace(monotonic=monotonic))


def paint_until(talk: Talk, holds, what: str) -> None:  # type: ignore[no-untyped-def]
    for _ in range(3000):
        talk.app.paint()
        if holds():
            return
    raise AssertionError(f"{what} did not come: {talk.player.place}")


def test_a_clicker_goes_forward_and_back_and_changes_nothing() -> None:
    talk = Talk(watches=True)
    reel, player = talk.app.reel, talk.player

    async def give(pilot: Pilot[None]) -> None:
        assert isinstance(talk.app.screen, Presentation)
        paint_until(talk, lambda: player.waits_for_caption, "the end of the first caption")
        assert reel.at == 0
        for at in (1, 2, 3):
            await pilot.press("pagedown")
            paint_until(talk, lambda at=at: reel.at == at, f"caption {at}")
            paint_until(talk, lambda: reel.waits, "its end")
        events = talk.driver.session.history.last_seq
        await pilot.press("pageup")
        talk.app.paint()
        assert (reel.at, talk.seq) == (2, player.mark_of(2))
        assert talk.app.seen.rewound
        await pilot.press("pageup", "pageup", "pageup")
        talk.app.paint()
        assert (reel.at, talk.seq) == (0, player.mark_of(0))
        await pilot.press("pagedown")  # plays it again
        seen: set[int] = set()

        def is_played() -> bool:
            seen.add(talk.seq)
            return reel.waits

        paint_until(talk, is_played, "the first caption again")
        assert len(seen) > 5  # as it was seen before: event by event
        assert (reel.at, talk.seq) == (0, player.mark_of(1))
        for at in (1, 2):
            await pilot.press("pagedown")
            assert reel.at == at
            paint_until(talk, lambda: reel.waits, f"caption {at} again")
        await pilot.press("pagedown")
        paint_until(talk, lambda: reel.waits and not reel.is_past, "the present")
        assert reel.at == 3
        session = talk.driver.session
        assert list(session.branches) == ["main"]
        assert session.history.last_seq == events
        assert session.moment is None

    talk.play(give)


def test_a_command_in_the_past_begins_another_future_in_which_the_talk_goes_on() -> None:
    talk = Talk(watches=True)
    reel, player = talk.app.reel, talk.player

    async def give(pilot: Pilot[None]) -> None:
        paint_until(talk, lambda: player.waits_for_caption, "the end of the first caption")
        for _ in range(3):
            await pilot.press("pagedown")
            paint_until(talk, lambda: reel.waits, "its end")
        await pilot.press("pageup")  # before the crash
        talk.app.paint()
        assert reel.at == 2
        await pilot.press("s")
        paint_until(talk, lambda: talk.driver.session.branch.name == "b1", "another future")
        for _ in range(20):
            talk.app.paint()
        assert not reel.is_past
        await pilot.press("pagedown")
        paint_until(talk, lambda: not talk.driver.session.harness.snapshot().nodes[0].alive, "the crash there")
        assert reel.at == 2

    talk.play(give)


def test_pressing_again_while_steps_are_under_way_shows_the_next_caption_at_once() -> None:
    talk = Talk(watches=True)

    async def give(pilot: Pilot[None]) -> None:
        paint_until(talk, lambda: talk.player.at == 1, "the first step")
        await pilot.press("pagedown")
        for _ in range(8):
            talk.app.paint()
        assert talk.app.reel.at == 1

    talk.play(give)


def test_digits_go_to_chapters_forward_and_back() -> None:
    talk = Talk(watches=True)
    reel = talk.app.reel

    async def give(pilot: Pilot[None]) -> None:
        talk.app.paint()
        await pilot.press("2")
        paint_until(talk, lambda: reel.at == 2, "the second chapter")
        assert "Losing" in (await pressed(pilot))[0]
        await pilot.press("1")
        talk.app.paint()
        assert (reel.at, talk.seq) == (0, talk.player.mark_of(0))
        await pilot.press("7")
        assert reel.at == 0

    talk.play(give)


def test_chapters_stand_on_the_tape_and_in_a_list_from_which_a_digit_goes_there() -> None:
    talk = Talk(watches=True)

    async def give(pilot: Pilot[None]) -> None:
        talk.app.paint()
        await pilot.press("2")
        paint_until(talk, lambda: talk.app.reel.at == 2 and talk.app.reel.waits, "the second chapter")
        ordinary = "\n".join(await pressed(pilot, "f5"))
        assert "#1" in ordinary
        assert "#2" in ordinary
        listed = "\n".join(await pressed(pilot, "number_sign"))
        assert "1  Electing" in listed
        assert "▸  2  Losing" in listed
        await pilot.press("1")
        talk.app.paint()
        assert talk.seq == talk.player.mark_of(0)
        assert "REWOUND" in "\n".join(await pressed(pilot))

    talk.play(give)


def test_b_is_black_and_any_key_comes_back() -> None:
    talk = Talk()

    async def give(pilot: Pilot[None]) -> None:
        paint_until(talk, lambda: talk.player.waits_for_caption, "the end of the first caption")
        before = await pressed(pilot)
        for key in ("b", "full_stop"):
            black = await pressed(pilot, key)
            assert "".join(black).strip() == ""
            assert isinstance(talk.app.screen, Black)
            await pressed(pilot, "x")
            assert isinstance(talk.app.screen, Presentation)
        assert await pressed(pilot) == before

    talk.play(give)


def test_the_audience_sees_no_keys_no_seed_and_no_notes() -> None:
    talk = Talk()

    async def give(pilot: Pilot[None]) -> list[str]:
        return await pressed(pilot)

    screen = "\n".join(talk.play(give))
    assert "F i v e   s e r v e r s" in screen
    for hidden in ("seed", "[space]", "Welcome", "NOW", "sim"):
        assert hidden not in screen
    assert "Electing" in screen
    assert "LOG" in screen


def test_leaving_gives_the_ordinary_screen_at_the_same_moment() -> None:
    talk = Talk()

    async def give(pilot: Pilot[None]) -> None:
        paint_until(talk, lambda: talk.player.waits_for_caption, "the end of the first caption")
        seq = talk.driver.session.history.last_seq
        for key in ("f5", "escape"):
            frame = await pressed(pilot, key)
            assert "WAITING 3/8" in frame[0]
            assert not isinstance(talk.app.screen, Presentation)
            for _ in range(50):
                talk.app.paint()
            assert talk.driver.session.history.last_seq == seq
            await pressed(pilot, "f5")
            assert isinstance(talk.app.screen, Presentation)

    talk.play(give)


def test_z_gives_the_pane_the_whole_screen_with_its_title() -> None:
    talk = Talk()

    async def give(pilot: Pilot[None]) -> None:
        zoomed = await pressed(pilot, "z")
        assert "LOG" in zoomed[0]
        assert "F i v e" not in "\n".join(zoomed)
        assert "F i v e" in "\n".join(await pressed(pilot, "z"))
        assert "EVENTS" in "\n".join(await pressed(pilot, "e"))

    talk.play(give)


def test_a_spotlight_dims_the_others() -> None:
    talk = Talk()

    def dimmed() -> set[str]:
        screen = talk.app.screen
        box = screen.query_one("#stage")
        return {piece.style for line in box.lines for piece in line if "n3" in piece.text}  # type: ignore[attr-defined]

    async def give(pilot: Pilot[None]) -> None:
        await pressed(pilot)
        before = dimmed()
        await pressed(pilot, "j")
        assert dimmed() != before
        await pressed(pilot, "0")
        assert dimmed() == before

    talk.play(give)


def test_a_screen_without_a_script_is_presented_too() -> None:
    driver = Still(session_of())
    done(driver, "wait leader")
    app = app_of(driver)

    async def give(pilot: Pilot[None]) -> list[str]:
        await pressed(pilot, "f5")
        await pressed(pilot, "pageup", "pagedown", "2", "1", "b", "b")
        return await pressed(pilot)

    try:
        frame = played(app, give)
    finally:
        driver.close()
    assert any("LEADER" in line for line in frame)
    assert frame[0].startswith(" TERM 1  ★ n0 leads")
    assert "n 0   h a s   3   o f   5   v o t e s" in "\n".join(frame)


def test_two_branches_are_compared_from_presenter_mode_and_leaving_them_returns_there() -> None:
    driver = Still(session_of())
    done(driver, "wait leader; submit 1; sleep 30ms; back 20; crash leader; sleep 300ms")
    app = app_of(driver)

    async def give(pilot: Pilot[None]) -> None:
        before = await pressed(pilot, "f5")
        both = "\n".join(await pressed(pilot, "D"))
        assert "main and b1" in both
        assert await pressed(pilot, "escape") == before
        assert isinstance(app.screen, Presentation)

    try:
        played(app, give)
    finally:
        driver.close()


def test_an_answer_of_several_lines_is_told_in_lines() -> None:
    driver = Still(session_of())
    app = app_of(driver)

    async def give(pilot: Pilot[None]) -> list[str]:
        app.toast("one\ntwo\x07")
        await pilot.pause(0.1)
        return await pressed(pilot)

    try:
        text = "\n".join(played(app, give))
    finally:
        driver.close()
    assert "x0a" not in text
    assert "two\\x07" in text


@pytest.mark.parametrize(("text", "rows"), [("abc de", ["a b c   d e"]), ("", [])])
def test_large_text_has_a_space_after_each_letter(text: str, rows: list[str]) -> None:
    lines = large_lines([text], 40, 3, UNICODE)
    assert [text_of(line).strip() for line in lines] == rows


def test_long_text_is_large_in_its_first_sentence_only_then_nowhere_and_is_cut_at_last() -> None:
    first, rest = "Two leaders.", " ".join(["words"] * 12)
    lines = [text_of(line).strip() for line in large_lines([f"{first} {rest}"], 44, 4, UNICODE)]
    assert lines[0] == "T w o   l e a d e r s ."
    assert lines[1].startswith("words words")
    cut = [text_of(line).strip() for line in large_lines(["word " * 200], 44, 4, UNICODE)]
    assert len(cut) == 4
    assert cut[-1] == "…"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_frames_of_presenter_mode(size: tuple[int, int]) -> None:
    talk = Talk()

    async def give(pilot: Pilot[None]) -> list[str]:
        paint_until(talk, lambda: talk.player.waits_for_caption, "the end of the first caption")
        talk.player.go_on()
        paint_until(talk, lambda: talk.player.caption == 1 and talk.player.waits_for_caption, "the second")
        return await pressed(pilot)

    frame = "\n".join(line.rstrip() for line in talk.play(give, size)) + "\n"
    file = FRAMES / f"talk-{size[0]}x{size[1]}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(frame, "utf-8")
    assert frame == file.read_text("utf-8")


def test_a_message_whose_time_is_over_as_it_is_shown_does_not_hold_the_screen_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Still(session_of())
    app = app_of(driver)
    found: list[float] = []
    timers = Toast.set_timer

    def noted(toast: Toast, delay: float, *args: Any, **options: Any) -> Timer:
        found.append(delay)
        return timers(toast, max(0.001, delay), *args, **options)  # a negative one never ends

    monkeypatch.setattr(Toast, "set_timer", noted)
    monkeypatch.setattr(Notification, "has_expired", property(lambda _: False))
    monkeypatch.setattr(ShortNotice, "has_expired", property(lambda _: False))

    async def give(pilot: Pilot[None]) -> None:
        app.notify("late", timeout=-1.0)
        for _ in range(100):
            await pilot.pause(0.001)
            if found:
                return

    try:
        played(app, give)
    finally:
        driver.close()
    assert found
    assert min(found) > 0
