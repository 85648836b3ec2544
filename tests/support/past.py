"""A cluster beside which its past is rebuilt from its events, and compared with it after every change."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, TypeVar

from raftplay.cluster.harness import Harness
from raftplay.cluster.snapshot import Snapshot
from raftplay.past.world import World
from raftplay.watch.stream import Reader
from support.amount import THOROUGH
from support.why_witness import disk

T = TypeVar("T")

EVERY = 1 if THOROUGH else 4
"""The number of changes from one look to the next while time passes, after the first ones."""

FIRST = 40
"""So many changes are looked at each: all of a short story."""


class Compared(Harness):
    """A Harness with a `world` that reads its events; at the settled moments the two must be the same.

    That is after each act, after each of the `FIRST` changes while time passes, and then after one of `EVERY`. `looks` counts those moments. The messages in flight are the same in sim; over sockets some are on the wire.
    """

    def __init__(self, n: int, *, readers: Iterable[Reader] = (), **choices: Any) -> None:
        self.world = World()
        self.looks = self._changes = 0
        super().__init__(n, readers=[*readers, self.world], **choices)
        wait_until, pass_to = self._backend.wait_until, self._backend.pass_to
        self._backend.wait_until = lambda ends, seconds: wait_until(self._comparing(ends), seconds)  # type: ignore[method-assign]
        self._backend.pass_to = lambda when, ends: pass_to(when, self._comparing(ends))  # type: ignore[method-assign]

    def compare(self) -> None:
        with self.lock:
            self.looks += 1
            now = self.snapshot()
            then = self.world.snapshot(now, now.time)
            assert then == now, difference(now, then)
            for node in now.nodes:
                if not node.alive:
                    seen = (node.current_term, node.voted_for, list(node.log))
                    assert seen == disk(self, node.id), f"not what is on the disk of n{node.id}"
                    assert (node.commit_index, node.last_applied) == (-1, -1)
            flying = Counter(map(message_key, self.flights.everything()))
            known = Counter(map(message_key, self.world.messages(now.time)))
            assert not flying - known, "the events do not tell of these messages in flight"
            if self.backend == "sim":
                assert not known - flying, "these messages are not in flight"

    def _comparing(self, ends: Callable[[], bool]) -> Callable[[], bool]:
        def compared() -> bool:
            if self._changes < FIRST or self._changes % EVERY == 0:
                self.compare()
            self._changes += 1
            return ends()

        return compared

    def _act(self, action: Callable[[], T]) -> T:
        result = super()._act(action)
        self.compare()
        return result


def difference(now: Snapshot, then: Snapshot) -> str:
    """What differs, field by field."""
    lines = [f"at {now.time} s:", *_fields("", now, then)]
    for one, other in zip(now.nodes, then.nodes, strict=True):
        lines += _fields(f"n{one.id} ", one, other)
    return "\n".join(lines)


def _fields(whose: str, now: Any, then: Any) -> list[str]:
    pairs = [(f.name, getattr(now, f.name), getattr(then, f.name)) for f in fields(now) if f.name != "nodes"]
    return [f"{whose}{name} was {one!r}, not {other!r}" for name, one, other in pairs if one != other]


def message_key(flight: Any) -> tuple[int, int, int, str]:
    """What the present and the past say of one message in flight."""
    return flight.call_id, flight.src, flight.dst, repr(flight.message)
