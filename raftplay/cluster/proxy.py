"""RPCProxy: drops and delays RPCs between a node and the network."""

import random
from typing import TYPE_CHECKING, cast

from raftplay.backends.base import Answer, Backend, CallFailed
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flight, Flights
from raftplay.raft.messages import AppendEntriesArgs, Args, RequestVoteArgs

if TYPE_CHECKING:
    from raftplay.cluster.server import Server

SLOW_CALL = 0.075
"""The delay of an incoming request that RAFT_UNRELIABLE_RPC makes slow, in seconds."""


class RPCProxy:
    """A proxy that drops outgoing RPCs on demand and delays incoming ones, as a network would."""

    def __init__(
        self, server: "Server", backend: Backend, flights: Flights, config: Config, rng: random.Random
    ) -> None:
        self._server = server
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
        if self._calls_left == 0:
            raise CallFailed(f"the proxy of node {self._server.id} drops calls")
        self._server.transmit(peer_id, call_id, args)
        if self._calls_left > 0:
            self._calls_left -= 1  # an RPC that cannot be sent does not count

    def request_vote(self, args: RequestVoteArgs, answer: Answer) -> None:
        """Delay an incoming RequestVote; then the node replies through `answer`."""
        self._delayed(args, answer)

    def append_entries(self, args: AppendEntriesArgs, answer: Answer) -> None:
        """Delay an incoming AppendEntries; then the node replies through `answer`."""
        self._delayed(args, answer)

    def landed(self, flight: Flight, *, by_hand: bool) -> str | None:
        """Hand an incoming request to the node: its delay is over."""
        assert flight.back is not None
        self._server.handle(cast(Args, flight.message), flight.back, flight.id)
        return None

    def lost(self, flight: Flight, reason: str) -> None:
        """Publish that an incoming request was lost while it was delayed."""
        assert flight.back is not None
        self._server.lose(cast(Args, flight.message), flight.back, reason)

    def copied(self, flight: Flight) -> None:
        """Publish that an incoming request was copied."""
        self._server.copied(flight)

    def _delayed(self, args: Args, answer: Answer) -> None:
        call_id = getattr(answer, "call_id", 0)
        passage = self._flights.arrives(call_id, is_reply=False)
        if passage.by_hand:
            self._server.handle(args, answer, passage.id)
            return
        config, rng = self._config, self._rng
        delay = config.delay_min + (config.delay_max - config.delay_min) * rng.random()
        if config.unreliable:
            dice = rng.randrange(10)
            if dice == 9:
                self._server.lose(args, answer, "unreliable")
                return
            if dice == 8:
                delay = SLOW_CALL
        if delay > 0 or self._backend.paused or not self._backend.concurrent:
            src = args.candidate_id if isinstance(args, RequestVoteArgs) else args.leader_id
            here = self._server.id
            self._flights.add(self, call_id, src, here, args, delay, answer, on_link=False, id=passage.id)
        else:
            self._server.handle(args, answer, passage.id)
