"""Cluster: the servers of one cluster, their disks, and the actions on them.

The rule of this module: everything runs inside the backend, one action at a time; each action is published once
to the stream of events. Users reach it through `Harness`.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from raftplay.backends.base import Backend
from raftplay.cluster import arguments, debug
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flights
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.network import LinkFaults, Network
from raftplay.cluster.raised import FAILURES, NodeRaised
from raftplay.cluster.server import Kept, Server
from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.cluster.storage.disk import Disk, MemoryDisk
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.errors import UsageError
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, CMState, CommitEntry
from raftplay.raft.prefix import Prefix
from raftplay.raft.storage import MapStorage, Storage, StorageError
from raftplay.watch import facts
from raftplay.watch.stream import Stream

EMPTY: Kept = (0, NONE, ())
"""The contents of a disk to which nothing was ever written."""


class Cluster:
    """The `n` servers over `backend`, one for each of `storages`; `opened` is their data directory, if any.

    Lists by node: `storage`, `commits` (collected since its start), `connected`, `alive`, `wiped` and
    `crash_causes` (the failure of its disk or code that crashed it; else ""). `disk_failures` and `code_failures`
    are not raised yet.
    """

    def __init__(
        self,
        storages: Sequence[Storage],
        backend: Backend,
        stream: Stream,
        *,
        config: Config,
        seed: int,
        opened: DataDir | None = None,
        state_machine: MachineFactory | None = None,
    ) -> None:
        self.n = n = len(storages)
        self.config = config
        self.seed = seed
        self.stream = stream
        self.storage: list[Storage] = list(storages)
        self.commits: list[list[CommitEntry]] = [[] for _ in range(n)]
        self.connected = [False] * n
        self.wiped = [False] * n
        self.crash_causes = [""] * n
        self.disk_failures: list[StorageError] = []
        self.code_failures: list[NodeRaised] = []
        self.servers: list[Server] = []
        self.network = Network(range(n), random.Random(f"{seed} network"))
        self.flights = Flights(backend)
        self._backend = backend
        self._opened = opened
        self._state_machine = state_machine
        self._incarnations = [0] * n
        self._kept = [EMPTY] * n

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
                self.crash(server)
                self.tell(facts.Wiped(), server.id)
            else:
                self.reconnect(server, tell=False)
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
            on_commits=self.commits[id].extend,
            on_crash=self._must_crash,
            on_late_write=self._late_write,
            state_machine=self._state_machine,
        )

    def crash(self, server: Server, cause: str = "") -> None:
        """Disconnect and stop `server`; keep its storage, not its commits. `cause`: how disk or code failed."""
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
            self.crash_causes[id] = cause
            self.tell(facts.Crashed(cause), id)

    def _keep(self, server: Server) -> None:
        """Remember the disk of a crashed node; publish it if the events of its writes do not tell it all."""
        kept = self._kept[server.id] = server.on_disk()
        if not server.writes_tell_all:
            self.tell(facts.OnDisk(*kept), server.id)

    def _late_write(self, id: int) -> None:
        """Remember the disk again: a process of node `id` that had crashed wrote to it."""
        if self.servers[id].stopped and not self.wiped[id]:
            self._keep(self.servers[id])

    def check_restart(self, id: int) -> None:
        """Raise the `UsageError` that `restart` would raise."""
        if self.server(id).stopped is False:
            raise UsageError(f"node {id} is alive; only a crashed node can be restarted")
        if self.wiped[id]:
            raise UsageError(f"node {id} has lost its disk, and its votes with it: it must not come back")

    def restart(self, id: int) -> None:
        """Start a new, connected server over the old storage. Raises `UsageError` and `StorageError`."""
        self.check_restart(id)
        disk = self.storage[id]
        if isinstance(disk, SqliteStorage):
            disk.reopen()
        server = self._new_server(id, self._incarnations[id] + 1)
        self._incarnations[id] += 1
        self.servers[id] = server
        self.crash_causes[id] = ""
        self.tell(facts.Restarted(), id)
        self.reconnect(server, tell=False)
        server.serve()

    def tear(self, server: Server, sets: int) -> None:
        """Make `server` crash in its next write, after `sets` parts of it."""
        self._check_alive(server)
        server.disk.tear_after(sets)
        self.tell(facts.Tearing(sets), server.id)

    def _must_crash(self, id: int, cause: str, failure: NodeRaised | None) -> None:
        """Crash node `id`, whose disk or (with `failure`) code failed for `cause`; "": a torn write or a stop."""
        self.crash(self.servers[id], cause)
        if failure is not None:
            self.code_failures.append(failure)
        elif cause:
            self.disk_failures.append(StorageError(f"node {id} crashed at {self._backend.now():.3f} s: {cause}"))

    def wipe(self, server: Server) -> None:
        """Crash `server` and empty its storage."""
        self.crash(server)
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

    def disconnect(self, server: Server) -> None:
        """Cut `server` off from all others, in both directions."""
        server.disconnect_all()
        self._leave(server)
        self.tell(facts.Disconnected(), server.id)

    def _leave(self, server: Server) -> None:
        """Close the connections of the others to `server`; its own connections stay as they are."""
        self.connected[server.id] = False
        for peer in self.servers:
            if peer is not server and not peer.stopped:
                peer.disconnect_peer(server.id)

    def reconnect(self, server: Server, *, tell: bool = True) -> None:
        """Connect `server`, in both directions, to all nodes that are not cut off. Raises `UsageError`."""
        if server.stopped:
            raise UsageError(f"node {server.id} is down; restart it instead")
        self.connected[server.id] = True
        for peer in self.servers:
            if peer is not server and self.connected[peer.id]:
                server.connect_to_peer(peer.id, peer.listen_addr)
                peer.connect_to_peer(server.id, server.listen_addr)
        if tell:
            self.tell(facts.Reconnected(), server.id)

    def drop(self, server: Server, n: int) -> None:
        """Make outgoing RPCs of `server` fail after the next `n`; -1 = none fails."""
        server.proxy.drop_calls_after_n(n)
        self.tell(facts.Dropping(server.proxy.calls_left), server.id)

    def freeze(self, server: Server) -> None:
        """Pause the process of `server`."""
        self._check_alive(server)
        server.freeze()
        self.tell(facts.Frozen(), server.id)

    def thaw(self, server: Server) -> None:
        """Resume the process of `server`."""
        self._check_alive(server)
        self.tell(facts.Thawed(), server.id)
        server.thaw()

    def time_out(self, server: Server) -> None:
        """Fire the election timer of `server` now."""
        self._check_alive(server)
        self.tell(facts.TimedOut(), server.id)
        server.time_out()

    def set_timers(self, first: float, apart: float) -> dict[int, float]:
        """Let the election timers fire from `first` on, each `apart` after the one before, in their present order.

        Leave out leaders, and nodes that are down or frozen. Return the time at which each fires, in that order.
        """
        deadlines = {server.id: first + apart * k for k, server in enumerate(self.awaiting())}
        for id, deadline in deadlines.items():
            self.servers[id].set_timer(deadline)
        return deadlines

    def awaiting(self) -> list[Server]:
        """Return the servers whose election timers run, the one whose timer fires first at the front."""
        running = [s for s in self.servers if not (s.stopped or s.frozen or s.is_leader())]
        return sorted(running, key=lambda server: server.cm.deadline)

    def _check_alive(self, server: Server) -> None:
        if server.stopped:
            raise UsageError(f"node {server.id} is down")

    def change_link(self, src: int, dst: int, change: Callable[[LinkFaults], LinkFaults]) -> None:
        """Change the faults of one direction of a link."""
        faults = change(self.network.faults(src, dst))
        self.network.set_faults(src, dst, faults)
        self.tell(facts.LinkChanged(src, dst, faults.cut, faults.loss, faults.delay, faults.dup))

    def check_link(self, src: int, dst: int) -> None:
        """Raise `UsageError` unless `src` and `dst` are two different nodes."""
        self.server(src)
        self.server(dst)
        if src == dst:
            raise UsageError(f"node {src} has no link to itself")

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

    def node_snapshot(self, server: Server) -> NodeSnapshot:
        """Return all that a screen shows of one node; a blank state if the node's code has damaged its own."""
        try:
            return self._snapshot_of(server, server.cm)
        except FAILURES:
            blank = ConsensusModule(server.id, server.peer_ids, MapStorage())
            blank.state = CMState.DEAD
            return self._snapshot_of(server, blank)

    def _snapshot_of(self, server: Server, cm: ConsensusModule) -> NodeSnapshot:
        id = server.id
        numbers = (cm.current_term, cm.voted_for, cm.commit_index, cm.last_applied, cm.leader_id)
        if not (isinstance(cm.state, CMState) and all(isinstance(number, int) for number in numbers)):
            raise TypeError("a node's state is not what Figure 2 says")
        alive = not server.stopped
        current_term, voted_for, log = (cm.current_term, cm.voted_for, cm.log.view()) if alive else self._kept[id]
        return NodeSnapshot(
            id=id,
            state=cm.state,
            current_term=current_term,
            voted_for=voted_for,
            log=log,
            commit_index=cm.commit_index if alive else NONE,
            last_applied=cm.last_applied if alive else NONE,
            next_index=tuple(cm.next_index.items()) if alive else (),
            match_index=tuple(cm.match_index.items()) if alive else (),
            votes=tuple(cm.votes) if alive else (),
            leader_id=cm.leader_id if alive else NONE,
            deadline=cm.deadline,
            alive=alive,
            connected=self.connected[id],
            frozen=server.frozen,
            calls_left=server.proxy.calls_left,
            tearing=alive and server.disk.armed,
            incarnation=server.incarnation,
            listen_addr=server.listen_addr,
            commits=Prefix(self.commits[id]),
            crash_cause=self.crash_causes[id],
            wiped=self.wiped[id],
        )
