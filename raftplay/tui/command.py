"""`raftplay tui`: a session on the screen, or a picture of one without a terminal."""

import asyncio
import contextlib
import locale
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.output import complain, knows_unicode
from raftplay.run.live import Live
from raftplay.run.report import report
from raftplay.run.script import Script
from raftplay.run.transcript import warning_text
from raftplay.session.session import Session
from raftplay.session.shown import not_kept_text
from raftplay.session.status import Status
from raftplay.tui import last, picture
from raftplay.tui.acting import REAL_SPEED
from raftplay.tui.app import RaftApp
from raftplay.tui.demo import Demo
from raftplay.tui.driver import Still
from raftplay.tui.ending import Ending, ending_on_signals
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.output.line import Recorder, Several
from raftplay.tui.play import Player
from raftplay.tui.settings import Settings, Unkept, load
from raftplay.tui.state import ScreenState
from raftplay.tui.terminal import DUMB
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.text import count

if TYPE_CHECKING:
    from raftplay.tui.serve.feed import Audience, BranchPlace

PACES = ("watch", "real")
"""The paces of `--pace`: that of the playhead, and that of the cluster's clock."""

PATIENCE = 1.0
"""The time that commands have to end before a lesson is opened, in seconds."""

SMALLEST, BIGGEST = (60, 16), (500, 300)
"""The limits of `--size`: (columns, lines)."""


@dataclass(frozen=True)
class Wanted:
    """A request of the command line. `plays`: `script` is one to play, not just a set-up.

    `at_once`: play it as fast as it goes, without pauses for reading. `pace`: one of `PACES`.
    `presents`: begin in presenter mode. `demo`: give commands until a key is pressed; None: once nobody has
    touched one for a while. `greeting`: the first answer on the screen.
    """

    script: Script
    plays: bool = False
    speed: float | None = None
    step: bool = False
    at_once: bool = False
    pace: str = "watch"
    ascii: bool = False
    presents: bool = False
    demo: bool | None = None
    greeting: str = ""


def show(wanted: Wanted, session: Session, cast: Target | None = None, serve: "Audience | None" = None) -> Status:
    """Show `session` on the terminal until the user leaves, and close it.

    The screen is recorded in `cast`, and shown to the audience `serve`.
    """
    watches = wanted.pace == "watch" and not wanted.at_once
    keeps = "files" not in session.barred
    settings = load() if keeps else Unkept()
    greets = is_first(wanted, settings, session.harness.n)
    usual = 1.0 if watches else REAL_SPEED
    speed = wanted.speed if wanted.speed is not None else 100.0 if wanted.at_once else usual
    try:
        session.harness.set_speed(speed)
        if watches:
            session.harness.steer(0.0)  # until it is painted: nothing happens unseen
        if wanted.plays or greets:
            session.harness.pause()
        app_news = [text for text in (wanted.greeting, warning_text(session.harness)) if text]
        driver = Live(session, app_news.append)
    except BaseException:
        session.close()
        raise
    slower = REAL_SPEED if wanted.at_once and wanted.speed is None else None
    player = Player(wanted.script, driver, wanted.step, wanted.at_once, slower) if wanted.plays else None
    app = RaftApp(
        driver,
        deck_of(wanted),
        settings=settings,
        player=player,
        colours="NO_COLOR" not in os.environ,
        news=app_news,
        watches=watches,
        greets=greets,
        presents=wanted.presents,
    )
    app.reel.announces = True
    app.demo = Demo() if wanted.demo else None
    app.unattended.may_begin = may_play(wanted, session)
    keep = partial(last.keep, session) if "files" not in session.barred else None
    try:
        with (
            ending_on_signals(keep) as ending,
            recording(cast, wanted.script.name) as app.line.recorder,
            serving(serve, app, app_news.append, ending),
        ):
            ending.run(app)
            while app.elsewhere.visit is not None and app.failure is None and ending.signal is None:
                app = _returned(app, ending)
                ending.run(app)
    finally:
        failure = app.failure
        app.reel.close()
        app.leave_pace()
        try:
            driver.close()
        except (InvariantBroken, NodeFailed):
            pass  # it was shown
        except Exception as error:
            failure = failure or error
        kept = last.keep(session) if keeps else ""
    if kept:
        complain(f"raftplay: {kept}")
    if failure is not None:
        return report(failure, session)
    if branches := session.not_kept:
        complain(not_kept_text(branches, session.directory))
    return Status.HELD


def is_first(wanted: Wanted, settings: Settings, nodes: int) -> bool:
    """Return whether this is a newcomer's first start, with nodes to elect a leader of and nothing to play."""
    return nodes > 1 and not (
        settings.greeted or wanted.plays or wanted.presents or wanted.demo or wanted.greeting
    )


def may_play(wanted: Wanted, session: Session) -> bool:
    """Return whether the demo may begin by itself: on a new cluster, of which nothing is kept in files."""
    is_new = not (wanted.plays or wanted.presents or wanted.greeting or session.directory)
    return is_new and wanted.demo is None and wanted.pace == "watch"


