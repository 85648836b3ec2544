"""Messages and commands: what may be a command, what is refused and by which name, what is the same."""

import copy
import enum
import math
from collections import OrderedDict, namedtuple
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import commands, scalars, thorough

from raftplay.backends import wire
from raftplay.errors import UsageError
from raftplay.raft.commands import (
    MAX_COMMAND_BYTES,
    MAX_COMMAND_DEPTH,
    MAX_INTEGER_BITS,
    CommandRefused,
    check_command,
    own_copy,
    same_command,
)
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    LogEntry,
    Report,
    RequestVoteArgs,
    RequestVoteReply,
    size_of,
)


def nested(depth, innermost=None):
    value = innermost
    for at in range(depth):
        value = [value] if at % 2 else {"k": value}
    return value


# ---- what is accepted


@thorough
@given(commands)
def test_every_json_value_is_a_command_and_stays_what_it_was(command):
    kept = check_command(command)
    assert same_command(kept, command)
    assert same_command(own_copy(command), command)


@thorough
@given(commands)
def test_a_command_comes_back_from_disk_and_wire_as_it_was(command):
    entry = msgspec.json.decode(msgspec.json.encode(LogEntry(check_command(command), 3)), type=LogEntry)
    assert same_command(entry.command, command)
    assert entry.term == 3


EDGES = [
    0,
    -0.0,
    2**63,
    -(2**63) - 1,
    2**64,
    2**MAX_INTEGER_BITS - 1,
    -(2**MAX_INTEGER_BITS) + 1,
    1e308,
    5e-324,
    1e16,
    "",
    "\0",
    "\U0010ffff",
    "a" * (MAX_COMMAND_BYTES - 2),
    [],
    {},
    {"": ""},
    [None] * 13_000,
    nested(MAX_COMMAND_DEPTH),
]


@pytest.mark.parametrize("command", EDGES, ids=lambda c: repr(c)[:20] if not isinstance(c, int) else "integer")
def test_what_lies_at_the_edge_is_accepted_and_survives_a_round_trip(command):
    entry = msgspec.json.decode(msgspec.json.encode(LogEntry(check_command(command), 1)), type=LogEntry)
    assert same_command(entry.command, command)


def clear_all(value):
    """Empty every list and object in `value`."""
    if isinstance(value, list | dict):
        for item in list(value.values() if isinstance(value, dict) else value):
            clear_all(item)
        value.clear()


@thorough
@given(commands)
def test_containers_are_copied_all_the_way_down(command):
    was = copy.deepcopy(command)
    kept = check_command(command)
    taken = own_copy(kept)
    clear_all(command)
    assert same_command(kept, was)
    clear_all(taken)
    assert same_command(kept, was)


# ---- what is refused

Point = namedtuple("Point", "x")


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    __slots__ = ()


FOREIGN = [
    ({1, 2}, "the command is of type set"),
    ((1, 2), "the command is of type tuple"),
    (b"bytes", "the command is of type bytes"),
    (bytearray(b"x"), "the command is of type bytearray"),
    (1j, "the command is of type complex"),
    (object(), "the command is of type object"),
    (date(2024, 1, 1), "the command is of type date"),
    (Decimal(1), "the command is of type Decimal"),
    (Point(1), "the command is of type Point"),
    (Colour.RED, "the command is of type Colour"),
    (Name("x"), "the command is of type Name"),
    (OrderedDict(a=1), "the command is of type OrderedDict"),
    (LogEntry(1, 1), "the command is of type LogEntry"),
    (print, "the command is of type builtin_function_or_method"),
    (math.nan, "the command is nan"),
    (math.inf, "the command is inf"),
    (-math.inf, "the command is -inf"),
    ([1, {2}], "item 1 of the command is of type set"),
    ({"a": (1,)}, "'a' of the command is of type tuple"),
    ({"a": [0, b"x"]}, "item 1 of 'a' of the command is of type bytes"),
    ([[math.nan]], "item 0 of item 0 of the command is nan"),
    ({1: "x"}, "a key of the command is of type int"),
    ({None: "x"}, "a key of the command is of type NoneType"),
    ([{b"k": 1}], "a key of item 0 of the command is of type bytes"),
    ("\ud800", "the command has half of a surrogate pair"),
    ("fine \udfff", "the command has half of a surrogate pair"),
    (["\ud83d"], "item 0 of the command has half of a surrogate pair"),
    ({"\ude00": 1}, "a key of the command has half of a surrogate pair"),
    (2**MAX_INTEGER_BITS, "the command is an integer of 13001 bits"),
    ([-(2**99_999)], "item 0 of the command is an integer of 100000 bits"),
    (nested(MAX_COMMAND_DEPTH + 1), "nested deeper than 100 levels"),
    (nested(50_000), "nested deeper than 100 levels"),
    ("x" * (MAX_COMMAND_BYTES - 1), "at most 65536 are carried"),
    ("é" * (MAX_COMMAND_BYTES // 2), "at most 65536 are carried"),
    ("\0" * (MAX_COMMAND_BYTES // 5), "at most 65536 are carried"),
    ({"k" * MAX_COMMAND_BYTES: 1}, "at most 65536 are carried"),
    ([None] * 14_000, "at most 65536 are carried"),
    ([1.5] * 1_000_000, "at most 65536 are carried"),
    ([2**12_000] * 30, "at most 65536 are carried"),
]


@pytest.mark.parametrize(("command", "words"), FOREIGN, ids=[words[:40] for _, words in FOREIGN])
def test_what_is_no_json_value_or_too_large_is_refused_by_name(command, words):
    with pytest.raises(CommandRefused) as caught:
        check_command(command)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    assert isinstance(caught.value, UsageError)


def test_a_list_that_holds_itself_is_refused():
    command = []
    command.append(command)
    command.append(command)
    with pytest.raises(CommandRefused, match="deeper"):
        check_command(command)


@pytest.mark.parametrize("wrap", [lambda x: [x, x], lambda x: {"a": x, "b": x}, lambda x: [x] * 1000])
@pytest.mark.timeout(10)
def test_a_command_that_is_small_in_memory_but_endless_as_json_is_refused_at_once(wrap):
    command = "x"
    for _ in range(MAX_COMMAND_DEPTH - 5):
        command = wrap(command)
    with pytest.raises(CommandRefused, match="at most 65536"):
        check_command(command)


@pytest.mark.parametrize("shared", ["x" * 60_000, {"k" * 60_000: 1}], ids=["text", "key"])
def test_text_that_a_list_holds_many_times_counts_as_often(shared):
    with pytest.raises(CommandRefused, match="at most 65536"):
        check_command([shared] * 30_000)


@thorough
@given(st.recursive(scalars | st.binary() | st.tuples(scalars), lambda x: st.lists(x, max_size=4), max_leaves=8))
def test_a_value_is_a_command_exactly_if_it_is_json(value):
    def is_json(part):
        return all(map(is_json, part)) if isinstance(part, list) else not isinstance(part, bytes | tuple)

    try:
        check_command(value)
    except CommandRefused:
        assert not is_json(value)
    else:
        assert is_json(value)


# ---- what is the same


@thorough
@given(commands, commands)
def test_two_commands_are_the_same_exactly_if_their_sorted_json_is(one, other):
    def as_json(value):
        return msgspec.json.encode(value, order="deterministic").replace(b"-0.0", b"0.0")

    assert same_command(one, other) == (as_json(one) == as_json(other))
    assert same_command(one, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, False),
        (0, None),
        (1, "1"),
        ("", None),
        ([], {}),
        ([1], [1.0]),
        ([1, 2], [1]),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"b": 1}),
        ({"a": [0]}, {"a": [False]}),
    ],
)
def test_python_may_call_them_equal_but_they_are_different_commands(one, other):
    assert not same_command(one, other)
    assert not same_command(other, one)


