"""One trial: a cluster under one fault profile, watched, healed and measured, in virtual time or on sockets.

Every action is a command, and commands are kept: `raftplay run` repeats a trial from them. In virtual time
the `TrialPlan` alone determines a trial.
"""

import math
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache

from raftplay.backends.base import NodeFailed
from raftplay.backends.interrupts import Interrupts
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.cluster.stuck import DidNotReturn, watchdog
from raftplay.errors import UsageError
from raftplay.explore.gauge import left_over
from raftplay.explore.search.chooser import FaultChooser
from raftplay.explore.search.coverage import Coverage
from raftplay.explore.search.mixes import ACTS, MIXES
from raftplay.explore.search.options import Setting, Switches, draw_setting, switched
from raftplay.explore.search.recovery import measure, mend
from raftplay.kv.clients import ClientOptions
from raftplay.language.cursor import Scope
from raftplay.language.lexer import split_line
from raftplay.language.table import Bound, parse
from raftplay.linearizability.report import report
from raftplay.raft.bugs import BUGS
from raftplay.raft.rule_names import Rule
from raftplay.run.script import DEFAULT_NODES
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.session.units import UNITS

LIVENESS = "liveness"
"""The name of a finding when no invariant was violated, but the cluster did not recover."""

FAILURE = "failure"
"""The name of a finding when an unexpected error was raised and no node caused it."""

STUCK = "no return"
"""The name of a finding when a call did not return and no node caused it."""

LINEARIZABILITY = "linearizability"
"""The name of a finding when no order of the clients' operations explains what they were told."""

REASON = "reason"
"""The name of a finding when raftplay's own nodes give a reason that only a class of a user's can have."""

RATES = (20, 40, 80)
"""The requests a second of all clients of a trial, to draw from."""

LEFTOVERS = "leftovers"
"""The name of a finding when a cluster on sockets keeps tasks or connections that it does not need."""


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The parameters of a trial: seed, number of nodes, fault profile, seconds of faults, bugs, and own class.

    On the backend "tcp" it runs at `speed`. `setting` are the options of its cluster and of its end.
    """

    seed: int
    nodes: int = DEFAULT_NODES
    mix: str = "everything"
    seconds: float = 4.0
    bugs: tuple[str, ...] = ()
    backend: str = "sim"
    speed: float = 1.0
    node: OwnNode | None = None
    setting: Setting = field(default_factory=Setting)
    switches: Switches = ()
    """Options that were not drawn, but chosen."""

    @property
    def config(self) -> Config:
        """Return the configuration of its cluster."""
        setting, (low, high) = self.setting, self.setting.delay
        clients = ClientOptions(reads=setting.reads)
        return Config(setting.raft, low, high, setting.unreliable or None, self.bugs, loaded(self.node), clients)

    @property
    def deviates(self) -> bool:
        """Return whether its nodes may differ from the correct algorithm."""
        return bool(self.bugs or self.node)

    @property
    def correct(self) -> "TrialPlan":
        """Return the same plan for the correct algorithm."""
        return replace(self, bugs=(), node=None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: an invariant, one of the names above, or the `kind` of a `NodeFailed`; and its text.

    `time` is the cluster time in seconds.
    """

    name: str
    text: str
    time: float


@dataclass(slots=True)
class TrialResult:
    """A finished trial. Of `commands`, the first `disturbing` are the schedule; the rest heals and measures.

    `liveness` holds the measured promises in seconds of cluster time; `steps` is the number of steps of the walk
    with the same seed, 0 if there was none.
    """

    plan: TrialPlan
    commands: list[str]
    disturbing: int
    finding: Finding | None
    seconds: float
    faults: Counter[str]
    rules: Counter[str]
    liveness: dict[str, float] = field(default_factory=dict)
    steps: int = 0


def _submit(session: Session, rest: str) -> bool:
    value, _, node = rest.partition(" to ")
    if not (value.isdecimal() and node.isdecimal()):
        return False
    index = session.harness.submit_to_server(int(node), int(value))
    if index >= 0:
        session.note_index(index)
    return True


