"""Proof that the watchers work: search for every bug switch, and minimize its counterexample."""

from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace

from raftplay.explore.search.command import case_of
from raftplay.explore.search.port import Workers
from raftplay.explore.search.shrink import Case, Shrinker
from raftplay.explore.search.sweep import Search, SearchReport, sweep_all
from raftplay.explore.search.walked import WALK, shrunk_walk
from raftplay.explore.search.workers import local_workers
from raftplay.raft.bugs import BUGS
from raftplay.session.status import Status


@dataclass(frozen=True, slots=True)
class BugRow:
    """The result of the search for one bug; `case` is None if it was not found."""

    bug: str
    seeds: int
    seconds: float
    case: Case | None
    mix: str = ""


def row_of(report: SearchReport, shrink_limit: float) -> BugRow:
    """Minimize what the search for one bug has found. Raises KeyboardInterrupt, also if it was interrupted."""
    (bug,) = report.search.bugs
    if report.interrupted:
        raise KeyboardInterrupt
    if report.first is None:
        return BugRow(bug, report.trials, report.wall, None)
    seeds = report.first.plan.seed - report.search.first_seed + 1
    case = case_of(report.first)
    is_walk = report.first.plan.mix == WALK
    case = shrunk_walk(case, shrink_limit) if is_walk else Shrinker(case, limit=shrink_limit).shrink()
    return BugRow(bug, seeds, report.wall, case, report.first.plan.mix)


def table(
    search: Search,
    shrink_limit: float,
    write: Callable[[str], None],
    bugs: Iterable[str] = BUGS,
    workers: Workers | None = None,
) -> Status:
    """Search for every bug, and write a row of Markdown for each when it is done. Ctrl-C ends it.

    `workers` run the searches, over one queue; without them, processes of this machine do.
    """
    write("| bug | first violation | seeds needed | mix | seconds | commands after minimizing | nodes |")
    write("|---|---|---|---|---|---|---|")
    names = list(bugs)
    searches = [replace(search, bugs=(bug,), stops_at_finding=True) for bug in names]
    rows: list[BugRow] = []
    try:
        with (
            local_workers(search.jobs) if workers is None else nullcontext(workers) as running,
            closing(sweep_all(running, searches)) as reports,
        ):
            for report in reports:
                rows.append(row_of(report, shrink_limit))
                write(_line(rows[-1]))
    except KeyboardInterrupt:
        write(f"\ninterrupted: {_found(rows)} found before the search for {names[len(rows)]} was over.")
        return Status.INTERRUPTED
    write(f"\n{_found(rows)} found.")
    return Status.HELD if all(row.case is not None for row in rows) else Status.FAILED


def _found(rows: list[BugRow]) -> str:
    return f"{sum(row.case is not None for row in rows)} of {len(rows)}"


def _line(row: BugRow) -> str:
    if row.case is None:
        return f"| {row.bug} | not found | {row.seeds} | | {row.seconds:.1f} | | |"
    case = row.case
    return (
        f"| {row.bug} | {case.finding.name} | {row.seeds} | {row.mix} | {row.seconds:.1f} "
        f"| {len(case.commands)} | {case.plan.nodes} |"
    )
