"""Every answer of `why` is true: in every shipped scenario, every bug scenario and under random faults."""

import random
from collections import Counter
from contextlib import suppress

import pytest
from support.amount import THOROUGH, several
from support.churn import Churn
from support.why_truth import Watched
from support.why_witness import Witness

from raftplay import Config, Harness, scenarios
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.explore.search.chooser import FaultChooser
from raftplay.explore.search.mixes import ACTS, MIXES
from raftplay.explore.search.trial import bound
from raftplay.past.history import History
from raftplay.past.index import EventIndex
from raftplay.past.view import View
from raftplay.raft.bugs import BUGS
from raftplay.raft.config import RaftConfig
from raftplay.run.script import parse_script
from raftplay.session.errors import Failed
from raftplay.why import answers

LONG = 1_000_000
"""Records of a history that forgets nothing here."""

SHORT = 120
"""Records of one that forgets much."""

EVERY = 23 if THOROUGH else 100
"""The number of changes between two looks while a scenario waits."""

BROKEN = "same-id-blank-disk"
"""A scenario without a bug in which a property is violated: Raft promises nothing to a node with a blank disk."""

NAMES = tuple(name for name in (*scenarios.names(), *scenarios.bug_names()) if name != BROKEN)


def watched(n: int, seed: int, config: Config, *, every: int, watch: object = True) -> Watched:
    """A cluster in virtual time whose answers are compared while time passes."""
    history, witness, short = History(LONG), Witness(), History(SHORT)
    h = Harness(n, backend="sim", seed=seed, config=config, watch=watch, readers=[history, witness, short])  # type: ignore[arg-type]
    found = Watched(h, history, witness, short)
    found.look_meanwhile(every)
    return found


def play(name: str, seed: int, *, without_bugs: bool = False) -> Watched:
    """Play a scenario to its end, a breach notwithstanding, and ask everything after every step."""
    script = parse_script(
        name, scenarios.text_of(name), Setup(backend="sim", seed=seed, without_bugs=without_bugs)
    )
    setup = script.setup
    assert setup.nodes is not None
    cluster = watched(setup.nodes, seed, setup.config(), every=EVERY, watch=setup.watched or True)
    with suppress(InvariantBroken), cluster.h:
        for step in script.steps:
            if cluster.h.breach is not None and step.bound.name in ("sleep", "wait", "never"):
                continue  # what they wait for may not come any more
            with suppress(InvariantBroken, Failed, UsageError):
                step.bound.run(cluster.session)
            with suppress(InvariantBroken):
                cluster.session.view()
            cluster.look()
    cluster.check_later()
    return cluster


@pytest.fixture(autouse=True)
def _one_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """All questions about one view share its index: most of what they take is to make one of long histories."""
    made: list[EventIndex] = []

    def index_of(view: View) -> EventIndex:
        if not made or made[0].view is not view:
            made[:] = [EventIndex(view)]
        return made[0]

    monkeypatch.setattr(answers, "EventIndex", index_of)


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_true_in_a_scenario(name: str) -> None:
    for seed in range(1, 1 + several(2)):
        try:
            play(name, seed)
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}")
            raise


def test_why_says_that_a_blank_disk_broke_a_property() -> None:
    with pytest.raises(AssertionError, match="State Machine Safety is violated"):
        play(BROKEN, 1)


def churned(
    seed: int,
    *,
    seconds: float,
    bugs: tuple[str, ...] = (),
    every: int = 60,
    kinds: tuple[str, ...] | None = None,
    snapshot: int = 0,
) -> Watched:
    """A cluster under a random fault mix, of random size and options."""
    rng = random.Random(f"why {seed}")
    raft = RaftConfig(prevote=rng.random() < 0.4, noop=rng.random() < 0.2, snapshot=snapshot)
    config = Config(raft=raft, unreliable=rng.random() < 0.2, bugs=bugs)
    cluster = watched(rng.choice((2, 3, 3, 4, 5, 5, 7)), seed, config, every=every)
    with suppress(InvariantBroken), cluster.h:
        churn = Churn(cluster.h, seed, kinds)
        try:
            churn.run(seconds)
        except InvariantBroken:
            assert bugs
        cluster.look()
    cluster.check_later()
    return cluster


def mixed(seed: int, mix: str, *, seconds: float, bugs: tuple[str, ...] = ()) -> Watched:
    """A cluster under one of the mixes of `raftplay explore`, asked after each of its commands."""
    cluster = watched(3 + seed % 3, seed, Config(bugs=bugs), every=200)
    with suppress(InvariantBroken), cluster.h as h:
        driver = FaultChooser(h, random.Random(f"driver {seed}"), MIXES[mix], ACTS)
        while h.now < seconds and h.breach is None:
            pause, command = driver.step()
            with suppress(InvariantBroken):
                h.sleep_ms(pause)
            if h.breach is None:
                with suppress(InvariantBroken, Failed, UsageError):
                    bound(command, h.n).run(cluster.session)
            cluster.look()
    cluster.check_later()
    return cluster


KINDS = {"LeaderFacts", "CandidateFacts", "FollowerFacts", "DownFacts"}
OUTCOMES = {"committed", "was committed", "nowhere", "no leader", "not the leader's", "too few"}
REASONS = {"there is one", "too few live", "too few meet", "waiting"}


def test_every_answer_is_true_under_random_faults() -> None:
    said: Counter[str] = Counter()
    for seed in range(several(14, least=10)):
        try:
            said.update(churned(seed, seconds=2.0).said)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert said.keys() >= KINDS | OUTCOMES | REASONS


@pytest.mark.parametrize("kinds", [Churn.HARDWARE, Churn.OTHER_HALF, Churn.ALL])
def test_every_answer_is_true_on_slow_disks_under_options_that_change(kinds: tuple[str, ...]) -> None:
    for seed in range(several(5, least=2)):
        try:
            assert churned(seed, seconds=2.0, kinds=kinds).looks > 0
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_every_answer_is_true_of_snapshots() -> None:
    told: set[bool] = set()
    for seed in range(7, 11):
        try:
            witness = churned(seed, seconds=2.0, kinds=Churn.ALL, snapshot=2).witness
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        told |= {bool(witness.compacted), bool(witness.sending)}
    assert True in told


@pytest.mark.parametrize("mix", MIXES)
def test_every_answer_is_true_under_a_mix_of_faults(mix: str) -> None:
    assert mixed(1, mix, seconds=1.0).looks > 10


@pytest.mark.parametrize("bug", BUGS)
def test_every_answer_is_true_with_a_bug_under_random_faults(bug: str) -> None:
    for seed in range(several(2)):
        assert churned(seed, seconds=1.0, bugs=(bug,)).looks > 0
