"""The outcome of a command: the one place that turns an exception that ended it into a status and a text."""

from dataclasses import dataclass, field

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.raft.storage import StorageError
from raftplay.session.errors import Failed
from raftplay.session.status import Status
from raftplay.watch.invariants import Breach
from raftplay.watch.stream import ReaderFailed

FAILURES = (Failed, NodeFailed, InvariantBroken, Interrupted, UsageError, ReaderFailed, StorageError)
"""The exceptions with which a command can end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one command: its text, cluster time (seconds) at its end, and its answer or why it has none.

    `failure` is the exception with which it ended, if it did not hold.
    """

    text: str
    time: float
    answer: str
    status: Status = Status.HELD
    failure: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def held(self) -> bool:
        """Return whether the command succeeded."""
        return self.status is Status.HELD

    @property
    def breach(self) -> Breach | None:
        """Return the violation of an invariant with which it ended, if it did."""
        return self.failure.breach if isinstance(self.failure, InvariantBroken) else None

    def result(self) -> str:
        """Return the answer. Raises the exception with which the command ended, if it did not hold."""
        if self.failure is not None:
            raise self.failure
        return self.answer

    def uninterrupted(self) -> "Outcome":
        """Return this outcome. Raises `Interrupted` if the command was interrupted."""
        if self.status is Status.INTERRUPTED:
            self.result()
        return self


def outcome_of(failure: BaseException, text: str = "", time: float = 0.0) -> Outcome:
    """Return the outcome of the command `text` that ended with one of `FAILURES`, or with Ctrl-C, at `time`."""
    status, answer = Status.MISUSED, str(failure)
    match failure:
        case InvariantBroken():
            status, answer = Status.FAILED, str(failure.breach)
        case Interrupted() | KeyboardInterrupt():
            status, answer = Status.INTERRUPTED, "interrupted"
        case Failed() | NodeFailed():
            status = Status.FAILED
    return Outcome(text, time, answer, status, failure)
