"""Random walks over bare consensus modules: what they find, and that a script repeats it in a real cluster."""

import functools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support.amount import THOROUGH, several
from support.command_line import raftplay

from raftplay import Config, Harness
from raftplay.cluster.own_node import OwnNode
from raftplay.explore.search.command import case_of
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.options import Setting
from raftplay.explore.search.trial import Finding, TrialPlan, bound, rerun
from raftplay.explore.search.walked import NOT_REPEATED, WALK, run_seed, shrunk_walk
from raftplay.explore.walks.bare import BareCluster
from raftplay.explore.walks.script import commands_of
from raftplay.explore.walks.shrink import shrink_walk, take
from raftplay.explore.walks.walk import STEPS, WalkResult, draw_walk, run_walk
from raftplay.raft.bugs import BUGS
from raftplay.session.session import Session

BY_CLIENTS = {"clients", "reads by index", "reads by lease"}

NOT_BY_WALKS = {
    *("conflict-off-by-one", "zombie", "prevote-silent", "sticky-leader-stays"),
    *("snapshot-end-unknown", "quorum-by-sending"),
    "snapshot-drops-key",  # a bare node has no state machine
    *(name for name, bug in BUGS.items() if BY_CLIENTS & set(bug.options)),  # a walk has no clients
}
"""The bugs that walks cannot model: those of liveness, of a crashed node that hears replies, and of long times."""

WALKS = 400

NEAR = (
    {}
    if THOROUGH
    else {
        "stale-append-reply": 108,
        "longer-log-wins": 250,
        "snapshot-older-installed": 104,
        "snapshot-cuts-suffix": 371,
        "purged-prev-is-conflict": 16,
        "compacted-log-is-empty": 21,
    }
)
"""The seed that the search starts from, for bugs that are found late or by long walks from the first on."""


@functools.cache
def found(bug: str) -> WalkResult:
    """The first walk that finds a bug."""
    for seed in range(NEAR.get(bug, 0), WALKS):
        result = run_walk(draw_walk(seed, 3 + seed % 5, bugs=(bug,)))
        if result.broken is not None:
            return result
    raise AssertionError(f"{bug} was not found with {WALKS} walks")


def repeated(walk: WalkResult) -> Finding | None:
    """What a cluster in virtual time shows that runs the commands of a walk."""
    plan = TrialPlan(
        walk.plan.seed,
        walk.plan.nodes,
        bugs=walk.plan.bugs,
        node=walk.plan.node,
        setting=Setting(raft=walk.plan.raft),
    )
    return rerun(plan, commands_of(walk.steps), measured=False).finding


def after(walk: WalkResult) -> BareCluster:
    """The bare cluster after the steps of a walk."""
    cluster = walk.plan.cluster()
    for kind, what in walk.steps:
        take(cluster, kind, what, next((message for message in cluster.bag if message.id == what), None))
    return cluster


# ---- the walks


def test_a_walk_is_a_function_of_its_plan() -> None:
    walks = [run_walk(draw_walk(seed, 5)) for seed in range(5)]
    assert walks == [run_walk(draw_walk(seed, 5)) for seed in range(5)]
    assert {len(walk.steps) for walk in walks} == {STEPS}
    assert len({walk.steps for walk in walks}) == 5


def test_the_correct_algorithm_violates_nothing_in_walks_that_take_every_kind_of_step() -> None:
    kinds: Counter[str] = Counter()
    options = set()
    for seed in range(several(300)):
        walk = run_walk(draw_walk(seed, 1 + seed % 7))
        assert walk.broken is None, walk.plan
        kinds.update(kind for kind, _ in walk.steps)
        options.add((walk.plan.raft.prevote, walk.plan.raft.noop))
    assert len(options) == 4
    assert set(kinds) == {
        *("deliver", "duplicate", "lose", "timeout", "submit", "transfer", "snapshot", "sleep", "crash", "restart")
    }
    assert min(kinds.values()) > 20


@pytest.mark.parametrize("bug", [name for name in BUGS if name not in NOT_BY_WALKS])
def test_a_walk_finds_a_bug_and_its_commands_repeat_it_in_a_cluster(bug: str) -> None:
    walk = found(bug)
    small = shrink_walk(walk)
    most = 80 if "snapshots" in BUGS[bug].options else 40  # a snapshot and its chunks come on top
    assert len(small.steps) <= min(len(walk.steps), most)
    assert walk.broken is not None
    assert small.broken is not None
    assert small.broken[0] == walk.broken[0]
    for each in (walk, small):
        assert each.broken is not None
        name, text = each.broken
        finding = repeated(each)
        assert finding is not None
        assert finding.name == name
        assert text in finding.text


