"""What bash offers on Tab, asked as bash asks."""

from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay import scenarios
from raftplay.cli import completions
from raftplay.lessons import catalogue
from raftplay.raft.bugs import BUGS


def offered(line: str, folder: Path) -> list[str]:
    """What completes the last word of a line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = raftplay(env={"_RAFTPLAY_COMPLETE": "complete_bash", **words}, cwd=folder)
    assert (done.status, done.err) == (0, "")
    return done.out.split()


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("raftplay run fig", "figure-7"),
        ("raftplay run my", "my-story.txt"),
        ("raftplay run fold", "folder/"),
        ("raftplay run bugs/forget-v", "bugs/forget-vote"),
        ("raftplay run x --bug res", "reset-vote"),
        ("raftplay run x --backend s", "sim"),
        ("raftplay run x --trace my", "my-story.txt"),
        ("raftplay shell lost", "lost-entry"),
        ("raftplay tui split-b", "split-brain"),
        ("raftplay lesson a-l", "a-leader-is-elected"),
        ("raftplay lesson 1", "1"),
        ("raftplay bugs torn", "torn-vote"),
        ("raftplay explore --mix ch", "churn"),
        ("raftplay help cond", "conditions"),
        ("raftplay scen", "scenarios"),
    ],
)
def test_names_and_files_are_offered(line: str, first: str, tmp_path: Path):
    (tmp_path / "my-story.txt").touch()
    (tmp_path / "folder").mkdir()
    assert offered(line, tmp_path)[0] == first


def test_everything_that_has_a_name_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert completions.scripts("") == scenarios.names()
    assert completions.scripts("incidents/") == scenarios.incident_names()
    assert completions.scripts("bugs/") == scenarios.bug_names()
    names = catalogue.names()
    assert completions.lessons("") == [*names, *map(str, range(1, len(names) + 1))]
    assert completions.bugs("") == list(BUGS)


def test_a_file_is_offered_whatever_its_name_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a[1].txt").touch()
    assert completions.files("a[") == ["a[1].txt"]


@pytest.mark.parametrize("value", ["x\x1b[31m_y", "complete_\x1b[31m", "complete", "\n"])
def test_a_strange_value_of_the_variable_is_not_repeated(value: str):
    done = raftplay("--version", env={"_RAFTPLAY_COMPLETE": value})
    assert done.status == 0
    assert done.out.startswith("raftplay ")
    assert "\x1b" not in done.out + done.err


def test_bash_is_told_how_to_ask(tmp_path: Path):
    where = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = raftplay("--install-completion", "bash", env=where)
    assert done.status == 0, done.err
    script = (tmp_path / ".bash_completions" / "raftplay.sh").read_text("utf-8")
    assert "_RAFTPLAY_COMPLETE=complete_bash" in script
