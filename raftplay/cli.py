"""The command line: options into calls, failures into exit statuses; nothing is decided here.

Exit statuses: 0 all held, 1 an expectation failed or an invariant broke, 2 the script or an option is wrong,
130 interrupted.
"""

import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

import raftplay
from raftplay import scenarios as shipped
from raftplay.bench import command as benchmarks
from raftplay.bench.figures import Options as BenchOptions
from raftplay.cluster.config import MAX_NODES
from raftplay.cluster.harness import MAX_SPEED, MIN_SPEED
from raftplay.commands import looking
from raftplay.commands.about_bugs import bug_list, bug_text
from raftplay.commands.about_traces import replay_text
from raftplay.commands.cursor import did_you_mean
from raftplay.commands.golden import rewrite_script, verify_script
from raftplay.commands.lexer import MAX_SCRIPT_BYTES
from raftplay.commands.runner import JsonTranscript, Status, TextTranscript, opened, run_script
from raftplay.commands.script import Script, ScriptRefused, decode, override, parse_script
from raftplay.commands.setup import BACKENDS, MAX_SEED, Setup
from raftplay.commands.shown import path_text, quoted
from raftplay.commands.values import duration_of
from raftplay.explore.all_bugs import table
from raftplay.explore.command import explore, explore_script
from raftplay.explore.fuzz import COUNTS, fuzz
from raftplay.explore.mixes import MIXES
from raftplay.explore.report import progress_line
from raftplay.explore.soak import soak
from raftplay.explore.sweep import Report, Search
from raftplay.lessons import command as lessons
from raftplay.lessons import shelf
from raftplay.lessons.console import Console
from raftplay.lessons.free import WORDS
from raftplay.lessons.page import WIDTH
from raftplay.lessons.progress import progress_file
from raftplay.output import Output, Typed, be_silent, complain, prepare_streams
from raftplay.raft.bugs import BUGS
from raftplay.raft.messages import UsageError
from raftplay.raft.storage import StorageError
from raftplay.watch.invariants import INVARIANTS

app = typer.Typer(
    name="raftplay",
    help="A playground in which a person holds a Raft cluster in their hands.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Keep every node's disk in this directory, and go on from what it holds."
    ),
]
BugOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch on a bug; may be given several times.")
]
NodesOption = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_NODES, metavar="N", help=f"How many nodes: 1 to {MAX_NODES}, 5 unless said."),
]
SeedOption = Annotated[
    int | None,
    typer.Option(min=0, max=MAX_SEED, metavar="N", help="Decides every random choice; drawn unless said."),
]
BackendOption = Annotated[
    str | None, typer.Option(metavar="tcp|sim", help="Real sockets (unless said otherwise), or virtual time.")
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
    Path | None, typer.Option(metavar="FILE", help="Write every event to this file, as JSON Lines.")
]


class Progress:
    """A line on a terminal that says how far a search is; nothing where standard error is none."""

    def __init__(self, seeds: int | None, limit: float | None) -> None:
        self.limit = limit
        self._seeds = seeds
        self._shown = 0.0
        self._done = 0
        self._is_terminal = sys.stderr.isatty()

    def show(self, report: Report) -> None:
        """Draw the line anew, a few times a second."""
        ended = bool(report.findings) or report.trials == self._seeds
        if self._is_terminal and (ended or report.elapsed - self._shown > 0.2):
            self._shown = report.elapsed
            line = progress_line(report, seeds=self._seeds, limit=self.limit)
            print(f"\r{line:<78}", end="\n" if ended else "", file=sys.stderr, flush=True)

    def count(self, done: int) -> None:
        """So many of them are done."""
        ended = done == self._seeds
        if self._is_terminal and (ended or time.monotonic() - self._shown > 0.2):
            self._shown = time.monotonic()
            print(f"\r{done:,} of {self._seeds:,}", end="\n" if ended else "", file=sys.stderr, flush=True)

    def seed_done(self, seed: int) -> None:
        """A seed of a script is done."""
        self._done += 1
        if self._is_terminal:
            end = "\n" if self._done == self._seeds else ""
            print(f"\r{self._done} seeds held, the last {seed}", end=end, file=sys.stderr, flush=True)


