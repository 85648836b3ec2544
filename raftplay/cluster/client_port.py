"""The way of clients to the nodes: to each over a connection of its own, which no fault between nodes touches."""

from collections.abc import Callable, Mapping
from functools import partial

from raftplay.backends.base import Backend, Handle
from raftplay.cluster.server import Server
from raftplay.kv.clients import OperationCall
from raftplay.kv.commands import Open, Result, read_command, written
from raftplay.kv.machine import KeyValueStore
from raftplay.raft.commands import holds_command, own_copy
from raftplay.raft.messages import NONE, CommitEntry
from raftplay.watch import client_facts

TellOutcome = Callable[[int, int, object, object], None]
"""Takes the result of the command at an index of a node's log: node, index, command, result."""


class ClientPort:
    """The `Port` of the clients of a cluster of `nodes` nodes; `server` gives that of a node.

    `answer` is called with a result before the command is applied, if the node's rules say so; `tell` with facts.
    """

    def __init__(
        self,
        nodes: int,
        server: Callable[[int], Server],
        backend: Backend,
        answer: TellOutcome,
        tell: Callable[[client_facts.ClientEvent], None],
    ) -> None:
        self.nodes = nodes
        self._server = server
        self._backend = backend
        self._answer = answer
        self._tell = tell

    def now(self) -> float:
        """Return cluster time in seconds."""
        return self._backend.now()

    def later(self, delay: float, function: Callable[[], None]) -> Handle:
        """Call `function` after `delay` seconds of cluster time."""
        return self._backend.call_later(delay, function)

    def submit(self, node: int, command: object) -> int | None:
        """Submit a command: its index, -1 if the node does not lead, None if its process is paused."""
        server = self._server(node)
        if server.frozen:
            return None
        index = server.submit(command)
        if index != NONE and server.cm.rules.may_answer(index, server.cm.last_applied):
            result = _result_before_it_is_applied(server, command, index)
            self._backend.call_later(0.0, partial(self._answer, node, index, command, result))
        return index

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

    def denies(self, node: int, index: int, command: object) -> bool:
        """Return whether a node that does not lead says that the command it had at `index` was not done."""
        server = self._server(node)
        if server.frozen or server.stopped or server.is_leader():
            return False
        log = server.cm.log
        is_in_log = log.base_index < index <= log.last_index and holds_command(log[index], command)
        return is_in_log and server.cm.rules.may_deny(is_in_log)

    def begun(self, call: OperationCall) -> None:
        """Tell that a client begins an operation."""
        self._tell(client_facts.ClientCalled(call.number, call.client, written(call.request)))

    def asked(self, call: OperationCall, command: object, index: int) -> None:
        """Tell that the client asked the node `call.asked`, which has its command at `index`; -1: it refused."""
        self._tell(client_facts.ClientAsked(call.number, call.client, call.asked, command, index))

    def over(self, call: OperationCall) -> None:
        """Tell that an operation of a client has ended."""
        result = call.result or Result("ok")
        told = call.number, call.client, written(call.request), str(call.ending), call.why
        self._tell(client_facts.ClientTold(*told, result.value, result.found))

    def changed(self) -> None:
        """Wake waits, which look at what clients know now."""
        self._backend.changed()


def _result_before_it_is_applied(server: Server, command: object, index: int) -> object:
    """Return the result that a command at `index` would have now, as far as the node knows."""
    known, machine = read_command(command), server.machine
    if known is None or not isinstance(machine, KeyValueStore):
        return None
    return index if isinstance(known, Open) else machine.would_be(known)


def applied_fact(entry: CommitEntry, result: object) -> client_facts.RequestApplied | None:
    """Return what is told of a command that a store applied; None if it is not for a store."""
    if isinstance(result, Result):
        told = str(result.outcome), result.value, result.found, result.again
        return client_facts.RequestApplied(entry.index, entry.command, *told)
    if type(result) is int and isinstance(read_command(entry.command), Open):
        return client_facts.RequestApplied(entry.index, entry.command, "ok", result)
    return None


NOTHING: Mapping[str, object] = {}
"""The values of a store that has none."""


def values_of(machine: object) -> Mapping[str, object]:
    """Return the values of a store by key; none of another state machine."""
    return machine.values if isinstance(machine, KeyValueStore) else NOTHING
