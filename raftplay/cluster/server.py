"""Server: one ConsensusModule with its storage, its network endpoint, and its timer.

The rule of this module: after every input, `_settle` alone handles the outputs: storage first, then the commits,
the reply, the RPCs, the timer. So everything that leaves a node is on its disk. The node's code is called through
`NodeCode`; a server crashes at the step that it decorates with `_crashes_by_failures` when that code raises.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TypeVarTuple, Unpack

from raftplay.backends.base import Backend, CallFailed, Handle
from raftplay.cluster.alarm import Alarm, TimerFired
from raftplay.cluster.calls import Calls, Links
from raftplay.cluster.commits import with_last
from raftplay.cluster.config import Config
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
from raftplay.cluster.rpc import Events, OnReply, Request, Response
from raftplay.cluster.storage.disk import Disk, DiskBusy, TornWrite
from raftplay.cluster.writing import Writing, heartbeats_of
from raftplay.raft.bugs import module_with
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER, NONE, Args, CMState, CommitEntry, Entry, Reply, is_sent
from raftplay.raft.storage import PersistentState, Storage, StorageError
from raftplay.watch import facts
from raftplay.watch.stream import Stream

CALL_LIMIT = 5.0
"""The time that a user's RPC waits for its reply, in seconds of cluster time."""

Arguments = TypeVarTuple("Arguments")
Step = Callable[["Server", Unpack[Arguments]], None]

OnCommits = Callable[[list[CommitEntry]], None]
OnCrash = Callable[[int, str, NodeRaised | None], None]
OnLateWrite = Callable[[int], None]
Kept = tuple[int, int, Sequence[Entry]]
"""The contents of a disk: (current_term, voted_for, log)."""


