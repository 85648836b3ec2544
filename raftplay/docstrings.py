"""Reads docstrings for the help texts, also under ``python -OO``, which strips them.

The rule of this module: a stripped docstring is read from the source file.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

IS_STRIPPED = sys.flags.optimize >= 2


def docstring(thing: Callable[..., object]) -> str:
    """Return the docstring of a class or function, or "" if it has none."""
    if not IS_STRIPPED:
        return inspect.getdoc(thing) or ""
    file = sys.modules[thing.__module__].__file__
    return inspect.cleandoc(in_source(Path(file or "")).get(thing.__qualname__, ""))


def restore(module: ModuleType) -> None:
    """Set the stripped docstrings of a module's functions again, for libraries that read `__doc__`."""
    if IS_STRIPPED:
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                function.__doc__ = docstring(function)


@cache
def in_source(file: Path) -> dict[str, str]:
    """Return the docstrings of a module by qualified name; empty if its source cannot be read."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return dict(_docstrings(tree, ""))


def _docstrings(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}", ast.get_docstring(node, clean=False) or ""
        if isinstance(node, ast.ClassDef):
            yield from _docstrings(node, f"{prefix}{node.name}.")
