"""The network between the nodes of one cluster, and what can go wrong with it.

Every message, call or reply, asks `Network.fate` as it leaves. A link has two directions with faults of their
own; groups (`partition`) lie above them. A message that is delayed asks again when its delay is over, so that a
cut also stops what was under way.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from raftplay.errors import UsageError


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """What is wrong with one direction of a link: chances from 0 to 1, delays in seconds."""

    cut: bool = False
    loss: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    dup: float = 0.0

    def __post_init__(self) -> None:
        for name, chance in (("loss", self.loss), ("dup", self.dup)):
            if not _is_chance(chance):
                raise UsageError(f"{name} is a chance, which lies between 0 and 1 (0% and 100%), not {chance!r}")
        if not _is_range(self.delay):
            raise UsageError(f"a delay is a range such as (0, 0.05) in seconds, not {self.delay!r}")


def _is_chance(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_range(value: object) -> bool:
    match value:
        case (int() | float() as low, int() | float() as high):
            return 0 <= low <= high < math.inf
    return False


WHOLE = LinkFaults()

AT_ONCE = (0.0,)
"""The fate of a message on a whole link: delivered once, without delay."""


class Network:
    """The links of a cluster, and the numbering of its calls."""

    def __init__(self, node_ids: Iterable[int], rng: random.Random) -> None:
        self._ids = tuple(node_ids)
        self._rng = rng
        self._links: dict[tuple[int, int], LinkFaults] = {}
        self._group_of: dict[int, int] = {}
        self._calls = 0

    def new_call_id(self) -> int:
        """A number that no other call of this cluster has."""
        self._calls += 1
        return self._calls

    def fate(self, src: int, dst: int) -> tuple[float, ...]:
        """After which delays a message from `src` arrives at `dst`: none (it is lost), one, or two."""
        if not self._links and not self._group_of:
            return AT_ONCE
        if self.blocked(src, dst):
            return ()
        faults = self._links.get((src, dst), WHOLE)
        if faults.loss and self._rng.random() < faults.loss:
            return ()
        copies = 2 if faults.dup and self._rng.random() < faults.dup else 1
        low, high = faults.delay
        return tuple(low + (high - low) * self._rng.random() for _ in range(copies))

    def blocked(self, src: int, dst: int) -> str | None:
        """Why nothing gets from `src` to `dst`; None when something may."""
        if self._group_of and self._group_of[src] != self._group_of[dst]:
            return "partition"
        faults = self._links.get((src, dst))
        return "cut" if faults is not None and faults.cut else None

    def faults(self, src: int, dst: int) -> LinkFaults:
        """The faults of one direction of a link."""
        return self._links.get((src, dst), WHOLE)

    def set_faults(self, src: int, dst: int, faults: LinkFaults) -> None:
        """From now on the direction from `src` to `dst` has these faults."""
        if faults == WHOLE:
            self._links.pop((src, dst), None)
        else:
            self._links[src, dst] = faults

    def cut(self, src: int, dst: int) -> None:
        """Nothing gets from `src` to `dst` any more."""
        self.set_faults(src, dst, replace(self.faults(src, dst), cut=True))

    def join(self, src: int, dst: int) -> None:
        """Undo `cut`."""
        self.set_faults(src, dst, replace(self.faults(src, dst), cut=False))

    def partition(self, groups: Iterable[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
        """Split the nodes; those not named form the last group. The groups. Raises `UsageError`."""
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
        """All links are whole: no groups, no cuts, no loss, delay or duplicates."""
        self._group_of = {}
        self._links = {}

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The groups of the partition in force; empty without one."""
        if not self._group_of:
            return ()
        return tuple(
            tuple(n for n in self._ids if self._group_of[n] == at)
            for at in range(1 + max(self._group_of.values()))
        )

    @property
    def faulty_links(self) -> dict[tuple[int, int], LinkFaults]:
        """The directions of links that are not whole."""
        return dict(self._links)
