"""The frames between nodes, and the proof that both ends of a connection belong to one cluster.

A connection begins with a challenge and a response in both directions (HMAC-SHA256 over fresh nonces, with the
cluster's secret as key); frames follow. A frame is its length in four bytes, big-endian, and that many bytes of
JSON, which must decode into exactly one of the types below. Anything else closes the connection.
"""

import hashlib
import hmac
import secrets
import struct
from typing import Annotated

import msgspec

from raftplay.raft.commands import MAX_COMMAND_DEPTH, check_command
from raftplay.raft.messages import (
    MAX_NUMBER,
    AppendEntriesArgs,
    Args,
    Entry,
    NodeId,
    Reply,
)

MAX_FRAME_BYTES = 8 << 20
"""The maximum length of a frame; a longer one closes its connection."""

MAGIC = b"raftplay/1\n"
NONCE_BYTES = 32
PROOF_BYTES = 32
SECRET_BYTES = 32
CHALLENGE_BYTES = len(MAGIC) + NONCE_BYTES
RESPONSE_BYTES = 2 + NONCE_BYTES + PROOF_BYTES
LENGTH_BYTES = 4

_length_at = struct.Struct(">I").unpack_from

CallId = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class Call(msgspec.Struct, frozen=True, array_like=True, tag="call", forbid_unknown_fields=True, gc=False):
    """A request: its number at the sender, and its arguments."""

    id: CallId
    args: Args


class Answered(msgspec.Struct, frozen=True, array_like=True, tag="reply", forbid_unknown_fields=True, gc=False):
    """The reply to the request `id`."""

    id: CallId
    reply: Reply


Frame = Call | Answered


class BadFrame(Exception):
    """Raised when the arrived bytes are not a valid frame; the connection must be closed."""


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Return `frame` in bytes, after its length. Raises `BadFrame` if it is longer than `MAX_FRAME_BYTES`."""
    body = _encoder.encode(frame)
    length = len(body)
    if length > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {length} bytes cannot be sent; at most {MAX_FRAME_BYTES}")
    return length.to_bytes(LENGTH_BYTES, "big") + body


class FrameReader:
    """A reader that splits a stream of bytes into frames; it keeps at most one unfinished frame."""

    __slots__ = ("_unread",)

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes. Raises `BadFrame`; then none of them may be used."""
        if not self._unread:
            body = len(data) - LENGTH_BYTES
            if 0 < body <= MAX_FRAME_BYTES and _length_at(data) == (body,):
                return [decode(data[LENGTH_BYTES:])]  # usually one whole frame
            frames, read = _cut(data)
            if read < len(data):
                self._unread += data[read:]
            return frames
        self._unread += data
        frames, read = _cut(self._unread)
        del self._unread[:read]
        return frames


def _cut(data: bytes | bytearray) -> tuple[list[Frame], int]:
    """Return the whole frames at the beginning of `data`, and their size in bytes."""
    frames: list[Frame] = []
    start, available = 0, len(data)
    while start + LENGTH_BYTES <= available:
        (length,) = _length_at(data, start)
        if length > MAX_FRAME_BYTES:
            raise BadFrame(f"a frame announces {length} bytes; at most {MAX_FRAME_BYTES} are read")
        end = start + LENGTH_BYTES + length
        if available < end:
            break
        frames.append(decode(data[start + LENGTH_BYTES : end]))
        start = end
    return frames, start


def decode(body: bytes | bytearray) -> Frame:
    """Return the frame in `body`. Raises `BadFrame`."""
    try:
        frame = _decoder.decode(body)
        if isinstance(frame, Call) and isinstance(frame.args, AppendEntriesArgs) and frame.args.entries:
            _check_commands(frame.args.entries, body)
    except (ValueError, RecursionError) as error:  # msgspec's errors and CommandRefused are ValueErrors
        raise BadFrame(f"a frame cannot be read: {error}") from None
    return frame


def _check_commands(entries: tuple[Entry, ...], body: bytes | bytearray) -> None:
    """Raise `CommandRefused` for a command nested deeper than a node accepts from a user: copying it recurses."""
    brackets = body.count(b"[") + body.count(b"{") - len(entries)
    if brackets <= MAX_COMMAND_DEPTH:
        return  # too few brackets to be nested too deep
    for entry in entries:
        if isinstance(entry.command, (list, dict)):
            check_command(entry.command)


def new_nonce() -> bytes:
    """Return random bytes for a new nonce."""
    return secrets.token_bytes(NONCE_BYTES)


def proof(secret: bytes, role: bytes, challenge: bytes, nonce: bytes, dialer: int, listener: int) -> bytes:
    """Return the proof that only a holder of `secret` can compute, for this connection and this `role` in it."""
    message = b"|".join((MAGIC, role, challenge, nonce, b"%d>%d" % (dialer, listener)))
    return hmac.new(secret, message, hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Tell whether two proofs are equal, in constant time."""
    return hmac.compare_digest(one, other)


def response(secret: bytes, challenge: bytes, dialer: int, listener: int) -> tuple[bytes, bytes]:
    """Return the dialer's response to the listener's challenge, and the proof that it expects back."""
    nonce = new_nonce()
    answer = proof(secret, b"dial", challenge, nonce, dialer, listener)
    expected = proof(secret, b"accept", challenge, nonce, dialer, listener)
    return dialer.to_bytes(2, "big") + nonce + answer, expected


def check_response(secret: bytes, challenge: bytes, data: bytes, listener: int) -> tuple[NodeId, bytes] | None:
    """Return (the dialer's id, the listener's proof), or None when the dialer does not know the secret."""
    dialer = int.from_bytes(data[:2], "big")
    nonce = data[2 : 2 + NONCE_BYTES]
    expected = proof(secret, b"dial", challenge, nonce, dialer, listener)
    if not same(expected, data[2 + NONCE_BYTES :]):
        return None
    return dialer, proof(secret, b"accept", challenge, nonce, dialer, listener)
