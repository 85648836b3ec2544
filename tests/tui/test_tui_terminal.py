"""The screen in a real pseudo-terminal: what a terminal shows of it, and that it is given back as it was."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from support.amount import several
from support.command_line import raftplay
from support.terminal import CTRL_C, CTRL_Z, PATIENCE, Terminal
from support.tui import remember, terminal_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of nobody's."""
    return tmp_path


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_an_election_is_watched_a_command_typed_and_the_terminal_given_back(backend: str, home: Path) -> None:
    with terminal_of("--backend", backend, "--speed", "1", home=home, afresh=backend == "tcp") as terminal:
        terminal.until(r"n\d leads")
        terminal.send(":submit hello\r")
        screen = terminal.until(r"index 0 of node \d")
        assert "messages" in screen
        terminal.until(r"(?s)log hello.*log hello")
        terminal.send("qq")
        assert terminal.ended() == 0
        assert terminal.is_as_before


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_an_election_and_a_commit_are_watched_and_stopped_at(backend: str, home: Path) -> None:
    with terminal_of(
        "--backend", backend, "--pace", "watch", "--speed", "4", "--no-demo", size=(80, 24), home=home
    ) as terminal:
        screen = terminal.until("(?s)PAUSED.*first candidate.*space goes on; A stops this")
        assert "CANDIDATE" in screen
        assert "pace watch" in screen
        terminal.send(" ")
        terminal.until("▶ +0.*asks for votes")
        screen = terminal.until("(?s)PAUSED.*first leader")
        assert "LEADER" in screen
        terminal.send(" s")
        terminal.until("append 1")
        terminal.until("(?s)PAUSED.*first commit")
        terminal.send("A")
        terminal.until("stops no more by itself")
        terminal.send("qq")
        assert terminal.ended() == 0
        assert terminal.is_as_before
    with terminal_of(
        "--backend", backend, "--pace", "watch", "--speed", "4", "--no-demo", size=(80, 24), home=home
    ) as terminal:
        terminal.until("n. leads")  # it does not stop at the first candidate now
        terminal.send("q")
        assert terminal.ended() == 0


def test_a_newcomer_meets_the_card_once_and_comes_back_from_a_lesson(home: Path) -> None:
    with terminal_of("--backend", "sim", "--pace", "watch", size=(80, 24), home=home, is_new=True) as terminal:
        terminal.until("(?s)PAUSED.*Five servers must agree on one list. None leads yet.")
        terminal.send("1")
        terminal.until("Lesson 1: A leader is elected")
        terminal.send("quit\r")
        terminal.until("Five servers must agree")  # what was chosen first leads back to the choice
        terminal.send("3")
        terminal.until("▶ +0")
        terminal.send("q")
        terminal.send("q")
        assert terminal.ended() == 0
        assert terminal.is_as_before
    with terminal_of("--backend", "sim", size=(80, 24), home=home, is_new=True) as terminal:
        screen = terminal.until("▶ +0")
        assert "servers" not in screen
        terminal.send(":crash 0\r")
        terminal.until("node 0 crashed")
        terminal.send(":lesson 2\r")
        terminal.until("Lesson 2: A split vote")
        terminal.send("quit\r")
        terminal.until("(?s)n0 down.*back from the lesson: You left in step 1 of .; space goes on")
        terminal.send("qq")
        assert terminal.ended() == 0
        assert terminal.is_as_before


def test_a_script_meets_no_card(home: Path) -> None:
    with terminal_of("first-election", "--backend", "sim", size=(80, 24), home=home, is_new=True) as terminal:
        screen = terminal.until("first-election line")
        assert "servers must agree" not in screen
        terminal.send("qq")
        terminal.ended()
        assert "servers must agree" not in terminal.everything


def test_a_signal_in_a_lesson_ends_the_screen_that_waits_behind_it(home: Path) -> None:
    with terminal_of("--backend", "sim", size=(80, 24), home=home) as terminal:
        terminal.until("▶ +0")
        terminal.send(":lesson 1\r")
        terminal.until("Lesson 1: A leader is elected")
        os.kill(terminal.program.pid, signal.SIGTERM)
        terminal.ended()
        assert terminal.is_as_before
        assert "back from the lesson" not in terminal.everything


