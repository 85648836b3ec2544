"""What holds for the project as a whole: style, types, import contracts, and a README that says what is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import raftplay.commands.script  # noqa: F401 - it fills the table
from raftplay.commands.looking import markdown_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def passes(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_has_nothing_to_say(tmp_path: Path):
    passes("-m", "ruff", "check", "--cache-dir", str(tmp_path), "raftplay", "tests")


def test_everything_is_formatted(tmp_path: Path):
    passes("-m", "ruff", "format", "--check", "--cache-dir", str(tmp_path), "raftplay", "tests")


@pytest.mark.timeout(300)
def test_types_are_strict_and_right(tmp_path: Path):
    passes("-m", "mypy", "--cache-dir", str(tmp_path))


def test_imports_point_one_way():
    code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    passes("-c", code)


def test_the_readme_shows_the_table_of_commands_as_it_is():
    shown = README.split("<!-- commands -->\n")[1].split("<!-- /commands -->")[0]
    assert shown.strip() == markdown_table().strip(), "fill it in anew: raftplay help --markdown"


def test_the_readme_begins_with_the_two_commands_that_do_everything():
    blocks = re.findall(r"```\n(.*?)\n```", README, re.DOTALL)
    assert blocks[:2] == ["pip install . && raftplay run leader-failover", "pip install '.[test]' && pytest"]
    assert (
        "pip install --quiet --disable-pip-version-check '.[test]'\npytest" in (ROOT / ".ci" / "run").read_text()
    )


def test_the_transcript_in_the_readme_is_what_its_script_prints(tmp_path: Path):
    script = README.split("This one (`story.txt`):\n\n```\n")[1].split("```")[0]
    shown = README.split("<!-- transcript -->\n```\n")[1].split("```\n<!-- /transcript -->")[0]
    (tmp_path / "story.txt").write_text(script, "utf-8")
    command = [sys.executable, "-m", "raftplay.cli", "run", "story.txt", "--backend", "sim", "--seed", "7"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode("utf-8") == shown


def test_the_past_in_the_readme_is_what_its_script_prints(tmp_path: Path):
    script = README.split("<!-- rewind script -->\n```\n")[1].split("```")[0]
    shown = README.split("<!-- rewind -->\n```\n")[1].split("```\n<!-- /rewind -->")[0]
    (tmp_path / "rewind.txt").write_text(script, "utf-8")
    command = [sys.executable, "-m", "raftplay.cli", "run", "rewind.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode("utf-8") == shown


def test_the_counterexample_in_the_readme_still_breaks_what_it_says(tmp_path: Path):
    script = README.split("<!-- counterexample -->\n```\n")[1].split("```\n<!-- /counterexample -->")[0]
    (tmp_path / "found.txt").write_text(script, "utf-8")
    command = [sys.executable, "-m", "raftplay.cli", "run", "found.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Leader Completeness broke at 0.467 s" in done.stdout.decode("utf-8")


def test_the_top_level_holds_what_it_should_and_no_more():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = {line.split("/")[0] for line in listed.splitlines() if not line.startswith(".")}
    assert names <= {"pyproject.toml", "raftplay", "tests", "README.md", "screenshots"}