def _to_a_node(alive: bool, act: Callable[[Harness, int], None]) -> Callable[[Session, str], bool]:
    def direct(session: Session, rest: str) -> bool:
        harness = session.harness
        harness.settle()
        if not rest.isdecimal() or harness.alive[int(rest)] is not alive or harness.wiped[int(rest)]:
            return False
        act(harness, int(rest))
        return True

    return direct


def _time_out(harness: Harness, id: int) -> None:
    server = harness.cluster[id]
    if not (server.frozen or server.is_leader()):
        harness.time_out_peer(id)


DIRECT: dict[str, Callable[[Session, str], bool]] = {
    "now": lambda session, rest: True,
    "submit": _submit,
    "crash": _to_a_node(True, Harness.crash_peer),
    "restart": _to_a_node(False, Harness.restart_peer),
    "timeout": _to_a_node(True, _time_out),
}
"""The most frequent commands, done without their parsing and their answers; False: run the command itself."""


class NotLinearizable(Exception):
    """Raised when no order of the clients' operations explains what they were told; the text has a few lines."""


@dataclass(slots=True)
class TrialRun:
    """A cluster that receives commands, and the commands so far."""

    session: Session
    commands: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)

    def do(self, text: str) -> str:
        """Run one command; record it first, so that a violation finds it there."""
        self.commands.append(text)
        verb, _, rest = text.partition(" ")
        direct = DIRECT.get(verb)
        if direct is not None and direct(self.session, rest):
            return ""
        return bound(text, self.session.harness.n).run(self.session)

    def sleep(self, ms: str) -> None:
        """Run the command sleep: it is half of all commands, so it is not parsed."""
        self.commands.append(f"sleep {ms}ms")
        self.session.harness.sleep_ms(float(ms) * UNITS["ms"] * 1000)  # as the command does it, to the last bit


def draw(
    seed: int,
    nodes: range,
    *,
    seconds: float,
    bugs: tuple[str, ...] = (),
    mixes: tuple[str, ...] = (),
    backend: str = "sim",
    speed: float = 1.0,
    node: OwnNode | None = None,
    options: bool = True,
    switches: Switches = (),
) -> TrialPlan:
    """Draw the number of nodes, the fault profile and the `options` from the seed; return the plan."""
    rng = random.Random(f"plan {seed}")
    count, mix = rng.choice(list(nodes)), rng.choice(mixes or tuple(MIXES))
    needed = {option for bug in bugs for option in BUGS[bug].options}
    setting = draw_setting(seed, needed, on_sockets=backend == "tcp") if options else Setting()
    return TrialPlan(seed, count, mix, seconds, bugs, backend, speed, node, switched(setting, switches), switches)


def run_trial(plan: TrialPlan) -> TrialResult:
    """Run one trial to its end, or to the first finding."""

    def disturb(run: TrialRun) -> None:
        dice = random.Random(f"driver {plan.seed}")
        if plan.setting.clients:
            run.do(load_of(plan))
        weights = MIXES[plan.mix] | dict(plan.setting.acts)
        _disturb(run, FaultChooser(run.session.harness, dice, weights, ACTS), plan.seconds)

    return _watched(plan, disturb, measured=True)


def load_of(plan: TrialPlan) -> str:
    """Return the command by which the clients of a trial begin; its seed decides how many there are."""
    dice = random.Random(f"load {plan.seed}")
    clients, keys, rate = dice.randint(2, 6), dice.randint(1, 3), dice.choice(RATES)
    seconds = plan.seconds * dice.choice((0.5, 0.75))
    return f"load clients={clients} rate={rate}/s keys={keys} for {seconds:g}s"


def rerun(plan: TrialPlan, commands: Sequence[str], *, measured: bool) -> TrialResult:
    """Run `commands` instead of chosen ones; leave out those that are impossible.

    With `measured`, heal the cluster at the end and measure its liveness.
    """
    return _watched(plan, lambda run: _repeat(run, commands), measured=measured)


def _harness(plan: TrialPlan) -> Harness:
    harness = Harness(plan.nodes, backend=plan.backend, seed=plan.seed, config=plan.config)
    harness.set_speed(plan.speed)
    return harness


