"""The attributes of a Harness, all of which read the parts of a running cluster.

The rule of this module: nothing here acts, and no time passes.
"""

import os

from raftplay.backends.base import Backend
from raftplay.cluster.cluster import Cluster
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flights
from raftplay.cluster.hardware import Hardware
from raftplay.cluster.network import Network
from raftplay.cluster.running import Running
from raftplay.cluster.server import Server
from raftplay.cluster.waits import Waits
from raftplay.kv.clients import Clients
from raftplay.raft.messages import CommitEntry
from raftplay.raft.storage import Storage
from raftplay.watch.invariants import Breach, Invariants
from raftplay.watch.stream import Stream


class Attributes:
    """The attributes of a Harness, of the cluster that `_running` returns."""

    # ---- its parts

    @property
    def _running(self) -> Running:
        """Return the cluster on which every method acts."""
        raise NotImplementedError

    @property
    def _backend(self) -> Backend:
        return self._running.backend

    @property
    def _members(self) -> Cluster:
        return self._running.members

    @property
    def _waits(self) -> Waits:
        return self._running.waits

    @property
    def n(self) -> int:
        """Return the number of nodes."""
        return self._running.n

    @property
    def seed(self) -> int:
        """Return the seed of every random choice."""
        return self._running.seed

    @property
    def config(self) -> Config:
        """Return the timings and options of the cluster, as they are now."""
        return self._members.config

    @property
    def data_dir(self) -> str | os.PathLike[str] | None:
        """Return the directory that keeps the disks, None if there is none."""
        return self._running.data_dir

    @property
    def stream(self) -> Stream:
        """Return the stream of events, to which readers attach."""
        return self._running.stream

    @property
    def invariants(self) -> Invariants | None:
        """Return what checks the invariants; None if none is watched."""
        return self._running.invariants

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

    @property
    def clients(self) -> Clients:
        """Return the clients, with the history of what they saw; `h.clients.verdict()` checks it."""
        return self._members.clients

    @property
    def backend(self) -> str:
        """Return the backend's name: "tcp" or "sim"."""
        return self._backend.name

    @property
    def now(self) -> float:
        """Return the cluster time in seconds, from 0 at the start."""
        backend = self._backend
        with backend.lock:
            return backend.now()

    @property
    def speed(self) -> float:
        """Return the seconds of cluster time per second of wall time; 1 gives the Go reference's timings."""
        return self._backend.speed

    @property
    def paused(self) -> bool:
        """Tell whether cluster time is paused."""
        return self._backend.paused

    # ---- its transport

    @property
    def open_work(self) -> tuple[int, int]:
        """Return the number of unfinished tasks, and of open ends of connections; zeros without sockets."""
        return self._backend.open_work

    @property
    def secret(self) -> bytes:
        """Return the secret by which its nodes know their peers; empty without sockets."""
        return self._backend.secret

    @property
    def breach(self) -> Breach | None:
        """Return the first violation of an invariant, or None."""
        return self.invariants.breaches[0] if self.invariants is not None and self.invariants.breaches else None
