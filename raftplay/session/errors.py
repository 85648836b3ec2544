"""How a command can end other than well, and the one place that says so as a status and a text."""

from typing import Literal

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.raft.storage import StorageError
from raftplay.watch.stream import ReaderFailed

OutcomeStatus = Literal["held", "failed", "broken", "mistake", "interrupted"]


class Failed(Exception):
    """The failure of an expectation; its text says what was seen instead."""


FAILURES = (Failed, NodeFailed, InvariantBroken, Interrupted, UsageError, ReaderFailed, StorageError)
"""The exceptions with which a command can end."""


def outcome_of(failure: Exception) -> tuple[OutcomeStatus, str]:
    """Return the status of a command that ended with one of `FAILURES`, and the text that says why."""
    match failure:
        case InvariantBroken():
            return "broken", str(failure.breach)
        case Interrupted():
            return "interrupted", "interrupted"
        case Failed() | NodeFailed():
            return "failed", str(failure)
        case _:
            return "mistake", str(failure)
