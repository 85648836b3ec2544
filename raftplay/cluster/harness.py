"""Harness: run a whole cluster, inject faults, and check the result.

Everything here is synchronous: an action takes effect at once, and time passes only in the methods that say so.
Between two method calls, a tcp cluster runs on, and a sim cluster waits until time passes.
"""

import os
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from raftplay.backends.base import PAUSED, Backend, NodeFailed
from raftplay.backends.sim import SimBackend
from raftplay.backends.tcp import TcpBackend
from raftplay.cluster import arguments, checks
from raftplay.cluster.client import Client
from raftplay.cluster.cluster import Cluster
from raftplay.cluster.config import Config
from raftplay.cluster.dropped import end_when_dropped
from raftplay.cluster.flight import Flight, Flights
from raftplay.cluster.hardware import Hardware
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.network import Network
from raftplay.cluster.server import Server
from raftplay.cluster.snapshot import Snapshot
from raftplay.cluster.timings import warn_of_timings
from raftplay.cluster.waits import Waits
from raftplay.errors import UsageError
from raftplay.kv.clients import Call, ClientOptions, Clients
from raftplay.kv.commands import Request
from raftplay.kv.load import Load
from raftplay.raft.bugs import Node
from raftplay.raft.messages import CommitEntry
from raftplay.raft.storage import Storage
from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.stream import Reader, Stream

P = ParamSpec("P")
T = TypeVar("T")

RESTART_PAUSE = 0.020
"""Seconds of cluster time that `restart_peer` waits."""


