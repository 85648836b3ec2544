"""A soak: trials on real sockets, one after another in one process, whose resources must not grow."""

import os
from pathlib import Path

from raftplay.explore.gauge import Gauge
from raftplay.explore.search.command import case_of, write_script
from raftplay.explore.search.counterexample import schedule_of
from raftplay.explore.search.report import report_text
from raftplay.explore.search.sweep import Search, SearchReport, WatchSweep, sweep
from raftplay.explore.search.tally import first_of_each_kind
from raftplay.explore.search.trial import bound
from raftplay.files import Target, target_of
from raftplay.run.transcript import Write
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.watch.text import visible


def soak(search: Search, write: Write, *, out: Path | Target, watch: WatchSweep, again: str) -> Status:
    """Run trials on sockets, and measure resources between them; write the commands of the first finding of
    each kind to `out`.

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
    for number, result in enumerate(first_of_each_kind(report), 1):
        target = target_of(out).numbered(number)
        name = str(target.path)
        write_script(target, schedule_of(case_of(result), command=again, folder=os.path.dirname(name)))
        write(f"the commands: {visible(name)}\nagain: raftplay run {file_word(name)}")
    if report.first is not None or gauge.growth():
        return Status.FAILED
    return report.status
