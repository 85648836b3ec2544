"""What is written to the terminal: the cells that changed, one frame after the other, without motion when slow."""

import asyncio
import io
import random
import signal
import sys
import termios
import time
from collections.abc import Iterator
from typing import Any

import pyte
import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from support.amount import several
from support.tui import app_of, done, played, session_of
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver
from textual.pilot import Pilot

from raftplay.raft.messages import CMState
from raftplay.tui import app as app_module
from raftplay.tui.app import PAINTS, RaftApp
from raftplay.tui.driver import Still
from raftplay.tui.output.cells import PLAIN, Cells, row_of
from raftplay.tui.output.driver import counting
from raftplay.tui.output.line import CALM, SLOW, TerminalLine

STYLES = [
    Style(color="#8894a6", bgcolor="#10141b"),
    Style(color="#ff6d6d", bgcolor="#10141b", bold=True),
    Style(color="#10141b", bgcolor="#5ccfe6", bold=True, underline=True),
    Style(color="#8894a6", bgcolor="#1a212c", dim=True, reverse=True),
    Style(bold=True),
    Style(underline=True, bgcolor="#1a212c"),
    Style(),
    None,
]

WIDTH, HEIGHT = 30, 6


# ---- cells


def some_segments(chance: random.Random) -> list[Segment]:
    """Text of a few styles, with wide signs and signs that take no room."""
    signs = ["a", "b", " ", " ", "   ", "★", "日", "e\u0301"]
    return [
        Segment("".join(chance.choices(signs, k=chance.randint(0, 6))), chance.choice(STYLES)) for _ in range(4)
    ]


def looks(screen: pyte.Screen) -> list[list[tuple[Any, ...]]]:
    """What a terminal shows: signs with their colours; of a blank only what is seen of it."""
    out = []
    for y in range(HEIGHT):
        row = []
        for x in range(WIDTH):
            char = screen.buffer[y][x]
            lined = char.underscore or char.reverse
            front = (char.fg, char.bold) if char.data != " " or lined else ()
            row.append((char.data, front, char.bg, char.underscore, char.reverse))
        out.append(row)
    return out


@pytest.mark.parametrize("seed", range(several(20)))
def test_a_terminal_shows_after_changes_what_it_shows_when_all_is_written(seed: int) -> None:
    chance = random.Random(seed)
    cells, terminal = Cells(), pyte.Screen(WIDTH, HEIGHT)
    cells.resize(WIDTH, HEIGHT)
    stream = pyte.Stream(terminal)
    for _ in range(30):
        for _ in range(chance.randint(1, 4)):
            row = row_of(some_segments(chance), ColorSystem.TRUECOLOR)
            if len(row) <= WIDTH:  # the rest is blank: textual cuts no wide sign in two
                cells.put(0, chance.randrange(HEIGHT), row + [(" ", PLAIN)] * (WIDTH - len(row)))
        stream.feed(cells.changes())
        anew, whole = pyte.Screen(WIDTH, HEIGHT), Cells()
        whole.resize(WIDTH, HEIGHT)
        for y, row in enumerate(cells.wanted):
            whole.put(0, y, row)
        pyte.Stream(anew).feed(whole.changes())
        shown, wished = looks(terminal), looks(anew)
        assert [(y, x) for y in range(HEIGHT) for x in range(WIDTH) if shown[y][x] != wished[y][x]] == []


def test_what_is_as_before_is_not_written_again() -> None:
    cells = Cells()
    cells.resize(WIDTH, HEIGHT)
    row = row_of([Segment("timer ", STYLES[0]), Segment("▓▓▓▓", STYLES[1])], ColorSystem.TRUECOLOR)
    cells.put(0, 0, row)
    assert "timer" in cells.changes()
    cells.put(0, 0, row)
    assert cells.changes() == ""
    cells.put(0, 0, [*row[:-1], ("░", row[0][1])])
    assert cells.changes() == "\x1b[1;10H\x1b[0;38;2;136;148;166;48;2;16;20;27m░\x1b[0m"
    cells.forget()
    assert "timer" in cells.changes()


# ---- the line


def test_a_line_is_slow_from_a_frame_that_took_long_until_none_did_for_a_time() -> None:
    now = [0.0]
    line = TerminalLine(lambda: now[0])
    freed: list[float] = []
    line.on_free = lambda: freed.append(now[0])
    line.hand(100)
    assert not line.is_free
    assert not line.is_slow
    now[0] += SLOW * 1.5
    assert line.is_slow
    line.took(60)
    assert not freed
    line.took(40)
    assert freed == [now[0]]
    assert line.is_free
    assert line.is_slow
    now[0] += CALM * 1.01
    assert not line.is_slow
    line.hand(1)
    now[0] += SLOW * 1.5
    line.took(1)
    now[0] += CALM * 1.5
    assert line.is_slow  # again soon after: it takes longer now
    now[0] += CALM
    assert not line.is_slow


# ---- the screen


class Recording(HeadlessDriver):
    """A terminal that takes only what `take` takes."""

    line: TerminalLine
    frames: list[str]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.line.hand(len(data))
        self.frames.append(data)


