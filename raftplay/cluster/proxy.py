"""RPCProxy: drops and delays RPCs between a node and the network."""

import random

from raftplay.backends.base import Backend, CallFailed, SendReply
from raftplay.cluster.config import Config
from raftplay.cluster.flight import UNKNOWN, Flight, Flights
from raftplay.cluster.rpc import Inward, NodeEvents, Outward, Request
from raftplay.raft.messages import AppendEntriesArgs, Args, Reply, RequestVoteArgs

SLOW_CALL = 0.075
"""The delay of an incoming request that RAFT_UNRELIABLE_RPC makes slow, in seconds."""


class RPCProxy:
    """A proxy that drops outgoing RPCs on demand and delays incoming ones, as a network would.

    It stands between `inward`, which takes requests to the node, and `outward`, which takes them to the network.
    """

    def __init__(
        self,
        events: NodeEvents,
        inward: Inward,
        outward: Outward,
        *,
        backend: Backend,
        flights: Flights,
        config: Config,
        rng: random.Random,
    ) -> None:
        self._id = events.node
        self._events = events
        self._inward = inward
        self._outward = outward
        self._backend = backend
        self._flights = flights
        self._config = config
        self._rng = rng
        self._calls_left = -1  # -1: never drop, 0: drop now, n: drop after n more

    @property
    def calls_left(self) -> int:
        """Return how many outgoing RPCs still pass; -1 when none is dropped."""
        return self._calls_left

    def drop_calls_after_n(self, n: int) -> None:
        """Pass the next `n` outgoing RPCs, and fail all that follow; -1 drops none."""
        with self._backend.lock:
            self._calls_left = max(n, -1)

    def dont_drop_calls(self) -> None:
        """Stop dropping outgoing RPCs."""
        self.drop_calls_after_n(-1)

    def call(self, peer_id: int, args: Args, call_id: int) -> None:
        """Send an RPC. Raises `CallFailed` when it is dropped, or when the peer is not connected."""
        self.send(Request(call_id, self._id, peer_id, args, on_reply=_ignore))

    def request_vote(self, args: RequestVoteArgs, answer: SendReply) -> None:
        """Delay an incoming RequestVote; then the node replies through `answer`."""
        self.receive(Request(0, args.candidate_id, self._id, args, answer))

    def append_entries(self, args: AppendEntriesArgs, answer: SendReply) -> None:
        """Delay an incoming AppendEntries; then the node replies through `answer`."""
        self.receive(Request(0, args.leader_id, self._id, args, answer))

    def send(self, request: Request) -> None:
        """Pass a request of the node on. Raises `CallFailed` when it is dropped or cannot be sent."""
        if self._calls_left == 0:
            raise CallFailed(f"the proxy of node {self._id} drops RPCs")
        self._outward.send(request)
        if self._calls_left > 0:
            self._calls_left -= 1  # an RPC that cannot be sent does not count

    def configure(self, config: Config) -> None:
        """Adopt other options."""
        self._config = config

    def receive(self, request: Request) -> None:
        """Delay a request of a peer, then pass it on to the node."""
        flights = self._flights
        arrival = flights.arrives(request.call_id, is_reply=False) if flights.arrivals else UNKNOWN
        request.number = arrival.id
        if arrival.by_hand:
            self._inward.receive(request)
            return
        config, rng = self._config, self._rng
        delay = config.delay_min + (config.delay_max - config.delay_min) * rng.random()
        if config.unreliable:
            dice = rng.randrange(10)
            if dice == 9:
                self._events.lose(request, "unreliable")
                return
            if dice == 8:
                delay = SLOW_CALL
        if delay > 0 or self._backend.paused or not self._backend.concurrent:
            flights.add(request, self._events, self._goes_on, delay, on_link=False, id=arrival.id)
        else:
            self._inward.receive(request)

    def _goes_on(self, flight: Flight, by_hand: bool) -> None:
        request = flight.carried
        assert isinstance(request, Request)
        request.number = flight.id
        self._inward.receive(request)


def _ignore(_: Reply) -> None:
    """Do nothing with the reply to an RPC that a user sent through a proxy."""
