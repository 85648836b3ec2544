"""The calls and replies that were in flight, as the events tell.

A message is in flight from its sending until it is delivered or lost. Over sockets a message can vanish with its
connection, and nobody knows; so what is not heard of for long is taken for lost.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from raftplay.raft.messages import AppendEntriesReply, Args, Reply, RequestVoteReply
from raftplay.watch import events as ev

PATIENCE = 5.0
"""After how many seconds of cluster time, beyond the longest delay of any link, a message counts as lost."""

MAX_MESSAGES = 20_000
"""How many messages are known at most; of more, the oldest are forgotten."""

FEW = 1024
"""So many are no reason to look which of them are lost."""

Key = int | tuple[int, Reply]
"""A call by its number; a reply by that and by what it says, as a call that came twice is answered twice."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """Some `copies` of a call or reply on their way; `since` is when they were last heard of."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply
    since: float
    copies: int


Waits = Callable[[Message], bool]


class Flying:
    """All messages in flight, in the order in which they left."""

    __slots__ = ("_messages", "_sweep_at", "longest_delay")

    def __init__(self) -> None:
        self._messages: dict[Key, Message] = {}
        self._sweep_at = FEW
        self.longest_delay = 0.0
        """The longest delay that any link had so far, in seconds."""

    def copy(self) -> "Flying":
        """The same messages; what is done to one of the two does not show in the other."""
        new = Flying()
        new._messages = self._messages.copy()
        new._sweep_at, new.longest_delay = self._sweep_at, self.longest_delay
        return new

    def sent(self, key: Key, message: Message) -> None:
        """`message` leaves."""
        known = self._messages.get(key)
        if known is not None:
            message = replace(message, copies=message.copies + known.copies)
        self._messages[key] = message

    def copied(self, key: Key) -> None:
        """There is one more of a message."""
        known = self._messages.get(key)
        if known is not None:
            self._messages[key] = replace(known, copies=known.copies + 1)

    def landed(self, key: Key) -> None:
        """A message was delivered, or is lost."""
        known = self._messages.get(key)
        if known is None:
            return
        if known.copies > 1:
            self._messages[key] = replace(known, copies=known.copies - 1)
        else:
            del self._messages[key]

    def heard_of(self, time: float, src: int | None, dst: int) -> None:
        """What kept messages to `dst` (from `src`, or from all) is over: they are on their way again."""
        for key, message in self._messages.items():
            if message.dst == dst and src in (None, message.src):
                self._messages[key] = replace(message, since=time)

    def known(self, time: float, waits: Waits) -> list[Message]:
        """What is in flight at `time`; `waits` says what stays so for as long as it may take."""
        oldest = time - PATIENCE - self.longest_delay
        return [m for m in self._messages.values() if m.since >= oldest or waits(m)]

    def is_many(self) -> bool:
        """Whether it is time to `sweep`."""
        return len(self._messages) > self._sweep_at

    def sweep(self, time: float, waits: Waits) -> None:
        """Forget what counts as lost."""
        oldest = time - PATIENCE - self.longest_delay
        left = [item for item in self._messages.items() if item[1].since >= oldest or waits(item[1])]
        self._messages = dict(left[-MAX_MESSAGES:])
        self._sweep_at = max(FEW, 2 * len(self._messages))


def key_of(call_id: int, message: Args | Reply) -> Key:
    """What a message is known by."""
    return (call_id, message) if isinstance(message, RequestVoteReply | AppendEntriesReply) else call_id


def landing(event: object) -> Key | None:
    """What an event says to have been delivered or lost, if that is what it says."""
    match event:
        case ev.CallDelivered() | ev.CallLost():
            return event.call_id
        case ev.ReplyDelivered() | ev.ReplyLost():
            return event.call_id, event.reply
    return None
