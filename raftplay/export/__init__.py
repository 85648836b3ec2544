"""Exports: a run as a file that needs no raftplay: `FORMATS` has a row for each format.

`export` is all that others call. It takes a recording of what it is given (recording.py), and the module of the
format makes its bytes. To add one, write a module with a function `written`, and add its row: the command and its
help follow.

The rule of this package: nothing below imports it, and it imports the module of a format when it is used.
"""

from collections.abc import Callable
from importlib import import_module
from math import inf
from os import PathLike, fsdecode
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from raftplay.errors import UsageError
from raftplay.files import Target, check_output_name, expanded
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.export.recording import Recording, Source


class Format(NamedTuple):
    """A format: its name, the ending of its files, its words, and its module; `panes`, if it draws one of them."""

    name: str
    suffix: str
    words: str
    module: str
    panes: tuple[str, ...] = ()


PANES = ("stage", "log", "messages", "nodes")

FORMATS: tuple[Format, ...] = (
    Format("html", ".html", "a replay for any browser", "html"),
    Format("mermaid", ".mmd", "a sequence diagram for Markdown pages, of at most 200 messages", "mermaid"),
    Format("shiviz", ".shiviz", "a log with vector clocks for ShiViz", "shiviz"),
    Format("perfetto", ".perfetto.json", "a timeline for ui.perfetto.dev and chrome://tracing", "perfetto"),
    Format("itf", ".itf.json", "the states in the Informal Trace Format of Apalache and Quint", "itf"),
    Format("etcd", ".ndjson", "the events as etcd's raft writes them for its TLA+ specification", "etcd"),
    Format("history", ".history.json", "what clients called and were told, for raftplay check", "operations"),
    Format("svg", ".svg", "a picture of a pane", "picture", PANES),
    Format("png", ".png", "a picture of a pane, in pixels; it needs Chromium or CairoSVG", "png", PANES),
    Format("cast", ".cast", "a recording of the screen in asciicast v2, for asciinema", "cast"),
    Format("gif", ".gif", "a recording of the screen as a moving picture; it needs agg or Pillow", "gif"),
)
"""All formats; where two have the same ending, the first is meant."""


def export(
    source: "Source",
    path: str | PathLike[str],
    format: str | None = None,
    only: str | None = None,
    force: bool = False,
    *,
    at: float | None = None,
    branch: str | None = None,
) -> Path:
    """Write `source` to the file `path`, and return its path.

    `source` is a harness with a `History` among its readers, a session, a parsed script, which is run, a view, a
    recording, or the path of a trace. The ending of the file chooses the format, unless `format` names it. `only`
    names the pane for a picture, `at` its moment in seconds of cluster time. `branch` names one of several
    branches. An existing file is replaced only with `force`, and then as a whole. Raises `UsageError`.
    """
    target, row = target_of(path, format, only, force=force, at=at)
    from raftplay.export.recording import recording_of  # noqa: PLC0415 - the table alone is soon imported

    recording = recording_of(source)
    target.write(written(recording if branch is None else recording.of_branch(branch), row, only, at))
    return target.path


def target_of(
    path: str | PathLike[str], format: str | None, only: str | None, *, force: bool, at: float | None = None
) -> tuple[Target, Format]:
    """Return the file to write and its format after checking both. Raises `UsageError`."""
    name = fsdecode(path)
    check_output_name(name)
    row = format_of(name, format)
    if only is not None and only not in row.panes:
        panes = f"it has {', '.join(row.panes)}" if row.panes else "it has no panes"
        raise UsageError(f"the format {row.name} has no pane '{visible(only)}'; {panes}")
    if at is not None and not row.panes:
        pictures = " or ".join(f"{one.name}" for one in FORMATS if one.panes)
        raise UsageError(f"the format {row.name} holds the whole run; only {pictures} shows one moment")
    if at is not None and not 0 <= at < inf:
        raise UsageError(f"invalid moment {at!r}: it must be a number of seconds from 0")
    target = Target(Path(expanded(name)), force)
    target.check()
    return target, row


def format_of(path: str, name: str | None = None) -> Format:
    """Return the format that is named, or that the ending of the file chooses. Raises `UsageError`."""
    if name is not None:
        for row in FORMATS:
            if row.name == name:
                return row
        known = ", ".join(row.name for row in FORMATS)
        raise UsageError(f"there is no format '{visible(name)}'; the formats are {known}")
    fitting = [row for row in FORMATS if path.lower().endswith(row.suffix)]
    if not fitting:
        endings = ", ".join(dict.fromkeys(row.suffix for row in FORMATS))
        raise UsageError(
            f"'{visible(path)}' has no ending that names a format; use {endings}, or name it with --format"
        )
    return max(fitting, key=lambda row: len(row.suffix))


def written(recording: "Recording", row: Format, only: str | None = None, at: float | None = None) -> bytes:
    """Return the bytes of a file. Raises `UsageError` where the format cannot hold the recording."""
    write: Callable[..., bytes] = import_module(f"raftplay.export.{row.module}").written
    return write(recording, only, at) if row.panes else write(recording)


def format_words() -> str:
    """Return all formats in words, each with its ending."""
    return ", ".join(f"{row.suffix} ({row.words})" for row in FORMATS)
