"""A mistake in a class of one's own is told alike by every engine: the node, the method, and one's own lines."""

from itertools import product
from pathlib import Path

import pytest

from raftplay.cluster import stuck
from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.errors import UsageError
from raftplay.explore.exhaustive.command import exhaustive
from raftplay.explore.exhaustive.search import explore_all
from raftplay.explore.exhaustive.world import BoundedWorld, Bounds
from raftplay.explore.search.trial import TrialPlan
from raftplay.explore.search.walked import case_of_walk, run_seed
from raftplay.explore.walks.shrink import shrink_walk
from raftplay.explore.walks.walk import WalkPlan, run_walk
from raftplay.raft.bugs import module_with
from raftplay.session.status import Status

PARAMETERS = {
    "__init__": "*args, **kwargs",
    "start": "now",
    "stop": "",
    "submit": "command, now=None",
    "wake": "now",
    "time_out": "now",
    "request_received": "args, now",
    "request_vote": "args, now=None",
    "append_entries": "args, now=None",
    "reply_received": "peer_id, args, reply, now",
    "call_failed": "peer_id, args, now",
    "persist": "now=None",
    "take_calls": "",
    "take_commits": "",
}
"""The inputs and outputs that each engine gives a node, and their parameters."""

ENGINES = ("walks", "trials", "exhaustive")

NEVER = {("exhaustive", "stop"), ("trials", "time_out")}
"""An exhaustive search crashes nodes without a call; few trials fire a timer by hand."""

LINE = 4
"""The line of the method in the user's file."""


def own(
    folder: Path, method: str, body: str, base: str = "ConsensusModule", parameters: str | None = None
) -> OwnNode:
    """Write a class with one method."""
    parameters = PARAMETERS[method] if parameters is None else parameters
    (folder / "my.py").write_text(
        f"from raftplay import {base}\n\nclass My({base}):\n    def {method}(self, {parameters}):\n        {body}\n",
        "utf-8",
    )
    return OwnNode(f"{folder}/my.py")


def found(engine: str, node: OwnNode) -> tuple[str, str]:
    """Return what an engine finds first in a class: name and text."""
    if engine == "exhaustive":
        world = BoundedWorld(Bounds(3, 2, 1, 1), module_with((), loaded(node)), folds=False)
        outcome = explore_all(world, most_states=20_000, most_bytes=4 << 30)
        assert outcome.broken is not None
        return outcome.broken
    for seed in range(20):
        finding = run_seed(TrialPlan(seed, 3, node=node), engine).finding
        if finding is not None:
            return finding.name, finding.text
    pytest.fail(f"{engine}: nothing was found")


