"""The last session of the screen: kept as a script when one leaves it, played again by `raftplay tui --last`."""

from pathlib import Path

from raftplay.errors import UsageError
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.output import complain
from raftplay.places import state_file
from raftplay.run.script import Script, parse_script
from raftplay.session.journal import write_new
from raftplay.session.session import Session
from raftplay.watch.text import count

CUT = "# what came after this was too much to keep\n"


def place() -> Path | None:
    """Return the file in which the last session is kept; None where there is no home."""
    return state_file("last-session.txt")


def deeds(session: Session) -> int:
    """Return how many commands were done in the branch that is played."""
    return len(session.branch.journal)


def keep(session: Session) -> str:
    """Keep the branch that is played in place of the session before it; return what to say of that.

    A session in which nothing was done leaves the one before it.
    """
    file, done = place(), deeds(session)
    if file is None or not done:
        return ""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(file, bounded(session.script_text(file.parent)), replaces=True)
        file.chmod(0o600)
    except UsageError as error:
        return f"the session is not kept: {error}"
    except OSError as error:
        return f"the session is not kept: {error.strerror or error}"
    others = ", without its other branches" if len(session.branches) > 1 else ""
    return f"the session is kept ({count(done, 'command')}){others}; raftplay tui --last opens it"


def bounded(text: str) -> str:
    """Return as many whole lines of a script as can be read again."""
    data = text.encode()
    if len(data) <= MAX_SCRIPT_BYTES:
        return text
    kept = data[: MAX_SCRIPT_BYTES - len(CUT)]
    return kept[: kept.rindex(b"\n") + 1].decode() + CUT


def load() -> Script:
    """Return the last session. Raises `UsageError` where there is none, and `ScriptRefused`."""
    file = place()
    try:
        text = "" if file is None else file.read_text("utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the last session cannot be read: {error}") from None
    if not text:
        raise UsageError("no session is kept yet; the screen keeps one when you leave it")
    return parse_script(str(file), text)


def play(script: Script, session: Session) -> float | None:
    """Do again all that was done, in no time (over sockets in its own time); return the speed that was chosen.

    What did not hold the first time need not hold now. If this is interrupted, `session` is closed.
    """
    speed = None
    is_paced = session.harness.backend != "sim"
    if is_paced:
        complain("raftplay: the last session ran over sockets and is played again in its own time; Ctrl+C leaves")
    session.harness.pauses_at_breach = True
    try:
        for step in script.steps:
            session.perform(step.bound).uninterrupted()
            if step.bound.name == "speed":
                speed = session.harness.speed
                session.harness.set_speed(1.0)
    except BaseException:
        session.close()
        raise
    return speed
