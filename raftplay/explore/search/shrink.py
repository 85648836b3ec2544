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

from raftplay.explore.search.trial import LIVENESS, Finding, Plan, Result, rerun

SEEDS_TRIED = 4
"""The number of seeds with which a shorter candidate is tried."""

MIN_NODES = 2

ShrinkWatch = Callable[[int, int], None]

_SLEEP = re.compile(r"sleep ([\d.]+)ms")
_SUBMIT = re.compile(r"submit (\d+) to (\d+)")


@dataclass(frozen=True, slots=True)
class Case:
    """A schedule that causes a finding."""

    plan: Plan
    commands: tuple[str, ...]
    finding: Finding
    origin: tuple[str, ...] = ()
    """Comment lines of its script: where it comes from, and what else was found."""

    @property
    def size(self) -> tuple[int, int, float]:
        """Return the size to minimize: commands, nodes, and the ms slept."""
        slept = sum(float(m[1]) for m in map(_SLEEP.fullmatch, self.commands) if m)
        return len(self.commands), self.plan.nodes, slept


class Shrinker:
    """Minimizes one case, within `limit` seconds of wall time."""

    def __init__(
        self, case: Case, *, limit: float = 60.0, progress: ShrinkWatch = lambda runs, size: None
    ) -> None:
        self.case = case
        self.runs = 0
        self._name = case.finding.name
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
            match = _SLEEP.fullmatch(self.case.commands[at])
            if match is None:
                continue
            full = float(match[1])
            shorter = [full / 8, full / 2, float(round(full)), round(full / 10) * 10.0, round(full / 50) * 50.0]
            for ms in sorted({round(ms, 1) for ms in shorter if 0 < ms <= full}):
                if f"{ms:g}" == match[1] or self._is_late():
                    break
                commands = list(self.case.commands)
                commands[at] = f"sleep {ms:g}ms"
                if self._try(commands):
                    break

    def _simpler_commands(self) -> None:
        for at in range(len(self.case.commands)):
            for simpler in simplifications(self.case.commands[at] if at < len(self.case.commands) else ""):
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
        seeds = [plan.seed, *(self._rng.randrange(1, 1000) for _ in range(SEEDS_TRIED - 1))]
        for seed in seeds:
            if self._is_late():
                return False
            result = self._run(replace(plan, seed=seed), commands)
            if result is None:
                continue
            kept = merge_sleeps(result.commands[: result.disturbing])
            finding = result.finding
            assert finding is not None
            smaller = replace(self.case, plan=result.plan, commands=tuple(kept), finding=finding)
            if smaller.size < self.case.size or smaller.commands != self.case.commands:
                if smaller.size > self.case.size:
                    continue
                self.case = smaller
                self._progress(self.runs, len(kept))
                return True
        return False

    def _run(self, plan: Plan, commands: list[str]) -> Result | None:
        """Return the run's result if the finding is the same; for liveness, the correct algorithm must recover."""
        measured = self._name == LIVENESS
        self.runs += 1
        result = rerun(plan, commands, measured=measured)
        if result.finding is None or result.finding.name != self._name:
            return None
        if measured and plan.deviates:
            self.runs += 1
            if rerun(plan.correct, commands, measured=True).finding is not None:
                return None
        return result

    def _is_late(self) -> bool:
        return time.monotonic() > self._until


def merge_sleeps(commands: list[str]) -> list[str]:
    """Join neighbouring sleeps, and remove `now`."""
    merged: list[str] = []
    for command in commands:
        if command == "now":
            continue
        match = _SLEEP.fullmatch(command)
        last = _SLEEP.fullmatch(merged[-1]) if merged else None
        if match and last:
            merged[-1] = f"sleep {float(last[1]) + float(match[1]):g}ms"
        else:
            merged.append(command)
    return merged


def numbered_anew(commands: tuple[str, ...]) -> list[str]:
    """Number the submitted values from 1."""
    count = 0
    fresh = []
    for command in commands:
        if match := _SUBMIT.fullmatch(command):
            count += 1
            fresh.append(f"submit {count} to {match[2]}")
        else:
            fresh.append(command)
    return fresh


def simplifications(command: str) -> list[str]:
    """Return simpler commands that may have the same effect."""
    verb, _, rest = command.partition(" ")
    match verb:
        case "drop" if not rest.endswith("after 0"):
            return [f"drop {rest.split()[0]} after 0"]
        case "tear" if not rest.endswith("after 0"):
            return [f"tear {rest.split()[0]} after 0", f"crash {rest.split()[0]}"]
        case "link" if len(rest.split()) > 2:
            link, *faults = rest.split()
            return [f"link {link} {fault}" for fault in faults]
    return []


def renumber(command: str, gone: int) -> str | None:
    """Rewrite `command` without node `gone`, higher ids one less; return None if it names that node."""
    verb, _, rest = command.partition(" ")
    if verb in ("sleep", "heal", "now") or rest.startswith("all"):
        return command
    value = ""
    if verb == "submit":
        value, _, rest = rest.partition(" to ")
    rest, tail = _split_tail(verb, rest)
    ids = [int(id) for id in re.findall(r"\d+", rest)]
    if verb == "partition":
        groups = [[id for id in re.findall(r"\d+", group) if int(id) != gone] for group in rest.split("|")]
        text = [",".join(str(int(id) - (int(id) > gone)) for id in group) for group in groups]
        return f"partition {' | '.join(text)}" if all(text) else None
    if gone in ids:
        return None
    rest = re.sub(r"\d+", lambda m: str(int(m[0]) - (int(m[0]) > gone)), rest)
    return f"submit {value} to {rest}" if value else f"{verb} {rest}{tail}"


def _split_tail(verb: str, rest: str) -> tuple[str, str]:
    """Split `rest` after the part that names nodes."""
    if verb in ("drop", "tear", "link"):
        head, _, tail = rest.partition(" ")
        return head, f" {tail}"
    return rest, ""
