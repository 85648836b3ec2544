"""Clients of the store: they find the leader, try again, and give up without knowing what became of a request.

The rule of this module: clients see only what nodes tell them. They reach nodes through a `Port`; what happens
later comes in through `applied`, and through calls that they asked the port for. Every operation is kept for the
check of linearizability, as the client saw it.

A request belongs to a session (thesis §6.3), so that trying again cannot apply it twice; without sessions it can,
and the store shows it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol, TypeAlias

from msgspec.structs import replace

from raftplay.errors import UsageError
from raftplay.kv.commands import NO_SESSION, Append, Cas, Get, KeyRequest, Open, Put, Result, StoreCommand, written
from raftplay.linearizability.operations import ClientAnswer, Operation, OperationKind, json_of
from raftplay.linearizability.search import STATES, HistoryVerdict, check
from raftplay.linearizability.timeline import value_text

PATIENCE = 2.0
"""The seconds of cluster time that a client waits for an answer in all, before it gives up."""

ANSWER_WITHIN = 0.5
"""The seconds of cluster time that a client waits for one node's answer before it asks another."""

PAUSE = 0.05
"""The seconds of cluster time that a client waits before it asks again, when no node knows a leader."""

NO_INDEX = -1
"""The index of a command that is in no log."""

CallEnding: TypeAlias = Literal["ok", "no", "unknown", "refused"]
"""The end as a client knows it: done; not done, because of the value; it may be done or not; certainly not."""


READS = ("log", "index", "lease", "local")
"""The ways to read: through the log; from the store of the node that is asked, once it knows that it is not out of
date, by a round of messages or by a lease (thesis §6.4); or from that store as it is."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The options of clients: whether requests belong to `sessions`, and how they read (one of `READS`).

    Raises `UsageError` for other values.
    """

    sessions: bool = True
    reads: str = "log"

    def __post_init__(self) -> None:
        if not isinstance(self.sessions, bool):
            raise UsageError(f"sessions must be True or False, not {self.sessions!r}")
        if self.reads not in READS:
            raise UsageError(f"reads must be one of {', '.join(READS)}, not {self.reads!r}")

    @property
    def unusual(self) -> dict[str, str]:
        """Return the options that are not as usual, by their names in `set`."""
        options = {} if self.sessions else {"sessions": "off"}
        return options | ({} if self.reads == READS[0] else {"reads": self.reads})


class Pending(Protocol):
    """A call that a port will make later."""

    def cancel(self) -> None:
        """Cancel the call; nothing happens if it was made already."""


class Port(Protocol):
    """The parts of a cluster that clients use. Times are seconds of cluster time; calls are made inside it."""

    @property
    def nodes(self) -> int:
        """Return the number of nodes."""

    def now(self) -> float:
        """Return cluster time."""

    def later(self, delay: float, function: Callable[[], None]) -> Pending:
        """Call `function` after `delay`."""

    def submit(self, node: int, command: object) -> int | None:
        """Submit a command: its index, -1 if the node does not lead, None if it does not answer now."""

    def read(self, node: int, key: str) -> Result | None:
        """Read a key from the store of a node as it is; None if it does not answer now."""

    def read_index(self, node: int, key: str, answer: Callable[[Result | None], None]) -> None:
        """Read a key from the store of a node once that is surely up to date; None if the node cannot answer."""

    def is_up(self, node: int) -> bool:
        """Return whether the node's process exists: a connection to one that does not is refused at once."""

    def leader_known_to(self, node: int) -> int:
        """Return the leader that the node would name, or -1."""

    def denies(self, node: int, index: int, command: object) -> bool:
        """Return whether a node that does not lead says that the command it had at `index` was not done."""

    def changed(self) -> None:
        """Wake waits, which look at what clients know now."""

    # what is told of clients

    def begun(self, call: "OperationCall") -> None:
        """Tell that a client begins an operation."""

    def asked(self, call: "OperationCall", command: object, index: int) -> None:
        """Tell that the client asked the node `call.asked`, which has its command at `index`; -1: it refused."""

    def over(self, call: "OperationCall") -> None:
        """Tell that an operation of a client has ended."""


