"""The command check."""

from typing import Annotated

import typer

from raftplay.cli.files import input_path
from raftplay.errors import UsageError
from raftplay.linearizability.readers import History, read_history
from raftplay.linearizability.report import report
from raftplay.linearizability.search import STATES, check
from raftplay.output import Output
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
    read = _read(history)
    verdict = check(read.operations, states=states, initial=read.initial)
    Output().write("\n".join(report(read.operations, verdict, initial=read.initial)))
    if verdict.outcome != "linearizable":
        raise typer.Exit(int(Status.FAILED))


def _read(name: str) -> History:
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
