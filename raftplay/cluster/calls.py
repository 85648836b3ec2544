"""The way of an RPC between a node and the network: a pipeline of stages.

A request leaves a node through `Calls`, `RPCProxy` and `Links` to the endpoint; it reaches its receiver from the
endpoint through `Links`, `RPCProxy` and `Inbox`. Its reply goes back from `Links` to `Links`, and through `Inbox`
and `Calls`.

The rule of this module: each stage knows the next one by its protocol (`Outward`, `Inward`), and no stage enters
the server in between. A message that is delayed or held is in `Flights` with the function that goes on from there.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from raftplay.backends.base import Backend, CallFailed, Endpoint, SendReply
from raftplay.cluster.flight import UNKNOWN, Flight, Flights
from raftplay.cluster.network import AT_ONCE, Network
from raftplay.cluster.rpc import Inward, Message, NodeEvents, OnReply, Outward, Request, Response
from raftplay.raft.messages import Args, Reply
from raftplay.watch import facts

CALL_LIMIT = 5.0
"""The time that a user's RPC waits for its reply, in seconds of cluster time."""

MAX_OPEN_CALLS = 1024
"""The number of RPCs that wait for replies; above it, the oldest is given up."""

MAX_REMEMBERED_CALLS = 32
"""The number of finished RPCs that are remembered, for replies that arrive twice."""


class Calls:
    """The RPCs of node `id` that wait for their replies."""

    def __init__(self, id: int, network: Network, outward: Outward) -> None:
        self._id = id
        self._network = network
        self._outward = outward
        self._open: dict[int, Request] = {}
        self._remembered: deque[Request] = deque(maxlen=MAX_REMEMBERED_CALLS)

    def call(self, peer_id: int, args: Args, on_reply: OnReply | None = None) -> None:
        """Send an RPC, which then waits for its reply. Raises `CallFailed`."""
        request = Request(self._network.new_call_id(), self._id, peer_id, args, on_reply=on_reply)
        self._open[request.call_id] = request
        if len(self._open) > MAX_OPEN_CALLS:
            del self._open[next(iter(self._open))]
        try:
            self._outward.send(request)
        except CallFailed:
            self._open.pop(request.call_id, None)
            raise

    def ask(self, peer_id: int, args: Args, backend: Backend) -> Reply:
        """Send a user's RPC, wait for its reply, and return it. Raises `CallFailed` and `TimeoutError`."""
        replies: list[Reply] = []
        backend.run(lambda: self.call(peer_id, args, replies.append))
        if not backend.wait_until(lambda: bool(replies), CALL_LIMIT):
            raise TimeoutError(f"node {peer_id} did not respond to node {self._id} within {CALL_LIMIT:g} s")
        return replies[0]

    def answered(self, response: Response) -> Request | None:
        """Return the request to which `response` replies, also a second time; None if there is none."""
        request = self._open.pop(response.call_id, None) or self._remembered_one(response.call_id)
        return request if request is not None and request.dst == response.src else None

    def remember(self, request: Request) -> None:
        """Remember a request that had its reply: the network may deliver a reply twice."""
        self._remembered.append(request)

    def has_sent(self, call_id: int) -> bool:
        """Tell whether it sent the request `call_id`, as far as it remembers."""
        return call_id in self._open or self._remembered_one(call_id) is not None

    def give_up(self) -> None:
        """Wait for no reply any more."""
        self._open.clear()

    def _remembered_one(self, call_id: int) -> Request | None:
        return next((request for request in self._remembered if request.call_id == call_id), None)


