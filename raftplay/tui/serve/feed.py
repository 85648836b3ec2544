"""The replay that browsers follow, as the server sees it: a page, and parts that only grow in number."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from raftplay.session.branches import Branch
from raftplay.tui.serve.address import Address


class BranchPlace(NamedTuple):
    """A place on a branch: the last event that was shown, and the one that is looked at, both by number."""

    branch: Branch
    seq: int
    looks_at: int


@runtime_checkable
class Feed(Protocol):
    """The stream that browsers follow. All of it is called by the thread of the server."""

    @property
    def version(self) -> int:
        """Return the number of parts so far."""

    def page(self) -> bytes:
        """Return the page."""

    def update(self) -> None:
        """Take in what happened since."""

    def since(self, has: int) -> tuple[int, bytes]:
        """Return the number of parts so far, and what a browser that has `has` of them gets; -1 for none."""


class Audience(NamedTuple):
    """The viewers: the address at which they can, and what makes the replay that they follow."""

    address: Address
    feed: Callable[[Callable[[], BranchPlace]], Feed]
