"""Reads the options that need no conversion; for the others typer imports pydantic, which takes 0.1 s.

The rule of this module: an option has the value that typer alone would give it, and what typer keeps to itself
is used here alone.
"""

from collections.abc import Callable
from functools import partial

from typer._click import Context
from typer.core import TyperArgument, TyperCommand, TyperOption


class QuickCommand(TyperCommand):
    """A sub-command that is started without pydantic if its options were left out, or are plain text."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        for parameter in self.params:
            if isinstance(parameter, TyperArgument | TyperOption):
                usual = parameter.get_runtime_param
                vars(parameter)["get_runtime_param"] = partial(_OptionReader, usual)
        return super().parse_args(ctx, args)


class _OptionReader:
    """Reads the values of one option; `usual` returns that of typer."""

    def __init__(self, usual: Callable[[], object]) -> None:
        self._usual = usual

    def coerce(self, value: object, param: TyperArgument | TyperOption, ctx: Context) -> object:
        """Return the value of an option in the type that its command wants."""
        is_list = param.nargs == -1 or getattr(param, "multiple", False)
        if value is None:
            return () if is_list else None
        is_text = isinstance(value, str) and value.isprintable() and param.type_descriptor.annotation is str
        if is_text or (not is_list and value == param.default):
            return value
        usual: Callable[..., object] = getattr(self._usual(), "coerce")  # noqa: B009 - typer keeps its class to itself
        return usual(value, param=param, ctx=ctx)
