"""Bare nodes: consensus modules, the bag of messages between them, and their timers; every step is explicit.

The rule of this module: each step does what the command of the same name does to a cluster in virtual time whose
links are all held (`deliver`, `lose`, `duplicate`, `timeout`, `submit`, `transfer`, `snapshot`, `crash`,
`restart`, `sleep`), in the same order, so that a script of these commands repeats a walk, message numbers and
timers included.
"""

import math
import random

import msgspec

from raftplay.backends.base import MOST_AT_ONCE, TimeStandsStill
from raftplay.backends.sim import INSTANT
from raftplay.cluster.guard import Inputs, created, guarded
from raftplay.cluster.harness import RESTART_PAUSE
from raftplay.explore.walks import duties
from raftplay.explore.walks.ghost import ONE_PROBE, judged, retries, waits_for_another
from raftplay.explore.walks.verdicts import Verdicts
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER, Args, Reply, is_sent
from raftplay.raft.storage import MapStorage
from raftplay.watch import facts
from raftplay.watch.invariants import wire
from raftplay.watch.invariants.watcher import decision_judge

ELECTION, HEARTBEAT, PAUSE = (0.020, 80_000.0), 0.010, 0.012
"""The timings in seconds: a pause lets each leader send a heartbeat; a follower's timer hardly ever fires."""

IMAGE = b'[[[0,0,"command"]],null]'
"""The image of the state in every snapshot: bare nodes have no state machine."""

BARE = RaftConfig(*ELECTION, HEARTBEAT)
"""The configuration of bare nodes, with all options off."""


class BareMessage(msgspec.Struct, eq=False, gc=False):
    """A message in flight, with its number; a reply has the request to which it replies too."""

    id: int
    call_id: int
    src: int
    dst: int
    args: Args
    reply: Reply | None


class BareNode:
    """One node: its current module, its disk, and the alarm of its timer."""

    __slots__ = ("alarm", "cm", "id", "incarnation", "inputs", "model", "order", "storage", "up")

    def __init__(self, id: int, verdicts: Verdicts) -> None:
        self.id = id
        self.incarnation = 0
        self.storage = MapStorage()
        self.model = verdicts.nodes[id]
        self.up = True
        self.alarm, self.order = math.inf, 0
        self.cm: ConsensusModule
        self.inputs: Inputs


