"""Waits for a cluster: they end early when something fails, which they raise, or when another thread says so."""

from collections.abc import Callable

from raftplay.backends.base import Backend, TimeStandsStill, check_duration
from raftplay.cluster import arguments, checks
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.cluster import Cluster
from raftplay.errors import UsageError
from raftplay.watch.invariants import Breach

__tracebackhide__ = checks.__tracebackhide__

MIN_SPEED, MAX_SPEED = 0.001, 100.0


class Interrupted(Exception):
    """Raised by a wait that `Harness.interrupt` ended early."""


class Waits:
    """The waits for the cluster `members`. `between` is called when a wait gives way, before it continues."""

    def __init__(self, backend: Backend, members: Cluster) -> None:
        self.between: Callable[[], None] | None = None
        self._backend = backend
        self._members = members
        self._failures = members.failures
        self._interrupted = False
        self._gives_way = False

    def sleep_ms(self, ms: float) -> None:
        """Wait for `ms` milliseconds of cluster time. Raises `UsageError` while time is paused."""
        self.pass_time(arguments.number(ms, "ms must be a number of milliseconds") / 1000)

    def wait_until(self, predicate: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Wait until `predicate` holds, at most `seconds` of cluster time; return whether it held in time.

        `predicate` runs inside the cluster after every change: it may read everything and must change nothing.
        """
        arguments.must_be_called(predicate, "the predicate must be a function without arguments")
        return self._wait(predicate, arguments.number(seconds, "seconds must be a number"))

    def pass_to(self, when: float) -> None:
        """Wait until cluster time is `when` seconds (in sim: exactly). Raises `UsageError` while paused."""
        self._wait(_never, until=arguments.number(when, "when must be a moment of cluster time in seconds"))

    def pass_time(self, seconds: float) -> None:
        """Wait for `seconds` of cluster time, or until the first violation of an invariant."""
        self._wait(_never, seconds)

    def keep_pace(self, *, keeps: bool = True) -> None:
        """Make waits take as much wall time as the speed says from now on, in virtual time too; or none."""
        self._backend.keep_pace(keeps)

    def kick(self) -> None:
        """Make `wait_until` evaluate its predicate again now; from any thread."""
        self._backend.kick()

    def interrupt(self) -> None:
        """End the wait under way, or the next one, with `Interrupted`; from any thread."""
        self._interrupted = True
        self._backend.kick()

    def give_way(self) -> None:
        """Make the current wait, or the next one, call `between` and then continue; from any thread."""
        self._gives_way = True
        self._backend.kick()

    def forget_interrupt(self) -> None:
        """Clear a pending `interrupt`."""
        self._interrupted = False

    def raise_failure(self) -> None:
        """Raise what failed inside and was not raised yet, one thing at a time."""
        failure = self._failures.take()
        if failure is None:
            return
        if isinstance(failure, Breach):
            seen = self._members.snapshot()
            raise InvariantBroken(failure, seen, seen.bugs)
        raise failure

    def set_speed(self, speed: float) -> None:
        """Set the speed (0.001 to 100). The change by itself never causes an election."""
        speed = arguments.number(speed, "the speed must be a number")
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise UsageError(f"the speed must be between {MIN_SPEED:g} and {MAX_SPEED:g}, not {speed:g}")
        self._backend.set_speed(speed)

    def _wait(self, predicate: Callable[[], bool], seconds: float = 0.0, until: float | None = None) -> bool:
        """Wait for `seconds`, or until time is `until`, or `predicate` holds; return whether it holds.

        Raises what ended the wait early, a violation first. A wait that gives way continues afterwards.
        """
        between = None if self._backend.paused else self.between
        if until is None and between is not None:
            with self._backend.lock:
                until = self._backend.now() + check_duration(seconds)

        failures = self._failures

        def ends() -> bool:
            if failures.breach or failures.readers or failures.disks or failures.nodes or self._interrupted:
                return True
            return (predicate is not _never and predicate()) or (self._gives_way and between is not None)

        while True:
            held = self._wait_once(ends, seconds, until)
            self.raise_failure()
            if self._interrupted:
                self._interrupted = False
                raise Interrupted
            if between is None or not self._gives_way:
                return held
            self._gives_way = False
            between()

    def _wait_once(self, ends: Callable[[], bool], seconds: float, until: float | None) -> bool:
        """Wait on the backend. A violation that came before the backend's error is raised in its place."""
        try:
            if until is None:
                return self._backend.wait_until(ends, seconds)
            return self._backend.pass_to(until, ends)
        except UsageError:
            self.raise_failure()  # the violation may have paused time
            raise
        except TimeStandsStill:
            if self._failures.pauses_at_breach:
                self._backend.halt()
            self.raise_failure()  # it came first
            raise


def _never() -> bool:
    """Return False: a condition that does not end a wait."""
    return False