@app.command()
def run(
    script: Annotated[
        str,
        typer.Argument(metavar="SCRIPT", help="A file, the name of a scenario, or - for standard input."),
    ],
    nodes: NodesOption = None,
    seed: SeedOption = None,
    backend: BackendOption = None,
    speed: SpeedOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    data_dir: DataDirOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    trace: TraceOption = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print failures and the closing line only.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object per step.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the answers with those in the script, under lines ----.")
    ] = False,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Write the answers into the script, under lines ----.")
    ] = False,
) -> None:
    """Run a script and print its transcript.

    What an option says takes the place of the script's own set-up lines. Ends with status 0 when all held, 1 when
    an expectation failed, an invariant broke or an answer differs, 2 when the script or an option is wrong, 130
    after Ctrl-C. More about --verify and --rewrite: raftplay help transcripts.
    """
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs)
    output = Output()
    transcript = (JsonTranscript if json else TextTranscript)(output.write, quiet=quiet)
    if verify and rewrite:
        raise UsageError("--verify compares answers and --rewrite writes them; one of them at a time")
    if data_dir is not None and (verify or rewrite):
        raise UsageError(
            "answers are compared where each run is the same, and over --data-dir it is another each time"
        )
    if trace is not None and same_file(script, trace):
        raise UsageError(f"the trace would take the place of the script {quoted(script)}")
    if rewrite:
        status = rewrite_script(*own_file(script), overrides, transcript, speed=speed, trace=trace)
    elif verify:
        status = verify_script(load(script, overrides), transcript, speed=speed, trace=trace)
    else:
        status = run_script(load(script, overrides), transcript, speed=speed, trace=trace, data_dir=data_dir)
    raise typer.Exit(int(status))


@app.command()
def shell(
    script: Annotated[
        str | None, typer.Argument(metavar="SCRIPT", help="A file or the name of a scenario, to play first.")
    ] = None,
    nodes: NodesOption = None,
    seed: SeedOption = None,
    backend: BackendOption = None,
    speed: SpeedOption = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    data_dir: DataDirOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    trace: TraceOption = None,
) -> None:
    """Type commands at a cluster that lives on, with completion, help and the state of all below the line.

    Without a terminal it reads commands from standard input, as `run -` does.
    """
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs)
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        if script is not None:
            again = f"raftplay run {path_text(script)}"
            raise UsageError(f"without a terminal a shell reads standard input; for a script: {again}")
        transcript = TextTranscript(Output().write)
        read = load("-", overrides)
        raise typer.Exit(int(run_script(read, transcript, speed=speed, trace=trace, data_dir=data_dir)))
    from raftplay.shell.app import run_shell  # noqa: PLC0415 - `run` does without it
    from raftplay.shell.typed import usual_place  # noqa: PLC0415

    played = parse_script("shell", "", overrides) if script is None else load(script, overrides)
    with opened(played.setup, trace, data_dir) as session:
        if speed is not None:
            session.harness.set_speed(speed)
        raise typer.Exit(run_shell(session, played, history=usual_place()))


