"""The command notes."""

import locale
import os
import sys
import time
from typing import Annotated

import typer

from raftplay.cli import completions
from raftplay.cli.files import is_terminal, load
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.output import Output, knows_unicode
from raftplay.run.captions import captions_of, parts_of
from raftplay.run.notes import notes_text, position_of
from raftplay.signals import handled

app = typer.Typer()


@app.command()
def notes(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", autocompletion=completions.scripts, help="A file, or the name of a scenario."
        ),
    ],
    ascii_: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
) -> None:
    """Show a script's speaker notes (#!); they follow a presentation of it in another terminal.

    The presentation is raftplay tui SCRIPT, of the same script. Without one, PgDn and PgUp turn the pages. Without
    a terminal, all notes are printed. Exit status: 0; 2 when the script is wrong; 130 after Ctrl-C.
    """
    if script == "-":
        raise UsageError("standard input is the keyboard here; give the script as a file")
    played = load(script, Setup())
    captions = captions_of(parts_of(played))
    if not (all(map(is_terminal, (sys.stdin, sys.stdout, sys.stderr))) and _can_draw()):
        Output().write(notes_text(played, captions))
        return
    from raftplay.tui.model.glyphs import ASCII, UNICODE  # noqa: PLC0415 - only this needs textual
    from raftplay.tui.notes import NotesApp  # noqa: PLC0415
    from raftplay.tui.settings import load as load_settings  # noqa: PLC0415

    glyphs = UNICODE if knows_unicode(locale.getpreferredencoding(False)) and not ascii_ else ASCII
    shown = NotesApp(
        captions,
        lambda: position_of(played.name, time.time()),
        glyphs,
        settings=load_settings(),
        colours="NO_COLOR" not in os.environ,
    )
    with handled(lambda *_: shown.end_soon(), needs_terminal=True):
        shown.run()
    if shown.failure is not None:
        raise shown.failure
    raise typer.Exit(int(shown.status))


def _can_draw() -> bool:
    return os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