def test_the_screen_says_at_its_end_which_branches_a_data_directory_does_not_keep(home: Path) -> None:
    directory = home / "data"
    with terminal_of("--backend", "sim", "--speed", "1", "--data-dir", str(directory), home=home) as terminal:
        terminal.until(r"n\d leads")
        terminal.send(":wait leader; submit 1; wait committed 1; back 3; submit 2\r")
        terminal.until("branch b1")
        terminal.send("qq")
        assert terminal.ended() == 0
        assert (
            f"branch b1 is not kept: '{directory}' holds what happened in the first branch" in terminal.everything
        )


def test_a_terminal_of_80x24_without_unicode_gets_ascii(home: Path) -> None:
    with terminal_of("--backend", "sim", "--speed", "1", "--ascii", size=(80, 24), home=home) as terminal:
        screen = terminal.until(r"\* n\d leads")
        assert screen.isascii()
        terminal.send(CTRL_C)
        terminal.until("once more to quit")
        terminal.send(CTRL_C)
        assert terminal.ended() == 0
        assert terminal.is_as_before


def test_timings_that_cannot_work_are_warned_of_on_the_screen(home: Path) -> None:
    with terminal_of("--backend", "sim", "--timing", "election=40..60ms", home=home) as terminal:
        terminal.until("warning: heartbeats every 50 ms, timeouts from 40 ms")
        terminal.send("q")
        assert terminal.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_gives_the_terminal_back(number: signal.Signals, home: Path) -> None:
    with terminal_of("--backend", "sim", home=home) as terminal:
        terminal.until("▶ +0")
        os.kill(terminal.program.pid, number)
        terminal.ended()
        assert terminal.is_as_before


BETWEEN_SCREENS = """
import asyncio, os, signal
create = asyncio.BaseEventLoop.__init__
def interrupted(self):
    os.kill(os.getpid(), signal.SIGINT)
    create(self)
asyncio.BaseEventLoop.__init__ = interrupted
"""
"""As a Ctrl-C that comes while a screen begins, when the terminal still makes a signal of it."""


@pytest.mark.parametrize("command", [(), ("lesson", "1", "--tui")])
def test_a_ctrl_c_between_two_screens_ends_it_in_order(command: tuple[str, ...], home: Path) -> None:
    if command:
        terminal = Terminal(*command, env={"HOME": str(home)}, columns=120, rows=40, before=BETWEEN_SCREENS)
    else:
        terminal = terminal_of("--backend", "sim", home=home, before=BETWEEN_SCREENS)
    with terminal:
        assert terminal.ended() == 130
        assert "Traceback" not in terminal.everything
        assert terminal.is_as_before


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_nothing_stays_behind_when_the_terminal_goes_away(backend: str, home: Path) -> None:
    with terminal_of("--backend", backend, "--speed", "1", home=home) as terminal:
        terminal.until("n. leads")
        terminal.hang_up()
        terminal.program.status(PATIENCE)  # or it is killed, and that is an error


def test_an_internal_error_gives_the_terminal_back_and_leaves_a_report(home: Path) -> None:
    code = (
        "from raftplay.tui.state import ScreenState\n"
        "frame, calls = ScreenState.frame, []\n"
        "def fails(self, scene):\n"
        "    calls.append(1)\n"
        "    if len(calls) > 9 and not scene.view.snapshot.nodes[2].alive: raise RuntimeError('a bug of ours')\n"
        "    return frame(self, scene)\n"
        "ScreenState.frame = fails\n"
    )
    with terminal_of("--backend", "sim", home=home, before=code) as terminal:
        terminal.send("2c")
        assert terminal.ended() == 1
        assert terminal.is_as_before
        after = terminal.everything[terminal.everything.rindex("\x1b[?1049l") :]
        assert "raftplay: internal error: RuntimeError: a bug of ours; the report is in" in after
        assert "Traceback" not in after
        (script,) = home.glob("raftplay-report-*.script.txt")
        report = script.with_name(script.name.replace(".script", ""))
        assert "a bug of ours" in report.read_text("utf-8")
        assert f"the session as a script in {script}" in after.replace("\r\n", "")
        assert "\ncrash 2\n" in script.read_text("utf-8")
    assert raftplay("run", "-q", str(script)).status == 0


