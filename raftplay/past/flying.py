"""The calls and replies that were in flight, as the events tell.

A message is in flight from its sending until it is delivered or lost. Over sockets a message can vanish with its
connection, and nobody knows; so what is not heard of for long is taken for lost.
"""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from raftplay.raft.messages import AppendEntriesReply, Args, Reply, RequestVoteReply
from raftplay.watch import events as ev

PATIENCE = 2.0
"""After how many seconds of cluster time, beyond the longest delay of any link, a message counts as lost."""

MAX_MESSAGES = 20_000
"""How many messages are known at most; of more, the oldest are forgotten."""

FEW = 1024
"""So many are no reason to look which of them are lost."""

Key = int | tuple[int, Reply]
"""A call by its number; a reply by that and by what it says, as a call that came twice is answered twice."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A call or reply: `copies` of it are on their way since `since`, and so many wait at a frozen node.

    `held`: it stays in flight until it is released, whatever becomes of its link.
    """

    call_id: int
    src: int
    dst: int
    message: Args | Reply
    since: float
    copies: int
    waiting: int = 0
    held: bool = False


Links = frozenset[tuple[int, int]]


class Flying:
    """All messages in flight, in the order in which they left."""

    __slots__ = ("_messages", "_sweep_at", "longest_delay")

    def __init__(self) -> None:
        self._messages: dict[Key, Message] = {}
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
        return new

    def sent(self, key: Key, message: Message, held: Links) -> None:
        """`message` leaves; what is on links that are `held` may stay for ever."""
        known = self._messages.get(key)
        if known is not None:
            message = replace(
                message, copies=known.copies + message.copies, waiting=known.waiting, held=known.held
            )
        self._messages[key] = message
        if len(self._messages) > self._sweep_at:
            self._sweep(message.since, held)

    def copied(self, key: Key) -> None:
        """There is one more of a message."""
        self._change(key, 1, 0)

    def kept_waiting(self, key: Key) -> None:
        """A message came to a frozen node."""
        self._change(key, -1, 1)

    def held(self, key: Key) -> None:
        """A message stays in flight until it is released."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, held=True)

    def landed(self, key: Key) -> None:
        """A message was delivered, or is lost."""
        known = self._messages.pop(key, None)
        if known is not None and known.copies + known.waiting > 1:
            self._messages[key] = known
            self._change(key, 0, -1) if known.waiting else self._change(key, -1, 0)

    def released(self, src: int, dst: int, time: float) -> None:
        """The link is held no more: what is on it goes on at `time`."""
        for key, message in self._messages.items():
            if message.src == src and message.dst == dst:
                self._messages[key] = replace(message, since=time)

    def at(self, time: float, held: Links) -> Iterator[Message]:
        """What is in flight at `time`."""
        oldest = self._oldest(time)
        return (m for m in self._messages.values() if m.copies > 0 and _counts(m, oldest, held))

    def _change(self, key: Key, copies: int, waiting: int) -> None:
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, copies=known.copies + copies, waiting=known.waiting + waiting)

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


def landing(event: object) -> Key | None:
    """The message that is in flight no more since this event, if there is one."""
    match event:
        case ev.CallDelivered() | ev.CallLost():
            return event.call_id
        case ev.ReplyDelivered() | ev.ReplyLost():
            return event.call_id, event.reply
        case ev.KeptWaiting():
            return key_of(event.call_id, event.message)
    return None
