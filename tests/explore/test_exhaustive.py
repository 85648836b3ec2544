"""The exhaustive search at a small scope: nothing reachable is left out, and what is found can be repeated."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import pytest
from support.amount import several
from support.command_line import raftplay

from raftplay.commands.setup import Setup
from raftplay.explore.exhaustive.command import counterexample, exhaustive, report_text
from raftplay.explore.exhaustive.local import StepKind
from raftplay.explore.exhaustive.search import ExhaustiveOutcome, Seen, explore_all
from raftplay.explore.exhaustive.world import BoundedWorld, Bounds, WorldState, WorldStep
from raftplay.explore.search.options import switched_raft
from raftplay.explore.walks.bare import BARE
from raftplay.explore.walks.walk import DRAWN
from raftplay.raft.bugs import module_with
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.run.runner import Status, TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.version import made_by

GIB = 1 << 30


def search(
    bounds: Bounds, bugs: tuple[str, ...] = (), states: int = 100_000, raft: RaftConfig = BARE
) -> tuple[BoundedWorld, ExhaustiveOutcome]:
    world = BoundedWorld(bounds, module_with(bugs), raft)
    return world, explore_all(world, most_states=states, most_bytes=4 * GIB)


@pytest.mark.parametrize(
    "bounds",
    [Bounds(1, 2, 1, 1), Bounds(2, 2, 1, 1), Bounds(3, 1, 1, 0), Bounds(3, 2, 0, 0), Bounds(4, 1, 0, 0)],
    ids=str,
)
def test_the_correct_algorithm_violates_nothing_within_these_bounds(bounds: Bounds) -> None:
    _, outcome = search(bounds)
    assert (outcome.broken, outcome.stopped, outcome.beyond) == (None, "", 0)
    assert outcome.states > 10
    assert report_text(outcome).endswith("\nexhausted: nothing broke")


@pytest.mark.parametrize(("option", "states", "entries"), [("prevote", 100, 1), ("noop", 30, several(1, least=0))])
def test_the_correct_algorithm_violates_nothing_with_an_option_on(option: str, states: int, entries: int) -> None:
    """A no-op is an entry too: with two terms and no submit there are two of them."""
    usual = search(bounds := Bounds(2, 2, entries, 1))[1]
    _, outcome = search(bounds, raft=replace(BARE, **{option: True}))
    assert (outcome.broken, outcome.stopped, outcome.beyond) == (None, "", 0)
    assert outcome.states != usual.states
    assert outcome.states > states


def test_every_option_of_the_algorithm_that_is_no_timing_can_be_switched_on() -> None:
    for option in fields(RaftConfig):
        if option.default is False and option.name not in ("force_more_reelection", "lease"):
            assert switched_raft(BARE, ((option.name, True),)) == replace(BARE, **{option.name: True})
            assert option.name in DRAWN


def every_place(world: BoundedWorld) -> set[int]:
    """The states of the nodes that are reachable, by a search that leaves out no step and no set of messages."""
    todo, seen = [world.start()], set()
    places = {world.key(world.start())[0]}
    while todo:
        state = todo.pop()
        for _, after in world.steps(state):
            key = (after.locals, frozenset(after.messages), after.used, after.past)
            if key not in seen:
                seen.add(key)
                todo.append(after)
                places.add(world.key(after)[0])
    return places


@pytest.mark.parametrize(
    "bounds", [Bounds(2, 1, 1, 1), Bounds(2, 2, 0, 1), Bounds(2, 2, 1, 0), Bounds(3, 1, 0, 0)], ids=str
)
def test_what_is_folded_hides_no_state_of_the_nodes(bounds: Bounds, monkeypatch: pytest.MonkeyPatch) -> None:
    met: set[int] = set()
    add = Seen.add
    monkeypatch.setattr(Seen, "add", lambda self, key: (met.add(key[0]), add(self, key))[1])
    world, outcome = search(bounds)
    assert outcome.stopped == ""
    assert met == every_place(world)


def test_nodes_that_have_changed_places_make_no_other_state() -> None:
    world = BoundedWorld(Bounds(3, 2, 1, 1), ConsensusModule)

    def after(*steps: tuple[StepKind, int]) -> WorldState:
        state = world.start()
        for kind, node in steps:
            state = world.after(state, WorldStep(kind, node, 1))
        return state

    def votes(state: WorldState, candidate: int, voter: int) -> WorldState:
        asked = next(
            number
            for number in state.messages
            if (world.locals.messages[number].src, world.locals.messages[number].dst) == (candidate, voter)
        )
        return world.after(state, WorldStep("deliver", voter, asked))

    one = votes(after(("timeout", 0)), 0, 1)
    other = votes(after(("timeout", 2)), 2, 0)
    assert one.locals != other.locals
    assert world.key(one) == world.key(other)
    assert world.key(one) != world.key(after(("timeout", 0)))
    assert world.key(after(("timeout", 0), ("crash", 0))) == world.key(after(("timeout", 1), ("crash", 1)))
    unfolded = BoundedWorld(Bounds(3, 2, 1, 1), ConsensusModule, folds=False)
    start = unfolded.start()
    keys = {unfolded.key(unfolded.after(start, WorldStep("timeout", node)))[0] for node in range(3)}
    assert len(keys) == 3


FOUND = {
    "forget-vote": "Persist Before Send",
    "forget-term": "Persist Before Send",
    "reset-vote": "Vote Kept",
    "stale-vote-reply": "Vote Quorum",
    "no-log-check": "Leader Completeness",
    "commit-old-term": "Current-Term Commit",
    "accept-old-term": "Timer Rules",
    "ignore-newer-term": "Term Adopted",
    "heartbeat-unchecked": "Match Truth",
    "ack-before-durable": "Persist Before Send",
    "no-commit-on-heartbeat": "Follower Commit",
    "timer-on-refusal": "Timer Rules",
}


FOUND_LAST = ("no-log-check", "commit-old-term")
"""The bugs that are found last, which need no crash."""


@pytest.mark.parametrize("bug", FOUND)
def test_a_bug_is_found_and_a_script_of_few_commands_repeats_it(bug: str) -> None:
    crashes = several(1, least=0) if bug in FOUND_LAST else 1
    world, outcome = search(Bounds(3, 2, 1, crashes), (bug,))
    assert outcome.broken is not None
    assert outcome.broken[0] == FOUND[bug]
    text = counterexample(world, outcome, (bug,), None, again="raftplay explore …", folder="")
    assert f"# BROKEN: {FOUND[bug]} broke at " in text
    commands = [line for line in text.split("\nhold all\n")[1].splitlines() if not line.startswith("#")]
    assert len(commands) <= 16
    told: list[str] = []
    assert run_script(parse_script("found", text, Setup()), TextTranscript(told.append)) is Status.FAILED
    assert f": {FOUND[bug]} broke at " in "\n".join(told)


def test_the_first_violation_found_is_one_of_the_fewest_changes_of_a_node() -> None:
    """Two candidates of one term, one of which wins; the other steps down for it, without its vote: five changes."""
    _, outcome = search(Bounds(3, 1, 0, 0), ("reset-vote",))
    assert outcome.broken is not None
    assert outcome.depth == 4


def test_a_search_that_stops_early_says_so() -> None:
    _, outcome = search(Bounds(3, 2, 1, 1), states=500)
    assert 500 <= outcome.states < 600
    assert "not exhausted: 500 states are its limit; nothing broke in the states visited" in report_text(outcome)
    world = BoundedWorld(Bounds(3, 2, 1, 1), ConsensusModule)
    short = explore_all(world, most_states=100_000, most_bytes=1)
    assert short.stopped == "0 MiB of memory are its limit"
    assert short.states < 10_000


def test_ctrl_c_ends_it_with_the_figures_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = BoundedWorld.steps

    def interrupted(self: BoundedWorld, state: WorldState) -> Iterator[tuple[WorldStep, WorldState]]:
        if state.used.crashes:
            raise KeyboardInterrupt
        return steps(self, state)

    monkeypatch.setattr(BoundedWorld, "steps", interrupted)
    said: list[str] = []
    status = exhaustive(
        Bounds(3, 2, 1, 1),
        said.append,
        most_states=1000,
        most_bytes=GIB,
        out=tmp_path / "found.txt",
        again="raftplay explore …",
    )
    assert status is Status.INTERRUPTED
    assert "not exhausted: interrupted; nothing broke in the states visited" in said[-1]
    assert not (tmp_path / "found.txt").exists()


def test_a_bound_on_messages_in_flight_is_said_with_what_it_left_out() -> None:
    _, outcome = search(Bounds(3, 1, 1, 0, in_flight=6))
    assert outcome.beyond > 0
    assert f"exhausted, except {outcome.beyond} states with more messages in flight: nothing broke" in report_text(
        outcome
    )


def test_an_option_that_is_switched_on_is_named_and_its_counterexample_runs(tmp_path: Path) -> None:
    script = tmp_path / "found.txt"
    options = ("--crashes", "0", "--set", "prevote=on", "--bug", "prevote-counts", "--out", str(script))
    found = raftplay("explore", "--exhaustive", *options)
    assert found.status == 1, found
    assert f"with {made_by()}, options: --set=prevote=on --bug prevote-counts\npre-votes: they arrive" in found.out
    text = script.read_text("utf-8")
    assert "\nset prevote on\n" in text
    assert "sleep" not in text.split("\nhold all\n")[1]
    ran = raftplay("run", str(script))
    assert (ran.status, "Vote Quorum broke" in ran.out) == (1, True)


def test_the_command_line_prints_bounds_figures_and_the_counterexample(tmp_path: Path) -> None:
    script = tmp_path / "found.txt"
    options = ("--exhaustive", "--nodes", "3", "--terms", "2", "--entries", "1", "--crashes", "0")
    found = raftplay("explore", *options, "--bug", "reset-vote", "--out", str(script))
    assert found.status == 1, found
    assert found.out.startswith(
        "bounds: 3 nodes, terms up to 2, submits up to 1, crashes up to 0, any number of messages in flight\n"
    )
    assert " states a second\n" in found.out
    assert raftplay("run", str(script)).status == 1
    held = raftplay("explore", "--exhaustive", "--terms", "1", "--entries", "0", "--crashes", "0")
    assert (held.status, held.err) == (0, "")
    assert held.out.endswith("\nexhausted: nothing broke\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--terms", "3"), "--terms is a bound of --exhaustive"),
        (("--exhaustive", "--nodes", "3..5"), "--exhaustive takes one number of nodes, at most 5, not 3..5"),
        (("--exhaustive", "--set", "unreliable=on"), "--set unreliable is for clusters"),
        (("--engine", "walks", "--set", "more-reelection=on"), "--set more-reelection is for clusters"),
        (("--exhaustive", "--set", "fast=on"), "fast"),
        (("figure-8", "--set", "prevote=on"), "a script sets its own options"),
        (("--exhaustive", "--nodes", "6"), "--exhaustive takes one number of nodes, at most 5, not 6"),
        (("--exhaustive", "--backend", "tcp"), "--exhaustive is explored in virtual time only"),
        (("--exhaustive", "--all-bugs"), "--all-bugs is for a search by seeds"),
        (("--exhaustive", "--seeds=5"), "--seeds is for a search by seeds, and does not go with --exhaustive"),
        (("--exhaustive", "--states", "0"), "invalid value for '--states'"),
        (("figure-8", "--exhaustive"), "takes no script"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: tuple[str, ...], says: str) -> None:
    done = raftplay("explore", *options)
    assert done.status == 2
    assert says in done.err


def test_a_node_whose_code_raises_is_found(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(
        "from raftplay import ConsensusModule\n\n\nclass Raises(ConsensusModule):\n"
        "    def request_vote(self, args, now=None):\n        raise KeyError('vote')\n",
        "utf-8",
    )
    script = tmp_path / "found.txt"
    done = raftplay("explore", "--exhaustive", "--node", f"{tmp_path}/my.py:Raises", "--out", str(script))
    assert done.status == 1, done
    assert "KeyError in request_vote" in script.read_text("utf-8").splitlines()[0]
    assert next(islice(script.read_text("utf-8").splitlines()[::-1], 1)).startswith("#")
