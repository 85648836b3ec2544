"""The smallest part of a history that no order explains: what a report shows.

Each step keeps this promise: if the whole history had an order, the part would have one too. So a violation in the
part is a violation of the whole, and nothing in it is an artefact of what was left out:

- what began after a moment is left out, and what ended after it counts as unknown;
- what ended before a `put` is left out with reads that overlap it, unless something else does: after the `put` the
  value is the same; earlier writes stay where they tell from where a value comes;
- an operation that changes no value is left out, and one of unknown outcome whose value nothing looks at;
- a value is left out with everything that writes it, reads it or expects it, where nothing else depends on
  which value a key has.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from raftplay.linearizability.observed import Observed
from raftplay.linearizability.operations import KeyState, Operation
from raftplay.linearizability.search import check_key

SMALL = 20_000
"""The budget of one trial, in states: a trial that needs more counts as no violation."""


def smallest(
    operations: Sequence[Operation], initial: KeyState = None, states: int = SMALL
) -> tuple[Operation, ...]:
    """Return a smallest part of `operations`, all of one key, that is still violated."""

    def violated(part: Sequence[Operation]) -> bool:
        return check_key("", part, states, initial).outcome == "violated"

    part = _until_first_violation(tuple(operations), violated)
    part, first = _since_last_put(part, violated)
    while True:
        before = len(part)
        part = _without_unread(part, initial)
        part = _without_idle(part, violated)
        part = _without_values(part, violated, first)
        if len(part) == before:
            return part


def cut(operations: Sequence[Operation], moment: float) -> tuple[Operation, ...]:
    """Return the operations as they stood at `moment`: those that were under way have no outcome yet."""
    begun = (operation for operation in operations if operation.call <= moment)
    return tuple(o if o.end <= moment else dataclasses.replace(o, end=math.inf, answer=None) for o in begun)


def _until_first_violation(
    operations: tuple[Operation, ...], violated: Callable[[Sequence[Operation]], bool]
) -> tuple[Operation, ...]:
    """Return the history up to the first answer that nothing explains: all longer ones are violated too."""
    ends = sorted({operation.end for operation in operations if operation.is_known})
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if violated(cut(operations, ends[middle])):
            high = middle
        else:
            low = middle + 1
    part = cut(operations, ends[high]) if ends else operations
    return part if violated(part) else operations


def _since_last_put(
    operations: tuple[Operation, ...], violated: Callable[[Sequence[Operation]], bool]
) -> tuple[tuple[Operation, ...], KeyState]:
    """Return what is still violated after the last `put` that hides all before it, and the value it wrote."""
    puts = sorted((o for o in operations if not o.depends and o.is_known), key=lambda o: o.call)
    parts = [(part, put.argument) for put in puts if (part := since(operations, put)) is not None]
    low, high = 0, len(parts)
    while low < high:
        middle = (low + high) // 2
        if violated(parts[middle][0]):
            low = middle + 1
        else:
            high = middle
    return parts[low - 1] if low else (operations, None)


def since(operations: tuple[Operation, ...], put: Operation) -> tuple[Operation, ...] | None:
    """Return the operations without those before `put`, whose outcome is known; None if others may see them.

    Earlier writes of values that are seen later, and written by none that stay, stay too.
    """
    stays, before = [], []
    for operation in operations:
        if operation.end < put.call:
            before.append(operation)
        elif not operation.is_known or operation.call > put.end or not operation.depends:
            stays.append(operation)
        elif not operation.is_idle:  # it may come before `put` and depends on what was there
            return None
    missing = {value for o in stays for value in o.must_meet} - {o.argument for o in stays}
    for operation in sorted(before, key=lambda o: -o.call):
        if not operation.depends and operation.argument in missing:
            missing.remove(operation.argument)
            stays.append(operation)
    return tuple(stays)


def _without_unread(operations: tuple[Operation, ...], initial: KeyState) -> tuple[Operation, ...]:
    """Leave out what is of unknown outcome and matters to nothing: reads, and writes that nothing looks at."""
    known = sorted((o for o in operations if o.is_known), key=lambda o: (o.call, o.end))
    unknown = [o for o in operations if not o.is_known and o.kind != "get"]
    until = Observed(known, unknown, initial).until
    return (*known, *(o for o, last in zip(unknown, until, strict=True) if last >= 0))


def _without_idle(
    operations: tuple[Operation, ...], violated: Callable[[Sequence[Operation]], bool]
) -> tuple[Operation, ...]:
    part = operations
    for operation in operations:
        if operation.is_idle:
            fewer = tuple(other for other in part if other is not operation)
            if violated(fewer):
                part = fewer
    return part


def _without_values(
    operations: tuple[Operation, ...], violated: Callable[[Sequence[Operation]], bool], but: KeyState
) -> tuple[Operation, ...]:
    part = operations
    for value in dict.fromkeys(o.argument for o in operations if o.kind == "put" and o.argument != but):
        fewer = without_value(part, value)
        if fewer is not None and violated(fewer):
            part = fewer
    return part


def without_value(operations: tuple[Operation, ...], value: KeyState) -> tuple[Operation, ...] | None:
    """Return the operations without those that write or see `value`; None if others depend on what it replaced.

    A `put` of another value overwrites it whether it is there or not, and nothing that stays may see the
    difference: no `append`, no `cas` that failed or may have, and no answer that tells the value before it.
    """
    stays = tuple(o for o in operations if not _sees(o, value))
    if any(not _cares_not(operation) for operation in stays):
        return None
    if any(o.kind not in ("put", "get") for o in operations if _sees(o, value)):
        return None
    return stays if len(stays) < len(operations) else None


def _sees(operation: Operation, value: KeyState) -> bool:
    answer = operation.answer
    if operation.kind == "get":
        return answer is not None and answer.value == value
    return value == operation.argument or (operation.kind == "cas" and value == operation.expected)


def _cares_not(operation: Operation) -> bool:
    answer = operation.answer
    if operation.kind == "append" or (answer is not None and answer.tells):
        return False
    return operation.kind != "cas" or (answer is not None and answer.done)
