"""The last stage before a node: it gets what arrives, unless its process is paused or has crashed."""

from collections.abc import Callable
from typing import TypeVar

from raftplay.cluster.rpc import Events, Message, Request, Response

M = TypeVar("M", Request, Response)

MAX_WAITING = 10_000
"""The number of messages that the sockets of a paused process hold; further ones are lost."""


class Inbox:
    """The arrivals of one node: `on_request` and `on_response` handle them.

    While `frozen`, they wait in the sockets of the paused process.
    """

    def __init__(
        self, events: Events, on_request: Callable[[Request], None], on_response: Callable[[Response], None]
    ) -> None:
        self.frozen = False
        self._events = events
        self._on_request = on_request
        self._on_response = on_response
        self._takes_requests = self._takes_responses = True
        self._waiting: list[tuple[Message, Callable[[], None]]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def receive(self, request: Request) -> None:
        """Pass on a request that has passed the proxy."""
        if self._takes_requests and not self.frozen:
            self._on_request(request)
        else:
            self._set_aside(request, self._takes_requests, self.receive)

    def receive_response(self, response: Response) -> None:
        """Pass on a reply that has arrived."""
        if self._takes_responses and not self.frozen:
            self._on_response(response)
        else:
            self._set_aside(response, self._takes_responses, self.receive_response)

    def thaw(self) -> None:
        """Handle what waited: the process resumes. Messages that arrive meanwhile do not wait."""
        self.frozen = False
        waiting, self._waiting = self._waiting, []
        for _, arrive in waiting:
            arrive()

    def close(self, *, responses: bool) -> None:
        """Lose what waits and all later requests: the process crashed; later replies too with `responses`."""
        self.frozen = self._takes_requests = False
        self._takes_responses = not responses
        waiting, self._waiting = self._waiting, []
        for message, _ in waiting:
            self._events.lose(message, "crash")

    def _set_aside(self, message: M, takes: bool, receive: Callable[[M], None]) -> None:
        """Keep `message` until the process resumes, or lose it."""
        if not takes:
            self._events.lose(message, "crash")
        elif len(self._waiting) >= MAX_WAITING:
            self._events.lose(message, "frozen")
        else:
            self._waiting.append((message, lambda: receive(message)))
            self._events.keep_waiting(message)
