"""The calls and replies that were in flight, as the events tell.

A message is in flight from its sending until it is delivered or lost. Over sockets a message can vanish with its
connection, and nobody knows; so what is not heard of for long is taken for lost.
"""

from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from raftplay.raft.messages import AppendEntriesReply, Args, Reply, RequestVoteReply
from raftplay.watch import facts

PATIENCE = 2.0
"""After how many seconds of cluster time, beyond the longest delay of any link, a message counts as lost."""

MAX_MESSAGES = 20_000
"""How many messages are known at most; of more, the oldest are forgotten."""

FEW = 1024
"""So many are no reason to look which of them are lost."""

Key = int | tuple[int, Reply]
"""A call by its number; a reply by that and by what it says, as a call that came twice is answered twice."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A call or reply of which `copies` are on their way since `since`.

    `held`: it stays in flight until it is released, whatever becomes of its link.
    """

    call_id: int
    src: int
    dst: int
    message: Args | Reply
    since: float
    copies: int
    held: bool = False


Links = frozenset[tuple[int, int]]


class Waiting:
    """How many copies of each message wait at a frozen node: a copy of the same may be on its way behind them."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}

    def copy(self) -> "Waiting":
        """Return the same counts; what is done to one of the two does not show in the other."""
        new = Waiting()
        new._counts = self._counts.copy()
        return new

    def landed(self, event: object, is_frozen: Callable[[int], bool]) -> Key | None:
        """Read an event, and return the message of which a copy is in flight no more since then, if there is one.

        As long as a receiver is frozen, nothing becomes of what waits there; when it goes on or crashes, that is
        delivered or lost before anything else that comes to it.
        """
        key: Key
        match event:
            case facts.KeptWaiting():
                key = key_of(event.call_id, event.message)
                self._counts[key] = self._counts.get(key, 0) + 1
                return key
            case facts.CallDelivered() | facts.CallLost():
                key = event.call_id
            case facts.ReplyDelivered() | facts.ReplyLost():
                key = event.call_id, event.reply
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
    """All messages in flight, in the order in which they left."""

    __slots__ = ("_messages", "_sweep_at", "longest_delay", "waiting")

    def __init__(self) -> None:
        self._messages: dict[Key, Message] = {}
        self.waiting = Waiting()
        self._sweep_at = FEW
        self.longest_delay = 0.0
        """The longest delay that any link had so far, in seconds."""

    def __len__(self) -> int:
        return len(self._messages)

    def copy(self) -> "Flying":
        """The same messages; what is done to one of the two does not show in the other."""
        new = Flying()
        new._messages = self._messages.copy()
        new._sweep_at, new.longest_delay = self._sweep_at, self.longest_delay
        new.waiting = self.waiting.copy()
        return new

    def sent(self, key: Key, message: Message, held: Links) -> None:
        """`message` leaves; what is on links that are `held` may stay for ever."""
        known = self._messages.get(key)
        if known is not None:
            message = replace(message, copies=known.copies + message.copies, held=known.held)
        self._messages[key] = message
        if len(self._messages) > self._sweep_at:
            self._sweep(message.since, held)

    def copied(self, key: Key) -> None:
        """There is one more of a message."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, copies=known.copies + 1)

    def held(self, key: Key) -> None:
        """A message stays in flight until it is released."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, held=True)

    def landed(self, event: object, is_frozen: Callable[[int], bool]) -> None:
        """Read that a message was delivered or lost, or came to a frozen node."""
        key = self.waiting.landed(event, is_frozen)
        known = None if key is None else self._messages.get(key)
        if known is None or key is None:
            return
        if known.copies > 1:
            self._messages[key] = replace(known, copies=known.copies - 1)
        else:
            del self._messages[key]

    def released(self, src: int, dst: int, time: float) -> None:
        """The link is held no more: what is on it goes on at `time`."""
        for key, message in self._messages.items():
            if message.src == src and message.dst == dst:
                self._messages[key] = replace(message, since=time)

    def at(self, time: float, held: Links) -> Iterator[Message]:
        """What is in flight at `time`."""
        oldest = self._oldest(time)
        return (m for m in self._messages.values() if _counts(m, oldest, held))

    def _sweep(self, time: float, held: Links) -> None:
        oldest = self._oldest(time)
        left = [item for item in self._messages.items() if _counts(item[1], oldest, held)]
        self._messages = dict(left[-MAX_MESSAGES:])
        self._sweep_at = max(FEW, 2 * len(self._messages))

    def _oldest(self, time: float) -> float:
        """Since when a message may be under way and not be lost."""
        return time - PATIENCE - self.longest_delay


def _counts(message: Message, oldest: float, held: Links) -> bool:
    """Whether a message is not yet taken for lost."""
    return message.held or message.since >= oldest or (message.src, message.dst) in held


def key_of(call_id: int, message: Args | Reply) -> Key:
    """What a message is known by."""
    return (call_id, message) if isinstance(message, RequestVoteReply | AppendEntriesReply) else call_id
