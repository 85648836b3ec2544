"""Hostile options, file names, files and environments: nothing of them reaches the terminal raw, or forges a line."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.hostile import RAW

from raftplay import Harness, UsageError, cli
from raftplay.cli import searching
from raftplay.cli.app import MODULES
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.shrink import Case
from raftplay.explore.search.trial import Finding, TrialPlan
from raftplay.watch.trace import read_trace, traced

HOSTILE = "\x1b[31m\x9b2J\x07\x08\x7f\u202egnp.exe\u2066\u200b\u200d\ufeff\u0085\t\nforged: error\r\udcff"
"""Colours, moves, bells, text turned around and hidden, a line of its own, and a byte that is no UTF-8."""


class Said(NamedTuple):
    """What a command line printed, and its exit status."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def raftplay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line, whose every word is looked at."""
    handler = signal.getsignal(signal.SIGINT)

    def run(*args: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["raftplay", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        signal.signal(signal.SIGINT, handler)
        said = Said(int(ended.value.code or 0), *capsys.readouterr())
        for text in (said.out, said.err):
            assert not RAW.search(text), text
            assert not re.search("^forged", text, re.MULTILINE), text
            assert "Traceback" not in text
        return said

    yield run
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(
    "args",
    [
        (HOSTILE,),
        ("run", HOSTILE),
        ("run", f"--{HOSTILE}"),
        ("run", f"--{HOSTILE}={HOSTILE}", "first-election"),
        ("run", f"-{HOSTILE}"),
        ("run", "first-election", HOSTILE),
        *(("run", "first-election", f"--{option}", HOSTILE) for option in ("nodes", "seed", "backend", "speed")),
        *(("run", "first-election", f"--{option}", HOSTILE) for option in ("timing", "set", "bug")),
        ("run", "first-election", "--timing", f"{HOSTILE}=1ms"),
        ("run", "first-election", "--timing", f"election={HOSTILE}"),
        ("run", "first-election", "--set", f"{HOSTILE}=on"),
        ("run", "first-election", "--set", f"noop={HOSTILE}"),
        ("run", "first-election", "--trace", f"/nowhere/{HOSTILE}"),
        ("run", "--verify", HOSTILE),
        ("run", "--rewrite", HOSTILE),
        ("bugs", HOSTILE),
        ("bugs", "zombie", HOSTILE),
        ("help", HOSTILE),
        ("help", f"--{HOSTILE}"),
        ("scenarios", HOSTILE),
        ("invariants", HOSTILE),
        ("replay", HOSTILE),
        ("replay",),
        ("explore", HOSTILE),
        *(("explore", f"--{option}", HOSTILE) for option in ("seeds", "for", "bug", "nodes", "mix", "seconds")),
        *(("explore", f"--{option}", HOSTILE) for option in ("first-seed", "jobs", "shrink", "nonsense")),
        ("fuzz", HOSTILE),
        *(("fuzz", "scripts", f"--{option}", HOSTILE) for option in ("count", "seed")),
    ],
    ids=lambda args: " ".join(arg.replace(HOSTILE, "*") for arg in args),
)
def test_a_hostile_option_or_name_is_refused_in_one_visible_sentence(args: tuple[str, ...], raftplay: Run) -> None:
    said = raftplay(*args)
    assert said.status == 2
    assert said.out == ""
    assert said.err.startswith("raftplay: error: ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 1000


COMMANDS = [name for names in MODULES.values() for name in names]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_hostile_arguments_and_options_it_does_not_know(name: str, raftplay: Run) -> None:
    for args in ((HOSTILE,) * 9, (f"--{HOSTILE}",), (f"--{HOSTILE}=1",), ("--help", HOSTILE)):
        said = raftplay(name, *args)
        assert (said.status, said.err.count("\n")) == ((0, 0) if args[0] == "--help" else (2, 1)), said


def named(folder: Path, text: str, *, name: str = HOSTILE) -> str:
    """The path of a script whose name is hostile."""
    path = folder / name.replace("/", "")
    path.write_text(text, "utf-8")
    return str(path)


SIM = ("--backend", "sim", "--seed", "7")


@pytest.mark.parametrize(
    "text",
    [
        "now\nlog",
        "wait leader\nexpect no leader",
        "restart 0",
        "nonsense",
        f"crash '{HOSTILE[:-1]}'",
        f"# {HOSTILE[:18]}\nnow",
        "nodes 4\nbug half-is-majority\npartition 0,1 | 2,3\ntimeout 0\ntimeout 2\nsleep 1s",
        f"now\n----\n{HOSTILE[:18]}",
        f"now\n---- {HOSTILE[:18]}",
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",), ("--verify",), ("--rewrite",), ("--rewrite", "--json")])
def test_a_hostile_file_name_and_script_are_shown_visibly(
    text: str, options: tuple[str, ...], tmp_path: Path, raftplay: Run
) -> None:
    said = raftplay("run", named(tmp_path, text), *SIM, *options)
    assert said.status in (0, 1, 2)
    assert "\\" in said.out + said.err
    assert not [name for name in os.listdir(tmp_path) if name != HOSTILE]


def test_a_hostile_name_of_a_script_that_is_explored_is_shown_visibly(tmp_path: Path, raftplay: Run) -> None:
    held = raftplay("explore", named(tmp_path, "wait leader"), "--seeds", "2")
    assert held.status == 0
    assert "\\x1b" in held.out
    assert raftplay("explore", named(tmp_path, "expect leader"), "--seeds", "2").status == 1


def test_a_hostile_name_of_a_counterexample_is_shown_visibly_there_and_in_the_file(
    tmp_path: Path, raftplay: Run
) -> None:
    out = tmp_path / HOSTILE
    options = ("--bug", "half-is-majority", "--nodes", "4", "--seeds", "60", "--jobs", "1", "--shrink", "1")
    found = raftplay("explore", *options, "--out", str(out))
    assert found.status == 1, found
    assert found.out.count("\\x1b") == 2
    text = out.read_text("utf-8")
    assert "# Found by: raftplay explore" in text
    assert not RAW.search(text)
    assert raftplay("run", str(out)).status == 1


def test_what_cannot_be_written_is_named_visibly(tmp_path: Path, raftplay: Run) -> None:
    folder = tmp_path / HOSTILE
    folder.mkdir()
    options = ("--bug", "half-is-majority", "--nodes", "4", "--seeds", "60", "--jobs", "1", "--shrink", "0.1")
    assert "cannot be written: Is a directory" in raftplay("explore", *options, "--out", str(folder)).err
    assert "cannot be written: Is a directory" in raftplay("run", "first-election", "--trace", str(folder)).err
    assert raftplay("run", str(folder)).status == 2
    assert raftplay("replay", str(folder)).status == 2


def test_a_hostile_data_directory_and_what_lies_in_it_are_named_visibly(tmp_path: Path, raftplay: Run) -> None:
    folder = tmp_path / HOSTILE
    assert raftplay("run", "first-election", "--data-dir", str(folder), *SIM).status == 0
    assert raftplay("run", "first-election", "--data-dir", str(folder), *SIM, "--nodes", "3").status == 2
    (folder / "node-0.sqlite").write_text(HOSTILE[:-1])
    assert raftplay("run", "first-election", "--data-dir", str(folder), *SIM).status == 2
    other = tmp_path / "other"
    other.mkdir()
    (other / HOSTILE).touch()
    assert "\\x1b" in raftplay("run", "first-election", "--data-dir", str(other), *SIM).err
    assert raftplay("run", "first-election", "--data-dir", str(other / HOSTILE), *SIM).status == 2


def test_a_counterexample_says_on_one_line_what_found_it() -> None:
    case = Case(TrialPlan(1, 3), ("sleep 1ms",), Finding("liveness", "x", 0.0))
    script = script_of(case, command=f"raftplay explore --out {HOSTILE}")
    assert script.split("\n")[3].startswith("# Found by: raftplay explore --out \\x1b[31m")
    assert not RAW.search(script)


# ---- hostile traces


def trace_of(folder: Path) -> list[str]:
    """The lines of a trace of three nodes."""
    path = folder / "trace"
    with Harness(3, backend="sim", seed=1) as h, traced(h, path):
        h.submit_to_server(h.check_single_leader()[0], HOSTILE[:-1])
        h.sleep_ms(50)
    return path.read_text("utf-8").strip().split("\n")


@pytest.mark.parametrize("key", ["schema", "version", "backend", "bugs", "configuration", HOSTILE[:-1]])
def test_a_hostile_header_of_a_trace_is_shown_visibly(key: str, tmp_path: Path, raftplay: Run) -> None:
    head, *lines = trace_of(tmp_path)
    fields = json.loads(head)
    value = HOSTILE[:-1]
    fields[key] = {"bugs": [value], "configuration": {value: value}}.get(key, value)
    said = raftplay("replay", named(tmp_path, "\n".join([json.dumps(fields), *lines])))
    assert said.status == (2 if key in ("schema", HOSTILE[:-1]) else 0), said


@pytest.mark.parametrize("key", ["seq", "time", "node", "event", "fields", "after", HOSTILE[:-1]])
def test_a_hostile_event_of_a_trace_is_shown_visibly(key: str, tmp_path: Path, raftplay: Run) -> None:
    lines = trace_of(tmp_path)
    for value in (HOSTILE[:-1], {HOSTILE[:-1]: 1}, "\ud800"):
        fields = json.loads(lines[5])
        fields[key] = value
        said = raftplay("replay", named(tmp_path, "\n".join([*lines[:5], json.dumps(fields)])))
        assert said.status == 2
        assert said.err.count("\n") == 1


def test_a_breach_that_a_trace_shows_is_shown_visibly(tmp_path: Path, raftplay: Run) -> None:
    lines = [line.replace('"term":1', '"term":9', 1) for line in trace_of(tmp_path)]
    said = raftplay("replay", named(tmp_path, "\n".join(lines)))
    assert said.status in (1, 2)


def test_python_too_is_told_visibly_what_is_wrong_with_a_trace(tmp_path: Path) -> None:
    strange = json.dumps(json.loads(trace_of(tmp_path)[0]) | {HOSTILE[:-1]: 1})
    for text in ("", '{"schema":"\\u001b[2J"}', strange, "{}"):
        with pytest.raises(UsageError) as refused:
            read_trace(named(tmp_path, text))
        assert not RAW.search(str(refused.value))
        assert "\n" not in str(refused.value)


# ---- hostile environments


@pytest.mark.parametrize(
    "name", ["_RAFTPLAY_COMPLETE", "RAFT_UNRELIABLE_RPC", "RAFT_FORCE_MORE_REELECTION", "COLUMNS"]
)
def test_a_hostile_environment_is_not_shown(name: str, monkeypatch: pytest.MonkeyPatch, raftplay: Run) -> None:
    for value in (HOSTILE, f"source_{HOSTILE}", "complete_bash"):
        monkeypatch.setenv(name, value)
        assert raftplay("run", "first-election", *SIM).status == 0
        assert raftplay("--help").status == 0


# ---- the last guard: whatever a command hands over


def test_whatever_is_printed_is_visible(raftplay: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HOSTILE.replace("\n", "")
    monkeypatch.setattr(searching, "replay_text", lambda _: (True, f"{text}\n{text}"))
    assert raftplay("replay", "x").out.count("\\x1b[31m") == 2


def test_whatever_is_wrong_is_one_line(raftplay: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: object) -> None:
        raise UsageError(HOSTILE)

    monkeypatch.setattr(searching, "replay_text", wrong)
    assert raftplay("replay", "x").err.count("\n") == 1
