"""Minimizes a schedule that breaks something, so that a person can read it.

A shorter schedule is kept when it causes the same finding with some seed: leaving a command out changes every
later random choice, so a candidate is tried with a few seeds. A command that has become impossible (restarting
a node that did not crash) is dropped.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any

from raftplay.cluster.config import MAX_NODES
from raftplay.explore.search.trial import LIVENESS, Finding, TrialPlan, rerun
from raftplay.language.cursor import Scope
from raftplay.language.lexer import split_line
from raftplay.language.table import Bound, parse

SEEDS_TRIED = 4
"""The number of seeds with which a shorter candidate is tried."""

MIN_NODES = 2

ShrinkWatch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A schedule that causes a finding."""

    plan: TrialPlan
    commands: tuple[str, ...]
    finding: Finding
    origin: tuple[str, ...] = ()
    """Comment lines of its script: where it comes from, and what else was found."""

    @property
    def size(self) -> tuple[int, int, float]:
        """Return the size to minimize: commands, nodes, and the ms slept."""
        return len(self.commands), self.plan.nodes, sum(filter(None, map(slept, self.commands)))


Attempt = Callable[[TrialPlan, list[str]], Case | None]
"""Runs commands under a plan; returns the plan, the commands that ran and the finding, if it is the wanted one."""


