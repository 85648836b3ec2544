"""What a measurement gives: figures and curves, and the steps that they come from.

The rule of this package: a figure stands next to its floor, measured in the same run, wherever there is one. The
machine may be slow or busy; the ratio says what is raftplay's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `group` is what `--only` calls the measurement that it belongs to.

    `floor` is what the same work costs at the least on this machine, in the same unit (for a rate: the most).
    """

    group: str
    what: str
    value: float
    unit: str
    floor: float | None = None

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times the floor it costs; None without a floor."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.is_rate else self.value / self.floor


@dataclass(frozen=True, slots=True)
class Curve:
    """A distribution: of `what`, in ms, sorted. Trials that came to no end by `limit` ms count as that long."""

    chart: str
    what: str
    times: tuple[float, ...]
    limit: float


Found = Figure | Curve


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured: `nodes` of all clusters (None: as each measurement has them), `quick` for a rough look."""

    nodes: int | None = None
    quick: bool = False

    def of(self, nodes: int) -> int:
        """How many nodes a cluster has that would have `nodes`."""
        return self.nodes or nodes

    def times(self, count: int) -> int:
        """How often to repeat what deserves `count` repetitions."""
        return max(1, count // 10) if self.quick else count


@dataclass(frozen=True, slots=True)
class BenchStep:
    """A part of the whole that takes about `seconds`: what it measures in words, and how."""

    what: str
    seconds: float
    measure: Callable[[], Sequence[Found]]


def median(values: Sequence[float]) -> float:
    """The value in the middle."""
    return sorted(values)[len(values) // 2]
