"""The screen on a terminal at the worst moments: stopped, stalled, flooded, interrupted while it starts."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from support.amount import THOROUGH
from support.terminal import CTRL_C, Terminal
from support.tui import terminal_of

LONG = 65_536
"""The characters of a paste; as many as that typed without brackets take 10 s of the processor."""

MOST_UNREAD = 4095
"""The bytes that a terminal keeps for its reader; the program can write some more, and then has to wait."""

KEY_REPEAT = 0.05
"""The seconds after which a key that is held down is typed again."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of nobody's."""
    return tmp_path


def leader_of(screen: str) -> tuple[str, str]:
    """The leader and the term that the status line tells."""
    found = re.search(r"TERM (\d+).*?(n\d) leads", screen)
    assert found is not None, screen
    return found[2], found[1]


def read_for(terminal: Terminal, seconds: float) -> None:
    """Take in what is written within some time, or until the program has ended."""
    end = time.monotonic() + seconds
    while terminal.program.is_alive and (left := end - time.monotonic()) > 0:
        terminal.read(left)


def interrupt(terminal: Terminal) -> None:
    """Press Ctrl-C until the program has ended."""
    while terminal.program.is_alive:
        terminal.send(CTRL_C)
        read_for(terminal, KEY_REPEAT)
    assert terminal.ended() in (0, 130)
    assert "Traceback" not in terminal.everything
    assert terminal.is_as_before


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_process_that_was_stopped_goes_on_with_the_same_leader(backend: str, home: Path) -> None:
    with terminal_of("--backend", backend, "--speed", "1", size=(80, 24), home=home) as terminal:
        before = leader_of(terminal.until(r"n\d leads"))
        for _ in range(2):
            os.kill(terminal.program.pid, signal.SIGSTOP)
            time.sleep(0.4)  # longer than any election timeout
            os.kill(terminal.program.pid, signal.SIGCONT)
        terminal.send(":submit awake\r")
        after = terminal.until(r"submit awake.*index 0")
        assert leader_of(after) == before
        terminal.send("qq")
        assert terminal.ended() == 0, terminal.screen.display
        assert terminal.is_as_before


@pytest.mark.parametrize(("pace", "speed"), [("watch", "4"), ("real", "0.5")])
def test_a_terminal_that_stops_reading_makes_no_election(pace: str, speed: str, home: Path) -> None:
    options = ("--backend", "tcp", "--pace", pace, "--speed", speed, "--no-demo")
    with terminal_of(*options, size=(240, 80), home=home) as terminal:
        terminal.send("A")  # it does not stop by itself
        before = leader_of(terminal.until(r"n\d leads"))
        terminal.send(":link all delay=1..5ms\r" * 40)  # something to write
        while terminal.unread < MOST_UNREAD:
            time.sleep(0.01)
        time.sleep(1.2)  # nobody reads, for longer than two election timeouts
        terminal.send(":status\r")
        terminal.until("(?s)status.*leader")
        assert leader_of(terminal.text) == before


@pytest.mark.parametrize(("brackets", "length"), [(True, LONG), (False, LONG // 16)], ids=["bracketed", "raw"])
def test_a_long_paste_is_taken_or_refused_and_the_screen_goes_on(brackets: bool, length: int, home: Path) -> None:
    with terminal_of("--backend", "sim", size=(80, 24), home=home) as terminal:
        terminal.until(r"n\d leads")
        terminal.send(":")
        text = "submit " + "x" * length
        text = f"\x1b[200~{text}\x1b[201~" if brackets else text
        terminal.send(text + "\r")
        terminal.until("nothing was pasted|submit xxx")
        interrupt(terminal)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5] if THOROUGH else [0.0, 0.2])
def test_ctrl_c_while_it_begins_to_paint_ends_it_and_gives_the_terminal_back(delay: float, home: Path) -> None:
    with terminal_of("--backend", "tcp", "--pace", "watch", size=(80, 24), home=home) as terminal:
        terminal.until(lambda: terminal.everything)
        read_for(terminal, delay)
        interrupt(terminal)


@pytest.mark.parametrize("where", ["presenter", "lesson", "script"])
def test_ctrl_c_twice_leaves_whatever_is_shown(where: str, home: Path) -> None:
    args = {"presenter": ("split-brain", "--present", "--pace", "watch"), "lesson": (), "script": ("split-brain",)}
    with terminal_of(*args[where], "--backend", "sim", size=(80, 24), home=home) as terminal:
        if where == "lesson":
            terminal.until(r"n\d leads")
            terminal.send(":lesson 1\r")
            terminal.until("Lesson 1")
        else:
            terminal.until("1/4" if where == "presenter" else "PLAYING")
        interrupt(terminal)


def test_a_lesson_in_the_middle_of_a_script_leads_back_to_it(home: Path) -> None:
    with terminal_of("split-brain", "--backend", "sim", size=(80, 24), home=home) as terminal:
        terminal.until("PLAYING")
        terminal.send(":lesson 2\r")
        terminal.until("Lesson 2: A split vote")
        terminal.send("quit\r")
        terminal.until("back from the lesson.*the script waits")
        terminal.send("g")
        terminal.until("step 2 of")
        terminal.send("qq")
        assert terminal.ended() == 0


def test_a_colon_right_after_the_start_of_presenter_mode_opens_the_prompt(home: Path) -> None:
    with terminal_of(
        "split-brain", "--present", "--backend", "sim", "--pace", "watch", size=(80, 24), home=home
    ) as terminal:
        terminal.send(":nonsense")  # before anything is painted
        terminal.until("nonsense")
        terminal.send("\r")
        terminal.until("there is no command 'nonsense'")
