"""Local states: a node and its disk, each kept once under a number; the effect of an input is computed once.

The rule of this module: the real `ConsensusModule` makes every move, on a clone, and the watcher's checks of
single nodes see every decision. What needs other nodes is told to the caller: `Move.told`.
"""

import random
from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass, field
from itertools import permutations
from typing import Literal

from raftplay.backends.base import NodeFailed
from raftplay.cluster.guard import created, guarded
from raftplay.cluster.stuck import watchdog
from raftplay.explore.walks.bare import BARE, BareMessage
from raftplay.explore.walks.verdicts import NO_RETURN, Verdicts, failure_of
from raftplay.raft import decisions
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    LEADER,
    NONE,
    AppendEntriesArgs,
    Args,
    Entry,
    Reply,
    RequestVoteArgs,
    is_sent,
)
from raftplay.raft.storage import MapStorage, PersistentState
from raftplay.raft.values import NoValue, named_args
from raftplay.watch import facts
from raftplay.watch.invariants import names, wire
from raftplay.watch.invariants.model import NodeModel
from raftplay.watch.invariants.watcher import decision_judge

StepKind = Literal["timeout", "submit", "heartbeat", "crash", "restart", "deliver"]

ACROSS_NODES = {
    names.ELECTION_SAFETY,
    names.LOG_MATCHING,
    names.LEADER_COMPLETENESS,
    names.STATE_MACHINE_SAFETY,
    names.QUORUM_LOG,
    names.VOTE_QUORUM,
    names.MATCH_TRUTH,
}
"""The invariants that one node's decisions do not show; across.py checks them."""

TOLD = (
    decisions.BecameLeader,
    decisions.MatchAdvanced,
    decisions.PeersReset,
    decisions.CommitAdvanced,
    decisions.Applied,
)
"""The decisions that concern other nodes."""

LATE = 1e9
"""The time at which a request for a vote arrives: no voter has heard of a leader lately (thesis §9.6).

A voter that has, and says no to a pre-vote therefore, does to the candidate what a lost request does.
"""

THIS_TERM, EARLIER = 2, 1
"""The numbers of requests: of the leadership that receives the reply, and of an earlier one."""


@dataclass(slots=True, eq=False)
class Local:
    """A node in one state. `names` are the numbers of the states that it is in when the nodes have other ids."""

    id: int
    cm: ConsensusModule
    storage: MapStorage
    model: NodeModel
    up: bool
    log: tuple[Entry, ...]
    disk: tuple[Entry, ...]
    names: tuple[int, ...] = ()


@dataclass(slots=True)
class Move:
    """The effect of an input: the new state, what is sent, what is told, and the first violation."""

    local: int
    sent: tuple[int, ...] = ()
    told: tuple[decisions.Decision, ...] = ()
    broken: tuple[str, str] | None = None


@dataclass
class Numbers:
    """Numbers for values, from 0."""

    known: dict[Hashable, int] = field(default_factory=dict)

    def of(self, value: Hashable) -> int:
        """Return the number of a value."""
        return self.known.setdefault(value, len(self.known))


class OneNode(Verdicts):
    """The watcher's model in which only one node is real: it judges what that node's decisions show."""

    def breach(self, invariant: str, fact: str, other: str) -> None:
        """Keep the first violation of an invariant of single nodes."""
        if invariant not in ACROSS_NODES:
            super().breach(invariant, fact, other)


