"""The screen on a terminal at the worst moments: stopped, stalled, flooded, interrupted while it starts."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from test_tui_terminal import Terminal, is_given_back

LONG = 65_536
"""The characters of a paste; as many as that typed without brackets take 10 s of the processor."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of nobody's."""
    return tmp_path


def leader_of(screen: str) -> tuple[str, str]:
    """The leader and the term that the status line tells."""
    found = re.search(r"TERM (\d+).*?(n\d) leads", screen)
    assert found is not None, screen
    return found[2], found[1]


def interrupt(terminal: Terminal) -> None:
    """Press Ctrl-C until the program has ended."""
    give_up = time.monotonic() + 20
    while terminal.child.isalive() and time.monotonic() < give_up:
        terminal.child.send("\x03")
        terminal.read()
    assert terminal.end() in (0, 130)
    assert "Traceback" not in terminal.raw
    assert is_given_back(terminal)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_process_that_was_stopped_goes_on_with_the_same_leader(backend: str, home: Path) -> None:
    with Terminal("--backend", backend, "--speed", "1", size=(80, 24), home=home) as terminal:
        before = leader_of(terminal.until(r"n\d leads"))
        for _ in range(2):
            os.kill(terminal.child.pid, signal.SIGSTOP)
            time.sleep(0.7)  # longer than any election timeout
            os.kill(terminal.child.pid, signal.SIGCONT)
        terminal.child.send(":submit awake\r")
        after = terminal.until(r"submit awake.*index 0")
        assert leader_of(after) == before
        terminal.child.send("qq")
        assert terminal.end() == 0, terminal.screen.display
        assert is_given_back(terminal)


@pytest.mark.parametrize("pace", ["watch", "real"])
def test_a_terminal_that_stops_reading_makes_no_election(pace: str, home: Path) -> None:
    speed = "1" if pace == "watch" else "0.1"
    with Terminal("--backend", "tcp", "--pace", pace, "--speed", speed, "--no-demo", home=home) as terminal:
        terminal.child.send("A")  # it does not stop by itself
        before = leader_of(terminal.until(r"n\d leads"))
        terminal.child.send(":link all delay=1..5ms\r" * 40)  # something to write
        time.sleep(3)  # nobody reads, and the buffer of the terminal is soon full
        terminal.child.send(":status\r")
        terminal.until("(?s)status.*leader")
        assert leader_of("\n".join(terminal.screen.display)) == before


@pytest.mark.parametrize(("brackets", "length"), [(True, LONG), (False, LONG // 16)], ids=["bracketed", "raw"])
def test_a_long_paste_is_taken_or_refused_and_the_screen_goes_on(brackets: bool, length: int, home: Path) -> None:
    with Terminal("--backend", "sim", size=(80, 24), home=home) as terminal:
        terminal.until(r"n\d leads")
        terminal.child.send(":")
        text = "submit " + "x" * length
        text = f"\x1b[200~{text}\x1b[201~" if brackets else text
        for at in range(0, len(text), 1024):  # the kernel takes no more than 4 KiB that is not read yet
            terminal.child.send(text[at : at + 1024])
            terminal.read()
        terminal.child.send("\r")
        terminal.until("nothing was pasted|submit xxx")
        interrupt(terminal)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5])
def test_ctrl_c_while_it_begins_to_paint_ends_it_and_gives_the_terminal_back(delay: float, home: Path) -> None:
    with Terminal("--backend", "tcp", "--pace", "watch", size=(80, 24), home=home) as terminal:
        give_up = time.monotonic() + 20
        while not terminal.raw:
            assert time.monotonic() < give_up
            terminal.read()
        end = time.monotonic() + delay
        while time.monotonic() < end:
            terminal.read()
        interrupt(terminal)


@pytest.mark.parametrize("where", ["presenter", "lesson", "script"])
def test_ctrl_c_twice_leaves_whatever_is_shown(where: str, home: Path) -> None:
    args = {"presenter": ("split-brain", "--present", "--pace", "watch"), "lesson": (), "script": ("split-brain",)}
    with Terminal(*args[where], "--backend", "sim", size=(80, 24), home=home) as terminal:
        if where == "lesson":
            terminal.until(r"n\d leads")
            terminal.child.send(":lesson 1\r")
            terminal.until("Lesson 1")
        else:
            terminal.until("1/4" if where == "presenter" else "PLAYING")
        interrupt(terminal)


def test_a_lesson_in_the_middle_of_a_script_leads_back_to_it(home: Path) -> None:
    with Terminal("split-brain", "--backend", "sim", size=(80, 24), home=home) as terminal:
        terminal.until("PLAYING")
        terminal.child.send(":lesson 2\r")
        terminal.until("Lesson 2: A split vote")
        terminal.child.send("quit\r")
        terminal.until("back from the lesson.*the script waits")
        terminal.child.send("g")
        terminal.until("step 2 of")
        terminal.child.send("qq")
        assert terminal.end() == 0


def test_a_colon_right_after_the_start_of_presenter_mode_opens_the_prompt(home: Path) -> None:
    with Terminal(
        "split-brain", "--present", "--backend", "sim", "--pace", "watch", size=(80, 24), home=home
    ) as terminal:
        terminal.child.send(":nonsense")  # before anything is painted
        terminal.until("nonsense")
        terminal.child.send("\r")
        terminal.until("there is no command 'nonsense'")
