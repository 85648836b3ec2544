"""`raftplay.explore`: a search for violations from Python, and what it found."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from time import monotonic

from raftplay.cluster import arguments
from raftplay.cluster.config import MAX_NODES
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.explore.search.command import case_of, shrunk
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.mixes import MIXES
from raftplay.explore.search.options import Switches
from raftplay.explore.search.report import finding_text, progress_line, report_text
from raftplay.explore.search.second_look import looked_at_again
from raftplay.explore.search.sweep import USUAL_ENGINE, Search, SearchReport, WatchSweep, sweep
from raftplay.html import page_part, preformatted, table
from raftplay.raft.bugs import BUGS
from raftplay.run.script import override
from raftplay.session.shown import did_you_mean, quoted

SHRINK_SECONDS = 20.0
"""The longest time that minimizing a finding takes, in seconds of wall time."""


def explore(
    bugs: str | Iterable[str] = (),
    *,
    seeds: int = 200,
    first_seed: int = 0,
    nodes: int | tuple[int, int] = (3, 7),
    seconds: float = 4.0,
    mixes: str | Iterable[str] = (),
    options: Mapping[str, bool | int] | None = None,
    keep_going: bool = False,
    jobs: int = 1,
    progress: Callable[[str], object] | None = None,
) -> "Found":
    """Search `seeds` seeds from `first_seed` on for violations of the invariants, as `raftplay explore` does.

    `bugs` are switched on. Clusters have `nodes` nodes, a number or (least, most), and suffer faults of `mixes`
    for `seconds` of cluster time. `options` are on or off for every seed ("prevote": True); others are drawn.
    The search ends at the first finding, unless it is to `keep_going`. `jobs` processes share the work; the result
    is the same with any number of them. `progress` is called with a line of text, once a second and at the end, as
    in `progress=print`. Ctrl-C ends the search with what was covered and found so far. Raises `UsageError`::

        found = raftplay.explore("commit-old-term")
        print(found)           # what it searched, and what it found
        h = raftplay.run(found.script)   # raises InvariantBroken
    """
    low, high = nodes if isinstance(nodes, tuple) else (nodes, nodes)
    if not 1 <= arguments.whole(low, "nodes must be numbers") <= arguments.whole(high, "nodes must be numbers"):
        raise UsageError(f"nodes must be a number, or (least, most), not {nodes}")
    if high > MAX_NODES:
        raise UsageError(f"a cluster has 1 to {MAX_NODES} nodes, not {high}")
    search = Search(
        range(low, high + 1),
        seconds=arguments.number(seconds, "seconds must be a number"),
        bugs=_known(bugs, BUGS, "bug"),
        mixes=_known(mixes, MIXES, "mix"),
        first_seed=arguments.whole(first_seed, "first_seed must be a number, 0 or more", 0),
        seeds=arguments.whole(seeds, "seeds must be a number, 1 or more", 1),
        engine=USUAL_ENGINE,
        jobs=arguments.whole(jobs, "jobs must be a number of processes, 1 or more", 1),
        stops_at_finding=not keep_going,
        switches=_switches(options or {}),
    )
    return Found(sweep(search) if progress is None else sweep(search, _told_by(progress, search.seeds)))


def _told_by(progress: Callable[[str], object], seeds: int | None) -> WatchSweep:
    """Return a function that tells of a search by lines of text, about one a second."""
    told = monotonic()

    def watch(report: SearchReport) -> None:
        nonlocal told
        if monotonic() - told >= 1.0 or report.trials == seeds:
            told = monotonic()
            progress(progress_line(report, seeds=seeds, limit=None))

    return watch


class Found:
    """The result of a search: `report` has its numbers, and `script` what was found, minimized."""

    def __init__(self, report: SearchReport) -> None:
        self.report = report

    @property
    def seed(self) -> int | None:
        """Return the lowest failing seed; None if nothing broke."""
        return None if self.report.first is None else self.report.first.plan.seed

    def __bool__(self) -> bool:
        return bool(self.report.findings)

    @cached_property
    def script(self) -> str:
        """Return the first finding as a script, minimized, for `raftplay.run`. Raises `UsageError` without one."""
        if self.report.first is None:
            raise UsageError("nothing broke, so there is no script")
        case, _ = shrunk(case_of(looked_at_again(self.report, self.report.first)), SHRINK_SECONDS)
        return script_of(case, command=self.report.search.again(case.plan.seed))

    def __str__(self) -> str:
        return report_text(self.report)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        findings = sorted(self.report.findings, key=lambda result: result.plan.seed)
        rows = [(result.plan.seed, finding_text(result), result.finding) for result in findings]
        texts = [(seed, name, "" if finding is None else finding.text) for seed, name, finding in rows]
        found = table(("seed", "found", "what it says"), texts, numbers=(0,)) if texts else ""
        return page_part(found + preformatted(str(self)))


def _switches(options: Mapping[str, bool | int]) -> Switches:
    """Return options as a search takes them. Raises `UsageError` for an unknown one."""
    setup = Setup()
    for name, value in options.items():
        word = ("off", "on")[value] if isinstance(value, bool) else str(value)
        override(setup, "options", f"set {name} {word}")
    return tuple(setup.switches.items())


def _known(names: str | Iterable[str], known: Iterable[str], what: str) -> tuple[str, ...]:
    """Return names without repetitions. Raises `UsageError` for an unknown one."""
    listed = [names] if isinstance(names, str) else list(names)
    for name in listed:
        if name not in known:
            raise UsageError(f"there is no {what} {quoted(str(name))}{did_you_mean(str(name), known)}")
    return tuple(dict.fromkeys(listed))
