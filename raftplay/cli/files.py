"""Reads scripts by name: files, scenarios of the package, and standard input."""

import os
import sys
from pathlib import Path
from typing import TextIO

import typer

from raftplay import scenarios as shipped
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import Target, check_output_name, expanded
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.run.script import Script, decode, parse_script
from raftplay.session.shown import did_you_mean, path_text, quoted


def input_path(text: str | Path) -> Path:
    """Return the file or directory that an option names. Raises `typer.BadParameter`."""
    text = str(text)
    if not text:
        raise typer.BadParameter("empty path; write . for the current directory")
    return Path(expanded(text))


def output_path(text: str | Path) -> Path:
    """Return the output file that an option names; the default is already a path. Raises `typer.BadParameter`."""
    text = str(text)
    try:
        check_output_name(text)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    return Path(expanded(text))


def trace_target(trace: Path | None, script: str | None, *, force: bool) -> Target | None:
    """Return the trace's target, or None; it must not be the script. Raises `UsageError`."""
    if trace is None:
        return None
    if script is not None and same_file(expanded(script), trace):
        raise UsageError(f"the trace would overwrite the script {quoted(script)}")
    target = Target(trace, force)
    target.check()
    return target


def read(name: str) -> tuple[str, str]:
    """Return (name, text) of a script: a file, a scenario, or standard input. Raises `UsageError`."""
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
    """Return (name, data) of a script in the user's own file. Raises `UsageError`."""
    name = expanded(name)
    if name == "-":
        raise UsageError("standard input cannot be rewritten; give a file")
    if is_shipped(name):
        raise UsageError(f"the scenario {name} cannot be rewritten; give a file of your own")
    return name, read_file(name)


def is_shipped(name: str) -> bool:
    """Tell whether `name` is a scenario and not a file."""
    return name in shipped.all_names() and not os.path.isfile(name)


def read_file(name: str) -> bytes:
    """Read a script file, at most one byte more than the size limit. Raises `UsageError`."""
    try:
        with open(name, "rb") as file:
            return file.read(MAX_SCRIPT_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(f"{path_text(name)} is a directory, not a script") from None
    except FileNotFoundError:
        hint = did_you_mean(name, shipped.all_names()) or "; see: raftplay scenarios"
        raise UsageError(f"there is no file and no scenario {quoted(name)}{hint}") from None
    except OSError as error:
        raise UsageError(f"{path_text(name)} cannot be read: {error.strerror}") from None


def same_file(one: str, other: Path) -> bool:
    """Tell whether both paths exist and are the same file."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def load(name: str, overrides: Setup) -> Script:
    """Parse the script of that name. Raises `UsageError`."""
    name, text = read(name)
    return parse_script(name, text, overrides)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a standard stream is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
