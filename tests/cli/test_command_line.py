"""`raftplay` as its users run it: transcripts, exit statuses, and one clear sentence for whatever goes wrong."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay import scenarios
from raftplay.raft.bugs import BUGS
from raftplay.watch.invariants import INVARIANTS

STORY = (
    "wait leader\nlet old = leader\nsubmit 1\nwait committed 1 on 5\ndisconnect $old\nwait leader is not $old\n"
)


def test_what_holds_ends_with_0_and_says_so():
    done = raftplay("run", "-", "--backend", "sim", "--seed", "7", stdin=STORY)
    assert done.status == 0, done.out + done.err
    assert done.out.splitlines()[0] == "-: 5 nodes, sim, seed 7"
    assert "all held: 6 steps" in done.out.splitlines()[-1]


def test_what_fails_ends_with_1_and_says_what_where_when_and_how_every_node_looked():
    done = raftplay("run", "-", "--backend", "sim", "--seed", "7", stdin="wait leader\nexpect no leader\n")
    assert done.status == 1
    assert "-:2: failed at 0.157 s: expect no leader: node 0 leads term 1" in done.out
    assert [line.split(":")[0] for line in done.out.splitlines() if line.startswith("  node ")] == [
        f"  node {id}" for id in range(5)
    ]


def test_all_mistakes_of_a_script_are_told_in_one_go_before_anything_runs():
    done = raftplay("run", "-", stdin="nodes 3\nwat leader\ncrash 7\nsleep 5\n")
    assert done.status == 2
    assert done.out == ""
    heads = [line for line in done.err.splitlines() if line.startswith("-:")]
    assert heads == [
        "-:2:1: error: there is no command 'wat'; did you mean 'wait'?",
        "-:3:7: error: there is no node 7; the nodes are 0 to 2",
        "-:4:7: error: invalid duration '5': add a unit (250ms, 1.5s, 2m)",
    ]
    assert "  crash 7\n        ^" in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("run", "leader-failovre"),
        ("run", "/"),
        ("run", "first-election", "--bug", "commit-old-terms"),
        ("run", "first-election", "--backend", "udp"),
        ("run", "first-election", "--nodes", "26"),
        ("run", "first-election", "--trace", "/nowhere/at/all"),
        ("bugs", "nonsense"),
        ("replay", "/nowhere/at/all"),
        ("explore", "--nodes", "7..3"),
        ("explore", "--for", "60"),
        ("explore", "--for", "0s"),
        ("explore", "--mix", "stormy"),
        ("help", "nonsense"),
        ("nonsense",),
    ],
)
def test_a_wrong_option_or_name_is_a_sentence_and_status_2(args: tuple[str, ...]):
    done = raftplay(*args)
    assert done.status == 2, done.out + done.err
    assert "rror: " in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("explore", "--seconds", "nan"),
        ("explore", "--shrink", "NaN"),
        ("explore", "--speed", "-nan"),
        ("run", "first-election", "--speed", "nan"),
        ("tui", "--screenshot", "x.svg", "--speed", "nan"),
    ],
)
def test_what_is_not_a_number_is_said_to_be_none(args: tuple[str, ...]):
    done = raftplay(*args)
    says = f"raftplay: error: invalid value for '{args[-2]}': '{args[-1]}' is not a number; see: raftplay {args[0]} --help"
    assert (done.status, done.err.strip()) == (2, says)


def test_the_same_script_and_seed_print_the_same_bytes_whatever_the_hash_seed():
    for args in (("leader-failover",), ("unreliable-network",), ("log-repair", "--json")):
        runs = {
            raftplay("run", *args, "--backend", "sim", "--seed", "5", env=env).out
            for env in ({}, {"PYTHONHASHSEED": "77"})
        }
        assert len(runs) == 1
        assert runs.pop()


def test_json_is_an_object_a_line():
    done = raftplay("run", "-", "--backend", "sim", "--seed", "7", "--json", stdin="# hello\n" + STORY)
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert [o["kind"] for o in objects] == ["begin", "comment", *["step"] * 6, "end"]
    assert objects[2]["command"] == "wait leader"
    assert objects[2]["status"] == "held"
    assert objects[-1]["status"] == "held"


def test_a_seed_is_chosen_and_printed_and_can_be_given_back():
    first = raftplay("run", "first-election", "--backend", "sim").out
    seed = first.splitlines()[0].rsplit(" ", 1)[1]
    assert raftplay("run", "first-election", "--backend", "sim", "--seed", seed).out == first


@pytest.mark.parametrize("backend", ["tcp", "sim"])
def test_ctrl_c_ends_a_run_cleanly_with_130(backend: str):
    script = "nodes 3\nwait leader\n" + "sleep 20m\n" * 50
    command = [sys.executable, "-u", "-W", "error", "-m", "raftplay.cli", "run", "-", "--backend", backend]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8") as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdin.write(script)
        run.stdin.close()
        while "wait leader" not in run.stdout.readline():
            assert run.poll() is None
        time.sleep(0.05)  # not waited for: the signal may come at any moment from here on
        run.send_signal(signal.SIGINT)
        rest, errors = run.stdout.read(), run.stderr.read()
        assert run.wait(20) == 130, rest + errors
        assert "interrupted after" in rest
        assert errors == ""


def test_a_reader_that_goes_away_stops_nothing():
    command = f"{sys.executable} -m raftplay.cli run leader-failover --backend sim; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | head -1"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == "0\n"
    assert len(done.stdout.splitlines()) == 1


def test_text_of_users_reaches_the_terminal_only_visibly(tmp_path: Path):
    script = tmp_path / "hostile\x1b[31m.txt"
    script.write_text(
        "# \x1b]0;owned\x07 \u202edrawkcab\nwait leader\nsubmit '\x1b[2J\u202e'\nwait agree\nlog\n", "utf-8"
    )
    done = raftplay("run", str(script), "--backend", "sim", "--seed", "1")
    assert done.status == 0, done.out + done.err
    assert not set(done.out) & {"\x1b", "\x07", "\u202e"}
    wrong = raftplay("run", "-", stdin="\x1b[31mnonsense \u202e\n")
    assert wrong.status == 2
    assert not set(wrong.err) & {"\x1b", "\u202e"}


def test_the_lists_of_what_there_is():
    groups = [scenarios.names(), scenarios.incident_names()]
    listed = raftplay("scenarios").out.strip().split("\n\n")
    assert [[line.split()[0] for line in group.splitlines()] for group in listed] == groups
    assert len(raftplay("bugs").out.splitlines()) == len(BUGS)
    assert len(raftplay("invariants").out.splitlines()) == len(INVARIANTS)
    assert "Figure 8" in raftplay("bugs", "commit-old-term").out
    assert "wait CONDITION [within D]" in raftplay("help", "wait").out


def test_a_trace_is_replayed_to_the_same_breach(tmp_path: Path):
    path = str(tmp_path / "trace.jsonl")
    run = raftplay("run", "bugs/half-is-majority", "--backend", "sim", "--seed", "1", "--trace", path)
    assert run.status == 1
    done = raftplay("replay", path)
    assert done.status == 1
    assert "Election Safety broke at" in run.out
    assert "Election Safety broke at" in done.out
    sound = raftplay("run", "leader-failover", "--trace", path, "--force")
    assert sound.status == 0
    assert "every invariant held" in raftplay("replay", path).out


def test_what_explore_finds_it_shrinks_and_writes_as_a_script_that_run_repeats(tmp_path: Path):
    out = str(tmp_path / "found.txt")
    options = (
        "--bug",
        "reset-vote",
        "--mix",
        "delay",
        "--first-seed",
        "80",
        "--seeds",
        "60",
        "--jobs",
        "1",
        "--shrink",
        "100",
    )
    found = raftplay("explore", *options, "--out", out)
    assert found.status == 1, found.out + found.err
    assert "found: Vote Kept" in found.out
    again = raftplay("run", out)
    assert again.status == 1
    assert "Vote Kept broke at" in again.out
    commands = [line for line in Path(out).read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert len(commands) <= 25 + 4


def test_explore_runs_one_script_with_many_seeds():
    done = raftplay("explore", "leader-failover", "--seeds", "20")
    assert done.status == 0
    assert "held with 20 seeds" in done.out
