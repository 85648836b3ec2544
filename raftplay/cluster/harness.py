"""Harness: run a whole cluster, inject faults, and check the result.

Everything here is synchronous: an action takes effect at once, and time passes only in the methods that say so.
Between two method calls, a tcp cluster runs on, and a sim cluster waits until time passes.
"""

import operator
import os
import secrets
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, SupportsIndex, TypeVar

from raftplay.backends.base import Backend, NodeFailed, TimeStandsStill, check_duration
from raftplay.backends.sim import SimBackend
from raftplay.backends.tcp import TcpBackend
from raftplay.cluster import arguments, checks
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.cluster import Cluster
from raftplay.cluster.config import Config
from raftplay.cluster.dropped import end_when_dropped, weakly
from raftplay.cluster.flight import Flight, Flights
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.network import LinkFaults, Network
from raftplay.cluster.server import Server
from raftplay.cluster.snapshot import Snapshot
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.timings import Timings, warn_of_timings
from raftplay.errors import UsageError
from raftplay.raft.bugs import Node, module_with
from raftplay.raft.messages import CommitEntry
from raftplay.raft.storage import MapStorage, Storage
from raftplay.watch import facts
from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.stream import Reader, Stream
from raftplay.watch.text import visible

T = TypeVar("T")


class Interrupted(Exception):
    """Raised by a wait that `Harness.interrupt` ended early."""


LOOKS = 8
"""The number of looks of `check_single_leader`."""

LOOK_EVERY = 0.150
"""Seconds of cluster time between two looks."""

RESTART_PAUSE = 0.020
"""Seconds of cluster time that `restart_peer` waits."""

MIN_SPEED, MAX_SPEED = 0.001, 100.0


