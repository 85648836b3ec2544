"""Support for a forked process: it has a copy of its parent's tcp cluster, but no thread that runs it."""

from types import TracebackType
from typing import NoReturn

from raftplay.errors import UsageError

FORKED = (
    "the cluster runs in the process from which this one was forked; create a new Harness here "
    '(or start processes with the method "spawn")'
)


class ForkedLock:
    """A replacement for a cluster's lock, which might never be released here: it raises `UsageError`."""

    def __enter__(self) -> NoReturn:
        raise UsageError(FORKED)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: `__enter__` always raises."""
