"""The command `raftplay bench`: it chooses the steps, runs them one by one, and prints their results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from raftplay.bench import report, rival
from raftplay.bench.clusters import Stalled
from raftplay.bench.figures import BenchStep, Measured, Options
from raftplay.bench.measurements import MEASUREMENTS
from raftplay.cluster.checks import CheckFailed
from raftplay.errors import UsageError
from raftplay.session.shown import did_you_mean, quoted
from raftplay.session.status import Status

BAR = 24
"""Columns of the progress bar."""


@dataclass(frozen=True, slots=True)
class BenchProgress:
    """The progress of the run: `share` of its time is over, and `what` comes next ("" at the end)."""

    share: float
    what: str

    def __str__(self) -> str:
        return f"[{'#' * int(BAR * self.share):<{BAR}}] {self.what}"


def plan(only: Sequence[str], against: str | None, options: Options) -> list[BenchStep]:
    """Return the steps to run; all of them if `only` is empty. Raises `UsageError`.

    The measurement of `against` has the name "against".
    """
    known = {name: measurement.steps for name, measurement in MEASUREMENTS.items()}
    if against is not None:
        rivals = rival.steps(against, options)
        known["against"] = lambda _: rivals
    for name in only:
        if name not in known:
            hint = did_you_mean(name, known) or f"; {', '.join(known)}"
            raise UsageError(f"unknown measurement {quoted(name)}{hint}")
    return [step for name in known if name in only or not only for step in known[name](options)]


def bench(
    only: Sequence[str],
    against: str | None,
    options: Options,
    *,
    as_json: bool,
    write: Callable[[str], None],
    watch: Callable[[BenchProgress], None],
) -> Status:
    """Measure and print. After Ctrl-C, or a measurement that does not end, print the results so far.

    Raises `UsageError` before anything is measured.
    """
    steps = plan(only, against, options)
    found: list[Measured] = []
    status, stopped = Status.HELD, None
    try:
        for at, step in enumerate(steps):
            watch(BenchProgress(_share(steps, at), step.what))
            found += _measured(step)
    except KeyboardInterrupt:
        status, stopped = Status.INTERRUPTED, "interrupted"
    except (Stalled, CheckFailed) as failed:
        status, stopped = Status.FAILED, str(failed)
    watch(BenchProgress(1.0, ""))
    write(report.as_json(found, options, stopped) if as_json else report.text(found, stopped))
    return status


def _measured(step: BenchStep) -> Sequence[Measured]:
    """Run the step, once more if it fails: on a busy machine a leader may be deposed by chance, but not twice."""
    try:
        return step.measure()
    except (Stalled, CheckFailed):
        return step.measure()


def _share(steps: Sequence[BenchStep], done: int) -> float:
    whole = sum(step.seconds for step in steps) or 1.0
    return sum(step.seconds for step in steps[:done]) / whole
