"""The requests and responses in flight, derived from the events.

A message is in flight from its sending until it is delivered or lost. Over sockets a message can vanish with its
connection, and no event tells it; a message without an event for long therefore counts as lost.
"""

from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from raftplay.cluster.holding import ALL, Holding, fits
from raftplay.raft.messages import Args, Reply, RPCReply
from raftplay.watch import facts

PATIENCE = 2.0
"""Seconds of cluster time, beyond the longest delay of any link, after which a message counts as lost."""

MAX_MESSAGES = 20_000
"""The most messages that are kept; the oldest are forgotten first."""

FEW = 1024
"""The number of messages up to which nothing is swept."""

FlightKey = int | tuple[int, Reply]
"""A request by its number; a response by that and its content, as a request delivered twice has two responses."""


class SentMessage(msgspec.Struct, frozen=True, gc=False):
    """A request or response of which `copies` are in flight since `since`.

    `held`: the message stays in flight until it is released, whatever happens to its link. `on_held_link`: its
    link has held it since it was sent.
    """

    call_id: int
    src: int
    dst: int
    message: Args | Reply
    since: float
    copies: int
    held: bool = False
    on_held_link: bool = False


class Waiting:
    """The number of copies of each message that wait at a frozen node; more may be in flight behind them."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[FlightKey, int] = {}

    def copy(self) -> "Waiting":
        """Return an independent copy of the counts."""
        new = Waiting()
        new._counts = self._counts.copy()
        return new

    def landed(self, event: object, is_frozen: Callable[[int], bool]) -> FlightKey | None:
        """Read an event; return the key of the message of which it takes one copy out of flight, None for none.

        While a receiver is frozen, the copies that wait there are neither delivered nor lost. When it goes on or
        crashes, they are delivered or lost before any other message to it.
        """
        key: FlightKey
        match event:
            case facts.CallDelivered() | facts.CallLost():
                key = event.call_id
            case facts.ReplyDelivered() | facts.ReplyLost():
                key = event.call_id, event.reply
            case facts.KeptWaiting():
                key = key_of(event.call_id, event.message)
                self._counts[key] = self._counts.get(key, 0) + 1
                return key
            case _:
                return None
        count = self._counts.get(key, 0)
        if count == 0 or is_frozen(event.dst):
            return key
        if count > 1:
            self._counts[key] = count - 1
        else:
            del self._counts[key]
        return None


class Flying:
    """All messages in flight, in the order in which they were sent."""

    __slots__ = ("_messages", "_sweep_at", "longest_delay", "waiting")

    def __init__(self) -> None:
        self._messages: dict[FlightKey, SentMessage] = {}
        self.waiting = Waiting()
        self._sweep_at = FEW
        self.longest_delay = 0.0
        """The longest delay that any link had so far, in seconds."""

    def __len__(self) -> int:
        return len(self._messages)

    def copy(self) -> "Flying":
        """Return an independent copy of the messages."""
        new = Flying()
        new._messages = self._messages.copy()
        new._sweep_at, new.longest_delay = self._sweep_at, self.longest_delay
        new.waiting = self.waiting.copy()
        return new

    def sent(self, key: FlightKey, message: SentMessage, held: Holding) -> None:
        """Add `message`, which is sent now; what `held` holds never counts as lost."""
        if held.holds(message.src, message.dst, message.message):
            message = replace(message, on_held_link=True)
        known = self._messages.get(key)
        if known is not None:
            message = replace(message, copies=known.copies + message.copies, held=known.held)
        self._messages[key] = message
        if len(self._messages) > self._sweep_at:
            self._sweep(message.since, held)

    def copied(self, key: FlightKey) -> None:
        """Count one more copy of a message."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, copies=known.copies + 1)

    def held(self, key: FlightKey) -> None:
        """Mark a message as held: it stays in flight until it is released."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, held=True)

    def landed(self, event: object, is_frozen: Callable[[int], bool]) -> None:
        """Remove a copy that was delivered or lost, or that waits at a frozen node."""
        key = self.waiting.landed(event, is_frozen)
        known = None if key is None else self._messages.get(key)
        if known is None or key is None:
            return
        if known.copies > 1:
            self._messages[key] = replace(known, copies=known.copies - 1)
        else:
            del self._messages[key]

    def released(self, src: int, dst: int, time: float, kind: str = ALL) -> None:
        """Restart all messages of `kind` from `src` to `dst` at `time`, as their link no longer holds them."""
        for key, message in self._messages.items():
            if message.src == src and message.dst == dst and fits(kind, message.message):
                self._messages[key] = replace(message, since=time, on_held_link=False)

    def at(self, time: float, held: Holding) -> Iterator[SentMessage]:
        """Return the messages in flight at `time`."""
        oldest = self._oldest(time)
        return (m for m in self._messages.values() if _counts(m, oldest, held))

    def _sweep(self, time: float, held: Holding) -> None:
        oldest = self._oldest(time)
        left = [item for item in self._messages.items() if _counts(item[1], oldest, held)]
        self._messages = dict(left[-MAX_MESSAGES:])
        self._sweep_at = max(FEW, 2 * len(self._messages))

    def _oldest(self, time: float) -> float:
        """Return the cluster time since when a message may be in flight without counting as lost."""
        return time - PATIENCE - self.longest_delay


def _counts(message: SentMessage, oldest: float, held: Holding) -> bool:
    """Return whether a message does not count as lost yet."""
    return message.held or message.since >= oldest or held.holds(message.src, message.dst, message.message)


def key_of(call_id: int, message: Args | Reply) -> FlightKey:
    """Return the key of a message."""
    return (call_id, message) if isinstance(message, RPCReply) else call_id
