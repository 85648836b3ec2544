"""The command lesson."""

import os
import shutil
import sys
from dataclasses import replace
from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import is_terminal
from raftplay.cli.options import NodeOption, SeedOption, own_node
from raftplay.cluster.waits import MAX_SPEED, MIN_SPEED
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import expanded
from raftplay.lessons import catalogue
from raftplay.lessons import command as lessons
from raftplay.lessons.console import Console
from raftplay.lessons.free import WORDS
from raftplay.lessons.page import WIDTH
from raftplay.lessons.progress import progress_file
from raftplay.output import Output, PipedLines

LESSON_SPEED = 0.1
"""The default speed of a lesson on a terminal: an election takes seconds."""

app = typer.Typer()


LOOKS = {"title": "1", "dim": "2", "question": "1;36", "command": "36", "right": "1;32", "wrong": "33"}


LOOKS["broken"] = "1;31"


@app.command()
def lesson(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[LESSON]", autocompletion=completions.lessons, help="A number, a name, or a file of your own."
        ),
    ] = None,
    on_screen: Annotated[bool, typer.Option("--tui", help="Show the cluster beside the words.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Words only: for screen readers, and for pipes.")] = False,
    seed: SeedOption = None,
    node: NodeOption = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=MIN_SPEED, max=MAX_SPEED, metavar="X", help="1 is the usual speed (default on a terminal: 0.1)."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Test a lesson: play it with right and wrong answers.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Erase your scores and positions.")] = False,
) -> None:
    """List the lessons, or play one: predict what a cluster will do, watch it, and read the explanation.

    Without a terminal, answers are read from standard input. Exit status: 0, also when you leave; 2 when the
    lesson or an option is wrong; 130 after Ctrl-C. --check exits with 1 when it finds something. How to write
    lessons: raftplay help lessons.
    """
    file = progress_file()
    if forget:
        if which is not None or check:
            raise UsageError("--forget erases the progress in all lessons; give no other argument with it")
        Output().write(lessons.forget_progress(file))
        return
    if which is None:
        if check or on_screen:
            raise UsageError("which lesson? give its number, its name, or a file")
        Output().write(lessons.list_lessons(file))
        return
    text = find_lesson(which)
    overrides = Setup(seed=seed, node=own_node(node))
    if node is not None:
        text = replace(text, key="")  # a score with another algorithm is not kept
    if check:
        raise typer.Exit(int(lessons.check_lesson(text, overrides, Output().write)))
    if on_screen:
        if plain:
            raise UsageError("--plain is words only, and --tui is a screen; one of them at a time")
        from raftplay.tui.lesson import show_lesson  # noqa: PLC0415 - only this needs textual

        raise typer.Exit(int(show_lesson(text, overrides, speed=speed, file=file)))
    is_seen = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    console = lesson_console(plain=plain, is_seen=is_seen)
    pace = speed if speed is not None or not is_seen else LESSON_SPEED
    status = lessons.read_lesson(text, console, overrides, speed=pace, file=file, resumes=is_seen)
    raise typer.Exit(int(status))


def find_lesson(which: str) -> catalogue.LessonText:
    """Return the lesson of that number, name or path. Raises `UsageError`."""
    if which == "-":
        raise UsageError("standard input has the answers here; give the lesson as a file")
    return catalogue.found(expanded(which))


def lesson_console(*, plain: bool, is_seen: bool) -> Console:
    """Return the console of a lesson: a terminal (with completion and colours unless `plain`), or a pipe."""
    output = Output()
    has_colours = is_seen and not plain and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def write(text: str, style: str) -> None:
        output.write(text, LOOKS.get(style, "") if has_colours else "")

    width = max(40, min(100, shutil.get_terminal_size().columns)) if is_seen else WIDTH
    if not is_seen:
        return Console(PipedLines(output, echoes=not is_terminal(sys.stdin)).read, write, plain, width)
    if plain:
        return Console(lambda prompt, _: input(prompt), write, plain, width)
    from raftplay.shell.reading import TerminalReader  # noqa: PLC0415 - a pipe does not need it
    from raftplay.shell.typed import PastLines, usual_place  # noqa: PLC0415

    return Console(TerminalReader(PastLines(usual_place()), dict(WORDS)).read, write, plain, width)
