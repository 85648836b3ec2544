"""The memory of the screen is bounded: what is opened and closed again leaves nothing behind."""

import gc
import weakref

import pytest
from support.tui import app_of, played, still
from textual.pilot import Pilot
from textual.strip import Strip

from raftplay.tui import picture

REPEATS = 6


def strips() -> int:
    """How many painted lines there are."""
    gc.collect()
    return sum(isinstance(found, Strip) for found in gc.get_objects())


@pytest.mark.parametrize("keys", [("question_mark", "escape"), ("enter", "escape")])
def test_what_is_closed_leaves_no_painted_lines_behind(keys: tuple[str, ...]) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def repeats(pilot: Pilot[None]) -> list[int]:
            counts = []
            for _ in range(3):
                for _ in range(REPEATS):
                    await pilot.press(*keys)
                await picture.settled(app, pilot)
                gc.unfreeze()
                counts.append(strips())
            return counts

        first, second, third = played(app, repeats, (80, 24))
    assert third - first < 2 * REPEATS * 4, (first, second, third)


def test_a_screen_that_was_left_leaves_nothing_behind_once_another_one_is_shown() -> None:
    async def nothing(_: Pilot[None]) -> None:
        pass

    with still("wait leader") as driver:
        app = app_of(driver)
        played(app, nothing)
        left = weakref.ref(app)
        del app
        played(app_of(driver), nothing)
        gc.collect()
        assert left() is None
