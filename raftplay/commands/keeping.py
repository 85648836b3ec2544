"""Commands that write the session as a script."""

from pathlib import Path
from typing import Annotated

from raftplay.errors import UsageError
from raftplay.language import kinds
from raftplay.language.table import command
from raftplay.session.journal import write_new
from raftplay.session.session import Session
from raftplay.session.shown import file_word
from raftplay.watch.text import count, visible

GROUP = "Keeping"


@command(GROUP, "save story.txt", touches="files")
def save(session: Session, file: Annotated[Path, kinds.FILE]) -> str:
    """Write all commands so far as a script, which repeats them (in sim: bit-for-bit)."""
    _check(session, file)
    text = session.script_text(file.parent)
    write_new(file, text, keeps=_keeps(session))
    return f"{visible(str(file))}: {_count(session)}; run it with: raftplay run {file_word(str(file))}"


@command(GROUP, "record story.txt", touches="files")
def record(session: Session, file: Annotated[Path, kinds.FILE]) -> str:
    """Do as save does, and keep the file up to date until the session ends."""
    _check(session, file)
    write_new(file, session.script_text(file.parent), keeps=_keeps(session))
    before = session.record_to(file)
    ended = "" if before is None else f"; {visible(str(before))} ends here"
    return f"{visible(str(file))}: {_count(session)} so far, and all that follows{ended}"


def _keeps(session: Session) -> tuple[Path, ...]:
    """Return the data directory of a session, if it has one."""
    return (Path(session.directory),) if session.directory else ()


def _check(session: Session, file: Path) -> None:
    if not session.is_live:
        raise UsageError("a script does not write files; this is for a shell and for the screen")


def _count(session: Session) -> str:
    of = f" of branch {session.branch.name}" if len(session.branches) > 1 else ""
    return count(session.branch.count, "command") + of