class Shrinker:
    """Minimizes one case, within `limit` seconds of wall time.

    `attempt` runs a candidate; by default as a trial. A candidate is tried with `seeds` seeds, first its own.
    """

    def __init__(
        self,
        case: Case,
        *,
        limit: float = 60.0,
        progress: ShrinkWatch = lambda runs, size: None,
        attempt: Attempt | None = None,
        seeds: int = SEEDS_TRIED,
    ) -> None:
        self.case = case
        self.runs = 0
        self.ran_out = False
        self._attempt = attempt or as_trial(case.finding.name)
        self._seeds = seeds
        self._until = time.monotonic() + limit
        self._progress = progress
        self._rng = random.Random(f"shrink {case.plan.seed}")

    def shrink(self) -> Case:
        """Return the smallest case found."""
        before = None
        while self.case.size != before and not self._is_late():
            before = self.case.size
            for reduce in (self._fewer_nodes, self._fewer_commands, self._shorter_waits, self._simpler_commands):
                reduce()
        return self.case

    # ---- ways to make it smaller

    def _fewer_nodes(self) -> None:
        while self.case.plan.nodes > MIN_NODES:
            found = any(self._try(list(commands), nodes) for nodes, commands in self._without_a_node())
            if not found:
                return

    def _without_a_node(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        nodes = self.case.plan.nodes
        for gone in reversed(range(nodes)):
            commands = (renumber(command, gone) for command in self.case.commands)
            yield nodes - 1, tuple(command for command in commands if command)

    def _fewer_commands(self) -> None:
        size = max(1, len(self.case.commands) // 2)
        while size >= 1:
            at = 0
            while at < len(self.case.commands):
                rest = [*self.case.commands[:at], *self.case.commands[at + size :]]
                if not self._try(rest):
                    at += size
                if self._is_late():
                    return
            size //= 2

    def _shorter_waits(self) -> None:
        for at in reversed(range(len(self.case.commands))):
            if at >= len(self.case.commands):
                continue
            full = slept(self.case.commands[at])
            if full is None:
                continue
            shorter = [full / 8, full / 2, float(round(full)), round(full / 10) * 10.0, round(full / 50) * 50.0]
            for ms in sorted({round(ms, 1) for ms in shorter if 0 < ms <= full}):
                commands = list(self.case.commands)
                commands[at] = f"sleep {ms:g}ms"
                if commands[at] == self.case.commands[at] or self._is_late():
                    break
                if self._try(commands):
                    break

    def _simpler_commands(self) -> None:
        for at in range(len(self.case.commands)):
            for simpler in simplifications(self.case.commands[at]) if at < len(self.case.commands) else ():
                commands = list(self.case.commands)
                commands[at] = simpler
                if self._is_late() or self._try(commands):
                    break
        self._try(numbered_anew(self.case.commands))

    # ---- trying

    def _try(self, commands: list[str], nodes: int | None = None) -> bool:
        """Try `commands`; on the same finding, keep them and return True."""
        commands = merge_sleeps(commands)
        plan = replace(self.case.plan, nodes=nodes or self.case.plan.nodes)
        seeds = [plan.seed, *(self._rng.randrange(1, 1000) for _ in range(self._seeds - 1))]
        for seed in seeds:
            if self._is_late():
                return False
            self.runs += 1
            found = self._attempt(replace(plan, seed=seed), commands)
            if found is None:
                continue
            kept = tuple(merge_sleeps(list(found.commands)))
            smaller = replace(self.case, plan=found.plan, commands=kept, finding=found.finding)
            if smaller.size < self.case.size or (
                smaller.size == self.case.size and smaller.commands != self.case.commands
            ):
                self.case = smaller
                self._progress(self.runs, len(kept))
                return True
        return False

    def _is_late(self) -> bool:
        if time.monotonic() > self._until:
            self.ran_out = True
        return self.ran_out


def as_trial(name: str) -> Attempt:
    """Return the attempt that runs a trial and wants the finding `name`.

    For liveness, the correct algorithm must recover from the same commands.
    """
    measured = name == LIVENESS

    def attempt(plan: TrialPlan, commands: list[str]) -> Case | None:
        result = rerun(plan, commands, measured=measured)
        if result.finding is None or result.finding.name != name:
            return None
        if measured and plan.deviates and rerun(plan.correct, commands, measured=True).finding is not None:
            return None
        return Case(result.plan, tuple(result.commands[: result.disturbing]), result.finding)

    return attempt


def slept(command: str) -> float | None:
    """Return the ms that a sleep lasts; None for another command."""
    parsed = _parsed(command)
    seconds = _constant(parsed, "duration") if parsed.name == "sleep" else None
    return None if seconds is None else round(seconds * 1000, 6)


def merge_sleeps(commands: list[str]) -> list[str]:
    """Join neighbouring sleeps and neighbouring gotos, and remove `now`."""
    merged: list[str] = []
    for command in commands:
        if command == "now":
            continue
        ms = slept(command)
        last = slept(merged[-1]) if merged else None
        if ms is not None and last is not None:
            merged[-1] = f"sleep {last + ms:g}ms"
        elif merged and _is_goto(command) and _is_goto(merged[-1]):
            merged[-1] = command
        else:
            merged.append(command)
    return merged


def _is_goto(command: str) -> bool:
    return _parsed(command).name == "goto"


def numbered_anew(commands: tuple[str, ...]) -> list[str]:
    """Number the submitted integers from 1."""
    numbers = count(1)
    return [
        parsed.replaced("value", str(next(numbers)))
        if parsed.name == "submit" and isinstance(_constant(parsed, "value"), int)
        else parsed.text
        for parsed in map(_parsed, commands)
    ]


def simplifications(command: str) -> list[str]:
    """Return simpler commands that may have the same effect."""
    parsed = _parsed(command)
    match parsed.name:
        case "drop" if _constant(parsed, "after"):
            return [parsed.replaced("after", "0")]
        case "tear" if _constant(parsed, "after"):
            return [parsed.replaced("after", "0"), f"crash {parsed.words('node')[0].text}"]
        case "link" if len(faults := parsed.words("change")) > 1:
            return [parsed.replaced("change", fault.text) for fault in faults]
    return []


def renumber(command: str, gone: int) -> str | None:
    """Rewrite `command` without node `gone`, higher ids one less; return None if it is about that node."""
    return _parsed(command).renamed(lambda id: None if id == gone else id - (id > gone))


def _constant(parsed: Bound, name: str) -> Any:
    """Return the value of an argument; None if it is not given, or a variable."""
    words = [word for argument in parsed.arguments if argument.name == name for word in argument.words]
    return None if any(word.text.startswith("$") for word in words) else parsed.constant(name)


@lru_cache(maxsize=4096)
def _parsed(command: str) -> Bound:
    """Parse a command of a script, wherever its variables are set."""
    statements, _ = split_line(command)
    names = set(re.findall(r"\w+", command))
    return parse(statements[0], Scope(MAX_NODES, names, names))