def _crashes_by_failures(step: Step[*Arguments]) -> Step[*Arguments]:
    """Make a server crash when its node's code raises in `step`: nothing of this input leaves the node then."""

    def guarded(server: "Server", *args: *Arguments) -> None:
        try:
            step(server, *args)
        except NodeRaised as failure:
            server._go_down(failure)

    return guarded


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
        self._events = events = Events(self._stream, id, incarnation)
        self._on_commits = on_commits
        self._on_restore = on_restore
        self._commits = [] if commits is None else commits
        self._on_crash = on_crash
        self._on_late_write = on_late_write
        self._write_failed = False
        self.disk = Disk(storage)
        config = (config or Config()).settled()
        self._options = config.raft
        self._keep_commits = config.keep_commits
        dice = random.Random(f"{seed} node {id} {incarnation}")
        self._hardware_seed = f"{seed} hardware {id} {incarnation}"
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
        self._observer = Observer(events, self.cm, is_own=code.is_checked)
        network = network or Network((id, *peer_ids), random.Random(f"{seed} network"))
        flights = flights or Flights(backend)
        self._inbox = Inbox(events, self._handle, self._handle_reply)
        self._writing = Writing(backend, self.disk, events, lambda: self._hardware_dice)
        self._hardware = hardware
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
        self._settle_due = self._must_time_out = False
        self._after_thaw: Callable[[], None] | None = None
        self._failure: NodeRaised | None = None  # it crashes with this as soon as it settles
        self._goes_down = False
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
                self._failure = failure
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
        replies: list[Reply] = []
        take = on_reply or replies.append
        self._backend.run(lambda: self._calls.call(peer_id, args, take))
        if on_reply is not None:
            return None
        if not self._backend.wait_until(lambda: bool(replies), CALL_LIMIT):
            raise TimeoutError(f"node {peer_id} did not answer node {self.id} within {CALL_LIMIT:g} s")
        return replies[0]

    def connect_to_peer(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Connect to the peer that listens at `addr`; close an earlier connection to it."""

        def connect() -> None:
            self._links.lose_replies(peer_id, "disconnected", self._calls)
            self._endpoint.connect(peer_id, addr)

        self._backend.run(connect)

    def disconnect_peer(self, peer_id: int) -> None:
        """Close the connection to `peer_id`: RPCs to it fail at once from now on, its replies are lost."""

        def disconnect() -> None:
            self._links.lose_replies(peer_id, "disconnected", self._calls)
            self._endpoint.disconnect(peer_id)

        self._backend.run(disconnect)

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
            self._backend.run(self._crash)

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
        self._after_thaw = None
        self._inbox.close(responses=self._ends_with_stop)
        if self._ends_with_stop:
            for peer_id in self.peer_ids:
                self._links.lose_replies(peer_id, "crash", self._calls)
            self._calls.give_up()
            self._endpoint.close()
        self._links.close()
        self._backend.changed()
        if failure is not None and not self._goes_down:
            raise failure

    @cached_property
    def _hardware_dice(self) -> random.Random:
        return random.Random(self._hardware_seed)

    @property
    def writes_tell_all(self) -> bool:
        """Tell whether the events tell all that its disk holds: they tell each whole write, but no torn one."""
        failed = self._write_failed or self._goes_down
        return not failed and self._ends_with_stop

    @property
    def _ends_with_stop(self) -> bool:
        """Tell whether a stopped node handles nothing any more, replies included."""
        return not self.cm.hears_replies_when_dead

    def on_disk(self) -> Kept:
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
        if self._after_thaw is not None:  # first of all: it was in this write when it was paused
            go_on, self._after_thaw = self._after_thaw, None
            go_on()
        for on_read in self._reading.take_held():
            self.read(on_read)
        self._inbox.resume()
        if not self.stopped:
            self._set_alarm()

    def take_snapshot(self) -> int:
        """Compact the log up to the last applied entry; return its index, or -1 if there is nothing to compact."""
        indices: list[int] = []
        self._input("take_snapshot", lambda now: indices.append(self._snapshot(now)))
        return indices[0] if indices else NONE

    def time_out(self) -> None:
        """Fire its election timer now, or as soon as its write has waited."""
        if self._writing.waits:
            self._must_time_out = True
        else:
            self._input("time_out", self.cm.time_out)

    @_crashes_by_failures
    def change(self, hardware: Hardware) -> None:
        """Give the node another disk, clock or timing: what is left of its timer is left by the new clock."""
        old, self._hardware = self._hardware, hardware
        if self.stopped:
            return
        config, now = hardware.timings(self._options), self._backend.now()
        if config != self.cm.config:
            self._code.input("retime", partial(self.cm.retime, config, old.rate / hardware.rate), now)
        if hardware.election != old.election and not self.is_leader():
            deadline = now + config.election_timeout(self._hardware_dice)
            self._code.input("set_timer", partial(self.cm.set_timer, deadline), now)
        self._set_alarm()
        self._writing.changed(hardware)

    @_crashes_by_failures
    def configure(self, config: Config) -> None:
        """Give the node other options of the algorithm, and its proxy whether it is unreliable."""
        self._options = config.raft
        self.proxy.configure(config)
        raft = self._hardware.timings(config.raft)
        if not self.stopped and raft != self.cm.config:
            self._code.input("configure", partial(self.cm.configure, raft), self._backend.now())

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
        if self._settle_due or self._failure is not None:
            self._settle_now()

    @_crashes_by_failures
    def _settle_now(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._settle_due:
            self._settle_due = False
            if not self.stopped and not self.frozen:
                self._settle(self._backend.now())

    def watch(self) -> None:
        """Publish the node's decisions while the stream has readers."""
        self.cm.observe = self._observer.tell if self._stream.active else None

    @property
    def has_failed(self) -> bool:
        """Tell whether its code raised, so that it crashes as soon as it settles."""
        return self._failure is not None

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
            self._go_down(failure)

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
            self._go_down(failure)

    # ---- inside: settling

    @_crashes_by_failures
    def _input(self, name: str, method: Callable[[float], object]) -> None:
        if not self.stopped and not self.frozen:
            now = self._backend.now()
            self._code.input(name, method, now)
            self._settle(now)

    def _settle(self, now: float, request: Request | None = None, reply: Reply | None = None) -> None:
        """Handle the outputs of an input: storage, then all that depends on it."""
        if self._writing.waits:
            return  # its outputs leave once the write is done
        try:
            if self._code.persist(now) and self.stopped and self._on_late_write is not None:
                self._on_late_write(self.id)
        except DiskBusy:
            self._inbox.busy = True
            self._writing.begin(self.cm, partial(self._written, request, reply))
        except TornWrite:
            self._write_fails()
        except StorageError as error:
            self._write_fails(str(error))
            if self._on_crash is None:
                raise
        else:
            self._let_out(now, request, reply)

    @_crashes_by_failures
    def _written(self, request: Request | None, reply: Reply | None) -> None:
        """Write what has waited, and settle; then handle what arrived meanwhile."""
        if self.frozen:
            self._after_thaw = partial(self._written, request, reply)
            return
        self._inbox.busy = False
        with self.disk.opened():
            self._settle(self._backend.now(), request, reply)
        if self._must_time_out and not self._writing.waits:
            self._must_time_out = False
            self.time_out()
        self._inbox.resume()

    def _let_out(self, now: float, request: Request | None, reply: Reply | None) -> None:
        """Handle the outputs that depend on what was written: the commits, the reply, the RPCs, and the timer."""
        cm = self.cm
        has_output = cm.has_output
        commits = self._take_commits() if has_output else ()
        if cm.has_reads:
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
        if commits and cm.config.snapshot and cm.snapshot_due:
            self._snapshot(now)
            self._settle(now)

    def _take_commits(self) -> list[CommitEntry]:
        """Return what is committed once it is applied; restore a snapshot first if there is one."""
        if self.cm.to_restore is not None:
            self._restore()
        commits = self._code.take_commits()
        if commits:
            self._commits.extend(commits)
            if self._on_commits is not None:
                self._on_commits(commits)
        return commits

    def _snapshot(self, now: float) -> int:
        """Take a snapshot; return its last index, or -1 if there is nothing to compact."""
        if self._keep_commits is not None:
            self._replace_commits(with_last(self._commits, self._keep_commits))
        index = self._code.take_snapshot(self._commits, now)
        if index != NONE and self._code.digest and self._stream.active:
            self._events.publish(facts.StateImaged(index, self._code.digest))
        return index

    def _replace_commits(self, commits: list[CommitEntry]) -> None:
        self._commits = commits
        if self._on_restore is not None:
            self._on_restore(commits)

    def _restore(self) -> None:
        """Go on from the state in a snapshot."""
        restored = self._code.restore()
        if restored is None:
            return
        commits, digest = restored
        if self._stream.active:
            self._events.publish(facts.StateRestored(len(commits) - 1, tuple(commits), digest))
        self._replace_commits(commits)

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

    def _go_down(self, failure: NodeRaised) -> None:
        """Crash because of `failure`. Raises it if it is another node's, or if nobody is told of the crash."""
        if failure.node != self.id:
            raise failure
        self._settle_due, self._goes_down = False, True
        if self.stopped or self._on_crash is None:
            self.stop()
            raise failure
        self._on_crash(self.id, failure.cause, failure)

    def _write_fails(self, cause: str = "") -> None:
        """Crash because a write of the node failed: its disk may hold a part of it."""
        self._settle_due, self._write_failed = False, True
        self._crash(cause)

    def _crash(self, cause: str = "") -> None:
        """Crash through `on_crash`, or stop if there is none."""
        if self.stopped:
            return
        if self._on_crash is not None:
            self._on_crash(self.id, cause, None)
        else:
            self.stop()

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
            self._go_down(failure)
            return
        if deadline is not None:
            self._alarm.set(deadline)

    def _wake(self, alarm: Handle, at: float) -> None:
        alarm.about = None  # unless something happens below
        if self.stopped or self.frozen:
            return
        if self._writing.waits:
            self._keep_leading()
            return
        if self.cm.deadline > at:  # the deadline is later now
            self._set_alarm()
            return
        alarm.about = self._timer_fired()
        self._input("wake", self.cm.wake)

    def _keep_leading(self) -> None:
        """Send the heartbeats that are due while a write of the leader waits."""
        for peer_id, args in heartbeats_of(self.cm):
            with suppress(CallFailed):
                self._calls.call(peer_id, args)
        if self.is_leader():
            self._alarm.set(self._backend.now() + self.cm.config.heartbeat)

    def _timer_fired(self) -> TimerFired:
        return self._leader_timer if self.cm.state is LEADER else self._timer
