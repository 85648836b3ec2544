"""The loop between standard input, a node, and standard output."""

import os
import selectors
import time
from typing import BinaryIO

import msgspec

from raftplay.maelstrom.node import MaelstromNode, lines_of

LONGEST_LINE = 16 << 20
"""The longest message that is read, in bytes; a longer one is dropped."""


def serve(node: MaelstromNode, source: BinaryIO, target: BinaryIO) -> None:
    """Give each line of `source` to `node` and write its messages to `target`, until `source` ends."""
    rest = b""
    with selectors.SelectSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while True:
            patience = min(node.deadline - time.monotonic(), 60.0)
            if patience > 0 and selector.select(patience):
                data = os.read(source.fileno(), 1 << 16)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                rest = b"" if len(rest) > LONGEST_LINE else rest
                for line in lines:
                    _write(target, node.handle(_decoded(line), time.monotonic()))
            else:
                _write(target, node.wake(time.monotonic()))


def _decoded(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None


def _write(target: BinaryIO, messages: list[dict[str, object]]) -> None:
    if messages:
        target.write(b"".join(line.encode() + b"\n" for line in lines_of(messages)))
        target.flush()
