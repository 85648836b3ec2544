"""Commands that search and measure: replay, explore, shrink, fuzz, bench."""

import os
import shlex
import sys
import time
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from raftplay.bench import command as benchmarks
from raftplay.bench.figures import Options as BenchOptions
from raftplay.bench.measurements import MEASUREMENTS
from raftplay.cli import completions
from raftplay.cli.ending import says_how_far
from raftplay.cli.exhaustive import ExhaustiveOptions, refuse_options_of_seeds
from raftplay.cli.files import input_path, load, output_path, read
from raftplay.cli.options import (
    BackendOption,
    BugOption,
    ForceOption,
    NodeOption,
    NodesOption,
    SeedOption,
    SetOption,
    TimingOption,
    WithoutBugsOption,
    backend_of,
    check_last_seed,
    chosen,
    engine_of,
    given_options,
    known_bugs,
    known_mixes,
    leave_out_weather,
    node_range,
    options_text,
    own_node,
    refuse_for_script,
    refuse_for_search,
    seconds_of,
    switches_of,
    typed_without,
)
from raftplay.cluster.config import MAX_NODES
from raftplay.cluster.waits import MAX_SPEED, MIN_SPEED
from raftplay.commands.setup import MAX_SEED
from raftplay.errors import UsageError
from raftplay.explore.exhaustive.command import exhaustive
from raftplay.explore.exhaustive.search import ExhaustiveOutcome
from raftplay.explore.fuzz.command import COUNTS, fuzz
from raftplay.explore.scripts.command import Wishes, shrink, tries_text
from raftplay.explore.scripts.explore import ReportOptions, explore_script
from raftplay.explore.scripts.seeds import Seeds
from raftplay.explore.search.all_bugs import table
from raftplay.explore.search.command import explore
from raftplay.explore.search.dask_workers import DaskWorkers, check_dask, dask_workers
from raftplay.explore.search.report import progress_line
from raftplay.explore.search.soak import soak
from raftplay.explore.search.sweep import USUAL_ENGINE, Search, SearchReport
from raftplay.files import Target
from raftplay.output import Output, complain
from raftplay.run.runner import Status
from raftplay.watch.replay import replay_text
from raftplay.watch.text import count

app = typer.Typer()


