"""Breadth first over all states of the world: the first violation found is one with the fewest steps."""

import sys
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raftplay.backends.base import NodeFailed
from raftplay.backends.files import resource
from raftplay.cluster.stuck import DidNotReturn, watchdog
from raftplay.errors import UsageError
from raftplay.explore.exhaustive.local import StepKind
from raftplay.explore.exhaustive.world import BoundedWorld, WorldState, WorldStep
from raftplay.explore.walks.duties import Broken
from raftplay.explore.walks.verdicts import failure_of
from raftplay.raft.values import NoValue

INTERRUPTED = "interrupted"

LOOK_EVERY = 4096
"""The number of states between two looks at memory and progress."""


@dataclass(slots=True)
class ExhaustiveOutcome:
    """The end of a search. `stopped` says why it is not exhausted; `path` leads to the violation `broken`."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    stopped: str = ""
    beyond: int = 0
    """The number of states beyond the bound on messages in flight, which were not explored."""

    broken: Broken | None = None
    path: tuple[WorldStep, ...] = ()


Watch = Callable[[ExhaustiveOutcome], None]

FoundState = tuple[int, WorldState, tuple[int, int]]
"""A state with its number and its key."""


def explore_all(
    world: BoundedWorld, *, most_states: int, most_bytes: int, watch: Watch = lambda outcome: None
) -> ExhaustiveOutcome:
    """Visit every state, or stop at a violation, after `most_states` states, or at `most_bytes` of memory.

    Ctrl-C stops it too, and code of a node that does not return. Raises `UsageError` for fields of a user's class
    that cannot be compared.
    """
    search, start = _LayerSearch(world, most_states, most_bytes, watch), time.process_time()
    outcome = search.outcome
    try:
        with watchdog(lambda: outcome.transitions):
            search.run()
    except KeyboardInterrupt:
        outcome.stopped = INTERRUPTED
    except NoValue as error:
        raise UsageError(f"an exhaustive search copies and compares the states of nodes: {error}") from None
    except (NodeFailed, DidNotReturn) as error:
        outcome.broken = failure_of(error)
    outcome.states = search.seen.count
    outcome.seconds = time.process_time() - start
    return outcome


class Seen:
    """The states met so far, without those that another one covers: the same, with more messages in flight.

    A message need never arrive, so a state with fewer messages can do nothing that the other cannot.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sets: dict[int, list[int]] = {}

    def __contains__(self, key: tuple[int, int]) -> bool:
        place, messages = key
        return messages in self._sets[place]

    def add(self, key: tuple[int, int]) -> bool:
        """Add a state; return False if another one covers it."""
        place, messages = key
        known = self._sets.get(place)
        if known is None:
            self._sets[place] = [messages]
        else:
            for other in known:
                if messages | other == other:
                    return False
            known[:] = [other for other in known if other | messages != messages]
            known.append(messages)
        self.count += 1
        return True


class _LayerSearch:
    """A search, layer by layer: all states of one layer are as many steps away from the start."""

    def __init__(self, world: BoundedWorld, most_states: int, most_bytes: int, watch: Watch) -> None:
        self.outcome = ExhaustiveOutcome()
        self.seen = Seen()
        self._world, self._watch = world, watch
        self._most_states, self._most_bytes = most_states, most_bytes
        self._looked = 0
        self._parents, self._taken = array("q", [-1]), array("q", [0])  # of each state, by its number

    def run(self) -> None:
        """Visit layer after layer, up to a violation or a limit."""
        world, outcome, seen = self._world, self.outcome, self.seen
        first, _ = world.saturated(world.start())
        key = world.key(first)
        seen.add(key)
        layer = [(0, first, key)]
        while layer:
            following: list[FoundState] = []
            for index, state, _ in layer:
                self._visit(index, state, following)
                if outcome.broken is not None or self._must_stop():
                    return
            layer = [found for found in following if found[2] in seen]  # not those that a later one covers
            outcome.depth += bool(layer)

    def _visit(self, index: int, state: WorldState, following: list[FoundState]) -> None:
        """Take every step from a state; append the new states to `following`."""
        world, outcome, limit = self._world, self.outcome, self._world.bounds.in_flight
        for step, there in world.steps(state):
            outcome.transitions += 1
            if world.broken is not None:
                outcome.broken = world.broken
                outcome.path = _whole(world, [*_path(self._parents, self._taken, index), step])
                return
            if there is state:
                continue
            after, _ = world.saturated(there)
            if limit is not None and len(after.messages) > limit:
                outcome.beyond += 1
                continue
            key = world.key(after)
            if self.seen.add(key):
                following.append((len(self._parents), after, key))
                self._parents.append(index)
                self._taken.append(_encoded(step))

    def _must_stop(self) -> bool:
        """Return whether a limit is reached; look at memory and show the progress now and then."""
        outcome, count = self.outcome, self.seen.count
        if count >= self._most_states:
            outcome.stopped = f"{self._most_states:,} states are its limit"
        elif count - self._looked >= LOOK_EVERY:
            self._looked = outcome.states = count
            self._watch(outcome)
            if _memory() > self._most_bytes:
                outcome.stopped = f"{self._most_bytes >> 20:,} MiB of memory are its limit"
        return bool(outcome.stopped)


KINDS: tuple[StepKind, ...] = ("timeout", "submit", "heartbeat", "crash", "restart", "deliver")


def _encoded(step: WorldStep) -> int:
    return (step.message << 16) | (step.node << 8) | KINDS.index(step.kind)


def _path(parents: "array[int]", taken: "array[int]", index: int) -> list[WorldStep]:
    """Return the steps that lead to the state with this index."""
    steps = []
    while index > 0:
        code = taken[index]
        steps.append(WorldStep(KINDS[code & 0xFF], code >> 8 & 0xFF, code >> 16))
        index = parents[index]
    return steps[::-1]


def _whole(world: BoundedWorld, path: Iterable[WorldStep]) -> tuple[WorldStep, ...]:
    """Return the steps of a path with those that only send, which belong between them."""
    state, steps = world.saturated(world.start())
    whole = list(steps)
    for step in path:
        whole.append(step)
        state, steps = world.saturated(world.after(state, step))
        whole += steps
    return tuple(whole)


def _memory() -> int:
    """Return the most memory that this process has used, in bytes; 0 where the system does not tell."""
    if resource is None:
        return 0
    used: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
