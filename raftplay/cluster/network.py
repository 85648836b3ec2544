"""The network between the nodes of one cluster, and its faults.

`Network.fate` decides about every message, request or reply, when it is sent. Each of a link's two directions has
separate faults; groups (`partition`) come on top. `blocked` is checked again when a message's delay is over, so
that a cut also stops messages in flight.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from raftplay.errors import UsageError


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """The faults of one direction of a link: probabilities from 0 to 1, delays in seconds."""

    cut: bool = False
    loss: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    dup: float = 0.0

    def __post_init__(self) -> None:
        for name, chance in (("loss", self.loss), ("dup", self.dup)):
            if not _is_chance(chance):
                raise UsageError(f"{name} is a chance, which lies between 0 and 1 (0% and 100%), not {chance!r}")
        if not _is_range(self.delay):
            raise UsageError(f"a delay must be a range in seconds, such as (0, 0.05), not {self.delay!r}")


def _is_chance(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_range(value: object) -> bool:
    match value:
        case (int() | float() as low, int() | float() as high):
            return 0 <= low <= high < math.inf
    return False


WHOLE = LinkFaults()

AT_ONCE = (0.0,)
"""The fate of a message on a link without faults: delivered once, without delay."""


class Network:
    """The links of a cluster, and the numbering of its RPCs."""

    def __init__(self, node_ids: Iterable[int], rng: random.Random) -> None:
        self._ids = tuple(node_ids)
        self._rng = rng
        self._links: dict[tuple[int, int], LinkFaults] = {}
        self._group_of: dict[int, int] = {}
        self._calls = 0

    def new_call_id(self) -> int:
        """Return a new number for an RPC, unique in this cluster."""
        self._calls += 1
        return self._calls

    def fate(self, src: int, dst: int) -> tuple[float, ...]:
        """Return the delays, in seconds, after which a message arrives: none (it is lost), one, or two."""
        if not self._links and not self._group_of:
            return AT_ONCE
        if self.blocked(src, dst):
            return ()
        faults = self._links.get((src, dst), WHOLE)
        if faults.loss and self._rng.random() < faults.loss:
            return ()
        is_double = faults.dup and self._rng.random() < faults.dup
        low, high = faults.delay
        delay = low + (high - low) * self._rng.random()
        return (delay, low + (high - low) * self._rng.random()) if is_double else (delay,)

    def blocked(self, src: int, dst: int) -> str | None:
        """Return why no message gets from `src` to `dst`; None when messages may."""
        if self._group_of and self._group_of[src] != self._group_of[dst]:
            return "partition"
        faults = self._links.get((src, dst))
        return "cut" if faults is not None and faults.cut else None

    def faults(self, src: int, dst: int) -> LinkFaults:
        """Return the faults of one direction of a link."""
        return self._links.get((src, dst), WHOLE)

    def set_faults(self, src: int, dst: int, faults: LinkFaults) -> None:
        """Set the faults of the direction from `src` to `dst`."""
        if faults == WHOLE:
            self._links.pop((src, dst), None)
        else:
            self._links[src, dst] = faults

    def cut(self, src: int, dst: int) -> None:
        """Cut the direction from `src` to `dst`."""
        self.set_faults(src, dst, replace(self.faults(src, dst), cut=True))

    def join(self, src: int, dst: int) -> None:
        """Undo `cut`."""
        self.set_faults(src, dst, replace(self.faults(src, dst), cut=False))

    def partition(self, groups: Iterable[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
        """Split the nodes, those not named into a last group; return the groups. Raises `UsageError`."""
        named = [tuple(sorted(set(group))) for group in groups]
        seen: set[int] = set()
        for group in named:
            for node in group:
                if node not in self._ids:
                    raise UsageError(f"there is no node {node}; the nodes are 0 to {len(self._ids) - 1}")
                if node in seen:
                    raise UsageError(f"node {node} stands in two groups of the partition")
                seen.add(node)
        rest = tuple(node for node in self._ids if node not in seen)
        split = tuple(group for group in (*named, rest) if group)
        self._group_of = {node: at for at, group in enumerate(split) for node in group} if len(split) > 1 else {}
        return split

    def heal(self) -> None:
        """Restore all links: remove groups, cuts, loss, delay and duplicates."""
        self._group_of = {}
        self._links = {}

    @property
    def is_whole(self) -> bool:
        """Tell whether no link has a fault, and no partition is in force."""
        return not self._links and not self._group_of

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the groups of the current partition; empty without one."""
        if not self._group_of:
            return ()
        return tuple(
            tuple(n for n in self._ids if self._group_of[n] == at)
            for at in range(1 + max(self._group_of.values()))
        )

    @property
    def faulty_links(self) -> dict[tuple[int, int], LinkFaults]:
        """Return the directions of links that have faults, with these."""
        return dict(self._links)
