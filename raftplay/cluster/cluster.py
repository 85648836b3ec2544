"""Cluster: the servers of one cluster, their disks, and the actions on them.

The rule of this module: everything runs inside the backend, one action at a time; each action is published once
to the stream of events. `Harness` makes a method for users of each method with a name of its own.
"""

import os
import random
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from raftplay.backends.base import Backend, check_duration
from raftplay.cluster import arguments, debug
from raftplay.cluster.client_port import ClientPort
from raftplay.cluster.config import Config
from raftplay.cluster.failures import Failures
from raftplay.cluster.flight import Flights
from raftplay.cluster.hardware import FASTEST, SLOWEST, USUAL, Hardware, Range
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.network import LinkFaults, Network
from raftplay.cluster.raised import NodeRaised
from raftplay.cluster.server import Kept, Server
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot, node_snapshot
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.disk import FAILED_BY_HAND, Disk, MemoryDisk
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.cluster.timings import Timings
from raftplay.errors import UsageError
from raftplay.kv.clients import Clients
from raftplay.kv.machine import KeyValueStore
from raftplay.raft.bugs import module_with
from raftplay.raft.config import SHORTEST, check_range, check_seconds
from raftplay.raft.messages import NONE, CommitEntry
from raftplay.raft.prefix import Prefix, base_of, kept_of
from raftplay.raft.storage import MapStorage, Storage, StorageError
from raftplay.watch import facts
from raftplay.watch.stream import Stream

EMPTY: Kept = (0, NONE, ())
"""The contents of a disk to which nothing was ever written."""


