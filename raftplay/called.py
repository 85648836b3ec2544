"""Packages that are functions, too: `raftplay.run("wait leader")` runs a script, in the package raftplay.run."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(package: str, function: str) -> None:
    """Make the package callable: `function` ("module:name") does it, which is imported at the first call."""
    module, name = function.split(":")

    class CallablePackage(ModuleType):
        """A package that is a function, too."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return getattr(import_module(module), name)(*args, **kwargs)

    sys.modules[package].__class__ = CallablePackage
