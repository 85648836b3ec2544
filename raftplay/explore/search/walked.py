"""The two engines of the search for one seed: a random walk, and a trial; and a walk's finding as a script."""

from collections import Counter
from dataclasses import replace

from raftplay.explore.search.options import Setting, switched_raft
from raftplay.explore.search.shrink import Case
from raftplay.explore.search.trial import Finding, TrialPlan, TrialResult, rerun, run_trial
from raftplay.explore.walks.script import commands_of
from raftplay.explore.walks.shrink import shrink_walk
from raftplay.explore.walks.verdicts import FailureFound
from raftplay.explore.walks.walk import WalkPlan, WalkResult, draw_walk, run_walk

ENGINES = ("walks", "trials", "both")

WALK = "walk"
"""The fault profile of a plan that is a walk."""

NOT_REPEATED = "The script does not repeat what was found in a random walk over bare consensus modules."
"""The comment in a script whose run differs from the walk."""


def run_seed(plan: TrialPlan, engine: str) -> TrialResult:
    """Run the walk with the seed of `plan`, the trial, or both; the trial only if the walk violates nothing."""
    if engine == "trials":
        return run_trial(plan)
    walk = run_walk(_walk_of(plan))
    if engine == "walks" or walk.broken is not None:
        return _result_of(walk, plan)
    result = run_trial(plan)
    result.steps = len(walk.steps)
    return result


def shrunk_walk(case: Case, limit: float) -> Case:
    """Minimize the walk of a case, for at most `limit` seconds."""
    return case_of_walk(shrink_walk(run_walk(_walk_of(case.plan)), limit), case.plan, case.origin)


def case_of_walk(walk: WalkResult, plan: TrialPlan, origin: tuple[str, ...]) -> Case:
    """Return a walk that found something as a case, with what a cluster shows that runs its commands."""
    result = _result_of(walk, plan)
    assert result.finding is not None
    found = rerun(result.plan, result.commands, measured=False).finding
    if found is None or found.name != result.finding.name:
        found, origin = result.finding, (NOT_REPEATED, *origin)
    return Case(result.plan, tuple(result.commands), found, origin)


def _walk_of(plan: TrialPlan) -> WalkPlan:
    walk = draw_walk(plan.seed, plan.nodes, bugs=plan.bugs, node=plan.node)
    return replace(walk, raft=switched_raft(walk.raft, plan.switches))


def _result_of(walk: WalkResult, plan: TrialPlan) -> TrialResult:
    """Return a walk as the result of a trial; its steps as commands, if it found something."""
    plan = replace(plan, mix=WALK, nodes=walk.plan.nodes, setting=Setting(raft=walk.plan.raft))
    result = TrialResult(plan, [], 0, None, 0.0, Counter(kind for kind, _ in walk.steps), Counter())
    result.steps = len(walk.steps)
    if walk.broken is not None:
        result.commands = commands = commands_of(walk.steps)
        result.disturbing = len(commands)
        is_failure = isinstance(walk.broken, FailureFound)
        found = rerun(plan, commands, measured=False).finding if is_failure else None
        result.finding = found or Finding(*walk.broken, 0.0)
    return result