class Recorded:
    """The app of a cluster that stands still between commands, and what it wrote; `now` is its clock."""

    def __init__(self, *lines: str, watches: bool = False) -> None:
        self.driver = Still(session_of(seed=3))
        for line in lines:
            done(self.driver, line)
        self.app: RaftApp = app_of(self.driver)
        self.app.watches = watches
        self.now = 100.0
        self.app.line._clock = lambda: self.now
        self.frames: list[str] = []
        self.unwritten = 0

    def monotonic(self) -> float:
        return self.now

    def take(self) -> int:
        """Write all that was handed over; how many characters that was."""
        size = sum(map(len, self.frames))
        self.frames.clear()
        self.app.line.took(size)
        return size


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a `Recorded`."""
    made: list[Recorded] = []

    def make(*lines: str, watches: bool = False) -> Recorded:
        one = Recorded(*lines, watches=watches)
        made.append(one)
        monkeypatch.setattr(Recording, "line", one.app.line, raising=False)
        monkeypatch.setattr(Recording, "frames", one.frames, raising=False)
        return one

    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver", Recording)
    yield make
    for one in made:
        one.driver.close()


def test_there_are_never_two_frames_of_which_the_first_is_not_written(recorded: Any) -> None:
    one = recorded("wait leader")

    async def presses(pilot: Pilot[None]) -> None:
        one.take()
        await pilot.pause()
        one.take()
        for at in range(1, 5):
            await pilot.press(str(at))
            await pilot.pause()
        assert len(one.frames) == 1  # the first of four keys; the others wait
        assert "▸" in one.frames[0]
        one.take()
        await pilot.pause()
        assert len(one.frames) == 1  # all the others at once
        one.take()
        await pilot.pause()
        assert one.frames == []

    played(one.app, presses)


def test_a_slow_line_shows_no_motion_but_the_state_as_it_is(recorded: Any) -> None:
    one = recorded("timeout 2", "sleep 1ms")

    async def looks_at(pilot: Pilot[None]) -> None:
        one.take()
        await pilot.pause()
        moving = one.app.scene().moving
        assert moving
        moves = one.app.query_one("#stage").lines
        one.frames.append("x")
        one.app.line.hand(1)
        one.now += SLOW * 1.5
        assert one.app.line.is_slow
        one.app.paint()
        stands = one.app.query_one("#stage").lines
        assert stands != moves
        assert "CANDIDATE" in "".join(p.text for line in stands for p in line)
        done(one.driver, "wait leader")
        one.app.paint()
        assert "LEADER" in "".join(p.text for line in one.app.query_one("#stage").lines for p in line)

    played(one.app, looks_at)


SECONDS = 2


@pytest.mark.parametrize(("watches", "most"), [(True, 10_000), (False, 10_000)])
def test_an_idle_cluster_writes_little(
    *, watches: bool, most: int, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recorded("wait leader", "sleep 2s", watches=watches)
    monkeypatch.setattr(app_module, "time", one)

    async def idles(pilot: Pilot[None]) -> int:
        one.take()
        await pilot.pause()
        one.take()
        written = 0
        for _ in range(SECONDS * PAINTS):
            one.now += 1 / PAINTS
            done(one.driver, f"sleep {1000 / PAINTS:.0f}ms")
            one.app.paint()
            await pilot.pause()
            written += one.take()
        return written

    assert 100 < played(one.app, idles) / SECONDS < most
    assert any(node.state is CMState.LEADER for node in one.driver.view().snapshot.nodes)


def test_it_is_written_what_the_screen_shows(recorded: Any) -> None:
    one = recorded("wait leader")
    screen = pyte.Screen(120, 40)

    async def shows(pilot: Pilot[None]) -> None:
        for key in ("", "2", "m", "question_mark", "escape", "o", "L", "ctrl+p", "x", "escape", "end"):
            if key:
                await pilot.press(key)
            give_up = time.monotonic() + 10
            still = 0
            while still < 3:
                assert time.monotonic() < give_up
                await pilot.pause()
                pyte.Stream(screen).feed("".join(one.frames))
                still = 0 if one.take() else still + 1
        lines = [strip.text.rstrip() for strip in one.app.screen._compositor.render_strips()]
        assert [line.rstrip() for line in screen.display] == lines

    played(one.app, shows)


def test_a_ctrl_c_while_the_terminal_is_given_back_does_not_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[bool] = []
    came: list[bool] = []

    def with_ctrl_c(_: LinuxDriver) -> None:
        signal.raise_signal(signal.SIGINT)
        given_back.append(True)

    async def gives_back() -> None:
        driver = counting(TerminalLine())(App[None]())
        for times in (1, 2):  # suspended, and ended
            driver.stop_application_mode()
            signal.raise_signal(signal.SIGINT)
            driver.close()
            assert (len(given_back), len(came)) == (2 * times, times - 1)
            signal.raise_signal(signal.SIGINT)
            assert len(came) == times

    monkeypatch.setattr(LinuxDriver, "stop_application_mode", with_ctrl_c)
    monkeypatch.setattr(LinuxDriver, "close", with_ctrl_c)
    before = signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        asyncio.run(gives_back())
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_terminal_is_given_back_only_after_everything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C in a terminal that is no longer raw discards what was written and not read yet."""
    written: list[str] = []
    missed: list[bool] = []

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(0.002)
            written.append(text)
            return len(text)

        def fileno(self) -> int:
            return 2

    def given_back(*_: object) -> None:
        missed.append("\x1b[?1049l" not in "".join(written))

    async def gives_back() -> None:
        driver = counting(TerminalLine())(App[None]())
        driver.attrs_before = []
        driver._writer_thread = WriterThread(driver._file)
        driver._writer_thread.start()
        driver.stop_application_mode()
        driver.close()

    monkeypatch.setattr(sys, "__stderr__", Slow())
    monkeypatch.setattr(LinuxDriver, "disable_input", lambda _: None)
    monkeypatch.setattr(termios, "tcsetattr", given_back)
    asyncio.run(gives_back())
    assert missed == [False]
