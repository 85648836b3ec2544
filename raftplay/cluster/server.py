"""Server: one ConsensusModule with its storage, its endpoint on the network, and its timer.

The rule of this module: after every input the node settles, in `_settle` and nowhere else: storage first, then
the reply, the commits, the calls, the timer. So nothing leaves a node that its disk does not hold.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, cast

from raftplay.backends.base import Answer, Backend, CallFailed, Handle
from raftplay.cluster.config import Config
from raftplay.cluster.disk import Disk, TornWrite
from raftplay.cluster.flight import Flight, Flights
from raftplay.cluster.inbox import Inbox
from raftplay.cluster.network import Network
from raftplay.cluster.proxy import RPCProxy
from raftplay.raft.bugs import module_with
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.events import Decision
from raftplay.raft.messages import (
    NONE,
    Args,
    CMState,
    CommitEntry,
    LogEntry,
    Reply,
    RequestVoteArgs,
)
from raftplay.raft.storage import PersistentState, Storage, StorageError
from raftplay.watch import events as ev
from raftplay.watch.stream import Stream

MAX_OPEN_CALLS = 1024
"""How many calls wait for their replies; of more, the oldest is given up."""

MAX_REMEMBERED_CALLS = 32
"""How many answered calls are remembered, for replies that come twice."""

CALL_LIMIT = 5.0
"""How long a call made by a user waits for its reply, in seconds of cluster time."""

OnReply = Callable[[Reply], None]
OnCommits = Callable[[list[CommitEntry]], None]
OnTorn = Callable[[int], None]
OnLateWrite = Callable[[int], None]
Kept = tuple[int, int, tuple[LogEntry, ...]]
"""What a disk holds: (current_term, voted_for, log)."""

OpenCall = tuple[int, Args, OnReply | None]


class Server:
    """One running node: it listens from its making, and takes part from `serve` on.

    `on_commits` is called with every batch of newly committed entries, in order, inside the cluster; `on_torn`
    with the node's id when a write of it fails: the node must crash then (it stops of itself when None);
    `on_late_write` when it wrote after it had stopped, which takes bug zombie.
    Raises `StorageError` when `storage` holds no node's state, and inside the cluster when it fails.
    """

    def __init__(
        self,
        id: int,
        peer_ids: tuple[int, ...],
        storage: Storage,
        *,
        backend: Backend,
        network: Network | None = None,
        flights: Flights | None = None,
        config: Config | None = None,
        seed: str = "0",
        stream: Stream | None = None,
        incarnation: int = 0,
        on_commits: OnCommits | None = None,
        on_torn: OnTorn | None = None,
        on_late_write: OnLateWrite | None = None,
    ) -> None:
        self.id = id
        self.peer_ids = peer_ids
        self.incarnation = incarnation
        self.frozen = False
        self.stopped = False
        self._backend = backend
        self._network = network or Network((id, *peer_ids), random.Random(f"{seed} network"))
        self._flights = flights or Flights(backend)
        self._stream = stream or Stream(backend.now)
        self._on_commits = on_commits
        self._on_torn = on_torn
        self._on_late_write = on_late_write
        self._write_failed = False
        self.disk = Disk(storage)
        config = (config or Config()).settled()
        self.cm: ConsensusModule = module_with(config.bugs)(
            id, peer_ids, self.disk, config=config.raft, rng=random.Random(f"{seed} node {id} {incarnation}")
        )
        self.proxy = RPCProxy(
            self, backend, self._flights, config, random.Random(f"{seed} proxy {id} {incarnation}")
        )
        self._endpoint = backend.open_endpoint(id, self)
        self._open_calls: dict[int, OpenCall] = {}
        self._remembered: deque[tuple[int, OpenCall]] = deque(maxlen=MAX_REMEMBERED_CALLS)
        self._inbox = Inbox()
        self._alarm: Handle | None = None
        self._alarm_at = math.inf
        self._settle_due = False
        self.watch()

    # ---- for users

    @property
    def listen_addr(self) -> tuple[str, int]:
        """(host, port) at which its peers reach it."""
        return self._endpoint.listen_addr

    @property
    def state(self) -> CMState:
        """The role of its node."""
        return self.cm.state

    def is_leader(self) -> bool:
        """Whether its node believes that it leads."""
        return self.cm.state is CMState.LEADER

    def serve(self) -> None:
        """The peers are connected: from now on the node takes part."""
        self._backend.run(lambda: self._input(self.cm.start))

    def submit(self, command: object) -> int:
        """Submit `command`: its log index if this node leads, else -1. Never blocks.

        A frozen node takes nothing: -1. Raises `CommandRefused` for what cannot be carried.
        """
        with self._backend.lock:
            if self.frozen or self.stopped:
                return NONE
            index = self.cm.submit(command)
            if index != NONE:
                self._settle_soon()
            if self._stream.active:
                self._publish(ev.Submitted(command, index))
            return index

    def submit_many(self, commands: Iterable[object]) -> list[int]:
        """Submit several commands in order: the log index of each, or -1."""
        with self._backend.lock:
            return [self.submit(command) for command in commands]

    def call(self, peer_id: int, args: Args, on_reply: OnReply | None = None) -> Reply | None:
        """Call `peer_id`. With `on_reply` give None at once, and hand it the reply when that comes.

        Without, let time pass until the reply is there. Raises `CallFailed` at once when the peer is not
        connected or the proxy drops calls, and `TimeoutError` when no reply comes within 5 s.
        """
        replies: list[Reply] = []
        take = on_reply or replies.append
        self._backend.run(lambda: self._call(peer_id, args, take))
        if on_reply is not None:
            return None
        if not self._backend.wait_until(lambda: bool(replies), CALL_LIMIT):
            raise TimeoutError(f"node {peer_id} did not answer node {self.id} within {CALL_LIMIT:g} s")
        return replies[0]

    def connect_to_peer(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Connect to the peer that listens at `addr`; an earlier connection to it closes."""

        def connect() -> None:
            self._lose_replies(peer_id, "disconnected")
            self._endpoint.connect(peer_id, addr)

        self._backend.run(connect)

    def disconnect_peer(self, peer_id: int) -> None:
        """Close the connection to `peer_id`: calls to it fail at once from now on, its replies are lost."""

        def disconnect() -> None:
            self._lose_replies(peer_id, "disconnected")
            self._endpoint.disconnect(peer_id)

        self._backend.run(disconnect)

    def disconnect_all(self) -> None:
        """Close the connections to all peers."""
        for peer_id in self.peer_ids:
            self.disconnect_peer(peer_id)

    def is_connected_to(self, peer_id: int) -> bool:
        """Whether this server has a connection to `peer_id`."""
        return self._endpoint.is_connected(peer_id)

    def shutdown(self) -> None:
        """Stop the node, and close its listener and connections; safe to call twice."""
        self._backend.run(self.stop)

    # ---- inside: what the cluster does to it

    def stop(self) -> None:
        """Like a crash: what the node had not settled is settled, then nothing moves any more."""
        if self.stopped:
            return
        self.settle_pending()
        self.stopped = True
        self.frozen = False  # there is no process any more that could be stalled
        self.cm.stop()
        if self._alarm is not None:
            self._alarm.cancel()
        self._inbox.lose_all()
        if not self.cm.hears_replies_when_dead:
            for peer_id in self.peer_ids:
                self._lose_replies(peer_id, "crash")
            self._open_calls.clear()
            self._endpoint.close()
        for flight in self._flights.everything():
            if flight.pilot is self.proxy or (flight.pilot is self and flight.src == self.id):
                self._flights.lose(flight.id, "crash")
        self._backend.changed()

    @property
    def writes_tell_all(self) -> bool:
        """Whether the events tell what its disk holds: each whole write is told, a torn one is not."""
        return not self._write_failed and not self.cm.hears_replies_when_dead

    def on_disk(self) -> Kept:
        """Return what its storage would give back to a new process."""
        vote, log = self.cm.durable_vote, self.cm.log
        if self.writes_tell_all and log.changed_from is None:
            return vote.current_term, vote.voted_for, log.frozen()
        try:
            current_term, voted_for, log = PersistentState(self.disk).load()
        except (StorageError, OSError):  # a restart will say what is wrong with it
            return vote.current_term, vote.voted_for, ()
        return current_term, voted_for, log.frozen()

    def freeze(self) -> None:
        """The process stalls: its timer does not fire, what arrives waits."""
        self.settle_pending()
        self.frozen = True

    def thaw(self) -> None:
        """The process goes on: what arrived meanwhile is handled in order, then its timer."""
        if not self.frozen:
            return
        self.frozen = False
        self._inbox.handle_all()
        self._set_alarm()

    def time_out(self) -> None:
        """Its election timer fires now."""
        self._input(self.cm.time_out)

    def settle_pending(self) -> None:
        """Settle what was submitted and not settled yet."""
        if self._settle_due:
            self._settle_due = False
            if not self.stopped and not self.frozen:
                self._settle(self._backend.now())

    def watch(self) -> None:
        """Publish the node's decisions while the stream has readers."""
        self.cm.observe = self._publish_decision if self._stream.active else None

    # ---- inside: the network

    def transmit(self, peer_id: int, call_id: int, args: Args) -> None:
        """Let a call leave, past the links' faults. Raises `CallFailed` without a connection."""
        if not self._endpoint.is_connected(peer_id):
            raise CallFailed(f"node {self.id} is not connected to node {peer_id}")
        fate = self._network.fate(self.id, peer_id)
        if self._stream.active:
            open_call = self._open_calls.get(call_id)
            by_user = open_call is None or open_call[2] is not None
            self._publish(ev.CallSent(call_id, self.id, peer_id, args, by_user, max(len(fate), 1)))
        if not fate:
            self._call_lost(peer_id, call_id, args, self._network.blocked(self.id, peer_id) or "loss")
        held = self._flights.is_held(self.id, peer_id)
        for delay in fate:
            if delay == 0.0 and not held:
                self._send_now(peer_id, call_id, args)
            else:
                self._flights.add(self, call_id, self.id, peer_id, args, None if held else delay)

    def call_arrived(self, peer_id: int, call_id: int, args: Args, answer: Answer) -> None:
        """A call came in; the proxy holds it for a while."""
        incoming = Incoming(self, peer_id, call_id, answer)
        if self.stopped:
            self.lose(args, incoming, "crash")
            return
        if isinstance(args, RequestVoteArgs):
            self.proxy.request_vote(args, incoming)
        else:
            self.proxy.append_entries(args, incoming)

    def handle(self, args: Args, answer: Answer) -> None:
        """The proxy lets a call through: the node answers it, once what the answer depends on is on disk."""
        if self.stopped:
            self.lose(args, answer, "crash")
            return
        if self.frozen:
            waits = self._inbox.keep(partial(self.handle, args, answer), partial(self.lose, args, answer))
            if waits and isinstance(answer, Incoming):
                self._arrived_frozen(answer.call_id, answer.peer_id, args)
            return
        if self._stream.active and isinstance(answer, Incoming):
            self._publish(ev.CallDelivered(answer.call_id, answer.peer_id, self.id, args))
        now = self._backend.now()
        reply: Reply
        if isinstance(args, RequestVoteArgs):
            reply = self.cm.request_vote(args, now)
        else:
            reply = self.cm.append_entries(args, now)
        self._settle(now, answer, reply)

    def lose(self, args: Args, answer: Answer, reason: str) -> None:
        """A call that came in gets lost before the node sees it."""
        if self._stream.active and isinstance(answer, Incoming):
            self._publish(ev.CallLost(answer.call_id, answer.peer_id, self.id, args, reason))

    def send_reply(self, incoming: "Incoming", reply: Reply) -> None:
        """Let the answer to a call leave, past the links' faults."""
        peer_id, call_id = incoming.peer_id, incoming.call_id
        fate = self._network.fate(self.id, peer_id)
        if self._stream.active:
            self._publish(ev.ReplySent(call_id, self.id, peer_id, reply, max(len(fate), 1)))
        if not fate:
            self._reply_lost(incoming, reply, self._network.blocked(self.id, peer_id) or "loss")
        held = self._flights.is_held(self.id, peer_id)
        for delay in fate:
            if delay == 0.0 and not held:
                self._answer_now(incoming, reply)
            else:
                self._flights.add(self, call_id, self.id, peer_id, reply, None if held else delay, incoming)

    def landed(self, flight: Flight, *, by_hand: bool) -> str | None:
        """A message of this node has passed its link, or a reply for it is heard; why it is lost, if it is."""
        if not flight.on_link:
            self._hear(flight.src, flight.call_id, cast(Reply, flight.message))
            return None
        reason = "crash" if self.stopped else self._network.blocked(self.id, flight.dst)
        if reason is None:
            # a reply that passes its link while time stands still needs no other step to be heard
            self._flights.passes(flight, by_hand=by_hand or (flight.is_reply and self._backend.paused))
            if not self._go_on(flight):
                reason = "disconnected"
                self._flights.fails(flight)
        if reason is not None:
            self.lost(flight, reason)
        return reason

    def _go_on(self, flight: Flight) -> bool:
        """Let a message that has passed its link go to its receiver; whether there is a connection for it."""
        if isinstance(flight.back, Incoming):
            return flight.back.answer(cast(Reply, flight.message)) is not False
        try:
            self._endpoint.send(flight.dst, flight.call_id, cast(Args, flight.message))
        except CallFailed:
            return False
        return True

    def lost(self, flight: Flight, reason: str) -> None:
        """A message of this node, or a reply to it, was lost on its way."""
        if not self._stream.active:
            return
        call_id, src, dst, message = flight.call_id, flight.src, flight.dst, flight.message
        if flight.is_reply:
            self._publish(ev.ReplyLost(call_id, src, dst, cast(Reply, message), reason))
        else:
            self._publish(ev.CallLost(call_id, src, dst, cast(Args, message), reason))

    def copied(self, flight: Flight) -> None:
        """A copy of a message is made, of this node's or of one that came to it."""
        if self._stream.active:
            self._publish(ev.Duplicated(flight.call_id, flight.src, flight.dst, flight.message))

    def reply_arrived(self, peer_id: int, call_id: int, reply: Reply) -> None:
        """A reply came in. While time stands still, it is in flight until the next step, or until time goes on."""
        passage = self._flights.arrives(call_id, is_reply=True)
        if self._backend.concurrent and self._backend.paused and not passage.by_hand:
            self._flights.add(self, call_id, peer_id, self.id, reply, 0.0, on_link=False, id=passage.id)
        else:
            self._hear(peer_id, call_id, reply)

    def _hear(self, peer_id: int, call_id: int, reply: Reply) -> None:
        """The node judges a reply against the call that it answers."""
        if self.stopped and not self.cm.hears_replies_when_dead:
            self._not_heard(peer_id, call_id, reply, "crash")
            return
        if self.frozen:
            lose = partial(self._not_heard, peer_id, call_id, reply)
            if self._inbox.keep(partial(self._hear, peer_id, call_id, reply), lose):
                self._arrived_frozen(call_id, peer_id, reply)
            return
        open_call = self._open_calls.pop(call_id, None) or self._remembered_call(call_id)
        if open_call is None or open_call[0] != peer_id:
            self._not_heard(peer_id, call_id, reply, "not awaited")
            return
        _, args, on_reply = open_call
        if self._stream.active:
            self._publish(ev.ReplyDelivered(call_id, peer_id, self.id, reply))
        if on_reply is not None:
            on_reply(reply)
            self._backend.changed()
            return
        self._remembered.append((call_id, open_call))
        now = self._backend.now()
        self.cm.reply_received(peer_id, args, reply, now)
        self._settle(now)

    def _arrived_frozen(self, call_id: int, peer_id: int, message: Args | Reply) -> None:
        if self._stream.active:
            self._publish(ev.KeptWaiting(call_id, peer_id, self.id, message))

    def _remembered_call(self, call_id: int) -> OpenCall | None:
        """A call that was answered before: the network may bring a reply twice."""
        for remembered_id, open_call in self._remembered:
            if remembered_id == call_id:
                return open_call
        return None

    def _call(self, peer_id: int, args: Args, on_reply: OnReply | None = None) -> None:
        call_id = self._network.new_call_id()
        self._open_calls[call_id] = (peer_id, args, on_reply)
        if len(self._open_calls) > MAX_OPEN_CALLS:
            del self._open_calls[next(iter(self._open_calls))]
        try:
            self.proxy.call(peer_id, args, call_id)
        except CallFailed:
            self._open_calls.pop(call_id, None)
            raise

    def _lose_replies(self, peer_id: int, reason: str) -> None:
        """The connection to `peer_id` closes, and with it the way of its replies that are in flight."""
        for flight in self._flights.on_link(peer_id, self.id):
            if flight.is_reply and self._has_asked(flight.call_id):
                self._flights.lose(flight.id, reason)

    def _has_asked(self, call_id: int) -> bool:
        return call_id in self._open_calls or self._remembered_call(call_id) is not None

    def _send_now(self, peer_id: int, call_id: int, args: Args) -> None:
        try:
            self._endpoint.send(peer_id, call_id, args)
        except CallFailed:
            self._call_lost(peer_id, call_id, args, ev.NOT_SENT)
            raise

    def _answer_now(self, incoming: "Incoming", reply: Reply) -> None:
        if incoming.answer(reply) is False:
            self._reply_lost(incoming, reply, "disconnected")

    def _call_lost(self, peer_id: int, call_id: int, args: Args, reason: str) -> None:
        if self._stream.active:
            self._publish(ev.CallLost(call_id, self.id, peer_id, args, reason))

    def _not_heard(self, peer_id: int, call_id: int, reply: Reply, reason: str) -> None:
        """An answer that came in gets lost before the node sees it."""
        if self._stream.active:
            self._publish(ev.ReplyLost(call_id, peer_id, self.id, reply, reason))

    def _reply_lost(self, incoming: "Incoming", reply: Reply, reason: str) -> None:
        if self._stream.active:
            self._publish(ev.ReplyLost(incoming.call_id, self.id, incoming.peer_id, reply, reason))

    # ---- inside: settling

    def _input(self, function: Callable[[float], None]) -> None:
        if not self.stopped and not self.frozen:
            now = self._backend.now()
            function(now)
            self._settle(now)

    def _settle(self, now: float, answer: Answer | None = None, reply: Reply | None = None) -> None:
        """After an input: storage, then the reply to it, the commits, the calls, and the timer."""
        cm = self.cm
        try:
            if cm.persist(now) and self.stopped and self._on_late_write is not None:
                self._on_late_write(self.id)
        except TornWrite:
            self._disk_failed()
            return
        except StorageError:  # nothing that depends on the write has left the node, and nothing ever will
            self._disk_failed()
            raise
        if answer is not None and reply is not None:
            answer(reply)
        if cm.has_output:
            commits = cm.take_commits()
            if commits and self._on_commits is not None:
                self._on_commits(commits)
            if (commits or self._settle_due) and self._may_send_later():
                self._send_calls_soon()
            else:
                self._send_calls(now)
        self._set_alarm()
        self._backend.changed()

    def _may_send_later(self) -> bool:
        """Whether the calls that are due bring word of a commit and no entries, and time does not stand still."""
        return self._backend.concurrent and not self._backend.paused and not self.cm.has_unsent_entries

    def _send_calls_soon(self) -> None:
        """Word of a commit shares a call with what those who waited for it submit next, if they are quick."""
        if not self._settle_due and self.cm.has_output:
            self._settle_due = True
            self._backend.call_after_waits(self.settle_pending)

    def _send_calls(self, now: float) -> None:
        for peer_id, args in self.cm.take_calls():
            try:
                self._call(peer_id, args)
            except CallFailed:
                self.cm.call_failed(peer_id, args, now)

    def _disk_failed(self) -> None:
        """The node crashes: whoever runs the cluster sees to that, or the server itself."""
        self._settle_due = False
        self._write_failed = True
        if self._on_torn is not None:
            self._on_torn(self.id)
        else:
            self.stop()

    def _settle_soon(self) -> None:
        if not self._settle_due:
            self._settle_due = True
            self._backend.call_soon(self.settle_pending)
        else:
            self._backend.go_on()

    def _set_alarm(self) -> None:
        """Have the node woken at its deadline. An alarm that is set for earlier stays: it looks again."""
        deadline = self.cm.deadline
        if self._alarm is not None:
            if self._alarm_at <= deadline:
                return
            self._alarm.cancel()
            self._alarm = None
        if deadline < math.inf:
            self._alarm_at = deadline
            self._alarm = self._backend.call_at(deadline, self._wake, TimerFired(self.id, self.is_leader()))

    def _wake(self) -> None:
        alarm, self._alarm = self._alarm, None
        assert alarm is not None
        alarm.about = None  # as long as nothing happens
        if self.stopped or self.frozen:
            return
        if self.cm.deadline > self._alarm_at:  # the deadline has moved on
            self._set_alarm()
            return
        alarm.about = TimerFired(self.id, self.is_leader())
        now = self._backend.now()
        self.cm.wake(now)
        self._settle(now)

    # ---- inside: events

    def _publish(self, fact: ev.Fact) -> None:
        self._stream.publish(self.id, self.incarnation, fact)

    def _publish_decision(self, decision: Decision) -> None:
        self._stream.publish(self.id, self.incarnation, decision, self.cm.node_state())


class TimerFired(NamedTuple):
    """What a step through time was about, where it was the timer of a node: a leader's sends heartbeats."""

    node: int
    leads: bool


class Incoming:
    """A call that came in, and the way back for its answer."""

    __slots__ = ("answer", "call_id", "peer_id", "server")

    def __init__(self, server: Server, peer_id: int, call_id: int, answer: Answer) -> None:
        self.server = server
        self.peer_id = peer_id
        self.call_id = call_id
        self.answer = answer

    def __call__(self, reply: Reply) -> None:
        """Let `reply` leave on its way back."""
        self.server.send_reply(self, reply)
