"""The findings of a search by kind: how many of each, and the lowest seed of each."""

from raftplay.explore.search.sweep import SearchReport
from raftplay.explore.search.trial import TrialResult
from raftplay.watch.text import visible

MOST_SEEDS = 20
"""The highest number of seeds that are listed."""


def first_of_each_kind(report: SearchReport) -> list[TrialResult]:
    """Return the finding with the lowest seed of each kind, lowest seed first."""
    return [results[0] for results in _kinds(report).values()]


def tally_lines(report: SearchReport) -> list[str]:
    """Say how many seeds held, which did not, and how many of these for each kind of finding."""
    findings = [result for results in _kinds(report).values() for result in results]
    seeds = sorted(result.plan.seed for result in findings)
    kinds = [(len(results), name, results[0].plan.seed) for name, results in _kinds(report).items()]
    return [
        held_line(report.trials - len(seeds), report.trials, seeds),
        *(kind_line(number, name, lowest) for number, name, lowest in kinds),
    ]


def held_line(held: int, runs: int, others: list[int]) -> str:
    """Return "39 of 50 held; seeds of the others: 3 7 9"."""
    more = f" … and {len(others) - MOST_SEEDS} more" if len(others) > MOST_SEEDS else ""
    return f"{held} of {runs} held; seeds of the others: {' '.join(map(str, others[:MOST_SEEDS]))}{more}"


def kind_line(number: int, kind: str, lowest: int) -> str:
    """Return "  3 × Log Matching, lowest seed 7"."""
    return f"  {number} × {visible(kind)}, lowest seed {lowest}"


def _kinds(report: SearchReport) -> dict[str, list[TrialResult]]:
    kinds: dict[str, list[TrialResult]] = {}
    for result in sorted(report.findings, key=lambda result: result.plan.seed):
        assert result.finding is not None
        kinds.setdefault(result.finding.name, []).append(result)
    return kinds
