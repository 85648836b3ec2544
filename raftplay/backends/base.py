"""What a backend offers, and what it asks of the servers that use it.

A backend tells the time of the cluster, calls back later, carries messages between endpoints, lets time pass
and runs things inside. Nothing above this seam knows whether sockets or virtual time lie below it.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from raftplay.errors import UsageError
from raftplay.raft.messages import Args, Reply

T = TypeVar("T")

Answer = Callable[[Reply], object]
"""Carries a reply back; gives False where it is known that its connection is gone."""

Predicate = Callable[[], bool]

SHUT_DOWN = "the cluster is shut down"
PAUSED = "time is paused, so nothing can be waited for; resume first, or step"
WAITS_FOR_ITSELF = "what runs inside the cluster cannot wait for it, nor step through time"

MOST_AT_ONCE = 3_000
"""How many events a node one instant may have. Without any delay, 1,000,000 entries reach a node in 2,000."""


class CallFailed(ConnectionError):
    """A call is known not to have left: its peer is not connected, or the proxy drops calls."""


class NodeFailed(RuntimeError):
    """The code of the nodes failed: a node raised, did not return, or time stands still under what they do.

    The text says in its first line what happened, which node it was if one is to blame, and the cluster time;
    `kind` names what happened in a few words, the same for each time that it happens.
    """

    @property
    def kind(self) -> str:
        """Name this kind of failure."""
        return "failure of a node"


class TimeStandsStill(NodeFailed):
    """`events` events happened at one instant of cluster time, `time` in seconds, and more are due then."""

    def __init__(self, events: int, time: float) -> None:
        super().__init__(events, time)
        self.events = events
        self.time = time

    @property
    def kind(self) -> str:
        """Name this kind of failure."""
        return "time stands still"

    def __str__(self) -> str:
        return (
            f"time stands still: {self.events:,} events at {self.time:.3f} s, and no end of them; "
            "the nodes must wait between what they do"
        )


class Handle(Protocol):
    """Something that is to be called later."""

    about: object

    def cancel(self) -> None:
        """Do not call it any more."""


class Receiver(Protocol):
    """Who gets what arrives at an endpoint: a Server."""

    peer_ids: tuple[int, ...]
    """The nodes that it takes calls from."""

    def call_arrived(self, peer_id: int, call_id: int, args: Args, answer: Answer) -> None:
        """`peer_id` calls; `answer` carries the reply back, as long as its connection lasts."""

    def reply_arrived(self, peer_id: int, call_id: int, reply: Reply) -> None:
        """`peer_id` answers the call `call_id`."""


class Endpoint(Protocol):
    """The network side of one server: a listener, and connections to its peers."""

    @property
    def listen_addr(self) -> tuple[str, int]:
        """(host, port) at which peers reach it."""

    def connect(self, peer_id: int, addr: tuple[str, int]) -> None:
        """Open a connection to `peer_id`; calls may be sent at once."""

    def disconnect(self, peer_id: int) -> None:
        """Close the connection to `peer_id`; replies to calls under way are lost."""

    def is_connected(self, peer_id: int) -> bool:
        """Whether calls to `peer_id` can be sent."""

    def send(self, peer_id: int, call_id: int, args: Args) -> None:
        """Send a call. Raises `CallFailed` when there is no connection to `peer_id`."""

    def close(self) -> None:
        """Close the listener and every connection, also those that peers opened."""


class Backend(Protocol):
    """A place in which a cluster lives. Times are seconds of cluster time."""

    name: str

    concurrent: bool
    """Whether what is sent arrives by itself, in an input of its own; else its handling must be called later."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Whoever reads or changes the cluster's state from outside holds it."""

    def now(self) -> float:
        """Cluster time; it stands still while paused, and never goes back."""

    def call_later(self, delay: float, function: Callable[[], None], about: object = None) -> Handle:
        """Call `function` inside, `delay` seconds from now; `about` says in words what it is."""

    def call_at(self, when: float, function: Callable[[], None], about: object = None) -> Handle:
        """Call `function` inside, when cluster time has come to `when`."""

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` inside as soon as possible; from any thread."""

    def call_after_waits(self, function: Callable[[], None]) -> None:
        """Call `function` inside, once those whose condition holds by now have had a moment to act on it."""

    def go_on(self) -> None:
        """Those who had a moment to act have done so. Under the lock, from any thread."""

    def changed(self) -> None:
        """The state of the cluster changed: whoever waits for a condition looks again."""

    def kick(self) -> None:
        """Have conditions that are waited for looked at again now; from any thread."""

    def keep_pace(self) -> None:
        """From now on, let waiting take as long as the speed says, by the wall clock (in tcp it always does)."""

    def open_endpoint(self, node_id: int, receiver: Receiver) -> Endpoint:
        """A new endpoint for a server. Inside only."""

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` inside and give its result; from any thread.

        Raises, in place of that, what failed inside since the last call from outside, and `UsageError` once
        the backend is closed or when the thread that calls holds `lock`.
        """

    def check(self) -> None:
        """Raise what `run` would raise, for those who only look, or act under `lock`."""

    def pass_time(self, seconds: float) -> None:
        """Let `seconds` of cluster time pass. Raises `UsageError` while paused."""

    def pass_to(self, when: float, predicate: Predicate) -> bool:
        """Let time pass until it is `when`, or `predicate` holds; whether it does. Raises as `wait_until`."""

    def wait_until(self, predicate: Predicate, seconds: float) -> bool:
        """Let time pass until `predicate` holds, at most `seconds`; whether it held in time.

        Raises `UsageError` while paused, unless it holds already.
        """

    @property
    def speed(self) -> float:
        """Seconds of cluster time in a second of the wall clock."""

    def set_speed(self, speed: float) -> None:
        """Change the speed; the cluster notices nothing."""

    @property
    def paused(self) -> bool:
        """Whether cluster time stands still."""

    def pause(self) -> None:
        """Let cluster time stand still."""

    def halt(self) -> None:
        """Pause from wherever this is called, also under the lock; inside, nothing more happens then."""

    def resume(self) -> None:
        """Let cluster time go on."""

    def step(self) -> object:
        """While paused: let the next timer or delivery happen; what it was about, or None if there is none."""

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Run `last` inside, then end everything; safe to call twice. Raises what failed inside."""

    def abandon(self, last: Callable[[], None]) -> None:
        """Begin what `close` does, from any thread, and wait for nothing."""


LONGEST_TIME = 365 * 86_400.0
"""How long a wait lasts at most, in seconds of cluster time."""


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
