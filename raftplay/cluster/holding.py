"""The links that keep their messages in flight: all that leave on them, or only those of a kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from raftplay.raft.message_kinds import MESSAGE_KINDS
from raftplay.raft.messages import Args, Reply

Link = tuple[int, int]

ALL = ""
"""The kind that stands for all messages of a link."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The kinds of messages that each direction of a link holds. It is false if no link holds any."""

    kinds_of: Mapping[Link, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, links: Iterable[Link], kinds: Iterable[tuple[int, int, str]]) -> Self:
        """Return what holds everything on `links`, and on others messages of `kinds`."""
        held: dict[Link, frozenset[str]] = {}
        for src, dst, kind in [*((src, dst, ALL) for src, dst in links), *kinds]:
            held[src, dst] = held.get((src, dst), frozenset()) | {kind}
        return cls(held)

    def __bool__(self) -> bool:
        return bool(self.kinds_of)

    def changed(self, src: int, dst: int, kind: str, *, held: bool) -> "Holding":
        """Return the holding in which one direction holds messages of a kind too, or (not `held`) no more."""
        kinds = self.kinds_of.get((src, dst), frozenset())
        kinds = kinds | {kind} if held else kinds - {kind}
        others = {link: known for link, known in self.kinds_of.items() if link != (src, dst)}
        return Holding({**others, (src, dst): kinds} if kinds else others)

    def holds(self, src: int, dst: int, message: Args | Reply | None = None) -> bool:
        """Return whether a message from `src` to `dst` is held; without `message`, whether every one is."""
        kinds = self.kinds_of.get((src, dst), frozenset())
        return ALL in kinds or (message is not None and any(MESSAGE_KINDS[kind](message) for kind in kinds))

    @property
    def links(self) -> tuple[Link, ...]:
        """Return the directions that hold everything."""
        return tuple(sorted(link for link, kinds in self.kinds_of.items() if ALL in kinds))

    @property
    def kinds(self) -> tuple[tuple[int, int, str], ...]:
        """Return the directions that hold messages of a kind, with the kind."""
        each = ((src, dst, kind) for (src, dst), kinds in self.kinds_of.items() for kind in kinds)
        return tuple(sorted(one for one in each if one[2] != ALL))


def fits(kind: str, message: Args | Reply) -> bool:
    """Return whether a message is of a kind; all messages are of the kind `ALL`."""
    return kind == ALL or MESSAGE_KINDS[kind](message)
