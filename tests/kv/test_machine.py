"""The key-value store: its operations, sessions, and images."""

import random
from typing import Any

import pytest
from support.amount import several

from raftplay.kv.commands import Append, Cas, Get, Open, Put, Result, StoreCommand, read_command, written
from raftplay.kv.machine import KeyValueStore
from raftplay.linearizability.operations import ClientAnswer, Operation
from raftplay.linearizability.readers import json_text
from raftplay.raft.messages import CommitEntry


def applied(store: KeyValueStore, index: int, command: StoreCommand) -> object:
    return store.apply(CommitEntry(written(command), index, 1))


def test_operations_answer_with_the_value_before() -> None:
    store = KeyValueStore()
    answers = [
        store.do(command, 0)
        for command in (
            Get("x"),
            Put("x", value=1),
            Put("x", value="a"),
            Append("x", value="b"),
            Append("x", value=3),
            Cas("x", expected="a", value="c"),
            Cas("x", expected="ab", value=[1]),
            Append("x", value="z"),
            Get("x"),
            Append("y", value="first"),
            Cas("z", expected=None, value=1),
        )
    ]
    assert answers == [
        Result("ok"),
        Result("ok"),
        Result("ok", 1, True),
        Result("ok", "a", True),
        Result("no", "ab", True),
        Result("no", "ab", True),
        Result("ok", "ab", True),
        Result("ok", [1], True),
        Result("ok", [1, "z"], True),
        Result("ok"),
        Result("no"),
    ]
    assert store.values == {"x": [1, "z"], "y": "first"}


@pytest.mark.parametrize("pair", [(1, True), (1, 1.0), (0, False), ("1", 1), ([], {}), (None, 0)])
def test_values_that_python_takes_for_equal_are_not_the_same(pair: tuple[Any, Any]) -> None:
    store = KeyValueStore()
    store.do(Put("x", value=pair[0]), 0)
    assert store.do(Cas("x", expected=pair[1], value=9), 1) == Result("no", pair[0], True)
    assert store.do(Cas("x", expected=pair[0], value=9), 2) == Result("ok", pair[0], True)


@pytest.mark.parametrize("command", ["x", 3, None, [1], {}, {"kv": "put"}, {"kv": "drop", "key": "x"}, {"kv": 1}])
def test_other_commands_change_nothing(command: object) -> None:
    store = KeyValueStore()
    assert read_command(command) is None
    assert store.apply(CommitEntry(command, 0, 1)) is None
    assert store.snapshot() == KeyValueStore().snapshot()


AGAIN = Result("ok", again=True)


def test_a_request_that_is_in_the_log_twice_is_applied_once_and_answered_alike() -> None:
    store = KeyValueStore()
    session = applied(store, 5, Open("a"))
    assert session == 5
    request = Append("x", 5, 1, value="a")
    assert [applied(store, index, request) for index in (6, 7, 9)] == [Result("ok"), AGAIN, AGAIN]
    assert store.values == {"x": "a"}
    second = Append("x", 5, 2, value="b")
    assert applied(store, 10, second) == Result("ok", "a", True)
    assert applied(store, 11, request) == AGAIN
    assert store.values == {"x": "ab"}


def test_an_answer_that_the_client_has_is_forgotten_and_a_late_duplicate_is_refused() -> None:
    store = KeyValueStore()
    applied(store, 0, Open("a"))
    applied(store, 1, Append("x", 0, 1, value="a"))
    applied(store, 2, Append("x", 0, 2, 2, value="b"))
    assert list(store.sessions[0].answers) == [2]
    assert applied(store, 3, Append("x", 0, 1, value="a")) == Result("expired")
    assert store.values == {"x": "ab"}


def test_the_session_that_was_least_recently_used_expires() -> None:
    store = KeyValueStore(sessions=2)
    for index, client in enumerate("abc"):
        applied(store, index, Open(client))
        applied(store, 10 + index, Get("x", 0, 1))  # session 0 is used after each
    assert list(store.sessions) == [2, 0] or list(store.sessions) == [0, 2]
    assert applied(store, 20, Put("x", 1, 1, value=1)) == Result("expired")
    assert store.values == {}


@pytest.mark.parametrize("seed", range(several(20)))
def test_an_image_restores_all_that_matters_later(seed: int) -> None:
    rng = random.Random(seed)
    one = KeyValueStore(sessions=3)
    log = [_random_command(rng, index) for index in range(60)]
    for index, command in enumerate(log[:30]):
        applied(one, index, command)
    other = KeyValueStore(sessions=3)
    other.restore(one.snapshot())
    assert other.snapshot() == one.snapshot()
    for index, command in enumerate(log[30:], 30):
        assert applied(one, index, command) == applied(other, index, command)
    assert other.snapshot() == one.snapshot()


@pytest.mark.parametrize("seed", range(several(20)))
def test_the_model_of_the_checker_does_what_the_store_does(seed: int) -> None:
    rng = random.Random(seed)
    store = KeyValueStore()
    kinds = {Get: "get", Put: "put", Append: "append", Cas: "cas"}
    for index in range(200):
        command = _random_command(rng, index)
        if isinstance(command, Open):
            continue
        command = read_command(written(command) | {"session": -1})
        assert isinstance(command, Get | Put | Append | Cas)
        before = json_text(store.values[command.key]) if command.key in store.values else None
        result = store.do(command, index)
        assert isinstance(result, Result)
        done, found = result.outcome == "ok", result.found
        value = json_text(result.value) if found else None
        answer = ClientAnswer(value, True) if isinstance(command, Get) else ClientAnswer(None, done, True, value)
        argument = None if isinstance(command, Get) else json_text(command.value)
        expected = json_text(command.expected) if isinstance(command, Cas) else None
        kind: Any = kinds[type(command)]
        operation = Operation("c", command.key, kind, argument, expected, 0, 1, answer)
        after = json_text(store.values[command.key]) if command.key in store.values else None
        assert operation.step(before) == (True, after), operation


def _random_command(rng: random.Random, index: int) -> StoreCommand:
    key, value = rng.choice("xy"), rng.choice([1, "a", "b", [1], True])
    session, seq, acked = rng.randrange(max(index, 1)), rng.randrange(4), rng.randrange(3)
    return rng.choice(
        [
            Open("c"),
            Get(key, session, seq, acked),
            Put(key, session, seq, acked, value=value),
            Append(key, session, seq, acked, value=value),
            Cas(key, session, seq, acked, expected=rng.choice([1, "a", [1]]), value=value),
        ]
    )
