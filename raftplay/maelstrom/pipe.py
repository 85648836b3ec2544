"""The loop between standard input, a node, and standard output."""

import os
import selectors
import time
from typing import BinaryIO, TextIO

import msgspec

from raftplay.maelstrom.node import MaelstromNode, lines_of

LONGEST_LINE = 16 << 20
"""The longest message that is read, in bytes; a longer one is dropped."""


def serve(node: MaelstromNode, source: BinaryIO, target: BinaryIO, notes: TextIO) -> None:
    """Give each line of `source` to `node` and write its messages to `target`, until `source` ends.

    What is no message is told in `notes`, which Maelstrom keeps as the node's log, and is ignored.
    """
    rest, number = b"", 0
    with selectors.SelectSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while True:
            patience = min(node.deadline - time.monotonic(), 60.0)
            if patience > 0 and selector.select(patience):
                data = os.read(source.fileno(), 1 << 16)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    rest = b""
                    print(f"Line {number + len(lines) + 1} is ignored: it is longer than 16 MiB.", file=notes)
                for line in lines:
                    number += 1
                    message = _decoded(line)
                    if message is None:
                        print(f"Line {number} is ignored: it is not a JSON object with a body.", file=notes)
                    else:
                        _write(target, node.handle(message, time.monotonic()))
            else:
                _write(target, node.wake(time.monotonic()))


def _decoded(line: bytes) -> dict[str, object] | None:
    """Return a line as a message; None if it is none."""
    try:
        message = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("body"), dict) else None


def _write(target: BinaryIO, messages: list[dict[str, object]]) -> None:
    if messages:
        target.write(b"".join(line.encode() + b"\n" for line in lines_of(messages)))
        target.flush()
