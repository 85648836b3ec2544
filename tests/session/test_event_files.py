"""A format of files of events is one row: `--trace FILE` chooses it by the ending, and the help names it."""

from pathlib import Path

import pytest

from raftplay.files import Target
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.watch import event_files
from raftplay.watch.facts import Record
from raftplay.watch.stream import Reader
from raftplay.watch.trace import Header, read_trace


class Names:
    """Writes the names of all events, a line each."""

    def __init__(self, target: Target, header: Header) -> None:
        self._writing = target.open()

    def __call__(self, record: Record) -> None:
        self._writing.write(f"{type(record.event).__name__}\n".encode())

    def of_branch(self, name: str, parent: str, since: int) -> Reader:
        return self

    def close(self) -> None:
        self._writing.finish()

    def discard(self) -> None:
        self._writing.discard()


def run(file: Path) -> str:
    """What a short run, with a second branch, writes into `file`."""
    script = parse_script(
        "x", "backend sim\nseed 1\nwait leader\nback 5\nsleep 1s\nwait leader\nsubmit 1\nwait committed 1 on 5\n"
    )
    with opened(script.setup, Target(file)) as session, session:
        for step in script.steps:
            session.perform(step.bound).result()
    return file.read_text("utf-8")


def test_a_format_that_is_added_is_chosen_by_the_ending_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        event_files,
        "EVENT_FILES",
        (event_files.EVENT_FILES[0], event_files.EventFile(".names", "names of events", Names)),
    )
    names = run(tmp_path / "run.NAMES").split()
    assert {"ElectionStarted", "BecameLeader", "Submitted", "CommitAdvanced"} <= set(names)
    assert event_files.formats() == "as JSON Lines, as names of events if it ends in .names"


@pytest.mark.parametrize("name", ["run.jsonl", "run.txt", "run"])
def test_every_other_file_is_a_trace(name: str, tmp_path: Path):
    assert run(tmp_path / name).startswith('{"schema":"raftplay.trace/2"')
    assert len(read_trace(tmp_path / name).runs) == 2
