"""An RPC on its way between two nodes, as a `Request` and a `Response`, and the events about it.

The rule of this module: both are messages with the same four fields, so that links, flights and faults handle
either without asking which it is.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from raftplay.backends.base import SendReply
from raftplay.raft.messages import Args, Reply
from raftplay.raft.rpcs import OF
from raftplay.watch import facts
from raftplay.watch.stream import Stream

OnReply = Callable[[Reply], None]


class Request(msgspec.Struct, eq=False):
    """A request from node `src` to node `dst`. `call_id` numbers its RPC; 0: a user handed it to a proxy.

    At its sender, `on_reply` takes the reply if a user sent it. At its receiver, `answer` sends the reply back,
    and `number` is its number in flight, if it had one.
    """

    call_id: int
    src: int
    dst: int
    message: Args
    answer: SendReply | None = None
    on_reply: OnReply | None = None
    number: int | None = None

    def lost(self, reason: str) -> facts.CallLost:
        """Return the event that it was lost."""
        return facts.CallLost(self.call_id, self.src, self.dst, self.message, reason)

    def __str__(self) -> str:
        return request_text(self.message, self.src, self.call_id, self.number)


class Response(msgspec.Struct, eq=False):
    """A reply from node `src` to node `dst`, whose request was numbered `call_id`; `number` as in `Request`."""

    call_id: int
    src: int
    dst: int
    message: Reply
    number: int | None = None

    def lost(self, reason: str) -> facts.ReplyLost:
        """Return the event that it was lost."""
        return facts.ReplyLost(self.call_id, self.src, self.dst, self.message, reason)

    def __str__(self) -> str:
        return response_text(self.message, self.src, self.call_id, self.number)


Message = Request | Response


def request_text(args: Args, src: int, call_id: int = 0, number: int | None = None) -> str:
    """Return what a request is called: "RequestVote, message 6 from node 0"."""
    name, which = OF[type(args)].name, _which(call_id, number)
    return f"{name}, {which} from node {src}" if which else f"{name} from node {src}"


def response_text(reply: Reply, src: int, call_id: int = 0, number: int | None = None) -> str:
    """Return what a response is called: "the response of node 2 to AppendEntries, request 15"."""
    name, which = OF[type(reply)].name, _which(call_id, number)
    return f"the response of node {src} to {name}{which and f', {which}'}"


def _which(call_id: int, number: int | None) -> str:
    """Return the number by which a message is known: its own in flight, else that of its RPC."""
    return f"message {number}" if number is not None else f"request {call_id}" if call_id else ""


class Outward(Protocol):
    """A stage through which the requests of a node leave it."""

    def send(self, request: Request) -> None:
        """Pass a request on to the network. Raises `CallFailed` if it is known not to be sent."""


class Inward(Protocol):
    """A stage through which the requests of its peers reach a node."""

    def receive(self, request: Request) -> None:
        """Pass a request on to the node, now or later, or lose it."""


class NodeEvents:
    """The events that one process of a node publishes. `stream.active` tells whether anyone reads them."""

    __slots__ = ("incarnation", "node", "publish", "stream")

    def __init__(self, stream: Stream, node: int, incarnation: int) -> None:
        self.stream = stream
        self.node = node
        self.incarnation = incarnation
        self.publish: Callable[[facts.Fact], None] = stream.publisher(node, incarnation)
        """The function to call with each fact, which the caller makes only for a stream that is active."""

    def lose(self, message: Message, reason: str) -> None:
        """Publish that `message` was lost, unless a user handed it in."""
        if self.stream.active and message.call_id:
            self.publish(message.lost(reason))

    def keep_waiting(self, message: Message) -> None:
        """Publish that `message` waits in the sockets of a paused process, unless a user handed it in."""
        if self.stream.active and message.call_id:
            self.publish(facts.KeptWaiting(message.call_id, message.src, message.dst, message.message))

    def copy(self, message: Message) -> None:
        """Publish that a copy of `message` was made."""
        if self.stream.active:
            self.publish(facts.Duplicated(message.call_id, message.src, message.dst, message.message))
