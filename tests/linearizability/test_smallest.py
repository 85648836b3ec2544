"""The smallest part of a violated history: it is violated by brute force, and nothing of it can go."""

import random

import pytest
from support.histories import brute, long_history, tiny_history

from raftplay.linearizability.operations import ClientAnswer, Operation
from raftplay.linearizability.search import check
from raftplay.linearizability.smallest import cut, since, smallest, without_value
from raftplay.linearizability.timeline import explanation, timeline


@pytest.mark.parametrize("block", range(2))
def test_what_has_an_order_keeps_one_at_each_step(block: int) -> None:
    tried = 0
    for seed in range(2000 * block, 2000 * (block + 1)):
        history = tuple(tiny_history(seed))
        if check(history).outcome == "violated":
            assert not brute(list(smallest(history))), seed
            continue
        parts = [cut(history, operation.end) for operation in history]
        parts += [tuple(o for o in history if o is not idle) for idle in history if idle.is_idle]
        parts += [part for o in history if (part := without_value(history, o.argument)) is not None]
        puts = (o for o in history if o.is_known and not o.depends)
        parts += [part for put in puts if (part := since(history, put)) is not None]
        assert all(check(part).outcome == "linearizable" for part in parts), seed
        tried += len(parts)
    assert tried > 1000


def put(client: str, value: int, call: float, end: float) -> Operation:
    return Operation(client, "x", "put", str(value), None, call, end, ClientAnswer())


def get(client: str, value: int | None, call: float, end: float) -> Operation:
    answer = ClientAnswer(None if value is None else str(value))
    return Operation(client, "x", "get", None, None, call, end, answer)


def test_a_stale_read_in_a_long_history_is_shown_with_the_two_writes_only() -> None:
    rng = random.Random(1)
    history: list[Operation] = []
    for number in range(200):
        history.append(put("a", number, number, number + 0.4))
        history.append(get("b", number, number + 0.5, number + 0.5 + rng.random() / 3))
    history.insert(301, get("c", 120, 150.45, 150.49))
    part = smallest(history)
    assert [(o.kind, o.argument, o.answer and o.answer.value) for o in part] == [
        ("put", "120", None),
        ("put", "150", None),
        ("get", None, "120"),
    ]
    verdict = check(part)
    assert verdict.outcome == "violated"
    assert verdict.worst is not None
    assert "get x → 120" in "\n".join(explanation(verdict.worst))


@pytest.mark.parametrize("unknown", [0, 0.1])
def test_a_value_that_nobody_wrote_in_a_thousand_operations_is_shown_with_few_of_them(unknown: float) -> None:
    for seed in range(3):
        worst = check(long_history(seed, unknown, "never")).worst
        assert worst is not None
        part = smallest(worst.operations)
        assert check(part).outcome == "violated"
        assert len(part) <= 20


def test_a_put_that_an_append_overlaps_does_not_hide_what_was_before() -> None:
    before, append = put("a", 1, 0, 1), Operation("b", "x", "append", "5", None, 2, 4, ClientAnswer(done=False))
    last, read = put("a", 2, 3, 5), get("c", 2, 6, 7)
    assert since((before, append, last, read), last) == (last, read)  # the append failed: it may be left out
    done = Operation("b", "x", "append", '"5"', None, 2, 4, ClientAnswer())
    assert since((before, done, last, read), last) is None


def test_a_picture_has_a_line_for_each_operation() -> None:
    part = [put("a", 1, 0, 2), Operation("b", "x", "put", "2", None, 1), get("c", 2, 3, 4)]
    assert timeline(part) == [
        "a  ├───────┤            put x 1 → ok",
        "b      ├╌╌╌╌╌╌╌╌╌╌╌╌╌?  put x 2 → unknown",
        "c              ├───┤    get x → 2",
    ]


def test_a_long_order_is_told_on_lines_that_split_no_operation() -> None:
    puts = [Operation("a", "x", "put", str(n), None, n, n + 0.5, ClientAnswer(None)) for n in range(9)]
    read = Operation("b", "x", "get", None, None, 20, 21, ClientAnswer("0"))
    *order, _, left = explanation(check([*puts, read]).keys[0])
    assert order[0].startswith("The longest order that fits: put x 0 → ok, then put x 1 → ok,")
    assert len(order) > 1
    assert all(len(line) <= 76 for line in order)
    assert all(line.startswith("  then put x ") for line in order[1:])
    assert " ".join(line.strip() for line in order).endswith("then put x 7 → ok, then put x 8 → ok.")
    assert left == "  b: get x → 0"