class BareCluster:
    """`n` nodes of class `module` with one bag of messages; `verdicts` checks all that they do.

    If it `has_ghosts`, the inputs that no cluster gives are judged too: see ghost.py.
    """

    def __init__(
        self, n: int, seed: int, module: type[ConsensusModule], raft: RaftConfig, *, has_ghosts: bool = False
    ) -> None:
        self.n, self.now = n, 0.0
        self.verdicts = Verdicts(n)
        self.bag: list[BareMessage] = []
        self.submits = 0
        self._unsettled: set[int] = set()
        self._seed, self._module, self._raft = seed, module, raft
        self._has_ghosts = self._has_ghost = has_ghosts and not module.hears_replies_when_dead
        self._messages = self._calls = self._alarms = 0
        self.nodes = [BareNode(id, self.verdicts) for id in range(n)]
        for node in self.nodes:
            self._create(node)
        for node in self.nodes:
            node.inputs.start(0.0)
            self._settle(node)

    @property
    def leaders(self) -> list[int]:
        """Return the running nodes that believe they lead."""
        return [node.id for node in self.nodes if node.cm.state is LEADER]

    # ---- the steps

    def arrive(self, message: BareMessage) -> None:
        """Deliver a message, or a copy of it; it is lost if the receiver is down."""
        if self._unsettled:
            self.settle()
        node = self.nodes[message.dst]
        if not node.up:
            return
        cm, args, reply, src = node.cm, message.args, message.reply, message.src
        call_id, now = message.call_id, self.now
        if reply is not None:
            wire.reply_delivered(self.verdicts, node.model, facts.ReplyDelivered(call_id, src, node.id, reply))
            waits = self._has_ghosts and waits_for_another(cm, src, args, reply)
            node.inputs.reply_received(src, args, reply, now)
            if waits and retries(cm, src):
                self.verdicts.breach(
                    ONE_PROBE, f"n{node.id} sends n{src} another probe", "the last one is in flight"
                )
            if self._has_ghosts and (owed := duties.to_its_successor(cm)) is not None:
                self.verdicts.add(owed)
            self._settle(node)
            return
        wire.call_delivered(self.verdicts, node.model, facts.CallDelivered(call_id, src, node.id, args))
        answer = node.inputs.request_received(args, now)
        if self._has_ghosts and (owed := duties.to_its_leader(cm, args)) is not None:
            self.verdicts.add(owed)
        self._settle(node, message, answer)

    def lose(self, message: BareMessage) -> None:
        """Lose a message."""
        self.settle()
        self.bag.remove(message)

    def time_out(self, id: int) -> None:
        """Fire the election timer of a running node."""
        self.settle()
        node = self.nodes[id]
        node.inputs.time_out(self.now)
        self._settle(node)

    def transfer(self, target: int) -> None:
        """Make the leader of the highest term begin to hand its leadership over to `target`."""
        self.settle()
        node = max((self.nodes[id] for id in self.leaders), key=lambda node: node.cm.current_term)
        node.inputs.transfer_leadership(target, self.now)
        self._settle(node)

    def snapshot(self, id: int) -> None:
        """Have a running node take a snapshot of what it has applied."""
        self.settle()
        node = self.nodes[id]
        node.inputs.take_snapshot(IMAGE, self.now)
        self._settle(node)

    def submit(self, id: int) -> None:
        """Submit the next number to a running node, which sends it at the next other step."""
        self.submits += 1
        if self.nodes[id].inputs.submit(self.submits) >= 0:
            self._unsettled.add(id)

    def crash(self, id: int) -> None:
        """Crash a running node: what it sent is lost, and the replies to it."""
        self.settle()
        node = self.nodes[id]
        if self._has_ghost and self.verdicts.broken is None:
            self._has_ghost = False
            self.verdicts.add(self._of_its_ghost(node))
        node.up = False
        node.inputs.stop()
        node.alarm = math.inf
        self.bag = [m for m in self.bag if m.src != id and (m.dst != id or m.reply is None)]

    def restart(self, id: int) -> None:
        """Start a new module over the disk of a crashed node; a moment passes, as in a cluster."""
        self.settle()
        node = self.nodes[id]
        node.incarnation += 1
        node.up = True
        self._create(node)
        node.inputs.start(self.now)
        self._settle(node)
        self.sleep(RESTART_PAUSE)

    def sleep(self, seconds: float = PAUSE) -> None:
        """Pass time: the timers that fall due fire, in order."""
        self.settle()
        if self._has_ghosts:
            for node in self.nodes:
                self.verdicts.add(duties.of_a_leader(node.cm))
        until, start, wakes = self.now + seconds, self.now, 0
        while True:
            node = min(self.nodes, key=_alarm)
            if node.alarm > until:
                break
            at = node.alarm
            wakes = wakes + 1 if at - start <= INSTANT else 1
            self.now = self.verdicts.time = at
            node.alarm = math.inf
            if wakes == 1:
                start = at
            elif wakes > MOST_AT_ONCE * self.n:
                raise TimeStandsStill(wakes, at)
            if node.inputs.deadline > at:  # the deadline is later now
                self._set_alarm(node)
            else:
                node.inputs.wake(at)
                self._settle(node)
        self.now = self.verdicts.time = until

    # ---- inside

    def _of_its_ghost(self, node: BareNode) -> tuple[str, str] | None:
        """Return what copies of a node do wrong with inputs that no cluster gives."""
        bag, id = self.bag, node.id
        sent = [(m.dst, m.args, None) for m in bag if m.src == id and m.reply is None]
        received = [(m.src, m.args, m.reply) for m in bag if m.dst == id]
        return judged(node.cm, node.storage, sent, received, self.now)

    def settle(self) -> None:
        """Settle the nodes that took a submit, as every action on a cluster does first."""
        if self._unsettled:
            for id in sorted(self._unsettled):
                self._settle(self.nodes[id])
            self._unsettled.clear()

    def _create(self, node: BareNode) -> None:
        peers = tuple(peer for peer in range(self.n) if peer != node.id)
        dice = random.Random(f"{self._seed} node {node.id} {node.incarnation}")
        module, raft = self._module, self._raft
        node.cm = cm = created(
            node.id, module, lambda: module(node.id, peers, node.storage, config=raft, rng=dice), self.now
        )
        node.inputs = guarded(cm, lambda: self.now)
        node.model.begin(node.incarnation)
        cm.observe = decision_judge(self.verdicts, node.model, cm)

    def _settle(self, node: BareNode, request: BareMessage | None = None, reply: Reply | None = None) -> None:
        """Handle the outputs of an input, as a server does: storage, commits, reply, requests, timer."""
        cm, inputs = node.cm, node.inputs
        inputs.persist(self.now)
        has_output = inputs.has_output
        if has_output:
            cm.take_image()
            inputs.take_commits()
        if request is not None and reply is not None and is_sent(reply):
            call_id, src = request.call_id, node.id
            self._messages += 1
            self.bag.append(BareMessage(self._messages, call_id, src, request.src, request.args, reply))
            wire.reply_sent(self.verdicts, node.model, facts.ReplySent(call_id, src, request.src, reply))
        if has_output:
            for peer, args in inputs.take_calls():
                self._calls += 1
                if not self.nodes[peer].up:
                    inputs.call_failed(peer, args, self.now)
                    continue
                self._messages += 1
                self.bag.append(BareMessage(self._messages, self._calls, node.id, peer, args, None))
                wire.call_sent(self.verdicts, node.model, facts.CallSent(self._calls, node.id, peer, args))
        if inputs.deadline < node.alarm:
            self._set_alarm(node)
        if cm.config.snapshot and has_output and inputs.snapshot_due:
            inputs.take_snapshot(IMAGE, self.now)
            self._settle(node)

    def _set_alarm(self, node: BareNode) -> None:
        """Set the alarm; of two alarms at one moment, the one that was set first rings first."""
        self._alarms += 1
        node.alarm, node.order = node.inputs.deadline, self._alarms


def _alarm(node: BareNode) -> tuple[float, int]:
    return node.alarm, node.order
