"""What the tests of the screen share: clusters that stand still, and the screen as lines of text."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import textual.app
import textual.pilot
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.run.script import parse_script
from raftplay.session.branches import Blueprint
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.tui import picture
from raftplay.tui.app import RaftApp
from raftplay.tui.driver import SessionLike, Still
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.model.lines import Pieces, text_of
from raftplay.tui.play import Player
from raftplay.tui.settings import Settings
from raftplay.tui.state import ScreenState
from raftplay.watch.invariants import INVARIANTS
from support.headless import seldom
from support.terminal import Terminal

PATIENCE = 30.0
"""Far longer than anything takes that a test waits for, in seconds."""

NAMES = tuple(invariant.name for invariant in INVARIANTS)


async def idle(*_: float) -> None:
    """Wait until no task of the event loop is ready to run: all that was asked of the screen is done.

    textual itself waits until the process is idle by its CPU time: at least 20 ms, twice for each key, and on a
    busy machine, where a process that is held up looks idle, not long enough.
    """
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    while ready:  # noqa: ASYNC110 - no event says that nothing is ready
        await asyncio.sleep(0)


textual.app.wait_for_idle = textual.pilot.wait_for_idle = idle


def session_of(nodes: int = 5, seed: int = 7, setup: str = "") -> Session:
    """A session in virtual time; `setup` are set-up lines."""
    script = parse_script("test", setup, Setup(nodes=nodes, seed=seed, backend="sim"))
    blueprint = Blueprint(nodes, "sim", seed, script.setup.config().settled(), tuple(script.setup.watched))
    history = History()
    return Session(blueprint.build((history,)), history, blueprint=blueprint)


@contextmanager
def still(*lines: str, nodes: int = 5, seed: int = 7, setup: str = "") -> Iterator[Still]:
    """A cluster after `lines`, its time standing still between commands."""
    driver = Still(session_of(nodes, seed, setup))
    try:
        for line in lines:
            done(driver, line)
        yield driver
    finally:
        driver.close()


def done(driver: SessionLike, line: str) -> list[Outcome]:
    """Run a line that is no mistake."""
    outcomes = driver.run(line).result(30)
    assert all(outcome.status is not Status.MISUSED for outcome in outcomes), outcomes
    return outcomes


def view_after(*lines: str, **options: Any) -> View:
    """The view of a cluster after `lines`; in it nothing changes any more."""
    with still(*lines, **options) as driver:
        return driver.view()


def remember(home: Path, **settings: bool | int) -> None:
    """Keep settings in a home, if none are kept there: by default those of one who has met the card and the marks."""
    state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    file = state / "raftplay" / "screen.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"greeted": True, "marks": 3, **settings}), "utf-8")


def terminal_of(
    *arguments: str,
    home: Path,
    size: tuple[int, int] = (120, 40),
    is_new: bool = False,
    before: str = "",
    afresh: bool = False,
    **env: str,
) -> Terminal:
    """`raftplay tui` in a terminal, as one has it who knows the screen, or is new to it."""
    if not is_new:
        remember(home)
    pace = () if "--pace" in arguments else ("--pace", "real")
    variables = {"HOME": str(home), "TMPDIR": str(home), **env}
    return Terminal(
        "tui", *pace, *arguments, columns=size[0], rows=size[1], env=variables, before=before, afresh=afresh
    )


def context(width: int = 80, height: int = 20, **options: Any) -> Context:
    """A context with all invariants watched."""
    return Context(width, height, watched=NAMES, **options)


def texts(lines: "tuple[Pieces, ...] | list[Pieces]") -> list[str]:
    """Lines without their styles and trailing spaces."""
    return [text_of(line).rstrip() for line in lines]


def app_of(
    driver: SessionLike, *, ascii: bool = False, colours: bool = True, player: Player | None = None
) -> RaftApp:
    """The app over a driver, with nothing remembered."""
    deck = ScreenState(watched=NAMES, nodes=driver.session.harness.n, glyphs=ASCII if ascii else UNICODE)
    app = RaftApp(driver, deck, settings=Settings(), colours=colours, player=player)
    return seldom(app) if isinstance(driver, Still) else app


@asynccontextmanager
async def shown(app: RaftApp, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[None]]:
    """The app, running without a terminal."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await picture.settled(app, pilot)
        yield pilot


def played(app: RaftApp, what: Callable[[Pilot[None]], Awaitable[Any]], size: tuple[int, int] = (120, 40)) -> Any:
    """What `what` gives while the app runs."""

    async def run() -> Any:
        async with shown(app, size) as pilot:
            return await what(pilot)

    return asyncio.run(run())


async def until(app: RaftApp, pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Let the app run, and paint, until something holds."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, f"it did not come: {app.deck.outcome}\n" + "\n".join(picture.frame(app))
        await pilot.pause(0.01)
        app.paint()


async def pressed(pilot: Pilot[None], *keys: str) -> list[str]:
    """The screen after some keys."""
    await pilot.press(*keys)
    await picture.settled(pilot.app, pilot)  # type: ignore[arg-type]
    return picture.frame(pilot.app)  # type: ignore[arg-type]


def frame_of(driver: SessionLike, size: tuple[int, int], *keys: str, ascii: bool = False) -> list[str]:
    """The screen of a cluster as lines of text, after some keys."""
    return list(played(app_of(driver, ascii=ascii), lambda pilot: pressed(pilot, *keys), size))