def test_the_order_of_keys_does_not_matter():
    assert same_command({"a": 1, "b": [2]}, {"b": [2], "a": 1})


# ---- sizes


@thorough
@given(st.lists(commands, max_size=4))
def test_size_of_entries_is_what_they_take_in_a_frame(commands):
    entries = [LogEntry(command, 7) for command in commands]
    call = wire.Call(1, AppendEntriesArgs(1, 0, -1, -1, tuple(entries), -1))
    empty = wire.Call(1, AppendEntriesArgs(1, 0, -1, -1, (), -1))
    assert size_of(entries) - size_of([]) == len(wire.encode(call)) - len(wire.encode(empty))


# ---- the messages

MESSAGES = [
    RequestVoteArgs(3, 1, -1, -1),
    RequestVoteArgs(3, 1, 5, 2, pre_vote=True),
    RequestVoteReply(3, True),
    AppendEntriesArgs(3, 1, -1, -1, (), -1),
    AppendEntriesArgs(3, 1, 5, 2, (LogEntry({"k": [1]}, 2), LogEntry(None, 3)), 4),
    AppendEntriesReply(3, True),
    AppendEntriesReply(3, False, 7, 2),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_an_immutable_value_that_survives_a_round_trip(message):
    union = RequestVoteArgs | RequestVoteReply | AppendEntriesArgs | AppendEntriesReply
    assert msgspec.json.decode(msgspec.json.encode(message), type=union) == message
    with pytest.raises(AttributeError):
        message.term = 9


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_with_a_field_too_many_or_too_few_is_refused(message):
    fields = msgspec.json.decode(msgspec.json.encode(message))
    for wrong in ([*fields, 0, 0, 0], fields[:2]):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(msgspec.json.encode(wrong), type=type(message))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (RequestVoteArgs, b'["RequestVote",-1,0,-1,-1]'),
        (RequestVoteArgs, b'["RequestVote",1,-1,-1,-1]'),
        (RequestVoteArgs, b'["RequestVote",1,0,-2,-1]'),
        (RequestVoteArgs, b'["AppendEntries",1,0,-1,-1]'),
        (RequestVoteReply, b'["Vote",1,1]'),
        (AppendEntriesArgs, b'["AppendEntries",1,0,-1,-1,[[1]],-1]'),
        (AppendEntriesArgs, b'["AppendEntries",1,0,-1,-1,[[1,-1]],-1]'),
        (AppendEntriesArgs, b'["AppendEntries",1,0,-1,-1,null,-1]'),
        (AppendEntriesReply, b'["Appended",1.0,true]'),
        (AppendEntriesReply, b'["Appended",1,true,-2]'),
    ],
)
def test_a_message_with_impossible_values_is_refused(kind, data):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(data, type=kind)


def test_states_are_called_as_in_the_paper():
    assert [str(state) for state in CMState] == ["Follower", "Pre-candidate", "Candidate", "Leader", "Dead"]


def test_a_report_is_a_named_tuple():
    id, term, is_leader = Report(1, 2, True)
    assert (id, term, is_leader) == (1, 2, True)
    assert Report(1, 2, True).is_leader
