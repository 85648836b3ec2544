"""States of the world: a local state for each node, the messages sent, and how much of each bound is used.

The network is a set: a message may arrive late, in any order, any number of times, or never. A crash takes along
what the node had sent, and the replies to it, as a broken connection does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from raftplay.explore.exhaustive.across import Past, judged
from raftplay.explore.exhaustive.local import Locals, Move, Numbers, StepKind
from raftplay.explore.walks.bare import BARE
from raftplay.explore.walks.duties import Broken
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER
from raftplay.watch.text import count


@dataclass(frozen=True, slots=True)
class Bounds:
    """The scope of a search: nodes, and the most terms, submits, crashes, messages in flight."""

    nodes: int = 3
    terms: int = 2
    entries: int = 1
    crashes: int = 1
    in_flight: int | None = None

    def __str__(self) -> str:
        messages = "any number of" if self.in_flight is None else f"at most {self.in_flight}"
        return (
            f"{count(self.nodes, 'node')}, terms up to {self.terms}, submits up to {self.entries}, "
            f"crashes up to {self.crashes}, {messages} messages in flight"
        )


class Used(NamedTuple):
    """The used part of each bound."""

    entries: int = 0
    crashes: int = 0


class WorldState(NamedTuple):
    """A state of the world: the numbers of local states, of the messages in flight, and of the past."""

    locals: tuple[int, ...]
    messages: tuple[int, ...]
    used: Used
    past: int


class WorldStep(NamedTuple):
    """A step: its kind, the node, and the number of the message that arrives, or the value of a submit."""

    kind: StepKind
    node: int
    message: int = 0


class BoundedWorld:
    """All states of the world within `bounds`, with nodes of class `module` and the options `raft`.

    If it `folds`, nodes that have changed places make no other state; their code must treat all ids alike.
    """

    def __init__(
        self, bounds: Bounds, module: type[ConsensusModule], raft: RaftConfig = BARE, *, folds: bool = True
    ) -> None:
        self.bounds = bounds
        self.raft = raft
        self.locals = Locals(bounds.nodes, module, raft, folds=folds)
        self.broken: Broken | None = None
        """The violation of the last step that `steps` gave, or None."""

        self._pasts: dict[Past, int] = {}
        self._past: list[Past] = []
        self._past_names: list[tuple[int, ...]] = []
        self._views = Numbers()

    def start(self) -> WorldState:
        """Return the state in which all nodes have just started."""
        return WorldState(self.locals.start(), (), Used(), self._number(Past()))

    def key(self, state: WorldState) -> tuple[int, int]:
        """Return a hash of all but the messages, and the messages as bits; nodes may have changed places."""
        states, orders = [self.locals.states[local] for local in state.locals], self.locals.orders
        best: tuple[int, ...] | None = None
        chosen: list[int] = []
        for at, named in enumerate(orders):
            arranged = [0] * len(states)
            for local in states:
                arranged[named(local.id)] = local.names[at]
            placed = tuple(arranged)
            if best is None or placed < best:
                best, chosen = placed, [at]
            elif placed == best:
                chosen.append(at)
        bits_of = self.locals.message_bits
        past, bits = min(
            (self._past_names[state.past][at], _united([bits_of[message][at] for message in state.messages]))
            for at in chosen
        )
        return hash((best, past, state.used)), bits

    def saturated(self, state: WorldState) -> tuple[WorldState, tuple[WorldStep, ...]]:
        """Take the steps that only send: they can do no harm to what is possible; return the state and the steps.

        These are the arrivals and heartbeats that leave the node as it was: a message need never arrive, so more
        messages in flight only make more possible.
        """
        locals, down = self.locals, self._down(state)
        messages, steps = list(state.messages), []
        known = set(messages)

        def take(step: WorldStep, old: int) -> None:
            move = locals.move(old, step.kind, step.message, down)
            if _only_sends(move, old) and not known.issuperset(move.sent):
                steps.append(step)
                messages.extend(message for message in dict.fromkeys(move.sent) if message not in known)
                known.update(move.sent)

        for id, old in enumerate(state.locals):
            if self._leads(old):
                take(WorldStep("heartbeat", id), old)
        for message in messages:  # which grows
            to = locals.messages[message].dst
            if not down >> to & 1:
                take(WorldStep("deliver", to, message), state.locals[to])
        return (state._replace(messages=tuple(messages)) if steps else state), tuple(steps)

    def steps(self, state: WorldState) -> Iterator[tuple[WorldStep, WorldState]]:
        """Give each step that is possible in a saturated state and changes a node, and the state after it.

        `broken` is its violation.
        """
        locals, bounds, used = self.locals, self.bounds, state.used
        nodes = [locals.states[local] for local in state.locals]
        down = self._down(state)
        for node in nodes:
            if not node.up:
                yield self._taken(state, WorldStep("restart", node.id), down, used)
                continue
            if node.cm.state is LEADER:
                if used.entries < bounds.entries:
                    more = used._replace(entries=used.entries + 1)
                    yield self._taken(state, WorldStep("submit", node.id, more.entries), down, more)
                yield self._taken(state, WorldStep("heartbeat", node.id), down, used)
            elif node.cm.current_term < bounds.terms:
                yield self._taken(state, WorldStep("timeout", node.id), down, used)
            if used.crashes < bounds.crashes:
                yield self._taken(
                    state, WorldStep("crash", node.id), down, used._replace(crashes=used.crashes + 1)
                )
        for message in state.messages:
            to = locals.messages[message].dst
            if nodes[to].up:
                yield self._taken(state, WorldStep("deliver", to, message), down, used)

    def after(self, state: WorldState, step: WorldStep) -> WorldState:
        """Return the state after a step that `steps` or `saturated` gave."""
        used = state.used
        if step.kind in ("submit", "crash"):
            submits = step.kind == "submit"
            used = Used(used.entries + submits, used.crashes + (not submits))
        return self._taken(state, step, self._down(state), used)[1]

    def _leads(self, local: int) -> bool:
        node = self.locals.states[local]
        return node.up and node.cm.state is LEADER

    def _down(self, state: WorldState) -> int:
        """Return the nodes that do not run, as bits."""
        states = self.locals.states
        return sum(1 << id for id, local in enumerate(state.locals) if not states[local].up)

    def _taken(self, state: WorldState, step: WorldStep, down: int, used: Used) -> tuple[WorldStep, WorldState]:
        """Return a step and the state after it; the same state for one that only sends."""
        locals, id = self.locals, step.node
        old = state.locals[id]
        move = locals.move(old, step.kind, step.message, down)
        past, self.broken = state.past, None
        if move.told or move.broken or move.local != old:
            before = [locals.states[local] for local in state.locals]
            after, self.broken = judged(self._past[past], before, locals.states[move.local], move)
            past = past if after is self._past[past] else self._number(after)
        elif state.messages and set(state.messages).issuperset(move.sent):
            return step, state
        messages = state.messages
        if step.kind == "crash":
            sent = locals.messages
            messages = tuple(
                m for m in messages if sent[m].src != id and (sent[m].dst != id or sent[m].reply is None)
            )
        new = [message for message in dict.fromkeys(move.sent) if message not in messages]
        places = (*state.locals[:id], move.local, *state.locals[id + 1 :])
        return step, WorldState(places, (*messages, *new), used, past)

    def _number(self, past: Past) -> int:
        number = self._pasts.get(past)
        if number is None:
            number = self._pasts[past] = len(self._past)
            self._past.append(past)
            self._past_names.append(
                tuple(
                    self._views.of(
                        (tuple((term, named(id)) for term, id in past.leaders), past.commits, past.applied)
                    )
                    for named in self.locals.orders
                )
            )
        return number


def _only_sends(move: Move, old: int) -> bool:
    return move.local == old and bool(move.sent) and not move.told and move.broken is None


def _united(bits: Iterable[int]) -> int:
    united = 0
    for each in bits:
        united |= each
    return united
