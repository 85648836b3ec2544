"""The command serve: a cluster of their own, in the browser, for each who comes."""

from importlib.util import find_spec
from os.path import abspath
from typing import Annotated

import typer

from raftplay import scenarios
from raftplay.cli import completions
from raftplay.cli.ending import says_how_far
from raftplay.cli.files import load
from raftplay.cli.options import BugOption, NodesOption, SeedOption, SetOption, TimingOption, chosen
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.output import complain
from raftplay.tui.serve.address import LOCAL, Address, address_of, listening, public_address
from raftplay.tui.visits.rules import VisitRules, plan_of

app = typer.Typer()

PORT = 8000

NEEDED = "raftplay serve needs textual-serve, which is not installed: pip install 'raftplay[web]'"


@app.command()
@says_how_far
def serve(
    script: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCRIPT]",
            autocompletion=completions.scripts,
            help="A file or the name of a scenario, which plays for each visitor.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="The address to serve at; 0.0.0.0 is all of this machine."),
    ] = LOCAL,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 is any free one.")] = PORT,
    public: Annotated[
        str | None,
        typer.Option(
            "--public-url", metavar="URL", help="The address of a proxy before it, such as https://raft.example/."
        ),
    ] = None,
    visitors: Annotated[int, typer.Option(min=1, max=500, metavar="N", help="The most visitors at once.")] = 20,
    minutes: Annotated[
        float, typer.Option(min=0.05, max=1440, metavar="N", help="The time of a visit, in minutes.")
    ] = 30.0,
    idle: Annotated[
        float, typer.Option(min=0.05, max=1440, metavar="N", help="The time without a key, in minutes.")
    ] = 10.0,
    nodes: NodesOption = None,
    seed: SeedOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    bug: BugOption = None,
) -> None:
    """Give each visitor a cluster of their own, in the browser. It needs the extra raftplay[web].

    Visitors have the screen of `raftplay tui`, in virtual time, without commands that use files or sockets;
    nothing of theirs is kept. Ctrl+C ends it. Exit status: 2 when an option is wrong or raftplay[web] is not
    installed; 130 after Ctrl-C. More: raftplay help screen.
    """
    setup = chosen(nodes, seed, "sim", timing, set_, bug, without_bugs=False, node=None)
    played = _checked(script, setup)
    if find_spec("textual_serve") is None:
        raise UsageError(NEEDED)
    from raftplay.tui.visits.house import serve as serve_visits  # noqa: PLC0415 - an extra

    outside = None if public is None else public_address(public)
    rules = VisitRules(visitors, minutes, idle)
    asked = address_of(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    with listening(asked) as listener:
        address = Address(asked.host, listener.getsockname()[1])
        serve_visits(
            listener, address, rules, plan_of(played, setup, rules), lambda: _tell(address, rules, public), outside
        )


def _checked(script: str | None, setup: Setup) -> str | None:
    """Return the script as visitors' processes find it, after reading it once. Raises `UsageError`."""
    if script is None:
        return None
    if script == "-":
        raise UsageError("each visitor's process reads the script; give it as a file")
    load(script, setup)
    return script if script in scenarios.all_names() else abspath(script)


def _tell(address: Address, rules: VisitRules, public: str | None) -> None:
    if public is not None:
        complain(f"raftplay: it also answers to the name of {public}, for the proxy there")
    complain(
        f"raftplay: {address.url} gives each visitor a cluster of their own; "
        f"{address.audience('begin clusters here')}",
        f"raftplay: {rules.words}; no files, no sockets; Ctrl+C ends it",
    )
