"""Commands that change the disk and the clock of a node."""

from collections.abc import Iterator
from typing import Annotated

from raftplay.cluster.hardware import FASTEST, SLOWEST
from raftplay.commands.acting import GROUP, all_alive
from raftplay.language import kinds, offers, values
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Word
from raftplay.language.table import Kind, Resolve, command, constant
from raftplay.session.session import Session
from raftplay.session.shown import quoted
from raftplay.watch.words import nodes_text

DiskChange = tuple[float, float] | str
"""The delay of each write in seconds (shortest, longest); or "stall", "fail" or "clear"."""

DISK_WORDS = {
    "stall": "no write ends before: disk NODES clear",
    "fail": "the next write fails, and the node crashes",
    "clear": "the disk is good again; a write that waits is done",
}


def _offered_disk(place: Place) -> Iterator[Offered]:
    yield from offers.assignments(("delay", "200ms"))(place)
    yield from (Offered(word, about) for word, about in DISK_WORDS.items())


def _disk_change(cursor: Cursor) -> Resolve:
    word = cursor.next("delay=200ms, stall, fail or clear", _offered_disk)
    if word.text in DISK_WORDS:
        return constant(word.text)
    name, glued, text = word.text.partition("=")
    if name != "delay" or not glued:
        raise cursor.mistake(
            f"unknown disk fault {quoted(word.text)}; write delay=200ms, stall, fail or clear", word
        )
    return constant(values.duration_range(cursor, Word(text, word.column + len("delay="), len(text)), text))


def _rate(cursor: Cursor) -> Resolve:
    word = cursor.next("rate=1.5", offers.assignments(("rate", "1.5"), ("rate", "0.5"), ("rate", "1")))
    name, glued, text = word.text.partition("=")
    if name != "rate" or not glued:
        raise cursor.mistake(f"{quoted(word.text)} is no rate of a clock; write rate=1.5", word)
    place = Word(text, word.column + len("rate="), len(text))
    return constant(values.decimal(cursor, place, "rate", SLOWEST, FASTEST))


DISK_CHANGE = Kind(
    "delay=200ms|stall|fail|clear",
    _disk_change,
    about="delay=200ms or delay=50..200ms, " + "; ".join(f"{word}: {about}" for word, about in DISK_WORDS.items()),
    examples=("delay=200ms", "delay=5..20ms", "delay=0ms", "stall", "clear"),
)
RATE = Kind(
    "rate=1.5",
    _rate,
    about=f"from {SLOWEST:g} to {FASTEST:g}; 1 is a right clock",
    examples=("rate=1.5", "rate=0.5", "rate=1", "rate=10"),
)


@command(GROUP, "disk 2 delay=200ms")
def disk(session: Session, nodes: kinds.Nodes, change: Annotated[DiskChange, DISK_CHANGE]) -> str:
    """Make the disks of nodes slow, stall them, or let the next write fail. What depends on a write leaves after
    it. Meanwhile the node handles nothing else, but a leader's heartbeats go on.
    """
    harness = session.harness
    if change == "fail":
        all_alive(session, nodes)
    for id in nodes:
        match change:
            case "stall":
                harness.set_disk(id, stall=True)
            case "fail":
                harness.set_disk(id, fail=True)
            case "clear":
                harness.clear_disk(id)
            case (low, high):
                harness.set_disk(id, delay=(low, high))
    found = [
        word for id in nodes[:1] for word in harness.hardware[id].words[:1] if harness.hardware[id].has_bad_disk
    ]
    return f"{nodes_text(nodes)}: {found[0] if found else 'disk good'}"


@command(GROUP, "clock 2 rate=1.5")
def clock(session: Session, nodes: kinds.Nodes, rate: Annotated[float, RATE]) -> str:
    """Make the clocks of nodes run faster or slower: at rate 2, all their timeouts take half the time. A restart
    does not change it.
    """
    for id in nodes:
        session.harness.set_clock(id, rate)
    return (
        f"{nodes_text(nodes)}: clock at {rate:g} times the speed"
        if rate != 1
        else f"{nodes_text(nodes)}: right clock"
    )
