"""Options that several commands share, and checks of their values."""

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import input_path, output_path
from raftplay.cluster.config import MAX_NODES, MORE_REELECTION, UNRELIABLE, is_on
from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.cluster.waits import MAX_SPEED, MIN_SPEED
from raftplay.commands.setup import BACKENDS, MAX_SEED, Setup
from raftplay.errors import UsageError
from raftplay.language.values import duration_of
from raftplay.output import complain
from raftplay.raft.bugs import BUGS
from raftplay.run.script import override
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.event_files import formats
from raftplay.watch.text import visible

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        parser=input_path,
        autocompletion=completions.files,
        help="Keep every node's disk in this directory, and start from its contents.",
    ),
]


BugOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", autocompletion=completions.bugs, help="Switch on a bug; may be given several times."
    ),
]


NodeOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE:CLASS",
        autocompletion=completions.files,
        help="Nodes of a class of your own: raftplay help node. Its code runs.",
    ),
]


NodesOption = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_NODES, metavar="N", help=f"How many nodes: 1 to {MAX_NODES}, default: 5."),
]


SeedOption = Annotated[
    int | None,
    typer.Option(min=0, max=MAX_SEED, metavar="N", help="Seed of every random choice (default: random)."),
]


BackendOption = Annotated[
    str | None,
    typer.Option(
        metavar="tcp|sim",
        autocompletion=completions.backends,
        help="Real sockets (the default), or virtual time.",
    ),
]


SpeedOption = Annotated[
    float | None,
    typer.Option(
        min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="1 gives the usual timings, 0.1 is ten times slower."
    ),
]


TimingOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=D", help="As in a script: election=150..300ms, heartbeat=50ms, delay=1..5ms."),
]


SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=on|off", help="As in a script: prevote=on, noop=on.")
]


WithoutBugsOption = Annotated[bool, typer.Option("--without-bugs", help="Switch off the script's bugs.")]


TraceOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        parser=output_path,
        autocompletion=completions.files,
        help=f"Write every event to this file, {formats()}.",
    ),
]


ForceOption = Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")]


def chosen(
    nodes: int | None,
    seed: int | None,
    backend: str | None,
    timing: list[str] | None,
    switches: list[str] | None,
    bugs: list[str] | None,
    *,
    without_bugs: bool,
    node: str | None = None,
) -> Setup:
    """Return the set-up that the options choose. Raises `UsageError`."""
    overrides = Setup(
        nodes=nodes, seed=seed, bugs=known_bugs(bugs), without_bugs=without_bugs, node=own_node(node)
    )
    if backend is not None:
        override(overrides, "--backend", f"backend {backend}")
    for text in timing or []:
        override(overrides, "--timing", f"timing {text}")
    for text in switches or []:
        override(overrides, "--set", f"set {text.replace('=', ' ', 1)}")
    return overrides


def own_node(text: str | None) -> OwnNode | None:
    """Return the class of nodes that --node names, after loading it. Raises `UsageError`."""
    if text is None:
        return None
    node = OwnNode(text)
    loaded(node)
    return node


def known_bugs(names: list[str] | None) -> list[str]:
    """Return the names of bugs without repetitions. Raises `UsageError` for an unknown name."""
    for name in names or []:
        if name not in BUGS:
            raise UsageError(f"there is no bug {quoted(name)}{did_you_mean(name, BUGS)}; see: raftplay bugs")
    return list(dict.fromkeys(names or []))


def known_mixes(names: list[str] | None) -> tuple[str, ...]:
    """Return the names of fault profiles. Raises `UsageError` for an unknown name."""
    from raftplay.explore.search.mixes import MIXES  # noqa: PLC0415 - only a search needs it

    for name in names or []:
        if name not in MIXES:
            raise UsageError(f"there is no mix {quoted(name)}{did_you_mean(name, MIXES)}; {', '.join(MIXES)}")
    return tuple(names or ())


def engine_of(name: str, *, on_sockets: bool) -> str:
    """Return the engine of a search. Raises `UsageError` if it is unknown, or not for sockets."""
    from raftplay.explore.search.walked import ENGINES  # noqa: PLC0415

    if name not in ENGINES:
        raise UsageError(f"--engine is {', '.join(ENGINES[:-1])} or {ENGINES[-1]}, not {quoted(name)}")
    if on_sockets and name == "walks":
        raise UsageError("walks have no sockets: --engine walks does not go with --backend tcp")
    return name


def switches_of(texts: list[str] | None, *, bare: bool = False) -> tuple[tuple[str, bool | int], ...]:
    """Return the options that --set switches. Raises `UsageError`, also for one that `bare` nodes do not have."""
    switches = chosen(None, None, None, None, texts, None, without_bugs=False).switches
    for name in ("unreliable", "more-reelection"):
        if bare and name in switches:
            raise UsageError(
                f"--set {name} is for clusters; walks and --exhaustive have nodes only, whose RPCs "
                "may be lost, and whose timers may fire, at any time"
            )
    return tuple(switches.items())


