"""Who talks to a node over its socket without being its peer."""

import contextlib
import socket

from raftplay import Harness
from raftplay.backends import wire


class Client:
    """A plain socket to a node's listener."""

    def __init__(self, addr: tuple[str, int]) -> None:
        self.socket = socket.create_connection(addr, timeout=10)
        self.challenge = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def read(self, length: int) -> bytes:
        """So many bytes, or as many as came before the node closed the connection."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while len(data) < length and (more := self.socket.recv(length - len(data))):
                data += more
        return data

    def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # it may be closed already
            self.socket.sendall(data)

    def is_closed(self) -> bool:
        """Whether the node closes the connection and says nothing more."""
        return self.read(1) == b""

    def prove(self, secret: bytes, me: int, node: int) -> bool:
        """Shake hands as node `me`; whether the node takes that."""
        self.challenge = self.read(wire.CHALLENGE_BYTES)
        answer, expected = wire.response(secret, self.challenge, me, node)
        self.send(answer)
        return self.read(wire.PROOF_BYTES) == expected

    def reply(self) -> wire.Frame:
        """The next frame that comes."""
        length = int.from_bytes(self.read(wire.LENGTH_BYTES), "big")
        return wire.decode(self.read(length))


def secret_of(h: Harness) -> bytes:
    return h._backend.secret  # type: ignore[attr-defined, no-any-return]