@dataclass(slots=True, eq=False)
class OperationCall:
    """One operation of a client, from its call to its end; `result` is what the store said, if it did."""

    number: int
    """Its place among all calls, from 1 on."""

    client: str
    request: KeyRequest
    began: float
    node: int = NO_SESSION
    """The only node that is asked; -1 for whichever leads."""

    ending: CallEnding | None = None
    ended: float = math.inf
    result: Result | None = None
    step: int = 0
    """Its place among all calls and ends: two at one instant of cluster time are one after the other too."""

    last_step: int = 0
    tried: int = 0
    """The number of times that it was put into a log."""

    asked: int = -1
    """The node that it waits for."""

    why: str = ""
    """Why it was refused, or is not known."""

    @property
    def is_over(self) -> bool:
        """Return whether the client goes on."""
        return self.ending is not None


@dataclass(slots=True)
class _Client:
    """A client's session, and the calls that wait for their turn; the first is under way."""

    name: str
    session: int = NO_SESSION
    opens: int = 0
    """The number of times that the opening of its session was put into a log, since it has none."""

    seq: int = 0
    queue: list[OperationCall] = field(default_factory=list)
    limit: Pending | None = None
    """The end of its patience with the call under way."""

    lateness: Pending | None = None
    """The moment from which the node that was asked last is late."""

    def stop_waiting(self) -> None:
        """Cancel what would happen if no answer came: one has, or nobody is asked any more."""
        for pending in (self.limit, self.lateness):
            if pending is not None:
                pending.cancel()
        self.limit = self.lateness = None