@app.command()
def tui(
    script: Annotated[
        str | None, typer.Argument(metavar="[SCRIPT]", help="A file or the name of a scenario, to be played.")
    ] = None,
    nodes: NodesOption = None,
    seed: SeedOption = None,
    backend: BackendOption = None,
    speed: Annotated[
        float | None,
        typer.Option(min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="1 is the usual speed, 0.1 unless said."),
    ] = None,
    timing: TimingOption = None,
    set_: SetOption = None,
    data_dir: DataDirOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    trace: TraceOption = None,
    step: Annotated[bool, typer.Option("--step", help="Wait for g before each step of the script.")] = False,
    counterexample: Annotated[
        str | None, typer.Option(metavar="FILE", help="Open what `explore` wrote: at once to where it breaks.")
    ] = None,
    screenshot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw a picture, without a terminal.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="COLUMNSxLINES", help="The size of the picture.")] = "120x40",
    after: Annotated[
        str, typer.Option(metavar="COMMANDS", help="What is done before the picture, such as 'wait leader'.")
    ] = "",
    light: Annotated[bool, typer.Option("--light", help="The picture in the light theme.")] = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
) -> None:
    """See a cluster on the screen, and act on it by keys, mouse and commands; ? there explains everything.

    A script is played with its comments as captions. A picture is drawn in virtual time unless --backend is given.
    """
    from raftplay.tui.command import Wanted, check_terminal, draw, show, size_of  # noqa: PLC0415 - only this command needs textual

    if script is not None and counterexample is not None:
        raise UsageError("a script and --counterexample cannot both be played")
    if screenshot is None and (after or light):
        raise UsageError("--after and --light are for a picture; give --screenshot FILE.svg as well")
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs)
    if backend is None and screenshot is not None:
        overrides.backend = "sim"
    name = script if script is not None else counterexample
    if name == "-":
        raise UsageError("standard input is the keyboard here; give the script as a file")
    wanted = Wanted(
        load(name, overrides) if name is not None else parse_script("screen", "", overrides),
        plays=name is not None,
        speed=speed,
        step=step,
        at_once=counterexample is not None,
        ascii=ascii_,
    )
    picture = size_of(size)
    if screenshot is None:
        check_terminal()
    with opened(wanted.script.setup, trace, data_dir) as session:
        if screenshot is not None:
            draw(wanted, session, screenshot, picture, after, light=light)
        else:
            raise typer.Exit(int(show(wanted, session)))


@app.command()
def scenarios() -> None:
    """List the scenarios; run one with: raftplay run NAME."""
    names = shipped.names()
    width = max(map(len, names))
    Output().write("\n".join(f"{name:<{width}}  {shipped.summary_of(name)}" for name in names))


@app.command()
def lesson(
    which: Annotated[
        str | None, typer.Argument(metavar="[LESSON]", help="A number, a name, or a file of your own.")
    ] = None,
    on_screen: Annotated[bool, typer.Option("--tui", help="Show the cluster beside the words.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Words only: for screen readers, and for pipes.")] = False,
    seed: SeedOption = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="1 is the usual speed, 0.1 on a terminal unless said."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Play it with right and wrong answers, and say what is wrong with it.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget your scores, and where you left.")] = False,
) -> None:
    """List the lessons, or play one: predict what a cluster will do, see it happen, have it explained.

    Without a terminal, answers are read from standard input. Ends with status 0, also when you leave; with 2 when
    the lesson or an option is wrong, 130 after Ctrl-C. --check ends with 1 when it finds something. How to write
    lessons: raftplay help lessons.
    """
    file = progress_file()
    if forget:
        if which is not None or check:
            raise UsageError("--forget forgets the progress in all lessons, and stands alone")
        Output().write(lessons.forget_progress(file))
        return
    if which is None:
        if check or on_screen:
            raise UsageError("which lesson? give its number, its name, or a file")
        Output().write(lessons.list_lessons(file))
        return
    text = find_lesson(which)
    if check:
        raise typer.Exit(int(lessons.check_lesson(text, seed, Output().write)))
    if on_screen:
        if plain:
            raise UsageError("--plain is words only, and --tui is a screen; one of them at a time")
        from raftplay.tui.lesson import show_lesson  # noqa: PLC0415 - only this needs textual

        raise typer.Exit(int(show_lesson(text, seed=seed, speed=speed, file=file)))
    is_seen = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    console = lesson_console(plain=plain, is_seen=is_seen)
    pace = speed if speed is not None or not is_seen else LESSON_SPEED
    status = lessons.read_lesson(text, console, seed=seed, speed=pace, file=file, resumes=is_seen)
    raise typer.Exit(int(status))


@app.command()
def bugs(name: Annotated[str | None, typer.Argument(help="The bug to explain.")] = None) -> None:
    """List the bug switches, or explain one; see one break with: raftplay run bugs/NAME."""
    Output().write(bug_list() if name is None else bug_text(known_bugs([name])[0]))


@app.command()
def invariants() -> None:
    """List the invariants that are watched while a cluster runs."""
    width = max(len(invariant.name) for invariant in INVARIANTS)
    Output().write("\n".join(f"{invariant.name:<{width}}  {invariant.statement}" for invariant in INVARIANTS))


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="A file that `run --trace` wrote.")],
) -> None:
    """Feed the events of a trace to the watchers again, and say what they find."""
    held, text = replay_text(trace)
    Output().write(text)
    raise typer.Exit(int(Status.HELD if held else Status.FAILED))


