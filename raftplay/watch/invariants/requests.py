"""The watcher's model of requests of clients: what is known of those that belong to a session."""

from typing import NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 4096
"""The number of requests, and of indices, of which is known what they led to: the last ones."""

RequestId = tuple[int, int]
"""A request: its session, and its number there."""


class Done(NamedTuple):
    """A request that a store applied: the index of its entry, the node, and the answer."""

    entry: int
    node: int
    answer: str


class Requests:
    """The requests, as far as they are known, of the last `MOST`."""

    __slots__ = ("by_index", "done", "refused")

    def __init__(self) -> None:
        self.done: dict[RequestId, Done] = {}
        """The first entry that applied each request."""

        self.by_index: dict[int, tuple[int, str]] = {}
        """The first node that applied each entry, and the answer."""

        self.refused: dict[RequestId, str] = {}
        """The requests of which a client was told that they were certainly not done, and by which words."""


def keep(known: dict[K, V], key: K, value: V) -> None:
    """Add what is known of `key`, unless something is; forget what was known first once there is too much."""
    known.setdefault(key, value)
    if len(known) > MOST:
        del known[next(iter(known))]
