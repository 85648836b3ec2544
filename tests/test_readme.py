"""What the README and the reference pages claim and count is so, and their Python is typed and runs."""

import re
from pathlib import Path

import pytest
from support import command_line
from support.pages import DOCS, TEXTS

import raftplay
from raftplay.explore.search.mixes import MIXES

ROOT = Path(__file__).parent.parent
PAGES = "\n".join(path.read_text("utf-8") for path in TEXTS)

BLOCKS = re.findall(r"```python\n(.*?)```", PAGES, re.DOTALL)

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def counted(pattern: str) -> set[int]:
    """Every number that the pages give where `pattern` matches, in digits or in words."""
    found = re.findall(pattern, " ".join(PAGES.split()))
    assert found, pattern
    return {int(number) if number.isdecimal() else NUMBERS.index(number) for number in found}


def test_there_is_python_in_the_readme() -> None:
    assert any("Harness" in block for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("backend", ["as written", "in virtual time"])
def test_the_python_in_the_readme_runs(block: str, backend: str, tmp_path: Path) -> None:
    if backend == "in virtual time":
        block = block.replace("Harness(5)", 'Harness(5, backend="sim", seed=7)')
    (tmp_path / "example.py").write_text(block, "utf-8")
    program = "import runpy; runpy.run_path('example.py', run_name='__main__'); raise SystemExit(0)"
    status, out, err = command_line.usual().run([], b"", command_line.environment(), str(tmp_path), before=program)
    assert (status, err) == (0, b"")
    assert b"Leader" in out


def test_every_name_that_the_readme_uses_of_the_harness_is_there() -> None:
    names = set(re.findall(r"\bh\.(\w+)\(", "\n".join(BLOCKS)))
    assert names
    assert [name for name in names if not hasattr(raftplay.Harness, name)] == []


def test_the_readme_names_every_fault_profile() -> None:
    assert counted(r"under (?:one of )?(\w+) fault profiles") == {len(MIXES)}
    listed = (DOCS / "search.md").read_text("utf-8").split("fault profiles (`--mix`):\n\n")[1].split("\n\n")[0]
    assert re.findall(r"^\* `(\w+)`", listed, re.MULTILINE) == list(MIXES)
