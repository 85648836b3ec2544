"""A history in words and as a picture in text: a row for each operation, from its call to its answer."""

import math
import re
from collections.abc import Sequence

from raftplay.linearizability.operations import KeyState, Operation
from raftplay.linearizability.search import KeyVerdict

_SIMPLE = re.compile(r'"(?!(nothing|true|false|null)")[^\W\d][\w-]*"')
"""A JSON text that cannot be taken for anything else without its quotes."""

WIDTH = 40
"""The columns of the time axis."""

WIDEST = 76
"""The columns of a line of words, but for one operation that is longer."""


def value_text(value: KeyState) -> str:
    """Return a value as people write it: a simple text without quotes, `nothing` where there is none."""
    if value is None:
        return "nothing"
    return value[1:-1] if _SIMPLE.fullmatch(value) else value


def call_text(operation: Operation) -> str:
    """Return the call, such as `cas x 1 2`."""
    words = [operation.kind, operation.key]
    if operation.kind == "cas":
        words.append(value_text(operation.expected))
    if operation.kind != "get":
        words.append(value_text(operation.argument))
    return " ".join(word for word in words if word)


def answer_text(operation: Operation) -> str:
    """Return what the client was told: `ok`, a value, `no`, or `unknown`."""
    answer = operation.answer
    if answer is None:
        return "unknown"
    if operation.kind == "get":
        return value_text(answer.value)
    if not answer.done:
        return f"no: it is {value_text(answer.before)}" if answer.tells else "no"
    return f"ok, was {value_text(answer.before)}" if answer.tells else "ok"


def operation_text(operation: Operation) -> str:
    """Return call and answer in one."""
    return f"{call_text(operation)} → {answer_text(operation)}"


def timeline(operations: Sequence[Operation], width: int = WIDTH) -> list[str]:
    """Return a line for each operation, sorted by call: client, bar from call to answer, and words.

    Only the order of calls and answers is drawn to scale: each moment has a column of its own where there is room.
    """
    ordered = sorted(operations, key=lambda o: (o.call, o.end, o.client))
    moments = sorted({moment for o in ordered for moment in (o.call, o.end) if moment < math.inf})
    steps = max(len(moments) - 1, 1)
    step = max(1, min(4, width // steps))
    column = {moment: min(index * step, index * width // steps) for index, moment in enumerate(moments)}
    axis = max(column.values(), default=0) + 2
    clients = max((len(operation.client) for operation in ordered), default=0)
    lines = []
    for operation in ordered:
        start = column[operation.call]
        if operation.end == math.inf:
            bar = "├" + "╌" * (axis - start - 1) + "?"
        else:
            bar = "├" + "─" * max(0, column[operation.end] - start - 1) + "┤"
        lines.append(
            f"{operation.client:>{clients}}  {' ' * start + bar:<{axis + 1}}  {operation_text(operation)}"
        )
    return lines


def explanation(verdict: KeyVerdict, initial: KeyState = None) -> list[str]:
    """Return sentences on why no order explains the operations: how far the best one comes, and what is left."""
    taken = set(map(id, verdict.order))
    left = [o for o in verdict.operations if o.is_known and id(o) not in taken]
    if not left:
        return []
    left.sort(key=lambda operation: operation.end)
    state = initial
    for operation in verdict.order:
        state = operation.step(state)[1]
    lines = []
    if verdict.order:
        lines += _in_order([operation_text(operation) for operation in verdict.order])
    first = left[0]
    where = f"Key {first.key}" if first.key else "The value"
    lines.append(f"{where} is {value_text(state)} then, and nothing that may come next explains:")
    lines += [f"  {operation.client}: {operation_text(operation)}" for operation in left]
    return lines


def _in_order(operations: Sequence[str]) -> list[str]:
    """Return the sentence that puts operations in order, on as many lines as it takes; none is split."""
    lines = [""]
    for number, text in enumerate(operations, 1):
        lead = "then " if number > 1 else "The longest order that fits: "
        part = f"{lead}{text}{'.' if number == len(operations) else ','}"
        if lines[-1] and len(lines[-1]) + 1 + len(part) > WIDEST:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}" if lines[-1] else part
    return lines
