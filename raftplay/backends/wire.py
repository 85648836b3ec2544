"""Frames between nodes, and the proof that both ends of a connection belong to one cluster.

A connection opens with a challenge and a response in both directions (HMAC-SHA256 over fresh nonces, keyed
with the cluster's secret); only then are frames read. A frame is four bytes of length, big-endian, and that
many bytes of JSON, which must decode into exactly one of the types below. Anything else closes the connection.
"""

import hashlib
import hmac
import secrets
from typing import Annotated

import msgspec

from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    NodeId,
    RequestVoteArgs,
    RequestVoteReply,
)

MAX_FRAME_BYTES = 8 << 20
"""A longer frame closes its connection."""

MAGIC = b"raftplay/1\n"
NONCE_BYTES = 32
PROOF_BYTES = 32
SECRET_BYTES = 32
CHALLENGE_BYTES = len(MAGIC) + NONCE_BYTES
RESPONSE_BYTES = 2 + NONCE_BYTES + PROOF_BYTES
LENGTH_BYTES = 4

CallId = Annotated[int, msgspec.Meta(ge=0)]


class Call(msgspec.Struct, frozen=True, array_like=True, tag="call", forbid_unknown_fields=True, gc=False):
    """A request: which one of the caller's, and what it asks."""

    id: CallId
    args: RequestVoteArgs | AppendEntriesArgs


class Answered(msgspec.Struct, frozen=True, array_like=True, tag="reply", forbid_unknown_fields=True, gc=False):
    """The answer to the call `id`."""

    id: CallId
    reply: RequestVoteReply | AppendEntriesReply


Frame = Call | Answered


class BadFrame(Exception):
    """What arrived is no frame; the connection must be closed."""


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """`frame` with its length before it. Raises `BadFrame` when it would be longer than `MAX_FRAME_BYTES`."""
    body = _encoder.encode(frame)
    if len(body) > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {len(body)} bytes cannot be sent; at most {MAX_FRAME_BYTES}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameReader:
    """Cuts a stream of bytes into frames; keeps at most one unfinished frame."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises `BadFrame`."""
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= LENGTH_BYTES:
            length = int.from_bytes(buffer[start : start + LENGTH_BYTES], "big")
            if length > MAX_FRAME_BYTES:
                raise BadFrame(f"a frame announces {length} bytes; at most {MAX_FRAME_BYTES} are read")
            end = start + LENGTH_BYTES + length
            if len(buffer) < end:
                break
            with memoryview(buffer) as view:
                body = bytes(view[start + LENGTH_BYTES : end])
            frames.append(decode(body))
            start = end
        del buffer[:start]
        return frames


def decode(body: bytes) -> Frame:
    """The frame in `body`. Raises `BadFrame`."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadFrame(f"a frame cannot be read: {error}") from None


def new_nonce() -> bytes:
    """Bytes that were never used before."""
    return secrets.token_bytes(NONCE_BYTES)


def proof(secret: bytes, role: bytes, challenge: bytes, nonce: bytes, dialer: int, listener: int) -> bytes:
    """What only a holder of `secret` can compute, for this connection and this `role` in it."""
    message = b"|".join((MAGIC, role, challenge, nonce, b"%d>%d" % (dialer, listener)))
    return hmac.new(secret, message, hashlib.sha256).digest()


def response(secret: bytes, challenge: bytes, dialer: int, listener: int) -> tuple[bytes, bytes]:
    """The dialer's answer to the listener's challenge, and the proof that it expects back."""
    nonce = new_nonce()
    answer = proof(secret, b"dial", challenge, nonce, dialer, listener)
    expected = proof(secret, b"accept", challenge, nonce, dialer, listener)
    return dialer.to_bytes(2, "big") + nonce + answer, expected


def check_response(secret: bytes, challenge: bytes, data: bytes, listener: int) -> tuple[NodeId, bytes] | None:
    """(who dialed, the listener's own proof), or None when the dialer does not know the secret."""
    dialer = int.from_bytes(data[:2], "big")
    nonce = data[2 : 2 + NONCE_BYTES]
    expected = proof(secret, b"dial", challenge, nonce, dialer, listener)
    if not hmac.compare_digest(expected, data[2 + NONCE_BYTES :]):
        return None
    return dialer, proof(secret, b"accept", challenge, nonce, dialer, listener)
