"""The four packages of the command language import one another one way, also for the type checker, without a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "raftplay"
ROOMS = ("session", "language", "commands", "run")
"""From the ground up."""


def imports_of(file: Path) -> set[str]:
    """Return the modules that a file imports anywhere, in functions and under TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def graph() -> dict[str, set[str]]:
    files = [file for room in ROOMS for file in (PACKAGE / room).glob("*.py")]
    names = {f"raftplay.{file.parent.name}.{file.stem}": file for file in files if file.stem != "__init__"}
    return {name: imports_of(file) & names.keys() for name, file in names.items()}


def test_no_module_of_the_four_packages_imports_in_a_circle():
    edges = graph()
    assert len(edges) > 30
    assert len(list(TopologicalSorter(edges).static_order())) == len(edges)  # raises CycleError


def test_no_module_of_the_four_packages_imports_one_above():
    level = {room: at for at, room in enumerate(ROOMS)}
    wrong = [
        (name, other)
        for name, others in graph().items()
        for other in others
        if level[other.split(".")[1]] > level[name.split(".")[1]]
    ]
    assert wrong == []


def test_none_of_them_imports_for_the_type_checker_alone():
    for room in ROOMS:
        for file in (PACKAGE / room).glob("*.py"):
            assert "TYPE_CHECKING" not in file.read_text("utf-8"), file
