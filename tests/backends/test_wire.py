"""Frames and proofs, without a socket: what is read, what is refused, and what nobody can forge."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several

from raftplay import AppendEntriesArgs, AppendEntriesReply, LogEntry, RequestVoteArgs, RequestVoteReply
from raftplay.backends import wire
from raftplay.raft.commands import MAX_COMMAND_DEPTH

thorough = settings(derandomize=True, database=None)

SECRET, OTHER = b"s" * wire.SECRET_BYTES, b"o" * wire.SECRET_BYTES

FRAMES: list[wire.Frame] = [
    wire.Call(0, RequestVoteArgs(1, 0, -1, -1)),
    wire.Call(1, RequestVoteArgs(7, 4, 12, 6, True)),
    wire.Call(2, AppendEntriesArgs(3, 1, -1, -1, (), -1)),
    wire.Call(3, AppendEntriesArgs(3, 1, 0, 2, (LogEntry("ä\x00\n", 3), LogEntry({"a": [1, None]}, 3)), 0)),
    wire.Answered(4, RequestVoteReply(1, True)),
    wire.Answered(5, AppendEntriesReply(9, False, 3, 2)),
]

commands: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entries = st.builds(LogEntry, commands, st.integers(0, 2**40))
calls = st.builds(
    wire.Call,
    st.integers(0, 2**62),
    st.builds(RequestVoteArgs, *[st.integers(0, 2**40)] * 4, st.booleans())
    | st.builds(
        AppendEntriesArgs,
        *[st.integers(0, 2**40)] * 4,
        st.lists(entries, max_size=5).map(tuple),
        st.integers(-1, 2**40),
    ),
)
answers = st.builds(
    wire.Answered,
    st.integers(0, 2**62),
    st.builds(RequestVoteReply, st.integers(0, 2**40), st.booleans())
    | st.builds(AppendEntriesReply, st.integers(0, 2**40), st.booleans(), *[st.integers(-1, 2**40)] * 2),
)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(wire.LENGTH_BYTES, "big") + body


# ---- what is read


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_is_read_as_it_was_written(frame: wire.Frame) -> None:
    assert wire.FrameReader().feed(wire.encode(frame)) == [frame]


@settings(thorough)
@given(calls | answers)
def test_any_frame_is_read_as_it_was_written(frame: wire.Frame) -> None:
    assert wire.FrameReader().feed(wire.encode(frame)) == [frame]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 50, 10_000])
def test_frames_are_found_however_the_stream_is_cut(size: int) -> None:
    stream = b"".join(map(wire.encode, FRAMES * 3))
    reader = wire.FrameReader()
    found = [frame for at in range(0, len(stream), size) for frame in reader.feed(stream[at : at + size])]
    assert found == FRAMES * 3


@settings(thorough)
@given(st.lists(st.sampled_from(FRAMES), max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_frames_are_found_however_unevenly_the_stream_is_cut(frames: list[wire.Frame], cuts: list[int]) -> None:
    stream = b"".join(map(wire.encode, frames))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = wire.FrameReader()
    assert [f for a, b in itertools.pairwise(edges) for f in reader.feed(stream[a:b])] == frames


def test_an_unfinished_frame_is_kept_and_harms_nobody() -> None:
    data = wire.encode(FRAMES[0])
    for length in range(len(data)):
        reader = wire.FrameReader()
        assert reader.feed(data[:length]) == []
        assert reader.feed(data[length:]) == [FRAMES[0]]


# ---- what is refused


@pytest.mark.parametrize("announced", [wire.MAX_FRAME_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_frame_that_announces_too_much_is_refused_at_its_first_bytes(announced: int) -> None:
    with pytest.raises(wire.BadFrame, match="at most 8388608 are read"):
        wire.FrameReader().feed(announced.to_bytes(4, "big"))


def test_a_frame_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(wire.BadFrame, match="cannot be sent"):
        wire.encode(wire.Call(1, AppendEntriesArgs(1, 0, -1, -1, (LogEntry("x" * wire.MAX_FRAME_BYTES, 1),), -1)))


REFUSED = {
    "nothing": b"",
    "no JSON": b"\x00\xff{",
    "cut short": b'["call",1,["RequestVote",1,0,-1,-1',
    "more behind it": b'["call",1,["RequestVote",1,0,-1,-1]]x',
    "no UTF-8": b'["call",1,["AppendEntries",1,0,-1,-1,[["\xff",1]],-1]]',
    "half a surrogate pair": b'["call",1,["AppendEntries",1,0,-1,-1,[["\\ud800",1]],-1]]',
    "an object": b'{"type":"call"}',
    "an unknown kind": b'["shout",1,["RequestVote",1,0,-1,-1]]',
    "an unknown call": b'["call",1,["InstallSnapshot",1,0,-1,-1]]',
    "a reply as a call": b'["call",1,["Vote",1,true]]',
    "a call as a reply": b'["reply",1,["RequestVote",1,0,-1,-1]]',
    "a text as a term": b'["call",1,["RequestVote","1",0,-1,-1]]',
    "a fraction as a term": b'["call",1,["RequestVote",1.5,0,-1,-1]]',
    "true as a term": b'["call",1,["RequestVote",true,0,-1,-1]]',
    "a negative term": b'["call",1,["RequestVote",-1,0,-1,-1]]',
    "a term that cannot be counted on from": b'["call",1,["RequestVote",4611686018427387905,0,-1,-1]]',
    "a term of thousands of digits": b'["call",1,["RequestVote",' + b"9" * 4300 + b",0,-1,-1]]",
    "an index that cannot be counted on from": b'["call",1,["RequestVote",1,0,4611686018427387905,-1]]',
    "a number of a call beyond all": b'["call",4611686018427387905,["RequestVote",1,0,-1,-1]]',
    "a negative node": b'["call",1,["RequestVote",1,-1,-1,-1]]',
    "an index below none": b'["call",1,["RequestVote",1,0,-2,-1]]',
    "a negative number of a call": b'["call",-1,["RequestVote",1,0,-1,-1]]',
    "a field too few": b'["call",1,["RequestVote",1,0,-1]]',
    "a field too many": b'["call",1,["RequestVote",1,0,-1,-1,false,1]]',
    "an entry without a term": b'["call",1,["AppendEntries",1,0,-1,-1,[["x"]],-1]]',
    "entries that are no list": b'["call",1,["AppendEntries",1,0,-1,-1,"x",-1]]',
    "an endless number": b'["call",1,["AppendEntries",1,0,-1,-1,[[' + b"9" * 100_000 + b",1]],-1]]",
    "no number": b'["call",1,["AppendEntries",1,0,-1,-1,[[NaN,1]],-1]]',
    "a number beyond all": b'["call",1,["AppendEntries",1,0,-1,-1,[[1e999,1]],-1]]',
    "brackets without end": b"[" * 100_000,
}


def nested(depth: int, left: bytes = b"[", right: bytes = b"]") -> bytes:
    command = left * depth + right * depth
    return b'["call",1,["AppendEntries",1,0,-1,-1,[[' + command + b",1]],-1]]"


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_frame_is_refused(what: str) -> None:
    with pytest.raises(wire.BadFrame):
        wire.FrameReader().feed(framed(REFUSED[what]))


@pytest.mark.parametrize("depth", [MAX_COMMAND_DEPTH + 2, 300, 900, 10_000, 1_000_000])
def test_a_command_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(wire.BadFrame):
        wire.decode(nested(depth))
    with pytest.raises(wire.BadFrame):
        wire.decode(nested(depth, b'{"a":', b"}").replace(b'{"a":}', b"{}"))


def test_a_command_nested_as_deeply_as_a_node_takes_it_passes() -> None:
    assert wire.decode(nested(MAX_COMMAND_DEPTH))
    many_brackets = tuple(LogEntry([[i], {"a": i}], 1) for i in range(500))
    frame = wire.Call(1, AppendEntriesArgs(1, 0, -1, -1, many_brackets, -1))
    assert wire.FrameReader().feed(wire.encode(frame)) == [frame]


def frame_or_refused(body: bytes) -> None:
    """What is taken for a frame is the same when it is sent on; all else is refused with a reason."""
    try:
        frame = wire.decode(body)
    except wire.BadFrame as refusal:
        said = str(refusal)
    else:
        assert wire.FrameReader().feed(wire.encode(frame)) == [frame]
        return
    assert said.startswith("a frame cannot be read: ")


@settings(thorough, max_examples=several(500))
@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_refused(body: bytes) -> None:
    frame_or_refused(body)


@settings(thorough, max_examples=several(500))
@given(st.sampled_from(FRAMES), st.data())
def test_a_frame_that_was_damaged_is_a_frame_or_refused(frame: wire.Frame, data: st.DataObject) -> None:
    body = bytearray(msgspec.json.encode(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    frame_or_refused(bytes(body))


# ---- what nobody can forge


def test_both_ends_know_each_other_by_their_proofs() -> None:
    challenge = wire.MAGIC + wire.new_nonce()
    answer, expected = wire.response(SECRET, challenge, 2, 5)
    assert len(challenge) == wire.CHALLENGE_BYTES
    assert len(answer) == wire.RESPONSE_BYTES
    assert wire.check_response(SECRET, challenge, answer, 5) == (2, expected)


def test_a_response_proves_nothing_anywhere_else() -> None:
    challenge = wire.MAGIC + wire.new_nonce()
    answer, expected = wire.response(SECRET, challenge, 2, 5)
    assert wire.check_response(OTHER, challenge, answer, 5) is None
    assert wire.check_response(SECRET, wire.MAGIC + wire.new_nonce(), answer, 5) is None
    assert wire.check_response(SECRET, challenge, answer, 4) is None
    assert wire.check_response(SECRET, challenge, (3).to_bytes(2, "big") + answer[2:], 5) is None
    assert wire.check_response(SECRET, challenge, answer[:34] + expected, 5) is None


def test_every_bit_of_a_response_counts() -> None:
    challenge = wire.MAGIC + wire.new_nonce()
    answer, _ = wire.response(SECRET, challenge, 2, 5)
    for at in range(8 * len(answer)):
        changed = bytearray(answer)
        changed[at // 8] ^= 1 << at % 8
        assert wire.check_response(SECRET, challenge, bytes(changed), 5) is None


def test_no_nonce_comes_twice() -> None:
    assert len({wire.new_nonce() for _ in range(1000)}) == 1000
