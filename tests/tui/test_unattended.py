"""A screen that nobody touches explains Raft by itself; whoever presses a key has it for himself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.amount import several
from support.tui import app_of, session_of
from support.wall import Watched
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.run.script import parse_script
from raftplay.tui import picture
from raftplay.tui.app import RaftApp
from raftplay.tui.command import Wanted, may_play
from raftplay.tui.first import Card
from raftplay.tui.model.lines import text_of
from raftplay.tui.placed import Main
from raftplay.tui.settings import Settings
from raftplay.tui.unattended import PATIENCE

MINUTE = 60.0
PAINTS = 6

WORDS = (
    "asks for votes in term 1", "it leads term 1", "appends 1 to its log", "1 is committed: 3 of 5 nodes have it",
    "crashed: 4 of 5 nodes are left, still a majority", "Its heartbeats stop", "asks for votes in term 2",
    "it leads term 2",
)  # fmt: skip


class Nobody:
    """The screen of a newcomer (`greets`) or another one, whose wall clock goes on when a test says so."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, seed: int = 0, greets: bool = True, nodes: int = 5, **kept: bool
    ) -> None:
        session = session_of(nodes, seed)
        self.watched = Watched(session)
        self.watched.playhead.close()  # the screen has its own
        self.app = app_of(self.watched)
        self.app.settings = Settings(greeted=not greets, marks=3, **kept)
        self.app.watches = self.app.stops = True
        self.app.first.greets = greets
        self.app.unattended.may_begin = True
        if greets:
            session.harness.pause()
        self.told: list[str] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.watched.wall)

    async def wait(self, seconds: float, until: Callable[[], object] = lambda: False) -> bool:
        """Let some seconds pass without a key, or until something holds; whether it does."""
        for _ in range(round(seconds * PAINTS)):
            self.watched.pass_time(1 / PAINTS)
            self.app.paint()
            await asyncio.sleep(0)
            told = " ".join(text_of(line) for line in self.app.box("sentence").lines)
            if not self.told or self.told[-1] != told:
                self.told.append(told)
            if until():
                return True
        return False

    @property
    def done(self) -> list[str]:
        """The commands that were done."""
        return [entry.text for entry in self.watched.session.branch.journal]

    @property
    def line(self) -> str:
        """The line beside the prompt."""
        return text_of(self.app.first.line)

    def run(self, what: Callable[[Pilot[None]], Awaitable[None]]) -> None:
        async def play() -> None:
            async with self.app.run_test(size=(80, 24), notifications=True) as pilot:
                await picture.settled(self.app, pilot)
                await what(pilot)

        try:
            asyncio.run(play())
        finally:
            self.app.leave_pace()
            self.watched.close()


def explained(told: list[str]) -> str:
    """The first of the words that was not told in its order, "" if all were."""
    text, rest = "\n".join(told), 0
    for words in WORDS:
        if words not in text[rest:]:
            return f"{words}\n{text}"
        rest = text.index(words, rest)
    return ""


