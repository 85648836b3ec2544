"""The interfaces of a backend, and of the servers that use it.

A backend keeps the cluster's time, calls functions later, carries messages between endpoints, waits, and runs
functions inside the cluster. Code above this interface does not depend on sockets or virtual time.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply

T = TypeVar("T")

SendReply = Callable[[Reply], object]
"""Sends a reply back; returns False if its connection is known to be closed."""

Predicate = Callable[[], bool]

SHUT_DOWN = "the cluster is shut down"
PAUSED = "time is paused, so nothing can be waited for; resume first, or step"
WAITS_FOR_ITSELF = "what runs inside the cluster cannot wait for it, nor step through time"

MOST_AT_ONCE = 3_000
"""The number of events per node at one instant. Without delays, 1,000,000 entries reach a node in 2,000."""


class CallFailed(ConnectionError):
    """Raised when an RPC is known not to be sent: its peer is not connected, or the proxy drops RPCs."""


class NodeFailed(RuntimeError):
    """Raised when the code of the nodes fails: a node raised, did not return, or keeps time from advancing.

    The first line of the text says what happened, which node caused it (if one did), and the cluster time;
    `kind` names the kind of failure in a few words, the same every time.
    """

    @property
    def kind(self) -> str:
        """Return the kind of failure."""
        return "failure of a node"


class TimeStandsStill(NodeFailed):
    """Raised when `events` events happened at one instant, cluster time `time` in seconds, and more are due."""

    def __init__(self, events: int, time: float) -> None:
        super().__init__(events, time)
        self.events = events
        self.time = time

    @property
    def kind(self) -> str:
        """Return the kind of failure."""
        return "time stands still"

    def __str__(self) -> str:
        return (
            f"time stands still: {self.events:,} events at {self.time:.3f} s, and more are due; "
            "the nodes must wait between their actions"
        )


class Handle(Protocol):
    """A call that is scheduled for later."""

    about: object

    def cancel(self) -> None:
        """Cancel the call."""


class Receiver(Protocol):
    """The receiver of messages at an endpoint: a Server."""

    peer_ids: tuple[int, ...]
    """The nodes whose requests it accepts."""

    def call_arrived(self, peer_id: int, call_id: int, args: Args, answer: SendReply) -> None:
        """Handle a request of `peer_id`; `answer` sends the reply back while the connection lasts."""

    def reply_arrived(self, peer_id: int, call_id: int, reply: Reply) -> None:
        """Handle the reply of `peer_id` to the request `call_id`."""


class Endpoint(Protocol):
    """The network side of one server: a listener, and connections to its peers."""

    @property
    def listen_addr(self) -> tuple[str, int]:
        """Return (host, port) at which peers reach it."""

    def connect(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Open a connection to `peer_id`; requests may be sent at once."""

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`; replies to open requests are lost."""

    def is_connected(self, peer_id: int) -> bool:
        """Tell whether requests to `peer_id` can be sent."""

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Send a request. Raises `CallFailed` when there is no connection to `peer_id`."""

    def close(self) -> None:
        """Close the listener and every connection, also those that peers opened."""


class Backend(Protocol):
    """A backend, which runs a cluster. Times are seconds of cluster time."""

    name: str

    concurrent: bool
    """True: a sent message arrives by itself as a separate input. False: its handling must be scheduled."""

    secret: bytes
    """The secret by which nodes on sockets know their peers; empty without sockets."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock; hold it to read or change the cluster's state from outside."""

    def now(self) -> float:
        """Return cluster time; it stops while paused, and never goes back."""

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Handle:
        """Call `function` inside, `delay` seconds from now; `about` describes it."""

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Handle:
        """Call `function` inside, when cluster time is `when`."""

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` inside as soon as possible; from any thread."""

    def call_after_waits(self, function: Callable[[], None]) -> None:
        """Call `function` inside, after waiters whose condition holds now have had a moment to act."""

    def go_on(self) -> None:
        """Tell the backend that waiters have acted. Under the lock, from any thread."""

    def changed(self) -> None:
        """Tell the backend that the cluster's state changed: awaited conditions are evaluated again."""

    def kick(self) -> None:
        """Evaluate awaited conditions again now; from any thread."""

    def keep_pace(self, keeps: bool = True) -> None:
        """Make waits take as much wall time as the speed says from now on (in tcp they always do)."""

    def open_endpoint(self, node_id: int, receiver: Receiver) -> Endpoint:
        """Open an endpoint for a server. Inside only."""

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` inside and return its result; from any thread.

        Raises what failed inside since the last call from outside, and `UsageError` once the backend is closed or
        when the calling thread holds `lock`.
        """

    def check(self) -> None:
        """Raise what `run` would raise, for code that only reads, or acts under `lock`."""

    def pass_time(self, seconds: float) -> None:
        """Wait for `seconds` of cluster time. Raises `UsageError` while paused."""

    def pass_to(self, when: float, predicate: Predicate) -> bool:
        """Wait until time is `when` or `predicate` holds; return whether it holds. Raises as `wait_until`."""

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Wait until `predicate` holds, at most `seconds`; return whether it held in time.

        Raises `UsageError` while paused, unless it holds already.
        """

    @property
    def speed(self) -> float:
        """Return the seconds of cluster time per second of wall time."""

    def set_speed(self, speed: float) -> None:
        """Set the speed; the cluster does not notice."""

    def steer(self, pace: float) -> None:
        """Slow the clock, with `keep_pace`, by this factor (0 holds it) until it is set anew; from any place."""

    @property
    def paused(self) -> bool:
        """Tell whether cluster time is paused."""

    def pause(self) -> None:
        """Pause cluster time."""

    def halt(self) -> None:
        """Pause from any place, also under the lock; inside, no further event happens then."""

    def resume(self) -> None:
        """Resume cluster time."""

    def step(self) -> object:
        """Run the next timer or delivery while paused; return its `about`, or None if there is none."""

    def progress(self) -> object:
        """Return a value that differs from the last one if the cluster may have done something since."""

    @property
    def open_work(self) -> tuple[int, int]:
        """Return the number of unfinished tasks, and of open ends of connections; zeros without sockets."""

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Run `last` inside, then end everything; safe to call twice. Raises what failed inside."""

    def abandon(self, last: Callable[[], None]) -> None:
        """Begin to close, from any thread, and do not wait."""


LONGEST_TIME = 365 * 86_400.0
"""The longest wait, in seconds of cluster time."""


def check_duration(seconds: float) -> float:
    """Return `seconds`, if time can pass for so long: at most `LONGEST_TIME`. Raises `UsageError`."""
    if not 0 <= seconds <= LONGEST_TIME:
        raise UsageError(f"time can pass for 0 s to {LONGEST_TIME:.0f} s (a year), not for {seconds:g} s")
    return seconds


def check_moment(when: float, now: float) -> float:
    """Return `when`, a moment of cluster time, if a wait until then is not too long. Raises `UsageError`."""
    if not -math.inf < when <= now + LONGEST_TIME:
        raise UsageError(f"time can pass for up to {LONGEST_TIME:.0f} s (a year), not to {when:g} s")
    return when