class Locals:
    """All local states and messages met so far of `n` nodes of class `module`, with the options `raft`."""

    def __init__(
        self, n: int, module: type[ConsensusModule], raft: RaftConfig = BARE, *, folds: bool = True
    ) -> None:
        self.n = n
        self.states: list[Local] = []
        self.messages: list[BareMessage] = []
        self.message_bits: list[tuple[int, ...]] = []
        """One bit for each message, and for what it would be if the nodes had other ids."""

        self._raft = raft
        self._module = module
        self._dice = random.Random("exhaustive")
        self._numbers: dict[Hashable, int] = {}
        self._message_numbers: dict[Hashable, int] = {}
        self._views, self._message_views = Numbers(), Numbers()
        self._moves: dict[tuple[int, StepKind, int, int], Move] = {}
        self.folds = folds and self._is_plain()
        """True if nodes that have changed places make no other state; a subclass's own fields may name nodes."""

        orders = list(permutations(range(n))) if self.folds else [tuple(range(n))]
        self.orders = [order.__getitem__ for order in orders]
        """The ways to give the nodes other ids."""

    def start(self) -> tuple[int, ...]:
        """Return the states of all nodes just started. Raises `NodeRaised` if the code of one raises."""
        return tuple(self._started(id, MapStorage(), NodeModel(id), OneNode(self.n)).local for id in range(self.n))

    def _is_plain(self) -> bool:
        """Return whether nodes have the fields of the algorithm only; False if its class, a user's, raises."""
        try:
            with watchdog(bool):
                return not self._new(0, MapStorage()).own_fields
        except NodeFailed:
            return False  # `start` reports it

    def _new(self, id: int, storage: MapStorage) -> ConsensusModule:
        module, raft = self._module, self._raft
        peers = tuple(peer for peer in range(self.n) if peer != id)
        return created(id, module, lambda: module(id, peers, storage, config=raft, rng=self._dice), 0.0)

    def move(self, local: int, kind: StepKind, what: int = 0, down: int = 0) -> Move:
        """Return the effect of an input: a message or a value; `down` are the nodes that do not run, as bits."""
        key = (local, kind, what, down)
        move = self._moves.get(key)
        if move is None:
            move = self._moves[key] = self._tried(local, kind, what, down)
        return move

    # ---- a move

    def _tried(self, local: int, kind: StepKind, what: int, down: int) -> Move:
        """Return the effect of an input; if the code of the node raises in it, that is the violation.

        Raises `NodeRaised` if it does not return.
        """
        verdicts = OneNode(self.n)
        try:
            return self._made(self.states[local], kind, what, down, verdicts)
        except NoValue:
            raise
        except Exception as error:
            failure = failure_of(error)
            if failure.name.startswith(NO_RETURN):
                raise  # other moves would wait for the watchdog too
            return Move(local, broken=verdicts.broken or failure)

    def _made(self, old: Local, kind: StepKind, what: int, down: int, verdicts: OneNode) -> Move:
        storage = old.storage.clone()
        model = _cloned_model(old.model)
        if kind == "restart":
            return self._started(old.id, storage, model, verdicts)
        if kind == "crash":
            model.dead = True
            return Move(self._number(old.id, old.cm, storage, model, up=False))
        cm = old.cm.clone(storage)
        run = _Run(self, cm, model, down, verdicts)
        match kind:
            case "timeout":
                run.inputs.time_out(0.0)
            case "submit":
                run.inputs.submit(what)
            case "heartbeat":
                cm.deadline = 0.0
                run.inputs.wake(0.0)
            case "deliver":
                run.deliver(self.messages[what])
        run.settle()
        return self._finished(run, storage)

    def _started(self, id: int, storage: MapStorage, model: NodeModel, verdicts: OneNode) -> Move:
        model.begin(model.incarnation)
        run = _Run(self, self._new(id, storage), model, 0, verdicts)
        run.inputs.start(0.0)
        run.settle()
        return self._finished(run, storage)

    def _finished(self, run: "_Run", storage: MapStorage) -> Move:
        run.cm.observe = None
        local = self._number(run.cm.id, run.cm, storage, run.model, up=True)
        return Move(local, tuple(run.sent), tuple(run.told), run.verdicts.broken)

    def _number(self, id: int, cm: ConsensusModule, storage: MapStorage, model: NodeModel, *, up: bool) -> int:
        """Return the number of a local state; keep it if it is new."""
        votes, owed = tuple(sorted(model.votes.items())), max(model.handled_term - model.term, 0)
        key = (id, up, cm.fingerprint() if up else None, storage.contents(), votes, owed)
        number = self._numbers.get(key)
        if number is not None:
            return number
        number = self._numbers[key] = len(self.states)
        disk = PersistentState(storage).load()[2].frozen()
        local = Local(id, cm, storage, model, up, cm.log.frozen() if up else disk, disk)
        self.states.append(local)
        local.names = tuple(self._views.of(self._view(local, named)) for named in self.orders)
        return number

    def _view(self, local: Local, named: Callable[[int], int]) -> Hashable:
        """Return a local state as a value, with another id for each node."""
        model = local.model
        votes = tuple(sorted((term, named(candidate)) for term, candidate in model.votes.items()))
        vote = model.disk_vote if model.disk_vote == NONE else named(model.disk_vote)
        disk = model.disk_term, vote, local.disk, votes, max(model.handled_term - model.term, 0)
        return (disk, local.cm.fingerprint(named)) if local.up else (disk, named(local.id))

    # ---- messages

    def message(self, src: int, dst: int, args: Args, reply: Reply | None) -> int:
        """Return the number of a message; keep it if it is new."""
        key = (src, dst, args, reply)
        number = self._message_numbers.get(key)
        if number is None:
            number = self._message_numbers[key] = len(self.messages)
            self.messages.append(BareMessage(number, 0, src, dst, args, reply))
            self.message_bits.append(
                tuple(
                    1 << self._message_views.of((named(src), named(dst), named_args(args, named), reply))
                    for named in self.orders
                )
            )
        return number


