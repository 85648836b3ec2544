"""ShiViz: the events of a run with vector clocks, as the log that its page takes.

Each event is two lines: the host and its clock, then what happened. `PATTERN` is the regular expression that
ShiViz is given for such a log. The file is checked by it, and its clocks too, before it is written.
"""

import json
import re

from raftplay.errors import UsageError
from raftplay.export.mail import ARRIVED, mail_of
from raftplay.export.recording import Recording
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

PATTERN = r"(?P<host>\S*) (?P<clock>{.*})\n(?P<event>.*)"
"""The expression for ShiViz, which writes its groups without the P: ``(?<host>…``."""

VectorClock = dict[str, int]


def written(recording: Recording) -> bytes:
    """Return the file of a recording. Raises `UsageError` if ShiViz would reject it."""
    text = "".join(_events(recording))
    check(text)
    return text.encode("utf-8", "backslashreplace")


def check(text: str) -> None:
    """Raise `UsageError` if a log is not what ShiViz reads: each event matches, each clock counts on."""
    counted: VectorClock = {}
    place = 0
    while place < len(text):
        found = re.compile(PATTERN).match(text, place)
        if found is None:
            raise UsageError(f"ShiViz would not read line {text.count(chr(10), 0, place) + 1} of the log")
        host, clock = found["host"], json.loads(found["clock"])
        counted[host] = counted.get(host, 0) + 1
        if clock.get(host) != counted[host]:
            raise UsageError(f"the clock of {host} does not count on at its event {counted[host]}")
        if any(count > counted.get(other, 0) for other, count in clock.items()):
            raise UsageError(f"the clock of {host} knows of what comes later, at its event {counted[host]}")
        place = found.end() + 1


def _events(recording: Recording) -> list[str]:
    records = recording.records
    messages, told = mail_of(records)
    clocks: list[VectorClock] = [{} for _ in range(recording.size)]
    copies: dict[int, list[int]] = {}
    for number, message in enumerate(messages):
        copies.setdefault(message.sent, []).append(number)
    sent: dict[int, VectorClock] = {}
    lines: list[str] = []
    for at, record in enumerate(records, 1):
        node, its = record.node, told.get(at)
        if its is not None:
            arrives = messages[its].end == at and messages[its].fate == ARRIVED
            node = messages[its].dst if arrives else messages[its].src
            for host, count in sent.get(its, {}).items() if arrives else ():
                clocks[node][host] = max(count, clocks[node].get(host, 0))
        if node < 0 or record.event.group == "routine":
            continue
        clock = clocks[node]
        clock[f"n{node}"] = clock.get(f"n{node}", 0) + 1
        if its is not None and messages[its].sent == at:
            for copy in copies[at]:
                sent[copy] = dict(clock)
        lines.append(_event(node, clock, record))
    return lines


def _event(node: int, clock: VectorClock, record: Record) -> str:
    known = json.dumps(dict(sorted(clock.items())), separators=(",", ":"))
    return f"n{node} {known}\n{record.time:.3f} s {visible(describe(record))}\n"
