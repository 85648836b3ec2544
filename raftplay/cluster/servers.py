"""Servers: the servers of a cluster, found by number, and what all actions on them share."""

import random

from raftplay.backends.base import Backend
from raftplay.cluster import arguments
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flights
from raftplay.cluster.hardware import USUAL
from raftplay.cluster.network import Network
from raftplay.cluster.server import Server
from raftplay.errors import UsageError
from raftplay.watch import facts
from raftplay.watch.stream import Stream


class Servers:
    """The `n` servers over `backend`, the links between them and the messages in flight.

    `Cluster` is this with all actions: those of hardware_actions.py, timer_actions.py and link_actions.py,
    and those on whole nodes.
    """

    def __init__(self, n: int, backend: Backend, stream: Stream, *, config: Config, seed: int) -> None:
        self.n = n
        self.config = config
        self.seed = seed
        self.stream = stream
        self.backend = backend
        self.servers: list[Server] = []
        self.hardware = [USUAL] * n
        self.incarnations = [0] * n
        self.network = Network(range(n), random.Random(f"{seed} network"))
        self.flights = Flights(backend)

    def server(self, id: int) -> Server:
        """Return the server of node `id`. Raises `UsageError`."""
        if type(id) is not int:
            id = arguments.whole(id, "a node is named by its number")
        if not 0 <= id < self.n:
            raise UsageError(f"there is no node {id}; the nodes are 0 to {self.n - 1}")
        return self.servers[id]

    def running(self, id: int) -> Server:
        """Return the server of node `id`. Raises `UsageError` when it is down."""
        server = self.server(id)
        if server.stopped:
            raise UsageError(f"node {server.id} is down")
        return server

    def tell(self, fact: facts.Fact, node: int = -1) -> None:
        """Publish a fact about a node, or about the cluster (-1)."""
        if self.stream.active:
            self.stream.publish(node, self.incarnations[node] if node >= 0 else 0, fact)
