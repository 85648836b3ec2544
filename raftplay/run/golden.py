"""Transcripts as tests: the answers of a script are compared with those it expects, or written into it."""

import codecs
import os
from pathlib import Path

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.run.answers import Answers, filled_in
from raftplay.run.runner import run_script
from raftplay.run.script import Script, decode, parse_script
from raftplay.run.transcript import Transcript
from raftplay.session.shown import path_text
from raftplay.session.status import Status


def verify_script(
    script: Script, transcript: Transcript, *, speed: float | None = None, trace: Target | None = None
) -> Status:
    """Run `script` and compare its answers with its blocks; return FAILED if they differ.

    Raises `UsageError` for a script without blocks, and for one that is not repeatable.
    """
    if not script.blocks:
        raise UsageError(
            f"{path_text(script.name)} expects no answers, so there is nothing to verify; "
            "see: raftplay help transcripts"
        )
    check_repeatable(script)
    return run_script(script, transcript, speed=speed, trace=trace, answers=Answers(script.blocks))


def rewrite_script(
    path: str,
    data: bytes,
    overrides: Setup,
    transcript: Transcript,
    *,
    speed: float | None = None,
    trace: Target | None = None,
) -> Status:
    """Run the script `data` of the file at `path`, and fill in its blocks if all commands held.

    Otherwise the file is unchanged; the transcript says which. Raises `UsageError`.
    """
    changes = None
    try:
        text = decode(path, data)
        script = parse_script(path, text, overrides)
        check_repeatable(script)
        check_file(path)
        answers = Answers(script.blocks, compares=False)
        status = run_script(script, transcript, speed=speed, trace=trace, answers=answers)
        if status is Status.HELD:
            made = filled_in(text, answers)
            expected = {line: block.lines for line, block in parse_script(path, made, overrides).blocks.items()}
            assert list(expected.values()) == [tuple(lines) for lines in answers.given.values()]
            mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
            replace_file(path, data, mark + made.encode())
            changes = answers.changes()
        return status
    finally:
        transcript.rewritten(path, changes)


def check_repeatable(script: Script) -> None:
    """Raise `UsageError` unless each run of the script is the same."""
    if script.setup.backend != "sim" or script.setup.seed is None:
        raise UsageError(
            "answers can be compared only where each run is the same: write `backend sim` and `seed 7` at the "
            "beginning of the script, or give --backend sim --seed 7"
        )


def check_file(path: str) -> None:
    """Raise `UsageError` unless there is a file at `path` that may be written to."""
    if not os.path.isfile(path):
        raise UsageError(f"{path_text(path)} is not a file that can be rewritten")
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path_text(path)} may not be written to")
    if (names := os.stat(path).st_nlink) > 1:
        raise UsageError(
            f"{path_text(path)} has {names} names (hard links), which rewriting would separate; rewrite a copy"
        )


def replace_file(path: str, was: bytes, data: bytes) -> None:
    """Replace `was` by `data` in the file at `path`, atomically; its mode and links to it stay.

    Raises `UsageError` if that is impossible, or if the file has changed meanwhile.
    """
    if data == was:
        return
    if len(data) > MAX_SCRIPT_BYTES:
        raise UsageError(
            f"{path_text(path)} would have {len(data)} bytes with its answers; at most {MAX_SCRIPT_BYTES} are read"
        )
    try:
        file = Path(path)
        if file.read_bytes() != was:
            raise UsageError(f"{path_text(path)} was changed by another process while it ran")
    except OSError as error:
        raise UsageError(f"{path_text(path)} cannot be rewritten: {error.strerror}") from None
    Target(file, force=True, verb="rewritten").write(data)
