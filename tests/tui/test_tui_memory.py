"""The memory of the screen is bounded: what is opened and closed again leaves nothing behind."""

import gc
import weakref
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from support import headless
from support.tui import app_of, played, still
from textual.pilot import Pilot
from textual.strip import Strip

import raftplay.tui.app
from raftplay.session.branches import MAX_BRANCHES
from raftplay.tui import picture

REPEATS = 4


@pytest.fixture(autouse=True)
def _it_paints_and_collects_garbage_as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "paints_all", True)
    monkeypatch.setattr(raftplay.tui.app, "settle", headless.settle)


ROUNDS = 5
"""What stays grows in each of so many rounds; what is only kept for a while grows in some."""


async def growth(count: Callable[[], int], repeat: Callable[[], Awaitable[None]]) -> int:
    """Repeat `ROUNDS` times: by how much `count()` grew in the round in which it grew least."""
    counts = [count()]
    for _ in range(ROUNDS):
        await repeat()
        counts.append(count())
        if counts[-1] <= counts[-2]:
            break
    return min(after - before for before, after in pairwise(counts))


def strips() -> int:
    """How many painted lines there are."""
    gc.collect()
    return sum(isinstance(found, Strip) for found in gc.get_objects())


@pytest.mark.parametrize("keys", [("question_mark", "escape"), ("enter", "escape")])
def test_what_is_closed_leaves_no_painted_lines_behind(keys: tuple[str, ...]) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def grown(pilot: Pilot[None]) -> int:
            async def repeat() -> None:
                for _ in range(REPEATS):
                    await pilot.press(*keys)
                await picture.settled(app, pilot)

            await repeat()
            return await growth(strips, repeat)

        assert played(app, grown, (80, 24)) < REPEATS * 4


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


DEEDS = {
    "select": ("1", "2", "3"),
    "palette": ("ctrl+p", "escape"),
    "menu": ("enter", "escape"),
    "card": ("f2", "escape"),
    "presenter": ("f5", "escape"),
    "stories": ("g", "escape"),
    "lessons": ("f1", "escape"),
    "branch": (":back 5", ":submit x", ":switch main"),
    "new": (":new", ":switch main"),
    "diff": (":back 5", ":submit x", ":diff main", ":switch main"),
    "story": (":play elections", ":switch main"),
}
"""What is done again and again: keys, and commands after a colon."""

MOST_KEPT = 40
"""The objects that one deed may leave behind, such as its entry in the journal."""

BRANCHES = ("branch", "new", "diff", "story")
"""The deeds that begin branches, until there are as many as may be."""


def objects() -> int:
    """How many objects there are, with those that no garbage collection looks at any more."""
    gc.collect()
    return len(gc.get_objects()) + gc.get_freeze_count()


@pytest.mark.parametrize("name", DEEDS)
def test_what_is_done_again_and_again_leaves_no_more_than_its_entry_in_the_journal(name: str) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def grown(pilot: Pilot[None]) -> int:
            async def repeat() -> None:
                for _ in range(MAX_BRANCHES if name in BRANCHES else REPEATS):
                    for deed in DEEDS[name]:
                        if not deed.startswith(":"):
                            await pilot.press(deed)
                        elif not app.elsewhere.run(deed[1:]):
                            app.tell(driver.run(deed[1:]))
                await picture.settled(app, pilot)

            await repeat()
            return await growth(objects, repeat)

        assert played(app, grown, (80, 24)) < REPEATS * MOST_KEPT
