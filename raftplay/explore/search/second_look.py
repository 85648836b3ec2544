"""A second look at a finding: the seed runs again in this process, and must give the same."""

from dataclasses import replace

import msgspec

from raftplay.explore.search.chunk import this_place
from raftplay.explore.search.report import finding_text
from raftplay.explore.search.sweep import SearchReport
from raftplay.explore.search.trial import TrialResult
from raftplay.watch.text import visible


class Disagreement(Exception):
    """Raised when a seed gives one thing in another process and another thing here."""


def looked_at_again(report: SearchReport, theirs: TrialResult) -> TrialResult:
    """Return a finding of a report as this process finds it.

    A finding of this process, or on sockets, is not run again. Raises `Disagreement`.
    """
    if theirs.plan.backend != "sim":
        return theirs
    seed = theirs.plan.seed
    place = report.places.get(seed, "")
    if place == this_place():
        return theirs
    mine = report.search.chunk(range(seed, seed + 1)).run(seed)
    if _bytes_of(mine) == _bytes_of(theirs):
        return mine
    here = finding_text(mine) if mine.finding is not None else "no violation"
    commands = "" if here != finding_text(theirs) else ", but not in the same way"
    raise Disagreement(
        f"{visible(place)} disagrees: there, seed {seed} gave {finding_text(theirs)}; "
        f"here it gave {here}{commands}. Equal seeds must give equal results: please report it."
    )


def _bytes_of(result: TrialResult) -> bytes:
    """Return all of a result as JSON, without the lines of code between the first and the last line of a finding.

    They name files of one machine, and code that never returned was somewhere in its loop.
    """
    if (finding := result.finding) is not None:
        lines = finding.text.splitlines() or [""]
        result = replace(result, finding=replace(finding, text=f"{lines[0]}\n{lines[-1]}"))
    return msgspec.json.encode(result, order="sorted")
