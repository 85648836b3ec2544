"""Golden transcripts of the language: scripts in `transcripts/` that hold the answers of each of their lines.

Where an answer is meant to change, all of them are rewritten in one go, to be read as a difference in git:

    for file in tests/language/transcripts/*.txt; do raftplay run --rewrite "$file"; done

A new command gets its lines in the transcript that it belongs to, or a new one: write the commands, and rewrite.
"""

from pathlib import Path

import pytest
from support.pages import DOCS, part

from raftplay.language.repeats import END, REPEAT
from raftplay.language.table import TABLE
from raftplay.run.golden import verify_script
from raftplay.run.runner import Status, TextTranscript
from raftplay.run.script import Script, decode, parse_script

FILES = sorted(Path(__file__).parent.joinpath("transcripts").glob("*.txt"))


def script(file: Path) -> Script:
    return parse_script(str(file), decode(file.name, file.read_bytes()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_line_answers_as_its_transcript_says(file: Path) -> None:
    lines: list[str] = []
    read = script(file)
    assert verify_script(read, TextTranscript(lines.append, quiet=True)) is Status.HELD, "\n".join(lines)
    assert read.blocks.keys() == {step.line for step in read.steps}, "lines without an answer; rewrite the file"


def test_every_command_of_the_table_stands_in_a_transcript() -> None:
    used = {step.bound.name for file in FILES for step in script(file).steps}
    first_words = {
        line.split()[0] for file in FILES for line in file.read_text("utf-8").split("\n") if line.strip()
    }
    used |= {name for name, row in TABLE.items() if (row.setup or name in (REPEAT, END)) and name in first_words}
    assert used >= TABLE.keys(), f"not in any of them: {', '.join(sorted(TABLE.keys() - used))}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_transcript_begins_with_a_line_about_it(file: Path) -> None:
    first = file.read_text("utf-8").split("\n", 1)[0]
    assert first.startswith("# ")
    assert 40 < len(first) < 120


def test_the_script_with_answers_in_the_page_is_as_it_says() -> None:
    lines: list[str] = []
    read = parse_script("transcripts.md", part(DOCS / "transcripts.md", "answers"))
    assert verify_script(read, TextTranscript(lines.append, quiet=True)) is Status.HELD, "\n".join(lines)
    assert any(block.expects_failure for block in read.blocks.values())