def test_a_cluster_that_runs_the_commands_of_a_walk_ends_as_the_bare_nodes_do() -> None:
    for seed in range(several(12)):
        plan = draw_walk(seed, 2 + seed % 5)
        often = replace(plan.raft, snapshot=(0, 2, 5)[seed % 3])
        walk = run_walk(replace(plan, raft=often, snapshots=plan.snapshots or seed % 2 == 0))
        bare = after(walk)
        with Harness(walk.plan.nodes, backend="sim", seed=seed, config=Config(walk.plan.raft)) as h:
            session = Session(h)
            for command in commands_of(walk.steps):
                bound(command, h.n).run(session)
            h.settle()
            bare.sleep(0.0)
            assert h.now == bare.now
            for node, server in zip(bare.nodes, h.cluster, strict=True):
                assert server.stopped is not node.up
                assert server.cm.node_state() == node.cm.node_state(), seed
                assert server.cm.log == node.cm.log
                assert server.cm.next_index == node.cm.next_index
            flying = {flight.id for flight in h.messages()}
            assert {message.id for message in bare.bag} <= flying


# ---- as an engine of the search


@pytest.mark.parametrize(("engine", "mix"), [("walks", WALK), ("both", WALK), ("trials", "calm")])
def test_each_engine_finds_a_bug_by_its_own_means(engine: str, mix: str) -> None:
    result = run_seed(TrialPlan(0, 5, "calm", bugs=("no-commit-on-heartbeat",)), engine)
    assert result.finding is not None
    assert (result.finding.name, result.plan.mix) == ("Follower Commit", mix)
    assert (result.steps > 0) is (engine != "trials")


def test_after_a_walk_that_finds_nothing_the_trial_of_that_seed_runs() -> None:
    result = run_seed(TrialPlan(0, 3, "calm", seconds=0.2), "both")
    assert result.finding is None
    assert (result.plan.mix, result.steps) == ("calm", STEPS)
    assert result.liveness


def test_the_counterexample_of_a_walk_is_a_script_that_raftplay_run_repeats(tmp_path: Path) -> None:
    script = tmp_path / "found.txt"
    searched = raftplay(
        "explore", "--bug", "no-log-check", "--engine", "walks", "--jobs", "1", "--out", str(script)
    )
    assert searched.status == 1, searched
    assert "walks over bare consensus modules: " in searched.out
    assert ", mix walk\n" in searched.out
    text = script.read_text("utf-8")
    assert "\nhold all\ntimeout " in text
    name = text.removeprefix("# ").partition(" is violated, with no-log-check switched on.\n")[0]
    assert name in ("Leader Completeness", "Pre-Vote Truth")
    assert f"# BROKEN: {name} broke at " in text
    done = raftplay("run", str(script))
    assert done.status == 1
    assert f"{name} broke at " in done.out


def test_a_script_that_does_not_repeat_the_walk_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = found("no-log-check")
    case = case_of(run_seed(TrialPlan(walk.plan.seed, walk.plan.nodes, bugs=walk.plan.bugs), "walks"))
    monkeypatch.setattr("raftplay.explore.search.walked.commands_of", lambda _: ["hold all"])
    text = script_of(shrunk_walk(case, 1.0))
    assert f"\n# {NOT_REPEATED}\n" in text


RAISES = """
from raftplay import ConsensusModule

class Raises(ConsensusModule):
    def append_entries(self, args, now=None):
        if args.entries:
            raise KeyError("entry")
        return super().append_entries(args, now)
"""


def test_a_node_whose_code_raises_is_a_finding_and_is_minimized(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(RAISES, "utf-8")
    node = OwnNode(f"{tmp_path}/my.py:Raises")
    result = next(
        found
        for seed in range(50)
        if (found := run_seed(TrialPlan(seed, 3, node=node), "walks")).finding is not None
    )
    assert result.finding is not None
    assert result.finding.name == "KeyError in append_entries"
    case = shrunk_walk(case_of(result), 10.0)
    assert len(case.commands) <= 8
    assert case.finding.name == "KeyError in append_entries"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine", "walk"), "--engine is walks, trials or both, not 'walk'"),
        (("--engine", "walks", "--backend", "tcp"), "--engine is for virtual time"),
    ],
)
def test_an_engine_that_does_not_exist_or_does_not_fit_is_refused(options: tuple[str, ...], says: str) -> None:
    done = raftplay("explore", *options)
    assert done.status == 2
    assert says in done.err
