"""FaultChooser: chooses faults at run time, as commands that a script can repeat.

A chooser looks at the cluster and names the next command and the pause before it. All its choices come from
its own seed, so the run's seed alone determines the run, and each command is recorded.
"""

import random
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from raftplay.cluster import checks
from raftplay.cluster.harness import Harness


@dataclass
class FaultChooser:
    """Chooses commands for one run. `step` returns the pause before the next one, in ms, and the command."""

    harness: Harness
    rng: random.Random
    weights: dict[str, float]
    acts: "dict[str, ChooseAct]"
    """Every act by its name; `weights` says how often each is chosen."""

    submitted: int = 0
    next: list[tuple[float, str]] = field(default_factory=list)
    """The steps that an act has begun and that come next, before another act is chosen."""

    led: list[int] = field(default_factory=list)
    """The nodes that were seen as leader, each once, the latest last."""

    def __post_init__(self) -> None:
        self._leader: int | None = None
        self._names = list(self.weights)
        self._sums = list(accumulate(self.weights.values()))

    def step(self) -> tuple[float, str]:
        """Return (pause in ms, command); a submit replaces a command that is impossible now."""
        self._note_leader()
        if self.next:
            return self.next.pop(0)
        at = bisect(self._sums, self.rng.random() * self._sums[-1], 0, len(self._sums) - 1)
        name = self._names[at]  # as `rng.choices` does it, without its checks
        pause, command = self.acts[name](self)
        if command is None:
            pause, command = self.acts["submit"](self)
            assert command is not None
        return round(pause, 1), command

    # ---- the state of the cluster

    def alive(self) -> list[int]:
        """Return the running nodes."""
        return [id for id, alive in enumerate(self.harness.alive) if alive]

    def down(self) -> list[int]:
        """Return the nodes that can be restarted."""
        return [id for id, alive in enumerate(self.harness.alive) if not alive and not self.harness.wiped[id]]

    def leader(self) -> int | None:
        """Return the leader, preferably a connected one, at the beginning of this step."""
        return self._leader

    def _note_leader(self) -> None:
        found = checks.leaders(self.harness)
        self._leader = leader = found[0] if found else None
        if leader is not None and self.led[-1:] != [leader]:
            self.led = [*(id for id in self.led if id != leader), leader]

    def any_of(self, ids: list[int]) -> int | None:
        """Return one of `ids`, or None if there is none."""
        return self.rng.choice(ids) if ids else None

    def group_of_most(self) -> list[int]:
        """Return the running nodes in the largest group of a partition."""
        groups = self.harness.network.groups
        return [id for id in self.alive() if not groups or id in max(groups, key=len)]

    def group_of(self, id: int) -> list[int]:
        """Return the nodes on the same side of a partition as `id`, without it."""
        groups = self.harness.network.groups or (tuple(range(self.harness.n)),)
        return [other for group in groups if id in group for other in group if other != id]

    def link(self) -> str:
        """Return one direction of a random link."""
        src, dst = self.rng.sample(range(self.harness.n), 2)
        return f"{src}->{dst}"


WeightedAct = tuple[float, str | None]
"""The pause before an act, in ms, and its command; None if it is impossible now."""

ChooseAct = Callable[[FaultChooser], WeightedAct]
