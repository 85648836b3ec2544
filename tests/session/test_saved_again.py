"""Any session that is saved and run again comes to the same end to the last bit, whatever was looked at meanwhile."""

import hashlib
import re
from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.amount import several
from support.session import blueprint, do, held, live, perform, session_of, until

from raftplay import Config, RaftConfig
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.setup import Setup
from raftplay.language.values import duration_of
from raftplay.run.runner import Status, opened
from raftplay.run.script import parse_script
from raftplay.session.journal import setup_lines
from raftplay.session.session import Session
from raftplay.session.units import duration_text, exact_text, range_text
from raftplay.watch.facts import Record


class Digest:
    """A reader of events: all that happened, in one number."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.count = 0

    def __call__(self, record: Record) -> None:
        event = msgspec.json.encode(record) + type(record.event).__name__.encode()
        self._sum.update(event)
        self.count += 1

    def value(self) -> str:
        return self._sum.copy().hexdigest()


@dataclass(frozen=True)
class End:
    """Where a session came to: the cluster as it is printed and as a value, and all that happened until then."""

    printed: str
    snapshot: object
    count: int
    digest: str


def end_of(session: Session, digest: Digest) -> End:
    with session.harness.lock:
        snapshot = replace(session.harness.snapshot(), speed=1.0)
        return End(str(snapshot), snapshot, digest.count, digest.value())


def digest_of(session: Session) -> Digest:
    """All that happened in the branch that is played, as far as its history still holds it."""
    digest = Digest()
    digest.count = session.history.forgotten
    for record in session.history.records():
        digest(record)
    return digest


def run_again(text: str) -> tuple[Status, End]:
    """Run a saved script as `raftplay run` does, and look at its end before the cluster is shut down."""
    script = parse_script("saved", text)
    with opened(script.setup) as session, session:
        status = Status.HELD
        for step in script.steps:
            try:
                session.perform(step.bound).result()
            except InvariantBroken:
                status = Status.FAILED
                break
        return status, end_of(session, digest_of(session))


def saved_end(session: Session) -> tuple[str, End]:
    """What is saved of the session, and where it is."""
    session.is_live = True
    return session.script_text(), end_of(session, digest_of(session))


LOOKS = ("status", "log", "messages", "events 3", "now", "branches", "why leader", "help wait")

PAST = ("back", "back 7", "forward 2", "goto 150ms", "goto 0.2s", "live", "switch main", "switch b1", "switch b2")

ACTS = (
    "wait leader",
    "submit x",
    "submit y to 1",
    "submit z to 0",
    "crash 0",
    "crash leader",
    "restart 0",
    "restart crashed",
    "freeze 1",
    "thaw all",
    "disconnect leader",
    "reconnect all",
    "partition 0 | 1,2",
    "heal",
    "hold 0->1,2",
    "release all",
    "deliver all",
    "lose all",
    "duplicate all",
    "link all loss=20% delay=1.123..9ms dup=10%",
    "timeout 2",
    "timeout 0",
    "let a = leader",
    "tear 1 after 0",
    "wipe 2",
)

REFUSED = (
    "deliver 999999",
    "lose 4000",
    "tear 2 after 0; tear 2 after 0",
    "restart 1",
    "submit w to $a",
    "crash $a",
    "expect no leader",
    "switch b9",
    "wait committed nothing within 0ms",
    "never leader for 0ms",
    "link 0->1 loss=50%",
)

TIMES = (
    "pause",
    "resume",
    "step",
    "step 4",
    "sleep 30ms",
    "sleep 0.123456789ms",
    "sleep 0ms",
    "wait no leader within 20ms",
    "wait leader within 77.7ms",
    "goto 400ms",
)

LINES = st.lists(st.sampled_from((*LOOKS, *PAST, *ACTS, *ACTS, *REFUSED, *TIMES)), min_size=3, max_size=30)

DURATIONS = st.floats(min_value=0.02, max_value=0.4, allow_nan=False)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    low, high = sorted((draw(DURATIONS), draw(DURATIONS)))
    delays = sorted((draw(st.sampled_from((0.0, 1e-8, 0.001, 0.0012345678901))), draw(st.floats(0.0, 0.01))))
    raft = RaftConfig(election_min=low, election_max=high, heartbeat=low / 3, noop=draw(st.booleans()))
    return Config(raft=raft, delay_min=delays[0], delay_max=delays[1])


@settings(max_examples=several(60), suppress_health_check=[HealthCheck.too_slow])
@given(LINES, configs(), st.integers(0, 1 << 40))
def test_whatever_was_done_and_looked_at_the_saved_script_comes_to_the_same_end(
    lines: list[str], config: Config, seed: int
):
    session = session_of(blueprint(3, seed=seed, config=config))
    with session:
        perform_known(session, ["wait leader", *lines])
        perform(session, "live")
        text, end = saved_end(session)
    assert run_again(text) == (Status.HELD, end), text


def perform_known(session: Session, lines: list[str]) -> None:
    """Do lines as far as they can be bound: a variable may not have been set."""
    for line in lines:
        if "$a" not in line or "a" in session.variables:
            perform(session, line)


@settings(max_examples=8)
@given(st.lists(st.lists(st.sampled_from((*LOOKS, *ACTS, *REFUSED, "back 3", "live")), min_size=1, max_size=3),
                min_size=2, max_size=8), st.integers(0, 1 << 20))  # fmt: skip
@example([["disconnect leader"], ["freeze 1", "wait leader", "thaw all"]], 0)
def test_while_time_goes_by_likewise(lines: list[list[str]], seed: int):
    with live(3, seed=seed, speed=30.0) as lively:
        do(lively, "wait leader")
        for line in lines:
            known = [part for part in line if "$a" not in part]
            lively.run("; ".join(known)).result(60)
        do(lively, "live")
        held(lively, "pause")
        text, end = saved_end(lively.session)
    assert run_again(text) == (Status.HELD, end), text


def test_a_line_that_first_looks_acts_between_two_instants_too():
    """Else it could act while events of this very instant were still to come, and no script can say that."""
    with live(3, seed=959, speed=30.0) as lively:
        do(lively, "wait leader")
        for line in ("messages; crash 0", "status; log; restart 0", "now; submit x", "now; pause"):
            do(lively, line)
        text, end = saved_end(lively.session)
    moments = re.findall(r"^goto (\S+)s$", text, re.MULTILINE)
    assert moments
    assert max(map(len, moments)) <= len("0.173"), text
    assert run_again(text) == (Status.HELD, end), text


@pytest.mark.parametrize(
    "lines",
    [
        ["wait leader", "submit a; back 5; live", "submit b"],
        ["wait leader", "submit a; forward 5", "submit b"],
        ["wait leader", "sleep 1s", "submit a; goto 500ms; live", "crash leader"],
        ["wait leader", "submit a; deliver 999999; submit b; status; crash leader"],
        ["wait leader", "submit a; wait committed b within 0ms; submit b"],
        ["wait leader", "goto 250ms", "submit x; goto 250ms; crash 1; submit y; goto 250ms"],
        ["wait leader", "submit a; status; switch main; submit b; branches; submit c"],
        ["wait leader", "pause; submit a; status; step 3; submit b; log; resume; submit c; sleep 0ms; submit d"],
        [
            "wait leader",
            "submit a",
            "wait committed a",
            "pause",
            "back 40",
            "deliver 999999",
            "live",
            "crash 2",
            "step 9",
        ],
        ["wait leader", "submit a", "wait committed a", "back 40", "restart 0", "live", "submit b", "sleep 50ms"],
        [
            "wait leader",
            "sleep 80ms",
            "back 60",
            "tear 2 after 0; tear 2 after 0",
            "switch main",
            "submit b",
            "log",
        ],
    ],
)
@pytest.mark.parametrize("delay", [(0.0, 0.0), (0.001, 0.005)])
def test_a_look_or_a_refusal_behind_a_submit_is_kept_as_what_it_did(lines: list[str], delay: tuple[float, float]):
    config = Config(delay_min=delay[0], delay_max=delay[1])
    with session_of(blueprint(5, config=config)) as session:
        perform(session, *lines)
        text, end = saved_end(session)
    assert run_again(text) == (Status.HELD, end), text
    looks = {"back", "forward", "live", "switch", "status", "log", "branches", "deliver", "restart"}
    assert not looks & {line.split(" ")[0] for line in text.splitlines()}


def test_two_leaders_settle_in_the_order_in_which_they_were_given_something():
    with session_of(blueprint(5, seed=3)) as session:
        perform(session, "timeout 3; wait leader is 3; partition 3 | 0,1,2,4; timeout 0; sleep 50ms")
        assert perform(session, "submit a to 3; submit b to 0")[0].startswith("index")
        session.harness.sleep_ms(10)  # as time goes by in a shell
        perform(session, "submit c to 3; submit d to 0; status; sleep 10ms")
        text, end = saved_end(session)
    assert run_again(text) == (Status.HELD, end), text


def test_what_broke_an_invariant_breaks_it_when_it_is_run_again():
    bug = Config(bugs=("no-log-check",))
    for how in ("sleep 300ms", "wait leader is 0 within 2s", "step 4000", "deliver all; deliver all"):
        with session_of(blueprint(3, seed=1, config=bug)) as session:
            perform(session, "timeout 0; wait leader is 0; disconnect 2; submit 1; wait committed 1 on 2; crash 0")
            perform(session, "reconnect 2; submit x to 2; timeout 2; messages")
            with pytest.raises(InvariantBroken):
                perform(session, how)
            text, end = saved_end(session)
        status, again = run_again(text)
        assert status is Status.FAILED
        assert again == end, text


def test_a_restart_that_is_interrupted_is_whole():
    with live(5, speed=0.05) as lively:
        held(lively, "speed 50; wait leader; crash all; speed 0.05")
        under_way = lively.run("restart all; crash 0")
        until(lambda: any(lively.session.harness.alive))
        lively.cancel()
        outcomes = under_way.result(60)
        assert [outcome.status for outcome in outcomes] == [Status.HELD, Status.INTERRUPTED]
        assert lively.session.harness.speed == 0.05
        held(lively, "pause")
        text, end = saved_end(lively.session)
    assert run_again(text) == (Status.HELD, end), text


# ---- numbers


@settings(max_examples=several(500))
@given(st.floats(min_value=0.0, max_value=24 * 3600.0), st.floats(min_value=0.0, max_value=24 * 3600.0))
def test_durations_and_ranges_read_back_to_the_last_bit(one: float, other: float):
    low, high = sorted((one, other))
    assert duration_of(exact_text(high)) == high
    setup = parse_script("x", f"timing delay={range_text(low, high)}").setup
    assert setup.timings["delay"] == (low, high)


@pytest.mark.parametrize("ms", [0.00001, 0.1, 1.0, 2.5, 50.0, 150.0, 1500.0])
def test_usual_durations_are_short(ms: float):
    assert len(exact_text(ms * 0.001)) <= len("0.00001ms")
    assert exact_text(0.05) == duration_text(0.05) == "50ms"
    assert range_text(0.15, 0.3) == "150..300ms"


@settings(max_examples=several(100))
@given(configs())
def test_a_saved_set_up_and_the_options_of_again_make_the_same_cluster(config: Config):
    plan = blueprint(3, config=config)
    setup = parse_script("saved", "\n".join(setup_lines(plan))).setup
    assert setup.config().settled() == plan.config
    raft = config.raft
    chosen = Setup(timings={"election": (raft.election_min, raft.election_max)})
    (option,) = chosen.options()
    again = parse_script("x", f"timing {option.removeprefix('--timing=')}").setup
    assert again.timings == chosen.timings