JOB_SHELL = """
import os, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
modes = termios.tcgetattr(0)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
while job:
    _, status = os.waitpid(job, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
    input(f"stopped, modes as before: {termios.tcgetattr(0)[3] == modes[3]} $ ")
    os.tcsetpgrp(0, job)
    os.kill(-job, signal.SIGCONT)
"""
"""A shell with job control and one job, raftplay: Ctrl+Z stops that, and Enter lets it go on."""

AWAY = 0.5
"""How long the job is stopped, in seconds: longer than any election timeout, and ten heartbeats."""

CLOCK = r"(?:RUNNING|▶) +(\d+\.\d+) s"
"""The cluster's time as the status line shows it."""


SUSPENDED = [("tui", "tcp"), ("shell", "sim"), ("tui", "sim"), ("shell", "tcp")]


@pytest.mark.parametrize(("face", "backend"), SUSPENDED[: several(4, least=2)])
def test_ctrl_z_suspends_and_the_cluster_knows_nothing_of_it(face: str, backend: str, home: Path) -> None:
    pace = ("--pace", "real") if face == "tui" else ()
    size = {"columns": 120, "rows": 40}
    args = (face, "--backend", backend, "--speed", "1", *pace)
    remember(home)
    with Terminal(*args, **size, env={"HOME": str(home)}, before=JOB_SHELL) as terminal:
        screen = terminal.until(r"n\d leads")
        leads = re.search(r"n\d leads", screen)
        assert leads is not None
        for _ in range(2):
            begin, shown = time.monotonic(), terminal.find(CLOCK)[1]
            terminal.until(lambda: terminal.find(CLOCK)[1] != shown)  # noqa: B023 - it is called here
            before = float(terminal.find(CLOCK)[1])
            terminal.send(CTRL_Z)
            terminal.until("stopped, modes as before: True")
            time.sleep(AWAY)  # this is what must not be seen by the cluster
            terminal.screen.erase_in_display(2)
            terminal.send("\n")
            after = float(terminal.find(rf"(?s){CLOCK}.*{leads[0]}")[1])
            assert after - before < time.monotonic() - begin - AWAY / 2
            terminal.until(r"\[space\] pause" if face == "tui" else "Tab completes")  # all of it is there again
        terminal.send(":submit x\r" if face == "tui" else "submit x\r")
        terminal.until(r"index 0 of node \d")
        terminal.until(leads[0])


def test_ctrl_z_without_a_shell_to_come_back_from_stops_nothing(home: Path) -> None:
    with terminal_of("--backend", "sim", home=home) as terminal:
        terminal.until("▶ +0")
        terminal.send(CTRL_Z)
        terminal.until("no shell would wake raftplay up")


@pytest.mark.parametrize("term", ["dumb", "unknown"])
@pytest.mark.parametrize("command", [("tui",), ("lesson", "1", "--tui")])
def test_a_terminal_that_cannot_show_a_screen_gets_a_sentence(
    command: tuple[str, ...], term: str, home: Path
) -> None:
    with Terminal(*command, columns=120, env={"HOME": str(home), "TERM": term}) as terminal:
        assert terminal.ended() == 2
        screen = " ".join(" ".join(terminal.screen.display).split())
        assert f"raftplay: error: the terminal cannot show a screen (TERM={term}); raftplay shell" in screen
        assert "\x1b" not in terminal.everything


def test_standard_error_that_is_no_terminal_is_said(home: Path) -> None:
    file = home / "errors"
    with terminal_of(
        home=home, before=f"import os; os.dup2(os.open({str(file)!r}, os.O_CREAT | os.O_WRONLY), 2)"
    ) as it:
        assert it.ended() == 2
        assert "raftplay: error: standard error is no terminal" in file.read_text("utf-8")
        assert it.everything == ""


def test_a_resize_is_followed(home: Path) -> None:
    with terminal_of("--backend", "sim", "--speed", "1", size=(120, 40), home=home) as terminal:
        terminal.until("n. leads")
        terminal.resize(80, 24)
        terminal.until(r"\[\?\] help")
        terminal.resize(50, 10)
        terminal.until("50x10: raftplay needs 60x16")


def test_the_process_that_shows_a_picture_ends_by_itself(home: Path) -> None:
    file = home / "p.svg"
    done = raftplay(
        "tui", "--backend", "tcp", "--screenshot", str(file), "--after", "wait leader", env={"HOME": str(home)}
    )
    assert done.status == 0, done.err
    assert file.exists()
