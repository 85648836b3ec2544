"""A search in words: its progress, what it covered, what it found."""

from collections import Counter

from raftplay.explore.sweep import Report, percentile
from raftplay.raft.events import RULES
from raftplay.watch.text import count

PROMISES = {
    "leader": "a leader, followed by all, after the last fault",
    "commit": "a submit to it committed everywhere",
    "agreement": "all logs and applied sequences equal",
}


def progress_line(report: Report, *, seeds: int | None, limit: float | None) -> str:
    """One line for a terminal."""
    done = f"{report.trials}/{count(seeds, 'seed')}" if seeds is not None else count(report.trials, "seed")
    share = report.trials / seeds if seeds else report.elapsed / limit if limit else 0.0
    bar = "#" * int(20 * min(share, 1.0))
    rate = report.trials / report.elapsed if report.elapsed else 0.0
    return f"[{bar:<20}] {done}, {rate:.0f} a second, {report.simulated / 3600:.2f} simulated hours"


def report_text(report: Report) -> str:
    """The whole report."""
    elapsed = max(report.elapsed, 1e-9)
    rate, times = report.trials / elapsed, report.simulated / elapsed
    ended = "interrupted after" if report.interrupted else "searched"
    lines = [
        f"{ended} {count(report.trials, 'seed')} in {report.elapsed:.1f} s: {rate:.1f} a second, "
        f"{report.simulated / 3600:.2f} simulated hours ({times:.0f} times real time)",
        f"mixes: {_counts(report.mixes)}",
        f"faults: {_counts(report.faults)}",
        "rules of the algorithm, how often each decided:",
        *_rule_lines(report.rules),
    ]
    if report.liveness:
        lines.append("after the last fault (seconds of cluster time):")
        lines += [_liveness_line(name, values) for name, values in report.liveness.items()]
    lines.append(findings_text(report))
    return "\n".join(lines)


def findings_text(report: Report) -> str:
    """What was found, the lowest seed first."""
    if not report.findings:
        return "nothing broke"
    first = report.first
    assert first is not None
    assert first.finding is not None
    more = f" (and {len(report.findings) - 1} more)" if len(report.findings) > 1 else ""
    where = f"seed {first.plan.seed}, {count(first.plan.nodes, 'node')}, mix {first.plan.mix}"
    return f"found: {first.finding.name}, {where}{more}\n  {first.finding.text}"


def _liveness_line(name: str, values: list[float]) -> str:
    p50, p99, worst = (percentile(values, share) for share in (0.5, 0.99, 1.0))
    return f"  {PROMISES[name]:<48} p50 {p50:.3f}  p99 {p99:.3f}  worst {worst:.3f}"


def _rule_lines(rules: Counter[str]) -> list[str]:
    lines = []
    for name, times in sorted(rules.items()):
        decision, _, rule = name.partition(" ")
        words = f" {rule} {RULES[rule][0]}" if rule in RULES else ""
        lines.append(f"  {times:>10}  {decision}{words}")
    return lines


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counter.most_common())
