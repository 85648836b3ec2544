"""A class of nodes of one's own: loaded from the file or module that the user names, checked, and named.

The rule of this module: the code of a file runs once, with its folder on `sys.path` meanwhile, and nothing is
written beside it.
"""

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from raftplay.cluster.own_methods import check_methods
from raftplay.cluster.raised import definition, own_lines
from raftplay.errors import UsageError
from raftplay.files import expanded
from raftplay.raft.bugs import NodeOrRules
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.rules import Rules
from raftplay.watch.text import visible

BASES = (ConsensusModule, Rules)
"""The classes of which one's own class is a subclass."""

A_SUBCLASS = "a subclass of ConsensusModule or of Rules"


@dataclass(frozen=True, slots=True)
class OwnNode:
    """A class of nodes as the user names it: ``my.py:MyCM``, ``my.py`` or ``package.module:MyCM``.

    A path is relative to `folder`, the working directory if that is "".
    """

    text: str
    folder: str = ""

    def load(self) -> NodeOrRules:
        """Return the class; the code of its file runs once.

        Raises `UsageError`, with the lines of that code if it raises.
        """
        return _load(self.text, os.path.abspath(self.folder))


def loaded(node: OwnNode | None) -> NodeOrRules:
    """Return the class that `node` names, by default the algorithm's. Raises as `OwnNode.load` does."""
    return ConsensusModule if node is None else node.load()


def name_of(node: type) -> str:
    """Return the name of a class of nodes, as the user wrote it; "" for `ConsensusModule` itself."""
    if node is ConsensusModule:
        return ""
    if node in _names:
        return _names[node][0]
    name = node.__qualname__.rpartition("<locals>.")[2]
    return name if node.__module__ == "__main__" else f"{node.__module__}:{name}"


def reference(node: type, folder: str | Path) -> str:
    """Return what a set-up line of a script in `folder` names `node`; "" if no file of its own defines it."""
    text, file = _names.get(node, ("", ""))
    if not text and "<locals>" not in node.__qualname__:
        file = getattr(sys.modules.get(node.__module__), "__file__", None) or ""
        text = f"{file}:{node.__qualname__}" if file else ""
    if not file:
        return text
    path = os.path.relpath(file, folder or os.curdir)
    return f"{file if path.startswith(os.pardir) else path}:{node.__qualname__}"


def checked_class(node: object) -> NodeOrRules:
    """Return `node` if it is a class that nodes can be made of. Raises `UsageError`."""
    if not (isinstance(node, type) and issubclass(node, BASES)):
        raise UsageError(f"node must be {A_SUBCLASS}, not {node!r}")
    if node in BASES:
        return node
    if set(BASES) <= set(node.__mro__):
        raise UsageError(
            f"{node.__name__} is a node and rules in one; a node has its rules in the attribute rules"
        )
    if missing := getattr(node, "__abstractmethods__", None):
        raise UsageError(f"{node.__name__} is abstract: it does not define {', '.join(sorted(missing))}")
    call = "()" if issubclass(node, Rules) else "(id, peer_ids, storage, *, config, rng)"
    try:
        if issubclass(node, Rules):
            inspect.signature(node).bind()
        else:
            inspect.signature(node).bind(0, (1, 2), None, config=None, rng=None)
    except TypeError as error:
        raise UsageError(f"the constructor of {node.__name__} cannot be called with {call}: {error}") from None
    check_methods(node)
    if issubclass(node, Rules):
        _make(node)
    return node


def _make(rules: type[Rules]) -> None:
    """Create `rules` once. Raises `UsageError` if that fails."""
    try:
        rules()
    except Exception as error:
        failure = UsageError(f"{rules.__name__}() raised {type(error).__name__}")
        failure.lines = own_lines(error, definition(rules, "__init__"))
        raise failure from error


_names: "WeakKeyDictionary[type, tuple[str, str]]" = WeakKeyDictionary()
"""The name and the file (absolute, "" for a module) of each class that was loaded."""

_helpers: set[str] = set()
"""The modules that the last file imported from its folder; another folder may have some of the same names."""


@cache
def _load(text: str, folder: str) -> NodeOrRules:
    place, _, name = text.rpartition(":")
    if not place or "/" in name or os.sep in name:
        place, name = text, ""
    is_file = place.endswith(".py") or "/" in place or os.sep in place
    shown = visible(place)
    if is_file:
        file = os.path.join(folder, expanded(place))
        module = _file_module(file, shown)
    else:
        file = ""
        module = _imported(place, folder, shown)
    with _running(folder, shown):  # the module may have code that looks its names up
        chosen = _class_in(module, name, shown)
    try:
        found = checked_class(chosen)
    except UsageError as error:
        failure = UsageError(f"{shown}: {error}")
        failure.lines = error.lines
        raise failure from error.__cause__
    _names[found] = (f"{place}:{found.__qualname__}", file)
    return found


def _file_module(file: str, shown: str) -> ModuleType:
    if not os.path.isfile(file):
        raise UsageError(
            f"{shown} is a directory, not a file" if os.path.isdir(file) else f"there is no file {shown}"
        )
    name = f"raftplay_node_{Path(file).stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{shown} is not a file of Python code; its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    for helper in _helpers:
        sys.modules.pop(helper, None)
    before = set(sys.modules)
    with _running(os.path.dirname(file), shown):
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    own = os.path.join(os.path.realpath(os.path.dirname(file)), "")
    _helpers.clear()
    _helpers.update(
        name
        for name in set(sys.modules) - before
        if os.path.realpath(getattr(sys.modules[name], "__file__", None) or "").startswith(own)
    )
    return module


def _imported(place: str, folder: str, shown: str) -> ModuleType:
    if os.path.isfile(os.path.join(folder, f"{place}.py")) and "." not in place:
        raise UsageError(f"a file is named with its .py: {shown}.py")
    if not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(f"'{shown}' is neither a file ending with .py nor a module")
    with _running(folder, shown):
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{place}.".startswith(f"{error.name}."):
                raise UsageError(f"there is no module {shown}") from None
            raise


@contextmanager
def _running(folder: str, shown: str) -> Iterator[None]:
    """Guard a block of the user's code, which may import from `folder`; its errors become a `UsageError`."""
    writes = sys.dont_write_bytecode
    importlib.invalidate_caches()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        yield
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        failure = UsageError(f"{shown} cannot be loaded: it raised {type(error).__name__}")
        failure.lines = own_lines(error, (f'  File "{shown}"',))
        raise failure from error
    finally:
        sys.dont_write_bytecode = writes
        with suppress(ValueError):
            sys.path.remove(folder)


def _class_in(module: ModuleType, name: str, shown: str) -> object:
    """Return the class `name` of a module, or its only class of nodes. Raises `UsageError`."""
    own = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BASES) and value.__module__ == module.__name__
    }
    if name:
        found: object = module
        try:
            for part in name.split("."):
                found = getattr(found, part)
        except AttributeError:
            close = difflib.get_close_matches(name, own, n=1) or list(own)
            hint = (
                f"; did you mean {close[0]}?" if len(close) == 1 else f"; it has {', '.join(close)}" if own else ""
            )
            raise UsageError(f"{shown} has no class {visible(name)}{hint}") from None
        return found
    if len(own) == 1:
        return next(iter(own.values()))
    if own:
        raise UsageError(f"{shown} has several classes of nodes; choose one: {', '.join(own)}")
    raise UsageError(f"{shown} has no {A_SUBCLASS.removeprefix('a ')}")