@app.command("explore")
def explore_(
    script: Annotated[
        str | None, typer.Argument(help="A script to run with many seeds in place of faults.")
    ] = None,
    backend: Annotated[
        str,
        typer.Option(metavar="sim|tcp", help="Virtual time, or a soak: real sockets, and what grows meanwhile."),
    ] = "sim",
    speed: Annotated[
        float, typer.Option(min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="How fast time goes by on sockets.")
    ] = 1.0,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many seeds (1000, on sockets 20, unless --for is given).")
    ] = None,
    limit: Annotated[str | None, typer.Option("--for", help="How long to search, such as 60s or 10m.")] = None,
    bug: BugOption = None,
    nodes: Annotated[str, typer.Option(help="How many nodes: 5, or a range such as 3..7.")] = "3..7",
    mix: Annotated[list[str] | None, typer.Option(help="Fault mixes to draw from; all unless given.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Simulated seconds of faults per seed.")] = 4.0,
    first_seed: Annotated[int, typer.Option("--first-seed", min=0, help="The first seed.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="How many processes (all cores).")] = None,
    shrink: Annotated[float, typer.Option(min=0, help="Seconds to spend on shrinking what was found.")] = 60.0,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Search on after a finding.")] = False,
    all_bugs: Annotated[
        bool, typer.Option("--all-bugs", help="Search for each bug in turn; print a table in Markdown.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Where to write the counterexample.")] = Path("counterexample.txt"),
) -> None:
    """Search many seeds in virtual time for a schedule that breaks the algorithm, and shrink it.

    With --backend tcp, the same on real sockets, one cluster after another: nothing may break, nor may memory,
    open files, threads or tasks grow.
    """
    output = Output()
    on_sockets = backend_of(backend, in_sim_only={"a script": script is not None, "--all-bugs": all_bugs}) == "tcp"
    if seeds is None and (limit is None or script is not None):
        seeds = 20 if on_sockets else 1000
    progress = Progress(seeds, None if limit is None else seconds_of(limit))
    if script is not None:
        name, text = read(script)
        assert seeds is not None
        span = range(first_seed, first_seed + seeds)
        overrides = Setup(bugs=known_bugs(bug))
        raise typer.Exit(int(explore_script(name, text, span, output.write, overrides, progress.seed_done)))
    search = Search(
        node_range(nodes),
        seconds=seconds,
        bugs=tuple(known_bugs(bug)),
        mixes=known_mixes(mix),
        first_seed=first_seed,
        seeds=seeds,
        limit=progress.limit,
        jobs=jobs or os.cpu_count() or 1,
        stops_at_finding=not keep_going,
        backend=backend,
        speed=speed,
    )
    if all_bugs:
        rows = table(search, shrink, output.write)
        raise typer.Exit(int(Status.HELD if all(row.case is not None for row in rows) else Status.FAILED))
    again = shlex.join(["raftplay", *sys.argv[1:]])
    if on_sockets:
        raise typer.Exit(int(soak(search, output.write, out=out, watch=progress.show, again=again)))
    status = explore(search, output.write, out=out, watch=progress.show, shrink_limit=shrink, again=again)
    raise typer.Exit(int(status))


@app.command("fuzz")
def fuzz_(
    what: Annotated[str, typer.Argument(metavar="frames|scripts")],
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many: 1,000,000 frames, 100,000 scripts.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, metavar="N", help="Decides them all.")] = 0,
    out: Annotated[Path, typer.Option(help="Where to write a script that fails.")] = Path("failed.txt"),
) -> None:
    """Throw mutated frames at a live cluster, or generated scripts at the language.

    No exception may escape, nor memory be kept. Frames: the cluster still elects and commits. Scripts: each is
    refused with line and column, or runs to a documented end.
    """
    progress = Progress(count or COUNTS.get(what, 1), None)
    raise typer.Exit(int(fuzz(what, count, seed, Output().write, out=out, watch=progress.count)))


