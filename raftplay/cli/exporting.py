"""The command export: a run as a file for those who have no raftplay."""

from os.path import isfile as is_file
from pathlib import Path
from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import load, output_path, same_file
from raftplay.cli.options import (
    BugOption,
    ForceOption,
    NodeOption,
    NodesOption,
    SetOption,
    TimingOption,
    WithoutBugsOption,
    chosen,
)
from raftplay.commands.setup import MAX_SEED, Setup
from raftplay.errors import UsageError
from raftplay.export import format_words, target_of, written
from raftplay.files import expanded
from raftplay.language.values import duration_of
from raftplay.output import Output
from raftplay.session.shown import quoted
from raftplay.watch.text import count, size_text

app = typer.Typer()

SEED = 1
"""The seed of a script that names none: so the file is the same each time."""


@app.command()
def export(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT|NAME|TRACE",
            autocompletion=completions.scripts,
            help="A script, the name of a scenario, a trace that --trace wrote, or lessons/NAME:STEP.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            parser=output_path,
            autocompletion=completions.files,
            help=f"The file; its ending chooses the format: {format_words()}.",
        ),
    ],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            autocompletion=completions.formats,
            help="The format, whatever the ending of the file is.",
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="PANE", help="The pane of a picture: stage, log, messages or nodes.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="The moment of a picture, as 332ms or 0.4s (default: the end)."),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The branch, where the run has several; a replay begins with it."),
    ] = None,
    nodes: NodesOption = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_SEED, metavar="N", help=f"Seed of every random choice (default: {SEED})."),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="tcp|sim",
            autocompletion=completions.backends,
            help="Real sockets, or virtual time (the default here).",
        ),
    ] = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    node: NodeOption = None,
    force: ForceOption = False,
) -> None:
    """Write a run as a file: a replay for any browser, a picture, a diagram.

    A script is run in virtual time unless --backend says otherwise, with seed 1 if it names none, so that the same
    command writes the same file. A run that fails is written up to there. Exit status: 0; 2 when the script, the
    trace or an option is wrong; 130 after Ctrl-C. More: raftplay help export.
    """
    moment = None if at is None else _moment(at)
    target, row = target_of(out, format_, only, force=force, at=moment)
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs, node=node)
    if script != "-" and same_file(expanded(script), out):
        raise UsageError(f"the file would overwrite {quoted(script)}, which it is made from")
    from raftplay.export.recording import is_trace, of_script, of_trace  # noqa: PLC0415 - --help does not need it

    if is_trace(expanded(script)):
        if overrides != Setup():
            raise UsageError(f"{quoted(script)} is a trace: its run is over, and options cannot change it")
        recording = of_trace(expanded(script))
    elif script.startswith("lessons/") and not is_file(expanded(script)):
        from raftplay.export.lesson import of_lesson  # noqa: PLC0415 - few export a lesson

        recording = of_lesson(script, overrides, SEED)
    else:
        if backend is None:
            overrides.backend = "sim"
        played = load(script, overrides)
        if played.setup.seed is None:
            played.setup.seed = SEED
        recording = of_script(played)
    if branch is not None:
        recording = recording.of_branch(branch)
    data = written(recording, row, only, moment)
    target.write(data)
    if str(target.path).startswith("/dev/"):
        return  # what follows would stand in the file
    events = count(recording.history.seen, "event")
    what = row.words.partition(";")[0]
    Output().write(f"{target.name}: {what}, {events}, {recording.now.time:.3f} s, {size_text(len(data))}")
    if recording.branches:
        Output().write(_branch_words(recording.branches, row.name))
    if recording.failure:
        Output().write(f"the run ends where it failed: {recording.failure}")


def _moment(text: str) -> float:
    try:
        return duration_of(text)
    except UsageError as error:
        raise UsageError(f"--at: {error}") from None


def _branch_words(branches: list[str], format: str) -> str:
    """Say which of several branches a file holds."""
    shown, *others = branches
    if format == "html":
        return f"it begins with branch {shown}, and holds {', '.join(others)} too"
    return f"it holds branch {shown} of {len(branches)}; --branch chooses another: {', '.join(others)}"
