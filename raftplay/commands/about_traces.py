"""A trace that was written, watched again."""

from pathlib import Path

from raftplay.watch.invariants import Invariants
from raftplay.watch.text import count, visible
from raftplay.watch.trace import read_trace


def replay_text(path: Path) -> tuple[bool, str]:
    """Whether every invariant held in the trace at `path`, and what was seen. Raises `UsageError`."""
    header, records = read_trace(path)
    watcher = Invariants(header.nodes)
    events, time = 0, 0.0
    for record in records:
        watcher(record)
        events, time = events + 1, record.time
    bugs = f", bugs on: {' '.join(header.bugs)}" if header.bugs else ""
    about = f"{count(header.nodes, 'node')}, {header.backend}, seed {header.seed}{bugs}"
    lines = [visible(f"{path}: {count(events, 'event')} in {time:.3f} s of cluster time ({about})")]
    lines += [visible(str(breach)) for breach in watcher.breaches]
    if not watcher.breaches:
        lines.append("every invariant held")
    return not watcher.breaches, "\n".join(lines)
