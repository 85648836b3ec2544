"""The report on a history: the verdict in a sentence, and the smallest part that no order explains."""

from collections.abc import Sequence

from raftplay.linearizability.operations import KeyState, Operation
from raftplay.linearizability.search import HistoryVerdict, KeyVerdict, check_key
from raftplay.linearizability.smallest import smallest
from raftplay.linearizability.timeline import WIDTH, explanation, timeline

SHOWN = 20
"""The most operations that a picture has."""


def report(
    operations: Sequence[Operation], verdict: HistoryVerdict, *, initial: KeyState = None, width: int = WIDTH
) -> list[str]:
    """Return the lines of the report on `verdict`, that of `operations`; `width`: the columns for time."""
    unknown = sum(not operation.is_known for operation in operations)
    summary = f"{_count(len(operations), 'operation')} on {_count(len(verdict.keys), 'key')}"
    if unknown:
        summary += f", {unknown} of unknown outcome"
    worst = verdict.worst
    if worst is None or verdict.outcome == "linearizable":
        return [f"linearizable: {summary}; {_count(verdict.states, 'state')} visited"]
    where = f" (key {worst.key})" if worst.key else ""
    if verdict.outcome == "undecided":
        return [
            f"undecided{where}: {summary}; the search ended after {_count(worst.states, 'state')}",
            "It may be either. To search longer: --states N.",
        ]
    return [
        f"not linearizable{where}: {summary}; {_count(verdict.states, 'state')} visited",
        *violation(worst, initial, width),
    ]


def violation(verdict: KeyVerdict, initial: KeyState = None, width: int = WIDTH) -> list[str]:
    """Return the picture of the smallest part of a violated history, and why nothing explains it."""
    part = smallest(verdict.operations, initial)
    shown = timeline(part, width)
    lines = [f"The smallest part that no order explains ({len(part)} of {len(verdict.operations)}):", ""]
    lines += [f"  {line}" for line in shown[-SHOWN:]]
    if len(shown) > SHOWN:
        lines.insert(2, f"  … {len(shown) - SHOWN} more before")
    return [*lines, "", *explanation(check_key(verdict.key, part, initial=initial), initial)]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
