"""Keys and clicks that come before a screen is composed, or after its end, do nothing and crash nothing."""

from collections.abc import Callable

import pytest
from support.tui import app_of, played, still
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from raftplay.tui.app import RaftApp
from raftplay.tui.choosing import Chooser
from raftplay.tui.comparing import Comparing, StillSheet
from raftplay.tui.first import Card
from raftplay.tui.menu import MenuScreen, open_by_key
from raftplay.tui.model.lines import Piece


def _answer(app: RaftApp) -> None:
    app.push_screen(StillSheet(lambda width: [(Piece("x" * width, "text"),)] * 99, "all of it", "an answer"))


def _card(app: RaftApp) -> None:
    app.first.show_card()


def _list(app: RaftApp) -> None:
    app.elsewhere.choose("play")


def _menu(app: RaftApp) -> None:
    open_by_key(app)


def _comparison(app: RaftApp) -> None:
    app.action_compare()


@pytest.mark.parametrize(
    ("opens", "kind", "actions"),
    [
        (_answer, StillSheet, ("scroll(1)", "copy")),
        (_card, Card, ("scroll(1)",)),
        (_list, Chooser, ("move(1)",)),
        (_menu, MenuScreen, ("move(1)",)),
        (_comparison, Comparing, ("move(-1)", "turn")),
    ],
)
def test_a_key_may_come_before_the_screen_that_it_is_for(
    opens: Callable[[RaftApp], None], kind: type[Screen[None]], actions: tuple[str, ...]
) -> None:
    with still("step 40", "back 5", "crash 1", "step 5") as driver:
        app = app_of(driver)

        async def early(pilot: Pilot[None]) -> None:
            await pilot.pause()
            opens(app)
            assert type(app.screen) is kind
            for action in actions:
                await app.screen.run_action(action)
            await pilot.pause()
            for action in actions:
                await app.screen.run_action(action)
            shown = app.screen
            await pilot.press("escape")
            for child in shown.children:
                child.remove()
            for action in actions:
                await shown.run_action(action)
            assert app.failure is None

        played(app, early)


def test_a_click_on_a_widget_that_has_just_gone_crashes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def click(pilot: Pilot[None]) -> None:
            gone = Static("gone")  # it has no parent any more
            monkeypatch.setattr(app.screen, "get_widget_and_offset_at", lambda x, y: (gone, Offset(x, y)))
            await pilot.click(offset=(3, 3))
            assert app.failure is None

        played(app, click)