class ProgressLine:
    """A line that shows the progress of a search, if standard error is a terminal."""

    def __init__(self, seeds: int | None, limit: float | None) -> None:
        self.limit = limit
        self.workers: DaskWorkers | None = None
        self._seeds = seeds
        self._shown = 0.0
        self._done = 0
        self._is_terminal = sys.stderr.isatty()

    def show(self, report: SearchReport) -> None:
        """Redraw the line, at most five times a second."""
        ended = bool(report.findings) or report.interrupted or report.trials == self._seeds
        if self._is_terminal and (ended or report.elapsed - self._shown > 0.2):
            self._shown = report.elapsed
            crew = "" if self.workers is None else self.workers.crew
            line = progress_line(report, seeds=self._seeds, limit=self.limit, crew=crew)
            print(f"\r{line:<78}", end="\n" if ended else "", file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """Write a line above the progress."""
        if self._is_terminal:
            print(f"\r{'':<78}\r", end="", file=sys.stderr)
        complain(text)

    def count(self, done: int) -> None:
        """Show that `done` of them are done."""
        ended = done == self._seeds
        if self._is_terminal and (ended or time.monotonic() - self._shown > 0.2):
            self._shown = time.monotonic()
            print(f"\r{done:,} of {self._seeds:,}", end="\n" if ended else "", file=sys.stderr, flush=True)

    def shrinking(self, tries: int, commands: int) -> None:
        """Show how short a script has become."""
        if self._is_terminal and time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            print(f"\r{count(commands, 'command'):<14} after {tries_text(tries):<10}", end="\r", file=sys.stderr)

    def show_states(self, outcome: ExhaustiveOutcome) -> None:
        """Show how many states an exhaustive search has visited."""
        if self._is_terminal:
            line = f"{count(outcome.states, 'state')}, depth {outcome.depth}"
            print(f"\r{line:<78}", end="\r", file=sys.stderr, flush=True)

    def seed_done(self, seed: int) -> None:
        """Count one more seed of a script as done."""
        self._done += 1
        if self._is_terminal:
            end = "\n" if self._done == self._seeds else ""
            print(f"\r{count(self._done, 'seed')} held, the last {seed}", end=end, file=sys.stderr, flush=True)


@app.command()
def replay(
    trace: Annotated[
        Path,
        typer.Argument(
            parser=input_path, autocompletion=completions.files, help="A file that `run --trace` wrote."
        ),
    ],
) -> None:
    """Check the events of a trace with every watcher, and print the findings."""
    held, text = replay_text(trace)
    Output().write(text)
    raise typer.Exit(int(Status.HELD if held else Status.FAILED))


@app.command("explore")
@says_how_far
def explore_(
    context: typer.Context,
    script: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completions.scripts, help="A script to run with many seeds, instead of random faults."
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            metavar="sim|tcp",
            autocompletion=completions.backends,
            help="Virtual time, or a soak test on real sockets.",
        ),
    ] = "sim",
    speed: Annotated[
        float, typer.Option(min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="Speed of cluster time on sockets.")
    ] = 1.0,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many seeds (default without --for: 1000, on sockets 20).")
    ] = None,
    limit: Annotated[str | None, typer.Option("--for", help="How long to search, such as 60s or 10m.")] = None,
    bug: BugOption = None,
    node: NodeOption = None,
    nodes: Annotated[
        str | None,
        typer.Option(help="How many nodes: 5, or a range (default: 3..7; of a script, what it says)."),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="walks|trials|both",
            autocompletion=completions.engines,
            help="For each seed: a random walk over bare consensus modules, a trial of a whole cluster, or both.",
        ),
    ] = USUAL_ENGINE,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completions.mixes, help="Fault profiles of trials to draw from (default: all)."
        ),
    ] = None,
    options: Annotated[
        bool,
        typer.Option(
            "--options/--no-options",
            help="Draw options of the cluster for each trial: pre-votes, timings, a minority that stays down …",
        ),
    ] = True,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=on|off",
            help="An option that is on, or off, for every seed: prevote=on, noop=on.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Simulated seconds of faults per trial.")
    ] = 4.0,
    first_seed: Annotated[int, typer.Option("--first-seed", min=0, max=MAX_SEED, help="The first seed.")] = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="How many processes (default: all cores).")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            autocompletion=completions.dask_addresses,
            help="Search on a Dask cluster: tcp://HOST:8786, or local:4 for 4 processes here "
            "(raftplay[dask]). tls://HOST:8786 takes its certificates from Dask's configuration: "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and __CLIENT__CERT, __CLIENT__KEY.",
        ),
    ] = None,
    shrink: Annotated[float, typer.Option(min=0, help="Seconds to spend on minimizing what was found.")] = 60.0,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Continue after a finding; write one of each kind, to OUT, OUT-2 …"),
    ] = False,
    tally: Annotated[
        bool, typer.Option("--tally", help="Run all seeds, and count the findings of each kind; write none.")
    ] = False,
    all_bugs: Annotated[
        bool, typer.Option("--all-bugs", help="Search for each bug in turn; print a table in Markdown.")
    ] = False,
    all_states: Annotated[
        bool, typer.Option("--exhaustive", help="Visit every state of a few nodes within bounds, breadth first.")
    ] = False,
    terms: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With --exhaustive: the highest term (default: 2).")
    ] = None,
    entries: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="With --exhaustive: the most submits (default: 1).")
    ] = None,
    crashes: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="With --exhaustive: the most crashes (default: 1).")
    ] = None,
    in_flight: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --exhaustive: the most messages in flight (default: any)."),
    ] = None,
    states: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --exhaustive: the most states (default: 10 million)."),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(min=64, metavar="MIB", help="With --exhaustive: stop at so much memory (default: 2048)."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            parser=output_path,
            autocompletion=completions.files,
            help="Where to write the counterexample.",
        ),
    ] = Path("counterexample.txt"),
    force: ForceOption = False,
) -> None:
    """Search many seeds in virtual time for a schedule that breaks the algorithm, and minimize it.

    With --backend tcp, run on real sockets, one cluster after another: no invariant may be violated, and memory,
    open files, threads and tasks must not grow.
    """
    output = Output()
    simulated = {"a script": script is not None, "--all-bugs": all_bugs, "--exhaustive": all_states}
    on_sockets = backend_of(backend, in_sim_only={**simulated, "with --dask, a search": dask is not None}) == "tcp"
    check_dask(dask, {"a script": script is not None, "--exhaustive": all_states, "--jobs": jobs is not None})
    scope = ExhaustiveOptions(terms, entries, crashes, in_flight, states, memory)
    if not all_states:
        scope.refuse()
    if seeds is None and limit is None:
        seeds = 20 if on_sockets else 1000
    check_last_seed(first_seed, seeds)
    progress = ProgressLine(seeds, None if limit is None else seconds_of(limit))
    if tally and (all_bugs or on_sockets or all_states):
        raise UsageError(
            "--tally is for a script, and for a search in virtual time by trials and walks, with no --all-bugs"
        )
    if script is not None:
        if all_states:
            raise UsageError("--exhaustive visits the states of bare nodes, and takes no script")
        given = given_options(context)
        refuse_for_script(given)
        span = None if nodes is None else node_range(nodes)
        seeds_of = Seeds(
            *read(script),
            first=first_seed,
            count=seeds,
            limit=progress.limit,
            nodes=span,
            bugs=tuple(known_bugs(bug)),
            node=own_node(node),
            jobs=1 if seeds == 1 else jobs or os.cpu_count() or 1,
            stops_at_failure=not (keep_going or tally),
        )
        wanted = ReportOptions(_script_target(out, given, force=force), shrink, tally, options_text(given))
        raise typer.Exit(int(explore_script(seeds_of, wanted, output.write, progress.seed_done)))
    refuse_for_search(given_options(context), on_sockets=on_sockets, all_bugs=all_bugs)
    unset = leave_out_weather()
    again = shlex.join(["raftplay", *typed_without("--jobs", "--dask")])  # the answer is the same over any workers
    if all_states:
        refuse_options_of_seeds()
        target = Target(out, force)
        target.check()
        status = exhaustive(
            scope.bounds(nodes),
            output.write,
            bugs=tuple(known_bugs(bug)),
            node=own_node(node),
            most_states=scope.most_states,
            most_bytes=scope.most_bytes,
            out=target,
            again=again,
            watch=progress.show_states,
            switches=switches_of(set_, bare=True),
        )
        raise typer.Exit(int(status))
    search = Search(
        node_range(nodes or "3..7"),
        seconds=seconds,
        bugs=tuple(known_bugs(bug)),
        node=own_node(node),
        mixes=known_mixes(mix),
        first_seed=first_seed,
        seeds=seeds,
        limit=progress.limit,
        jobs=jobs or os.cpu_count() or 1,
        stops_at_finding=not (keep_going or tally),
        backend=backend,
        speed=speed,
        draws_options=options,
        engine=engine_of(engine, on_sockets=on_sockets),
        switches=switches_of(set_, bare=engine == "walks"),
    )
    target = Target(out, force)
    if not all_bugs:
        target.check()
    if on_sockets:
        raise typer.Exit(int(soak(search, output.write, out=target, watch=progress.show, again=again)))
    with nullcontext() if dask is None else dask_workers(dask, search.node, progress.tell) as workers:
        progress.workers = workers
        if all_bugs:
            raise typer.Exit(int(table(search, shrink, output.write, workers=workers)))
        status = explore(
            search,
            output.write,
            out=target,
            watch=progress.show,
            shrink_limit=shrink,
            again=again,
            unset=unset,
            tallies=tally,
            workers=workers,
        )
    raise typer.Exit(int(status))


