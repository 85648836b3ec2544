"""The events that `events` lists: of one kind or all, of one node or all, the last N."""

from collections.abc import Callable
from dataclasses import dataclass

from raftplay.language import offers
from raftplay.language.cursor import Cursor
from raftplay.language.selectors import parse_node
from raftplay.language.table import Kind, Resolve
from raftplay.language.values import is_integer, whole
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.fact_base import FactBase
from raftplay.watch.facts import Record

DEFAULT_EVENTS, MOST_EVENTS = 20, 10_000


def _is_act(record: Record) -> bool:
    return isinstance(record.event, FactBase) and record.event.group not in ("wire", "client")


KINDS: dict[str, Callable[[Record], bool]] = {
    "elections": lambda record: record.event.group == "election",
    "log": lambda record: record.event.group == "log",
    "clients": lambda record: record.event.group == "client",
    "wire": lambda record: record.event.group == "wire",
    "faults": _is_act,
    "all": lambda _: True,
}
"""The kinds of events, each with the test of a record."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The events to list: their kind, their node (None: all), and how many at most."""

    kind: str = "all"
    node: int | None = None
    count: int = DEFAULT_EVENTS

    def passes(self, record: Record) -> bool:
        """Return whether the record is one of them."""
        return (self.node is None or record.node == self.node) and KINDS[self.kind](record)


def _listed(cursor: Cursor) -> Resolve:
    cursor.want(offers.words(*KINDS))
    word = cursor.peek()
    kind = "all"
    if word is not None and word.text != "of" and not is_integer(word.text):
        if word.text not in KINDS:
            hint = did_you_mean(word.text, KINDS) or f"; use {', '.join(KINDS)}, of NODE, or a number"
            raise cursor.mistake(f"unknown kind of events {quoted(word.text)}{hint}", word)
        kind = cursor.next("a kind of events").text
    node = parse_node(cursor) if cursor.take("of") else None
    word = cursor.peek()
    count = DEFAULT_EVENTS if word is None else whole(cursor, cursor.next("N"), "number", 1, MOST_EVENTS)

    def resolve(session: Session) -> Listed:
        return Listed(kind, None if node is None else node.resolve_one(session), count)

    return resolve


LISTED = Kind(
    "elections|log|clients|wire|faults|all of NODE N",
    _listed,
    about="any of: a kind of events, one node, the number of lines",
    examples=("20", "elections", "wire of 0", "log of leader 5", "of 2", "faults 3", "all"),
)