@contextlib.contextmanager
def recording(cast: Target | None, title: str) -> Iterator[Recorder | None]:
    """Record in the block what the screen writes to its terminal, if there is a file for it."""
    if cast is None:
        yield None
        return
    from raftplay.tui.output.cast import CastRecorder as ToFile  # noqa: PLC0415 - few record a screen

    recorder = ToFile(cast, terminal_size(), title)
    try:
        yield recorder
    finally:
        recorder.close()


@contextlib.contextmanager
def serving(
    audience: "Audience | None", app: RaftApp, tell: Callable[[str], object], ending: Ending
) -> Iterator[None]:
    """Show in the block what the screen of `app` writes to an audience, if there is one.

    Their replay follows the screen that `ending` runs.
    """
    if audience is None:
        yield
        return
    from raftplay.tui.serve.feed import BranchPlace  # noqa: PLC0415 - few show their screen to others
    from raftplay.tui.serve.mirror import Mirror  # noqa: PLC0415
    from raftplay.tui.serve.server import ScreenServer  # noqa: PLC0415

    mirror = Mirror(terminal_size())
    shown = [app]

    def place() -> BranchPlace:
        if ending.app is not None and ending.app.has_guide:  # a lesson is not shown
            shown[:] = [ending.app]
        return place_of(shown[0])

    feed = audience.feed(place)
    with ScreenServer(mirror, audience.address, feed) as server:
        text = f"{server.url} shows this screen to others; {server.address.audience()}"
        complain(f"raftplay: {text}")
        tell(text)
        app.elsewhere.viewers = lambda: f"{count(server.viewers, 'viewer')}; {text}"
        recorder = app.line.recorder
        app.line.recorder = mirror if recorder is None else Several((recorder, mirror))
        yield


def place_of(app: RaftApp) -> "BranchPlace":
    """Return the place that a screen shows."""
    from raftplay.tui.serve.feed import BranchPlace  # noqa: PLC0415 - few show their screen to others

    position, playhead = app.driver.session.position, app.playhead
    branch, moment = position.branch, position.moment
    follows = playhead is not None and playhead.branch is branch
    seq = playhead.seq if playhead is not None and follows else branch.history.last_seq
    return BranchPlace(branch, seq, seq if moment is None else moment.seq)


def terminal_size() -> tuple[int, int]:
    """Return the columns and lines of the terminal."""
    size = os.get_terminal_size(sys.__stderr__.fileno() if sys.__stderr__ is not None else 2)
    return size.columns, size.lines


def _returned(before: RaftApp, ending: Ending) -> RaftApp:
    """Show the lesson for which a screen was left; return a screen on which its session goes on."""
    from raftplay.tui.lesson import visit  # noqa: PLC0415 - a lesson is a screen, too

    text = before.elsewhere.visit
    assert text is not None
    driver, player = before.driver, before.player
    before.leave_pace()
    recorder, before.line.recorder = before.line.recorder, None
    if player is not None:
        player.set_aside()
    before.finish(PATIENCE)
    driver.session.harness.halt()
    barred = driver.session.barred
    said = visit(text, before.settings, ending.run, ascii=before.deck.glyphs.ascii, barred=barred)
    if player is not None and not player.ended:
        said += "; the script waits: g for its next step, space to go on"
    elif not before.first.greets:
        said += "; space goes on"
    app = RaftApp(
        driver,
        before.deck,
        settings=before.settings,
        player=player,
        colours=before.colours,
        news=[said],
        watches=before.watches,
        greets=before.first.greets,
    )
    before.reel.close()
    app.reel.announces = True
    app.line.recorder = recorder
    app.continue_from(before)
    return app


def draw(
    wanted: Wanted, session: Session, file: Target, size: tuple[int, int], after: str, *, light: bool = False
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
        steps = [step.bound.text for step in wanted.script.steps] if wanted.plays else []
        text = asyncio.run(picture.take(app, size, steps, after))
    finally:
        driver.close()
    file.write(text.encode())


def size_of(text: str) -> tuple[int, int]:
    """``120x40``: columns and lines. Raises `UsageError`."""
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and len(text) < 10:
        size = (int(width), int(height))
        if SMALLEST[0] <= size[0] <= BIGGEST[0] and SMALLEST[1] <= size[1] <= BIGGEST[1]:
            return size
    raise UsageError(f"--size is columns and lines, from 60x16 to 500x300, such as 120x40, not {text[:20]!r}")


def deck_of(wanted: Wanted) -> ScreenState:
    """The deck to begin with."""
    setup = wanted.script.setup
    watched = tuple(setup.watched) or tuple(invariant.name for invariant in INVARIANTS)
    glyphs = UNICODE if knows_unicode(locale.getpreferredencoding(False)) and not wanted.ascii else ASCII
    return ScreenState(watched=watched, nodes=setup.nodes or 1, glyphs=glyphs)


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
