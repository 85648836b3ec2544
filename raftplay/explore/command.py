"""What `raftplay explore` does: search, report, shrink what was found, and write it down as a script."""

import shlex
from collections.abc import Callable
from pathlib import Path

from raftplay.commands.runner import Status, TextTranscript, run_script
from raftplay.commands.script import Script, parse_script
from raftplay.commands.setup import Setup
from raftplay.explore.counterexample import script_of
from raftplay.explore.report import report_text
from raftplay.explore.shrink import Case, Shrinker
from raftplay.explore.sweep import Search, Watch, sweep
from raftplay.explore.trial import Result
from raftplay.raft.messages import UsageError
from raftplay.watch.text import count, visible

Write = Callable[[str], None]


def explore(search: Search, write: Write, *, out: Path, watch: Watch, shrink_limit: float, again: str) -> Status:
    """Search, and shrink the first finding into the script `out`. Raises `UsageError`."""
    report = sweep(search, watch)
    write(report_text(report))
    if report.first is None:
        return Status.INTERRUPTED if report.interrupted else Status.HELD
    case = case_of(report.first)
    write(f"shrinking {count(len(case.commands), 'command')} …")
    case = shrunk(case, shrink_limit)
    write_script(out, script_of(case, command=again))
    write(
        f"shrunk to {count(len(case.commands), 'command')} on {count(case.plan.nodes, 'node')}, "
        f"seed {case.plan.seed}: {visible(str(out))}\nagain: raftplay run {visible(shlex.quote(str(out)))}"
    )
    return Status.FAILED


def case_of(result: Result) -> Case:
    """The finding of a trial as something to shrink."""
    assert result.finding is not None
    return Case(result.plan, tuple(result.commands[: result.disturbing]), result.finding)


def shrunk(case: Case, limit: float) -> Case:
    """The case, shrunk for at most `limit` seconds; Ctrl-C gives the smallest so far."""
    shrinker = Shrinker(case, limit=limit)
    try:
        return shrinker.shrink()
    except KeyboardInterrupt:
        return shrinker.case


def write_script(out: Path, text: str) -> None:
    """Write a script. Raises `UsageError`."""
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{visible(str(out))} cannot be written: {error.strerror}") from None


def explore_script(
    name: str, text: str, seeds: range, write: Write, overrides: Setup, watch: Callable[[int], None]
) -> Status:
    """Run one script with many seeds in virtual time; the first seed with which it does not hold ends it."""
    for seed in seeds:
        overrides.seed, overrides.backend = seed, "sim"
        script: Script = parse_script(name, text, overrides)
        heard: list[str] = []
        if _run_quietly(script, heard) is not Status.HELD:
            for line in heard:
                write(line)
            return Status.FAILED
        watch(seed)
    write(f"{visible(name)} held with {count(len(seeds), 'seed')}, {seeds.start} to {seeds.stop - 1}")
    return Status.HELD


def _run_quietly(script: Script, heard: list[str]) -> Status:

    return run_script(script, TextTranscript(heard.append, quiet=True))