@pytest.mark.parametrize(("seed", "greets"), [*((seed, True) for seed in range(several(5))), (4, False)])
def test_a_minute_without_a_key_explains_an_election_a_commit_and_a_crash(
    seed: int, greets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Nobody(monkeypatch, seed=seed, greets=greets)

    async def watch(_: Pilot[None]) -> None:
        await nobody.wait(MINUTE, lambda: any("it leads term 2" in told for told in nobody.told))
        assert explained(nobody.told) == ""
        assert nobody.watched.wall <= MINUTE
        assert nobody.app.settings.greeted is not greets  # nobody has answered the card

    nobody.run(watch)


def test_it_says_so_before_and_meanwhile_and_a_stop_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Nobody(monkeypatch)

    async def watch(_: Pilot[None]) -> None:
        assert isinstance(nobody.app.screen, Card)
        assert await nobody.wait(
            PATIENCE, lambda: "raftplay plays by itself in 3 s; any key stops it" in nobody.line
        )
        assert nobody.app.demo is None
        assert await nobody.wait(PATIENCE, lambda: "as nobody is here, raftplay plays by itself" in nobody.line)
        assert nobody.app.demo is not None
        assert await nobody.wait(10, lambda: nobody.app.seen.snapshot.paused)
        assert nobody.app.deck.outcome is not None
        assert nobody.app.deck.outcome.answer.endswith("asks for votes. the demo goes on in a moment")
        assert not await nobody.wait(3, lambda: not nobody.app.seen.snapshot.paused)
        assert await nobody.wait(2, lambda: not nobody.app.seen.snapshot.paused)

    nobody.run(watch)


@pytest.mark.parametrize("greets", [True, False], ids=["newcomer", "greeted"])
def test_whoever_has_pressed_a_key_is_never_overtaken(greets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Nobody(monkeypatch, greets=greets)

    async def watch(pilot: Pilot[None]) -> None:
        await nobody.wait(1)
        await pilot.press("enter" if greets else "j")
        await nobody.wait(MINUTE)
        assert nobody.app.demo is None
        assert nobody.line.find("by itself") < 0
        assert not any("submit" in line or "crash" in line for line in nobody.done)

    nobody.run(watch)


def test_a_mouse_that_moves_has_it_wait_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Nobody(monkeypatch)

    async def watch(pilot: Pilot[None]) -> None:
        await nobody.wait(PATIENCE - 1)
        await pilot.hover(offset=(10, 10))
        await nobody.wait(PATIENCE - 1)
        assert nobody.app.demo is None
        assert await nobody.wait(2, lambda: nobody.app.demo is not None)

    nobody.run(watch)


@pytest.mark.parametrize(("greets", "comes_back"), [(True, Card), (False, Main)], ids=["newcomer", "greeted"])
def test_a_key_ends_it_and_brings_back_the_card_that_nobody_answered(
    greets: bool, comes_back: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Nobody(monkeypatch, greets=greets)

    async def watch(pilot: Pilot[None]) -> None:
        assert await nobody.wait(MINUTE, lambda: "crash leader" in nobody.done)
        assert isinstance(nobody.app.screen, Main)
        await pilot.press("c")
        assert nobody.app.demo is None
        assert isinstance(nobody.app.screen, comes_back)
        before = [line for line in nobody.done if line != "pause"]
        await nobody.wait(30)
        assert [line for line in nobody.done if line != "pause"] == before

    nobody.run(watch)


@pytest.mark.parametrize("why", ["settings", "two nodes", "pace real", "option"])
def test_it_can_be_switched_off_and_is_for_clusters_that_can_lose_a_leader(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Nobody(monkeypatch, demo=why != "settings", nodes=2 if why == "two nodes" else 5)
    nobody.app.watches = why != "pace real"
    nobody.app.unattended.may_begin = why != "option"

    async def watch(_: Pilot[None]) -> None:
        await nobody.wait(3 * PATIENCE)
        assert nobody.app.demo is None
        assert nobody.line == ""

    nobody.run(watch)


@pytest.mark.parametrize(("key", "demo"), [("3", False), ("d", True)])
def test_leave_me_alone_switches_it_off_for_good(key: str, demo: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Nobody(monkeypatch, demo=not demo)

    async def watch(pilot: Pilot[None]) -> None:
        await pilot.press(key)
        assert nobody.app.settings.demo is demo

    nobody.run(watch)


@pytest.mark.parametrize(
    ("options", "may"),
    [({}, True), ({"demo": False}, False), ({"demo": True}, False), ({"plays": True}, False),
     ({"presents": True}, False), ({"greeting": "again"}, False), ({"pace": "real"}, False)],
)  # fmt: skip
def test_scripts_presenters_and_data_directories_never_get_it(options: dict[str, object], may: bool) -> None:
    wanted = Wanted(parse_script("x", "", Setup()), **options)  # type: ignore[arg-type]
    assert may_play(wanted, SimpleNamespace(directory=None)) is may  # type: ignore[arg-type]
    assert not may_play(wanted, SimpleNamespace(directory=Path("there")))  # type: ignore[arg-type]


def test_a_lesson_is_a_screen_that_never_plays_by_itself() -> None:
    session = session_of()
    watched = Watched(session)
    try:
        assert not RaftApp(watched, app_of(watched).deck).unattended.may_begin
    finally:
        watched.close()
