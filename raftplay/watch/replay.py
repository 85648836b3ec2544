"""Checking the invariants on a trace that was written."""

from pathlib import Path

from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.text import count, visible
from raftplay.watch.trace import TracedRun, read_trace


def replay_text(path: Path) -> tuple[bool, str]:
    """Return whether every invariant held in each branch of a trace, and a report. Raises `UsageError`."""
    header, runs = read_trace(path)
    seen = [_watched(run, header.nodes) for run in runs]
    node = f", node: {header.configuration['node']}" if "node" in header.configuration else ""
    bugs = f", bugs on: {' '.join(header.bugs)}" if header.bugs else ""
    about = f"{count(header.nodes, 'node')}, {header.backend}, seed {header.seed}{node}{bugs}"
    lines = []
    for run, (events, time, breaches) in zip(runs, seen, strict=True):
        name = f", branch {run.branch} (from {run.parent} at event {run.since})" if run.parent else ""
        told = f"{count(events, 'event')} in {time:.3f} s of cluster time ({about})"
        lines.append(visible(f"{path}{name}: {told}"))
        lines += [visible(str(breach)) for breach in breaches]
    held = not any(breaches for _, _, breaches in seen)
    if header.first > 1:
        lines.append(f"the trace begins with event {header.first}; earlier events were not checked")
    if held:
        lines.append("every invariant held")
    return held, "\n".join(lines)


def _watched(run: TracedRun, nodes: int) -> tuple[int, float, list[Breach]]:
    """Return a run's number of events, the time of the last one in seconds, and its violations."""
    watcher = Invariants(nodes)
    events, time = 0, 0.0
    for record in run.records:
        watcher(record)
        events, time = events + 1, record.time
    return events, time, watcher.breaches