class _Run:
    """One node at work on one input."""

    def __init__(
        self, locals: Locals, cm: ConsensusModule, model: NodeModel, down: int, verdicts: OneNode
    ) -> None:
        self.cm, self.model = cm, model
        self.inputs = guarded(cm, lambda: 0.0)
        self.sent: list[int] = []
        self.told: list[decisions.Decision] = []
        self._locals, self._down = locals, down
        self.verdicts = verdicts
        self.verdicts.nodes[cm.id] = model
        self._request: BareMessage | None = None
        self._reply: Reply | None = None
        checks = decision_judge(self.verdicts, model, cm)

        def observe(decision: decisions.Decision) -> None:
            checks(decision)
            if isinstance(decision, TOLD):
                self.told.append(decision)

        cm.observe = observe

    def deliver(self, message: BareMessage) -> None:
        """Handle a message."""
        cm, args, src, id = self.cm, message.args, message.src, self.cm.id
        if message.reply is not None:
            call = THIS_TERM if cm.state is LEADER and args.term == cm.current_term else EARLIER
            delivered = facts.ReplyDelivered(call, src, id, message.reply)
            wire.reply_delivered(self.verdicts, self.model, delivered)
            self.inputs.reply_received(src, args, message.reply, 0.0)
            return
        wire.call_delivered(self.verdicts, self.model, facts.CallDelivered(THIS_TERM, src, id, args))
        self._request = message
        self._reply = self.inputs.request_received(args, LATE if isinstance(args, RequestVoteArgs) else 0.0)

    def settle(self) -> None:
        """Handle the outputs, as a server does: storage, commits, reply, requests."""
        inputs, id = self.inputs, self.cm.id
        inputs.persist(0.0)
        inputs.take_commits()
        if self._request is not None and self._reply is not None and is_sent(self._reply):
            to = self._request.src
            wire.reply_sent(self.verdicts, self.model, facts.ReplySent(THIS_TERM, id, to, self._reply))
            self.sent.append(self._locals.message(id, to, self._request.args, self._reply))
        for peer, args in inputs.take_calls():
            if self._down >> peer & 1:
                inputs.call_failed(peer, args, 0.0)
                continue
            wire.call_sent(self.verdicts, self.model, facts.CallSent(THIS_TERM, id, peer, args))
            self.sent.append(self._locals.message(id, peer, args, None))
        self._keep_probes()

    def _keep_probes(self) -> None:
        """Make each probe the request that is in flight: an equal one that was sent before counts for it."""
        leadership = self.cm._leadership
        for peer, progress in leadership.progress.items() if leadership is not None else ():
            if progress.probe is not None:
                number = self._locals.message(self.cm.id, peer, progress.probe, None)
                same = self._locals.messages[number].args
                assert isinstance(same, AppendEntriesArgs)
                progress.probe = same


def _cloned_model(model: NodeModel) -> NodeModel:
    other = copy(model)
    other.votes, other.match, other.grants = model.votes.copy(), model.match.copy(), set()
    other.log, other.disk = model.log.copy(), model.disk.copy()
    other.call, other.answered = None, NONE
    return other
