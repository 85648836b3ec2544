"""Minimizes a script that fails, to one that fails in the same way.

The set-up stays as it is: only nodes become fewer. The seed stays too, unless any seed may be tried.
"""

import time
from dataclasses import dataclass, replace

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.explore.scripts.failure import Failure, play
from raftplay.explore.search.shrink import SEEDS_TRIED, Attempt, Case, Shrinker, ShrinkWatch
from raftplay.explore.search.trial import Finding, TrialPlan
from raftplay.raft.messages import NONE
from raftplay.run.script import Script
from raftplay.session.shown import quoted
from raftplay.watch.text import visible

KEEPING = "Keeping"
"""The group of commands that write files; they are left out."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The result of minimizing: the set-up and commands of the shorter script, and what it took."""

    setup: Setup
    commands: tuple[str, ...]
    failure: Finding
    before: int
    tries: int
    seconds: float
    ran_out: bool
    is_interrupted: bool


@dataclass(frozen=True, slots=True)
class Failing:
    """A script that fails the same way twice: its set-up with its seed, and its commands up to the failure."""

    setup: Setup
    commands: tuple[str, ...]
    failure: Failure

    @property
    def case(self) -> Case:
        """Return it as a case to minimize."""
        setup = self.setup
        assert setup.nodes is not None
        assert setup.seed is not None
        failure = self.failure
        return Case(
            TrialPlan(setup.seed, setup.nodes), self.commands, Finding(failure.kind, failure.text, failure.time)
        )


def commands_of(script: Script) -> list[str]:
    """Return the commands of a script, without those that write files."""
    return [step.bound.text for step in script.steps if step.bound.group != KEEPING]


def failing(script: Script, seed: int) -> Failing:
    """Run a script twice with `seed`. Raises `UsageError` if it holds, is wrong, or fails in another way then."""
    setup = replace(script.setup, seed=seed)
    commands = commands_of(script)
    name = quoted(script.name)
    first = play(setup, commands)
    if first.wrong:
        raise UsageError(f"{name} cannot be minimized, as it is wrong: {visible(first.wrong)}; mend it first")
    if first.failure is None:
        raise UsageError(f"{name} holds with seed {seed}; only a script that fails can be minimized")
    again = play(setup, commands)
    if again.failure is None or not again.failure.is_like(first.failure):
        then = "held" if again.failure is None else f"failed by {again.failure.kind}"
        raise UsageError(
            f"{name} failed by {visible(first.failure.kind)}, and then {visible(then)}: "
            "only what fails the same way each time can be minimized; try backend sim"
        )
    return Failing(setup, tuple(first.commands), first.failure)


def shrink_script(found: Failing, limit: float, progress: ShrinkWatch, *, any_seed: bool = False) -> Shrunk:
    """Minimize a script within `limit` seconds of wall time; Ctrl-C ends it with the smallest so far."""
    shrinker = Shrinker(
        found.case,
        limit=limit,
        progress=progress,
        attempt=attempt_of(found),
        seeds=SEEDS_TRIED if any_seed else 1,
    )
    start, is_interrupted = time.monotonic(), False
    try:
        case = shrinker.shrink()
    except KeyboardInterrupt:
        case, is_interrupted = shrinker.case, True
    setup = _planned(found.setup, case.plan)
    return Shrunk(
        setup,
        case.commands,
        case.finding,
        before=len(found.commands),
        tries=shrinker.runs,
        seconds=time.monotonic() - start,
        ran_out=shrinker.ran_out,
        is_interrupted=is_interrupted,
    )


def attempt_of(found: Failing) -> Attempt:
    """Return the attempt that runs a candidate as a script, and wants the same failure.

    If the correct algorithm does not fail so, it must not fail so with the candidate either.
    """
    deviates = bool(found.setup.bugs or found.setup.node) and not _fails(correct(found.setup), found, ())

    def attempt(plan: TrialPlan, commands: list[str]) -> Case | None:
        setup = _planned(found.setup, plan)
        played = play(setup, commands, found.failure)
        if played.failure is not None and not played.is_exact:
            played = play(setup, list(played.commands), found.failure)
        failure = played.failure
        if failure is None or not failure.is_like(found.failure) or not played.is_exact:
            return None
        if setup.backend == "tcp" and not _fails(setup, found, played.commands):
            return None
        if deviates and found.failure.is_check and _fails(correct(setup), found, commands):
            return None
        return Case(plan, tuple(played.commands), Finding(failure.kind, failure.text, failure.time))

    return attempt


def _planned(setup: Setup, plan: TrialPlan) -> Setup:
    """Return the set-up with the nodes and the seed of a plan, and the disks that are given to those nodes."""
    disks = [
        disk if disk.voted_for < plan.nodes else replace(disk, voted_for=NONE)
        for disk in setup.given
        if disk.node < plan.nodes
    ]
    return replace(setup, nodes=plan.nodes, seed=plan.seed, given=disks)


def correct(setup: Setup) -> Setup:
    """Return the set-up for the correct algorithm."""
    return replace(setup, bugs=[], node=None)


def _fails(setup: Setup, found: Failing, commands: tuple[str, ...] | list[str]) -> bool:
    failure = play(setup, commands or found.commands, found.failure).failure
    return failure is not None and failure.is_like(found.failure)
