"""One random walk: a cluster of bare nodes whose every step is drawn, until an invariant is violated.

A walk is a pure function of its plan: `run_walk`. It draws, once per walk, how often each kind of step comes and
in which order messages are picked, and, from time to time, how readily each link delivers.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.cluster.raised import FAILURES
from raftplay.cluster.stuck import watchdog
from raftplay.explore.walks.bare import BARE, BareCluster
from raftplay.explore.walks.verdicts import failure_of
from raftplay.raft.bugs import BUGS, module_with
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER

STEPS = 400
"""The number of steps of a walk."""

MOST_IN_BAG = 40
"""The number of messages to pick from; above it, one that was sent early is held for ever."""

TRIES = 3
"""The number of messages that are tried for one step."""

DRAWN = {"prevote": 0.3, "noop": 0.3, "checkquorum": 0.15, "sticky": 0.2}
"""The options of `RaftConfig` that a walk draws, and the share of walks with each; a new option is a new line."""

TRANSFERS = 0.2
"""The share of walks in which leaders hand their leadership over."""

SNAPSHOTS = 0.2
"""The share of walks in which nodes take snapshots."""

READINESS = (1.0, 1.0, 1.0, 0.3, 0.05, 0.0)
"""The chances that a link delivers a message that was picked; 0 holds it."""


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """The parameters of a walk: seed, number of nodes, options of the algorithm, bugs, and an own class.

    `transfers`: leaders hand their leadership over. `snapshots`: nodes take snapshots.
    """

    seed: int
    nodes: int
    raft: RaftConfig = BARE
    bugs: tuple[str, ...] = ()
    node: OwnNode | None = None
    transfers: bool = False
    snapshots: bool = False

    @property
    def module(self) -> type[ConsensusModule]:
        """Return the class of its nodes."""
        return module_with(self.bugs, loaded(self.node))

    def cluster(self) -> BareCluster:
        """Return its cluster, just started."""
        return BareCluster(self.nodes, self.seed, self.module, self.raft, has_ghosts=self.node is None)


WalkStep = tuple[str, int]
"""A step: its kind, and the number of the message or of the node that it concerns."""


@dataclass(frozen=True, slots=True)
class WalkResult:
    """A finished walk: its steps, and the violated invariant with the facts that contradict each other."""

    plan: WalkPlan
    steps: tuple[WalkStep, ...]
    broken: tuple[str, str] | None


def draw_walk(seed: int, nodes: int, *, bugs: tuple[str, ...] = (), node: OwnNode | None = None) -> WalkPlan:
    """Draw the options of the algorithm from the seed, and return the plan."""
    rng = random.Random(f"walk {seed}")
    on = {name: rng.random() < share for name, share in DRAWN.items()}
    needed = {option for bug in bugs for option in BUGS[bug].options}
    transfers, snapshots = rng.random() < TRANSFERS, rng.random() < SNAPSHOTS
    transfers, snapshots = transfers or "transfers" in needed, snapshots or "snapshots" in needed
    return WalkPlan(seed, nodes, replace(BARE, **on), bugs, node, transfers, snapshots)


def run_walk(plan: WalkPlan, most: int = STEPS) -> WalkResult:
    """Take at most `most` steps; stop at a violation, or when the code of a node raises or does not return."""
    steps: list[WalkStep] = []
    try:
        with watchdog(lambda: len(steps)):
            broken = _walk(plan, steps, most)
    except FAILURES as error:
        broken = failure_of(error)
    return WalkResult(plan, tuple(steps), broken)


def _walk(plan: WalkPlan, steps: list[WalkStep], most: int) -> tuple[str, str] | None:
    """Take steps, and append each to `steps`; return the first violation, or None."""
    cluster = plan.cluster()
    verdicts = cluster.verdicts
    walker = _Walker(cluster, random.Random(f"steps {plan.seed}"), steps, plan)
    while len(steps) < most and verdicts.broken is None:
        walker.step()
    return verdicts.broken


class _Walker:
    """Draws the steps of one walk, and takes them."""

    def __init__(self, cluster: BareCluster, rng: random.Random, steps: list[WalkStep], plan: WalkPlan) -> None:
        self.cluster = cluster
        self.steps = steps
        self._rng, self._random = rng, rng.random
        draw = rng.choice
        acts = (
            (self._submit, draw((0.02, 0.06, 0.15))),
            (self._time_out, draw((0.01, 0.03, 0.08))),
            (self._sleep, draw((0.01, 0.03, 0.08))),
            (self._duplicate, draw((0.0, 0.02, 0.1))),
            (self._lose, draw((0.0, 0.02, 0.1))),
            (self._crash, draw((0.0, 0.005, 0.02))),
            (self._restart, 0.03),
            (self._draw_links, draw((0.0, 0.005, 0.03))),
            (self._transfer, 0.03 if plan.transfers else 0.0),
            (self._snapshot, 0.03 if plan.snapshots else 0.0),
        )
        self._acts: list[tuple[float, Callable[[], None]]] = []
        total = 0.0
        for act, chance in acts:
            total += chance
            self._acts.append((total, act))
        self._other = total
        self._order = draw(("oldest", "any", "newest"))
        self._readiness: list[list[float]] = []
        self._draw_links()

    def step(self) -> None:
        """Draw one step and take it; do nothing if it is impossible now."""
        dice = self._random()
        if dice < self._other:
            for limit, act in self._acts:
                if dice < limit:
                    act()
                    return
        at = self._pick()
        if at is not None:
            message = self.cluster.bag.pop(at)
            self.steps.append(("deliver", message.id))
            self.cluster.arrive(message)
        elif not self.cluster.bag:
            self._time_out()

    # ---- messages

    def _duplicate(self) -> None:
        at = self._pick()
        if at is not None:
            message = self.cluster.bag[at]
            self.steps.append(("duplicate", message.id))
            self.cluster.arrive(message)

    def _lose(self) -> None:
        bag = self.cluster.bag
        if bag:
            message = bag[int(self._random() * len(bag))]
            self.steps.append(("lose", message.id))
            self.cluster.lose(message)

    def _pick(self) -> int | None:
        """Return the place of a message that its link delivers; None if none of a few tries finds one."""
        bag, dice, order, readiness = self.cluster.bag, self._random, self._order, self._readiness
        size = len(bag)
        if size > MOST_IN_BAG:
            del bag[int(dice() * MOST_IN_BAG / 2)]
            size -= 1
        elif not size:
            return None
        for _ in range(TRIES):
            share = dice()
            if order == "any":
                at = int(share * size)
            elif order == "oldest":
                at = int(share * share * size)
            else:
                at = size - 1 - int(share * share * size)
            message = bag[at]
            if dice() < readiness[message.src][message.dst]:
                return at
        return None

    # ---- nodes

    def _time_out(self) -> None:
        node = self._any([node.id for node in self.cluster.nodes if node.up and node.cm.state is not LEADER])
        if node is not None:
            self.steps.append(("timeout", node))
            self.cluster.time_out(node)

    def _transfer(self) -> None:
        leaders = self.cluster.leaders
        node = self._any([node.id for node in self.cluster.nodes if node.id not in leaders])
        if leaders and node is not None:
            self.steps.append(("transfer", node))
            self.cluster.transfer(node)

    def _snapshot(self) -> None:
        node = self._any([node.id for node in self.cluster.nodes if node.up and node.cm.can_take_snapshot])
        if node is not None:
            self.steps.append(("snapshot", node))
            self.cluster.snapshot(node)

    def _submit(self) -> None:
        leaders = self.cluster.leaders
        if leaders:
            node = self._rng.choice(leaders)
            self.steps.append(("submit", node))
            self.cluster.submit(node)

    def _sleep(self) -> None:
        self.steps.append(("sleep", 0))
        self.cluster.sleep()

    def _crash(self) -> None:
        node = self._any([node.id for node in self.cluster.nodes if node.up])
        if node is not None:
            self.steps.append(("crash", node))
            self.cluster.crash(node)

    def _restart(self) -> None:
        node = self._any([node.id for node in self.cluster.nodes if not node.up])
        if node is not None:
            self.steps.append(("restart", node))
            self.cluster.restart(node)

    def _any(self, nodes: list[int]) -> int | None:
        return self._rng.choice(nodes) if nodes else None

    # ---- links

    def _draw_links(self) -> None:
        """Draw how readily each link delivers: each by itself, one deaf or mute node, or two groups."""
        n, draw, dice = self.cluster.n, self._rng.choice, self._random
        style = draw(("each", "each", "deaf", "mute", "split", "whole"))
        if style == "each":
            self._readiness = [[draw(READINESS) for _ in range(n)] for _ in range(n)]
            return
        odd, side = int(dice() * n), [dice() < 0.5 for _ in range(n)]
        ready = self._readiness = [[1.0] * n for _ in range(n)]
        if style == "deaf":
            for links in ready:
                links[odd] = 0.0
        elif style == "mute":
            ready[odd] = [0.0] * n
        elif style == "split":
            self._readiness = [[float(mine is other) for other in side] for mine in side]