class Clients:
    """All clients of one cluster, by name, with the history of what they saw."""

    def __init__(self, port: Port, options: ClientOptions | None = None, *, patience: float = PATIENCE) -> None:
        self.port = port
        self.options = options or ClientOptions()
        """The options of requests that begin from now on."""

        self.patience = patience
        self.calls: list[OperationCall] = []
        """All calls, in the order in which they began."""

        self._clients: dict[str, _Client] = {}
        self._awaited: dict[tuple[int, int], tuple[object, Callable[[object], None]]] = {}
        self._leader = -1
        self._steps = 0
        self._checked = 0
        self._expected = False

    # ---- calls

    def call(self, client: str, request: KeyRequest, node: int = -1) -> OperationCall:
        """Begin an operation of `client`; one client's operations run one after another."""
        known = self._clients.setdefault(client, _Client(client))
        call = OperationCall(len(self.calls) + 1, client, request, self.port.now(), node)
        self.calls.append(call)
        known.queue.append(call)
        if len(known.queue) == 1:
            self._begin(known, call)
        return call

    def _begin(self, client: _Client, call: OperationCall) -> None:
        call.began, call.step = self.port.now(), self._next_step()
        self.port.begun(call)
        client.limit = self.port.later(self.patience, lambda: self._give_up(client, call))
        if isinstance(call.request, Get) and self.options.reads == "local":
            self._read(client, call)
        elif isinstance(call.request, Get) and self.options.reads != "log":
            self._ask_read(client, call)
        elif self.options.sessions and client.session == NO_SESSION:
            self._ask(client, call, Open(client.name))
        else:
            self._number(client, call)
            self._ask(client, call, call.request)

    def _next_step(self) -> int:
        self._steps += 1
        return self._steps

    def _read(self, client: _Client, call: OperationCall) -> None:
        """Read from the store of one node, whatever it knows."""
        if call.is_over:
            return
        port, target = self.port, self._target(call)
        result = port.read(target, call.request.key) if port.is_up(target) else None
        if result is not None:
            call.asked, call.result = target, result
            port.later(0.0, partial(self._end, client, call, "ok"))
        elif call.node >= 0 and not port.is_up(target):
            port.later(0.0, partial(self._end, client, call, "refused", f"node {target} is down"))
        else:
            if call.node < 0:
                self._leader = (target + 1) % port.nodes
            port.later(PAUSE, lambda: self._read(client, call))

    def _ask_read(self, client: _Client, call: OperationCall) -> None:
        """Ask a node that answers from its store, once it has made sure that it is not out of date."""
        if call.is_over:
            return
        port, target = self.port, self._target(call)
        call.asked = target
        if port.is_up(target):
            port.read_index(target, call.request.key, partial(self._read_told, client, call, target))
            self._answer_within(client, partial(self._read_told, client, call, target, None, is_late=True))
        elif call.node >= 0:
            port.later(0.0, partial(self._end, client, call, "refused", f"node {target} is down"))
        else:
            self._read_told(client, call, target, None)

    def _read_told(
        self, client: _Client, call: OperationCall, target: int, result: Result | None, *, is_late: bool = False
    ) -> None:
        """Take a node's answer to a read; if it cannot answer, or is late, ask another, unless it was named."""
        port = self.port
        if call.is_over:
            return  # it was answered by another node, or the client has given up
        if result is not None:
            call.asked, call.result = target, result
            port.later(0.0, partial(self._end, client, call, "ok"))
        elif call.node >= 0:
            if not is_late:
                why = f"node {target} cannot make sure that its store is up to date"
                port.later(0.0, partial(self._end, client, call, "refused", why))
        elif call.asked == target:
            call.asked, self._leader = -1, self._other_than(target)
            port.later(PAUSE, partial(self._ask_read, client, call))

    def _other_than(self, asked: int) -> int:
        """Return the leader that a node names, else the next node."""
        known = self.port.leader_known_to(asked) if self.port.is_up(asked) else -1
        return known if known not in (-1, asked) else (asked + 1) % self.port.nodes

    def _number(self, client: _Client, call: OperationCall) -> None:
        """Give the request its place in the session: the client has the answers to all before it."""
        if self.options.sessions:
            client.seq += 1
            call.request = replace(call.request, session=client.session, seq=client.seq, acked=client.seq)

    def _ask(self, client: _Client, call: OperationCall, command: StoreCommand, node: int | None = None) -> None:
        """Ask a node, by default the one that is believed to lead."""
        if call.is_over:
            return
        port = self.port
        target = node if node is not None else self._target(call)
        call.asked = target
        if not port.is_up(target):
            if call.node >= 0:
                self._end(client, call, "refused", why=f"node {target} is down")
            else:
                self._ask_next(client, call, command)
            return
        said = written(command)
        index = port.submit(target, said)
        if index is None:  # a paused process: nothing comes back, and nothing was done
            self._answer_within(client, lambda: self._again(client, call, command, target, NO_INDEX))
            return
        port.asked(call, said, index)
        if index >= 0:
            if isinstance(command, Open):
                client.opens += 1
            else:
                call.tried += 1
            self._leader = target
            self._awaited[target, index] = (said, lambda result: self._told(client, call, command, result))
            self._answer_within(client, lambda: self._again(client, call, command, target, index))
        elif call.node >= 0:
            known = port.leader_known_to(target)
            self._leader = known if known >= 0 else self._leader
            self._end(client, call, "refused", why=f"node {target} does not lead")
        else:
            self._ask_next(client, call, command)

    def _answer_within(self, client: _Client, otherwise: Callable[[], None]) -> None:
        """Do `otherwise` unless the node that was asked last answers in time."""
        if client.lateness is not None:
            client.lateness.cancel()
        client.lateness = self.port.later(ANSWER_WITHIN, otherwise)

    def _target(self, call: OperationCall) -> int:
        if call.node >= 0:
            return call.node
        self._leader = max(self._leader, 0)
        return self._leader

    def _ask_next(self, client: _Client, call: OperationCall, command: StoreCommand) -> None:
        """Ask the leader that the asked node names, else the next node a moment later."""
        port, asked = self.port, call.asked
        known = port.leader_known_to(asked) if port.is_up(asked) else -1
        self._leader = known if known not in (-1, asked) else (asked + 1) % port.nodes
        port.later(0.0 if known not in (-1, asked) else PAUSE, lambda: self._ask(client, call, command))

    def _again(self, client: _Client, call: OperationCall, command: StoreCommand, target: int, index: int) -> None:
        """Ask another node when `target` has not answered in time; with `to NODE`, wait on."""
        if call.is_over or call.asked != target or not self._is_current(client, call, command):
            return
        if index != NO_INDEX and self.port.denies(target, index, written(command)):
            self._end(client, call, "refused", why=f"node {target} says that it no longer leads")
            return
        if call.node >= 0:
            self._answer_within(client, lambda: self._again(client, call, command, target, index))
            return
        self._leader = (target + 1) % self.port.nodes
        self._ask(client, call, command)

    def _is_current(self, client: _Client, call: OperationCall, command: StoreCommand) -> bool:
        return (client.session == NO_SESSION) is isinstance(command, Open) or not self.options.sessions

    # ---- answers

    def applied(self, node: int, index: int, command: object, result: object) -> None:
        """Take what a node's store gave for the command at `index`; the node answers who waits for it."""
        said, answer = self._awaited.pop((node, index), (None, None))
        if answer is not None and said == command:
            self.port.later(0.0, lambda: answer(result))  # not while the node is about to send

    def gone(self, node: int) -> None:
        """Forget who waits for `node`: it crashed, so no answer of it comes."""
        for waits in [key for key in self._awaited if key[0] == node]:
            del self._awaited[waits]

    def _told(self, client: _Client, call: OperationCall, command: StoreCommand, result: object) -> None:
        if isinstance(command, Open):
            if client.session == NO_SESSION and isinstance(result, int):
                client.session, client.opens = result, 0
                if not call.is_over:
                    self._number(client, call)
                    self._ask(client, call, call.request)
        elif isinstance(result, Result) and not call.is_over:
            call.result = result
            if result.outcome == "expired":
                client.session = NO_SESSION
                # it may have been applied once; a new session must not try it again (thesis §6.3)
                self._end(client, call, "unknown", why="its session has expired")
            else:
                self._end(client, call, result.outcome)

    def _give_up(self, client: _Client, call: OperationCall) -> None:
        if not call.is_over:
            if call.tried:
                self._end(client, call, "unknown", why=f"no answer within {self.patience:g} s")
            else:
                why = "no node put it into a log" if client.opens == 0 else "no session was opened in time"
                if isinstance(call.request, Get) and self.options.reads != "log":
                    why = f"no node could vouch for its store within {self.patience:g} s"
                self._end(client, call, "refused", why=why)

    def _end(self, client: _Client, call: OperationCall, ending: CallEnding, why: str = "") -> None:
        if call.is_over:
            return
        call.ending, call.ended, call.why = ending, self.port.now(), why
        call.last_step = self._next_step()
        client.stop_waiting()
        self.port.over(call)
        self.port.changed()
        client.queue.remove(call)
        if client.queue:
            self._begin(client, client.queue[0])

    # ---- the history

    def history(self) -> list[Operation]:
        """Return the operations that may have taken effect, as the clients saw them; one for each call."""
        return [operation_of(call) for call in self.calls if call.step and call.ending != "refused"]

    @property
    def is_unchecked(self) -> bool:
        """Return whether anything happened since the last `note_check`, unless a violation was expected."""
        return self._steps > self._checked and not self._expected

    def note_check(self, *, expects_violation: bool = False) -> None:
        """Note that the verdict on what has happened so far was asked for; a violation stays one."""
        self._checked, self._expected = self._steps, self._expected or expects_violation

    def verdict(self, states: int = STATES) -> HistoryVerdict:
        """Decide whether what the clients saw is linearizable; a key may take `states` states of the search."""
        return check(self.history(), states=states)


