"""The command `raftplay explore --exhaustive`: search, report, and write the shortest counterexample."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.commands.setup import setting_text
from raftplay.errors import UsageError
from raftplay.explore.exhaustive.search import INTERRUPTED, ExhaustiveOutcome, Watch, explore_all
from raftplay.explore.exhaustive.world import BoundedWorld, Bounds
from raftplay.explore.search.command import write_script
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.options import Switches, switched_raft
from raftplay.explore.search.trial import TrialPlan
from raftplay.explore.search.walked import case_of_walk
from raftplay.explore.walks.bare import BARE, ELECTION, PAUSE
from raftplay.explore.walks.shrink import Content, Known, replayed, shrink_walk
from raftplay.explore.walks.walk import WalkPlan
from raftplay.files import Target, target_of
from raftplay.raft.bugs import BUGS, module_with
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import RequestVoteArgs
from raftplay.session.shown import file_word
from raftplay.session.status import Status
from raftplay.version import made_by
from raftplay.watch.text import count, visible

NETWORK = "network: a message may arrive late, in any order, repeatedly or never; a crash loses what its node sent"

FOLDED = "folded: a state in which fewer messages are in flight than in an equal one"

SILENCE = (
    "pre-votes: they arrive when the voter has not heard of a leader lately; a refusal is like a lost request"
)

PLACES = ", and nodes that have changed places"


def exhaustive(
    bounds: Bounds,
    write: Callable[[str], None],
    *,
    bugs: tuple[str, ...] = (),
    node: OwnNode | None = None,
    most_states: int,
    most_bytes: int,
    out: Path | Target,
    again: str,
    watch: Watch = lambda outcome: None,
    switches: Switches = (),
) -> Status:
    """Visit every state within `bounds` and report; write a violation as the script `out`. Raises `UsageError`."""
    raft = switched_raft(BARE, switches)
    check_fits(raft, bugs)
    world = BoundedWorld(bounds, module_with(bugs, loaded(node)), raft, folds=node is None)
    write(f"bounds: {bounds}\n{NETWORK}\n{FOLDED}{PLACES if world.locals.folds else ''}")
    write(f"with {made_by()}, options: {options_text(switches, bugs, node)}")
    if raft.prevote or raft.sticky:
        write(SILENCE)
    outcome = explore_all(world, most_states=most_states, most_bytes=most_bytes, watch=watch)
    write(report_text(outcome))
    if outcome.broken is None:
        return Status.INTERRUPTED if outcome.stopped == INTERRUPTED else Status.HELD
    name = str(target_of(out).path)
    write_script(out, counterexample(world, outcome, bugs, node, again=again, folder=os.path.dirname(name)))
    write(f"the counterexample: {visible(name)}\nagain: raftplay run {file_word(name)}")
    return Status.FAILED


MISSING = ("snapshots", "transfers")
"""Parts of the algorithm that need steps of their own, which this search does not take."""


def check_fits(raft: RaftConfig, bugs: tuple[str, ...]) -> None:
    """Raise `UsageError` for what shows nothing without steps that an exhaustive search does not take."""
    elsewhere = "random walks do: explore --engine walks"
    if raft.snapshot:
        raise UsageError(
            f"an exhaustive search takes no snapshots, so --set snapshot has no effect in it; {elsewhere}"
        )
    for bug in bugs:
        for part in MISSING:
            if part in BUGS[bug].options:
                raise UsageError(f"an exhaustive search has no {part}, so it cannot find {bug}; {elsewhere}")


def options_text(switches: Switches, bugs: tuple[str, ...], node: OwnNode | None) -> str:
    """Return what the search deviates in, as options of the command line."""
    words = [f"--set={name}={setting_text(on)}" for name, on in switches]
    words += [word for bug in bugs for word in ("--bug", bug)]
    return shlex.join([*words, *([] if node is None else ["--node", node.text])]) or "none"


def report_text(outcome: ExhaustiveOutcome) -> str:
    """Return the figures of a search, and what it found."""
    rate = outcome.states / max(outcome.seconds, 1e-9)
    lines = [
        f"{count(outcome.states, 'state')}, {count(outcome.transitions, 'step')} between them, "
        f"depth {outcome.depth}, in {outcome.seconds:.1f} s of CPU: {rate:,.0f} states a second"
    ]
    if outcome.broken is not None:
        name, text = outcome.broken
        told = (f"  {line}" for line in text.split("\n"))
        lines += [f"found after {count(len(outcome.path), 'step')}: {name}", *told]
    elif outcome.stopped:
        lines.append(f"not exhausted: {outcome.stopped}; nothing broke in the states visited")
    elif outcome.beyond:
        beyond = count(outcome.beyond, "state")
        lines.append(f"exhausted, except {beyond} with more messages in flight: nothing broke")
    else:
        lines.append("exhausted: nothing broke")
    return "\n".join(lines)


def counterexample(
    world: BoundedWorld,
    outcome: ExhaustiveOutcome,
    bugs: tuple[str, ...],
    node: OwnNode | None,
    *,
    again: str,
    folder: str,
) -> str:
    """Return the script that repeats the violation, without the steps that it does not need."""
    assert outcome.broken is not None
    n = world.bounds.nodes
    plan = TrialPlan(0, n, "exhaustive", bugs=bugs, node=node)
    origin = (f"Found with: every state of {world.bounds}",)
    walk, _ = replayed(WalkPlan(0, n, world.raft, bugs, node), known_steps(world, outcome))
    if walk.broken is None:
        steps = [f"{step.kind} {step.node}" for step in outcome.path]
        name, text = outcome.broken
        return "\n".join(f"# {line}" for line in (name, *text.split("\n"), NO_SCRIPT, *steps)) + "\n"
    return script_of(case_of_walk(shrink_walk(walk), plan, origin), command=again, folder=folder)


SILENT_PAUSES = 1 + int(ELECTION[0] / PAUSE)
"""The number of pauses after which a voter has not heard of a leader lately."""

NO_SCRIPT = "No script repeats these steps over bare consensus modules:"


def known_steps(world: BoundedWorld, outcome: ExhaustiveOutcome) -> list[Known]:
    """Return the steps to the violation as those of a walk; a message that arrives again later is duplicated."""
    steps, later = [], set[int]()
    for step in reversed(outcome.path):
        if step.kind == "deliver":
            message = world.locals.messages[step.message]
            kind = "duplicate" if step.message in later else "deliver"
            steps.append(Known(kind, content=Content.of(message)))
            later.add(step.message)
            if message.reply is None and isinstance(message.args, RequestVoteArgs) and message.args.pre_vote:
                steps += [Known("sleep")] * SILENT_PAUSES
        else:
            steps.append(Known("sleep" if step.kind == "heartbeat" else step.kind, step.node))
    return steps[::-1]
