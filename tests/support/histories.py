"""Small histories of clients, right and wrong ones, and the verdict of trying every order."""

import itertools
import math
import random

from raftplay.linearizability.operations import Answer, Operation, State


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
    state: State = None
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
        answer: Answer | None
        if rng.random() < 0.25:
            answer, end = None, math.inf
        elif kind == "get":
            answer = Answer(rng.choice([*values, None, '"ab"']))
        elif kind == "cas":
            answer = Answer(done=rng.random() < 0.5)
        else:
            done = kind == "put" or rng.random() < 0.8
            answer = Answer(None, done, rng.random() < 0.2, rng.choice([*values, None]))
        operations.append(Operation("c", "x", kind, argument, expected, call, end, answer))
    return operations
