"""The state machine of a node: the service that Raft replicates (§2). Without one, commits are only collected."""

from collections.abc import Callable
from functools import cache
from typing import Protocol, runtime_checkable

from raftplay.raft.messages import CommitEntry


@runtime_checkable
class StateMachine(Protocol):
    """The interface of a state machine. Equal entries in equal order must give equal states.

    A node applies each committed entry once, in the order of the log. A node that restarts gets a new machine, to
    which it applies its log again as it learns what is committed.
    """

    def apply(self, entry: CommitEntry) -> object:
        """Apply `entry`; return the result for the client, a JSON value."""

    def snapshot(self) -> bytes:
        """Return the whole state."""

    def restore(self, data: bytes) -> None:
        """Replace the state by one that `snapshot` returned."""


@cache
def is_machine(kind: type) -> bool:
    """Return whether a class has the methods of a `StateMachine`."""
    return issubclass(kind, StateMachine)


MachineFactory = Callable[[], StateMachine]