def node_range(text: str) -> range:
    """Parse ``5`` or ``3..7``. Raises `UsageError`."""
    low, dots, high = text.partition("..")
    if low.isdecimal() and (high.isdecimal() or not dots) and len(text) < 20:
        numbers = range(int(low), int(high or low) + 1)
        if numbers and numbers[0] >= 1 and numbers[-1] <= MAX_NODES:
            return numbers
    raise UsageError(f"--nodes is a number from 1 to {MAX_NODES}, or a range such as 3..7, not {quoted(text)}")


def given_options(context: typer.Context) -> dict[str, object]:
    """Return the options that were typed, by the names of their parameters."""
    typed = ("COMMANDLINE", "ENVIRONMENT")
    return {
        name: value
        for name, value in context.params.items()
        if name != "script" and getattr(context.get_parameter_source(name), "name", "") in typed
    }


def options_text(given: Mapping[str, object]) -> str:
    """Return typed options as a report names them: "--bug zombie, --nodes 3"."""
    words = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}" if name != "limit" else "--for"
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words.append(option if one is True else f"{option} {visible(str(one))}")
    return ", ".join(words)


FOR_TRIALS = {
    "mix": "--mix chooses faults for random trials; a script says its own",
    "engine": "--engine chooses between walks and trials; a script is neither",
    "set_": "--set is for trials and walks; a script sets its own options, by lines such as: set noop on",
    "options": "--options and --no-options are for random trials; a script sets its own options",
    "seconds": "--seconds says how long a random trial is; a script says that itself",
    "speed": "--speed is for sockets; a script is explored in virtual time",
    "all_bugs": "--all-bugs searches by random trials; give the script one --bug",
}
"""The options of `explore` that mean nothing for a script, and why."""


def refuse_for_script(given: Mapping[str, object]) -> None:
    """Raise `UsageError` for an option of `explore` that a script cannot honour."""
    for name, why in FOR_TRIALS.items():
        if name in given:
            raise UsageError(why)
    if "tally" in given and {"out", "shrink"} & set(given):
        raise UsageError("--tally counts and writes no script; leave --out and --shrink out")
    if "shrink" in given and not {"out", "keep_going"} & set(given):
        raise UsageError("--shrink minimizes the script that --out names; give --out FILE as well")
    if "force" in given and not {"out", "keep_going"} & set(given):
        raise UsageError("--force replaces the script that --out names; give --out FILE as well")


def refuse_for_search(given: Collection[str], *, on_sockets: bool, all_bugs: bool) -> None:
    """Raise `UsageError` for an option of `explore` that a search on sockets, or --all-bugs, cannot honour."""
    unfit = (
        (
            on_sockets,
            "shrink",
            "--shrink is for virtual time: on sockets nothing repeats exactly, so nothing can be minimized",
        ),
        (on_sockets, "jobs", "--jobs is for virtual time: on sockets one cluster runs after another"),
        (on_sockets, "engine", "--engine is for virtual time: on sockets there are only trials"),
        (all_bugs, "out", "--all-bugs prints a table and writes no script; leave --out out"),
        (all_bugs, "force", "--all-bugs prints a table and writes no script; leave --force out"),
        (all_bugs, "keep_going", "--all-bugs stops at the first finding of each bug; leave --keep-going out"),
        (all_bugs, "bug", "--all-bugs searches for each bug alone; leave --bug out"),
        (all_bugs, "node", "--all-bugs searches for each bug of raftplay alone; leave --node out"),
    )
    for applies, name, why in unfit:
        if applies and name in given:
            raise UsageError(why)


def check_last_seed(first: int, count: int | None) -> None:
    """Raise `UsageError` for seeds that `raftplay run` would reject."""
    if first + (count or 1) - 1 > MAX_SEED:
        raise UsageError(f"the last seed would be above {MAX_SEED}; choose a lower --first-seed, or fewer --seeds")


def leave_out_weather() -> tuple[str, ...]:
    """Unset the variables that change the network, print that, and return their names.

    A search chooses its own faults and removes them.
    """
    unset = tuple(name for name in (UNRELIABLE, MORE_REELECTION) if is_on(os.environ, name))
    for name in unset:
        del os.environ[name]
        complain(f"raftplay: {name} is left out: explore chooses the faults itself")
    return unset


def typed_without(*options: str) -> list[str]:
    """Return the words of this command line without `options` and their values."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word in options:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in options)):
            kept.append(word)
    return kept


def seconds_of(text: str) -> float:
    """Convert ``60s`` or ``10m`` to seconds. Raises `UsageError`."""
    try:
        seconds = duration_of(text)
    except UsageError as error:
        raise UsageError(f"--for: {error}") from None
    if not seconds:
        raise UsageError(f"--for must be longer than {text}, in which nothing is searched")
    return seconds


def backend_of(name: str, *, in_sim_only: dict[str, bool]) -> str:
    """Return the backend. Raises `UsageError` if it is unknown, or unable to run the search."""
    if name not in BACKENDS:
        raise UsageError(f"--backend is {' or '.join(BACKENDS)}, not {quoted(name)}")
    for what, is_wanted in in_sim_only.items():
        if is_wanted and name != "sim":
            raise UsageError(f"{what} is explored in virtual time only, not with --backend {name}")
    return name
