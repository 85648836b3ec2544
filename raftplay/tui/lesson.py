"""`raftplay lesson --tui`: the words of a lesson beside its cluster, answered at the prompt.

The lesson is read in a thread of its own, by the same `LessonReader` as in a terminal. What it writes is shown in
a box of words; what it asks for is typed at the prompt. Keys that are commands are typed for it, too.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from textual.app import ComposeResult

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.waits import Interrupted
from raftplay.commands.setup import Setup
from raftplay.language.completion import Completion
from raftplay.language.lexer import Mistake, split_line
from raftplay.language.table import Bound
from raftplay.lessons.catalogue import LessonText
from raftplay.lessons.command import keep
from raftplay.lessons.course import open_lesson
from raftplay.lessons.progress import kept, progress_file
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import Lesson
from raftplay.lessons.terminal import LessonReader
from raftplay.output import Output
from raftplay.past.view import View
from raftplay.run.live import Live
from raftplay.run.report import report
from raftplay.session.outcome import Outcome
from raftplay.session.status import Status
from raftplay.tui.app import RaftApp
from raftplay.tui.boxes import Box
from raftplay.tui.command import Wanted, check_terminal, deck_of
from raftplay.tui.ending import ending_on_signals
from raftplay.tui.model.layout import LEAST
from raftplay.tui.model.lines import Piece, Pieces, columns, windowed, wrapped
from raftplay.tui.prompt import lines_of
from raftplay.tui.reading import LessonPlace
from raftplay.tui.settings import Settings, load
from raftplay.tui.state import ScreenState
from raftplay.tui.watching import Watching
from raftplay.watch.facts import Record
from raftplay.watch.text import count

T = TypeVar("T")

WIDE = 120
"""From so many columns on the words stand beside the cluster, and below it on narrower screens."""

MOST_WORDS = 72
"""Columns of the words at most: longer lines are hard to read."""

LOOKS = {
    "title": "title bold",
    "dim": "dim",
    "question": "key bold",
    "command": "append",
    "event": "timer",
    "right": "ok bold",
    "wrong": "warn",
    "broken": "bad bold",
}

ROOMY = 16
"""In fewer lines words have no blank ones between them."""

CLOSE_LIMIT = 5.0

LOOKS_BACK = ("back", "forward", "goto", "mark", "live", "now", "branches", "diff")
"""The commands that look at the past: they change nothing and are allowed at any time."""


class LessonLive(Live):
    """The session of a lesson: time stands still between commands, and is shown so."""

    def view(self) -> View:
        """The cluster at the moment that is looked at."""
        view = super().view()
        if not self.stands_still or self.busy is not None or view.rewound:
            return view
        return replace(view, snapshot=replace(view.snapshot, paused=True))


WATCHED_FOR = 45.0
"""The seconds of the wall clock after which a command that is watched speeds up."""


class LiveStage(Stage):
    """The stage of a living session: everything is done in its thread.

    With `watching`, what a reader is asked to watch goes at a pace that a person can follow; without, at `speed`.
    """

    def __init__(self, live: Live, speed: float, watching: Watching | None = None) -> None:
        super().__init__(live.session, speed)
        self._live = live
        self._watching = watching
        if watching is not None:
            self.patience = WATCHED_FOR

    def do(self, bound: Bound, tell: Callable[[Record], None] | None = None) -> Outcome:
        """Perform a command as `Stage.do` does; one that is shown, until all of it was seen."""
        if self._watching is None or bound.effect == "looks":
            return super().do(bound, tell)
        if tell is None:
            self._watching.end()
            return super().do(bound)
        self._watching.begin(self.session.branch)
        try:
            return super().do(bound, tell)
        finally:
            self._watching.catch_up()

    def start_over(self, lesson: Lesson, at: int) -> dict[str, str]:
        """Rebuild the cluster as `Stage.start_over` does, unwatched."""
        if self._watching is not None:
            self._watching.end()
        return super().start_over(lesson, at)

    def call(self, function: Callable[[], T], about: str = "") -> T:
        """Call `function` in the session's thread and return its result."""
        return self._live.call(function, about).result()

    def rest(self) -> None:
        """Pause time between commands."""
        self._live.stands_still = True


