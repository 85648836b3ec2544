"""What holds for the project as a whole: style, types, import contracts, a README that says what is, a map, a licence."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import LONGEST, QUICK
from support import command_line
from support.pages import DOCS, GENERATED, README, TEXTS, part

from raftplay import docs

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "raftplay"


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
def test_types_are_strict_and_right_also_those_of_the_python_in_the_pages(tmp_path: Path):
    pages = "\n".join(path.read_text("utf-8") for path in TEXTS)
    blocks = re.findall(r"```python\n(.*?)```", pages, re.DOTALL)
    assert len(blocks) > 3
    files = [tmp_path / f"example{at}.py" for at in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, "utf-8")
    passes("-m", "mypy", "raftplay", *map(str, files))  # it keeps a cache in .mypy_cache, and reads what changed


def test_imports_point_one_way():
    code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    passes("-c", code)


@pytest.mark.parametrize(("path", "name"), GENERATED, ids=lambda value: getattr(value, "name", value))
def test_every_generated_part_of_a_page_is_what_raftplay_prints(path: Path, name: str):
    assert part(path, name) == GENERATED[path, name](), "write it again: python tests/support/pages.py"


def test_the_readme_is_short():
    assert README.read_text("utf-8").count("\n") <= 200


def test_the_readme_links_to_every_page_and_no_link_leads_nowhere():
    listed = re.findall(r"^\| \[(\w+)\]\(raftplay/docs/\1\.md\)", README.read_text("utf-8"), re.MULTILINE)
    assert tuple(listed) == docs.PAGES
    assert {path.stem for path in DOCS.glob("*.md")} == set(docs.PAGES)
    for path in TEXTS:
        for target in re.findall(r"\]\(([^):]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_page_is_shown_as_text_that_fits_apart_from_what_runs_print(name: str):
    shown = docs.page(name)
    assert not re.search(r"^```|^## |<!--|!\[|\*\*|^\|", shown, re.MULTILINE)
    code = "\n".join(re.findall(r"^```\w*\n(.*?)^```", docs.markdown(name), re.DOTALL | re.MULTILINE))
    too_long = [line for line in shown.split("\n") if len(line) > 100 and line.strip() not in code]
    assert too_long == []
    words = set(re.findall(r"\w[\w-]+", re.sub(r"<!--.*?-->|!\[.*?\]\(.*?\)", "", docs.markdown(name))))
    assert words - {"python", "py"} <= set(re.findall(r"\w[\w-]+", shown)), "nothing is left out"
    prose = [line for line in shown.split("\n") if line.strip() not in code]
    assert "\n".join(prose).count("`") % 2 == 0, "every name in backquotes has both"


def module_guide() -> str:
    """Return the guide to the code: the docstring in the file, which `help(raftplay)` does not show."""
    return ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))) or ""


def test_the_map_names_every_package_and_every_module_at_the_top():
    guide = module_guide()
    rooms = {path.name + "/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    missing = [name for name in sorted(rooms | modules) if not re.search(rf"(?<![\w/]){re.escape(name)}", guide)]
    assert missing == []


def test_the_rooms_of_the_map_stand_in_the_order_of_their_imports():
    listed = re.search(r"^The rooms.*?^Beside them", module_guide(), re.MULTILINE | re.DOTALL)
    assert listed is not None
    rooms = re.findall(r"^  (\w+)(?:/|\.py) ", listed[0], re.MULTILINE)
    assert len(rooms) > 20
    upwards = [
        (room, other)
        for at, room in enumerate(rooms)
        for path in ((PACKAGE / room).rglob("*.py") if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"])
        for other in rooms[at + 1 :]
        if re.search(rf"^ *(?:from|import) raftplay\.{other}\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert upwards == []


def test_the_map_names_no_file_and_no_class_that_is_not_there():
    guide = module_guide()
    named = set(re.findall(r"(?<![\w./])[a-z_]+(?:/[a-z_]+)*(?:\.py|\.md|/)", guide))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists() and not list(PACKAGE.rglob(name))] == []
    files = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    code = "\n".join(path.read_text("utf-8") for path in files)
    words = set(re.findall(r"\w+", code))
    assert set(re.findall(r"`(?:[A-Z]\w+\.)?(_?\w+)`", guide)) <= words
    bodies = re.split(r"^class (\w+)", code, flags=re.MULTILINE)
    methods = {
        (owner, name)
        for owner, body in zip(bodies[1::2], bodies[2::2], strict=True)
        for name in re.findall(r"^    def (\w+)\(", body, re.MULTILINE)
    }
    assert set(re.findall(r"`([A-Z]\w+)\.(\w+)`", guide)) <= methods


@pytest.mark.parametrize("room", ["session", "language", "commands", "run", "explore"])
def test_no_circle_of_imports_is_hidden_behind_a_check_of_types(room: str):
    for path in sorted((PACKAGE / room).rglob("*.py")):
        assert "TYPE_CHECKING" not in path.read_text("utf-8"), path


def test_searches_fuzzers_and_lessons_use_a_cluster_as_anybody_does():
    for room in ("explore", "lessons", "bench"):
        for path in sorted((PACKAGE / room).rglob("*.py")):
            assert not re.search(r"(harness|live|session)\._\w", path.read_text("utf-8")), path


MOST_LINES = 500
"""The lines of a file of the product: a longer one holds more than one idea."""


def test_no_file_of_the_product_is_longer_than_one_idea_needs():
    lines = {path: path.read_text("utf-8").count("\n") for path in PACKAGE.rglob("*.py")}
    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > MOST_LINES} == {}


def named_types(tree: ast.Module) -> Iterator[str]:
    """The names of classes, also of those inside classes, and of aliases of types at the top of a module."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name, body=body):
                yield name
                yield from (inner.name for inner in body if isinstance(inner, ast.ClassDef))
            case ast.AnnAssign(ast.Name(name), ast.Name("TypeAlias")):
                yield name
            case ast.Assign([ast.Name(name)], ast.Subscript() | ast.BinOp(op=ast.BitOr())):
                if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                    yield name


