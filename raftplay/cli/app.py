"""The typer application to which every command is added."""

from typing import Annotated

import typer

import raftplay
from raftplay.output import Output, complain
from raftplay.run.runner import Status

app = typer.Typer(
    name="raftplay",
    help="An interactive playground for the Raft consensus algorithm.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)


@app.callback()
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
