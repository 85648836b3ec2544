"""A process that was forked from one with a tcp cluster: it has a copy of that, but no thread that runs it."""

from types import TracebackType
from typing import NoReturn

from raftplay.errors import UsageError

FORKED = (
    "the cluster lives in the process from which this one was forked; make a Harness of its own here "
    '(or start processes with the method "spawn")'
)


class ForkedLock:
    """Stands in for the lock of a cluster, which nobody lets go of here: whoever wants it is told why not."""

    def __enter__(self) -> NoReturn:
        raise UsageError(FORKED)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Never comes to pass."""

    def _is_owned(self) -> bool:
        return False
