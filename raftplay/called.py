"""Packages that are functions, too: `raftplay.run("wait leader")` runs a script, in the package raftplay.run."""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import getdoc, signature
from types import ModuleType
from typing import Any


def make_callable(package: str, function: str) -> None:
    """Make the package callable: `function` ("module:name") does it, which is imported at the first call.

    `help` of the package is that of the function.
    """
    module, name = function.split(":")

    def called() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    class CallablePackage(ModuleType):
        """A package that is a function, too."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return called()(*args, **kwargs)

        __signature__ = property(lambda _: signature(called()))
        __doc__ = property(lambda _: f"{name}{signature(called())}\n\n{getdoc(called())}")

    sys.modules[package].__class__ = CallablePackage
