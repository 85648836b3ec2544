"""The options of `raftplay explore --exhaustive`."""

import sys
from dataclasses import astuple, dataclass

from raftplay.cli.options import node_range
from raftplay.errors import UsageError
from raftplay.explore.exhaustive.world import Bounds

MOST_NODES = 5

NAMES = ("--terms", "--entries", "--crashes", "--in-flight", "--states", "--memory")


OF_SEEDS = (
    "--engine", "--mix", "--seconds", "--seeds", "--first-seed", "--for", "--jobs", "--shrink", "--keep-going",
    "--all-bugs", "--speed",
)  # fmt: skip
"""The options of a search by seeds; an exhaustive search draws nothing."""


def refuse_options_of_seeds() -> None:
    """Raise `UsageError` if the command line has an option of a search by seeds."""
    for name in OF_SEEDS:
        if any(word == name or word.startswith(f"{name}=") for word in sys.argv[1:]):
            raise UsageError(f"{name} is for a search by seeds, and does not go with --exhaustive")


@dataclass(frozen=True, slots=True)
class ExhaustiveOptions:
    """The options as they were given; None: not given."""

    terms: int | None
    entries: int | None
    crashes: int | None
    in_flight: int | None
    states: int | None
    memory: int | None

    def refuse(self) -> None:
        """Raise `UsageError` if one was given without --exhaustive."""
        for name, value in zip(NAMES, astuple(self), strict=True):
            if value is not None:
                raise UsageError(f"{name} is a bound of --exhaustive; add --exhaustive, or leave {name} out")

    def bounds(self, nodes: str | None) -> Bounds:
        """Return the bounds. Raises `UsageError` unless `nodes` (default: 3) is one number, not too high."""
        numbers = node_range(nodes or "3")
        if len(numbers) > 1 or numbers[0] > MOST_NODES:
            raise UsageError(f"--exhaustive takes one number of nodes, at most {MOST_NODES}, not {nodes}")
        usual = Bounds()
        return Bounds(
            numbers[0],
            usual.terms if self.terms is None else self.terms,
            usual.entries if self.entries is None else self.entries,
            usual.crashes if self.crashes is None else self.crashes,
            self.in_flight,
        )

    @property
    def most_states(self) -> int:
        """Return the number of states after which the search stops."""
        return 10_000_000 if self.states is None else self.states

    @property
    def most_bytes(self) -> int:
        """Return the memory at which the search stops."""
        return (2048 if self.memory is None else self.memory) << 20
