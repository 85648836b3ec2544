"""The command line: options into calls, failures into exit statuses; nothing is decided here.

Exit statuses: 0 all held, 1 an expectation failed, 2 the script or an option is wrong, 130 interrupted.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import raftplay
from raftplay import scenarios as shipped
from raftplay.cluster.harness import MAX_SPEED, MIN_SPEED
from raftplay.commands import looking
from raftplay.commands.cursor import did_you_mean
from raftplay.commands.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.commands.script import Script, decode, parse_script
from raftplay.commands.setup import MAX_SEED, Setup
from raftplay.raft.messages import UsageError
from raftplay.watch.text import visible

app = typer.Typer(
    name="raftplay",
    help="A playground in which a person holds a Raft cluster in their hands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Output:
    """Standard output that outlives its reader: when the pipe closes, the run goes on unheard."""

    def __init__(self) -> None:
        self._open = True

    def write(self, line: str) -> None:
        """Print one line."""
        if not self._open:
            return
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self._open = False
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - Python flushes it as it ends


@app.command()
def run(
    script: Annotated[str, typer.Argument(help="A script file, the name of a scenario, or - for standard input.")],
    nodes: Annotated[int | None, typer.Option(min=1, max=25, help="How many nodes.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="Decides every random choice.")] = None,
    backend: Annotated[str | None, typer.Option(help="tcp (real sockets) or sim (virtual time).")] = None,
    speed: Annotated[
        float | None, typer.Option(min=MIN_SPEED, max=MAX_SPEED, help="1 = the reference's timings.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print failures and the closing line only.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object per step.")] = False,
) -> None:
    """Run a script and print its transcript."""
    if backend not in (None, "tcp", "sim"):
        raise typer.BadParameter(f"{backend!r} is neither tcp nor sim", param_hint="--backend")
    overrides = Setup(nodes=nodes, seed=seed, backend=backend)
    output = Output()
    transcript = (JsonTranscript if json else TextTranscript)(output.write, quiet=quiet)
    status = run_script(load(script, overrides), transcript, speed=speed)
    raise typer.Exit(int(status))


@app.command()
def scenarios() -> None:
    """List the scenarios that ship with raftplay; run one with: raftplay run NAME."""
    names = shipped.names()
    width = max(map(len, names))
    for name in names:
        typer.echo(f"{name:<{width}}  {shipped.summary_of(name)}")


@app.command("help")
def help_(
    name: Annotated[str | None, typer.Argument(help="A command, or: conditions.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table as in the README.")] = False,
) -> None:
    """Explain the commands of the language."""
    typer.echo(looking.markdown_table() if markdown else looking.help_text(name))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"raftplay {raftplay.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def load(name: str, overrides: Setup) -> Script:
    """The script at a path, of a scenario, or on standard input. Raises `UsageError`."""
    if name == "-":
        return parse_script("-", decode("-", sys.stdin.buffer.read()), overrides)
    path = Path(name)
    if path.is_file():
        try:
            return parse_script(name, decode(name, path.read_bytes()), overrides)
        except OSError as error:
            raise UsageError(f"{visible(name)} cannot be read: {error.strerror}") from None
    if name in shipped.names():
        return parse_script(name, shipped.text_of(name), overrides)
    if path.is_dir():
        raise UsageError(f"{visible(name)} is a directory, not a script")
    hint = did_you_mean(name, shipped.names())
    raise UsageError(f"there is no file and no scenario {visible(name)!r}{hint}; see: raftplay scenarios")


def main() -> NoReturn:
    """Run the command line; every failure is a sentence and an exit status."""
    try:
        app(prog_name="raftplay")
    except UsageError as error:
        text = str(error)
        print(text if ": error: " in text else f"raftplay: error: {text}", file=sys.stderr)
        sys.exit(Status.MISUSED)
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
    sys.exit(Status.HELD)


if __name__ == "__main__":
    main()
