"""A soak: trials on real sockets, one after another in one process, whose resources must not grow."""

import os
from collections.abc import Callable
from pathlib import Path

from raftplay.explore.gauge import Gauge
from raftplay.explore.search.command import case_of, write_script
from raftplay.explore.search.counterexample import schedule_of
from raftplay.explore.search.report import report_text
from raftplay.explore.search.sweep import Search, SearchReport, Watch, sweep
from raftplay.explore.search.trial import bound
from raftplay.files import Target, target_of
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.watch.text import visible

Write = Callable[[str], None]


def soak(search: Search, write: Write, *, out: Path | Target, watch: Watch, again: str) -> Status:
    """Run trials on sockets, and measure resources between them; write the first finding's commands to `out`.

    It fails when something broke or grew. Raises `UsageError`.
    """
    gauge = Gauge()

    def look(report: SearchReport) -> None:
        bound.cache_clear()  # its cache fills with commands
        gauge.read()
        watch(report)

    report = sweep(search, look)
    write(report_text(report))
    if gauge.readings:
        write(gauge.text())
    if report.first is not None:
        name = str(target_of(out).path)
        folder = os.path.dirname(name)
        write_script(out, schedule_of(case_of(report.first), command=again, folder=folder))
        write(f"the commands: {visible(name)}\nagain: raftplay run {file_word(name)}")
    if report.first is not None or gauge.growth():
        return Status.FAILED
    return report.status