@pytest.mark.parametrize(
    ("engine", "method"), [both for both in product(ENGINES, PARAMETERS) if both not in NEVER]
)
def test_an_exception_names_node_method_and_own_lines(engine: str, method: str, tmp_path: Path) -> None:
    node = own(tmp_path, method, "raise LookupError('mine')")
    name, text = found(engine, node)
    assert name == f"LookupError in {method}"
    first, *lines = text.split("\n")
    assert first.startswith("node ")
    assert f" raised LookupError in {method} at " in first
    assert lines == [
        f'  File "{tmp_path}/my.py", line {LINE + 1}, in {method}',
        "    raise LookupError('mine')",
        "LookupError: mine",
    ]


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        ("request_received", "pass", "None was returned, not a RequestVoteReply"),
        ("request_vote", "pass", "None was returned, not a RequestVoteReply"),
        ("append_entries", "pass", "None was returned, not an AppendEntriesReply"),
        ("submit", "pass", "None was returned, not a log index or -1"),
        ("submit", "return 7", "7 was returned, but the last index of its log is "),
        ("take_calls", "pass", "None was returned, not a list of (peer_id, args)"),
        ("take_calls", "return [1]", "1 is in the list that was returned, and is not (peer_id, args)"),
        (
            "take_calls",
            "return [(99, 'nonsense')]",
            "(99, 'nonsense') is in the list that was returned, but no peer has the id 99",
        ),
        (
            "take_calls",
            "return [(1 if self.id != 1 else 0, 'x')]",
            "'x' was returned for peer ",
        ),
        ("take_commits", "pass", "None was returned, not a list of CommitEntry values"),
        ("take_commits", "return ['x']", "'x' is in the list that was returned, and is not a CommitEntry"),
        ("start", "self.deadline = None", "its deadline is a time in seconds, math.inf for never; here: None"),
        ("start", "self.state = 'Leader'", "its state is a CMState, such as CMState.FOLLOWER; here: 'Leader'"),
        ("start", "self.log = []", "its log is a RaftLog; here: []"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_result_that_cannot_be_used_is_told_by_its_method(
    engine: str, method: str, body: str, said: str, tmp_path: Path
) -> None:
    name, text = found(engine, own(tmp_path, method, body))
    assert name == f"TypeError in {method}"
    place, _, error = text.split("\n")[1:]
    assert place == f'  File "{tmp_path}/my.py", line {LINE}, in {method}'
    assert error.startswith(f"TypeError: {said}")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rule_that_returns_nothing_is_told(engine: str, tmp_path: Path) -> None:
    node = own(tmp_path, "may_commit", "pass", "Rules", "entry_term, current_term")
    name, text = found(engine, node)
    assert name == "TypeError in may_commit"
    assert text.endswith("TypeError: None was returned, not True or False")


@pytest.mark.parametrize("field", ["term='1'", "candidate_id=None", "last_log_index=-2"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_request_with_a_wrong_field_is_told_by_the_node_that_sends_it(
    engine: str, field: str, tmp_path: Path
) -> None:
    text = f"""\
from msgspec.structs import replace
from raftplay import ConsensusModule

class My(ConsensusModule):
    def take_calls(self):
        calls = super().take_calls()
        return [(peer, replace(args, {field})) for peer, args in calls if hasattr(args, "candidate_id")]
"""
    (tmp_path / "my.py").write_text(text, "utf-8")
    name, told = found(engine, OwnNode(f"{tmp_path}/my.py"))
    assert name == "TypeError in take_calls"
    assert f"whose {field.partition('=')[0]} is wrong" in told


@pytest.mark.parametrize("method", ["__init__", "start", "persist"])
def test_a_walk_whose_nodes_do_not_start_is_minimized(method: str, tmp_path: Path) -> None:
    node = own(tmp_path, method, "raise LookupError('mine')")
    walk = run_walk(WalkPlan(0, 5, node=node))
    smallest = shrink_walk(walk)
    assert (smallest.plan.nodes, smallest.steps) == (2, ())
    case = case_of_walk(smallest, TrialPlan(0, 5, node=node), ())
    assert case.finding.name == f"LookupError in {method}"


@pytest.mark.parametrize("method", ["__init__", "start", "append_entries"])
def test_an_exhaustive_search_reports_and_writes_what_own_code_raises(method: str, tmp_path: Path) -> None:
    node = own(tmp_path, method, "raise LookupError('mine')")
    told: list[str] = []
    status = exhaustive(
        Bounds(2),
        told.append,
        node=node,
        most_states=10_000,
        most_bytes=4 << 30,
        out=tmp_path / "out.txt",
        again="",
    )
    assert status is Status.FAILED
    report = "\n".join(told)
    assert f": LookupError in {method}\n  node " in report
    assert f'\n    File "{tmp_path}/my.py", line {LINE + 1}, in {method}\n' in report
    lines = (tmp_path / "out.txt").read_text("utf-8").split("\n")
    assert "node my.py:My" in lines


@pytest.mark.parametrize("engine", ["walks", "exhaustive"])
def test_code_that_does_not_return_is_told_by_its_method(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.2)
    node = own(tmp_path, "append_entries", "while True: pass")
    name, text = found(engine, node)
    assert name == "no return from append_entries"
    assert f'  File "{tmp_path}/my.py", line {LINE + 1}, in append_entries' in text


def test_own_fields_may_be_sets_and_dicts_of_any_keys(tmp_path: Path) -> None:
    node = own(tmp_path, "start", "super().start(now); self.seen = {1, 'a'}; self.by = {None: [1], 2: set()}")
    world = BoundedWorld(Bounds(2, 1, 1, 0), module_with((), loaded(node)), folds=False)
    outcome = explore_all(world, most_states=1_000, most_bytes=4 << 30)
    assert outcome.broken is None
    assert outcome.states > 1


def test_an_own_field_that_cannot_be_compared_is_refused_by_an_exhaustive_search(tmp_path: Path) -> None:
    node = own(tmp_path, "start", "super().start(now); self.mine = object()")
    world = BoundedWorld(Bounds(2, 1, 1, 0), module_with((), loaded(node)), folds=False)
    with pytest.raises(UsageError, match=r"compares the states of nodes: an object in the state of a node needs"):
        explore_all(world, most_states=1_000, most_bytes=4 << 30)
