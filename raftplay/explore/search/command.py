"""The command `raftplay explore`: search, report, minimize the finding, write a script."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.port import Workers
from raftplay.explore.search.report import finding_text, other_findings, report_text
from raftplay.explore.search.second_look import Disagreement, looked_at_again
from raftplay.explore.search.shrink import Case, Shrinker
from raftplay.explore.search.sweep import Search, WatchSweep, sweep, sweep_with
from raftplay.explore.search.tally import first_of_each_kind, tally_lines
from raftplay.explore.search.trial import TrialResult
from raftplay.explore.search.walked import WALK, shrunk_walk
from raftplay.files import Target, target_of
from raftplay.run.transcript import Write
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.watch.text import count, visible


def explore(
    search: Search,
    write: Write,
    *,
    out: Path | Target,
    watch: WatchSweep,
    shrink_limit: float,
    again: str,
    unset: Sequence[str] = (),
    tallies: bool = False,
    workers: Workers | None = None,
) -> Status:
    """Search, and write the first finding of each kind, minimized, as the script `out`. Raises `UsageError`.

    `unset` are environment variables that must not be set where the script runs. If it `tallies`, it counts the
    findings of each kind, and writes none. `workers` run the search; without them, processes of this machine do.
    """
    report = sweep(search, watch) if workers is None else sweep_with(workers, search, watch)
    write(report_text(report))
    if report.first is None:
        return report.status
    if tallies:
        for line in tally_lines(report):
            write(line)
        return Status.FAILED
    target = target_of(out)
    for number, result in enumerate(first_of_each_kind(report), 1):
        others = report.others if number == 1 else ()
        try:
            case = case_of(looked_at_again(report, result), others)
        except Disagreement as found:
            write(str(found))
        else:
            _write_finding(case, target.numbered(number), write, shrink_limit, again, unset)
    return Status.FAILED


def _write_finding(
    case: Case, target: Target, write: Write, limit: float, again: str, unset: Sequence[str]
) -> None:
    """Minimize one finding, and write it as a script. Raises `UsageError`."""
    before = count(len(case.commands), "command")
    write(f"minimizing {before} …")
    case, ran_out = shrunk(case, limit)
    file = str(target.path)
    write_script(target, script_of(case, command=again, folder=os.path.dirname(file)))
    write(
        f"minimized to {len(case.commands)} of {before} on {count(case.plan.nodes, 'node')}, "
        f"seed {case.plan.seed}: {visible(file)}\n"
        f"again: {''.join(f'env -u {name} ' for name in unset)}raftplay run {file_word(file)}"
    )
    if ran_out:
        seconds = max(1, 2 * limit)
        write(f"time ran out; go on with: raftplay shrink {file_word(file)} --any-seed --seconds {seconds:g}")


def case_of(result: TrialResult, others: Sequence[TrialResult] = ()) -> Case:
    """Return the finding of a trial as a case to minimize; `others` are findings of the same search."""
    assert result.finding is not None
    origin = (
        f"Found with: {finding_text(result)}, {_length_of(result)}",
        *other_findings("Also found", others),
    )
    return Case(result.plan, tuple(result.commands[: result.disturbing]), result.finding, origin)


def _length_of(result: TrialResult) -> str:
    if result.plan.mix == WALK:
        return f"{count(result.steps, 'step')} over bare consensus modules"
    return f"{result.plan.seconds:g} s of faults"


def shrunk(case: Case, limit: float) -> tuple[Case, bool]:
    """Minimize the case for at most `limit` seconds; return whether time ran out.

    Ctrl-C returns the smallest so far.
    """
    if case.plan.mix == WALK:
        start = time.monotonic()
        return shrunk_walk(case, limit), time.monotonic() - start > limit
    shrinker = Shrinker(case, limit=limit)
    try:
        return shrinker.shrink(), shrinker.ran_out
    except KeyboardInterrupt:
        return shrinker.case, True


def write_script(out: Path | Target, text: str) -> None:
    """Write a script. If the target cannot be written, save it beside the target and name that file.

    Raises `UsageError`.
    """
    target_of(out).write(text.encode(), rescues=True)
