"""Docstrings that people read: help texts are written once, as docstrings, and ``python -OO`` strips these.

The rule of this module: where Python has stripped them, they are read from the source.
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
    """Return the docstring of a class or function, "" where it has none."""
    if not IS_STRIPPED:
        return inspect.getdoc(thing) or ""
    module = sys.modules[thing.__module__]
    return inspect.cleandoc(_in_source(module).get(thing.__qualname__, ""))


def restore(module: ModuleType) -> None:
    """Give the functions of a module their docstrings back, for libraries that read them there."""
    if IS_STRIPPED:
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                function.__doc__ = docstring(function)


@cache
def _in_source(module: ModuleType) -> dict[str, str]:
    """Return the docstrings of a module by qualified name; none where there is no source."""
    try:
        tree = ast.parse(Path(module.__file__ or "").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return dict(_docstrings(tree, ""))


def _docstrings(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}", ast.get_docstring(node, clean=False) or ""
        if isinstance(node, ast.ClassDef):
            yield from _docstrings(node, f"{prefix}{node.name}.")
