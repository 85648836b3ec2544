"""A search in words: its progress, its coverage, its findings."""

import shlex
from collections import Counter
from collections.abc import Sequence

from raftplay.explore.search.sweep import Search, SearchReport, percentile
from raftplay.explore.search.trial import TrialResult
from raftplay.raft.rule_names import rule_words
from raftplay.version import __version__, made_by
from raftplay.watch.text import count, visible

MOST_LISTED = 100
"""The highest number of further findings that are listed."""

PROMISES = {
    "leader": "a leader, followed by all, after the last fault",
    "commit": "a submit to it committed everywhere",
    "agreement": "all logs and applied sequences equal",
}


def progress_line(report: SearchReport, *, seeds: int | None, limit: float | None, crew: str = "") -> str:
    """Return the progress as one line for a terminal; `crew` says who works."""
    done = f"{report.trials}/{count(seeds, 'seed')}" if seeds is not None else count(report.trials, "seed")
    share = report.trials / seeds if seeds else report.elapsed / limit if limit else 0.0
    bar = "#" * int(20 * min(share, 1.0))
    rate = report.trials / report.elapsed if report.elapsed else 0.0
    more = f"{report.simulated / 3600:.2f} simulated hours" if report.simulated and not crew else crew
    return f"[{bar:<20}] {done}, {rate:.0f} a second{', ' if more else ''}{more}"


def report_text(report: SearchReport) -> str:
    """Return the whole report."""
    elapsed = max(report.elapsed, 1e-9)
    rate, times = report.trials / elapsed, report.simulated / elapsed
    ended = "interrupted after" if report.interrupted else "searched"
    simulated = f", {report.simulated / 3600:.2f} simulated hours ({times:.0f} times real time)"
    lines = [
        f"{ended} {count(report.trials, 'seed')} in {report.elapsed:.1f} s: {rate:.1f} a second"
        f"{simulated if report.simulated else ''}"
    ]
    lines.append(origin_line(report.search))
    if report.walks:
        lines.append(f"walks over bare consensus modules: {report.walks:,}, with {count(report.steps, 'step')}")
    lines += [f"fault profiles: {_counts(report.mixes)}", f"faults: {_counts(report.faults)}"]
    if report.options:
        lines.insert(-1, f"options drawn: {_counts(report.options)}")
    if report.rules:
        lines += ["rules of the algorithm, how often each decided:", *_rule_lines(report.rules)]
    if report.liveness:
        lines.append("after the last fault (seconds of cluster time):")
        lines += [_liveness_line(name, values) for name, values in report.liveness.items()]
    lines.append(findings_text(report))
    return "\n".join(lines)


def origin_line(search: Search) -> str:
    """Name what the search depends on: versions, backend, first seed, options."""
    options = shlex.join(search.options) or "none"
    return f"with {made_by()}, backend {search.backend}, seeds from {search.first_seed}, options: {options}"


def findings_text(report: SearchReport) -> str:
    """Describe the findings, lowest seed first."""
    if not report.findings:
        return "\n".join([*lost_lines(report), _without_finding(report)])
    first = report.first
    assert first is not None
    assert first.finding is not None
    more = f" (and {len(report.findings) - 1} more)" if len(report.findings) > 1 else ""
    lines = [f"found: {finding_text(first)}{more}", *(f"  {line}" for line in first.finding.text.split("\n"))]
    lines += [*other_findings("also found", report.others), *lost_lines(report)]
    if report.interrupted or report.lost:
        lines.append(f"a lower seed may fail too: searched were {_seeds(report.covered)}")
    again = report.search.again(first.plan.seed)
    lines.append(f"this seed again{', or another' if report.others else ''} (raftplay {__version__}): {again}")
    return "\n".join(lines)


def lost_lines(report: SearchReport) -> list[str]:
    """Name the seeds that were not searched since what ran them went away, one line for each reason."""
    return [f"LOST, not searched: {_seeds([seeds])} ({visible(reason)})" for seeds, reason in report.lost]


def _without_finding(report: SearchReport) -> str:
    if not report.interrupted and not report.lost:
        return "nothing broke"
    if not report.covered:
        return "no seed was searched to its end"
    return f"no violation in {_seeds(report.covered)}; nothing is known of the others"


def _seeds(spans: Sequence[range]) -> str:
    shown = [str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans]
    if not shown:
        return "no seeds"
    several = len(shown) > 1 or " " in shown[0]
    return f"{'seeds' if several else 'seed'} {', '.join(shown)}"


def finding_text(result: TrialResult) -> str:
    """Name the finding of a trial and its plan: "Log Matching, seed 23, 5 nodes, mix churn"."""
    plan = result.plan
    assert result.finding is not None
    drawn = f", options {' + '.join(plan.setting.drawn)}" if plan.setting.drawn else ""
    return f"{result.finding.name}, seed {plan.seed}, {count(plan.nodes, 'node')}, mix {plan.mix}{drawn}"


def other_findings(label: str, others: Sequence[TrialResult]) -> list[str]:
    """List the findings after the first, one per line, at most `MOST_LISTED`."""
    lines = [f"{label}: {finding_text(other)}" for other in others[:MOST_LISTED]]
    if len(others) > MOST_LISTED:
        lines.append(f"{label}: {len(others) - MOST_LISTED} more")
    return lines


def _liveness_line(name: str, values: list[float]) -> str:
    p50, p99, worst = (percentile(values, share) for share in (0.5, 0.99, 1.0))
    return f"  {PROMISES[name]:<48} p50 {p50:.3f}  p99 {p99:.3f}  worst {worst:.3f}"


def _rule_lines(rules: Counter[str]) -> list[str]:
    lines = []
    for name, times in sorted(rules.items()):
        decision, _, rule = name.partition(" ")
        words = f" {rule} {rule_words(rule)[0]}" if rule else ""
        lines.append(f"  {times:>10}  {decision}{words}")
    return lines


def _counts(counter: Counter[str]) -> str:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {times}" for name, times in ordered)
