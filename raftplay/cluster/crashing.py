"""Crashing: how a node goes down by its disk or by its code, or because a user stops it."""

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

from raftplay.cluster.raised import NodeRaised

OnCrash = Callable[[int, str, NodeRaised | None], None]
"""Is called with the node's id, the reason, and the failure if its code raised."""


class Process(Protocol):
    """A server that can crash."""

    id: int
    stopped: bool

    @property
    def crashing(self) -> "Crashing":
        """Return its crashes."""

    def stop(self) -> None:
        """Stop everything."""


P = TypeVar("P", bound=Process)
Arguments = TypeVarTuple("Arguments")


class Crashing:
    """The crash of `process`: `on_crash` is told of it and calls `stop`; without it, the process stops itself."""

    def __init__(self, process: Process, on_crash: OnCrash | None) -> None:
        self._process = process
        self._on_crash = on_crash
        self._by_code = self._by_disk = False
        self.failure: NodeRaised | None = None
        """The failure with which it crashes as soon as it settles."""

    @property
    def is_known(self) -> bool:
        """Tell whether somebody is told of crashes; nobody is if there is no `on_crash`."""
        return self._on_crash is not None

    @property
    def has_begun(self) -> bool:
        """Tell whether its disk or its code makes it crash: nothing of it leaves any more."""
        return self._by_code or self._by_disk

    @property
    def is_by_code(self) -> bool:
        """Tell whether its code makes it crash."""
        return self._by_code

    def raise_failure(self) -> None:
        """Raise the failure that waited for the process to settle, if there is one."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def by_code(self, failure: NodeRaised) -> None:
        """Crash because of `failure`. Raises it if it is another node's, or if nobody is told of the crash."""
        process = self._process
        if failure.node != process.id:
            raise failure
        self._by_code = True
        if process.stopped or self._on_crash is None:
            process.stop()
            raise failure
        self._on_crash(process.id, failure.cause, failure)

    def by_disk(self, cause: str = "") -> None:
        """Crash because a write of the node failed: its disk may hold a part of it."""
        self._by_disk = True
        self.now(cause)

    def now(self, cause: str = "") -> None:
        """Crash, unless it has."""
        process = self._process
        if process.stopped:
            return
        if self._on_crash is not None:
            self._on_crash(process.id, cause, None)
        else:
            process.stop()


def crashes_by_failures(step: Callable[[P, *Arguments], None]) -> Callable[[P, *Arguments], None]:
    """Make a process crash when its node's code raises in `step`: nothing of this input leaves the node then."""

    def guarded(process: P, *args: *Arguments) -> None:
        try:
            step(process, *args)
        except NodeRaised as failure:
            process.crashing.by_code(failure)

    return guarded