def _script_target(out: Path, given: Collection[str], *, force: bool) -> Target | None:
    """Return where a failing script goes: nowhere unless --out or --keep-going is given. Raises `UsageError`."""
    if "tally" in given or not {"out", "keep_going"} & set(given):
        return None
    target = Target(out, force)
    target.check()
    return target


@app.command("shrink")
@says_how_far
def shrink_(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", autocompletion=completions.scripts, help="A script that fails: a file or a scenario."
        ),
    ],
    nodes: NodesOption = None,
    seed: SeedOption = None,
    backend: BackendOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    node: NodeOption = None,
    seconds: Annotated[float, typer.Option(min=0, help="Seconds to spend at most.")] = 60.0,
    any_seed: Annotated[
        bool, typer.Option("--any-seed", help="Try other seeds too: the script often gets shorter.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            parser=output_path,
            autocompletion=completions.files,
            help="Where to write the shorter script (default: print it).",
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Minimize a script that fails, to a shorter one that fails in the same way.

    It may fail by an invariant, by a check (expect, wait, never), or by the code of a node. Options replace the
    script's own set-up lines. Exit status: 0 with a script; 2 if the script holds or cannot be minimized; 130
    after Ctrl-C, with the shortest script so far.
    """
    if any_seed and seed is not None:
        raise UsageError("--any-seed tries other seeds, and --seed names one; one of them at a time")
    target = None if out is None else Target(out, force)
    if target is not None:
        target.check()
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs, node=node)
    status = shrink(
        load(script, overrides),
        Wishes(seconds, any_seed),
        out=target,
        write=Output().write,
        say=Output().write if target is not None else complain,
        watch=ProgressLine(None, seconds).shrinking,
    )
    raise typer.Exit(int(status))


@app.command("fuzz")
def fuzz_(
    what: Annotated[str, typer.Argument(metavar="frames|scripts")],
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many: 1,000,000 frames, 100,000 scripts.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, metavar="N", help="Seed of all of them.")] = 0,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            parser=output_path,
            autocompletion=completions.files,
            help="Where to write a script that fails.",
        ),
    ] = Path("failed.txt"),
    force: ForceOption = False,
) -> None:
    """Send mutated frames to a live cluster, or run generated scripts.

    No exception may escape, and memory must not grow. Frames: the cluster still elects and commits. Scripts: each
    is rejected with line and column, or runs to a documented end.
    """
    progress = ProgressLine(count or COUNTS.get(what, 1), None)
    target = Target(out, force)
    raise typer.Exit(int(fuzz(what, count, seed, Output().write, out=target, watch=progress.count)))


@app.command()
def bench(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Measure only this; may be repeated: {', '.join(MEASUREMENTS)}."),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_NODES, metavar="N", help="Nodes of every cluster (default: 3, or 5 without submits)."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure another implementation too, side by side: pysyncobj."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Measure roughly: a tenth of everything.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure what raftplay costs on this machine, next to a lower bound for the same work."""
    terminal = sys.stderr.isatty()

    def watch(progress: benchmarks.BenchProgress) -> None:
        if terminal:
            line = str(progress)[:78] if progress.what else ""
            print(f"\r{line:<78}", end="" if progress.what else "\r", file=sys.stderr, flush=True)

    status = benchmarks.bench(
        only or [], against, BenchOptions(nodes, quick), as_json=json, write=Output().write, watch=watch
    )
    raise typer.Exit(int(status))
