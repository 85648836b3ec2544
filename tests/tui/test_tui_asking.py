"""The prompt of presenter mode: what is typed there is run, answered over the stage, and never read as keys."""

import pytest
from support.tui import app_of, played, pressed, still, until
from textual.events import Key, Paste
from textual.pilot import Pilot

from raftplay.tui.app import RaftApp
from raftplay.tui.asking import Asking
from raftplay.tui.model.lines import text_of
from raftplay.tui.present import Presentation
from raftplay.tui.sheet import Sheet, answer_sheet, room

LED = ("wait leader", "submit 1", "sleep 100ms")


async def burst(app: RaftApp, pilot: Pilot[None], text: str) -> list[str]:
    """The screen after keys that come within one read of the terminal; ⏎ is Enter, ⎋ Esc."""
    names = {":": "colon", " ": "space", "⏎": "enter", "⎋": "escape"}
    for char in text:
        app.post_message(Key(names.get(char, char), None if char in "⏎⎋" else char))
    return await pressed(pilot)


def notes(app: RaftApp) -> list[str]:
    return [note.message for note in app._notifications]


def test_commands_typed_for_an_audience_are_run_and_answered() -> None:
    with still(*LED) as driver:
        driver.session.is_live = True
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pressed(pilot, "f5")
            await burst(app, pilot, ":crash 2⏎:wat⏎")
            assert isinstance(app.screen, Presentation)
            assert not driver.session.harness.alive[2]
            assert any("there is no command 'wat'" in note for note in notes(app))
            await burst(app, pilot, ":new nodes=3⏎")
            assert len(driver.session.branches) == 2
            await burst(app, pilot, ":status⏎")
            assert isinstance(app.screen, Sheet)
            await pressed(pilot, "escape", "escape")
            assert app.prompt.value == ""
            assert not isinstance(app.screen, Presentation)

        played(app, go)


def test_esc_leaves_the_line_and_not_presenter_mode() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pressed(pilot, "f5")
            frame = await burst(app, pilot, ":crash 2")
            assert isinstance(app.screen, Asking)
            assert frame[-1].strip() == "crash 2"
            await pressed(pilot, "escape")
            assert isinstance(app.screen, Presentation)
            assert driver.session.harness.alive[2]
            await pressed(pilot, "S")
            assert isinstance(app.screen, Asking)
            app.post_message(Paste("y"))
            await pressed(pilot, "enter")
            leader = driver.view().snapshot.nodes[app.deck.selected]
            assert isinstance(app.screen, Presentation)
            assert app.deck.outcome is not None
            assert f"submit y to {leader.id}" in app.deck.outcome.text

        played(app, go)


@pytest.mark.parametrize("size", [(60, 16), (200, 50)], ids=str)
def test_the_line_stands_at_the_bottom_at_every_size(size: tuple[int, int]) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            await pressed(pilot, "f5", "colon")
            return await burst(app, pilot, "submit x")

        assert played(app, go, size)[-1].strip() == "submit x"


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
def test_an_answer_of_why_fills_the_lines_of_its_sheet_and_keeps_its_indentation(size: tuple[int, int]) -> None:
    with still("wait leader", "put x 1", "cut others->leader", "put x 2") as driver:
        app = app_of(driver)

        async def asked(pilot: Pilot[None]) -> None:
            app.do("why put x", typed=True)
            await until(app, pilot, lambda: app.deck.outcome is not None)
            answer = app.deck.outcome.answer if app.deck.outcome is not None else ""
            assert answer.count("\n") > 5
            assert max(map(len, answer.split("\n"))) <= room(size[0])
            assert [text_of(row).rstrip() for row in answer_sheet(answer, room(size[0]))] == answer.split("\n")

        played(app, asked, size)
