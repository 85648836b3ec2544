"""What the tests of expected answers share: scripts verified, scripts filled in, and blocks taken out again."""

import json
from typing import Any

from raftplay.commands.setup import Setup
from raftplay.run.answers import Answers, filled_in
from raftplay.run.golden import verify_script
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import Script, parse_script
from support.language import Ran


def parsed(text: str) -> Script:
    """A script that runs the same each time."""
    return parse_script("s.txt", text, Setup(backend="sim", seed=7, bugs=[], without_bugs=True))


def verified(text: str) -> Ran:
    """Compare the answers of a script with its blocks, and read the transcript for programs."""
    lines: list[str] = []
    status = verify_script(parsed(text), JsonTranscript(lines.append))
    return Ran(status, [json.loads(line) for line in lines])


def told(text: str, *, quiet: bool = True) -> list[str]:
    """Compare the answers of a script with its blocks; what people are told of it, line by line."""
    lines: list[str] = []
    verify_script(parsed(text), TextTranscript(lines.append, quiet=quiet))
    return "\n".join(lines).split("\n")


def differences(text: str) -> list[dict[str, Any]]:
    """The differences that comparing finds."""
    return [o for o in verified(text).objects if o["kind"] == "difference"]


def filled(text: str) -> str:
    """A script that holds, with its blocks filled in."""
    script = parsed(text)
    answers = Answers(script.blocks, compares=False)
    heard: list[str] = []
    status = run_script(script, TextTranscript(heard.append, quiet=True), answers=answers)
    assert status is Status.HELD, heard
    return filled_in(text, answers)


def without_blocks(text: str) -> str:
    """A script without the blocks of its answers."""
    blocks = parsed(text).blocks
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    while at < len(lines):
        at = blocks[at].stop if at in blocks else at
        kept += lines[at : at + 1]
        at += 1
    return "\n".join(kept)
