"""The last stage before a node: it gets what arrives, unless its process is paused or has crashed."""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from raftplay.cluster.rpc import Message, NodeEvents, Request, Response

M = TypeVar("M", Request, Response)

MAX_WAITING = 10_000
"""The number of messages that the sockets of a paused process hold; further ones are lost."""


class Inbox:
    """The arrivals of one node: `on_request` and `on_response` handle them.

    While `frozen`, they wait in the sockets of the paused process; while `busy`, for its disk.
    """

    def __init__(
        self, events: NodeEvents, on_request: Callable[[Request], None], on_response: Callable[[Response], None]
    ) -> None:
        self.frozen = self.busy = False
        self._events = events
        self._on_request = on_request
        self._on_response = on_response
        self._takes_requests = self._takes_responses = True
        self._waiting: deque[tuple[Message, Callable[[], None]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def receive(self, request: Request) -> None:
        """Pass on a request that has passed the proxy."""
        if self._takes_requests and not (self.frozen or self.busy):
            self._on_request(request)
        else:
            self._set_aside(request, self._takes_requests, self.receive)

    def receive_response(self, response: Response) -> None:
        """Pass on a reply that has arrived."""
        if self._takes_responses and not (self.frozen or self.busy):
            self._on_response(response)
        else:
            self._set_aside(response, self._takes_responses, self.receive_response)

    def resume(self) -> None:
        """Handle what waited, in order, until the node is paused or waits for its disk again."""
        while self._waiting and not (self.frozen or self.busy):
            self._waiting.popleft()[1]()

    def close(self, *, responses: bool) -> None:
        """Lose what waits and all later requests: the process crashed; later replies too with `responses`."""
        self.frozen = self.busy = self._takes_requests = False
        self._takes_responses = not responses
        waiting, self._waiting = self._waiting, deque()
        for message, _ in waiting:
            self._events.lose(message, "crash")

    def _set_aside(self, message: M, takes: bool, receive: Callable[[M], None]) -> None:
        """Keep `message` until the process resumes, or lose it."""
        if not takes:
            self._events.lose(message, "crash")
        elif len(self._waiting) >= MAX_WAITING:
            self._events.lose(message, "frozen" if self.frozen else "busy disk")
        else:
            self._waiting.append((message, lambda: receive(message)))
            self._events.keep_waiting(message)
