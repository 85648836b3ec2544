"""Commands that check and compare: histories, nodes under Maelstrom, runs under two settings."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import input_path, read
from raftplay.cli.options import (
    DataDirOption,
    NodeOption,
    NodesOption,
    SeedOption,
    SetOption,
    TimingOption,
    chosen,
)
from raftplay.cluster.config import Config
from raftplay.errors import UsageError
from raftplay.linearizability.readers import OperationHistory, read_history
from raftplay.linearizability.report import report
from raftplay.linearizability.search import STATES, check
from raftplay.output import Output, complain
from raftplay.raft.storage import Storage
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
        str, typer.Argument(metavar="HISTORY", help="A file: EDN, a log of Jepsen, JSON lines, or a trace.")
    ],
    states: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many states to visit for each key at most.")
    ] = STATES,
) -> None:
    """Check whether a history of clients' operations is linearizable.

    Exit status: 0 if it is; 1 if it is not, or if that was not decided; 2 when the file is wrong; 130 after
    Ctrl-C. More: raftplay help clients.
    """
    told = _history(history)
    try:
        verdict = check(told.operations, states=states, initial=told.initial)
        lines = report(told.operations, verdict, initial=told.initial)
    except KeyboardInterrupt:
        complain(f"raftplay: interrupted: {len(told.operations):,} operations are not decided")
        raise
    Output().write("\n".join(lines))
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


@app.command()
def maelstrom(
    data_dir: DataDirOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
) -> None:
    """Be one node of a key-value store under Maelstrom: its protocol, on standard input and output.

    For its workload lin-kv; Maelstrom starts one such process for each node, and tests them. With --data-dir the
    nodes' disks survive a kill. Exit status: 0 when standard input ends; 2 when an option is wrong.
    """
    from raftplay.maelstrom.node import SLOWER, MaelstromNode  # noqa: PLC0415 - check does not need it
    from raftplay.maelstrom.pipe import serve  # noqa: PLC0415

    usual = Config(raft=SLOWER)
    config = chosen(None, None, None, timing, set_, None, without_bugs=False).config(usual).raft
    node = MaelstromNode(storages=_disks(data_dir), config=config)
    serve(node, sys.stdin.buffer, sys.stdout.buffer, sys.stderr)


def _disks(folder: Path | None) -> Callable[[str], Storage] | None:
    """Return what gives each node its disk in `folder`, a file of SQLite; None without a folder."""
    if folder is None:
        return None
    from raftplay.cluster.storage.sqlite_storage import SqliteStorage  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    return lambda name: SqliteStorage(folder / f"{''.join(c for c in name if c.isalnum())}.sqlite")


def _traced(path: Path) -> OperationHistory:
    """Return what clients called in the run of a trace; of several branches, the first. Raises `UsageError`."""
    from raftplay.past.calls import calls_of, history_of  # noqa: PLC0415 - others need no events
    from raftplay.watch.trace import read_trace  # noqa: PLC0415

    operations = history_of(calls_of(read_trace(path).records))
    if not operations:
        raise UsageError(f"{path_text(str(path))}: no client called anything in this trace")
    return OperationHistory(tuple(operations), None, "a trace")


def _history(name: str) -> OperationHistory:
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
    if text.startswith('{"schema":'):
        return _traced(path)
    try:
        return read_history(text)
    except UsageError as error:
        raise UsageError(f"{path_text(str(path))}: {error}") from None
