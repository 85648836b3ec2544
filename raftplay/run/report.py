"""Reports of internal errors: files with the report and the session, so that nothing is lost."""

import contextlib
import os
import tempfile
import traceback
from pathlib import Path

from raftplay.output import complain
from raftplay.session.journal import write_new
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.watch.text import visible


def report(failure: BaseException, session: Session) -> Status:
    """Write the internal error, and `session` as a script, to files, and print their names in one line."""
    text = "".join(traceback.format_exception(failure))
    first = visible(traceback.format_exception_only(failure)[-1].strip().split("\n")[0][:200])
    where = ""
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(prefix="raftplay-report-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        where = f"; the report is in {path}"
        script = Path(path).with_suffix(".script.txt")
        with contextlib.suppress(Exception):  # the error may lie in what is written here
            write_new(script, session.script_text(script.parent))
            where += f", the session as a script in {script}"
    complain(f"raftplay: internal error: {first}{where}")
    return Status.FAILED
