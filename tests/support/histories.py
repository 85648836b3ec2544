"""Small histories of clients, right and wrong ones, and the verdict of trying every order."""

import itertools
import math
import random
from dataclasses import replace

from raftplay.linearizability.operations import ClientAnswer, KeyState, Operation


def brute(operations: list[Operation]) -> bool:
    """Try every order of every choice of the operations of unknown outcome."""
    known = [o for o in operations if o.is_known]
    unknown = [o for o in operations if not o.is_known]
    for count in range(len(unknown) + 1):
        for chosen in itertools.combinations(unknown, count):
            if any(_fits(order) for order in itertools.permutations([*known, *chosen])):
                return True
    return False


def _fits(order: tuple[Operation, ...]) -> bool:
    state: KeyState = None
    latest_call = -math.inf
    for operation in order:
        if operation.end < latest_call:  # one that was placed before it began after it ended
            return False
        latest_call = max(latest_call, operation.call)
        right, state = operation.step(state)
        if not right:
            return False
    return True


def tiny_history(seed: int) -> list[Operation]:
    """Return 1 to 6 operations, of which some answers are wrong and some unknown."""
    rng = random.Random(seed)
    values = ['"a"', '"b"'] if seed % 2 else ["1", "2", "3"]
    operations = []
    for _ in range(rng.randint(1, 6)):
        call = rng.randint(0, 12)
        end = call + rng.randint(0, 6)
        kind = rng.choice(("get", "put", "cas", "append", "get"))
        argument, expected = rng.choice(values), rng.choice([*values, None])
        answer: ClientAnswer | None
        if rng.random() < 0.25:
            answer, end = None, math.inf
        elif kind == "get":
            answer = ClientAnswer(rng.choice([*values, None, '"ab"']))
        elif kind == "cas":
            answer = ClientAnswer(done=rng.random() < 0.5)
        else:
            done = kind == "put" or rng.random() < 0.8
            answer = ClientAnswer(None, done, rng.random() < 0.2, rng.choice([*values, None]))
        operations.append(Operation("c", "x", kind, argument, expected, call, end, answer))
    return operations


def unsure_history(seed: int) -> list[Operation]:
    """Return 3 to 6 operations, half of them of unknown outcome, that often write the same value."""
    rng = random.Random(seed)
    values = ['"a"', '"b"'] if seed % 3 else ["1", '"a"', "[1]"]
    operations = []
    for _ in range(rng.randint(3, 6)):
        call = rng.randint(0, 8)
        kind = rng.choice(("get", "put", "cas", "append"))
        argument, expected = rng.choice(values), rng.choice([*values, None, '"ab"'])
        operation = Operation("c", "x", kind, argument, expected, call)
        if rng.random() < 0.5:
            seen = rng.choice([*values, None, '"ab"', '"aa"', '"aab"', "[1,1]"])
            done = kind in ("get", "put") or rng.random() < 0.6
            answer = ClientAnswer(seen, done, kind != "get" and rng.random() < 0.2, seen)
            operation = replace(operation, answer=answer, end=call + rng.randint(0, 5))
        operations.append(operation)
    return operations


def long_history(seed: int, unknown: float, wrong: str | None = None) -> list[Operation]:
    """Return 1,000 operations of 8 clients on 5 keys; a share of them is of `unknown` outcome, half of it done.

    `wrong` is an untruth in the middle: "never" reads a value that nobody wrote, "stale" an earlier one.
    """
    rng = random.Random(seed)
    clock, moments = [0.0] * 8, []
    for _ in range(1000):
        client = min(range(8), key=lambda number: clock[number])
        call = clock[client] + rng.expovariate(10)
        clock[client] = end = call + rng.expovariate(20) + 0.001
        moments.append((rng.uniform(call, end), client, call, end))
    past: dict[str, list[KeyState]] = {f"k{number}": [None] for number in range(5)}
    operations = []
    for _, client, call, end in sorted(moments):
        key, kind = rng.choice(list(past)), rng.choice(("get", "get", "put", "append", "cas"))
        before, argument = past[key][-1], f'"{rng.randrange(5)}"'
        expected = rng.choice([before, f'"{rng.randrange(5)}"'])
        answer = ClientAnswer(before, before == expected or kind != "cas")
        operation = Operation(f"c{client}", key, kind, argument, expected, call, end, answer)
        after = operation.step(before)[1]
        if rng.random() < unknown:
            operation = replace(operation, end=math.inf, answer=None)
            after = rng.choice((before, after))
        elif kind == "get" and wrong and len(operations) > 500 and len(past[key]) > 4:
            operation = replace(operation, answer=ClientAnswer(past[key][-4] if wrong == "stale" else '"never"'))
            wrong = None
        past[key] += [after] if after != before else []
        operations.append(operation)
    return operations
