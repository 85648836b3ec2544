"""Scripts by name: files, the scenarios that ship, standard input."""

import os
import sys
from pathlib import Path
from typing import TextIO

import typer

from raftplay import scenarios as shipped
from raftplay.commands.cursor import did_you_mean
from raftplay.commands.lexer import MAX_SCRIPT_BYTES
from raftplay.commands.script import Script, decode, parse_script
from raftplay.commands.setup import Setup
from raftplay.commands.shown import path_text, quoted
from raftplay.errors import UsageError
from raftplay.files import Target, check_output_name, expanded


def input_path(text: str | Path) -> Path:
    """Return the file or directory that an option names."""
    text = str(text)
    if not text:
        raise typer.BadParameter("'' names nothing; write . for the directory that you are in")
    return Path(expanded(text))


def output_path(text: str | Path) -> Path:
    """Return the file that an option has written to; its usual value is a path already."""
    text = str(text)
    try:
        check_output_name(text)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    return Path(expanded(text))


def trace_target(trace: Path | None, script: str | None, *, force: bool) -> Target | None:
    """Return where the trace goes, if there is one: never in place of the script. Raises `UsageError`."""
    if trace is None:
        return None
    if script is not None and same_file(expanded(script), trace):
        raise UsageError(f"the trace would take the place of the script {quoted(script)}")
    target = Target(trace, force)
    target.check()
    return target


def read(name: str) -> tuple[str, str]:
    """(name, text) of a script at a path, of a scenario, or on standard input. Raises `UsageError`."""
    name = expanded(name)
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
    name = expanded(name)
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
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def load(name: str, overrides: Setup) -> Script:
    """The script of that name, ready to run. Raises `UsageError`."""
    name, text = read(name)
    return parse_script(name, text, overrides)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; one that is closed is none."""
    return stream is not None and not stream.closed and stream.isatty()