@app.command()
def bench(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"Measure this alone; may be repeated: {', '.join(benchmarks.MEASUREMENTS)}."
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_NODES, metavar="N", help="Nodes of every cluster (3, or 5 where nothing is submitted)."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure another implementation too, side by side: pysyncobj."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A rough look: a tenth of everything.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure what raftplay costs on this machine, next to the least that the same work can cost there."""
    terminal = sys.stderr.isatty()

    def watch(progress: benchmarks.Progress) -> None:
        if terminal:
            line = str(progress)[:78] if progress.what else ""
            print(f"\r{line:<78}", end="" if progress.what else "\r", file=sys.stderr, flush=True)

    status = benchmarks.bench(
        only or [], against, BenchOptions(nodes, quick), as_json=json, write=Output().write, watch=watch
    )
    raise typer.Exit(int(status))


@app.command("help")
def help_(
    name: Annotated[str | None, typer.Argument(help="A command, or: conditions.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table as in the README.")] = False,
) -> None:
    """Explain the commands of the language."""
    Output().write(looking.markdown_table() if markdown else looking.help_text(name))


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


def backend_of(name: str, *, in_sim_only: dict[str, bool]) -> str:
    """The backend of a search. Raises `UsageError` for one that there is not, or with what it cannot have."""
    if name not in BACKENDS:
        raise UsageError(f"--backend is {' or '.join(BACKENDS)}, not {quoted(name)}")
    for what, is_wanted in in_sim_only.items():
        if is_wanted and name != "sim":
            raise UsageError(f"{what} is explored in virtual time only, not with --backend {name}")
    return name


LESSON_SPEED = 0.1
"""How fast a lesson is seen on a terminal unless said otherwise: an election takes seconds."""

LOOKS = {"title": "1", "dim": "2", "question": "1;36", "command": "36", "right": "1;32", "wrong": "33"}
LOOKS["broken"] = "1;31"


def find_lesson(which: str) -> shelf.Text:
    """The lesson of that number, name or path. Raises `UsageError`."""
    if which == "-":
        raise UsageError("standard input has the answers here; give the lesson as a file")
    return shelf.found(which)


def lesson_console(*, plain: bool, is_seen: bool) -> Console:
    """Where a lesson is read: a terminal, with completion and colours unless `plain`, or a pipe."""
    output = Output()
    has_colours = is_seen and not plain and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def write(text: str, style: str) -> None:
        output.write(text, LOOKS.get(style, "") if has_colours else "")

    width = max(40, min(100, shutil.get_terminal_size().columns)) if is_seen else WIDTH
    if not is_seen:
        return Console(Typed(output, echoes=not is_terminal(sys.stdin)).read, write, plain, width)
    if plain:
        return Console(lambda prompt, _: input(prompt), write, plain, width)
    from raftplay.shell.reading import Asking  # noqa: PLC0415 - a pipe does without it
    from raftplay.shell.typed import PastLines, usual_place  # noqa: PLC0415

    return Console(Asking(PastLines(usual_place()), dict(WORDS)).read, write, plain, width)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; one that is closed is none."""
    return stream is not None and not stream.closed and stream.isatty()


def chosen(
    nodes: int | None,
    seed: int | None,
    backend: str | None,
    timing: list[str] | None,
    switches: list[str] | None,
    bugs: list[str] | None,
    *,
    without_bugs: bool,
) -> Setup:
    """What the options choose in place of set-up lines. Raises `UsageError`."""
    overrides = Setup(nodes=nodes, seed=seed, bugs=known_bugs(bugs), without_bugs=without_bugs)
    if backend is not None:
        override(overrides, "--backend", f"backend {backend}")
    for text in timing or []:
        override(overrides, "--timing", f"timing {text}")
    for text in switches or []:
        override(overrides, "--set", f"set {text.replace('=', ' ', 1)}")
    return overrides


def known_bugs(names: list[str] | None) -> list[str]:
    """The names of bugs, once each. Raises `UsageError` for one that there is not."""
    for name in names or []:
        if name not in BUGS:
            raise UsageError(f"there is no bug {quoted(name)}{did_you_mean(name, BUGS)}; see: raftplay bugs")
    return list(dict.fromkeys(names or []))


def known_mixes(names: list[str] | None) -> tuple[str, ...]:
    """The names of fault mixes. Raises `UsageError` for one that there is not."""
    for name in names or []:
        if name not in MIXES:
            raise UsageError(f"there is no mix {quoted(name)}{did_you_mean(name, MIXES)}; {', '.join(MIXES)}")
    return tuple(names or ())


def node_range(text: str) -> range:
    """``5`` or ``3..7``. Raises `UsageError`."""
    low, dots, high = text.partition("..")
    if low.isdecimal() and (high.isdecimal() or not dots):
        numbers = range(int(low), int(high or low) + 1)
        if numbers and numbers[0] >= 1 and numbers[-1] <= MAX_NODES:
            return numbers
    raise UsageError(f"--nodes is a number from 1 to {MAX_NODES}, or a range such as 3..7, not {quoted(text)}")


def seconds_of(text: str) -> float:
    """``60s`` or ``10m`` in seconds. Raises `UsageError`."""
    try:
        return duration_of(text)
    except UsageError as error:
        raise UsageError(f"--for: {error}") from None


def read(name: str) -> tuple[str, str]:
    """(name, text) of a script at a path, of a scenario, or on standard input. Raises `UsageError`."""
    if name == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed")
        try:
            return name, decode(name, sys.stdin.buffer.read(MAX_SCRIPT_BYTES + 1))
        except OSError as error:
            raise UsageError(f"standard input cannot be read: {error.strerror}") from None
    if is_shipped(name):
        return name, shipped.text_of(name)
    return name, decode(name, read_file(name))


def own_file(name: str) -> tuple[str, bytes]:
    """(name, data) of a script that is the user's own. Raises `UsageError`."""
    if name == "-":
        raise UsageError("what comes from standard input cannot be rewritten; give a file")
    if is_shipped(name):
        raise UsageError(f"the scenario {name} stays as it ships; give a file of your own to be rewritten")
    return name, read_file(name)


def is_shipped(name: str) -> bool:
    """Whether `name` means a scenario, and not a file."""
    return name in shipped.names() + shipped.bug_names() and not os.path.isfile(name)


def read_file(name: str) -> bytes:
    """What the script at a path holds, up to a byte more than it may. Raises `UsageError`."""
    try:
        with open(name, "rb") as file:
            return file.read(MAX_SCRIPT_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(f"{path_text(name)} is a directory, not a script") from None
    except FileNotFoundError:
        hint = did_you_mean(name, shipped.names() + shipped.bug_names()) or "; see: raftplay scenarios"
        raise UsageError(f"there is no file and no scenario {quoted(name)}{hint}") from None
    except OSError as error:
        raise UsageError(f"{path_text(name)} cannot be read: {error.strerror}") from None


def same_file(one: str, other: Path) -> bool:
    """Whether two paths lead to one file that there is."""
    return os.path.exists(one) and other.exists() and os.path.samefile(one, other)


def load(name: str, overrides: Setup) -> Script:
    """The script of that name, ready to run. Raises `UsageError`."""
    name, text = read(name)
    return parse_script(name, text, overrides)


def call_text(error: typer.TyperException) -> str:
    """What is wrong with options or arguments, in one sentence, and where to read more."""
    text = error.format_message().removesuffix(".")
    context = getattr(error, "ctx", None)
    see = "" if context is None else f"; see: {context.command_path} --help"
    return f"{text[:1].lower()}{text[1:]}{see}"


def main() -> NoReturn:
    """Run the command line; every failure is a sentence and an exit status."""
    prepare_streams()
    try:
        # no variable of this name can be set: typer would complete from it, and show it raw
        status: int = app(prog_name="raftplay", standalone_mode=False, complete_var="=") or Status.HELD
    except ScriptRefused as refusal:
        complain(*str(refusal).split("\n"))
        status = Status.MISUSED
    except (StorageError, UsageError) as error:
        complain(f"raftplay: error: {error}")
        status = Status.MISUSED
    except typer.TyperException as error:
        complain(f"raftplay: error: {call_text(error)}")
        status = Status.MISUSED
    except OSError as error:
        be_silent()
        complain(f"raftplay: error: {error.strerror or error}")
        status = Status.MISUSED
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; one more Ctrl-C cannot stop it sooner
    sys.exit(status)


if __name__ == "__main__":
    main()