class Links:
    """The ends of a node's links: what it sends leaves here with the faults of its links, what arrives comes here.

    `inward` takes the requests that arrive, `on_response` the replies.
    """

    inward: Inward
    endpoint: Endpoint
    on_response: Callable[[Response], None]

    def __init__(
        self, peer_ids: tuple[int, ...], events: NodeEvents, backend: Backend, network: Network, flights: Flights
    ) -> None:
        self.peer_ids = peer_ids
        self.closed = False
        self._id = events.node
        self._events = events
        self._backend = backend
        self._network = network
        self._flights = flights

    # ---- what leaves

    def send(self, request: Request) -> None:
        """Send a request over its link. Raises `CallFailed` without a connection."""
        if not self.endpoint.is_connected(request.dst):
            raise CallFailed(f"node {self._id} is not connected to node {request.dst}")
        fate = self._network.fate(self._id, request.dst)
        if self._events.stream.active:
            call_id, args, by_user = request.call_id, request.message, request.on_reply is not None
            sent = facts.CallSent(call_id, self._id, request.dst, args, by_user, len(fate) or 1)
            self._events.publish(sent)
        whole = fate is AT_ONCE and not self._flights.holding.kinds_of
        for delay in fate if whole else self._delays(fate, request):
            if delay != 0.0:
                self._flights.add(request, self._events, partial(self._request_leaves, request), delay)
                continue
            try:
                self.endpoint.send(request.dst, request.call_id, request.message)
            except CallFailed:
                self._events.lose(request, facts.NOT_SENT)
                raise

    def reply(self, request: Request, reply: Reply) -> None:
        """Send the reply to `request` over its link, or hand it to the user who handed the request in."""
        answer = request.answer
        assert answer is not None
        if not request.call_id:
            answer(reply)
            return
        response = Response(request.call_id, self._id, request.src, reply)
        fate = self._network.fate(self._id, request.src)
        if self._events.stream.active:
            sent = facts.ReplySent(request.call_id, self._id, request.src, reply, len(fate) or 1)
            self._events.publish(sent)
        whole = fate is AT_ONCE and not self._flights.holding.kinds_of
        for delay in fate if whole else self._delays(fate, response):
            if delay != 0.0:
                self._flights.add(response, self._events, partial(self._response_leaves, response, answer), delay)
            elif answer(reply) is False:
                self._events.lose(response, "disconnected")

    def _delays(self, fate: tuple[float, ...], message: Message) -> tuple[float | None, ...]:
        """Return the delay of each copy of `message`, None to hold it; lose it if there is none."""
        if not fate:
            self._events.lose(message, self._network.blocked(self._id, message.dst) or "loss")
        return (None,) * len(fate) if self._flights.is_held(self._id, message.dst, message.message) else fate

    def _request_leaves(self, request: Request, flight: Flight, by_hand: bool) -> str | None:
        def send() -> bool:
            try:
                self.endpoint.send(request.dst, request.call_id, request.message)
            except CallFailed:
                return False
            return True

        return self._leaves(flight, by_hand, send)

    def _response_leaves(self, response: Response, answer: SendReply, flight: Flight, by_hand: bool) -> str | None:
        # the node handles a reply that passes its link while time is paused in the same step
        return self._leaves(flight, by_hand or self._backend.paused, lambda: answer(response.message) is not False)

    def _leaves(self, flight: Flight, by_hand: bool, send: Callable[[], bool]) -> str | None:
        """Send a message that has passed its link to its receiver; return why it is lost, or None."""
        reason = "crash" if self.closed else self._network.blocked(self._id, flight.dst)
        if reason is None:
            self._flights.passes(flight, by_hand=by_hand)
            if not send():
                reason = "disconnected"
                self._flights.fails(flight)
        if reason is not None:
            flight.lose(reason)
        return reason

    # ---- what arrives

    def call_arrived(self, peer_id: int, call_id: int, args: Args, answer: SendReply) -> None:
        """Pass a request on."""
        request = Request(call_id, peer_id, self._id, args, answer)
        if self.closed:
            self._events.lose(request, "crash")
        else:
            self.inward.receive(request)

    def reply_arrived(self, peer_id: int, call_id: int, reply: Reply) -> None:
        """Pass a reply on. While time is paused, it stays in flight until the next step or `resume`."""
        arrival = self._flights.arrives(call_id, is_reply=True) if self._flights.arrivals else UNKNOWN
        response = Response(call_id, peer_id, self._id, reply, arrival.id)
        if self._backend.concurrent and self._backend.paused and not arrival.by_hand:
            land = partial(self._response_goes_on, response)
            self._flights.add(response, self._events, land, 0.0, on_link=False, id=arrival.id)
        else:
            self.on_response(response)

    def _response_goes_on(self, response: Response, flight: Flight, by_hand: bool) -> None:
        response.number = flight.id
        self.on_response(response)

    # ---- what is in between

    def connect(self, peer_id: int, addr: tuple[str, int], calls: Calls) -> None:
        """Connect to the peer that listens at `addr`; close an earlier connection to it."""
        self.lose_replies(peer_id, "disconnected", calls)
        self.endpoint.connect(peer_id, addr)

    def disconnect(self, peer_id: int, calls: Calls) -> None:
        """Close the connection to `peer_id`."""
        self.lose_replies(peer_id, "disconnected", calls)
        self.endpoint.disconnect(peer_id)

    def lose_replies(self, peer_id: int, reason: str, calls: Calls) -> None:
        """Lose the replies of `peer_id` to `calls` that are in flight: the connection to it closes."""
        for flight in self._flights.on_link(peer_id, self._id):
            if flight.is_reply and calls.has_sent(flight.call_id):
                self._flights.lose(flight.id, reason)

    def close(self) -> None:
        """Lose what this node has sent and not handled yet: it has crashed."""
        self.closed = True
        for flight in self._flights.everything():
            if flight.events is self._events and not (flight.is_reply and flight.dst == self._id):
                self._flights.lose(flight.id, "crash")
