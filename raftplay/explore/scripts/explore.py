"""The command `raftplay explore SCRIPT`: it runs one script with many seeds, and tells which of them fail."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from raftplay.explore.scripts.command import Wishes, go_on, script_text, summary
from raftplay.explore.scripts.seeds import WRONG, Ended, Seeds, SeedTally, run_seeds
from raftplay.explore.scripts.shrink import failing, shrink_script
from raftplay.explore.search.tally import held_line, kind_line
from raftplay.explore.search.trial import STUCK
from raftplay.files import Target
from raftplay.run.runner import TextTranscript, run_script
from raftplay.run.transcript import Write
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.version import made_by
from raftplay.watch.text import count, visible


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of a report: `out` gets the script that fails, minimized; `tallies` counts and writes none."""

    out: Target | None = None
    shrink_seconds: float = 60.0
    tallies: bool = False
    options: str = ""
    """The options that a repetition needs."""


def explore_script(seeds: Seeds, wanted: ReportOptions, write: Write, watch: Callable[[int], None]) -> Status:
    """Run a script with many seeds: up to the first that fails, or all. Raises `UsageError`."""
    tally = run_seeds(seeds, watch)
    first = tally.failed[0] if tally.failed else None
    if first is not None and not wanted.tallies:
        for line in transcript_of(seeds, first):
            write(line)
    for line in tally_lines(seeds, tally, wanted.options):
        write(line)
    if first is not None and not wanted.tallies:
        _write_findings(seeds, tally, wanted, write)
    if first is not None:
        return Status.MISUSED if first.kind == WRONG else Status.FAILED
    return Status.INTERRUPTED if tally.is_interrupted else Status.HELD


def transcript_of(seeds: Seeds, ended: Ended) -> list[str]:
    """Run the script with a seed that failed once more, and return what `run --quiet` says of it."""
    if ended.kind == STUCK:
        return [] if ended.failure is None else [visible(ended.failure.text)]
    heard: list[str] = []
    run_script(seeds.script(ended.seed), TextTranscript(heard.append, quiet=True))
    return heard


def tally_lines(seeds: Seeds, tally: SeedTally, options: str = "") -> list[str]:
    """Say how many seeds held, and which did not, for each kind of failure."""
    name, last = visible(seeds.name), seeds.first + tally.runs - 1
    if not tally.failed:
        begin = f"interrupted: {name}" if tally.is_interrupted else name
        span = f", {seeds.first} to {last}" if tally.runs else ""
        line = f"{begin} held with {count(tally.runs, 'seed')}{span}"
    else:
        begin = "interrupted: " if tally.is_interrupted else ""
        line = f"{begin}{name}: {held_line(tally.held, tally.runs, [ended.seed for ended in tally.failed])}"
    kinds = [kind_line(len(runs), kind, runs[0].seed) for kind, runs in tally.kinds.items()]
    return [line, *kinds, f"with {made_by()}, backend sim, seeds from {seeds.first}, options: {options or 'none'}"]


def _write_findings(seeds: Seeds, tally: SeedTally, wanted: ReportOptions, write: Write) -> None:
    """Write the lowest failing seed of each kind as a script, minimized; or say how to."""
    kinds = {kind: runs[0] for kind, runs in tally.kinds.items() if kind != WRONG}
    if wanted.out is None:
        for ended in list(kinds.values())[:1]:
            words = ["raftplay shrink", file_word(seeds.name), "--backend sim", f"--seed {ended.seed}"]
            write(f"minimize it: {' '.join([*words, *_more(seeds, ended)])} -o FILE")
        return
    for number, ended in enumerate(kinds.values(), 1):
        out = wanted.out.numbered(number)
        script = seeds.script(ended.seed)
        wishes = Wishes(wanted.shrink_seconds)
        shrunk = shrink_script(failing(script, ended.seed), wishes.seconds, lambda *_: None)
        text = script_text(script, shrunk, os.path.dirname(out.path))
        out.write(text.encode(), rescues=True)
        file = str(out.path)
        write(f"{visible(file)}: {summary(shrunk)}")
        write(f"again: raftplay run {file_word(file)}")
        if shrunk.ran_out:
            write(f"go on with: {go_on(file, wishes)}")


def _more(seeds: Seeds, ended: Ended) -> Sequence[str]:
    words = [f"--bug {bug}" for bug in seeds.bugs]
    words += [] if seeds.node is None else [f"--node {file_word(seeds.node.text)}"]
    return words + ([] if seeds.nodes is None else [f"--nodes {seeds.script(ended.seed).setup.nodes}"])
