"""The command `raftplay shrink`: it minimizes a script that fails, and writes or prints the shorter one."""

import os
from dataclasses import dataclass

from raftplay.cluster.arguments import new_seed
from raftplay.explore.scripts.shrink import Failing, Shrunk, failing, shrink_script
from raftplay.explore.search.shrink import ShrinkWatch
from raftplay.files import Target
from raftplay.run.script import Comment, Script
from raftplay.run.transcript import Write
from raftplay.session.branches import Blueprint
from raftplay.session.journal import run_text, setup_lines
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.version import made_by
from raftplay.watch.text import count, visible

MINIMIZED, FAILS = "Minimized by ", "Fails by: "
"""The beginnings of the comments that a shorter script gets; those of an earlier one are replaced."""

EARLIER = ("Shrunk by ",)
"""The beginnings of such comments in scripts that earlier versions wrote."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of minimizing: seconds of wall time, and whether any seed may be tried."""

    seconds: float
    any_seed: bool = False


def shrink(
    script: Script, wishes: Wishes, *, out: Target | None, write: Write, say: Write, watch: ShrinkWatch
) -> Status:
    """Minimize `script`, and write the result to `out`, else with `write`; tell of it with `say`.

    Raises `UsageError` if the script holds, or fails in another way each time.
    """
    seed = new_seed() if script.setup.seed is None else script.setup.seed
    found = failing(script, seed)
    shrunk = shrink_script(found, wishes.seconds, watch, any_seed=wishes.any_seed)
    text = script_text(script, shrunk, "" if out is None else os.path.dirname(out.path))
    file = script.name
    if out is None:
        write(text.rstrip("\n"))
    else:
        out.write(text.encode(), rescues=True)
        file = str(out.path)
    say(summary(shrunk))
    if out is not None:
        say(f"written to {visible(file)}; run it with: raftplay run {file_word(file)}")
    if shrunk.ran_out or shrunk.is_interrupted:
        say(f"go on with: {go_on(file, wishes)}")
    return Status.INTERRUPTED if shrunk.is_interrupted else Status.HELD


def summary(shrunk: Shrunk) -> str:
    """Say how much shorter the script became, what that took, and whether it could become shorter still."""
    sizes = f"minimized to {len(shrunk.commands)} of {count(shrunk.before, 'command')}"
    if len(shrunk.commands) == shrunk.before:
        sizes = f"not shorter: all {count(shrunk.before, 'command')} are left"
    ended = (
        "interrupted" if shrunk.is_interrupted else "time ran out" if shrunk.ran_out else "no shorter one found"
    )
    return ", ".join(
        [
            f"{sizes} in {shrunk.seconds:.0f} s",
            f"on {count(shrunk.setup.nodes or 0, 'node')}",
            f"seed {shrunk.setup.seed}",
            f"after {tries_text(shrunk.tries)}; fails by {visible(shrunk.failure.name)}; {ended}",
        ]
    )


def tries_text(tries: int) -> str:
    """Return "1 try", "12 tries"."""
    return "1 try" if tries == 1 else f"{tries:,} tries"


def go_on(file: str, wishes: Wishes) -> str:
    """Return the command that minimizes `file` further, for twice the time."""
    any_seed = " --any-seed" if wishes.any_seed else ""
    return f"raftplay shrink {file_word(file)}{any_seed} --seconds {max(1, 2 * wishes.seconds):g}"


def script_text(script: Script, shrunk: Shrunk, folder: str) -> str:
    """Return the shorter script in `folder`: the comments at the head of the longer one, set-up, commands."""
    blueprint = blueprint_of(shrunk)
    lines = [
        *(f"# {visible(text)}".rstrip() for text in _head(script)),
        f"# {MINIMIZED}{made_by()}, from {visible(os.path.basename(script.name))}: "
        f"{len(shrunk.commands)} of {count(shrunk.before, 'command')}; {run_text(blueprint)}",
        f"# {FAILS}{visible(shrunk.failure.name)}",
        *setup_lines(blueprint, folder),
        *shrunk.commands,
        *(f"# FAILED: {visible(line)}" for line in shrunk.failure.text.split("\n")[:1]),
    ]
    return "\n".join(lines) + "\n"


def blueprint_of(found: Shrunk | Failing) -> Blueprint:
    """Return the cluster of a script whose seed is known."""
    setup = found.setup
    assert setup.nodes is not None
    assert setup.seed is not None
    assert setup.backend is not None
    return Blueprint(
        setup.nodes,
        setup.backend,
        setup.seed,
        setup.config().settled(),
        tuple(setup.watched),
        given=tuple(setup.given),
    )


def _head(script: Script) -> list[str]:
    """Return the comments before the first command, without those of an earlier minimizing."""
    texts: list[str] = []
    for item in script.items:
        if not isinstance(item, Comment) or item.behind:
            break
        if not (item.is_note or item.is_round) and not item.text.strip().startswith((MINIMIZED, FAILS, *EARLIER)):
            texts.append(item.text.strip())
    return texts