def _watched(plan: TrialPlan, disturb: Callable[[TrialRun], None], *, measured: bool) -> TrialResult:
    """Run a trial and note its first finding, also while the cluster is created or closed."""
    coverage = Coverage()
    result = TrialResult(plan, [], 0, None, 0.0, Counter(), Counter())
    with _noting(result), Interrupts(), _harness(plan) as harness:
        harness.stream.attach(coverage)
        run = TrialRun(Session(harness), result.commands, result.faults, coverage)
        with _noting(result, harness), watchdog(progress_of(harness, run.commands), most=wall_limit(plan)):
            disturb(run)
            _check_clients(harness, result)
            result.disturbing = len(run.commands)
            if measured:
                rest = mend(run, harness, plan)
                measure(run, harness, plan, rest, result.liveness)
                if plan.backend == "tcp" and (left := left_over(harness)) is not None:
                    result.finding = Finding(LEFTOVERS, left, harness.now)
        result.seconds = harness.now
        result.rules += coverage.counts
    own = [name for name in result.rules if name.endswith(f" {Rule.OWN_RULE}")]
    if own and result.finding is None and not plan.deviates:
        result.finding = Finding(REASON, f"its own rule decided, which it does not have: {', '.join(own)}", 0.0)
    return result


def _check_clients(harness: Harness, result: TrialResult) -> None:
    """Check what clients were told, if there were any. Raises `NotLinearizable`; undecided is counted only."""
    clients = harness.clients
    if clients.calls:
        verdict = clients.verdict()
        result.rules[f"history-{verdict.outcome}"] += 1
        if verdict.outcome == "violated":
            raise NotLinearizable("\n".join(report(clients.history(), verdict)))


def wall_limit(plan: TrialPlan) -> float:
    """Return the seconds of wall time after which a trial is given up: many times what a slow machine needs."""
    return 60.0 + 20.0 * plan.seconds if plan.backend == "sim" else math.inf


def progress_of(harness: Harness, done: Sequence[str]) -> Callable[[], object]:
    """Return a function whose value changes as a trial progresses: with its cluster, and with `done`."""
    return lambda: (harness.progress(), len(done))


@contextmanager
def _noting(result: TrialResult, harness: Harness | None = None) -> Iterator[None]:
    """Turn an error of the block into the finding of `result`; the first finding counts."""
    try:
        yield
    except (Exception, DidNotReturn) as error:
        if result.finding is None:
            now = result.seconds if harness is None else harness.now
            result.finding = _finding_of(error, result.commands, now)
            if not isinstance(error, Failed):
                result.disturbing = len(result.commands)  # every command led there, the healing ones included


def _finding_of(error: BaseException, commands: Sequence[str], now: float) -> Finding:
    """Return the finding for an error; its name depends on the cause."""
    match error:
        case InvariantBroken():
            return Finding(error.breach.invariant, str(error.breach), now)
        case NodeFailed():
            return Finding(error.kind, str(error), now)
        case Failed():
            return Finding(LIVENESS, f"{commands[-1]}: {error}", now)
        case NotLinearizable():
            return Finding(LINEARIZABILITY, str(error), now)
        case DidNotReturn():
            return Finding(STUCK, str(error), now)
    return Finding(FAILURE, "".join(traceback.format_exception(error)).rstrip(), now)  # it may never occur again


def _repeat(run: TrialRun, commands: Sequence[str]) -> None:
    for command in commands:
        try:
            run.do(command)
        except (UsageError, Failed):
            run.commands.pop()


@lru_cache(maxsize=4096)
def bound(text: str, nodes: int) -> Bound:
    """Parse the command in `text`. Raises `Mistake`."""
    statements, _ = split_line(text)
    return parse(statements[0], Scope(nodes, {"t"}))


def _disturb(run: TrialRun, driver: FaultChooser, seconds: float) -> None:
    harness = run.session.harness
    while harness.now < seconds:
        run.coverage.count_if_many()
        pause, command = driver.step()
        if pause > 0:
            run.sleep(f"{pause:g}")
        run.faults[command.split(" ", 1)[0]] += 1
        try:
            run.do(command)
        except (UsageError, Failed):
            run.commands.pop()  # it became impossible: a torn write crashed the node, for example
