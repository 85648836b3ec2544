"""The files into which a run writes its events while it goes on: `EVENT_FILES` has a row for each format.

The rule of this module: such a file is a reader of the stream that knows events and no cluster, and it is a
`Target`. To add one, write a module with an `EventWriter` and add its row: `--trace` and its help follow.
"""

import os
from collections.abc import Callable
from typing import NamedTuple, Protocol

from raftplay.files import Target
from raftplay.watch.facts import Record
from raftplay.watch.stream import Reader
from raftplay.watch.trace import Header, TraceWriter


class EventWriter(Protocol):
    """A reader of the events of the first branch that writes a file."""

    def __call__(self, record: Record) -> None:
        """Take one event."""

    def of_branch(self, name: str, parent: str, since: int) -> Reader:
        """Return a reader for the events of another branch, which left `parent` after its event `since`."""

    def close(self) -> None:
        """Complete the file; safe to call twice."""

    def discard(self) -> None:
        """Delete the unfinished file."""


class EventFile(NamedTuple):
    """A format: the ending of its files, its name in a help text, and what begins such a file."""

    suffix: str
    words: str
    begin: Callable[[Target, Header], EventWriter]


EVENT_FILES: tuple[EventFile, ...] = (EventFile(".jsonl", "JSON Lines", TraceWriter),)
"""All formats; the first is that of a file with any other ending."""


def event_file_of(target: Target) -> EventFile:
    """Return the format that the ending of a file chooses."""
    ending = os.path.splitext(target.path)[1].lower()
    return next((file for file in EVENT_FILES if file.suffix == ending), EVENT_FILES[0])


def formats() -> str:
    """Return all formats in words."""
    first, *others = EVENT_FILES
    return ", ".join([f"as {first.words}", *(f"as {each.words} if it ends in {each.suffix}" for each in others)])
