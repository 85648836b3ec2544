"""A counterexample as a script: set-up, schedule, and comments on each step's effects."""

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.harness import Harness
from raftplay.cluster.own_node import name_of, reference
from raftplay.cluster.stuck import DidNotReturn, watchdog
from raftplay.explore.search.shrink import Case
from raftplay.explore.search.trial import LINEARIZABILITY, LIVENESS, Finding, TrialPlan, bound, progress_of, rerun
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.session.branches import Blueprint
from raftplay.session.errors import Failed
from raftplay.session.journal import option_lines, run_text
from raftplay.session.session import Session
from raftplay.session.shown import file_word
from raftplay.version import made_by
from raftplay.watch.facts import Record
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

TOLD = (
    decisions.ElectionStarted,
    decisions.BecameLeader,
    decisions.EntryAppended,
    decisions.LogTruncated,
    decisions.CommitAdvanced,
)
"""The decisions that a comment reports."""

MAX_LINES = 6
"""The highest number of comments after one step."""


def script_of(case: Case, *, command: str = "", folder: str = "") -> str:
    """Return the script in `folder` that repeats `case`, commented; `command` is what found it."""
    return "\n".join([*_head(case, command, folder), *_tell(case)]) + "\n"


def schedule_of(case: Case, *, command: str = "", folder: str = "") -> str:
    """Return a script of the commands given on real sockets, where nothing can be repeated exactly."""
    return "\n".join([*_head(case, command, folder), *case.commands]) + "\n"


def _head(case: Case, command: str, folder: str) -> list[str]:
    plan = case.plan
    node = [] if plan.node is None else [plan.node.load()]
    bugs = f", with {', '.join(plan.bugs)} switched on" if plan.bugs else ""
    nodes = "".join(f", with nodes of {visible(name_of(kind))}" for kind in node)
    return [
        f"# {_what_happens(case.finding)}{bugs}{nodes}.",
        *(f"# {visible(line)}" for line in case.finding.text.split("\n")),
        "#",
        *([f"# Found by: {visible(command)}"] if command else []),
        *(f"# {visible(line)}" for line in case.origin),
        f"# Version: {made_by()}; {run_text(_blueprint(plan))}",
        f"nodes {plan.nodes}",
        f"seed {plan.seed}",
        f"backend {plan.backend}",
        *option_lines(plan.config),
        *(f"bug {name}" for name in plan.bugs),
        *(f"node {file_word(reference(kind, folder))}" for kind in node),
    ]


def _blueprint(plan: TrialPlan) -> Blueprint:
    return Blueprint(plan.nodes, plan.backend, plan.seed, plan.config)


def _what_happens(finding: Finding) -> str:
    if finding.name in {invariant.name for invariant in INVARIANTS} | {LIVENESS, LINEARIZABILITY}:
        return f"{finding.name} is violated"
    return f"{finding.name[:1].upper()}{finding.name[1:]}"


def _tell(case: Case) -> list[str]:
    """Run the commands; return each with comments on its effects."""
    plan = case.plan
    commands = list(case.commands)
    if case.finding.name == LIVENESS:
        commands = rerun(plan, commands, measured=True).commands
    if case.finding.name == LINEARIZABILITY:
        commands.append("expect linearizable")
    lines: list[str] = []
    happened: list[Record] = []
    try:
        with Harness(plan.nodes, backend="sim", seed=plan.seed, config=plan.config) as harness:
            harness.stream.attach(happened.append)
            session = Session(harness)
            with watchdog(progress_of(harness, lines)):
                for text in commands:
                    lines.append(text)
                    bound(text, plan.nodes).run(session)
                    lines += _comments(happened)
                    happened.clear()
    except InvariantBroken as broken:
        return [*lines, *_comments(happened), f"# BROKEN: {broken.breach}"]
    except (Failed, NodeFailed, DidNotReturn) as failed:
        first, *more = str(failed).split("\n")
        return [
            *lines,
            *_comments(happened),
            f"# FAILED: {visible(first)}",
            *(f"# {visible(line)}" for line in more),
        ]
    return lines


def _comments(happened: list[Record]) -> list[str]:
    told = [r for r in happened if isinstance(r.event, TOLD) or _deposed(r.event)]
    lines = [f"#   {record.time:.3f} n{record.node} {describe(record)}" for record in told[:MAX_LINES]]
    if len(told) > MAX_LINES:
        lines.append(f"#   … and {len(told) - MAX_LINES} more")
    return lines


def _deposed(event: object) -> bool:
    return isinstance(event, decisions.BecameFollower) and event.was is CMState.LEADER