class LessonApp(RaftApp):
    """The screen of a lesson. `room` is the place of its reader; `watching`, when the cluster is watched."""

    has_guide = False

    def __init__(
        self,
        live: Live,
        deck: ScreenState,
        room: LessonPlace,
        *,
        settings: Settings | None = None,
        colours: bool = True,
        watching: Watching | None = None,
    ) -> None:
        super().__init__(live, deck, settings=settings, colours=colours)
        self.watching = watching
        self.live = live
        self.room = room
        room.goes_by = lambda: not live.stands_still
        self.begin: Callable[[], None] = lambda: None
        """The call that starts the reader, once there is a screen."""

        self._scroll = 0
        self._count = 0
        self._questions = 0

    # ---- where things are

    def compose(self) -> ComposeResult:
        """All that the screen has, and the words."""
        yield from super().compose()
        self._boxes["words"] = words = Box("words")
        yield words

    def fit(self, width: int, height: int) -> None:
        """The cluster has what the words leave."""
        if width >= WIDE:
            words = min(MOST_WORDS, width * 2 // 5)
            self.deck.width, self.deck.height = width - words - 1, height
            self._words = (width - words, 0, words, height - 1)
            is_tight = height - 1 < ROOMY
        else:
            kept = max(LEAST[1], height * 3 // 5)
            self.deck.width, self.deck.height = width, kept
            where = self.deck.layout()
            above = kept - 2 - where.answer.height  # the words have the lines of answers and keys
            if is_tight := height - above - 1 < ROOMY:
                above = where.sentence.y + 1  # and those of the tape, and of NEXT
            self._words = (0, above, width, max(0, height - above - 1))
        self.room.console.width = self._words[2]
        self.room.is_tight = is_tight
        self.room.page = max(3, self._words[3])

    def arrange(self) -> None:
        """Give every box its place."""
        super().arrange()
        x, y, width, height = self._words
        if self.deck.fits and height > 0:
            if x == 0:  # the words stand where answers and keys would
                self._boxes["answer"].place((0, 0, 0, 0))
                self._boxes["keys"].place((0, 0, 0, 0))
                if self.room.is_tight:
                    where = self.deck.layout()
                    self._boxes["tape"].place((0, 0, 0, 0))
                    self._boxes["sentence"].place((0, where.sentence.y, width, 1))
            self._boxes["words"].place(self._words)
            self.prompt.styles.offset = (x, y + height)
            self.prompt.styles.width = width

    # ---- painting

    def on_mount(self) -> None:
        """Begin the lesson, which takes what is typed."""
        self.set_focus(self.prompt)
        self.call_after_refresh(self.begin)

    def paint(self) -> None:
        """Show the cluster, and the words."""
        if not self._boxes or not self.screen_stack or not self.is_running:
            return
        if self.room.has_failed:
            self.exit()
            return
        self._paint_cluster()
        room, lines = self.room, list(self.room.lines)
        if len(lines) != self._count:
            self._count, self._scroll = len(lines), 0
        if room.asked and room.questions != self._questions:
            self._questions = room.questions
            self.set_focus(self.prompt)
        self.prompt.placeholder = room.asked or "the lesson goes on …"
        _, _, width, height = self._words
        shown: list[Pieces] = [
            (Piece(row, LOOKS.get(style, "text")),)
            for text, style in lines
            for row in ([text] if columns(text) <= width else wrapped(text, width))
        ]
        top = max(0, len(shown) - height - self._scroll)
        self._scroll = min(self._scroll, max(0, len(shown) - height))
        self._boxes["words"].put(windowed(shown, height, top).lines)

    def _paint_cluster(self) -> None:
        """Show the cluster, at the pace that the reader's thread wants now."""
        watching = self.watching
        if watching is None:
            super().paint()
            return
        asked = watching.asked
        self.watches = watching.is_wanted or not self.live.stands_still
        if not self.watches:
            self.leave_pace()
        super().paint()
        playhead = self.playhead
        branch = None if playhead is None else playhead.branch
        watching.answer(asked, branch, is_behind=playhead is not None and playhead.is_behind)

    @property
    def may_move_seen(self) -> bool:
        """Return False: in a lesson keys do not stop the clock that a command needs."""
        return False

    # ---- what is typed

    def submit(self, text: str) -> None:
        """Take an answer, a command, or just Enter."""
        line, *others = lines_of(text)
        self.history.add(line)
        if line in ("quit", "exit"):
            self.exit()
        elif not self.answer(line):
            self.toast("a moment: the lesson goes on")
        elif others:
            self.toast(f"a lesson takes one line at a time; not taken: {count(len(others), 'line')}")

    def do(self, line: str, *, typed: bool = False) -> None:
        """A key that is a command: it is typed for the lesson. Looking back is possible at any time."""
        names = _names(line)
        if all(name in LOOKS_BACK for name in names):
            super().do(line)
        elif self.room.is_play and names in (["resume"], ["pause"]):
            self.live.stands_still = names == ["pause"]
            self.live.session.harness.kick()
        elif not self.answer(line):
            self.toast("a moment: the lesson goes on")

    def deeds(self) -> int:
        """Return 0: nothing is lost, for the place in the lesson is kept."""
        return 0

    def answer(self, line: str) -> bool:
        """Type a line for the lesson, if it asks for one."""
        self._scroll = 0
        return self.room.type(line)

    def action_page(self, by: int) -> None:
        """Read what was said before."""
        self._scroll = max(0, self._scroll - by * max(1, self._words[3] - 2))
        self.paint()

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned over the words."""
        if event.box.id == "words":
            self._scroll = max(0, self._scroll - event.lines)
            self.paint()

    def complete(self, text: str, cursor: int) -> list[Completion]:
        """Return what may stand at the cursor: the commands that a lesson takes."""
        return [one for one in super().complete(text, cursor) if one.text not in ("play", "lesson")]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now: a lesson leads to no other."""
        return action not in ("choose", "welcome", "go_on", "pace") and super().check_action(action, parameters)


def _names(line: str) -> list[str]:
    try:
        return [statement.words[0].text for statement in split_line(line)[0]]
    except Mistake:
        return [""]


def show_lesson(text: LessonText, overrides: Setup, *, speed: float | None, file: Path) -> Status:
    """Show a lesson on the terminal until its reader leaves. Raises `UsageError` and `ScriptRefused`."""
    lesson = text.lesson(overrides)
    check_terminal()
    app, reading = prepared(text, lesson, speed=speed, file=file, settings=load())
    try:
        with ending_on_signals(None) as ending:
            ending.run(app)
    finally:
        failure = reading.end() or app.failure
    if failure is not None:
        return report(failure, app.driver.session)
    Output().write("\n".join(line for line, _ in app.room.lines[-1:]))
    return Status.HELD


def visit(
    text: LessonText,
    settings: Settings,
    run: Callable[[RaftApp], None],
    *,
    ascii: bool,
    barred: frozenset[str] = frozenset(),
) -> str:
    """Show a lesson by `run`, between two screens of another session; return what to say of its end.

    What is `barred` there is so here, too; without files no progress is kept.
    """
    if "files" in barred:
        text = replace(text, key="")
    app, reading = prepared(text, text.lesson(), file=progress_file(), settings=settings, ascii=ascii)
    app.driver.session.barred = barred
    try:
        run(app)
    finally:
        failure = reading.end() or app.failure
    if failure is not None:
        report(failure, app.driver.session)
        return "the lesson ended by an error of raftplay; the report is written where it began"
    last = [line.strip() for line, _ in app.room.lines if line.strip()][-1:]
    return f"back from the lesson: {last[0].rstrip('.') if last else 'it did not begin'}"


def prepared(
    text: LessonText,
    lesson: Lesson,
    *,
    speed: float | None = None,
    file: Path,
    settings: Settings | None = None,
    ascii: bool = False,
) -> "tuple[LessonApp, LessonThread]":
    """The screen of a lesson, and the thread that reads it, which begins when the screen does.

    Without a `speed` it goes at a pace that a person can follow.
    """
    start = kept(file).left.get(text.key) if lesson.setup.seed is None else None
    session = open_lesson(lesson, start.seed if start is not None else None)
    live = LessonLive(session, stands_still=True)
    room = LessonPlace()
    watching = Watching() if speed is None else None
    stage = LiveStage(live, 1.0 if speed is None else speed, watching)
    reading = LessonThread(LessonReader(lesson, stage, room.console, start=start), room, live, text, file)
    room.watching = watching
    deck = deck_of(Wanted(lesson.script, ascii=ascii))
    app = LessonApp(live, deck, room, settings=settings, colours="NO_COLOR" not in os.environ, watching=watching)
    app.begin = reading.start
    return app, reading


class LessonThread(threading.Thread):
    """The thread in which a lesson is read; what becomes of it is kept."""

    def __init__(self, reader: LessonReader, room: LessonPlace, live: Live, text: LessonText, file: Path) -> None:
        super().__init__(name="raftplay-lesson", daemon=True)
        self.reader = reader
        self._room = room
        self._live = live
        self._text = text
        self._file = file
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Up to the end of the lesson, or until the room is closed."""
        self._room.begin()
        try:
            keep(self.reader, self._text, self._file, resumes=True)
        except (EOFError, Interrupted):
            pass  # the screen is gone
        except BaseException as error:
            self._failure = error
            self._room.fail()

    def end(self) -> BaseException | None:
        """Close the room and the session, once the reader has left: what went wrong inside, if anything did."""
        self._room.close()
        give_up = time.monotonic() + CLOSE_LIMIT
        while self.is_alive() and time.monotonic() < give_up:
            self._live.cancel()
            self.join(0.05)
        try:
            self._live.close()
        except (InvariantBroken, NodeFailed):
            pass  # it was shown
        except Exception as error:
            return self._failure or error
        return self._failure
