"""The results of a measurement, figures and curves, and the steps that produce them.

The rule of this package: a figure stands next to its floor, if it has one, measured in the same run. The machine
may be slow or busy; the ratio shows raftplay's own cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `group` is the name of its measurement in `--only`.

    `floor` is a lower bound for the same work on this machine, in the same unit (for a rate: an upper bound).
    """

    group: str
    what: str
    value: float
    unit: str
    floor: float | None = None

    @property
    def is_rate(self) -> bool:
        """Tell whether higher is better."""
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """Return the cost as a multiple of the floor; None without a floor."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.is_rate else self.value / self.floor


@dataclass(frozen=True, slots=True)
class Curve:
    """A distribution of `what`, in ms, sorted. Trials that did not end by `limit` ms count as that long."""

    chart: str
    what: str
    times: tuple[float, ...]
    limit: float


Measured = Figure | Curve


@dataclass(frozen=True, slots=True)
class Options:
    """The options: `nodes` of all clusters (None: each measurement's default), `quick` for a rough measurement."""

    nodes: int | None = None
    quick: bool = False

    def of(self, nodes: int) -> int:
        """Return the number of nodes of a cluster whose default is `nodes`."""
        return self.nodes or nodes

    def times(self, count: int) -> int:
        """Return the number of repetitions, by default `count`."""
        return max(1, count // 10) if self.quick else count


@dataclass(frozen=True, slots=True)
class BenchStep:
    """A part of a run that takes about `seconds`: `what` describes it, `measure` runs it."""

    what: str
    seconds: float
    measure: Callable[[], Sequence[Measured]]


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]
