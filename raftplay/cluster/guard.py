"""Guard: the inputs of a bare consensus module of a user's class, which report what goes wrong in it.

The rule of this module: what a server's `NodeCode` checks is checked here, for engines that run nodes without
servers. Each input has the name that it has in `ConsensusModule`; it returns what the engine can use, or raises
`NodeRaised`.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from raftplay.cluster.own_methods import check_results, handler, has_foreign_code
from raftplay.cluster.raised import OWN_FAILURES, node_raised
from raftplay.cluster.results import (
    check_created,
    check_reply,
    check_state,
    checked_calls,
    checked_commits,
    checked_deadline,
    checked_index,
)
from raftplay.cluster.rpc import request_text, response_text
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import Args, CMState, CommitEntry, Reply
from raftplay.raft.rpcs import OF

T = TypeVar("T")


def is_own(module: type[ConsensusModule]) -> bool:
    """Tell whether a class of nodes, or its rules, have code of a user's."""
    return has_foreign_code(module) or has_foreign_code(type(module.rules))


def created(
    id: int, module: type[ConsensusModule], create: Callable[[], ConsensusModule], now: float
) -> ConsensusModule:
    """Return the node that `create` makes. Raises `NodeRaised` if the code of its class, a user's, raises."""
    if not is_own(module):
        return create()
    check_results(module.rules)
    try:
        cm = create()
        check_created(cm)
        return cm
    except OWN_FAILURES as error:
        raise node_raised(id, error, "__init__", now, "", module) from error


class Guard:
    """The checked inputs of `cm`; `now` tells the time for reports."""

    def __init__(self, cm: ConsensusModule, now: Callable[[], float]) -> None:
        self._cm = cm
        self._now = now

    @property
    def deadline(self) -> float:
        """Return when its timer fires."""
        return self._told("deadline", "", lambda: checked_deadline(self._cm.deadline))

    @property
    def has_output(self) -> bool:
        """Tell whether it may have requests or commits."""
        return self._cm.has_output

    @property
    def snapshot_due(self) -> bool:
        """Return whether it must take a snapshot now."""
        return self._told("wants_snapshot", "", lambda: self._cm.snapshot_due)

    def start(self, now: float) -> None:
        """Start the node."""
        self._input("start", "", lambda: self._cm.start(now))

    def stop(self) -> None:
        """Stop the node; it is Dead, whatever its code does."""
        try:
            self._told("stop", "", self._cm.stop)
        finally:
            self._cm.state = CMState.DEAD

    def submit(self, command: object, now: float | None = None) -> int:
        """Submit `command`; return its log index, or -1."""
        cm = self._cm
        return self._input("submit", "", lambda: checked_index(cm.submit(command), cm.log.last_index))

    def wake(self, now: float) -> None:
        """Fire the timer if it is due."""
        self._input("wake", "", lambda: self._cm.wake(now))

    def time_out(self, now: float) -> None:
        """Fire the election timer."""
        self._input("time_out", "", lambda: self._cm.time_out(now))

    def transfer_leadership(self, target: int, now: float) -> None:
        """Begin to hand its leadership over to `target`."""
        self._input("transfer_leadership", "", lambda: self._cm.transfer_leadership(target, now))

    def request_received(self, args: Args, now: float) -> Reply:
        """Hand over a request; return the reply."""
        rpc = OF[type(args)]

        def reply() -> Reply:
            reply = self._cm.request_received(args, now)
            check_reply(reply, rpc.reply)
            return reply

        return self._input(handler(type(self._cm), rpc.method), request_text(args, args.sender), reply)

    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        """Hand over the reply of `peer_id` to `args`."""
        about = response_text(reply, peer_id)
        self._input("reply_received", about, lambda: self._cm.reply_received(peer_id, args, reply, now))

    def call_failed(self, peer_id: int, args: Args, now: float) -> None:
        """Tell the node that the request `args` could not be sent."""
        self._input("call_failed", "", lambda: self._cm.call_failed(peer_id, args, now))

    def persist(self, now: float) -> bool:
        """Write the changes to storage; return whether there were any."""
        return self._told("persist", "", lambda: self._cm.persist(now))

    def take_calls(self) -> list[tuple[int, Args]]:
        """Return the requests to send now."""
        return self._told("take_calls", "", lambda: checked_calls(self._cm.take_calls(), self._cm.peer_ids))

    def take_commits(self) -> list[CommitEntry]:
        """Return what is committed."""
        return self._told("take_commits", "", lambda: checked_commits(self._cm.take_commits()))

    def take_snapshot(self, data: bytes, now: float) -> int:
        """Hand over an image of the state; return the last index in it, or -1."""
        return self._told("take_snapshot", "", lambda: self._cm.take_snapshot(data, now))

    def _input(self, method: str, about: str, call: Callable[[], T]) -> T:
        """Call the node, and check the state that the call leaves."""

        def checked() -> T:
            result = call()
            check_state(self._cm)
            return result

        return self._told(method, about, checked)

    def _told(self, method: str, about: str, call: Callable[[], T]) -> T:
        cm = self._cm
        try:
            return call()
        except OWN_FAILURES as error:
            raise node_raised(cm.id, error, method, self._now(), about, type(cm)) from error


Inputs: TypeAlias = ConsensusModule | Guard
"""The inputs and outputs of a bare node: its own methods, or checked ones."""


def guarded(cm: ConsensusModule, now: Callable[[], float]) -> Inputs:
    """Return the inputs of a node: checked ones if its class is a user's, else its own methods."""
    return Guard(cm, now) if is_own(type(cm)) else cm
