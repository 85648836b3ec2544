"""`raftplay run --data-dir` as its users meet it: it goes on, and whatever cannot be used is a sentence and status 2."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import command_line
from support.command_line import Ended
from support.disks import contents

from raftplay import Harness

FULL = """
from raftplay.cluster.storage import sqlite_file
sqlite_file._DURABLE += ("max_page_count = 5",)
"""


def raftplay(*args: str, script: str = "nodes 3\nwait leader\n", code: str = "") -> Ended:
    return command_line.raftplay("run", "-", "--backend", "sim", "--seed", "7", *args, stdin=script, prelude=code)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a cluster that has run."""
    with Harness(3, backend="sim", seed=1, data_dir=tmp_path / "data") as h:
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, "a")
        h.sleep_ms(100)
    return tmp_path / "data"


def test_a_second_run_goes_on_where_the_first_one_ended(tmp_path: Path):
    story = "nodes 3\nset noop on\nwait leader\nsubmit {}\nwait committed {} on 3\nsleep 100ms\nlog\n"
    first = raftplay("--data-dir", str(tmp_path / "d"), script=story.format(1, 1))
    assert first.status == 0, first.out + first.err
    assert first.out.splitlines()[0] == f"-: 3 nodes, sim, seed 7, data in {tmp_path / 'd'}, noop on"
    shutil.copytree(tmp_path / "d", tmp_path / "copy")
    second = raftplay("--data-dir", str(tmp_path / "d"), script=story.format(2, 2) + "expect committed 1 on 3\n")
    assert second.status == 0, second.out + second.err
    assert "index 3 of node" in second.out
    again = raftplay("--data-dir", str(tmp_path / "copy"), script=story.format(2, 2) + "expect committed 1 on 3\n")
    assert again.out == second.out.replace(f"{tmp_path / 'd'}", f"{tmp_path / 'copy'}")


def test_programs_are_told_of_the_directory(data: Path):
    lines = [json.loads(line) for line in raftplay("--json", "--data-dir", str(data)).out.splitlines()]
    assert lines[0]["data_dir"] == str(data)
    lines = [json.loads(line) for line in raftplay("--json").out.splitlines()]
    assert lines[0]["data_dir"] is None


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda d: os.truncate(d / "node-1.sqlite", 9000), "/node-1.sqlite' is damaged: "),
    "foreign": (
        lambda d: (d / "node-0.sqlite").write_text("x" * 200),
        "/node-0.sqlite' is another program's file",
    ),
    "other files": (
        lambda d: (shutil.rmtree(d), d.mkdir(), (d / "a\x1b[2J").touch()),
        "holds no cluster, but 'a\\x1b[2J'; name a new directory, or an empty one",
    ),
    "no directory": (lambda d: (shutil.rmtree(d), d.touch()), "is not a directory"),
    "missing": (lambda d: (d / "node-2.sqlite").unlink(), "/node-2.sqlite' is missing, and the cluster"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_used_is_a_sentence_and_status_2(data: Path, name: str):
    spoil, text = REFUSALS[name]
    spoil(data)
    before = contents(data.parent)
    check(raftplay("--data-dir", str(data)), text)
    assert contents(data.parent) == before


def check(done: Ended, text: str) -> None:
    assert done.status == 2, done.out + done.err
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("raftplay: error: ")
    assert text in line
    assert line.isprintable()


def test_answers_are_not_compared_over_a_directory(data: Path):
    for option in ("--verify", "--rewrite"):
        check(raftplay(option, "--data-dir", str(data)), "over --data-dir it is another each time")


def test_another_number_of_nodes_is_refused(data: Path):
    check(raftplay("--nodes", "5", "--data-dir", str(data)), "belongs to a cluster of 3 nodes, not of 5")


def test_a_directory_that_is_in_use_is_refused(data: Path):
    with Harness(3, backend="sim", data_dir=data):
        check(raftplay("--data-dir", str(data)), "is in use by another cluster")


def test_a_disk_that_fills_up_in_the_middle_of_a_run_ends_it_with_status_2(data: Path):
    story = "nodes 3\nset noop on\nwait leader\n" + "submit " + "x" * 20_000 + "\nsleep 1s\n"
    done = raftplay("--data-dir", str(data), script=story, code=FULL)
    assert done.status == 2, done.out + done.err
    assert "-:5:1: error: " in done.out
    assert ".sqlite' cannot be written: there is no room left on the disk" in done.out
    assert "stopped after 2 steps" in done.out.splitlines()[-1]
    assert done.err == ""
    later = raftplay("--data-dir", str(data), script="nodes 3\nset noop on\nwait committed a on 3\n")
    assert later.status == 0, later.out + later.err


BRANCHED = """set noop on
wait leader
submit m1
wait committed m1
back 3
submit b1
wait committed b1
"""


def test_a_branch_over_a_data_directory_says_that_it_is_not_kept_when_it_begins_and_at_the_end(tmp_path: Path):
    data = tmp_path / "data"
    done = raftplay("--data-dir", str(data), script=f"nodes 3\n{BRANCHED}")
    assert done.status == 0, done.out + done.err
    lines = done.out.splitlines()
    assert [line for line in lines if "branch b1 begins" in line and "in memory only" in line]
    assert lines[-2] == f"-: branch b1 is not kept: '{data}' holds what happened in the first branch"
    again = raftplay("--data-dir", str(data), script="nodes 3\nset noop on\nwait leader\nlog\n")
    assert "m1" in again.out
    assert "b1" not in again.out
    ends = json.loads(
        raftplay("--json", "--data-dir", str(data), script=f"nodes 3\n{BRANCHED}").out.splitlines()[-1]
    )
    assert ends["not_kept"] == ["b1"]


def test_without_a_data_directory_or_a_branch_nothing_is_said_of_keeping(tmp_path: Path):
    for done in (raftplay(script=BRANCHED), raftplay("--data-dir", str(tmp_path / "d"))):
        assert "kept" not in done.out
        assert "in memory" not in done.out