def action(inside: Callable[Concatenate[Cluster, P], T]) -> Callable[Concatenate["Harness", P], T]:
    """Return the method of `Harness` that does what `inside`, a method of `Cluster`, does, and is named like it.

    It waits for the lock, and settles what was submitted before; it raises what has failed by its end.
    """

    @wraps(inside)
    def outside(self: "Harness", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._act(lambda: inside(self._members, *args, **kwargs))

    return _in_harness(outside)


def waiting(inside: Callable[Concatenate[Waits, P], T]) -> Callable[Concatenate["Harness", P], T]:
    """Return the method of `Harness` that calls `inside`, a method of `Waits`, and is named like it."""

    @wraps(inside)
    def outside(self: "Harness", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return inside(self._waits, *args, **kwargs)

    return _in_harness(outside)


def _in_harness(method: Callable[Concatenate["Harness", P], T]) -> Callable[Concatenate["Harness", P], T]:
    method.__module__, method.__qualname__ = __name__, f"Harness.{method.__name__}"
    return method


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
    `state_machine` creates the `StateMachine` of a node, `h.cluster[id].machine`; by default, a `KeyValueStore`,
    for `h.client()`. Commits are collected in `h.commits` too.

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
        readers = arguments.check(n, config, watch, readers, data_dir, storage, state_machine)
        self.n = n
        self.seed = arguments.new_seed() if seed is None else arguments.seed(seed)
        self.config = arguments.config_with(config, node).settled()
        warn_of_timings(n, self.config, stacklevel=2)
        self.data_dir = data_dir
        self._is_shut_down = False
        self._finalizer: weakref.finalize[..., Harness] | None = None
        self._backend = _make_backend(backend)
        self.stream = Stream(self._backend.now)
        try:
            self._members = Cluster(
                n,
                self._backend,
                self.stream,
                config=self.config,
                seed=self.seed,
                storage=storage,
                data_dir=data_dir,
                state_machine=state_machine,
            )
        except BaseException:
            self._backend.close()
            raise
        self._waits = Waits(self._backend, self._members)
        names = None if isinstance(watch, bool) else watch
        on_breach = self._members.failures.add_breach
        self.invariants = Invariants(n, on_breach=on_breach, names=names) if watch else None
        if self.invariants is not None:
            self.stream.attach(self.invariants)
        for reader in readers:
            self.stream.attach(reader)
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
    def hardware(self) -> list[Hardware]:
        """Return the disk, the clock and the own timings of each node."""
        return self._members.hardware

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
        self._waits.raise_failure()
        if self._backend.paused or server.has_failed:
            self._act(lambda: None)  # now the RPCs that the node sends because of it are in flight
        return index

    # ---- clients of the key-value store

    def load(self, load: Load) -> float:
        """Begin a load of clients, decided by the seed; return the cluster time at which it ends."""
        return self._backend.run(lambda: load.begin(self.clients, self.seed))

    @property
    def clients(self) -> Clients:
        """Return the clients, with the history of what they saw; `h.clients.verdict()` checks it."""
        return self._members.clients

    def client(self, name: str = "main") -> Client:
        """Return the client `name` of the key-value store, which every node runs on top of Raft by default."""
        return Client(name, self.ask)

    def ask(self, client: str, request: Request, to: int | None = None) -> Call:
        """Begin an operation of `client`, by default with whichever node leads, and wait for its end."""
        if self._backend.paused:
            raise UsageError(PAUSED)
        call = self.begin(client, request, to)
        self.wait_until(lambda: call.is_over, self.clients.patience + 1.0)
        return call

    def begin(self, client: str, request: Request, to: int | None = None) -> Call:
        """Begin an operation of `client`, and do not wait for its end; other clients' may be under way."""
        node = -1 if to is None else self._members.server(to).id
        return self._backend.run(lambda: self.clients.call(client, request, node))

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
            self._act(lambda: None)  # now the RPCs that the node sends because of it are in flight
        return indices

    # ---- faults and repairs

    crash_peer = action(Cluster.crash_peer)

    def restart_peer(self, id: int, *, empty: bool = False) -> None:
        """Start a new, connected server over the storage of the crashed node `id`, and let 20 ms pass.

        Cuts, holds and a partition stay. `empty`: its disk came back blank; Raft promises nothing then.
        Raises `UsageError` when the node is alive.
        """
        self._act(lambda: self._members.restart(id, empty=empty))
        if not self._backend.paused:
            self._waits.pass_time(RESTART_PAUSE)

    check_restart = action(Cluster.check_restart)
    disconnect_peer = action(Cluster.disconnect_peer)
    reconnect_peer = action(Cluster.reconnect_peer)
    peer_drop_calls_after_n = action(Cluster.peer_drop_calls_after_n)
    peer_dont_drop_calls = action(Cluster.peer_dont_drop_calls)
    freeze_peer = action(Cluster.freeze_peer)
    thaw_peer = action(Cluster.thaw_peer)
    time_out_peer = action(Cluster.time_out_peer)
    compact_peer = action(Cluster.compact_peer)
    transfer_leadership = action(Cluster.transfer_leadership)
    align_timers = action(Cluster.align_timers)
    spread_timers = action(Cluster.spread_timers)
    tear_peer = action(Cluster.tear_peer)
    wipe_peer = action(Cluster.wipe_peer)
    set_disk = action(Cluster.set_disk)
    clear_disk = action(Cluster.clear_disk)
    set_clock = action(Cluster.set_clock)

    def set_option(self, name: str, on: bool | int) -> None:
        """Switch an option of all nodes while they run, as the command `set` does; `config` has it from now on.

        `name` is prevote, checkquorum, sticky, noop, more-reelection or unreliable; or snapshot, with the number
        of applied entries after which a node takes one (0: never by itself). Raises `UsageError`.
        """
        self._act(lambda: self._members.set_option(name, on))
        self.config = self._members.config

    def set_client_options(self, options: ClientOptions) -> None:
        """Change how requests of clients that begin from now on are handled, as `set reads` and `set sessions` do.

        Raises `UsageError` for reads by lease without `checkquorum` and `sticky`.
        """
        self._act(lambda: self._members.set_client_options(options))
        self.config = self._members.config

    set_timing = action(Cluster.set_timing)

    # ---- links

    def partition(self, *groups: Iterable[int]) -> None:
        """Split the nodes into groups that cannot reach each other; nodes not named form the last group."""
        named = arguments.groups(groups)
        self._act(lambda: self._members.partition(named))

    heal = action(Cluster.heal)
    cut = action(Cluster.cut)
    join = action(Cluster.join)
    set_link = action(Cluster.set_link)
    clear_link = action(Cluster.clear_link)

    # ---- single messages

    def messages(self) -> list[Flight]:
        """Return the requests and replies in flight, in the order in which they were sent."""
        return self._look(self.flights.everything)

    hold = action(Cluster.hold)
    hold_message = action(Cluster.hold_message)
    release_message = action(Cluster.release_message)
    release = action(Cluster.release)
    release_links = action(Cluster.release_links)
    deliver = action(Cluster.deliver)
    lose = action(Cluster.lose)
    duplicate = action(Cluster.duplicate)

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

    sleep_ms = waiting(Waits.sleep_ms)
    wait_until = waiting(Waits.wait_until)

    def check_until(self, predicate: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until `predicate` holds, as `wait_until` does. Raises `CheckFailed` if it does not hold in time.

        The error text shows the condition and the state of every server.
        """
        if not self.wait_until(predicate, seconds):
            raise checks.fail(self, f"not within {seconds:g} s: {checks.source_text(predicate)}")

    pass_to = waiting(Waits.pass_to)
    keep_pace = waiting(Waits.keep_pace)
    kick = waiting(Waits.kick)
    interrupt = waiting(Waits.interrupt)
    give_way = waiting(Waits.give_way)
    forget_interrupt = waiting(Waits.forget_interrupt)

    @property
    def between(self) -> Callable[[], None] | None:
        """Return the function that a wait calls in its thread after `give_way`, before the wait continues."""
        return self._waits.between

    @between.setter
    def between(self, function: Callable[[], None] | None) -> None:
        self._waits.between = function

    def steer(self, pace: float) -> None:
        """Slow the clock, with `keep_pace`, by this factor beside the speed; 0 holds it. From any place."""
        self._backend.steer(pace)

    def check(self) -> None:
        """Raise a violation or failure since the last method call: `InvariantBroken`, or a reader's failure."""
        self._look(lambda: None)

    @property
    def speed(self) -> float:
        """Return the seconds of cluster time per second of wall time; 1 gives the Go reference's timings."""
        return self._backend.speed

    set_speed = waiting(Waits.set_speed)

    @property
    def paused(self) -> bool:
        """Tell whether cluster time is paused."""
        return self._backend.paused

    def pause(self) -> None:
        """Pause cluster time; actions still work."""
        self._backend.pause()
        self._act(lambda: None)

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
        self._waits.raise_failure()
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
        return self._members.snapshot()

    @property
    def breach(self) -> Breach | None:
        """Return the first violation of an invariant, or None."""
        return self.invariants.breaches[0] if self.invariants is not None and self.invariants.breaches else None

    @property
    def pauses_at_breach(self) -> bool:
        """Tell whether time pauses where an invariant is violated, and when `TimeStandsStill` is raised."""
        return self._members.failures.pauses_at_breach

    @pauses_at_breach.setter
    def pauses_at_breach(self, pauses: bool) -> None:
        self._members.failures.pauses_at_breach = pauses

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock; hold it while several reads must see the same moment."""
        return self._backend.lock

    # ---- checking

    def check_single_leader(self) -> tuple[int, int]:
        """Return (id, term) of the only connected server that believes it leads; up to 8 looks, 150 ms apart.

        Raises `CheckFailed`.
        """
        for _ in range(checks.LOOKS):
            found = self._look(lambda: [(id, self.cluster[id].cm.current_term) for id in checks.leaders(self)])
            if len(found) == 1:
                return found[0]
            self._waits.pass_time(checks.LOOK_EVERY)
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
        self._waits.raise_failure()

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
        self._waits.raise_failure()
        return result

    def _look(self, look: Callable[[], T]) -> T:
        with self._backend.lock:
            self._backend.check()
            result = look()
        self._waits.raise_failure()
        return result


def _make_backend(name: str) -> Backend:
    match name:
        case "tcp":
            return TcpBackend()
        case "sim":
            return SimBackend()
    raise UsageError(f'the backend must be "tcp" or "sim", not {name!r}')