def operation_of(call: OperationCall) -> Operation:
    """Return a call as an operation for the check of linearizability."""
    request, result = call.request, call.result
    kinds: dict[type[KeyRequest], OperationKind] = {Get: "get", Put: "put", Append: "append", Cas: "cas"}
    kind = kinds[type(request)]
    argument = None if isinstance(request, Get) else json_of(request.value)
    expected = json_of(request.expected) if isinstance(request, Cas) else None
    answer = None
    if result is not None and call.ending in ("ok", "no"):
        value = json_of(result.value) if result.found else None
        done = call.ending == "ok"
        answer = ClientAnswer(value) if kind == "get" else ClientAnswer(None, done, True, value)
    end = math.inf if answer is None else call.last_step
    return Operation(call.client, request.key, kind, argument, expected, call.step, end, answer, f"#{call.number}")


def outcome_text(call: OperationCall) -> str:
    """Return what the client of a call was told, in words: `ok`, a value, `no: it is 2`, `unknown: …`."""
    if not call.is_over:
        return "under way"
    if call.ending in ("unknown", "refused"):
        return f"{call.ending}: {call.why}"
    result = call.result
    assert result is not None
    value = value_text(json_of(result.value)) if result.found else "nothing"
    if isinstance(call.request, Get):
        return value
    return "ok" if call.ending == "ok" else f"no: it is {value}"
