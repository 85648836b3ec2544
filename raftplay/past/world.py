"""A cluster folded from its events, as it was after the last one.

The rule of this module: it shows what `Harness.snapshot` showed at that event, with and without every bug switch.
It repeats no rule of the algorithm: the events say what was decided, and each carries the state after it.
"""

from typing import Self, assert_never, get_args

from raftplay.cluster.holding import Holding
from raftplay.cluster.network import WHOLE, LinkFaults
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.flying import Flying, SentMessage, Waiting, key_of
from raftplay.past.node import DECISIONS, PastNode
from raftplay.past.view import InFlight
from raftplay.raft.messages import DEAD, NONE
from raftplay.watch import client_facts, facts
from raftplay.watch.event_table import EventTable
from raftplay.watch.facts import Record


class World:
    """A reader of records, from the first event of a cluster on, or from a later moment with a snapshot."""

    __slots__ = ("_flying", "_groups", "_held", "_links", "_nodes", "seq", "time")

    def __init__(self) -> None:
        self.seq = 0
        """The number of the last record."""

        self.time = 0.0
        """Cluster time of the last record."""

        self._nodes: list[PastNode] = []
        self._groups: tuple[tuple[int, ...], ...] = ()
        self._links: dict[tuple[int, int], LinkFaults] = {}
        self._held = Holding()
        self._flying = Flying()

    @classmethod
    def of(cls, snapshot: Snapshot, seq: int) -> Self:
        """Return the world of `snapshot`, without the events up to number `seq` and the messages in flight."""
        world = cls()
        world.seq, world.time = seq, snapshot.time
        world._nodes = [PastNode.of(node) for node in snapshot.nodes]
        world._groups, world._links = snapshot.groups, dict(snapshot.faulty_links)
        world._held = Holding.of(snapshot.held_links, snapshot.held_kinds)
        return world

    def __call__(self, record: Record) -> None:
        """Apply one more event."""
        self.seq, self.time = record.seq, record.time
        event, after = record.event, record.after
        if after is None:
            change = FACTS.get(type(event))
            if change is not None:
                change(self, record, event)
            return
        node = self.node(record.node)
        if record.incarnation == node.incarnation:  # a crashed process may act, but does not show
            decide = DECISIONS.get(type(event))
            if decide is not None:
                decide(node, event)
            node.after = after

    def copy(self) -> Self:
        """Return an independent copy of the cluster. Logs are shared as long as they are the same."""
        new = type(self).__new__(type(self))
        new.seq, new.time = self.seq, self.time
        new._nodes = [node.copy() for node in self._nodes]
        new._groups, new._links, new._held = self._groups, self._links, self._held
        new._flying = self._flying.copy()
        return new

    def snapshot(self, now: Snapshot, time: float | None = None) -> Snapshot:
        """Return the cluster after the last record, at `time` (default: that of the record).

        Backend, seed, speed, pause, bugs, class of nodes, timings and addresses, which no event carries, are those
        of `now`.
        """
        return Snapshot(
            time=self.time if time is None else time,
            backend=now.backend,
            seed=now.seed,
            speed=now.speed,
            paused=now.paused,
            nodes=tuple(self._node_snapshot(node) for node in now.nodes),
            groups=self._groups,
            faulty_links=tuple(sorted(self._links.items())),
            held_links=self._held.links,
            held_kinds=self._held.kinds,
            bugs=now.bugs,
            node=now.node,
            rules=now.rules,
            timings=now.timings,
        )

    def messages(self, time: float | None = None) -> tuple[InFlight, ...]:
        """Return the requests and responses in flight at `time`, in the order sent, each copy separately."""
        return tuple(
            InFlight(NONE, m.call_id, m.src, m.dst, m.message, None, held=m.held or m.on_held_link)
            for m in self._flying.at(self.time if time is None else time, self._held)
            for _ in range(m.copies)
        )

    def node(self, id: int) -> PastNode:
        """Return node `id`; a node that is not known yet is added."""
        nodes = self._nodes
        while id >= len(nodes):
            nodes.append(PastNode(len(nodes)))
        return nodes[id]

    def is_frozen(self, id: int) -> bool:
        """Return whether what arrives at node `id` waits: its process is paused, or waits for its disk."""
        return self.node(id).holds_messages

    def waiting(self) -> Waiting:
        """Return a copy of what waits at frozen nodes."""
        return self._flying.waiting.copy()

    def _node_snapshot(self, now: NodeSnapshot) -> NodeSnapshot:
        return self.node(now.id).snapshot(now.listen_addr)

    # ---- facts

    def _call_sent(self, record: Record, event: facts.CallSent) -> None:
        message = SentMessage(event.call_id, event.src, event.dst, event.args, record.time, event.copies)
        self._flying.sent(event.call_id, message, self._held)
        node = self.node(event.src)
        if record.incarnation == node.incarnation:
            node.call_left(event.dst, None if event.by_user else event.args)

    def _reply_sent(self, record: Record, event: facts.ReplySent) -> None:
        message = SentMessage(event.call_id, event.src, event.dst, event.reply, record.time, event.copies)
        self._flying.sent((event.call_id, event.reply), message, self._held)

    def _landed(self, record: Record, event: facts.CallDelivered | facts.ReplyLost) -> None:
        self._flying.landed(event, self.is_frozen)

    def _reply_delivered(self, record: Record, event: facts.ReplyDelivered) -> None:
        self._flying.landed(event, self.is_frozen)
        node = self.node(event.dst)
        if node.after.state is DEAD and record.incarnation == node.incarnation:
            node.revive()

    def _call_lost(self, record: Record, event: facts.CallLost) -> None:
        self._flying.landed(event, self.is_frozen)
        node = self.node(event.src)
        if event.reason == facts.NOT_SENT and record.incarnation == node.incarnation:
            node.call_did_not_leave(event.dst, event.args)

    def _node_fault(self, record: Record, event: facts.NodeFault) -> None:
        self.node(record.node).happened(event, record.incarnation, record.time)

    def _request_applied(self, record: Record, event: client_facts.RequestApplied) -> None:
        self.node(record.node).applies(event)

    def _store_restored(self, record: Record, event: client_facts.StoreRestored) -> None:
        self.node(record.node).store = dict(event.values)

    def _link_fault(self, record: Record, event: facts.LinkFault) -> None:
        match event:
            case facts.KeptWaiting():
                self._flying.landed(event, self.is_frozen)
            case facts.Duplicated():
                self._flying.copied(key_of(event.call_id, event.message))
            case facts.MessageHeld():
                self._flying.held(key_of(event.call_id, event.message))
            case facts.Partitioned():
                self._groups = event.groups if len(event.groups) > 1 else ()
            case facts.Healed():
                self._groups, self._links = (), {}
            case facts.LinkChanged():
                self._link_changed(event)
            case facts.LinkHeld(src=src, dst=dst, held=held, kind=kind):
                self._held = self._held.changed(src, dst, kind, held=held)
                if not held:
                    self._flying.released(src, dst, record.time, kind)
            case _:
                assert_never(event)

    def _link_changed(self, event: facts.LinkChanged) -> None:
        faults = LinkFaults(event.cut, event.loss, event.delay, event.dup)
        link = (event.src, event.dst)
        links = {known: faults for known, faults in self._links.items() if known != link}  # copies share them
        self._links = links if faults == WHOLE else links | {link: faults}
        self._flying.longest_delay = max(self._flying.longest_delay, event.delay[1])


FACTS = EventTable[World, Record]()
"""The change that each fact makes to the cluster."""

FACTS.add(facts.CallSent, World._call_sent)
FACTS.add(facts.CallDelivered, World._landed)
FACTS.add(facts.CallLost, World._call_lost)
FACTS.add(facts.ReplySent, World._reply_sent)
FACTS.add(facts.ReplyDelivered, World._reply_delivered)
FACTS.add(facts.ReplyLost, World._landed)
for kind in get_args(facts.NodeFault):
    FACTS.add(kind, World._node_fault)
for kind in get_args(facts.LinkFault):
    FACTS.add(kind, World._link_fault)
FACTS.add(client_facts.RequestApplied, World._request_applied)
FACTS.add(client_facts.StoreRestored, World._store_restored)
FACTS.ignore(client_facts.ClientCalled, client_facts.ClientAsked, client_facts.ClientTold)
FACTS.ignore(facts.Submitted, facts.TimedOut, facts.OptionChanged)
