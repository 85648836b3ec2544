"""What the tests of terminals rest on: a program forked into a terminal is as one that was started in it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.places import ROOT
from support.processes import is_gone
from support.terminal import CTRL_C, Terminal

ITSELF = """
import os, random, signal, sys
print(sys.argv[1:], [os.isatty(file) for file in range(3)], sorted(map(int, os.listdir("/proc/self/fd")))[:-1])
print("leads:", os.getsid(0) == os.getpgrp() == os.tcgetpgrp(0) == os.getpid(), *os.get_terminal_size())
print("signals:", signal.getsignal(signal.SIGINT).__name__, signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1))
print(sys.stdout.line_buffering, sys.stdout.encoding, os.environ["TERM"], os.getcwd(), random.random())
sys.exit(3)
"""
"""A program that tells of itself."""


def test_a_forked_program_has_a_terminal_of_its_own_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Terminal("a", "é", columns=200, rows=7, env={"TERM": "vt100"}, before=ITSELF) as one:
        with Terminal("shell", "--backend", "sim", "--nodes", "1") as other:  # while another one runs, too
            other.until("n0 leads")
            with Terminal("a", "é", columns=200, rows=7, env={"TERM": "vt100"}, before=ITSELF) as third:
                assert (one.ended(), third.ended()) == (3, 3)
        *lines, last = (line for line in one.lines if line)
        assert lines == [
            "['a', 'é'] [True, True, True] [0, 1, 2]",
            "leads: True 200 7",
            "signals: default_int_handler 0 -1",
        ]
        assert last.startswith(f"True utf-8 vt100 {tmp_path} ")
        assert [line for line in third.lines if line][:3] == lines
        assert third.text.split()[-1] != last.split()[-1]  # what is random differs


def test_ctrl_c_and_the_end_of_the_terminal_are_signals() -> None:
    waits = "import signal, time; print('waits'); time.sleep(60)"
    with Terminal(before=waits) as terminal:
        terminal.until("waits")
        terminal.send(CTRL_C)
        assert terminal.ended() == -signal.SIGINT
        assert "KeyboardInterrupt" in terminal.text
    with Terminal(before=waits) as terminal, Terminal(before=waits) as other:
        terminal.until("waits")
        other.until("waits")
        assert raftplay("--version").status == 0
        terminal.hang_up()
        assert terminal.program.status(20) == -signal.SIGHUP
        assert other.program.is_alive
    assert other.program.status(20) == -signal.SIGKILL  # the test has left it


DIES = """
import os, signal
from support.terminal import Terminal
ignores = "import signal, time; signal.signal(signal.SIGHUP, signal.SIG_IGN); print('waits'); time.sleep(60)"
terminal = Terminal(before=ignores)
terminal.until("waits")
print(terminal.program.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_is_left_of_tests_whose_process_dies() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES],
        cwd=ROOT / "tests",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert is_gone(int(done.stdout), within=20)
