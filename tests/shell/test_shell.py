"""`raftplay shell` in a real pseudo-terminal: what a person sees and types. Everything waits for the screen."""

import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.terminal import CTRL_C, CTRL_D, CTRL_R, DOWN, ESCAPE, TAB, UP, Terminal

PROMPT = r"^raftplay> ?$"
HOSTILE = "\u202egnp.exe\u200b\x9b2J"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """An environment in which the history is the test's own."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def shell(state: dict[str, str]) -> Iterator[Terminal]:
    """A shell over five simulated nodes, whose leader is known."""
    with Terminal("shell", "--backend", "sim", "--seed", "7", env=state) as terminal:
        terminal.until(r"n0 leads term 1")
        terminal.until(PROMPT)
        yield terminal


def left(terminal: Terminal) -> None:
    """Leave, and check that it was a good end."""
    terminal.send(CTRL_D)
    assert terminal.ended() == 0, terminal.text
    assert terminal.is_as_before
    assert "Traceback" not in terminal.everything


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_leaving_says_which_branches_a_data_directory_does_not_keep(
    term: str, state: dict[str, str], tmp_path: Path
):
    directory = tmp_path / "data"
    arguments = ("shell", "--backend", "sim", "--seed", "7", "--data-dir", str(directory))
    with Terminal(*arguments, columns=240, env={**state, "TERM": term}) as shell:
        shell.until(PROMPT)
        shell.enter("wait leader; submit 1; wait committed 1; back 3; submit 2")
        shell.until("branch b1 begins")
        shell.until(r"index \d+ of node")
        shell.send(CTRL_D)
        assert shell.ended() == 0, shell.text
    assert f"branch b1 is not kept: '{directory}' holds what happened in the first branch" in shell.text


def test_what_is_typed_is_answered_and_the_state_of_all_stands_below(shell: Terminal):
    shell.enter("submit 5; wait committed 5")
    shell.until("5 is committed at index 0 on 5 of 5")
    shell.until(r"RUNNING \d+\.\d s \| n0 leads term 1 \| commit 0 \| \d+ ok \| x1 \| sim seed 7")
    shell.until(r"^ n0  Leader    term 1    log 1    commit 0   1:5\*$")
    left(shell)
    assert "2 commands done, not saved; save FILE" in shell.text


def test_a_menu_of_completions_comes_as_one_types_and_tab_takes_one(shell: Terminal):
    shell.send("resta")
    shell.until(r"restart  Restart crashed nodes")
    shell.send(TAB)
    shell.until(r"^raftplay> restart\b")
    shell.send(" ")
    shell.until(r"restart NODES \[empty\]  2 or n2, leader, follower")
    shell.send("\x15wait leader i")
    shell.until(r"^raftplay> wait leader i$")
    shell.send("s not l")
    shell.until(r"leader +n0")
    shell.send(DOWN)
    shell.until(r"^raftplay> wait leader is not leader$")
    shell.send(ESCAPE)
    shell.until(lambda: not re.search(r"leader +n0", shell.text))
    shell.send(CTRL_C)
    left(shell)


def test_the_usage_or_the_mistake_stands_below_as_one_types(shell: Terminal):
    shell.send("submit ")
    shell.until(r"submit VALUE \[to NODE\]  an integer such as 42")
    shell.send("5 to 9")
    shell.until("there is no node 9; the nodes are 0 to 4")
    shell.send("\r")
    shell.until(r"^raftplay> submit 5 to 9\n +\^$")
    shell.until(PROMPT)
    left(shell)


def test_history_goes_from_one_shell_to_the_next(state: dict[str, str]):
    arguments = ("shell", "--backend", "sim", "--seed", "7")
    with Terminal(*arguments, env=state) as first:
        first.until(PROMPT)
        first.enter("submit remembered")
        first.until("remembered.*\n(.*\n)*.*(index 0|no leader)")
        first.enter("now")
        first.until(r"\d s$")
        left(first)
    file = Path(state["XDG_STATE_HOME"]) / "raftplay" / "history"
    assert file.read_text("utf-8") == "submit remembered\nnow\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Terminal(*arguments, env=state) as second:
        second.until(PROMPT)
        second.send(UP)
        second.until(r"^raftplay> now$")
        second.send(UP)
        second.until(r"^raftplay> submit remembered$")
        second.send(CTRL_C)
        second.until(PROMPT)
        second.send(CTRL_R)
        second.send("rememb")
        second.until(r"raftplay> submit remembered")
        second.send("\r")
        second.until(r"submit remembered\n(.*\n)* +\d+\.\d+ ")
        left(second)


def test_the_state_changes_by_itself_when_the_leader_crashes(shell: Terminal):
    shell.enter("crash leader")
    shell.until(r"n[1-4] leads term [2-9]")
    shell.until("faults: n0 down")
    shell.until(r"^ n0  Down")
    left(shell)


def test_events_are_printed_above_and_leave_a_half_typed_line_alone(shell: Terminal):
    shell.enter("crash leader")
    shell.until("node 0 crashed")
    shell.send("submit half")
    shell.until(r"^ *\d+\.\d{3}  n\d  becomes leader of term [2-9]")
    shell.until(r"^raftplay> submit half$")
    at = next(i for i, line in enumerate(shell.lines) if line == "raftplay> submit half")
    assert any("becomes leader" in line for line in shell.lines[:at])
    assert shell.lines[at + 1].startswith(" n0  Down")
    assert sum("submit half" in line for line in shell.lines) == 1
    shell.send("-and-half\r")
    shell.until(r"^raftplay> submit half-and-half\n(.*\n)* +\d+\.\d{3}  index 0 of node \d")
    left(shell)


def test_watch_says_which_events_are_printed(shell: Terminal):
    shell.enter("watch off")
    shell.until("no events are printed")
    shell.enter("timeout 3; wait leader is 3")
    shell.until(r"node 3 leads term 2")
    shell.until(PROMPT)
    assert "becomes leader" not in shell.text.split("watch off")[1]
    shell.enter("watch on")
    shell.until("printed as they happen")
    shell.enter("submit seen")
    shell.until(r"n\d  appends seen at index 0")
    shell.until(r"n\d  commits up to 0|… and \d+ more events")  # so many lines a second are printed, and no more
    assert not re.search("accepts heartbeat|sends heartbeats to all", shell.text)
    left(shell)


def test_ctrl_c_ends_a_wait_and_the_shell_lives_on(shell: Terminal):
    shell.enter("wait committed never within 10m; crash all")
    shell.until("Ctrl-C ends it")
    before = float(shell.find(r"RUNNING (\S+) s")[1])
    shell.until(lambda: float(shell.find(r"RUNNING (\S+) s")[1]) > before)
    shell.send(CTRL_C)
    shell.until(r"interrupted\n(.*\n)*raftplay> ?$")
    shell.enter("expect one leader")
    shell.until("expect one leader\n(.*\n)*.*node 0 leads term 1")
    left(shell)


def test_ctrl_c_clears_the_line(shell: Terminal):
    shell.send("crash all")
    shell.until(r"^raftplay> crash all$")
    shell.send(CTRL_C)
    shell.until(r"^raftplay> crash all\^C\n(.*\n)*raftplay> ?$")
    shell.enter("expect leader")
    shell.until("expect leader\n(.*\n)*.*node 0 leads term 1")
    left(shell)


def test_what_is_typed_during_a_wait_runs_after_it(shell: Terminal):
    shell.enter("sleep 1s")
    shell.enter("submit later")
    shell.enter("exit")
    assert shell.ended() == 0
    assert re.search(
        r"sleep 1s\n(.*\n)*raftplay> submit later\n(.*\n)*.*index 0 of node 0(.*\n)*raftplay> exit", shell.text
    )


def test_hostile_text_is_shown_visibly_wherever_it_comes_up(shell: Terminal):
    shell.send(f"\x1b[200~submit 'a{HOSTILE}'\x1b[201~")
    shown = r"a\\u\{202e\}gnp\.exe\\u\{200b\}\\x9b2J"
    shell.until(rf"^raftplay> submit '{shown}'$")
    shell.enter("")
    shell.until(rf"^raftplay> submit '{shown}'\n(.*\n)* +\d+\.\d{{3}}  index 0 of node 0")
    shell.until(r"^ n1  Follower .*1:\"a")
    shell.enter("log; wait committed a")
    shell.send("wait committed ")
    shell.until("index 0, term 1, committed")
    shell.send(CTRL_C)
    shell.enter(f"crash {HOSTILE[:8]}")
    shell.until("unknown node")
    left(shell)
    for char in HOSTILE.replace("2J", "").replace("gnp.exe", ""):
        assert char not in shell.everything


def test_a_window_may_become_small_and_large_again(shell: Terminal):
    shell.send("submit some")
    shell.until(r"^raftplay> submit some$")
    shell.resize(40, 10)
    shell.until(lambda: any(line.startswith(" RUNNING") and len(line) <= 40 for line in shell.lines))
    shell.until(r"^raftplay> submit some$")
    shell.resize(80, 24)
    shell.until(r"\d+ ok \| x1 \| sim seed 7")
    shell.until(r"^raftplay> submit some$")
    shell.send("thing\r")
    shell.until(r"index 0 of node 0")
    left(shell)


def test_several_lines_pasted_run_one_after_another(shell: Terminal):
    shell.send("\x1b[200~submit 1\nsubmit 2\nwait committed 2\x1b[201~\r")
    shell.until(
        r"^raftplay> submit 1\n(.*\n)*.*index 0(.*\n)*raftplay> submit 2\n(.*\n)*.*index 1(.*\n)*raftplay> wait committed 2\n(.*\n)*.*2 is committed at"
    )
    left(shell)


SIMULATED = ("--backend", "sim", "--seed", "7")


def test_without_a_terminal_it_reads_commands_from_standard_input():
    typed = "wait leader\nsubmit 5\n"
    done = raftplay("shell", *SIMULATED, stdin=typed)
    assert done.status == 0
    assert done.out.splitlines()[-1] == "-: all held: 2 steps in 0.157 s (5 nodes, sim, seed 7)"
    assert done == raftplay("run", "-", *SIMULATED, stdin=typed)
    refused = raftplay("shell", *SIMULATED, "noop", stdin=typed)
    assert (refused.status, refused.out) == (2, "")
    assert "for a script: raftplay run noop" in refused.err


@pytest.mark.parametrize("leave", ["exit", "quit", "now; exit; bogus", "clear\nquit"])
def test_in_a_pipe_too_one_leaves_with_exit_and_status_0(leave: str):
    done = raftplay("shell", *SIMULATED, stdin=f"wait leader\n{leave}\nexpect no leader\n")
    assert done.status == 0
    assert "all held" in done.out
    assert "no leader" not in done.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(shell: Terminal, number: signal.Signals) -> None:
    shell.enter("wait committed never within 10m")
    shell.until("Ctrl-C ends it")
    os.kill(shell.program.pid, number)
    assert shell.ended() == 128 + number
    assert shell.is_as_before
    assert "Traceback" not in shell.everything


def test_a_breach_stops_time_and_says_what_to_do_next(state: dict[str, str]):
    with Terminal("shell", "bugs/half-is-majority", env=state) as shell:
        shell.until("BROKEN")
        shell.until("the cluster is paused")
        shell.until(r"PAUSED .* BROKEN")
        shell.until("bugs on: half-is-majority")
        left(shell)


def test_a_scenario_is_played_first_and_its_set_up_holds(state: dict[str, str]):
    with Terminal("shell", "four-nodes", "--backend", "sim", "--seed", "3", env=state) as shell:
        shell.until(r"^raftplay: 4 nodes, sim, seed 3")
        shell.until("agree")
        shell.until(PROMPT)
        left(shell)


def test_on_sockets_it_is_the_same(state: dict[str, str]):
    with Terminal("shell", "--nodes", "3", env=state, afresh=True) as shell:
        shell.until(r"n\d leads term \d")
        shell.enter("submit real; wait committed real")
        shell.until("real is committed at index 0 on 3 of 3")
        left(shell)


def test_typing_deposes_no_leader(state: dict[str, str]):
    with Terminal("shell", "--nodes", "5", env=state) as shell:
        shell.enter("wait leader; submit 1; wait committed 1 on 5")
        shell.until("1 is committed at index 0 on 5 of 5")
        leads = shell.find(r"n\d leads term \d+")
        made = shell.everything.count("becomes leader")
        typed = ""
        for key in "submit 'a b'; wait committed 'a b' on 5":
            typed += key
            shell.send(key)
            shell.until(lambda: f"raftplay> {typed}".rstrip() in shell.lines)  # noqa: B023 - it is called here
        shell.send("\r")
        shell.until("is committed at index 1")
        shell.until(leads[0])
        assert shell.everything.count("becomes leader") == made
        left(shell)


def test_rewinding_shows_in_the_prompt_and_below(shell: Terminal):
    shell.enter("back 5")
    shell.until(r"REWOUND to \d+\.\d{3} s")
    shell.until(r"^past> ?$")
    shell.enter("submit otherwise")
    shell.until(r"^raftplay b1> ?$")
    shell.until("branch b1")
    left(shell)


def test_a_terminal_without_colours_gets_none(state: dict[str, str]):
    with Terminal("shell", "--backend", "sim", "--seed", "7", env={**state, "NO_COLOR": "1"}) as shell:
        shell.until("n0 leads term 1")
        shell.enter("crash 9")
        shell.until("there is no node 9")
        left(shell)
        sgr = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", shell.everything) for code in codes.split(";")}
        assert sgr <= {"", "0", "1", "4", "7"}


def test_a_dumb_terminal_gets_lines_and_nothing_else(state: dict[str, str], tmp_path: Path):
    with Terminal("shell", "--backend", "sim", "--seed", "7", env={**state, "TERM": "dumb"}) as shell:
        shell.until(PROMPT)
        shell.enter("wait leader")
        shell.until(r"node 0 leads term 1")
        shell.enter("crash 9")
        shell.until("there is no node 9")
        shell.until(PROMPT)
        shell.enter(f"save {tmp_path}/saved.txt; wait committed never within 10m")
        while not (tmp_path / "saved.txt").exists():  # what the terminal echoes need not be read yet
            shell.read(0.01)
        shell.send(CTRL_C)
        shell.until("interrupted")
        shell.until(PROMPT)
        shell.enter("clear; submit 5 to 0; exit; bogus")
        assert shell.ended() == 0
        assert "index 0 of node 0" in shell.text
        assert "bogus'" not in shell.text
        assert "\x1b" not in shell.everything


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_timings_that_cannot_work_are_warned_of_at_the_start(state: dict[str, str], kind: str):
    args = ("shell", "--backend", "sim", "--timing", "election=40..60ms")
    with Terminal(*args, env={**state, "TERM": kind}) as shell:
        shell.until("warning: heartbeats every 50 ms, timeouts from 40 ms")
        shell.until(PROMPT)
        left(shell)


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere", "relative"])
def test_a_home_that_cannot_be_written_is_no_failure(home: str) -> None:
    env = {"XDG_STATE_HOME": home, "HOME": home}
    with Terminal("shell", "--backend", "sim", "--nodes", "1", env=env) as shell:
        shell.until("n0 leads term 1")
        shell.enter("now")
        shell.until(r"^raftplay> now\n(.*\n)* +\d+\.\d+")
        left(shell)


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_an_internal_error_leaves_a_report_and_the_session_as_a_script(
    kind: str, state: dict[str, str], tmp_path: Path
) -> None:
    patch = "from dataclasses import replace\nfrom raftplay.language.table import TABLE\n"
    patch += "def fails(session): raise RuntimeError('a bug of ours')\n"
    patch += "TABLE['status'] = replace(TABLE['status'], function=fails)\n"
    env = {**state, "TMPDIR": str(tmp_path), "TERM": kind}
    with Terminal("shell", "--backend", "sim", "--seed", "7", columns=200, env=env, before=patch) as terminal:
        terminal.until("raftplay> ?$")
        terminal.enter("crash 2")
        terminal.until("node 2 crashed")
        terminal.enter("status")
        assert terminal.ended() == 1
        assert terminal.is_as_before
        assert "Traceback" not in terminal.everything
        said = terminal.everything.replace("\r\n", "\n")
        (script,) = tmp_path.glob("raftplay-report-*.script.txt")
        assert "internal error: RuntimeError: a bug of ours; the report is in" in said
        assert f"the session as a script in {script}" in said
        assert "\ncrash 2\n" in script.read_text("utf-8")


def test_without_unicode_it_prints_ascii_in_the_same_columns(state: dict[str, str]) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Terminal("shell", "--backend", "sim", "--seed", "7", env={**state, **plain}, afresh=True) as shell:
        shell.until("n0 leads")
        shell.enter('submit "x y"; events 12')
        shell.until(r"n\d > n\d")
        shell.enter("wait committed " + "y" * 90)
        shell.until("~")
        shell.send(CTRL_C)
        shell.send(CTRL_D)
        assert shell.ended() == 0
        assert shell.everything.isascii()
        assert "?" not in shell.everything.replace("\x1b[?", "")
