"""The command `raftplay fuzz`: it sends frames to a live cluster, or runs generated scripts, and reports."""

import traceback
from collections.abc import Callable
from pathlib import Path

from raftplay.errors import UsageError
from raftplay.explore.fuzz import frames, scripts
from raftplay.files import Target, target_of
from raftplay.run.transcript import Write
from raftplay.session.shown import did_you_mean, path_text, quoted
from raftplay.session.status import Status
from raftplay.version import made_by
from raftplay.watch.text import visible

COUNTS = {"frames": 1_000_000, "scripts": 100_000}
"""The default number of each."""

WatchCount = Callable[[int], None]


def fuzz(
    what: str, count: int | None, seed: int, write: Write, *, out: Path | Target, watch: WatchCount
) -> Status:
    """Run `count` frames or scripts drawn from `seed`; write a failing script to `out`. Raises `UsageError`."""
    if what not in COUNTS:
        hint = did_you_mean(what, COUNTS) or f"; it is {' or '.join(COUNTS)}"
        raise UsageError(f"{quoted(what)} cannot be fuzzed{hint}")
    count = COUNTS[what] if count is None else count
    if what == "scripts":
        target_of(out).check()  # before anything is said
    write(f"with {made_by()}: {count:,} {what} from seed {seed}")
    return _frames(count, seed, write, watch) if what == "frames" else _scripts(count, seed, write, out, watch)


def _frames(count: int, seed: int, write: Write, watch: WatchCount) -> Status:
    try:
        report = frames.fuzz_frames(count, seed, lambda report: watch(report.sent))
    except Exception as failure:  # the failure that is looked for
        write(_trace(failure))
        return Status.FAILED
    write(frames.report_text(report))
    if report.gauge.growth():
        return Status.FAILED
    return Status.INTERRUPTED if report.interrupted else Status.HELD


def _scripts(count: int, seed: int, write: Write, out: Path | Target, watch: WatchCount) -> Status:
    report = scripts.fuzz_scripts(count, seed, lambda report: watch(report.done))
    if report.failure is not None:
        write(_trace(report.failure))
    write(scripts.report_text(report))
    if report.failed is not None:
        target_of(out).write(report.failed, rescues=True)
        write(f"the script: {path_text(str(target_of(out).path))}")
        return Status.FAILED
    return Status.INTERRUPTED if report.interrupted else Status.HELD


def _trace(failure: BaseException) -> str:
    lines = "".join(traceback.format_exception(failure)).rstrip().split("\n")
    return "\n".join(map(visible, lines))
