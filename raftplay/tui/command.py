"""`raftplay tui`: a session on the screen, or a picture of one without a terminal."""

import asyncio
import contextlib
import locale
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.live import Live
from raftplay.commands.script import Script
from raftplay.commands.session import Session
from raftplay.commands.status import Status
from raftplay.output import complain, knows_unicode
from raftplay.raft.messages import UsageError
from raftplay.tui import picture
from raftplay.tui.app import RaftApp
from raftplay.tui.deck import Deck
from raftplay.tui.driver import Still
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.play import Player
from raftplay.tui.settings import Settings, load
from raftplay.tui.terminal import DUMB
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.text import visible

SPEED = 0.1
"""How fast time goes by on a screen unless said otherwise: a person cannot follow an election of 150 ms."""

GRACE = 3.0
"""How long a signal lets the screen take to end, in seconds."""

SMALLEST, BIGGEST = (20, 5), (500, 300)
"""What `--size` may ask for."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. `plays`: whether `script` is one to play, not just a set-up.

    `at_once`: play it as fast as it goes, without pauses for reading.
    """

    script: Script
    plays: bool = False
    speed: float | None = None
    step: bool = False
    at_once: bool = False
    ascii: bool = False


def show(wanted: Wanted, session: Session) -> Status:
    """Show `session` on the terminal until the user leaves, and close it."""
    speed = wanted.speed if wanted.speed is not None else 100.0 if wanted.at_once else SPEED
    try:
        session.harness.set_speed(speed)
        if wanted.plays:
            session.harness.pause()
        app_news: list[str] = []
        driver = Live(session, app_news.append)
    except BaseException:
        session.close()
        raise
    slower = SPEED if wanted.at_once and wanted.speed is None else None
    player = Player(wanted.script, driver, wanted.step, wanted.at_once, slower) if wanted.plays else None
    app = RaftApp(
        driver,
        deck_of(wanted),
        settings=load(),
        player=player,
        colours="NO_COLOR" not in os.environ,
        news=app_news,
    )
    try:
        with _ending_on_signals(app):
            app.run()
    finally:
        failure = app.failure
        try:
            driver.close()
        except InvariantBroken:
            pass  # it was shown
        except Exception as error:
            failure = failure or error
    if failure is not None:
        return report(failure)
    return Status.HELD


@contextlib.contextmanager
def _ending_on_signals(app: RaftApp) -> Iterator[None]:
    """SIGTERM and SIGHUP end the screen as `q` does.

    Where the terminal is gone, or does not read, the screen may wait for it for ever: then the process just ends.
    """

    def end(number: int, _: FrameType | None) -> None:
        timer = threading.Timer(GRACE, os._exit, (128 + number,))
        timer.daemon = True
        timer.start()
        if app.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                app.loop.call_soon_threadsafe(app.exit)

    numbers = (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def draw(
    wanted: Wanted, session: Session, file: Path, size: tuple[int, int], after: str, *, light: bool = False
) -> None:
    """Write a picture of `session` after the script and the commands `after`, without a terminal, and close it.

    Raises `UsageError` when a command of `after` is wrong or does not hold, or the file cannot be written.
    """
    with session.harness.lock:
        driver = Still(session)
    try:
        if wanted.speed is not None:
            session.harness.set_speed(wanted.speed)
        app = RaftApp(
            driver, deck_of(wanted), settings=Settings(light=light), colours="NO_COLOR" not in os.environ
        )
        steps = [step.bound.statement.text for step in wanted.script.steps] if wanted.plays else []
        text = asyncio.run(picture.take(app, size, steps, after))
    finally:
        driver.close()
    picture.write(file, text)


def size_of(text: str) -> tuple[int, int]:
    """``120x40``: columns and lines. Raises `UsageError`."""
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and len(text) < 10:
        size = (int(width), int(height))
        if SMALLEST[0] <= size[0] <= BIGGEST[0] and SMALLEST[1] <= size[1] <= BIGGEST[1]:
            return size
    raise UsageError(f"--size is columns and lines, from 20x5 to 500x300, such as 120x40, not {text[:20]!r}")


def deck_of(wanted: Wanted) -> Deck:
    """The deck to begin with."""
    setup = wanted.script.setup
    watched = tuple(setup.watched) or tuple(invariant.name for invariant in INVARIANTS)
    glyphs = UNICODE if knows_unicode(locale.getpreferredencoding(False)) and not wanted.ascii else ASCII
    return Deck(watched=watched, nodes=setup.nodes or 1, glyphs=glyphs)


def check_terminal() -> None:
    """Raise `UsageError` unless standard input, and standard error, where the screen is drawn, are a terminal.

    It must be one that can move its cursor.
    """
    for stream, name in ((sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            raise UsageError(
                f"standard {name} is no terminal, and the screen needs one; "
                "--screenshot FILE.svg draws a picture without"
            )
    term = os.environ.get("TERM", "")
    if term.lower() in DUMB:
        raise UsageError(
            f"the terminal cannot show a screen (TERM={term}); raftplay shell works on it, and "
            "--screenshot FILE.svg draws a picture without one"
        )


def report(failure: BaseException) -> Status:
    """Keep what went wrong inside in a file, and say so in a line."""
    text = "".join(traceback.format_exception(failure))
    first = visible(traceback.format_exception_only(failure)[-1].strip().split("\n")[0][:200])
    where = ""
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(prefix="raftplay-report-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        where = f"; the report is in {path}"
    complain(f"raftplay: internal error: {first}{where}")
    return Status.FAILED
