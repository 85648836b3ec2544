"""Cluster: the servers of one cluster, their disks, and the actions on them.

The rule of this module: everything runs inside the backend, one action at a time; each action is published once
to the stream of events. `Harness` makes a method for users of each method with a name of its own.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from raftplay.backends.base import Backend
from raftplay.cluster import arguments, debug
from raftplay.cluster.client_port import ClientPort, applied_fact, values_of
from raftplay.cluster.config import Config
from raftplay.cluster.failures import Failures
from raftplay.cluster.hardware_actions import HardwareActions
from raftplay.cluster.link_actions import LinkActions
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.raised import NodeRaised
from raftplay.cluster.server import DiskState, Server
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot, node_snapshot
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.disk import FAILED_BY_HAND, Disk, MemoryDisk
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.cluster.timer_actions import TimerActions
from raftplay.cluster.timings import Timings
from raftplay.errors import UsageError
from raftplay.kv.clients import ClientOptions, Clients
from raftplay.kv.machine import KeyValueStore
from raftplay.raft.bugs import module_with
from raftplay.raft.messages import NONE, CommitEntry
from raftplay.raft.prefix import Prefix, base_of, kept_of
from raftplay.raft.storage import MapStorage, Storage, StorageError
from raftplay.watch import client_facts, facts
from raftplay.watch.stream import Stream

EMPTY: DiskState = (0, NONE, ())
"""The contents of a disk to which nothing was ever written."""


class Cluster(HardwareActions, TimerActions, LinkActions):
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
        super().__init__(n, backend, stream, config=config, seed=seed)
        self.commits: list[list[CommitEntry]] = [[] for _ in range(n)]
        self.connected = [False] * n
        self.wiped = [False] * n
        self.crash_causes = [""] * n
        self.failures = Failures(backend, stream)
        self._state_machine = state_machine
        self._clients: Clients | None = None
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
            backend=self.backend,
            network=self.network,
            flights=self.flights,
            config=self.config,
            seed=str(self.seed),
            stream=self.stream,
            incarnation=incarnation,
            commits=self.commits[id],
            on_restore=partial(self._restored, id),
            on_commits=partial(self._applied, id, incarnation),
            on_crash=self._must_crash,
            on_late_write=self._late_write,
            state_machine=self._state_machine or self._store_of(id),
            hardware=self.hardware[id],
        )

    # ---- clients

    @property
    def clients(self) -> Clients:
        """Return the clients of the cluster; its first use makes them."""
        if self._clients is None:
            port = ClientPort(self.n, self.server, self.backend, self._answer_clients, self.tell)
            self._clients = Clients(port, self.config.clients)
        return self._clients

    def _store_of(self, id: int) -> MachineFactory:
        """Return what makes the store of node `id`, which asks the rules of its node and knows its clock."""
        rules = module_with(self.config.bugs, self.config.node).rules
        return lambda: KeyValueStore(rules=rules, clock=lambda: self.backend.now() * self.hardware[id].rate)

    def _applied(self, id: int, incarnation: int, commits: list[CommitEntry]) -> None:
        """Tell of what the store of node `id` did, and answer its clients; a dead process answers nobody."""
        if incarnation != self.incarnations[id]:
            return
        results = self.servers[id].results
        if results.count(None) == len(results):
            return
        for entry, result in zip(commits, results, strict=True):
            if self.stream.active and (fact := applied_fact(entry, result)) is not None:
                self.tell(fact, id)
            self._answer_clients(id, entry.index, entry.command, result)

    def _answer_clients(self, id: int, index: int, command: object, result: object) -> None:
        if self._clients is not None:
            self._clients.applied(id, index, command, result)

    def _restored(self, id: int, commits: list[CommitEntry]) -> None:
        """Note that node `id` goes on from a snapshot, which `commits` led to."""
        self.commits[id] = commits
        if values := values_of(self.servers[id].machine):
            self.tell(client_facts.StoreRestored(tuple(values.items())), id)

    # ---- faults and repairs

    def crash_peer(self, id: int) -> None:
        """Crash node `id`: disconnect and stop it. Its storage stays, its collected commits are forgotten.

        A node that is down stays down.
        """
        self._crash(self.server(id))

    def _crash(self, server: Server, cause: str = "") -> None:
        """Crash `server`, whose disk or code failed for `cause`, if it did."""
        id = server.id
        if server.stopped:
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
            if self.hardware[id].fails:
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
        server = self._new_server(id, self.incarnations[id] + 1)
        self.incarnations[id] += 1
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
        self.running(id).disk.tear_after(sets)
        self.tell(facts.Tearing(sets), id)

    def set_option(self, name: str, on: bool | int) -> None:
        """Switch an option of all nodes while they run, and of those that are restarted later, as `set` does.

        `name` is prevote, checkquorum, sticky, noop, more-reelection or unreliable; or snapshot, with the number
        of applied entries after which a node takes one (0: never by itself). Raises `UsageError`.
        """
        self.config = self.config.switched(name, on)
        self.tell(facts.OptionChanged(name, on))
        for server in self.servers:
            server.configure(self.config)

    def set_client_options(self, options: ClientOptions) -> None:
        """Change how requests of clients that begin from now on are handled; reads by lease concern all nodes."""
        before, self.config = self.config.raft, replace(self.config, clients=options).settled()
        if self.config.raft.lease is not before.lease:
            self.tell(facts.OptionChanged("lease", self.config.raft.lease))
        for server in self.servers:
            server.configure(self.config)
        self.clients.options = options

    def _must_crash(self, id: int, cause: str, failure: NodeRaised | None) -> None:
        """Crash node `id`, whose disk or (with `failure`) code failed for `cause`; "": a torn write or a stop."""
        self._crash(self.servers[id], cause)
        if failure is not None:
            self.failures.nodes.append(failure)
        elif cause and cause != FAILED_BY_HAND:
            self.failures.disks.append(StorageError(f"node {id} crashed at {self.backend.now():.3f} s: {cause}"))

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
        server = self.running(id)
        server.freeze()
        self.tell(facts.Frozen(), server.id)

    def thaw_peer(self, id: int) -> None:
        """Resume the process of node `id`; it handles what arrived meanwhile."""
        server = self.running(id)
        self.tell(facts.Thawed(), server.id)
        server.thaw()

    def compact_peer(self, id: int) -> int:
        """Make node `id` take a snapshot: it compacts its log up to the last entry that it has applied (§7).

        Return the index of that entry, or -1 if the node has nothing to compact, or is paused. Raises `UsageError`
        when it is down.
        """
        return self.running(id).take_snapshot()

    def transfer_leadership(self, id: int, target: int | None = None) -> int:
        """Make the leader `id` begin to hand its leadership over to `target` (thesis §3.10); return the target.

        By default, the target is the connected node that has the most of the leader's log. Return -1 if the node
        does not lead or is frozen, or if there is no such node. The leader takes no commands until the target
        leads, or for an election timeout.
        """
        server = self.running(id)
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

    # ---- events, failures, and the end

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
        with self.backend.lock:
            return Snapshot(
                time=self.backend.now(),
                backend=self.backend.name,
                seed=self.seed,
                speed=self.backend.speed,
                paused=self.backend.paused,
                nodes=tuple(map(self._node_snapshot, self.servers)),
                groups=self.network.groups,
                faulty_links=tuple(sorted(self.network.faulty_links.items())),
                held_links=self.flights.held_links,
                held_kinds=self.flights.holding.kinds,
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
