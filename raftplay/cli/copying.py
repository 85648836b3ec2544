"""The command examples: notebooks that ship with raftplay, as files of the user's."""

from pathlib import Path
from typing import Annotated

import typer

from raftplay.cli.files import input_path
from raftplay.cli.options import ForceOption
from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.output import Output
from raftplay.session.shown import path_text

app = typer.Typer()


@app.command()
def examples(
    copy: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=input_path, help="Copy them into this directory, made if missing."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """List the example notebooks, or copy them: raftplay examples --copy DIR."""
    from raftplay import examples as shipped  # noqa: PLC0415 - the list of all commands needs none of it

    names = shipped.names()
    if copy is None:
        width = max(map(len, names))
        Output().write("\n".join(f"{name:<{width}}  {shipped.title_of(name)}" for name in names))
        return
    for file in copied(copy, {name: shipped.data_of(name) for name in names}, force=force):
        Output().write(f"{path_text(str(file))}: open it with jupyter lab, or in your editor")


def copied(folder: Path, files: dict[str, bytes], *, force: bool) -> list[Path]:
    """Write files into `folder`, which is made, and return their paths. Raises `UsageError` before the first."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path_text(str(folder))}: {error.strerror or error}") from None
    targets = [(Target(folder / name, force), data) for name, data in files.items()]
    for target, _ in targets:
        target.check()
    for target, data in targets:
        target.write(data)
    return [target.path for target, _ in targets]
