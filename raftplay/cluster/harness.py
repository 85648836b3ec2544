"""Harness: run a whole cluster, inject faults, and check the result.

Everything here is synchronous: an action takes effect at once, and time passes only in the methods that say so.
Between two method calls, a tcp cluster runs on, and a sim cluster waits until time passes.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from raftplay.backends.base import PAUSED, NodeFailed
from raftplay.cluster import arguments, checks
from raftplay.cluster.attributes import Attributes
from raftplay.cluster.client import Client
from raftplay.cluster.cluster import Cluster
from raftplay.cluster.config import Config
from raftplay.cluster.dropped import end_when_dropped
from raftplay.cluster.flight import Flight
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.running import Running
from raftplay.cluster.snapshot import Snapshot
from raftplay.cluster.timings import warn_of_timings
from raftplay.cluster.waits import Waits
from raftplay.errors import UsageError
from raftplay.kv.clients import OperationCall
from raftplay.kv.commands import KeyRequest
from raftplay.kv.load import Load
from raftplay.raft.bugs import NodeOrRules
from raftplay.raft.storage import Storage
from raftplay.watch.stream import Reader

__tracebackhide__ = checks.__tracebackhide__

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


class Harness(Attributes):
    """A cluster of `n` servers (1 to 25) that runs, without a past: branches, searches and figures use it.

    The arguments and what is raised are those of the public `Harness` (raftplay/python/harness.py), which adds
    commands, a past, and branches: its history is a reader `ahead` of the others, and `stacklevel` counts the
    callers up to the one that a warning names, as in `warnings.warn`. Unless it `begins`, time stands at 0 until
    somebody steers it.
    """

    def __init__(
        self,
        n: int,
        *,
        backend: str = "tcp",
        seed: int | None = None,
        config: Config | None = None,
        node: NodeOrRules | None = None,
        watch: bool | Collection[str] = True,
        readers: Iterable[Reader] = (),
        data_dir: str | os.PathLike[str] | None = None,
        storage: Sequence[Storage] | None = None,
        state_machine: MachineFactory | None = None,
        ahead: Sequence[Reader] = (),
        stacklevel: int = 1,
        begins: bool = True,
    ) -> None:
        readers = arguments.check(n, config, watch, readers, data_dir, storage, state_machine)
        seed = arguments.new_seed() if seed is None else arguments.seed(seed)
        config = arguments.config_with(config, node).settled()
        warn_of_timings(n, config, stacklevel=stacklevel + 1)
        self._parts = Running(
            n,
            backend,
            seed=seed,
            config=config,
            watch=watch,
            readers=[*ahead, *readers],
            data_dir=data_dir,
            storage=storage,
            state_machine=state_machine,
            begins=begins,
        )
        self._finalizer = end_when_dropped(self, self._backend, self._members)

    @property
    def _running(self) -> Running:
        return self._parts

    # ---- submitting

    def submit_to_server(self, id: int, command: object) -> int:
        """Submit `command` to node `id`; return its log index if the node leads, else -1. Never blocks."""
        running = self._running
        running.backend.check()
        server = running.members.server(id)
        index = server.submit(command)  # which takes the lock
        running.waits.raise_failure()
        if running.backend.paused or server.has_failed:
            self._act(lambda: None)  # now the RPCs that the node sends because of it are in flight
        return index

    # ---- clients of the key-value store

    def load(self, load: Load) -> float:
        """Begin a load of clients, decided by the seed; return the cluster time at which it ends."""
        return self._backend.run(lambda: load.begin(self.clients, self.seed))

    def client(self, name: str = "main") -> Client:
        """Return the client `name` of the key-value store, which every node runs on top of Raft by default."""
        return Client(name, self.ask)

    def ask(self, client: str, request: KeyRequest, to: int | None = None) -> OperationCall:
        """Begin an operation of `client`, by default with whichever node leads, and wait for its end."""
        if self._backend.paused:
            raise UsageError(PAUSED)
        call = self.begin(client, request, to)
        self.wait_until(lambda: call.is_over, self.clients.patience + 1.0)
        return call

    def begin(self, client: str, request: KeyRequest, to: int | None = None) -> OperationCall:
        """Begin an operation of `client`, and do not wait for its end; other clients' may be under way."""
        node = -1 if to is None else self._members.server(to).id
        return self._backend.run(lambda: self.clients.call(client, request, node))

    def begin_many(self, requests: Sequence[tuple[str, KeyRequest]]) -> list[OperationCall]:
        """Begin several operations at once, as `begin` does; those of one client run one after another."""
        return self._backend.run(lambda: [self.clients.call(client, request) for client, request in requests])

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

    set_option = action(Cluster.set_option)
    set_client_options = action(Cluster.set_client_options)
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

    set_speed = waiting(Waits.set_speed)

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

    # ---- looking

    def snapshot(self) -> Snapshot:
        """Return everything that a screen shows of the cluster at this moment, as one immutable value."""
        return self._members.snapshot()

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
        if not self._running.is_shut_down:
            self._finalizer.detach()
            self._running.close()

    def __repr__(self) -> str:
        """Show the state of the cluster: pytest prints this below a failing ``assert h.wait_until(…)``."""
        about = f"{self.n} nodes, {checks.run_text(self.backend, self.seed)}"
        try:
            with self._backend.lock:
                now = "shut down" if self._running.is_shut_down else f"{self._backend.now():.3f} s"
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
