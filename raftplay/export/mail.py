"""The messages of a run, each with what became of it, for the formats that draw them.

Numbers of events count from 1, as in the recording; 0 means "none".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from raftplay.raft.messages import NONE, Args, Reply, RPCRequest
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.stage.scene import MessageKey, Moving, confirmed
from raftplay.tui.stage.words import Words, words_of
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.narrator import args_text, reply_text


@dataclass
class MailedMessage:
    """A message on its way: where and when it went, what became of it, and its words."""

    key: MessageKey
    src: int
    dst: int
    content: Args | Reply
    sent: int
    index: int = NONE
    end: int = 0
    fate: int = 0
    """0 while it is on its way, 1 once it has arrived, 2 once it is lost, 3 while it is held."""

    reason: str = ""

    @property
    def moving(self) -> Moving:
        """Return it as the stage takes it."""
        return Moving(
            self.key,
            self.src,
            self.dst,
            self.content,
            end="held" if self.fate == HELD else "flying",
            index=self.index,
        )

    @cached_property
    def weight(self) -> int:
        """Return how important it is; 0 for a heartbeat."""
        return self.words.weight

    @property
    def words(self) -> Words:
        """Return its words as the stage writes them, with how important it is."""
        return words_of(self.moving, UNICODE)

    @property
    def detail(self) -> str:
        """Return what it says, in a line."""
        return args_text(self.content) if isinstance(self.content, RPCRequest) else reply_text(self.content)

    @property
    def is_reply(self) -> bool:
        """Return whether it is a response."""
        return self.key[1]

    @property
    def is_quiet(self) -> bool:
        """Return whether it is a heartbeat, or the response to one."""
        return self.words.weight == 0


FLYING, ARRIVED, LOST, HELD = range(4)


class Mail:
    """The messages of a run, in the order in which they were sent."""

    def __init__(self) -> None:
        self.all: list[MailedMessage] = []
        self.requests: dict[int, Args] = {}
        self.under_way: dict[MessageKey, list[int]] = {}
        self.moving: tuple[Moving, ...] = ()

    def take(self, at: int, event: facts.Event) -> int | None:
        """Note what event `at` tells of a message; return the number of the message, None if it tells of none."""
        found = self._take(at, event)
        if found is not None:
            numbers = sorted(number for waiting in self.under_way.values() for number in waiting)
            self.moving = tuple(self.all[number].moving for number in numbers)
        return found

    def _take(self, at: int, event: object) -> int | None:
        match event:
            case facts.CallSent(id, src, dst, args):
                self.requests[id] = args
                return self._sent(at, (id, False), src, dst, args, event.copies)
            case facts.ReplySent(id, src, dst, reply):
                return self._sent(at, (id, True), src, dst, reply, event.copies)
            case facts.CallDelivered(id, src, dst, args):
                return self._ended(at, (id, False), src, dst, args, ARRIVED)
            case facts.ReplyDelivered(id, src, dst, reply):
                return self._ended(at, (id, True), src, dst, reply, ARRIVED)
            case facts.CallLost(id, src, dst, args, reason):
                return self._ended(at, (id, False), src, dst, args, LOST, reason)
            case facts.ReplyLost(id, src, dst, reply, reason):
                return self._ended(at, (id, True), src, dst, reply, LOST, reason)
            case facts.Duplicated(id, src, dst, message):
                self._sent(at, _key(id, message), src, dst, message, 1)
            case facts.MessageHeld(id, message=message):
                for number in self.under_way.get(_key(id, message), ())[:1]:
                    self.all[number].fate = HELD
        return None

    def _sent(self, at: int, key: MessageKey, src: int, dst: int, message: Args | Reply, copies: int) -> int:
        index = confirmed(message, self.requests.get(key[0])) if key[1] else NONE
        first = len(self.all)
        for number in range(first, first + copies):
            self.all.append(MailedMessage(key, src, dst, message, at, index))
            self.under_way.setdefault(key, []).append(number)
        return first

    def _ended(
        self, at: int, key: MessageKey, src: int, dst: int, message: Args | Reply, fate: int, reason: str = ""
    ) -> int:
        waiting = self.under_way.get(key)
        if waiting is None:  # it was sent before the first event that is kept, or never left
            number = len(self.all)
            self.all.append(MailedMessage(key, src, dst, message, at, end=at, fate=fate, reason=reason))
            return number
        number = waiting.pop(0)
        if not waiting:
            del self.under_way[key]
        gone = self.all[number]
        gone.end, gone.fate, gone.reason = at, fate, reason
        return number


def mail_of(records: Iterable[Record]) -> tuple[list[MailedMessage], dict[int, int]]:
    """Return the messages of a run, and by the number of an event the message that it tells of."""
    mail, told = Mail(), {}
    for at, record in enumerate(records, 1):
        number = mail.take(at, record.event)
        if number is not None:
            told[at] = number
    return mail.all, told


def _key(call_id: int, message: Args | Reply) -> MessageKey:
    return call_id, not isinstance(message, RPCRequest)
