"""The command line elsewhere: without docstrings, without what Windows lacks, in the background, interrupted early."""

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.amount import PART, THOROUGH, several
from support.command_line import Ended, Starter, environment, raftplay
from support.places import ROOT

from raftplay import Harness, locks
from raftplay.cli.app import MODULES
from raftplay.lessons import progress

CALLS = (
    ("--version",),
    ("--help",),
    ("run", "--help"),
    ("help",),
    ("help", "crash"),
    ("help", "conditions"),
    ("bugs",),
    ("bugs", "forget-vote"),
    ("scenarios",),
    ("examples",),
    ("lesson",),
    ("run", "first-election", "--backend", "sim", "--seed", "1"),
)

WITHOUT = """
import os, signal, sys
for name in ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "uvloop"):
    sys.modules[name] = None
for module, names in (
    (os, ("geteuid", "getuid", "fchmod", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "fork")),
    (signal, ("SIGHUP", "SIGTSTP", "SIGCONT", "SIGWINCH", "pthread_sigmask", "pthread_kill")),
):
    for name in names:
        delattr(module, name)
"""

INTERRUPTED_AT = """
import os, signal, sys

at = sys.argv.pop(1)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == at:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from raftplay.cli import main
main()
"""


def run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@functools.cache
def usual_of(*call: str) -> Ended:
    """What a command line gives usually."""
    return raftplay(*call)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_python_may_strip_assertions_and_docstrings(call: tuple[str, ...]):
    usual, optimized = usual_of(*call), raftplay(*call, python=("-OO",))
    assert usual.status == 0, usual.err
    assert optimized == usual


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_command_starts_without_what_windows_lacks(call: tuple[str, ...], tmp_path: Path):
    state = {"XDG_STATE_HOME": str(tmp_path)}
    usual = raftplay(*call, env=state) if call == ("lesson",) else usual_of(*call)
    without = raftplay(*call, env=state, prelude=WITHOUT)
    assert usual.status == 0, usual.err
    assert without == usual


STARTS = (
    *CALLS,
    ("invariants",),
    ("shell", "--backend", "sim", "--seed", "1"),
    ("tui",),
    ("replay", "/nowhere"),
    ("explore", "first-election", "--seeds", "1"),
    ("fuzz", "scripts", "--count", "1"),
    ("bench", "--nodes", "0"),
    ("shrink", "/nowhere"),
    ("notes", "split-brain"),
    ("check", "/nowhere"),
    ("maelstrom",),
    ("export", "/nowhere", "-o", "/nowhere.html"),
    ("compare", "first-election", "prevote=on,off", "--seed", "1"),
    ("serve", "--visitors", "0"),
)


def test_every_command_is_started():
    assert {call[0] for call in STARTS} >= {name for names in MODULES.values() for name in names}


@pytest.mark.parametrize("call", STARTS[:: 1 if THOROUGH else PART], ids=" ".join)
def test_a_process_that_imports_raftplay_itself_is_as_one_forked_from_such(call: tuple[str, ...]):
    started, forked = run("-W", "error", "-m", "raftplay.cli", *call, **environment()), raftplay(*call)
    assert (started.returncode, started.stderr) == (forked.status, forked.err)
    if call[0] != "fuzz":  # which says how long it took
        assert started.stdout == forked.out


def test_progress_and_data_are_kept_where_nothing_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "fcntl", None)
    file = tmp_path / "state" / "progress.json"
    assert progress.note(file, "log-repair", progress.Score(2, 3)) == ""
    assert progress.kept(file).lessons["log-repair"].right == 2
    for _ in range(2):
        with Harness(3, backend="sim", seed=1, data_dir=tmp_path / "data") as harness:
            harness.check_single_leader()


def test_both_modules_are_the_command_line():
    calls = [run("-m", module, "--version") for module in ("raftplay", "raftplay.cli")]
    assert {(call.returncode, call.stdout) for call in calls} == {(0, calls[0].stdout)}


@pytest.mark.parametrize(
    "module",
    ["raftplay.cli.entry", "asyncio", "typer", "msgspec", "raftplay.language.table"][: several(5, least=2)],
)
def test_ctrl_c_while_raftplay_is_being_imported_ends_it_without_a_word(module: str):
    done = run("-c", INTERRUPTED_AT, module, "run", "first-election", "--backend", "sim")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_package_imports_a_name_when_it_is_used_and_has_no_other():
    code = (
        "import sys, raftplay; few = len(sys.modules); import raftplay as r\n"
        "assert 'raftplay.cluster' not in sys.modules\n"
        "assert set(r.__all__) <= set(dir(r)) and all(getattr(r, name) is not None for name in r.__all__)\n"
        "from raftplay import *\n"
        "assert Harness is r.Harness\n"
        "try:\n    r.Harnes\nexcept AttributeError as error:\n    print(error)\n"
    )
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("module 'raftplay' has no attribute 'Harnes'\n", "")


def test_tests_that_send_ctrl_c_pass_where_a_script_in_the_background_ignores_it():
    tests = "tests/cli/test_command_line.py::test_ctrl_c_ends_a_run_cleanly_with_130"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--timeout",
        "40",
        "-n",
        "0",
        f"{tests}[sim]",
    ]
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts with &
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_command_line_that_does_not_end_in_time_leaves_no_answer_to_the_next(tmp_path: Path):
    """As it would be taken for that of the next: one slow run would fail all that follow it."""
    starter = Starter((), {}, "pass")
    try:
        patience = starter.patience
        starter.run(["--version"], b"", environment(), str(tmp_path))
        starter.patience = 0.2
        with pytest.raises(TimeoutError):
            starter.run(["run", "-", "--backend", "tcp"], b"sleep 60m\n", environment(), str(tmp_path))
        starter.patience = patience
        assert starter.run(["--version"], b"", environment(), str(tmp_path))[0] == 0
    finally:
        starter.close()
