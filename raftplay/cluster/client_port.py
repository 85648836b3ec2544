"""The way of clients to the nodes: to each over a connection of its own, which no fault between nodes touches."""

from collections.abc import Callable

from raftplay.backends.base import Backend
from raftplay.cluster.server import Server
from raftplay.kv.commands import Result
from raftplay.kv.machine import KeyValueStore
from raftplay.raft.commands import own_copy
from raftplay.raft.messages import NONE


class ClientPort:
    """The `Port` of the clients of a cluster of `nodes` nodes; `server` gives that of a node."""

    def __init__(self, nodes: int, server: Callable[[int], Server], backend: Backend) -> None:
        self.nodes = nodes
        self._server = server
        self._backend = backend

    def now(self) -> float:
        """Return cluster time in seconds."""
        return self._backend.now()

    def later(self, delay: float, function: Callable[[], None]) -> None:
        """Call `function` after `delay` seconds of cluster time."""
        self._backend.call_later(delay, function)

    def submit(self, node: int, command: object) -> int | None:
        """Submit a command: its index, -1 if the node does not lead, None if its process is paused."""
        server = self._server(node)
        return None if server.frozen else server.submit(command)

    def read(self, node: int, key: str) -> Result | None:
        """Read a key from the store of a node as it is; None if its process is paused, or has no such store."""
        server = self._server(node)
        machine = server.machine
        if server.frozen or not isinstance(machine, KeyValueStore):
            return None
        return Result("ok", own_copy(machine.values.get(key)), key in machine.values)

    def read_index(self, node: int, key: str, answer: Callable[[Result | None], None]) -> None:
        """Read a key at a node as `set reads index` says; None if it cannot answer. A paused process waits."""
        self._server(node).read(lambda index: answer(None if index == NONE else self.read(node, key)))

    def is_up(self, node: int) -> bool:
        """Return whether the node runs, paused or not."""
        return not self._server(node).stopped

    def leader_known_to(self, node: int) -> int:
        """Return the leader that a running node follows, or -1."""
        server = self._server(node)
        return NONE if server.frozen or server.stopped else server.cm.leader_id

    def changed(self) -> None:
        """Wake waits, which look at what clients know now."""
        self._backend.changed()
