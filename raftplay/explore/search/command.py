"""The command `raftplay explore`: search, report, minimize the finding, write a script."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from raftplay.commands.setup import Setup
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.report import finding_text, other_findings, report_text
from raftplay.explore.search.shrink import Case, Shrinker
from raftplay.explore.search.sweep import Search, Watch, sweep
from raftplay.explore.search.trial import Result
from raftplay.explore.search.walked import WALK, shrunk_walk
from raftplay.files import Target, target_of
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import Script, parse_script
from raftplay.session.shown import file_word
from raftplay.watch.text import count, visible

Write = Callable[[str], None]


def explore(
    search: Search,
    write: Write,
    *,
    out: Path | Target,
    watch: Watch,
    shrink_limit: float,
    again: str,
    unset: Sequence[str] = (),
) -> Status:
    """Search, and write the first finding, minimized, as the script `out`. Raises `UsageError`.

    `unset` are environment variables that must not be set where the script runs.
    """
    report = sweep(search, watch)
    write(report_text(report))
    if report.first is None:
        return report.status
    case = case_of(report.first, report.others)
    write(f"minimizing {count(len(case.commands), 'command')} …")
    case = shrunk(case, shrink_limit)
    write_script(out, script_of(case, command=again, folder=os.path.dirname(target_of(out).path)))
    write(
        f"minimized to {count(len(case.commands), 'command')} on {count(case.plan.nodes, 'node')}, "
        f"seed {case.plan.seed}: {visible(str(target_of(out).path))}\n"
        f"again: {''.join(f'env -u {name} ' for name in unset)}raftplay run {file_word(str(target_of(out).path))}"
    )
    return Status.FAILED


def case_of(result: Result, others: Sequence[Result] = ()) -> Case:
    """Return the finding of a trial as a case to minimize; `others` are findings of the same search."""
    assert result.finding is not None
    origin = (
        f"Found with: {finding_text(result)}, {_length_of(result)}",
        *other_findings("Also found", others),
    )
    return Case(result.plan, tuple(result.commands[: result.disturbing]), result.finding, origin)


def _length_of(result: Result) -> str:
    if result.plan.mix == WALK:
        return f"{count(result.steps, 'step')} over bare consensus modules"
    return f"{result.plan.seconds:g} s of faults"


def shrunk(case: Case, limit: float) -> Case:
    """Minimize the case for at most `limit` seconds; Ctrl-C returns the smallest so far."""
    if case.plan.mix == WALK:
        return shrunk_walk(case, limit)
    shrinker = Shrinker(case, limit=limit)
    try:
        return shrinker.shrink()
    except KeyboardInterrupt:
        return shrinker.case


def write_script(out: Path | Target, text: str) -> None:
    """Write a script. If the target cannot be written, save it beside the target and name that file.

    Raises `UsageError`.
    """
    target_of(out).write(text.encode(), rescues=True)


def explore_script(
    name: str, text: str, seeds: range, write: Write, overrides: Setup, watch: Callable[[int], None]
) -> Status:
    """Run one script with many seeds in virtual time; stop at the first seed with which it does not hold."""
    for done, seed in enumerate(seeds):
        overrides.seed, overrides.backend = seed, "sim"
        script: Script = parse_script(name, text, overrides)
        heard: list[str] = []
        status = run_script(script, TextTranscript(heard.append, quiet=True))
        if status is Status.INTERRUPTED:
            write(f"interrupted: {visible(name)} held with {done} of {len(seeds)} seeds")
            return status
        if status is not Status.HELD:
            for line in heard:
                write(line)
            return status
        watch(seed)
    write(f"{visible(name)} held with {count(len(seeds), 'seed')}, {seeds.start} to {seeds.stop - 1}")
    return Status.HELD
