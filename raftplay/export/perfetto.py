"""Perfetto: a run on a time axis, as the trace events in JSON that ui.perfetto.dev and chrome://tracing read.

A track for each node has its roles as slices, what it decided as instants, and its messages as short slices with
arrows between them. The terms and commit indices are counters.
"""

import json

from raftplay.export.mail import ARRIVED, MailedMessage, mail_of
from raftplay.export.recording import Recording
from raftplay.raft.decisions import NodeState
from raftplay.version import __version__
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.words import role_text

CLUSTER = 1
"""The number of the process that stands for the cluster; its threads are the nodes, from 1."""

MARK = 20
"""The length of the slice at an end of a message, in microseconds: an arrow must begin and end in a slice."""

TraceEvent = dict[str, object]


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    events = [*_names(recording), *_roles(recording), *_instants(recording), *_messages(recording)]
    value = {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"program": f"raftplay {__version__}", "seed": str(recording.now.seed)},
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _at(record: Record) -> int:
    return round(record.time * 1e6)


def _event(phase: str, node: int, name: str, time: int, **more: object) -> TraceEvent:
    return {"name": name, "ph": phase, "ts": time, "pid": CLUSTER, "tid": node + 1, **more}


def _names(recording: Recording) -> list[TraceEvent]:
    """Return the names of the tracks."""
    names = [_event("M", -1, "process_name", 0, args={"name": recording.name or "raftplay"})]
    for id in range(recording.size):
        names.append(_event("M", id, "thread_name", 0, args={"name": f"n{id}"}))
        names.append(_event("M", id, "thread_sort_index", 0, args={"sort_index": id}))
    return names


def _roles(recording: Recording) -> list[TraceEvent]:
    """Return a slice for each time in which a node keeps its role and term, and the counters."""
    events: list[TraceEvent] = []
    since: dict[int, tuple[int, str]] = {}
    last: dict[int, NodeState] = {}
    for record in recording.records:
        after = record.after
        if after is None or record.node < 0:
            continue
        role, before = f"{role_text(after.state)}, term {after.current_term}", last.get(record.node)
        begun = since.get(record.node)
        if begun is None or begun[1] != role:
            events += _slice(record.node, begun, _at(record))
            since[record.node] = (_at(record), role)
        if before is None or before.current_term != after.current_term:
            events.append(
                _event("C", record.node, f"term of n{record.node}", _at(record), args={"term": after.current_term})
            )
        if before is None or before.commit_index != after.commit_index:
            commit = {"commitIndex": after.commit_index}
            events.append(_event("C", record.node, f"commitIndex of n{record.node}", _at(record), args=commit))
        last[record.node] = after
    end = round(recording.now.time * 1e6)
    for node in sorted(since):
        events += _slice(node, since[node], end)
    return events


def _slice(node: int, begun: tuple[int, str] | None, end: int) -> list[TraceEvent]:
    if begun is None or begun[1].startswith("down"):
        return []
    return [_event("X", node, begun[1], begun[0], dur=max(1, end - begun[0]), cat="role")]


def _instants(recording: Recording) -> list[TraceEvent]:
    """Return what each node decided, and what was done to it."""
    return [
        _event("i", record.node, describe(record), _at(record), s="t" if record.node >= 0 else "p", cat=group)
        for record in recording.records
        if (group := record.event.group) not in ("wire", "routine")
    ]


def _messages(recording: Recording) -> list[TraceEvent]:
    records = recording.records
    events: list[TraceEvent] = []
    for number, message in enumerate(mail_of(records)[0], 1):
        sent, ended = _at(records[message.sent - 1]), _at(records[message.end - 1]) if message.end else None
        if message.fate == ARRIVED and message.sent != message.end and ended is not None:
            events += _arrow(number, message, sent, ended)
        elif ended is not None:
            lost = f"{message.words.texts[0]} to n{message.dst} is lost: {message.reason}"
            events.append(_event("i", message.src, lost, ended, s="t", cat="lost"))
    return events


def _arrow(number: int, message: MailedMessage, sent: int, ended: int) -> list[TraceEvent]:
    name, about = message.words.texts[0], {"message": message.detail}
    return [
        _event("X", message.src, f"{name} to n{message.dst}", sent, dur=MARK, cat="message", args=about),
        _event("s", message.src, name, sent, id=number, cat="message"),
        _event("X", message.dst, f"{name} of n{message.src}", ended, dur=MARK, cat="message", args=about),
        _event("f", message.dst, name, ended, id=number, cat="message", bp="e"),
    ]
