"""The typer application; of the modules that declare sub-commands it imports the one that is used."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import raftplay
from raftplay.cli.coercion import QuickCommand
from raftplay.docstrings import in_source, restore
from raftplay.output import Output, complain
from raftplay.session.status import Status

MODULES = {
    "playing": ("run", "shell", "tui"),
    "presenting": ("notes",),
    "exporting": ("export",),
    "serving": ("serve",),
    "learning": ("lesson",),
    "copying": ("examples",),
    "listing": ("scenarios", "bugs", "invariants", "help"),
    "checking": ("check", "compare", "maelstrom"),
    "searching": ("replay", "explore", "shrink", "fuzz", "bench"),
}
"""The sub-commands by the module of this package that declares them, in the order of ``raftplay --help``."""

FLAGS = {"default_map": dict.fromkeys(("help", "install_completion", "show_completion"), False)}
"""The flags that typer adds are off by default; it would import pydantic to find out."""


def application(words: Sequence[str]) -> typer.Typer:
    """Return the command line; it lists all sub-commands, and the one that `words` use is complete."""
    used = next((word for word in words if not word.startswith("-")), "")
    app = typer.Typer(
        name="raftplay",
        help="An interactive playground for the Raft consensus algorithm.",
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": 100, **FLAGS},
    )
    app.callback()(_options)
    for module, names in MODULES.items():
        app.add_typer(_imported(module) if used in names else _listed(module, names))
    return app


def _imported(name: str) -> typer.Typer:
    module = import_module(f"raftplay.cli.{name}")
    restore(module)  # typer makes help texts from its docstrings
    app: typer.Typer = module.app
    for command in app.registered_commands:
        command.context_settings = FLAGS
        command.cls = QuickCommand
    return app


def _listed(module: str, names: Sequence[str]) -> typer.Typer:
    """Return sub-commands with nothing but their help text, read from the source of `module`."""
    app = typer.Typer()
    texts = in_source(Path(__file__).with_name(f"{module}.py"))
    for name in names:
        app.command(name, help=texts.get(name) or texts[f"{name}_"])(_nothing)
    return app


def _nothing() -> None:
    raise NotImplementedError("a sub-command that is used is imported")


def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        Output().write(f"raftplay {raftplay.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        complain(*context.get_help().split("\n"))
        raise typer.Exit(int(Status.MISUSED))
