"""Commands that play with a cluster: run, shell, tui."""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from raftplay.cli import completions
from raftplay.cli.files import is_terminal, load, output_path, own_file, read, trace_target
from raftplay.cli.options import (
    BackendOption,
    BugOption,
    DataDirOption,
    ForceOption,
    NodeOption,
    NodesOption,
    SeedOption,
    SetOption,
    SpeedOption,
    TimingOption,
    TraceOption,
    WithoutBugsOption,
    chosen,
)
from raftplay.cluster.waits import MAX_SPEED, MIN_SPEED
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import Target, expanded
from raftplay.output import Output
from raftplay.run.golden import rewrite_script, verify_script
from raftplay.run.runner import JsonTranscript, TextTranscript, opened, run_script
from raftplay.run.script import parse_script
from raftplay.session.shown import path_text
from raftplay.shell.own import piped_script

if TYPE_CHECKING:
    from raftplay.tui.serve.feed import Audience

app = typer.Typer()


@app.command()
def run(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT",
            autocompletion=completions.scripts,
            help="A file, the name of a scenario, or - for standard input.",
        ),
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
    node: NodeOption = None,
    trace: TraceOption = None,
    force: ForceOption = False,
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

    Options replace the script's own set-up lines. Exit status: 0 when everything held; 1 when an expectation
    failed, an invariant was violated or an answer differs; 2 when the script or an option is wrong; 130 after
    Ctrl-C. More about --verify and --rewrite: raftplay help transcripts.
    """
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs, node=node)
    output = Output()
    transcript = (JsonTranscript if json else TextTranscript)(output.write, quiet=quiet)
    if verify and rewrite:
        raise UsageError("--verify compares answers and --rewrite writes them; one of them at a time")
    if data_dir is not None and (verify or rewrite):
        raise UsageError(
            "answers are compared where each run is the same, and over --data-dir it is another each time"
        )
    told = trace_target(trace, script, force=force)
    if rewrite:
        status = rewrite_script(*own_file(script), overrides, transcript, speed=speed, trace=told)
    elif verify:
        status = verify_script(load(script, overrides), transcript, speed=speed, trace=told)
    else:
        status = run_script(load(script, overrides), transcript, speed=speed, trace=told, data_dir=data_dir)
    raise typer.Exit(int(status))


@app.command()
def shell(
    script: Annotated[
        str | None,
        typer.Argument(
            metavar="SCRIPT",
            autocompletion=completions.scripts,
            help="A file or the name of a scenario, to play first.",
        ),
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
    node: NodeOption = None,
    trace: TraceOption = None,
    force: ForceOption = False,
) -> None:
    """Type commands to a running cluster, with completion, help and the cluster's state below the line.

    Without a terminal it reads commands from standard input, as `run -` does, up to `exit`.
    """
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs, node=node)
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        if script is not None:
            again = f"raftplay run {path_text(script)}"
            raise UsageError(f"without a terminal a shell reads standard input; for a script: {again}")
        transcript = TextTranscript(Output().write)
        told = trace_target(trace, script, force=force)
        piped = parse_script("-", piped_script(read("-")[1]), overrides)
        raise typer.Exit(int(run_script(piped, transcript, speed=speed, trace=told, data_dir=data_dir)))
    from raftplay.shell.app import run_shell  # noqa: PLC0415 - `run` does not need it
    from raftplay.shell.typed import usual_place  # noqa: PLC0415

    played = parse_script("shell", "", overrides) if script is None else load(script, overrides)
    with opened(played.setup, trace_target(trace, script, force=force), data_dir) as session:
        if speed is not None:
            session.harness.set_speed(speed)
        raise typer.Exit(run_shell(session, played, history=usual_place()))


@app.command()
def tui(
    script: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCRIPT]",
            autocompletion=completions.scripts,
            help="A file or the name of a scenario, to play.",
        ),
    ] = None,
    nodes: NodesOption = None,
    seed: SeedOption = None,
    backend: BackendOption = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="1 is the usual speed (default: 1; in pace real 0.1)."
        ),
    ] = None,
    pace: Annotated[
        Literal["watch", "real"],
        typer.Option(
            help="watch: a message takes about a second, idle time is skipped; real: as the cluster's clock goes."
        ),
    ] = "watch",
    timing: TimingOption = None,
    set_: SetOption = None,
    data_dir: DataDirOption = None,
    bug: BugOption = None,
    without_bugs: WithoutBugsOption = False,
    node: NodeOption = None,
    trace: TraceOption = None,
    force: ForceOption = False,
    step: Annotated[bool, typer.Option("--step", help="Wait for g before each step of the script.")] = False,
    present: Annotated[
        bool, typer.Option("--present", help="Begin in presenter mode, as F5 does: for an audience.")
    ] = False,
    demo: Annotated[
        bool | None,
        typer.Option(
            "--demo/--no-demo",
            help="Submit, crash and split by itself until a key is pressed: at once, or never "
            "(default: once nobody has touched a key for a while).",
        ),
    ] = None,
    counterexample: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            autocompletion=completions.files,
            help="Open a script that `explore` wrote, at the violation.",
        ),
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Replay the last session, and continue from its end.")
    ] = False,
    screenshot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg",
            parser=output_path,
            autocompletion=completions.files,
            help="Draw a picture, without a terminal.",
        ),
    ] = None,
    cast: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.cast",
            parser=output_path,
            autocompletion=completions.files,
            help="Record the screen for asciinema (asciicast v2).",
        ),
    ] = None,
    serve: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT", help="Show this screen to others in their browsers, who can only look on."
        ),
    ] = None,
    size: Annotated[str, typer.Option(metavar="COLUMNSxLINES", help="The size of the picture.")] = "120x40",
    after: Annotated[
        str, typer.Option(metavar="COMMANDS", help="Run these before the picture, such as 'wait leader'.")
    ] = "",
    light: Annotated[bool, typer.Option("--light", help="Draw the picture in the light theme.")] = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
) -> None:
    """Show a cluster on the screen; control it by keys, mouse and commands. Press ? there for help.

    A script is played with its comments as captions. A picture is drawn in virtual time unless --backend is given.
    """
    gc.disable()  # until the first frame: nearly all that is made before it stays
    from raftplay.tui.command import Wanted, check_terminal, draw, show, size_of  # noqa: PLC0415 - only this command needs textual
    from raftplay.tui.last import load as load_last  # noqa: PLC0415
    from raftplay.tui.last import play as play_last  # noqa: PLC0415

    if script is not None and counterexample is not None:
        raise UsageError("a script and --counterexample cannot both be played")
    if present and (step or counterexample is not None or screenshot is not None):
        raise UsageError(
            "--present is for a script on a terminal; give no --step, --counterexample or --screenshot"
        )
    _check_demo(bool(demo), last, present, pace == "real", script, counterexample, screenshot, data_dir)
    if screenshot is None and (after or light):
        raise UsageError("--after and --light are for a picture; give --screenshot FILE.svg as well")
    overrides = chosen(nodes, seed, backend, timing, set_, bug, without_bugs=without_bugs, node=node)
    name = script if script is not None else counterexample
    if last and (name is not None or overrides != Setup() or data_dir is not None):
        raise UsageError("--last opens the last session as it was; give no script and no other cluster with it")
    if backend is None and screenshot is not None:
        overrides.backend = "sim"
    if name == "-":
        raise UsageError("standard input is the keyboard here; give the script as a file")
    if last:
        played = load_last()
    else:
        played = load(name, overrides) if name is not None else parse_script("screen", "", overrides)
    wanted = Wanted(
        played,
        plays=name is not None,
        speed=speed,
        step=step,
        at_once=counterexample is not None,
        pace=pace,
        ascii=ascii_,
        presents=present,
        demo=demo,
        greeting="the last session, played again to its end" if last else "",
    )
    picture = size_of(size)
    told = trace_target(trace, name, force=force)
    drawn = None if screenshot is None else _picture_target(screenshot, name, force=force)
    recorded = _cast_target(cast, name, screenshot, force=force)
    served = _audience_of(serve, screenshot)
    if drawn is None:
        check_terminal()
    with opened(wanted.script.setup, told, data_dir) as session:
        if last:
            chosen_speed = play_last(played, session)
            wanted = replace(wanted, speed=chosen_speed if speed is None else speed)
        if drawn is not None:
            draw(wanted, session, drawn, picture, after, light=light)
        else:
            raise typer.Exit(int(show(wanted, session, recorded, served)))


def _check_demo(is_wanted: bool, *others: object) -> None:
    """Raise `UsageError` if options are given that the demo does not take."""
    if is_wanted and any(other not in (None, False) for other in others):
        raise UsageError(
            "--demo shows a new cluster at pace watch; give no --last, --present, --pace real, --screenshot, "
            "--data-dir and no script"
        )


def _cast_target(file: Path | None, script: str | None, screenshot: Path | None, *, force: bool) -> Target | None:
    """Return the target of a recording of the screen, or None. Raises `UsageError`."""
    if file is not None and screenshot is not None:
        raise UsageError("--cast records a screen on a terminal, and --screenshot needs none; give one of them")
    return trace_target(file, script, force=force)


def _audience_of(text: str | None, screenshot: Path | None) -> "Audience | None":
    """Return those to whom the screen is shown, or None. Raises `UsageError`."""
    if text is None:
        return None
    if screenshot is not None:
        raise UsageError("--serve shows a screen on a terminal, and --screenshot needs none; give one of them")
    from raftplay.export.live import LiveReplay  # noqa: PLC0415 - few show their screen
    from raftplay.tui.serve.address import address_of  # noqa: PLC0415
    from raftplay.tui.serve.feed import Audience  # noqa: PLC0415

    return Audience(address_of(text), LiveReplay)


def _picture_target(file: Path, script: str | None, *, force: bool) -> Target:
    """Return the target of a picture after checking that it can be written. Raises `UsageError`."""
    from raftplay.tui.picture import check_name  # noqa: PLC0415 - only a picture needs textual

    check_name(file)
    target = Target(file, force, keeps=() if script is None else (Path(expanded(script)),))
    target.check()
    return target
