"""Server: one ConsensusModule with its storage, its network endpoint, and its timer.

The rule of this module: after every input, `_settle` alone handles the outputs: storage first, then the commits,
reads that are over, the reply, the RPCs, the timer; last a snapshot, if one is due, which settles again. So
everything that leaves a node is on its disk. The node's code is called through `NodeCode`; a server
crashes at the step that it decorates with `crashes_by_failures` when that code raises.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from raftplay.backends.base import Backend, CallFailed, Handle
from raftplay.cluster.alarm import Alarm, TimerFired
from raftplay.cluster.applied import Applier, OnCommits
from raftplay.cluster.calls import Calls, Links
from raftplay.cluster.config import Config
from raftplay.cluster.crashing import Crashing, OnCrash, crashes_by_failures
from raftplay.cluster.flight import Flights
from raftplay.cluster.hardware import USUAL, Hardware
from raftplay.cluster.inbox import Inbox
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.network import Network
from raftplay.cluster.node_code import NodeCode
from raftplay.cluster.observer import Observer
from raftplay.cluster.proxy import RPCProxy
from raftplay.cluster.raised import NodeRaised
from raftplay.cluster.reading import OnRead, Reading
from raftplay.cluster.rpc import NodeEvents, OnReply, Request, Response
from raftplay.cluster.storage.disk import Disk, DiskBusy, TornWrite
from raftplay.cluster.tuning import Tuning
from raftplay.cluster.writing import PendingWrite, keep_leading
from raftplay.raft.bugs import module_with
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER, NONE, Args, CMState, CommitEntry, Entry, Reply, is_sent
from raftplay.raft.storage import PersistentState, Storage, StorageError
from raftplay.watch import facts
from raftplay.watch.stream import Stream

OnLateWrite = Callable[[int], None]
DiskState = tuple[int, int, Sequence[Entry]]
"""The contents of a disk: (current_term, voted_for, log)."""


class Server:
    """A running node: it listens from its creation on, and takes part from `serve` on.

    `on_commits` is called with every batch of newly committed entries, in order, inside the cluster; `on_restore`
    with all commits that led to the state in a snapshot, from which the node goes on. `commits` is the list that
    it extends with what it applies. `on_crash` is
    called with the node's id when it must crash: its disk fails (with the reason, "" for a torn write), its code
    raises (with the reason and the failure), or `shutdown` or `ConsensusModule.stop` stops it; `on_crash` then
    calls `stop`, and if it is None, the server does. `on_late_write` is called when the node wrote after it had
    stopped. Raises `StorageError` when `storage` does not hold a node's state, and `NodeRaised` when the node's
    class raises; both also inside the cluster when disk or code fails and `on_crash` is None.
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
        commits: list[CommitEntry] | None = None,
        on_restore: OnCommits | None = None,
        on_crash: OnCrash | None = None,
        on_late_write: OnLateWrite | None = None,
        state_machine: MachineFactory | None = None,
        hardware: Hardware = USUAL,
    ) -> None:
        self.id = id
        self.peer_ids = peer_ids
        self.incarnation = incarnation
        self.stopped = False
        self._backend = backend
        self._stream = stream or Stream(backend.now)
        self._events = events = NodeEvents(self._stream, id, incarnation)
        self.crashing = Crashing(self, on_crash)
        self._on_late_write = on_late_write
        self.disk = Disk(storage)
        config = (config or Config()).settled()
        dice = random.Random(f"{seed} node {id} {incarnation}")
        module = module_with(config.bugs, config.node)
        self._code = code = NodeCode(
            id,
            module,
            lambda: module(id, peer_ids, self.disk, config=hardware.timings(config.raft), rng=dice),
            state_machine,
            is_own=config.node is not ConsensusModule,
            now=backend.now,
        )
        self.cm, self.machine = code.cm, code.machine
        self._reading = Reading(code)
        self.applied = Applier(
            code,
            events,
            [] if commits is None else commits,
            keep=config.keep_commits,
            on_commits=on_commits,
            on_restore=on_restore,
        )
        self._observer = Observer(events, self.cm, is_own=code.is_checked)
        network = network or Network((id, *peer_ids), random.Random(f"{seed} network"))
        flights = flights or Flights(backend)
        self._inbox = Inbox(events, self._handle, self._handle_reply)
        self._tuning = Tuning(code, config.raft, hardware, f"{seed} hardware {id} {incarnation}")
        self._writing = PendingWrite(backend, self.disk, events, self._inbox, self._tuning)
        self._writing.changed(hardware)
        self._links = Links(peer_ids, events, backend, network, flights)
        self.proxy = RPCProxy(
            events,
            self._inbox,
            self._links,
            backend=backend,
            flights=flights,
            config=config,
            rng=random.Random(f"{seed} proxy {id} {incarnation}"),
        )
        self._links.inward, self._links.on_response = self.proxy, self._inbox.receive_response
        self._links.endpoint = self._endpoint = backend.open_endpoint(id, self._links)
        self._calls = Calls(id, network, self.proxy)
        self._timer, self._leader_timer = TimerFired(id, False), TimerFired(id, True)
        self._alarm = Alarm(backend, self._wake, self._timer_fired)
        self._settle_due = False
        self.cm.on_stop = self.shutdown
        self.watch()

    # ---- for users

    @property
    def listen_addr(self) -> tuple[str, int]:
        """Return (host, port) at which its peers reach it."""
        return self._endpoint.listen_addr

    @property
    def state(self) -> CMState:
        """Return the role of its node."""
        return self.cm.state

    @property
    def frozen(self) -> bool:
        """Tell whether its process is paused."""
        return self._inbox.frozen

    @property
    def writing_since(self) -> float | None:
        """Return the cluster time since which a write waits for its slow disk; None if none does."""
        return self._writing.since

    def is_leader(self) -> bool:
        """Tell whether its node believes that it leads."""
        return self.cm.state is LEADER

    def serve(self) -> None:
        """Start the node, once its peers are connected: it takes part from now on."""
        self._backend.run(lambda: self._input("start", self.cm.start))

    @property
    def results(self) -> list[object]:
        """Return what the state machine returned for each of the last commits; [] without one."""
        return self._code.results

    def submit(self, command: object) -> int:
        """Submit `command`; return its log index if this node leads, else -1. Never blocks.

        A paused process returns -1; so does a node whose code raises, which then crashes. Raises `CommandRefused`
        for a command that messages cannot carry.
        """
        with self._backend.lock:
            if self._inbox.frozen or self.stopped:
                return NONE
            try:
                index = self._code.submit(command)
            except NodeRaised as failure:
                self.crashing.failure = failure
                self._inbox.frozen = True  # it does nothing until it crashes
                self._settle_soon()
                return NONE
            if index != NONE:
                self._settle_soon()
            if self._stream.active:
                self._events.publish(
                    facts.Submitted(command, index, NONE if index != NONE else self.cm.transferring_to)
                )
            return index

    def submit_many(self, commands: Iterable[object]) -> list[int]:
        """Submit several commands in order; return the log index of each, or -1."""
        with self._backend.lock:
            return [self.submit(command) for command in commands]

    def call(self, peer_id: int, args: Args, on_reply: OnReply | None = None) -> Reply | None:
        """Send an RPC to `peer_id`. With `on_reply`, return None at once, and pass it the reply when it arrives.

        Without, wait for the reply and return it. Raises `CallFailed` at once when the peer is not connected or
        the proxy drops RPCs, and `TimeoutError` when no reply arrives within 5 s.
        """
        if on_reply is None:
            return self._calls.ask(peer_id, args, self._backend)
        self._backend.run(lambda: self._calls.call(peer_id, args, on_reply))
        return None

    def connect_to_peer(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Connect to the peer that listens at `addr`; close an earlier connection to it."""
        self._backend.run(lambda: self._links.connect(peer_id, addr, self._calls))

    def disconnect_peer(self, peer_id: int) -> None:
        """Close the connection to `peer_id`: RPCs to it fail at once from now on, its replies are lost."""
        self._backend.run(lambda: self._links.disconnect(peer_id, self._calls))

    def disconnect_all(self) -> None:
        """Close the connections to all peers."""
        for peer_id in self.peer_ids:
            self.disconnect_peer(peer_id)

    def is_connected_to(self, peer_id: int) -> bool:
        """Tell whether this server has a connection to `peer_id`."""
        return self._endpoint.is_connected(peer_id)

    def shutdown(self) -> None:
        """Stop the node, its listener and its connections, as a crash; safe to call twice."""
        if not self.stopped:
            self._backend.run(self.crashing.now)

    # ---- inside: called by the cluster

    def stop(self) -> None:
        """Crash the node: settle what was submitted, then stop everything.

        Raises `NodeRaised` at its end when the code of the node raises in `stop`, unless it has failed already.
        """
        if self.stopped:
            return
        self.settle_pending()
        self.stopped = True
        self.cm.on_stop = None
        failure = None
        try:
            self._code.stop()
        except NodeRaised as error:
            failure = error
        self._alarm.cancel()
        self._writing.cancel()
        self._inbox.close(responses=self._ends_with_stop)
        if self._ends_with_stop:
            for peer_id in self.peer_ids:
                self._links.lose_replies(peer_id, "crash", self._calls)
            self._calls.give_up()
            self._endpoint.close()
        self._links.close()
        self._backend.changed()
        if failure is not None and not self.crashing.is_by_code:
            raise failure

    @property
    def writes_tell_all(self) -> bool:
        """Tell whether the events tell all that its disk holds: they tell each whole write, but no torn one."""
        return self._ends_with_stop and not self.crashing.has_begun

    @property
    def _ends_with_stop(self) -> bool:
        """Tell whether a stopped node handles nothing any more, replies included."""
        return not self.cm.hears_replies_when_dead

    def on_disk(self) -> DiskState:
        """Return the state that its storage would give to a new process."""
        if self.writes_tell_all and self.cm.log.changed_from is None and not self.cm.has_unsaved_snapshot:
            vote = self.cm.durable_vote
            return vote.current_term, vote.voted_for, self.cm.log.whole()
        try:
            current_term, voted_for, log = PersistentState(self.disk).load()
        except StorageError:  # a restart will report it
            return 0, NONE, ()
        return current_term, voted_for, log.whole()

    def freeze(self) -> None:
        """Pause the process: its timer does not fire, and arriving messages wait."""
        self.settle_pending()
        self._inbox.frozen = True

    def thaw(self) -> None:
        """Resume the process: it handles what arrived meanwhile, in order, then its timer."""
        if not self.frozen:
            return
        self._inbox.frozen = False
        self._writing.thaw()
        for on_read in self._reading.take_held():
            self.read(on_read)
        self._inbox.resume()
        if not self.stopped:
            self._set_alarm()

    def take_snapshot(self) -> int:
        """Compact the log up to the last applied entry; return its index, or -1 if there is nothing to compact."""
        indices: list[int] = []
        self._input("take_snapshot", lambda now: indices.append(self.applied.take_snapshot(now)))
        return indices[0] if indices else NONE

    def time_out(self) -> None:
        """Fire its election timer now, or as soon as its write has waited."""
        self._writing.afterwards(lambda: self._input("time_out", self.cm.time_out))

    @crashes_by_failures
    def change(self, hardware: Hardware) -> None:
        """Give the node another disk, clock or timing: what is left of its timer is left by the new clock."""
        if not self.stopped:
            self._tuning.equip(hardware, self._backend.now())
            self._set_alarm()
            self._writing.changed(hardware)

    @crashes_by_failures
    def configure(self, config: Config) -> None:
        """Give the node other options of the algorithm, and its proxy whether it is unreliable."""
        self.proxy.configure(config)
        if not self.stopped:
            self._tuning.configure(config.raft, self._backend.now())

    def read(self, on_read: OnRead) -> None:
        """Begin a read without the log; one that reaches a paused process waits until it is resumed."""
        if self.frozen:
            self._reading.hold(on_read)
        else:
            self._input("read", partial(self._reading.begin, on_read))

    def transfer_leadership(self, target: int) -> None:
        """Begin to hand its leadership over to `target`."""
        self._input("transfer_leadership", partial(self.cm.transfer_leadership, target))

    def set_timer(self, deadline: float) -> None:
        """Set its election timer to fire at `deadline`."""
        self._input("set_timer", partial(self.cm.set_timer, deadline))

    def settle_pending(self) -> None:
        """Settle what was submitted and not settled yet."""
        if self._settle_due or self.crashing.failure is not None:
            self._settle_now()

    @crashes_by_failures
    def _settle_now(self) -> None:
        self.crashing.raise_failure()
        if self._settle_due:
            self._settle_due = False
            if not (self.stopped or self.frozen or self.crashing.has_begun):
                self._settle(self._backend.now())

    def watch(self) -> None:
        """Publish the node's decisions while the stream has readers."""
        self.cm.observe = self._observer.tell if self._stream.active else None

    @property
    def has_failed(self) -> bool:
        """Tell whether its code raised, so that it crashes as soon as it settles."""
        return self.crashing.failure is not None

    # ---- inside: the ends of the pipeline

    def _handle(self, request: Request) -> None:
        """Handle a request; reply once all that the reply depends on is on disk."""
        args = request.message
        if self._stream.active and request.call_id:
            self._events.publish(facts.CallDelivered(request.call_id, request.src, self.id, args))
        now = self._backend.now()
        try:
            reply = self._code.handle(request, now)
            if self._code.is_checked:
                self._observer.publish_reply(args, reply)
            self._settle(now, request, reply if is_sent(reply) else None)
        except NodeRaised as failure:
            self.crashing.by_code(failure)

    def _handle_reply(self, response: Response) -> None:
        """Handle a reply, with the request to which it belongs."""
        request = self._calls.answered(response)
        if request is None:
            self._events.lose(response, "not awaited")
            return
        reply = response.message
        if self._stream.active:
            self._events.publish(facts.ReplyDelivered(response.call_id, response.src, self.id, reply))
        try:
            if request.on_reply is not None:
                request.on_reply(reply)
                self._backend.changed()
                return
            self._calls.remember(request)
            now = self._backend.now()
            self._code.handle_reply(request, response, now)
            self._settle(now)
        except NodeRaised as failure:
            self.crashing.by_code(failure)

    # ---- inside: settling

    @crashes_by_failures
    def _input(self, name: str, method: Callable[[float], object]) -> None:
        if not self.stopped and not self.frozen:
            now = self._backend.now()
            self._code.input(name, method, now)
            self._settle(now)

    def _settle(self, now: float, request: Request | None = None, reply: Reply | None = None) -> None:
        """Handle the outputs of an input, in the order that the rule of this module says."""
        if self._writing.waits:
            return  # its outputs leave once the write is done
        try:
            if self._code.persist(now) and self.stopped and self._on_late_write is not None:
                self._on_late_write(self.id)
        except (DiskBusy, TornWrite, StorageError) as error:
            self._not_written(error, request, reply)
            return
        cm = self.cm
        has_output = cm.has_output
        commits = self.applied.take_commits() if has_output else ()
        if self._reading.waiting:
            self._reading.answer(now)
            has_output = True  # a read may need a round of messages
        if request is not None and reply is not None:
            self._links.reply(request, reply)
        if has_output and cm.has_output:
            if (commits or self._settle_due) and self._may_send_later():
                self._send_calls_soon()
            else:
                self._send_calls(now)
        if self._code.is_checked or not self._alarm.at <= cm.deadline:
            self._set_alarm()
        self._backend.changed()
        if commits and self._code.snapshot_due:
            self.applied.take_snapshot(now)
            self._settle(now)

    def _not_written(self, error: Exception, request: Request | None, reply: Reply | None) -> None:
        """Wait for a disk that takes its time, or crash; nothing that depends on the write leaves the node."""
        if isinstance(error, DiskBusy):
            self._writing.begin(self.cm, partial(self._written, request, reply))
            return
        self.crashing.by_disk(str(error))  # a torn write has no reason
        if isinstance(error, StorageError) and not self.crashing.is_known:
            raise error

    @crashes_by_failures
    def _written(self, request: Request | None, reply: Reply | None) -> None:
        """Write what has waited, and settle."""
        self._settle(self._backend.now(), request, reply)

    def _may_send_later(self) -> bool:
        """Tell whether the RPCs that are due carry a commit index without entries, and time is not paused."""
        return self._backend.concurrent and not self._backend.paused and not self.cm.has_unsent_entries

    def _send_calls_soon(self) -> None:
        """Send the RPCs a little later, so that commands that waiters submit after a commit can share them."""
        if not self._settle_due and self.cm.has_output:
            self._settle_due = True
            self._backend.call_after_waits(self.settle_pending)

    def _send_calls(self, now: float) -> None:
        for peer_id, args in self._code.take_calls():
            try:
                self._calls.call(peer_id, args)
            except CallFailed:
                self._code.call_failed(peer_id, args, now)

    def _settle_soon(self) -> None:
        if not self._settle_due:
            self._settle_due = True
            self._backend.call_soon(self.settle_pending)
        else:
            self._backend.go_on()

    def _set_alarm(self) -> None:
        try:
            deadline = self._code.deadline_before(self._alarm.at)
        except NodeRaised as failure:
            self.crashing.by_code(failure)
            return
        if deadline is not None:
            self._alarm.set(deadline)

    def _wake(self, alarm: Handle, at: float) -> None:
        alarm.about = None  # unless something happens below
        if self.stopped or self.frozen:
            return
        if self._writing.waits:
            keep_leading(self.cm, self._calls, self._alarm, self._backend.now())
            return
        if self.cm.deadline > at:  # the deadline is later now
            self._set_alarm()
            return
        alarm.about = self._timer_fired()
        self._input("wake", self.cm.wake)

    def _timer_fired(self) -> TimerFired:
        return self._leader_timer if self.cm.state is LEADER else self._timer