class Harness:
    """A cluster of `n` servers (1 to 25), connected to each other and running.

    `backend` is "tcp" (real sockets on 127.0.0.1) or "sim" (virtual time). `seed` decides every random choice
    (in sim: the whole run); None draws one. `config` holds timings and options. `node` is the class of the nodes,
    one of yours, as `Config.node` (raftplay help node). A context manager.
    `watch` checks every invariant (or those that it names) on every event; the first method call after a
    violation, or the wait in which it happened, raises `InvariantBroken`, once.
    `readers` are attached to the stream of events before its first event. Warns (`TimingWarning`) of timings
    with which the cluster cannot keep a leader (§5.6).

    With `data_dir`, every node keeps its disk in a file in that directory (a `SqliteStorage`). After a shutdown,
    or after the process died, a new Harness over the same directory continues that cluster: terms, votes and logs
    stay, and each wiped node stays down. Cluster time begins at 0 again; the seed and the contents of the
    directory at the start decide a run in sim. Entries that were committed in an earlier term are committed again
    with the first entry of the new term (§5.4.2). `storage` gives each node a storage of yours; you close it.
    `state_machine` creates the `StateMachine` of a node, `h.cluster[id].machine`; by default, commits are only
    collected in `h.commits`.

    A Harness that is dropped without `shutdown` ends its cluster when it is garbage-collected, with a
    `ResourceWarning` if it held sockets, a thread or files. A forked process cannot use its parent's tcp cluster:
    every method raises `UsageError` there.

    Raises `UsageError` for invalid arguments, and `StorageError` when a storage cannot be used, whatever it
    raises itself: here, in `restart_peer`, and, when a running node cannot write its disk, in the wait in which
    that happens or at the end of the next method call. That node has crashed then; the others continue.
    `NodeFailed` is raised likewise, when a node of your class (`node`) raises.
    """

    def __init__(
        self,
        n: int,
        *,
        backend: str = "tcp",
        seed: int | None = None,
        config: Config | None = None,
        node: Node | None = None,
        watch: bool | Collection[str] = True,
        readers: Iterable[Reader] = (),
        data_dir: str | os.PathLike[str] | None = None,
        storage: Sequence[Storage] | None = None,
        state_machine: MachineFactory | None = None,
    ) -> None:
        readers = arguments.check(n, config, watch, readers, data_dir, storage)
        if state_machine is not None:
            text = "state_machine must be a function that returns a state machine"
            arguments.must_be_called(state_machine, text)
        self.n = n
        self.seed = new_seed() if seed is None else _checked_seed(seed)
        self.config = arguments.config_with(config, node).settled()
        warn_of_timings(n, self.config, stacklevel=2)
        self.data_dir = data_dir
        self._is_shut_down = False
        self._unraised: Breach | None = None
        self._interrupted = False
        self._finalizer: weakref.finalize[..., Harness] | None = None
        self.pauses_at_breach = False
        """True: time pauses at the event that violates an invariant, or when `TimeStandsStill` is raised."""

        self.between: Callable[[], None] | None = None
        """Called in the thread of a wait after `give_way`, before the wait continues."""

        self._gives_way = False

        names = None if isinstance(watch, bool) else watch
        on_breach = weakly(self._on_breach)
        self.invariants = Invariants(n, on_breach=on_breach, names=names) if watch else None
        self._backend = _make_backend(backend)
        self.stream = Stream(self._backend.now)
        if self.invariants is not None:
            self.stream.attach(self.invariants)
        for reader in readers:
            self.stream.attach(reader)
        self._members = self._new_members(storage, state_machine)
        self.stream.switched = self._members.watch
        try:
            self._backend.run(self._members.begin)
        except BaseException:
            self.shutdown()
            raise
        self._finalizer = end_when_dropped(self, self._backend, self._members)

    # ---- its nodes

    @property
    def cluster(self) -> list[Server]:
        """Return the servers, by node."""
        return self._members.servers

    @property
    def storage(self) -> list[Storage]:
        """Return the storage of each node."""
        return self._members.storage

    @property
    def commits(self) -> list[list[CommitEntry]]:
        """Return the entries that each node has committed since it started, in order."""
        return self._members.commits

    @property
    def connected(self) -> list[bool]:
        """Tell for each node whether it is connected (not cut off by `disconnect_peer`)."""
        return self._members.connected

    @property
    def alive(self) -> list[bool]:
        """Tell for each node whether it runs."""
        return self._members.alive

    @property
    def wiped(self) -> list[bool]:
        """Tell for each node whether it has lost its disk."""
        return self._members.wiped

    @property
    def network(self) -> Network:
        """Return the links between the nodes."""
        return self._members.network

    @property
    def flights(self) -> Flights:
        """Return the messages in flight."""
        return self._members.flights

    # ---- submitting

    def submit_to_server(self, id: int, command: object) -> int:
        """Submit `command` to node `id`; return its log index if the node leads, else -1. Never blocks."""
        self._backend.check()
        server = self._members.server(id)
        index = server.submit(command)  # which takes the lock
        self._raise_breach()
        if self._backend.paused or server.has_failed:
            self._act(_nothing)  # now the RPCs that the node sends because of it are in flight
        return index

    def settle(self) -> None:
        """Send the RPCs for submitted commands now; without this, they are sent as soon as time passes.

        The next method call raises a violation that this causes.
        """
        self._backend.run(self._members.settle)

    def submit_many(self, id: int, commands: Sequence[object]) -> list[int]:
        """Submit several commands to node `id`, in order; return the log index of each, or -1."""
        server = self._members.server(id)
        listed = arguments.elements(commands, "commands must be a list")
        indices = self._look(lambda: server.submit_many(listed))
        if self._backend.paused or server.has_failed:
            self._act(_nothing)  # now the RPCs that the node sends because of it are in flight
        return indices

    # ---- faults and repairs

    def crash_peer(self, id: int) -> None:
        """Crash node `id`: disconnect and stop it. Its storage stays, its collected commits are forgotten.

        A node that is down stays down.
        """
        self._act(lambda: self._members.crash(self._members.server(id)))

    def restart_peer(self, id: int) -> None:
        """Start a new, connected server over the storage of the crashed node `id`, and let 20 ms pass.

        Cuts, holds and a partition stay as they are.
        Raises `UsageError` when the node is alive.
        """
        self._act(lambda: self._members.restart(id))
        if not self._backend.paused:
            self._pass(RESTART_PAUSE)

    def check_restart(self, id: int) -> None:
        """Raise the `UsageError` that `restart_peer` would raise, if any."""
        self._act(lambda: self._members.check_restart(id))

    def disconnect_peer(self, id: int) -> None:
        """Cut node `id` off from all others, in both directions."""
        self._act(lambda: self._members.disconnect(self._members.server(id)))

    def reconnect_peer(self, id: int) -> None:
        """Connect node `id`, in both directions, to all live nodes that are not disconnected.

        Raises `UsageError` when the node is down.
        """
        self._act(lambda: self._members.reconnect(self._members.server(id)))

    def peer_drop_calls_after_n(self, id: int, n: int) -> None:
        """Make outgoing RPCs of node `id` fail after the next `n`."""
        n = arguments.whole(n, "n must be a number of calls, -1 for all", -1)
        self._act(lambda: self._members.drop(self._members.server(id), n))

    def peer_dont_drop_calls(self, id: int) -> None:
        """Undo `peer_drop_calls_after_n`."""
        self._act(lambda: self._members.drop(self._members.server(id), -1))

    def partition(self, *groups: Iterable[int]) -> None:
        """Split the nodes into groups that cannot reach each other; nodes not named form the last group."""
        named = [
            [
                arguments.whole(id, "a node is named by its number")
                for id in arguments.elements(group, "a group must be a list of nodes")
            ]
            for group in groups
        ]
        self._act(lambda: self._members.tell(facts.Partitioned(self.network.partition(named))))

    def heal(self) -> int:
        """Restore all links: remove groups, cuts, loss, delay and duplicates (disconnected nodes stay so).

        Release held links and messages too; return how many of the messages arrive.
        """

        def act() -> int:
            self.network.heal()
            self._members.tell(facts.Healed())
            for src, dst in self.flights.held_links:
                self._members.tell(facts.LinkHeld(src, dst, False))
            return self.flights.release_all()

        return self._act(act)

    def cut(self, src: int, dst: int) -> None:
        """Cut the link from `src` to `dst`; the other direction stays (an asymmetric partition)."""
        self._change_link(src, dst, lambda faults: replace(faults, cut=True))

    def join(self, src: int, dst: int) -> None:
        """Undo `cut`."""
        self._change_link(src, dst, lambda faults: replace(faults, cut=False))

    def set_link(
        self,
        src: int,
        dst: int,
        *,
        loss: float | None = None,
        delay: tuple[float, float] | None = None,
        dup: float | None = None,
    ) -> None:
        """Set the faults of one direction of a link: probabilities of loss and duplication (0 to 1), delays (s).

        A value of None stays as it is.
        """

        def change(faults: LinkFaults) -> LinkFaults:
            return replace(
                faults,
                loss=faults.loss if loss is None else loss,
                delay=faults.delay if delay is None else delay,
                dup=faults.dup if dup is None else dup,
            )

        self._change_link(src, dst, change)

    def clear_link(self, src: int, dst: int) -> None:
        """Remove all faults from one direction of a link, a cut included."""
        self._change_link(src, dst, lambda _: LinkFaults())

    def freeze_peer(self, id: int) -> None:
        """Pause the process of node `id`: its timers and replies stop, its sockets stay open."""
        self._act(lambda: self._members.freeze(self._members.server(id)))

    def thaw_peer(self, id: int) -> None:
        """Resume the process of node `id`; it handles what arrived meanwhile."""
        self._act(lambda: self._members.thaw(self._members.server(id)))

    def time_out_peer(self, id: int) -> None:
        """Fire the election timer of node `id` now; a leader has none."""
        self._act(lambda: self._members.time_out(self._members.server(id)))

    def align_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Let all election timers fire together, `seconds` from now: the votes are split.

        By default, they fire when the first of them would. Leaders have none; nodes that are down or frozen are
        left out; a heartbeat sets a timer anew, as always. Return when each fires, in cluster time.
        """
        return self._act(lambda: self._members.set_timers(self._first_timer(seconds), 0.0))

    def spread_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Let the election timers fire well apart, the first of them `seconds` from now: that node wins.

        By default, it fires when it would anyway. They are as far apart as the election timeouts allow, at least
        twice the longest delay. Returns and leaves out as `align_timers` does.
        """

        def spread() -> dict[int, float]:
            raft, others = self.config.raft, max(len(self._members.awaiting()) - 1, 1)
            apart = max((raft.election_max - raft.election_min) / others, 2 * self.config.delay_max)
            return self._members.set_timers(self._first_timer(seconds), apart)

        return self._act(spread)

    def tear_peer(self, id: int, sets: int) -> None:
        """Tear the next write of node `id`: the node crashes in it, once `sets` of its parts are on disk.

        0 loses the whole write. The node has sent nothing that depends on the write by then.
        """
        sets = arguments.whole(sets, "sets must be a number of parts of the write, 0 or more", 0)
        self._act(lambda: self._members.tear(self._members.server(id), sets))

    def wipe_peer(self, id: int) -> None:
        """Crash node `id` and empty its storage. A node that has lost its votes must not come back."""
        self._act(lambda: self._members.wipe(self._members.server(id)))

    # ---- single messages

    def messages(self) -> list[Flight]:
        """Return the requests and replies in flight, in the order in which they were sent."""
        return self._look(self.flights.everything)

    def hold(self, src: int, dst: int) -> None:
        """Keep all messages from `src` to `dst`, requests and replies, in flight until they are released."""
        self._members.check_link(src, dst)

        def act() -> None:
            self.flights.hold(src, dst)
            self._members.tell(facts.LinkHeld(src, dst, True))

        self._act(act)

    def hold_message(self, id: int) -> None:
        """Keep message `id` in flight until it is released. Raises `UsageError` when it is not in flight."""

        def act() -> None:
            flight = self.flights.get(id)
            if flight.due is not None:
                self.flights.hold_one(id)
                self._members.tell(facts.MessageHeld(flight.call_id, flight.src, flight.dst, flight.message))

        self._act(act)

    def release_message(self, id: int) -> str | None:
        """Deliver the held message `id`; return why it is lost, or None. Raises `UsageError` if it is not held."""
        return self._act(lambda: self.flights.release_one(id))

    def release(self, src: int, dst: int) -> int:
        """Undo `hold` and deliver what was held, in order; return how many messages arrive (a cut loses them)."""
        self._members.check_link(src, dst)

        def act() -> int:
            self._members.tell(facts.LinkHeld(src, dst, False))
            return self.flights.release((src, dst))

        return self._act(act)

    def release_links(self, links: Collection[tuple[int, int]]) -> int:
        """Undo `hold` of all these links (source, destination) first; then deliver what was held, in order.

        Return how many messages arrive. What is sent meanwhile is not held, and is delayed as usual.
        """
        for src, dst in links:
            self._members.check_link(src, dst)

        def act() -> int:
            for src, dst in links:
                self._members.tell(facts.LinkHeld(src, dst, False))
            return self.flights.release(*links)

        return self._act(act)

    def deliver(self, id: int) -> str | None:
        """Deliver message `id` now; return why it is lost (for example a cut), or None.

        Raises `UsageError` when it is not in flight.
        """
        return self._act(lambda: self.flights.deliver(id))

    def lose(self, id: int) -> None:
        """Drop message `id`. Raises `UsageError` when it is not in flight."""
        self._act(lambda: self.flights.lose(id))

    def duplicate(self, id: int) -> str | None:
        """Deliver a copy of message `id` now; return why the copy is lost, or None.

        Raises `UsageError` when the message is not in flight.
        """
        return self._act(lambda: self.flights.duplicate(id))

    # ---- time

    @property
    def backend(self) -> str:
        """Return the backend's name: "tcp" or "sim"."""
        return self._backend.name

    @property
    def now(self) -> float:
        """Return the cluster time in seconds, from 0 at the start."""
        with self._backend.lock:
            return self._backend.now()

    def sleep_ms(self, ms: float) -> None:
        """Wait for `ms` milliseconds of cluster time. Raises `UsageError` while time is paused."""
        self._pass(arguments.number(ms, "ms must be a number of milliseconds") / 1000)

    def wait_until(self, predicate: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Wait until `predicate` holds, at most `seconds` of cluster time; return whether it held in time.

        `predicate` runs inside the cluster after every change: it may read everything and must change nothing.
        """
        arguments.must_be_called(predicate, "the predicate must be a function without arguments")
        return self._wait(predicate, arguments.number(seconds, "seconds must be a number"))

    def check_until(self, predicate: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until `predicate` holds, as `wait_until` does. Raises `CheckFailed` if it does not hold in time.

        The error text shows the condition and the state of every server.
        """
        if not self.wait_until(predicate, seconds):
            raise checks.fail(self, f"not within {seconds:g} s: {checks.source_text(predicate)}")

    def pass_to(self, when: float) -> None:
        """Wait until cluster time is `when` seconds (in sim: exactly). Raises `UsageError` while paused."""
        self._wait(_never, until=arguments.number(when, "when must be a moment of cluster time in seconds"))

    def keep_pace(self) -> None:
        """Make waits take as much wall time as the speed says from now on, in virtual time too."""
        self._backend.keep_pace()

    def steer(self, pace: float) -> None:
        """Slow the clock, with `keep_pace`, by this factor beside the speed; 0 holds it. From any place."""
        self._backend.steer(pace)

    def kick(self) -> None:
        """Make `wait_until` evaluate its predicate again now; from any thread."""
        self._backend.kick()

    def interrupt(self) -> None:
        """End the wait under way, or the next one, with `Interrupted`; from any thread."""
        self._interrupted = True
        self._backend.kick()

    def give_way(self) -> None:
        """Make the current wait, or the next one, call `between` and then continue; from any thread."""
        self._gives_way = True
        self._backend.kick()

    def forget_interrupt(self) -> None:
        """Clear a pending `interrupt`."""
        self._interrupted = False

    def check(self) -> None:
        """Raise a violation or failure since the last method call: `InvariantBroken`, or a reader's failure."""
        self._look(lambda: None)

    @property
    def speed(self) -> float:
        """Return the seconds of cluster time per second of wall time; 1 gives the Go reference's timings."""
        return self._backend.speed

    def set_speed(self, speed: float) -> None:
        """Set the speed (0.001 to 100). The change by itself never causes an election."""
        speed = arguments.number(speed, "the speed must be a number")
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise UsageError(f"the speed must be between {MIN_SPEED:g} and {MAX_SPEED:g}, not {speed:g}")
        self._backend.set_speed(speed)

    @property
    def paused(self) -> bool:
        """Tell whether cluster time is paused."""
        return self._backend.paused

    def pause(self) -> None:
        """Pause cluster time; actions still work."""
        self._backend.pause()
        self._act(_nothing)

    def halt(self) -> None:
        """Pause cluster time at once; from any place."""
        self._backend.halt()

    def resume(self) -> None:
        """Resume cluster time."""
        self._backend.resume()

    def step(self) -> object:
        """Run the next timer or delivery, then pause; return what it was, or None if there is none."""
        self.pause()
        about = self._backend.step()
        self._raise_breach()
        return about

    def progress(self) -> object:
        """Return a value that differs from the last one if the cluster may have done something since."""
        return self._backend.progress()

    # ---- its transport

    @property
    def open_work(self) -> tuple[int, int]:
        """Return the number of unfinished tasks, and of open ends of connections; zeros without sockets."""
        return self._backend.open_work

    @property
    def secret(self) -> bytes:
        """Return the secret by which its nodes know their peers; empty without sockets."""
        return self._backend.secret

    # ---- looking

    def snapshot(self) -> Snapshot:
        """Return everything that a screen shows of the cluster at this moment, as one immutable value."""
        with self._backend.lock:
            return Snapshot(
                time=self._backend.now(),
                backend=self._backend.name,
                seed=self.seed,
                speed=self._backend.speed,
                paused=self._backend.paused,
                nodes=tuple(self._members.node_snapshot(server) for server in self.cluster),
                groups=self.network.groups,
                faulty_links=tuple(sorted(self.network.faulty_links.items())),
                held_links=self.flights.held_links,
                bugs=self.config.bugs,
                node=self.config.node_name,
                rules=module_with(self.config.bugs, self.config.node).rules,
                timings=Timings.of(self.config),
            )

    @property
    def breach(self) -> Breach | None:
        """Return the first violation of an invariant, or None."""
        return next(iter(self._watcher_breaches()), None)

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock; hold it while several reads must see the same moment."""
        return self._backend.lock

    # ---- checking

    def check_single_leader(self) -> tuple[int, int]:
        """Return (id, term) of the only connected server that believes it leads; up to 8 looks, 150 ms apart.

        Raises `CheckFailed`.
        """
        for _ in range(LOOKS):
            found = self._look(lambda: [(id, self.cluster[id].cm.current_term) for id in checks.leaders(self)])
            if len(found) == 1:
                return found[0]
            self._pass(LOOK_EVERY)
        seen = f"{len(found)} do: {', '.join(str(id) for id, _ in found)}" if found else "none does"
        raise checks.fail(self, f"exactly one connected node should lead; {seen}")

    def check_no_leader(self) -> None:
        """Raise `CheckFailed` if a connected server believes that it leads."""
        self._look(lambda: checks.no_leader(self))

    def check_committed(self, command: object) -> tuple[int, int]:
        """Return (nc, index): all `nc` connected servers have committed `command` at `index`.

        The commands before it are the same on each of them. Raises `CheckFailed`.
        """
        return self._look(lambda: checks.committed(self, command))

    def check_committed_n(self, command: object, n: int) -> None:
        """Raise `CheckFailed` unless exactly `n` connected servers have committed `command`."""
        n = arguments.whole(n, "n must be a number of servers")
        self._look(lambda: checks.committed_on(self, command, n))

    def check_not_committed(self, command: object) -> None:
        """Raise `CheckFailed` if a connected server has committed `command`."""
        self._look(lambda: checks.not_committed(self, command))

    # ---- the end

    def shutdown(self) -> None:
        """Stop all servers and close everything; safe to call twice.

        Raises what failed inside the cluster and was not raised yet, a violated invariant included.
        """
        if self._is_shut_down:
            return
        self._is_shut_down = True
        if self._finalizer is not None:
            self._finalizer.detach()
        self._backend.close(self._members.stop_all)
        self._raise_breach()

    def __repr__(self) -> str:
        """Show the state of the cluster: pytest prints this below a failing ``assert h.wait_until(…)``."""
        about = f"{self.n} nodes, {checks.run_text(self.backend, self.seed)}"
        try:
            with self._backend.lock:
                now = "shut down" if self._is_shut_down else f"{self._backend.now():.3f} s"
                return f"<Harness of {about}, {now}: {'; '.join(map(checks.node_text, self.cluster))}>"
        except UsageError:  # forked
            return f"<Harness of {about}, of another process>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, NodeFailed):
            with suppress(NodeFailed):  # one is enough: the same code runs on the other nodes
                self.shutdown()
            return
        if error is None or isinstance(error, Exception):
            self.shutdown()
            return
        try:
            self.shutdown()
        except Exception as failure:  # an interrupt is raised again as it is
            error.add_note(f"Besides, this failed inside the cluster: {failure!r}")

    # ---- inside

    def _act(self, action: Callable[[], T]) -> T:
        """Run `action` inside, after everything before it has settled."""

        def inside() -> T:
            self._members.settle()
            result = action()
            self._backend.changed()
            return result

        result = self._backend.run(inside)
        self._raise_breach()
        return result

    def _first_timer(self, seconds: float | None) -> float:
        """Return the cluster time in `seconds`; for None, that at which the first election timer fires."""
        if seconds is not None:
            return self._backend.now() + check_duration(arguments.number(seconds, "seconds must be a number"))
        return min((server.cm.deadline for server in self._members.awaiting()), default=self._backend.now())

    def _change_link(self, src: int, dst: int, change: Callable[[LinkFaults], LinkFaults]) -> None:
        self._members.check_link(src, dst)
        self._act(lambda: self._members.change_link(src, dst, change))

    def _new_members(self, storage: Sequence[Storage] | None, state_machine: MachineFactory | None) -> Cluster:
        """Return the nodes, over the data directory if there is one. Raises `StorageError`."""
        opened = None
        try:
            opened = None if self.data_dir is None else DataDir(self.data_dir, self.n)
            disks = opened.storages if opened is not None else storage or [MapStorage() for _ in range(self.n)]
            return Cluster(
                disks,
                self._backend,
                self.stream,
                config=self.config,
                seed=self.seed,
                opened=opened,
                state_machine=state_machine,
            )
        except BaseException:
            self._is_shut_down = True
            if opened is not None:
                opened.close()
            self._backend.close()
            raise

    def _pass(self, seconds: float) -> None:
        """Wait for `seconds` of cluster time, or until the first violation of an invariant."""
        self._wait(_never, seconds)

    def _ends_waits(self) -> bool:
        failed = self.stream.failures or self._members.disk_failures or self._members.code_failures
        return self._interrupted or self._unraised is not None or bool(failed)

    def _wait(self, predicate: Callable[[], bool], seconds: float = 0.0, until: float | None = None) -> bool:
        """Wait for `seconds`, or until time is `until`, or `predicate` holds; return whether it holds.

        Raises what ended the wait early, a violation first. A wait that gives way continues afterwards.
        """
        between = None if self._backend.paused else self.between
        if until is None and between is not None:
            until = self.now + check_duration(seconds)

        def ends() -> bool:
            return self._ends_waits() or (self._gives_way and between is not None) or predicate()

        while True:
            held = self._pass_time(ends, seconds, until)
            self._raise_breach()
            if self._interrupted:
                self._interrupted = False
                raise Interrupted
            if between is None or not self._gives_way:
                return held
            self._gives_way = False
            between()

    def _pass_time(self, ends: Callable[[], bool], seconds: float, until: float | None) -> bool:
        """Wait on the backend. A violation that came before the backend's error is raised in its place."""
        try:
            if until is None:
                return self._backend.wait_until(ends, seconds)
            return self._backend.pass_to(until, ends)
        except UsageError:
            self._raise_breach()  # the violation may have paused time
            raise
        except TimeStandsStill:
            if self.pauses_at_breach:
                self._backend.halt()
            self._raise_breach()  # it came first
            raise

    def _on_breach(self, breach: Breach) -> None:
        if self._unraised is None and len(self._watcher_breaches()) == 1:
            self._unraised = breach
            if self.pauses_at_breach:
                self._backend.halt()
        self._backend.changed()

    def _watcher_breaches(self) -> list[Breach]:
        return self.invariants.breaches if self.invariants is not None else []

    def _raise_breach(self) -> None:
        """Raise the first violation, and the failures of readers, disks and nodes' code, once each."""
        for failures in (self.stream.failures, self._members.disk_failures):
            if failures:
                raise failures.pop(0)
        breach, self._unraised = self._unraised, None
        if breach is not None:
            raise InvariantBroken(breach, self.snapshot(), self.config.bugs)
        if self._members.code_failures:
            raise self._members.code_failures.pop(0)

    def _look(self, look: Callable[[], T]) -> T:
        with self._backend.lock:
            self._backend.check()
            result = look()
        self._raise_breach()
        return result


def new_seed() -> int:
    """Draw a seed for a cluster without one."""
    return secrets.randbelow(1 << 32)


def _checked_seed(seed: object) -> int:
    """Return `seed`, which decides every random choice. Raises `UsageError` unless it is an integer."""
    if isinstance(seed, SupportsIndex) and not isinstance(seed, bool):
        return operator.index(seed)
    raise UsageError(f"the seed must be an integer, such as 7, not {visible(repr(seed)[:60])}")


def _never() -> bool:
    """Return False: a condition that does not end a wait."""
    return False


def _nothing() -> None:
    """Do nothing: running this as an action still settles what was submitted before."""


def _make_backend(name: str) -> Backend:
    match name:
        case "tcp":
            return TcpBackend()
        case "sim":
            return SimBackend()
    raise UsageError(f'the backend must be "tcp" or "sim", not {name!r}')
