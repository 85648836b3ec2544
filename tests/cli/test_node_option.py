"""--node gives every cluster of the command line nodes of one's own, and what they say names their class."""

import json
from pathlib import Path

import pytest
from support.command_line import Ended, raftplay

MINE = """from raftplay import ConsensusModule, RequestVoteReply

class Generous(ConsensusModule):
    def request_vote(self, args, now=None):
        super().request_vote(args, now)
        return RequestVoteReply(self.current_term, True)
"""

RAISES = """from raftplay import Rules

class Raises(Rules):
    def may_commit(self, entry_term, current_term):
        return entry_term < nothing
"""

STUCK = """from raftplay import Rules

class Stuck(Rules):
    def is_up_to_date(self, args, log):
        return False
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my.py").write_text(MINE)
    (tmp_path / "raises.py").write_text(RAISES)
    (tmp_path / "stuck.py").write_text(STUCK)
    return tmp_path


def run(folder: Path, *args: str, typed: str = "") -> Ended:
    return raftplay(*args, cwd=folder, stdin=typed)


def test_a_run_names_the_class_and_how_to_repeat_it(folder: Path) -> None:
    done = run(folder, "run", "leader-failover", "--node", "raises.py", "--backend", "sim", "--seed", "7")
    first, *lines = done.out.split("\n")
    assert first == "leader-failover: 5 nodes, sim, seed 7, node: raises.py:Raises"
    assert done.status == 1
    assert "again: raftplay run leader-failover --nodes 5 --backend sim --seed 7 --node raises.py" in lines
    assert sorted(path.name for path in folder.iterdir()) == ["my.py", "raises.py", "stuck.py"]


def test_a_program_is_told_too(folder: Path) -> None:
    done = run(folder, "run", "split-brain", "--node", "my.py:Generous", "--backend", "sim", "--json")
    assert json.loads(done.out.split("\n")[0])["node"] == "my.py:Generous"


def test_the_option_replaces_the_line_of_the_script_whose_path_is_relative_to_it(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "story.txt").write_text("nodes 3\nbackend sim\nnode ../stuck.py\nsleep 1s\n")
    assert "node: ../stuck.py:Stuck" in run(folder, "run", "below/story.txt").out
    assert "node: my.py:Generous" in run(folder, "run", "below/story.txt", "--node", "my.py").out


def test_a_shell_without_a_terminal_takes_it(folder: Path) -> None:
    done = run(
        folder, "shell", "--node", "stuck.py", "--backend", "sim", typed="timeout 0\nsleep 10ms\nwhy 1 rejected\n"
    )
    assert "node: stuck.py:Stuck" in done.out
    assert "its own rule says so (not in Figure 2); the correct algorithm says yes" in " ".join(done.out.split())


def test_a_lesson_is_played_with_it_and_keeps_no_score(folder: Path) -> None:
    done = run(folder, "lesson", "1", "--node", "stuck.py", "--seed", "7", typed="quit\n")
    assert "node: stuck.py:Stuck" in done.out
    assert done.status == 0


def test_a_picture_of_the_screen_names_it(folder: Path) -> None:
    done = run(folder, "tui", "--node", "stuck.py", "--nodes", "3", "--screenshot", "it.svg", "--size", "160x30")
    assert done.status == 0, done.err
    assert "node: stuck.py:Stuck" in (folder / "it.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("my.py:Generous", "One Vote Per Term"),
        ("raises.py:Raises", "NameError in reply_received"),
        ("stuck.py:Stuck", "liveness"),
    ],
)
def test_explore_finds_what_is_wrong_with_it_and_writes_a_script_that_shows_it(
    file: str, found: str, folder: Path
) -> None:
    (folder / "out").mkdir()
    done = run(
        folder, "explore", "--node", file, "--nodes", "3", "--seeds", "20", "--jobs", "2", "--shrink", "5",
        "--out", f"{folder}/out/found.txt",
    )  # fmt: skip
    assert f"found: {found}, seed " in done.out, done.out + done.err
    assert done.status == 1
    text = (folder / "out" / "found.txt").read_text("utf-8")
    assert f"\nnode {folder}/{file}\n" in text
    again = run(folder / "out", "run", "found.txt")
    assert again.status == 1, again.out
    assert found.partition(" in ")[0] in again.out or found == "liveness"
    assert f"node: {folder}/{file}" in again.out


def test_explore_runs_a_script_with_it(folder: Path) -> None:
    done = run(folder, "explore", "leader-failover", "--node", "raises.py", "--seeds", "2")
    assert done.status == 1
    assert "raised NameError in reply_received" in done.out


def test_a_counterexample_beside_the_file_names_it_by_its_name(folder: Path) -> None:
    run(folder, "explore", "--node", "my.py", "--nodes", "3", "--seeds", "20", "--shrink", "5", "--jobs", "1")
    assert "\nnode my.py:Generous\n" in (folder / "counterexample.txt").read_text("utf-8")


@pytest.mark.parametrize("command", [("run", "split-brain"), ("shell",), ("tui",), ("explore",), ("lesson", "1")])
def test_what_cannot_be_loaded_is_one_sentence_and_status_2_everywhere(
    command: tuple[str, ...], folder: Path
) -> None:
    (folder / "bad.py").write_text("import nothing_there\n")
    done = run(folder, *command, "--node", "bad.py:Mine")
    assert done.status == 2
    assert done.err.split("\n") == [
        "raftplay: error: bad.py cannot be loaded: it raised ModuleNotFoundError",
        f'  File "{folder}/bad.py", line 1, in <module>',
        "    import nothing_there",
        "ModuleNotFoundError: No module named 'nothing_there'",
        "",
    ]


def test_a_line_that_cannot_be_loaded_is_told_with_its_place(folder: Path) -> None:
    (folder / "story.txt").write_text("nodes 3\nnode my.py:Genrous\nnodes 2\nsleep 1s\n")
    done = run(folder, "run", "story.txt")
    assert done.status == 2
    assert (
        "story.txt:2:6: error: my.py has no class Genrous; did you mean Generous?\n  node my.py:Genrous\n"
        in done.err
    )
    assert "story.txt:3:1: error: nodes was chosen before" in done.err