TWICE = {"Harness"}
"""The one that has a past extends the one that has none."""


def test_no_name_of_a_class_or_of_an_alias_stands_for_two_things():
    places: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in named_types(ast.parse(path.read_text("utf-8"))):
            places.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert len(places) > 900
    assert {name: files for name, files in places.items() if len(files) > 1}.keys() == TWICE


def test_an_alias_is_seen_by_the_test_of_names():
    code = "A_B = C | D\nMany = Callable[[int], None]\nOne = Two | Three\nclass Outer:\n    class Inner: ...\nn = x[0]"
    assert list(named_types(ast.parse(code))) == ["Many", "One", "Outer", "Inner"]


def test_nodes_are_counted_in_one_place_and_by_the_invariants_which_judge_it():
    counting = [path for path in PACKAGE.rglob("*.py") if re.search(r"// *2 *\+ *1\b", path.read_text("utf-8"))]
    there = [str(path.relative_to(PACKAGE)) for path in sorted(counting)]
    assert there == ["raft/quorum.py", "watch/invariants/model.py"]


@pytest.mark.parametrize(("word", "most"), [(r"\bAny\b", 58), (r"type: ignore", 6), (r"\bcast\(", 7)])
def test_few_types_are_left_unchecked(word: str, most: int):
    lines = [line for path in PACKAGE.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert sum(bool(re.search(word, line)) for line in lines) <= most


def test_the_licence_is_said_in_full():
    text = (PACKAGE / "LICENSE").read_text("utf-8")
    assert text.startswith("MIT License\n\nCopyright (c) 2026 the raftplay authors\n")
    assert "WITHOUT WARRANTY OF ANY KIND" in text


def test_the_readme_begins_with_the_two_commands_that_do_everything():
    blocks = re.findall(r"```\n(.*?)\n```", README.read_text("utf-8"), re.DOTALL)
    assert blocks[:2] == ["pip install . && raftplay run leader-failover", "pip install '.[test]' && pytest"]
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "pip install --quiet --disable-pip-version-check '.[test]'" in commands
    assert commands[-1] == "pytest"


def test_the_counterexample_in_the_pages_still_breaks_what_it_says(tmp_path: Path):
    text = part(DOCS / "search.md", "counterexample")
    says = re.search(r"Leader Completeness broke at [0-9.]+ s", text)
    assert says is not None
    (tmp_path / "found.txt").write_text(text, "utf-8")
    done = command_line.raftplay("run", "found.txt", cwd=tmp_path)
    assert done.status == 1
    assert says.group() in done.out


def test_the_longest_files_of_the_suite_which_start_first_are_there():
    there = [path.stem for path in (ROOT / "tests").rglob("test_*.py")]
    assert [there.count(name) for name in LONGEST] == [1] * len(LONGEST)


def test_a_mark_quick_stands_only_where_pytest_m_quick_looks():
    """`pytest -m quick` imports these folders alone (conftest.py): in another one the mark would select nothing."""
    root, mark = ROOT / "tests", "pytest.mark." + "quick"
    marked = [path.relative_to(root) for path in root.rglob("test_*.py") if mark in path.read_text("utf-8")]
    assert [str(path) for path in marked if path.parts[0] not in QUICK] == []


def test_no_two_files_of_tests_are_one_module_for_pytest():
    names = Counter(
        path.stem for path in (ROOT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists()
    )
    assert [name for name, times in names.items() if times > 1] == []


def test_no_test_asserts_how_quick_the_machine_is():
    """Speed is measured by `raftplay bench`; a test counts steps instead, as `support.effort` does."""
    for path in (ROOT / "tests").rglob("*.py"):
        assert not re.search(r"\b(thread_time|process_time|perf_counter)\(", path.read_text("utf-8")), path


def test_the_top_level_holds_what_it_should_and_no_more():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = {line.split("/")[0] for line in listed.splitlines() if not line.startswith(".")}
    assert names <= {"pyproject.toml", "raftplay", "tests", "README.md", "screenshots"}