class Cluster:
    """The `n` servers over `backend`, each with one of `storage`, or with a file in `data_dir`, or in memory.

    Lists by node: `storage`, `commits` (collected since its start), `connected`, `alive`, `wiped`,
    `hardware` and `crash_causes` (the failure of its disk or code that crashed it; else "").
    The constructor raises `StorageError` for a data directory that cannot be used.
    """

    def __init__(
        self,
        n: int,
        backend: Backend,
        stream: Stream,
        *,
        config: Config,
        seed: int,
        storage: Sequence[Storage] | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        state_machine: MachineFactory | None = None,
    ) -> None:
        self.n = n
        self.config = config
        self.seed = seed
        self.stream = stream
        self.commits: list[list[CommitEntry]] = [[] for _ in range(n)]
        self.connected = [False] * n
        self.wiped = [False] * n
        self.crash_causes = [""] * n
        self.hardware = [USUAL] * n
        self.failures = Failures(backend, stream)
        self.servers: list[Server] = []
        self.network = Network(range(n), random.Random(f"{seed} network"))
        self.flights = Flights(backend)
        self._backend = backend
        self._state_machine = state_machine or KeyValueStore
        self._clients: Clients | None = None
        self._incarnations = [0] * n
        self._kept = [EMPTY] * n
        self._opened = None if data_dir is None else DataDir(data_dir, n)
        storages = storage if self._opened is None else self._opened.storages
        self.storage: list[Storage] = list(storages or [MapStorage() for _ in range(n)])

    @property
    def alive(self) -> list[bool]:
        """Tell for each node whether it runs."""
        return [not server.stopped for server in self.servers]

    def begin(self) -> None:
        """Start all nodes, connected to each other; a node that was wiped stays down."""
        debug.refresh(self.stream)
        self.wiped = [isinstance(disk, SqliteStorage | MemoryDisk) and disk.wiped for disk in self.storage]
        self.servers = [self._new_server(id, 0) for id in range(self.n)]
        for server in self.servers:
            if self.wiped[server.id]:
                self._crash(server)
                self.tell(facts.Wiped(), server.id)
            else:
                self._connect(server)
        for server in self.servers:
            if not server.stopped:
                server.serve()

    def settle(self) -> None:
        """Settle what was submitted and has not settled yet."""
        debug.refresh(self.stream)
        for server in self.servers:
            server.settle_pending()

    def server(self, id: int) -> Server:
        """Return the server of node `id`. Raises `UsageError`."""
        if type(id) is not int:
            id = arguments.whole(id, "a node is named by its number")
        if not 0 <= id < self.n:
            raise UsageError(f"there is no node {id}; the nodes are 0 to {self.n - 1}")
        return self.servers[id]

    def _new_server(self, id: int, incarnation: int) -> Server:
        try:
            return self._server_over(self.storage[id], id, incarnation)
        except StorageError as error:
            raise StorageError(f"node {id} cannot start: {error}") from None

    def _server_over(self, storage: Storage, id: int, incarnation: int) -> Server:
        return Server(
            id,
            tuple(peer for peer in range(self.n) if peer != id),
            storage,
            backend=self._backend,
            network=self.network,
            flights=self.flights,
            config=self.config,
            seed=str(self.seed),
            stream=self.stream,
            incarnation=incarnation,
            commits=self.commits[id],
            on_restore=partial(self.commits.__setitem__, id),
            on_commits=partial(self._answer_clients, id, incarnation),
            on_crash=self._must_crash,
            on_late_write=self._late_write,
            state_machine=self._state_machine,
            hardware=self.hardware[id],
        )

    # ---- clients

    @property
    def clients(self) -> Clients:
        """Return the clients of the cluster; its first use makes them."""
        if self._clients is None:
            self._clients = Clients(ClientPort(self.n, self.server, self._backend), self.config.clients)
        return self._clients

    def _answer_clients(self, id: int, incarnation: int, commits: list[CommitEntry]) -> None:
        """Let node `id` answer clients what it has applied; a process that is dead answers nobody."""
        if self._clients is not None and incarnation == self._incarnations[id]:
            for entry, result in zip(commits, self.servers[id].results, strict=True):
                self._clients.applied(id, entry.index, entry.command, result)

    # ---- faults and repairs

    def crash_peer(self, id: int) -> None:
        """Crash node `id`: disconnect and stop it. Its storage stays, its collected commits are forgotten.

        A node that is down stays down.
        """
        self._crash(self.server(id))

    def _crash(self, server: Server, cause: str = "") -> None:
        """Crash `server`, whose disk or code failed for `cause`, if it did."""
        id = server.id
        if not self.alive[id]:
            return
        self._leave(server)
        server.settle_pending()
        if not self.alive[id]:  # what it settled was its last write
            return
        self._keep(server)  # told before the event with which it is down
        try:
            server.stop()
        finally:
            self.commits[id] = []
            if self._clients is not None:
                self._clients.gone(id)
            self.crash_causes[id] = cause
            self.hardware[id] = replace(self.hardware[id], fails=False)
            self.tell(facts.Crashed(cause), id)

    def _keep(self, server: Server) -> None:
        """Remember the disk of a crashed node; publish it if the events of its writes do not tell it all."""
        kept = self._kept[server.id] = server.on_disk()
        if not server.writes_tell_all:
            term, vote, log = kept
            self.tell(facts.OnDisk(term, vote, tuple(kept_of(log)), *base_of(log)), server.id)

    def _late_write(self, id: int) -> None:
        """Remember the disk again: a process of node `id` that had crashed wrote to it."""
        if self.servers[id].stopped and not self.wiped[id]:
            self._keep(self.servers[id])

    def check_restart(self, id: int, *, empty: bool = False) -> None:
        """Raise the `UsageError` that `restart_peer` would raise, if any."""
        if self.server(id).stopped is False:
            raise UsageError(f"node {id} is alive; only a crashed node can be restarted")
        if self.wiped[id] and not empty:
            raise UsageError(
                f"node {id} has lost its disk, and its votes with it: it must not come back "
                f"(to see why: restart {id} empty)"
            )

    def restart(self, id: int, *, empty: bool = False) -> None:
        """Start a new, connected server over the old storage, or, with `empty`, over a blank disk.

        Raises `UsageError` and `StorageError`.
        """
        self.check_restart(id, empty=empty)
        if empty:
            self._blank(id)
        disk = self.storage[id]
        if isinstance(disk, SqliteStorage):
            disk.reopen()
        server = self._new_server(id, self._incarnations[id] + 1)
        self._incarnations[id] += 1
        self.servers[id] = server
        self.crash_causes[id] = ""
        self.tell(facts.Restarted(empty), id)
        self._connect(server)
        server.serve()

    def _blank(self, id: int) -> None:
        """Replace the disk of node `id` by a blank one, on which Raft does not know that anything was lost."""
        disk = self.storage[id]
        if isinstance(disk, SqliteStorage):
            disk.wipe(for_good=False)
        else:
            self.storage[id] = MapStorage()
        self.wiped[id] = False
        self._kept[id] = EMPTY

    def tear_peer(self, id: int, sets: int) -> None:
        """Tear the next write of node `id`: the node crashes in it, once `sets` of its parts are on disk.

        0 loses the whole write. The node has sent nothing that depends on the write by then.
        """
        sets = arguments.whole(sets, "sets must be a number of parts of the write, 0 or more", 0)
        self._running(id).disk.tear_after(sets)
        self.tell(facts.Tearing(sets), id)

    def set_option(self, name: str, on: bool) -> None:
        """Switch an option on all nodes, and on those that are restarted later, by its name in `set`.

        They are prevote, checkquorum, sticky, noop, more-reelection and unreliable.
        """
        self.config = self.config.switched(name, on)
        self.tell(facts.OptionChanged(name, on))
        for server in self.servers:
            server.configure(self.config)

    # ---- hardware

    def set_disk(
        self, id: int, *, delay: float | Range | None = None, stall: bool = False, fail: bool = False
    ) -> None:
        """Make each write of node `id` take `delay` (s, or a range), or never end, or make the next one fail.

        What depends on a write leaves the node after it. A write that waits already ends as the new disk says.
        """
        server = self._running(id) if fail else self.server(id)
        old = self.hardware[server.id]
        if fail:
            self._change(server, replace(old, fails=True), disk=True)
            return
        low, high = delay if isinstance(delay, tuple | list) else (delay or 0.0, delay or 0.0)
        check_range("delay", low, "the longest delay", high)
        self._change(server, replace(old, delay=(low, high), stalls=bool(stall), fails=False), disk=True)

    def clear_disk(self, id: int) -> None:
        """Give node `id` a good disk: a write that waits is done now."""
        self.set_disk(id)

    def set_clock(self, id: int, rate: float) -> None:
        """Make the clock of node `id` run at `rate`, from 0.1 to 10: at 2, its timeouts take half the time."""
        server, rate = self.server(id), arguments.number(rate, "rate must be a number")
        if not SLOWEST <= rate <= FASTEST:
            raise UsageError(f"the rate of a clock is from {SLOWEST:g} to {FASTEST:g}, not {rate:g}")
        self.tell(facts.ClockChanged(float(rate)), server.id)
        self._change(server, replace(self.hardware[server.id], rate=float(rate)))

    def set_timing(self, id: int, *, election: Range | None = None, heartbeat: float | None = None) -> None:
        """Give node `id` its own election timeouts and heartbeat interval (s); None leaves one as it is.

        A new range of election timeouts restarts its election timer.
        """
        server = self.server(id)
        old = self.hardware[server.id]
        own = replace(old, election=election or old.election, heartbeat=heartbeat or old.heartbeat)
        own.timings(self.config.raft)
        if own.election is not None:
            check_range("election_min", own.election[0], "election_max", own.election[1], SHORTEST)
        if own.heartbeat is not None:
            check_seconds("heartbeat", own.heartbeat, SHORTEST)
        self.tell(facts.TimingChanged(own.election, own.heartbeat), server.id)
        self._change(server, own)

    def _change(self, server: Server, hardware: Hardware, *, disk: bool = False) -> None:
        self.hardware[server.id] = hardware
        if disk:
            self.tell(facts.DiskChanged(hardware.delay, hardware.stalls, hardware.fails), server.id)
        server.change(hardware)

    def _must_crash(self, id: int, cause: str, failure: NodeRaised | None) -> None:
        """Crash node `id`, whose disk or (with `failure`) code failed for `cause`; "": a torn write or a stop."""
        self._crash(self.servers[id], cause)
        if failure is not None:
            self.failures.nodes.append(failure)
        elif cause and cause != FAILED_BY_HAND:
            self.failures.disks.append(StorageError(f"node {id} crashed at {self._backend.now():.3f} s: {cause}"))

    def wipe_peer(self, id: int) -> None:
        """Crash node `id` and empty its storage. A node that has lost its votes must not come back."""
        server = self.server(id)
        self._crash(server)
        disk = self.storage[server.id]
        had_data = self._had_data(server.id)
        if had_data:
            self.wiped[server.id] = True
            self._kept[server.id] = EMPTY
            if isinstance(disk, SqliteStorage):
                disk.wipe()
            else:
                self.storage[server.id] = MapStorage()
        self.tell(facts.Wiped(empty=not (had_data or self.wiped[server.id])), server.id)

    def _had_data(self, id: int) -> bool:
        """Tell whether the disk of node `id` may hold data; True also if the disk raises."""
        try:
            return Disk(self.storage[id]).has_data()
        except StorageError:
            return True

    def disconnect_peer(self, id: int) -> None:
        """Cut node `id` off from all others, in both directions."""
        server = self.server(id)
        server.disconnect_all()
        self._leave(server)
        self.tell(facts.Disconnected(), server.id)

    def _leave(self, server: Server) -> None:
        """Close the connections of the others to `server`; its own connections stay as they are."""
        self.connected[server.id] = False
        for peer in self.servers:
            if peer is not server and not peer.stopped:
                peer.disconnect_peer(server.id)

    def reconnect_peer(self, id: int) -> None:
        """Connect node `id`, in both directions, to all live nodes that are not disconnected.

        Raises `UsageError` when the node is down.
        """
        server = self.server(id)
        if server.stopped:
            raise UsageError(f"node {server.id} is down; restart it instead")
        self._connect(server)
        self.tell(facts.Reconnected(), server.id)

    def _connect(self, server: Server) -> None:
        self.connected[server.id] = True
        for peer in self.servers:
            if peer is not server and self.connected[peer.id]:
                server.connect_to_peer(peer.id, peer.listen_addr)
                peer.connect_to_peer(server.id, server.listen_addr)

    def peer_drop_calls_after_n(self, id: int, n: int) -> None:
        """Make outgoing RPCs of node `id` fail after the next `n`."""
        n = arguments.whole(n, "n must be a number of calls, -1 for all", -1)
        server = self.server(id)
        server.proxy.drop_calls_after_n(n)
        self.tell(facts.Dropping(server.proxy.calls_left), server.id)

    def peer_dont_drop_calls(self, id: int) -> None:
        """Undo `peer_drop_calls_after_n`."""
        self.peer_drop_calls_after_n(id, -1)

    def freeze_peer(self, id: int) -> None:
        """Pause the process of node `id`: its timers and replies stop, its sockets stay open."""
        server = self._running(id)
        server.freeze()
        self.tell(facts.Frozen(), server.id)

    def thaw_peer(self, id: int) -> None:
        """Resume the process of node `id`; it handles what arrived meanwhile."""
        server = self._running(id)
        self.tell(facts.Thawed(), server.id)
        server.thaw()

    def compact_peer(self, id: int) -> int:
        """Let node `id` take a snapshot: it compacts its log up to the last entry that it has applied (§7).

        Return the index of that entry, or -1 if the node has nothing to compact, or is paused. Raises `UsageError`
        when it is down.
        """
        return self._running(id).take_snapshot()

    def time_out_peer(self, id: int) -> None:
        """Fire the election timer of node `id` now; a leader has none."""
        server = self._running(id)
        self.tell(facts.TimedOut(), server.id)
        server.time_out()

    def transfer_leadership(self, id: int, target: int | None = None) -> int:
        """Let the leader `id` begin to hand its leadership over to `target` (thesis §3.10); return the target.

        By default, the target is the connected node that has the most of the leader's log. Return -1 if the node
        does not lead or is frozen, or if there is no such node. The leader takes no commands until the target
        leads, or for an election timeout.
        """
        server = self._running(id)
        match = server.cm.match_index
        if target is None:
            up = [peer for peer in match if self.connected[peer] and not self.servers[peer].frozen]
            target = max(up, key=match.__getitem__, default=NONE)
        else:
            target = self.server(target).id
        server.transfer_leadership(target)
        if server.is_leader() and target == server.id:
            return target
        return NONE if server.cm.transferring_to != target else target

    def align_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Set all election timers to fire together, `seconds` from now: the votes are split.

        By default, they fire when the first of them would. Leaders have none; nodes that are down or frozen are
        left out; a heartbeat sets a timer anew, as always. Return when each fires, in cluster time.
        """
        return self._set_timers(seconds, 0.0)

    def spread_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Set the election timers to fire well apart, the first of them `seconds` from now: that node wins.

        By default, it fires when it would anyway. They are as far apart as the election timeouts allow, at least
        twice the longest delay. Returns and leaves out as `align_timers` does.
        """
        raft, others = self.config.raft, max(len(self._awaiting()) - 1, 1)
        return self._set_timers(
            seconds, max((raft.election_max - raft.election_min) / others, 2 * self.config.delay_max)
        )

    def _set_timers(self, seconds: float | None, apart: float) -> dict[int, float]:
        """Set the election timers to fire in their present order, each `apart` after the one before."""
        servers = self._awaiting()
        if seconds is not None:
            first = self._backend.now() + check_duration(arguments.number(seconds, "seconds must be a number"))
        else:
            first = min((server.cm.deadline for server in servers), default=0.0)
        deadlines = {server.id: first + apart * place for place, server in enumerate(servers)}
        for server in servers:
            server.set_timer(deadlines[server.id])
        return deadlines

    def _awaiting(self) -> list[Server]:
        """Return the servers whose election timers run, the one whose timer fires first at the front."""
        running = [s for s in self.servers if not (s.stopped or s.frozen or s.is_leader())]
        return sorted(running, key=lambda server: server.cm.deadline)

    def _running(self, id: int) -> Server:
        """Return the server of node `id`. Raises `UsageError` when it is down."""
        server = self.server(id)
        if server.stopped:
            raise UsageError(f"node {server.id} is down")
        return server

    # ---- links

    def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """Split the nodes into groups that cannot reach each other."""
        self.tell(facts.Partitioned(self.network.partition(groups)))

    def heal(self) -> int:
        """Restore all links: remove groups, cuts, loss, delay and duplicates (disconnected nodes stay so).

        Release held links and messages too; return how many of the messages arrive.
        """
        self.network.heal()
        self.tell(facts.Healed())
        for src, dst in self.flights.held_links:
            self.tell(facts.LinkHeld(src, dst, False))
        return self.flights.release_all()

    def cut(self, src: int, dst: int) -> None:
        """Cut the link from `src` to `dst`; the other direction stays (an asymmetric partition)."""
        self._set_faults(src, dst, replace(self._faults(src, dst), cut=True))

    def join(self, src: int, dst: int) -> None:
        """Undo `cut`."""
        self._set_faults(src, dst, replace(self._faults(src, dst), cut=False))

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
        faults = self._faults(src, dst)
        changed = replace(
            faults,
            loss=faults.loss if loss is None else loss,
            delay=faults.delay if delay is None else delay,
            dup=faults.dup if dup is None else dup,
        )
        self._set_faults(src, dst, changed)

    def clear_link(self, src: int, dst: int) -> None:
        """Remove all faults from one direction of a link, a cut included."""
        self._check_link(src, dst)
        self._set_faults(src, dst, LinkFaults())

    def _faults(self, src: int, dst: int) -> LinkFaults:
        self._check_link(src, dst)
        return self.network.faults(src, dst)

    def _set_faults(self, src: int, dst: int, faults: LinkFaults) -> None:
        self.network.set_faults(src, dst, faults)
        self.tell(facts.LinkChanged(src, dst, faults.cut, faults.loss, faults.delay, faults.dup))

    def _check_link(self, src: int, dst: int) -> None:
        """Raise `UsageError` unless `src` and `dst` are two different nodes."""
        self.server(src)
        self.server(dst)
        if src == dst:
            raise UsageError(f"node {src} has no link to itself")

    # ---- single messages

    def hold(self, src: int, dst: int) -> None:
        """Keep all messages from `src` to `dst`, requests and replies, in flight until they are released."""
        self._check_link(src, dst)
        self.flights.hold(src, dst)
        self.tell(facts.LinkHeld(src, dst, True))

    def hold_message(self, id: int) -> None:
        """Keep message `id` in flight until it is released. Raises `UsageError` when it is not in flight."""
        flight = self.flights.get(id)
        if flight.due is not None:
            self.flights.hold_one(id)
            self.tell(facts.MessageHeld(flight.call_id, flight.src, flight.dst, flight.message))

    def release_message(self, id: int) -> str | None:
        """Deliver the held message `id`; return why it is lost, or None. Raises `UsageError` if it is not held."""
        return self.flights.release_one(id)

    def release(self, src: int, dst: int) -> int:
        """Undo `hold` and deliver what was held, in order; return how many messages arrive (a cut loses them)."""
        return self.release_links([(src, dst)])

    def release_links(self, links: Collection[tuple[int, int]]) -> int:
        """Undo `hold` of all these links (source, destination) first; then deliver what was held, in order.

        Return how many messages arrive. What is sent meanwhile is not held, and is delayed as usual.
        """
        for src, dst in links:
            self._check_link(src, dst)
        for src, dst in links:
            self.tell(facts.LinkHeld(src, dst, False))
        return self.flights.release(*links)

    def deliver(self, id: int) -> str | None:
        """Deliver message `id` now; return why it is lost (for example a cut), or None.

        Raises `UsageError` when it is not in flight.
        """
        return self.flights.deliver(id)

    def lose(self, id: int) -> None:
        """Drop message `id`. Raises `UsageError` when it is not in flight."""
        self.flights.lose(id)

    def duplicate(self, id: int) -> str | None:
        """Deliver a copy of message `id` now; return why the copy is lost, or None.

        Raises `UsageError` when the message is not in flight.
        """
        return self.flights.duplicate(id)

    # ---- events, failures, and the end

    def tell(self, fact: facts.Fact, node: int = -1) -> None:
        """Publish a fact about a node, or about the cluster (-1)."""
        if self.stream.active:
            self.stream.publish(node, self._incarnations[node] if node >= 0 else 0, fact)

    def watch(self) -> None:
        """Publish decisions while the stream has readers."""
        for server in self.servers:
            server.watch()

    def stop_all(self) -> None:
        """Stop all servers and close the disks, whatever fails meanwhile."""
        self.flights.clear()
        with ExitStack() as last:
            last.callback(self.close_files)
            for server in reversed(self.servers):
                last.callback(server.stop)

    @property
    def holds_files(self) -> bool:
        """Tell whether the disks are files of a data directory."""
        return self._opened is not None

    def close_files(self) -> None:
        """Close the data directory, if there is one; safe to call twice."""
        if self._opened is not None:
            self._opened.close()

    # ---- its state

    def snapshot(self) -> Snapshot:
        """Return everything that a screen shows, at this moment. Takes the lock."""
        with self._backend.lock:
            return Snapshot(
                time=self._backend.now(),
                backend=self._backend.name,
                seed=self.seed,
                speed=self._backend.speed,
                paused=self._backend.paused,
                nodes=tuple(map(self._node_snapshot, self.servers)),
                groups=self.network.groups,
                faulty_links=tuple(sorted(self.network.faulty_links.items())),
                held_links=self.flights.held_links,
                bugs=self.config.bugs,
                node=self.config.node_name,
                rules=module_with(self.config.bugs, self.config.node).rules,
                timings=Timings.of(self.config),
            )

    def _node_snapshot(self, server: Server) -> NodeSnapshot:
        id = server.id
        return node_snapshot(
            server,
            self._kept[id],
            connected=self.connected[id],
            commits=Prefix(self.commits[id]),
            crash_cause=self.crash_causes[id],
            wiped=self.wiped[id],
            hardware=self.hardware[id],
        )
