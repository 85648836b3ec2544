"""Commands that compare: a history with what a store may do, and a run with another."""

from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import input_path, read
from raftplay.cli.options import NodeOption, NodesOption, SeedOption, SetOption, TimingOption, chosen
from raftplay.errors import UsageError
from raftplay.linearizability.readers import History, read_history
from raftplay.linearizability.report import report
from raftplay.linearizability.search import STATES, check
from raftplay.output import Output
from raftplay.run.comparing import compare as compared
from raftplay.run.comparing import sides_of
from raftplay.session.shown import path_text
from raftplay.session.status import Status

LARGEST = 256 << 20
"""The largest file that is read, in bytes."""

app = typer.Typer()


@app.command(name="check")
def check_(
    history: Annotated[
        str, typer.Argument(metavar="HISTORY", help="A file: EDN, a log of Jepsen, or JSON lines.")
    ],
    states: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many states to visit for each key at most.")
    ] = STATES,
) -> None:
    """Check whether a history of clients' operations is linearizable.

    Exit status: 0 if it is; 1 if it is not, or if that was not decided; 2 when the file is wrong.
    """
    told = _history(history)
    verdict = check(told.operations, states=states, initial=told.initial)
    Output().write("\n".join(report(told.operations, verdict, initial=told.initial)))
    if verdict.outcome != "linearizable":
        raise typer.Exit(int(Status.FAILED))


@app.command()
def compare(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", autocompletion=completions.scripts, help="A file, or the name of a scenario."
        ),
    ],
    settings: Annotated[
        list[str], typer.Argument(metavar="NAME=A,B …", help="A setting with two values: prevote=on,off.")
    ],
    seed: SeedOption = None,
    nodes: NodesOption = None,
    node: NodeOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
) -> None:
    """Run a script twice with one seed, under two settings: where the runs part, and how their ends differ.

    Settings are those of a script's set-up: prevote, checkquorum, sticky, noop, unreliable, election, heartbeat,
    delay, nodes, seed, node, bug (bug=NAME,none). Both runs are in virtual time. Exit status: 0 if both held; 1 if
    one did not; 2 when something is wrong.
    """
    sides = sides_of(
        settings, lambda: chosen(nodes, seed, "sim", timing, set_, None, without_bugs=False, node=node)
    )
    Output().write("\n".join(compared(*read(script), sides)))
    raise typer.Exit(int(max(side.status for side in sides)))


def _history(name: str) -> History:
    """Return the history in a file. Raises `UsageError`."""
    path = input_path(name)
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path_text(str(path))} is larger than {LARGEST >> 20} MiB")
        text = path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{path_text(str(path))} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path_text(str(path))} is no UTF-8 text") from None
    try:
        return read_history(text)
    except UsageError as error:
        raise UsageError(f"{path_text(str(path))}: {error}") from None
